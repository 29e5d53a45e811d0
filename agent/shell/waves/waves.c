#include "outrider/shell/waves/waves.h"

#include "waves_internal.h"

#include "outrider/base/buf.h"
#include "outrider/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

/* No scope of a configuration begins like this. */
static const char lock_scope[] = "_drains";

/* Control keys of all servers that were ever drained. */
enum { CONTROLS_MAX = 100000, CONTROLS_BYTES_MAX = 32 << 20, OPERATIONS_BYTES_MAX = 16 << 20 };

/* ---- the lock ---- */

static void carry_out_election(struct waves *waves, const struct election_effect *effect)
{
    struct waves_effect out = {.client = WAVES_LOCK, .id = effect->id, .text = effect->text};
    switch (effect->type) {
    case ELECTION_DO_REQUEST:
        out.type = WAVES_DO_REQUEST;
        out.request = &effect->request;
        break;
    case ELECTION_DO_WATCH:
        out.type = WAVES_DO_WATCH;
        out.watch = &effect->watch;
        break;
    case ELECTION_DO_UNWATCH: out.type = WAVES_DO_UNWATCH; break;
    case ELECTION_DO_LOST:
        out.type = WAVES_DO_LEAD;
        out.gone = true;
        out.text = str_of(election_reason_name(effect->reason));
        break;
    case ELECTION_DO_GAINED: out.type = WAVES_DO_LEAD; break;
    case ELECTION_DO_FAILED:
    case ELECTION_DO_NOTE: out.type = WAVES_DO_NOTE; break;
    case ELECTION_DO_RECOVERED:
        out.type = WAVES_DO_NOTE;
        out.good = true;
        break;
    case ELECTION_DO_QUEUED:
    case ELECTION_DO_GONE: return;
    }
    waves_carry_out(waves->owner, &out);
}

static void step_election(struct waves *waves, struct election_event event)
{
    struct election_effect effect;
    election_step(&waves->election, &event, &waves->election_effects);
    while (queue_take(&waves->election_effects, &effect)) {
        carry_out_election(waves, &effect);
    }
}

static size_t active(const struct waves *waves)
{
    size_t count = 0;
    for (size_t i = 0; i < waves->count; i++) {
        count += wave_is_over(&waves->operations[i].wave) ? 0 : 1;
    }
    return count;
}

/* Stands as long as there is something to drive; follows the control keys as long as it leads, from another listing on. What was
 * seen of servers before is not believed. */
static void settle(struct waves *waves, const struct instant *now)
{
    bool wanted = waves->follows && active(waves) > 0;
    if (wanted != waves->stands) {
        waves->stands = wanted;
        step_election(waves, (struct election_event){.type = wanted ? ELECTION_ON_STAND : ELECTION_ON_RESIGN,
                                                     .now = *now});
    }
    bool leads = election_leads(&waves->election, now, NULL);
    if (leads == waves->leads) {
        return;
    }
    waves->leads = leads;
    waves->again_mono = waves->due_mono = now->mono;
    for (size_t i = 0; i < waves->count && leads; i++) {
        struct wave *wave = &waves->operations[i].wave;
        wave->pause_mono = 0;
        for (size_t k = 0; k < wave->count; k++) {
            wave->servers[k].empty_mono = 0;
        }
    }
    waves_step_mirror(waves, WAVES_CONTROLS,
                      (struct mirror_event){.type = leads ? MIRROR_ON_START : MIRROR_ON_STOP, .now = *now});
}

/* ---- driving ---- */

/* What control keys say is held, and the records may not show yet. What an operation says of its holds is no more than that: others may
 * have lifted them. */
static void mark(const struct waves *waves, struct wave_fleet *fleet)
{
    for (size_t i = 0; i < waves->control_count; i++) {
        struct wave_seen *seen = waves->controls[i].held ? wave_find(fleet, waves->controls[i].place) : NULL;
        if (seen != NULL) {
            seen->held = true;
        }
    }
}

static void note(struct waves *waves, bool good, struct str text)
{
    waves_carry_out(waves->owner, &(struct waves_effect){.type = WAVES_DO_NOTE, .good = good, .text = text});
}

