#include "outrider/core/wave/wave_step.h"

#include "wave_internal.h"

#include "outrider/base/brief.h"
#include "outrider/core/server/record.h"

#include <inttypes.h>
#include <stdio.h>

/* One step under way. */
struct stepping {
    struct wave *wave;
    struct wave_fleet *fleet;
    const struct instant *now;
    struct wave_step *step;
};

/* ---- the fleet ---- */

/* The index of `place` in a sorted list whose elements begin with their place; `count`: it is not there. */
static size_t search(const void *list, size_t count, size_t size, struct str place)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct str *at = (const void *)((const char *)list + middle * size);
        int order = str_compare(*at, place);
        if (order == 0) {
            return middle;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return count;
}

struct wave_seen *wave_find(const struct wave_fleet *fleet, struct str place)
{
    size_t at = search(fleet->servers, fleet->count, sizeof(fleet->servers[0]), place);
    return at == fleet->count ? NULL : &fleet->servers[at];
}

static const struct wave_control *find_control(const struct wave_fleet *fleet, struct str place)
{
    size_t at = search(fleet->controls, fleet->control_count, sizeof(fleet->controls[0]), place);
    return at == fleet->control_count ? NULL : &fleet->controls[at];
}

uint32_t wave_seats_of(const struct wave_seen *seen)
{
    uint64_t taken = (uint64_t)seen->players + seen->reserved;
    bool known = seen->has_players && seen->has_capacity;
    return known && seen->capacity > taken ? (uint32_t)(seen->capacity - taken) : 0;
}

/* Whether placements still choose it. */
static bool is_open(const struct wave_seen *seen)
{
    return seen->status == STATUS_READY && !seen->held;
}

uint64_t wave_free_seats(const struct wave_fleet *fleet, struct str type, struct str region)
{
    uint64_t seats = 0;
    for (size_t i = 0; i < fleet->count; i++) {
        const struct wave_seen *each = &fleet->servers[i];
        if (is_open(each) && str_eq(each->type, type) && str_eq(each->region, region)) {
            seats += wave_seats_of(each);
        }
    }
    return seats;
}

bool wave_is_last(const struct wave_fleet *fleet, const struct wave_seen *seen)
{
    bool last = is_open(seen);
    for (size_t i = 0; i < fleet->count && last; i++) {
        const struct wave_seen *each = &fleet->servers[i];
        last = each == seen || !is_open(each) || !str_eq(each->type, seen->type) ||
               !str_eq(each->zone, seen->zone);
    }
    return last;
}

/* ---- looking ---- */

static void set_server(const struct stepping *run, struct wave_server *server, enum wave_server_state state,
                       const char *why)
{
    wave_set_server(server, state, run->now->wall, why);
    run->step->changed = true;
}

/* Without players, and it has been for so long; counts from the first look. */
static bool is_settled(const struct stepping *run, struct wave_server *server, const struct wave_seen *seen)
{
    bool empty = seen->status != STATUS_READY && seen->has_players && seen->players == 0;
    int64_t now = run->now->mono > 0 ? run->now->mono : 1;
    server->empty_mono = !empty ? 0 : server->empty_mono == 0 ? now : server->empty_mono;
    return empty && now - server->empty_mono >= run->wave->spec.settle_ms;
}

/* The hold is not that of this operation any more. Returns whether it is so. An agent whose id ends with it removes the key before
 * or after its record, and one that stays puts it again: without a key only a ready server says that the hold has gone. */
static bool lost_hold(const struct stepping *run, struct wave_server *server, const struct wave_seen *seen)
{
    const struct wave_control *control = find_control(run->fleet, str_of(server->place));
    char why[WAVE_WHY_MAX + 1];
    if (control != NULL && control->held && str_eq(control->operation, str_of(run->wave->id))) {
        return false;
    }
    if (control == NULL && (seen == NULL || seen->status != STATUS_READY)) {
        return false;
    }
    if (control != NULL && control->held) {
        brief_format(why, sizeof(why), "its hold was replaced by %.*s", STR_ARG(control->by));
    } else {
        brief_format(why, sizeof(why), "its hold was lifted by others");
    }
    server->held = false;
    if (server->state == WAVE_DRAINING) {
        set_server(run, server, WAVE_SKIPPED, why);
    }
    run->step->changed = true;
    return true;
}

static void look_at_draining(const struct stepping *run, struct wave_server *server,
                             const struct wave_seen *seen)
{
    char why[WAVE_WHY_MAX + 1];
    if (seen == NULL) {
        set_server(run, server, WAVE_GONE, "");
    } else if (seen->status == STATUS_ERROR) {
        set_server(run, server, WAVE_FAILED, "in error");
    } else if (is_settled(run, server, seen)) {
        set_server(run, server, WAVE_EMPTY, "");
    } else if (server->deadline_wall > 0 && run->now->wall >= server->deadline_wall) {
        if (seen->has_players && seen->players == 0) {
            return; /* it is settling */
        }
        if (seen->has_players) {
            brief_format(why, sizeof(why), "deadline passed with %" PRIu32 " players", seen->players);
        } else {
            brief_format(why, sizeof(why), "deadline passed, players unknown");
        }
        set_server(run, server, WAVE_FAILED, why);
    }
}