static void write_step(struct waves *waves, struct waves_operation *operation, struct wave *wave,
                       const struct wave_step *step)
{
    waves->write.step = *step;
    wave_remember(&operation->wave, wave);
    waves_begin_write(waves, &waves->write, wave, operation->revision, true);
    waves_submit_write(waves, &waves->write);
}

/* One step of an operation. Returns whether a transaction is under way. */
static bool drive(struct waves *waves, struct waves_operation *operation, struct wave_fleet *fleet,
                  const struct instant *now)
{
    struct wave wave;
    struct wave_step step;
    if (wave_is_over(&operation->wave)) {
        return false;
    }
    wave_copy(&operation->wave, &wave);
    wave_step(&wave, fleet, now, &step);
    if (step.changed && waves->denied && step.action_count > 0) {
        /* The registry refused the holds: this is an error of those servers, which is written alone. */
        wave_fini(&wave);
        wave_copy(&operation->wave, &wave);
        wave_refuse(&wave, &step, "the registry refused the hold", now);
        step.action_count = 0;
    }
    if (step.changed) {
        write_step(waves, operation, &wave, &step);
        return true;
    }
    wave_fini(&operation->wave);
    operation->wave = wave;
    int64_t due = wave_due_mono(&operation->wave, now);
    waves->due_mono = due < waves->due_mono ? due : waves->due_mono;
    return false;
}

bool waves_wants_fleet(const struct waves *waves, const struct instant *now, int64_t *ret_due_mono)
{
    *ret_due_mono = waves->again_mono > waves->due_mono ? waves->again_mono : waves->due_mono;
    return waves->leads && waves->write.id == 0 && election_leads(&waves->election, now, NULL) &&
           mirror_facts(waves->controls_mirror)->synced && mirror_facts(waves->operations_mirror)->synced &&
           now->mono >= waves->again_mono;
}

/* A step may still be made, or have been: before any other, the operation is written as it is known. Then that step cannot be made any
 * more, or is seen. */
static bool fence(struct waves *waves, const struct instant *now)
{
    struct waves_operation *operation = waves_find_operation(waves, str_of(waves->unsure));
    const struct wave_step nothing = {.changed = true};
    struct wave wave;
    if (operation == NULL) {
        waves->unsure[0] = '\0'; /* with its key the step is out of date */
        return false;
    }
    wave_copy(&operation->wave, &wave);
    wave.changed_wall = now->wall;
    write_step(waves, operation, &wave, &nothing);
    return true;
}

static void on_fleet(struct waves *waves, const struct waves_event *event)
{
    int64_t due;
    struct wave_fleet fleet = {.servers = event->servers,
                               .count = event->count,
                               .controls = waves->controls,
                               .control_count = waves->control_count};
    if (!waves_wants_fleet(waves, &event->now, &due)) {
        return;
    }
    if (waves->unsure[0] != '\0' && fence(waves, &event->now)) {
        return;
    }
    mark(waves, &fleet);
    waves->due_mono = NEVER_MS;
    for (size_t i = 0, count = waves->count; i < count; i++) {
        size_t at = (waves->next + i) % count;
        if (drive(waves, &waves->operations[at], &fleet, &event->now)) {
            waves->next = at + 1;
            return;
        }
    }
    waves->denied = false;
}

static void count_actions(struct waves *waves, const struct wave_step *step)
{
    for (size_t i = 0; i < step->action_count; i++) {
        *(step->actions[i].lift ? &waves->lifted : &waves->held) += 1;
    }
}

/* They are not known to be in sync before another listing has come. */
static void list_controls(struct waves *waves, const struct instant *now)
{
    waves_step_mirror(waves, WAVES_CONTROLS, (struct mirror_event){.type = MIRROR_ON_STOP, .now = *now});
    waves_step_mirror(waves, WAVES_CONTROLS, (struct mirror_event){.type = MIRROR_ON_START, .now = *now});
}