static void look(const struct stepping *run)
{
    for (size_t i = 0; i < run->wave->count; i++) {
        struct wave_server *server = &run->wave->servers[i];
        const struct wave_seen *seen = wave_find(run->fleet, str_of(server->place));
        if (!server->held || lost_hold(run, server, seen)) {
            continue;
        }
        if (server->state == WAVE_DRAINING) {
            look_at_draining(run, server, seen);
        } else if (server->state == WAVE_FAILED && seen != NULL) {
            (void)is_settled(run, server, seen);
        }
    }
}

/* Its hold counts for maxDraining. */
static bool is_under_way(const struct stepping *run, const struct wave_server *server)
{
    if (!server->held || (server->state != WAVE_DRAINING && server->state != WAVE_FAILED)) {
        return false;
    }
    bool failed = server->state == WAVE_FAILED;
    bool settled = server->empty_mono > 0 && run->now->mono - server->empty_mono >= run->wave->spec.settle_ms;
    return !failed || (!settled && wave_find(run->fleet, str_of(server->place)) != NULL);
}

static size_t under_way(const struct stepping *run)
{
    size_t count = 0;
    for (size_t i = 0; i < run->wave->count; i++) {
        count += is_under_way(run, &run->wave->servers[i]) ? 1 : 0;
    }
    return count;
}

/* ---- holding ---- */

static bool has_room(const struct stepping *run)
{
    return run->step->action_count < WAVE_ACTIONS_MAX;
}

static void act(const struct stepping *run, size_t server, bool lift, int64_t revision)
{
    run->step->actions[run->step->action_count++] =
        (struct wave_action){.server = server, .lift = lift, .revision = revision};
    run->step->changed = true;
}

/* Whether free seats stay at the floor without it. One that has none takes nothing away. */
static bool may_go(const struct stepping *run, const struct wave_seen *seen)
{
    uint32_t floor = run->wave->spec.free_seats, own = is_open(seen) ? wave_seats_of(seen) : 0;
    return floor == 0 || own == 0 || wave_free_seats(run->fleet, seen->type, seen->region) - own >= floor;
}

/* One that waits for its hold, in the present wave. */
static void begin(const struct stepping *run, size_t index, size_t limit)
{
    struct wave *wave = run->wave;
    struct wave_server *server = &wave->servers[index];
    struct wave_seen *seen = wave_find(run->fleet, str_of(server->place));
    const struct wave_control *control = find_control(run->fleet, str_of(server->place));
    char why[WAVE_WHY_MAX + 1];
    if (seen == NULL) {
        set_server(run, server, WAVE_GONE, "");
    } else if (seen->status == STATUS_ERROR) {
        set_server(run, server, WAVE_FAILED, "in error before it was held");
    } else if (control != NULL && control->held) {
        brief_format(why, sizeof(why), "held by %.*s",
                     STR_ARG(control->by.size > 0 ? control->by : STR("others")));
        set_server(run, server, WAVE_SKIPPED, why);
    } else if (wave->spec.keep_one && wave_is_last(run->fleet, seen)) {
        brief_format(why, sizeof(why), "the last ready %.*s in its zone", STR_ARG(seen->type));
        set_server(run, server, WAVE_SKIPPED, why);
    } else if (under_way(run) >= limit) {
        run->step->blocked = WAVE_BY_MAX_DRAINING;
    } else if (!may_go(run, seen)) {
        run->step->blocked = run->step->blocked == WAVE_NOT_BLOCKED ? WAVE_BY_FREE_SEATS : run->step->blocked;
    } else {
        act(run, index, false, control == NULL ? 0 : control->revision);
        set_server(run, server, WAVE_DRAINING, "");
        server->held = seen->held = true;
        server->empty_mono = 0;
        server->deadline_wall = wave->spec.deadline_ms > 0 ? run->now->wall + wave->spec.deadline_ms : 0;
    }
}

/* Lifts the holds of servers `first` up to `end`. Returns whether none of them has one any more. */
static bool lift(const struct stepping *run, size_t first, size_t end)
{
    bool all = true;
    for (size_t i = first; i < end; i++) {
        struct wave_server *server = &run->wave->servers[i];
        if (!server->held) {
            continue;
        }
        if (!has_room(run)) {
            all = false;
            break;
        }
        /* As it was looked at before, the key is ours, or there is none; of a server that has gone nothing is left to lift then. */
        const struct wave_control *control = find_control(run->fleet, str_of(server->place));
        if (control != NULL || wave_find(run->fleet, str_of(server->place)) != NULL) {
            act(run, i, true, control == NULL ? 0 : control->revision);
        }
        run->step->changed = true;
        server->held = false;
        if (server->state == WAVE_DRAINING) {
            set_server(run, server, WAVE_SKIPPED, "undone");
        }
    }
    return all;
}

/* ---- waves ---- */

/* A clock that differs from that of the observer before does not make it longer. */
static bool pause_is_over(const struct stepping *run)
{
    struct wave *wave = run->wave;
    int64_t mono = run->now->mono > 0 ? run->now->mono : 1;
    if (wave->pause_until_wall == 0) {
        wave->pause_until_wall = run->now->wall + wave->spec.pause_ms;
        wave->pause_mono = mono;
        run->step->changed = true;
    }
    wave->pause_mono = wave->pause_mono == 0 ? mono : wave->pause_mono;
    return run->now->wall >= wave->pause_until_wall || mono - wave->pause_mono >= wave->spec.pause_ms;
}

static void next_wave(const struct stepping *run)
{
    struct wave *wave = run->wave;
    wave->pause_until_wall = wave->pause_mono = 0;
    run->step->changed = true;
    if (wave->wave + 1 >= wave_waves(wave)) {
        wave_set(wave, WAVE_DONE, run->now->wall);
    } else {
        wave->wave++;
    }
}

/* Too many errors: stops. */
static bool has_erred(const struct stepping *run)
{
    struct wave *wave = run->wave;
    size_t failed = wave_counts(wave, WAVE_FAILED), last = wave->count;
    if (wave->spec.stop_after == 0 || failed < (size_t)wave->forgiven + wave->spec.stop_after) {
        return false;
    }
    for (size_t i = 0; i < wave->count; i++) {
        bool later = wave->servers[i].state == WAVE_FAILED &&
                     (last == wave->count || wave->servers[i].since_wall >= wave->servers[last].since_wall);
        last = later ? i : last;
    }
    brief_format(wave->why, sizeof(wave->why), "%s: %s", wave->servers[last].place, wave->servers[last].why);
    wave_set(wave, WAVE_STOPPED, run->now->wall);
    return true;
}

static void run_wave(const struct stepping *run)
{
    struct wave *wave = run->wave;
    size_t size = wave_size(&wave->spec, wave->count), first = wave->wave * size;
    size_t end = first + size < wave->count ? first + size : wave->count;
    size_t limit = wave->spec.max_draining > 0 ? wave->spec.max_draining : size;
    bool through = true;
    for (size_t i = first; i < end; i++) {
        if (wave->servers[i].state == WAVE_WAITING && has_room(run)) {
            begin(run, i, limit);
        }
        enum wave_server_state state = wave->servers[i].state;
        if (state == WAVE_FAILED && has_erred(run)) {
            return;
        }
        through = through && state != WAVE_WAITING && state != WAVE_DRAINING;
    }
    bool last = end == wave->count;
    bool pauses = wave->spec.pause_ms > 0 && (!last || wave->spec.undrain);
    if (!through || (pauses && !pause_is_over(run))) {
        return;
    }
    if (!wave->spec.undrain || lift(run, first, end)) {
        next_wave(run);
    }
}

void wave_step(struct wave *wave, struct wave_fleet *fleet, const struct instant *now,
               struct wave_step *ret_step)
{
    const struct stepping run = {.wave = wave, .fleet = fleet, .now = now, .step = ret_step};
    *ret_step = (struct wave_step){.changed = false};
    look(&run);
    if (wave->state == WAVE_PLANNED) {
        wave_set(wave, WAVE_RUNNING, now->wall);
        ret_step->changed = true;
    }
    if (wave->state == WAVE_UNDOING && lift(&run, 0, wave->count)) {
        wave->undone = true;
        wave_set(wave, WAVE_DONE, now->wall);
        ret_step->changed = true;
    } else if (wave->state == WAVE_RUNNING && !has_erred(&run)) {
        run_wave(&run);
    }
    if (ret_step->changed) {
        wave->changed_wall = now->wall;
    }
}

void wave_refuse(struct wave *wave, const struct wave_step *step, const char *why, const struct instant *now)
{
    for (size_t i = 0; i < step->action_count; i++) {
        struct wave_server *server = &wave->servers[step->actions[i].server];
        if (!step->actions[i].lift && server->state == WAVE_WAITING) {
            wave_set_server(server, WAVE_FAILED, now->wall, why);
        }
    }
    wave->changed_wall = now->wall;
}

int64_t wave_due_mono(const struct wave *wave, const struct instant *now)
{
    int64_t due = NEVER_MS;
    for (size_t i = 0; i < wave->count; i++) {
        const struct wave_server *server = &wave->servers[i];
        int64_t empty = server->empty_mono > 0 ? server->empty_mono + wave->spec.settle_ms : NEVER_MS;
        int64_t late = server->deadline_wall > 0 ? now->mono + server->deadline_wall - now->wall : NEVER_MS;
        if (server->state == WAVE_DRAINING) {
            due = empty < due ? empty : due;
            due = late < due && late > now->mono ? late : due;
        }
    }
    if (wave->pause_until_wall > 0 && wave->state == WAVE_RUNNING) {
        int64_t over = now->mono + wave->pause_until_wall - now->wall;
        int64_t most = wave->pause_mono + wave->spec.pause_ms;
        over = over < most ? over : most;
        due = over < due ? over : due;
    }
    return due;
}