static void on_written(struct waves *waves, const struct registry_reply *reply, const struct instant *now)
{
    struct waves_write *write = &waves->write;
    waves->due_mono = now->mono;
    if (reply->failure == REGISTRY_OK) {
        waves_learn_write(waves, write, reply);
        if (waves->unsure[0] != '\0') {
            /* If the step before was made, its holds are on their way, even where the operation was seen with them before this was
             * written. */
            list_controls(waves, now);
        }
        waves->unsure[0] = '\0';
        count_actions(waves, reply->succeeded ? &write->step : &(struct wave_step){.action_count = 0});
        waves->refused += reply->succeeded ? 0 : 1;
        waves->denied = false;
        waves->backoff.failures = 0;
        /* It is not as it was seen: what changed it is on its way. */
        waves->again_mono = reply->succeeded ? now->mono : now->mono + RETRY_FIRST_MS;
        if (waves->failing) {
            waves->failing = false;
            note(waves, true, STR("the registry takes steps again"));
        }
    } else {
        if (reply->failure == REGISTRY_UNKNOWN) {
            memcpy(waves->unsure, write->wave.id, sizeof(waves->unsure));
        }
        bool refused = reply->failure == REGISTRY_DENIED || reply->failure == REGISTRY_REFUSED;
        waves->denied = refused && write->step.action_count > 0;
        waves->again_mono =
            now->mono + (waves->denied ? 0 : retry_delay(&waves->backoff, reply->failure, &waves->random));
        if (!waves->failing) {
            waves->failing = true;
            note(waves, false, reply->error.size > 0 ? reply->error : STR("no answer"));
        }
    }
    waves_end_write(write);
}

/* ---- events ---- */

static void on_reply(struct waves *waves, const struct waves_event *event)
{
    switch (event->client) {
    case WAVES_OPERATIONS:
    case WAVES_CONTROLS:
        waves_step_mirror(
            waves, event->client,
            (struct mirror_event){.type = MIRROR_ON_REPLY, .now = event->now, .reply = event->reply});
        break;
    case WAVES_LOCK:
        step_election(waves, (struct election_event){
                                 .type = ELECTION_ON_REPLY, .now = event->now, .reply = event->reply});
        break;
    case WAVES_WRITER:
        if (event->reply->id == waves->write.id) {
            on_written(waves, event->reply, &event->now);
        } else {
            (void)waves_reply_ask(waves, event->reply, &event->now);
        }
        break;
    case WAVES_CLIENT_COUNT: break;
    }
}

static void on_watch(struct waves *waves, const struct waves_event *event)
{
    if (event->client == WAVES_LOCK) {
        step_election(waves, (struct election_event){
                                 .type = ELECTION_ON_WATCH, .now = event->now, .watch = event->watch});
    } else if (event->client == WAVES_OPERATIONS || event->client == WAVES_CONTROLS) {
        waves_step_mirror(
            waves, event->client,
            (struct mirror_event){.type = MIRROR_ON_WATCH, .now = event->now, .watch = event->watch});
    }
}

static void on_tick(struct waves *waves, const struct instant *now)
{
    step_election(waves, (struct election_event){.type = ELECTION_ON_TICK, .now = *now});
    waves_step_mirror(waves, WAVES_OPERATIONS, (struct mirror_event){.type = MIRROR_ON_TICK, .now = *now});
    waves_step_mirror(waves, WAVES_CONTROLS, (struct mirror_event){.type = MIRROR_ON_TICK, .now = *now});
}

static void follow(struct waves *waves, bool follows, const struct instant *now)
{
    if (waves->follows != follows) {
        waves->follows = follows;
        waves_step_mirror(
            waves, WAVES_OPERATIONS,
            (struct mirror_event){.type = follows ? MIRROR_ON_START : MIRROR_ON_STOP, .now = *now});
    }
}

void waves_event(struct waves *waves, const struct waves_event *event)
{
    switch (event->type) {
    case WAVES_ON_START:
    case WAVES_ON_STOP: follow(waves, event->type == WAVES_ON_START, &event->now); break;
    case WAVES_ON_TICK: on_tick(waves, &event->now); break;
    case WAVES_ON_REPLY: on_reply(waves, event); break;
    case WAVES_ON_WATCH: on_watch(waves, event); break;
    case WAVES_ON_FLEET: on_fleet(waves, event); break;
    }
    settle(waves, &event->now);
}

int64_t waves_deadline(const struct waves *waves)
{
    const int64_t dues[] = {election_deadline(&waves->election).latest,
                            mirror_deadline(waves->operations_mirror).latest,
                            mirror_deadline(waves->controls_mirror).latest};
    int64_t due = NEVER_MS;
    for (size_t i = 0; i < COUNT_OF(dues); i++) {
        due = dues[i] < due ? dues[i] : due;
    }
    return due;
}

/* ---- life ---- */

static struct mirror *new_mirror(const struct waves *waves, const char *prefix, uint64_t seed, size_t keys,
                                 size_t bytes)
{
    return mirror_new(&(struct mirror_settings){.prefix = prefix,
                                                .timeout_ms = waves->settings.request_timeout_ms,
                                                .check_ms = waves->settings.ttl_ms / 2,
                                                .seed = seed,
                                                .can = waves->settings.can,
                                                .keys_max = keys,
                                                .bytes_max = bytes});
}

static char *prefix_of(const struct waves_settings *settings, const char *name)
{
    struct buf text = {0};
    buf_printf(&text, "%s/%s/", settings->control_prefix, name);
    return text.data;
}

struct waves *waves_new(const struct waves_settings *settings, struct waves_owner *owner)
{
    struct waves *waves = mem_zalloc(sizeof(*waves));
    int64_t sixth = settings->ttl_ms / 6, timeout = settings->request_timeout_ms;
    char scope[32];
    snprintf(scope, sizeof(scope), "leader/%s", lock_scope);
    char *lock = prefix_of(settings, scope);
    waves->owner = owner;
    waves->settings = *settings;
    waves->drains = prefix_of(settings, "drains");
    waves->controls_prefix = prefix_of(settings, "control");
    waves->due_mono = NEVER_MS;
    waves->backoff = RETRY_BACKOFF;
    random_seed(&waves->random, settings->seed);
    queue_init(&waves->mirror_effects, sizeof(struct mirror_effect));
    queue_init(&waves->election_effects, sizeof(struct election_effect));
    waves->operations_mirror = new_mirror(waves, waves->drains, settings->seed + 1,
                                          (size_t)2 * WAVES_OPERATIONS_MAX, OPERATIONS_BYTES_MAX);
    waves->controls_mirror =
        new_mirror(waves, waves->controls_prefix, settings->seed + 2, CONTROLS_MAX, CONTROLS_BYTES_MAX);
    election_init(&waves->election,
                  &(struct election_settings){.prefix = str_of(lock),
                                              .value = settings->candidate,
                                              .ttl_ms = settings->ttl_ms,
                                              .request_timeout_ms = timeout < sixth ? timeout : sixth,
                                              .can = settings->can,
                                              .seed = settings->seed});
    free(lock);
    return waves;
}

void waves_free(struct waves *waves)
{
    if (waves == NULL) {
        return;
    }
    waves_free_asks(waves);
    waves_end_write(&waves->write);
    waves_free_lists(waves);
    mirror_free(waves->operations_mirror);
    mirror_free(waves->controls_mirror);
    election_fini(&waves->election);
    queue_fini(&waves->mirror_effects);
    queue_fini(&waves->election_effects);
    free(waves->drains);
    free(waves->controls_prefix);
    free(waves);
}

/* ---- what others see ---- */

struct waves_facts waves_facts(const struct waves *waves)
{
    return (struct waves_facts){.operations = mirror_facts(waves->operations_mirror),
                                .count = waves->count,
                                .active = active(waves),
                                .unreadable = waves->unreadable,
                                .leads = waves->leads,
                                .held = waves->held,
                                .lifted = waves->lifted,
                                .refused = waves->refused};
}

const struct wave *waves_at(const struct waves *waves, size_t index)
{
    return &waves->operations[index].wave;
}
