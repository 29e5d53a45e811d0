#include "election_internal.h"

#include "outrider/base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* Of the TTL, and at least: what a leader leaves unused. Clocks of sound machines differ by far less than this. */
enum { MARGIN_PARTS = 10, MARGIN_MIN_MS = 200 };

/* ---- names ---- */

const char *election_state_name(enum election_state state)
{
    static const char *const names[ELECTION_STATE_COUNT] = {
        [ELECTION_OFF] = "off",       [ELECTION_ENTERING] = "entering", [ELECTION_PLACING] = "placing",
        [ELECTION_QUEUED] = "queued", [ELECTION_LEADING] = "leading",   [ELECTION_LEAVING] = "leaving"};
    return names[state];
}

const char *election_reason_name(enum election_reason reason)
{
    static const char *const names[ELECTION_REASON_COUNT] = {[ELECTION_RESIGNED] = "resigned",
                                                             [ELECTION_EXPIRED] = "expired",
                                                             [ELECTION_LEASE_LOST] = "lease_lost",
                                                             [ELECTION_KEY_GONE] = "key_gone",
                                                             [ELECTION_OTHER_REGISTRY] = "other_registry"};
    return names[reason];
}

/* ---- states ---- */

#define TO(state) (1u << ELECTION_##state)

bool election_may_move(enum election_state from, enum election_state to)
{
    static const unsigned allowed[ELECTION_STATE_COUNT] = {
        [ELECTION_OFF] = TO(ENTERING),
        [ELECTION_ENTERING] = TO(OFF) | TO(PLACING) | TO(LEAVING),
        [ELECTION_PLACING] = TO(QUEUED) | TO(LEADING) | TO(ENTERING) | TO(LEAVING),
        [ELECTION_QUEUED] = TO(PLACING) | TO(ENTERING) | TO(LEAVING),
        [ELECTION_LEADING] = TO(PLACING) | TO(ENTERING) | TO(LEAVING),
        [ELECTION_LEAVING] = TO(OFF) | TO(ENTERING),
    };
    return (allowed[from] & 1u << to) != 0;
}

struct election_effect *election_emit(struct election *election, enum election_effect_type type)
{
    struct election_effect *effect = queue_push(election->effects);
    effect->type = type;
    return effect;
}

void election_forget_key(struct election *election)
{
    election->flight.id = 0;
    free(election->key);
    election->key = NULL;
    election->create = election->mod = 0;
}

/* The reply to what was asked in another state says nothing in this one. */
void election_set_state(struct election *election, enum election_state state)
{
    assert(election_may_move(election->state, state));
    election->state = state;
    election->flight.id = 0;
    election->retry_mono = 0;
    election_list_end(election);
    bool stands = state == ELECTION_PLACING || state == ELECTION_QUEUED || state == ELECTION_LEADING;
    if (!stands) {
        election_watch_key(election, NULL, 0, 0);
        election_forget_key(election);
    }
}

void election_lose(struct election *election, enum election_reason reason)
{
    if (election->state != ELECTION_LEADING) {
        return;
    }
    election->lost[reason]++;
    struct election_effect *effect = election_emit(election, ELECTION_DO_LOST);
    effect->token = election->create;
    effect->reason = reason;
}

/* ---- belief ---- */

int64_t election_margin(int64_t ttl_ms)
{
    int64_t margin = ttl_ms / MARGIN_PARTS;
    return margin > MARGIN_MIN_MS ? margin : MARGIN_MIN_MS;
}

static int64_t belief_ends_boot(const struct election *election)
{
    return election->lease.deadline_boot - election_margin(election->lease.ttl_ms);
}

bool election_leads(const struct election *election, const struct instant *now, int64_t *ret_token)
{
    bool leads = election->state == ELECTION_LEADING && now->boot < belief_ends_boot(election);
    if (leads && ret_token != NULL) {
        *ret_token = election->create;
    }
    return leads;
}

bool election_believes(const struct election *election)
{
    return election->lease.state == LEASE_HELD && election->now.boot < belief_ends_boot(election);
}

/* ---- requests of its own ---- */

struct registry_request *election_ask(struct election *election, enum registry_op op, enum election_ask ask)
{
    election->flight.id = ++election->last_id;
    election->flight.ask = ask;
    election->flight.sent_mono = election->now.mono;
    struct registry_request *request = &election_emit(election, ELECTION_DO_REQUEST)->request;
    *request = (struct registry_request){
        .id = election->flight.id, .op = op, .timeout_ms = election->settings.request_timeout_ms};
    return request;
}

static void write_key(struct election *election)
{
    char text[REGISTRY_LEASE_TEXT_SIZE];
    if (election->key == NULL) {
        size_t size = strlen(election->prefix) + REGISTRY_LEASE_TEXT_SIZE;
        election->key = mem_zalloc(size);
        snprintf(election->key, size, "%s%s", election->prefix,
                 registry_lease_text(election->lease.id, text));
    }
    struct registry_request *request = election_ask(election, REGISTRY_PUT, ELECTION_ASK_WRITE);
    request->key = str_of(election->key);
    request->value = election->settings.value;
    request->lease = election->lease.id;
}

bool election_is_candidate(const struct election *election, struct str name, struct registry_lease lease)
{
    char text[REGISTRY_LEASE_TEXT_SIZE];
    struct str prefix = str_of(election->prefix);
    return !registry_lease_is_none(lease) && name.size > prefix.size && str_starts(name, prefix) &&
           str_eq((struct str){name.data + prefix.size, name.size - prefix.size},
                  str_of(registry_lease_text(lease, text)));
}

/* One that is there already under our lease was written by an earlier request without an answer. */
static void on_written(struct election *election, const struct registry_reply *reply)
{
    if (reply->succeeded) {
        election->create = election->mod = reply->revision;
    } else if (reply->kv.found && registry_lease_eq(reply->kv.lease, election->lease.id)) {
        election->create = reply->kv.create_revision;
        election->mod = reply->kv.mod_revision;
    } else {
        election_leave(election, ELECTION_KEY_GONE);
        return;
    }
    election->stood_mono = election->now.mono;
    election_place(election);
}

static void on_answered(struct election *election, const struct registry_reply *reply, enum election_ask ask)
{
    switch (ask) {
    case ELECTION_ASK_WRITE: on_written(election, reply); break;
    case ELECTION_ASK_LIST: election_on_list(election, reply); break;
    case ELECTION_ASK_READ: election_on_read(election, reply); break;
    case ELECTION_ASK_COMPARE: election_on_compared(election, reply); break;
    case ELECTION_ASK_NOTHING: break;
    }
}

static void on_own_reply(struct election *election, const struct registry_reply *reply)
{
    enum election_ask ask = election->flight.ask;
    uint64_t id = election->flight.id;
    struct registry_reply counted = *reply;
    const char *outdated = lease_outdated(&election->lease, reply, election->flight.sent_mono);
    if (outdated != NULL) {
        counted.failure = REGISTRY_UNKNOWN;
        counted.error = str_of(outdated);
    } else {
        election_step_lease(election, (struct lease_event){.type = LEASE_ON_CLUSTER,
                                                           .cluster = reply->cluster,
                                                           .epoch = reply->epoch,
                                                           .endpoint = reply->endpoint});
        if (election->flight.id != id) {
            return; /* it is of another registry than what was known */
        }
    }
    election->flight.id = 0;
    if (counted.failure == REGISTRY_OK) {
        election->backoff.failures = 0;
        election_succeed(election, &election->last_error);
        on_answered(election, &counted, ask);
    } else if (counted.failure == REGISTRY_LEASE_LOST) {
        election_step_lease(election, (struct lease_event){.type = LEASE_ON_LOST});
    } else {
        election_fail(election, &election->last_error, &counted);
        election->retry_mono =
            election->now.mono + retry_delay(&election->backoff, counted.failure, &election->random);
        election->watched.read_due = election->watched.read_due || ask == ELECTION_ASK_READ;
        if (ask == ELECTION_ASK_LIST) {
            election_list_failed(election, &counted);
        }
    }
}

/* ---- places ---- */

void election_place(struct election *election)
{
    election_set_state(election, ELECTION_PLACING);
}

void election_lead(struct election *election)
{
    election_set_state(election, ELECTION_LEADING);
    election->gained++;
    election_watch_key(election, mem_strdup(election->key), election->create, election->mod);
    election_emit(election, ELECTION_DO_GAINED)->token = election->create;
}

void election_queue(struct election *election, char *before, int64_t create, int64_t mod)
{
    election_set_state(election, ELECTION_QUEUED);
    struct str text = queue_copy(election->effects, str_of(before));
    election_watch_key(election, before, create, mod);
    election_emit(election, ELECTION_DO_QUEUED)->text = text;
}

/* ---- what is wanted ---- */

static void on_stand(struct election *election)
{
    if (election->leaving) {
        return;
    }
    election->wanted = true;
    if (election->state == ELECTION_OFF) {
        election_set_state(election, ELECTION_ENTERING);
    }
}

static void on_resign(struct election *election, bool leaving)
{
    election->wanted = false;
    election->leaving = election->leaving || leaving;
    if (election->state == ELECTION_OFF) {
        (void)election_emit(election, ELECTION_DO_GONE);
    } else if (election->state == ELECTION_LEAVING) {
        if (leaving) {
            election_step_lease(election,
                                (struct lease_event){.type = LEASE_ON_GOAL, .goal = LEASE_GOAL_LEAVE});
        }
    } else if (election->lease.state == LEASE_NONE) {
        election_set_state(election, ELECTION_OFF);
        election_step_lease(election,
                            (struct lease_event){.type = LEASE_ON_GOAL, .goal = LEASE_GOAL_RELEASE});
        (void)election_emit(election, ELECTION_DO_GONE);
    } else {
        election_leave(election, ELECTION_RESIGNED);
    }
}

/* ---- steps ---- */

/* Before anything else in a step: nothing that comes later may find a leader whose time is over. */
static void check_belief(struct election *election)
{
    if (election->state == ELECTION_LEADING && election->now.boot >= belief_ends_boot(election)) {
        election_lose(election, ELECTION_EXPIRED);
        election_place(election);
    }
}

static void plan_entry(struct election *election, bool may_ask)
{
    if (election->lease.goal != LEASE_GOAL_HOLD && election->now.mono >= election->enter_mono) {
        election_step_lease(election, (struct lease_event){.type = LEASE_ON_GOAL, .goal = LEASE_GOAL_HOLD});
    }
    if (may_ask && election->lease.state == LEASE_HELD) {
        write_key(election);
    }
}

static void plan(struct election *election)
{
    bool may_ask = election->flight.id == 0 && election->now.mono >= election->retry_mono;
    switch (election->state) {
    case ELECTION_ENTERING: plan_entry(election, may_ask); break;
    case ELECTION_PLACING:
        if (may_ask && election_believes(election)) {
            election_list(election);
        }
        break;
    case ELECTION_QUEUED:
    case ELECTION_LEADING: election_plan_watch(election, may_ask); break;
    case ELECTION_OFF:
    case ELECTION_LEAVING:
    case ELECTION_STATE_COUNT: break;
    }
}

static void on_reply(struct election *election, const struct registry_reply *reply)
{
    if (lease_awaits(&election->lease, reply->id)) {
        election_step_lease(election, (struct lease_event){.type = LEASE_ON_REPLY, .reply = reply});
    } else if (reply->id != 0 && reply->id == election->flight.id) {
        on_own_reply(election, reply);
    }
}

void election_step(struct election *election, const struct election_event *event, struct queue *effects)
{
    election->now = event->now;
    election->effects = effects;
    check_belief(election);
    switch (event->type) {
    case ELECTION_ON_TICK: break;
    case ELECTION_ON_STAND: on_stand(election); break;
    case ELECTION_ON_RESIGN: on_resign(election, false); break;
    case ELECTION_ON_LEAVE: on_resign(election, true); break;
    case ELECTION_ON_REPLY: on_reply(election, event->reply); break;
    case ELECTION_ON_WATCH: election_on_watch(election, event->watch); break;
    }
    election_step_lease(election, (struct lease_event){.type = LEASE_ON_TICK});
    check_belief(election); /* a keepalive may grant less than the one before */
    plan(election);
}

static struct window belief_window(const struct election *election)
{
    if (election->state != ELECTION_LEADING) {
        return WINDOW_NEVER;
    }
    int64_t left = belief_ends_boot(election) - election->now.boot;
    return window_at(election->now.mono + (left > 0 ? left : 0));
}

static struct window own_window(const struct election *election)
{
    bool enters = election->state == ELECTION_ENTERING;
    bool asks = (enters && election->lease.state == LEASE_HELD) ||
                (election->state == ELECTION_PLACING && election_believes(election));
    struct window window = election_watch_window(election);
    if (enters && election->lease.goal != LEASE_GOAL_HOLD) {
        window = window_at(election->enter_mono);
    }
    return asks && election->flight.id == 0 ? window_at(election->retry_mono) : window;
}

struct window election_deadline(const struct election *election)
{
    struct window window = window_sooner(lease_deadline(&election->lease), belief_window(election));
    return window_sooner(window, own_window(election));
}

const char *election_error(const struct election *election)
{
    const struct last_error *errors[] = {&election->lease_error, &election->last_error,
                                         &election->watch_error};
    for (size_t i = 0; election->state != ELECTION_OFF && i < COUNT_OF(errors); i++) {
        if (errors[i]->failing) {
            return errors[i]->text;
        }
    }
    return "";
}

bool election_awaits(const struct election *election, uint64_t id)
{
    return id != 0 && (election->flight.id == id || lease_awaits(&election->lease, id));
}

bool election_watches(const struct election *election, uint64_t id)
{
    return id != 0 && election->watched.id == id;
}

/* ---- life ---- */

void election_init(struct election *election, const struct election_settings *settings)
{
    *election = (struct election){.settings = *settings, .backoff = RETRY_BACKOFF, .again = RETRY_BACKOFF};
    size_t size = settings->prefix.size;
    election->prefix = mem_copy(settings->prefix.data, size);
    election->end = mem_copy(settings->prefix.data, size);
    election->end[size - 1]++; /* the prefix ends with '/' */
    election->settings.prefix = (struct str){election->prefix, size};
    blob_ref(election->settings.value);
    random_seed(&election->random, settings->seed);
    queue_init(&election->lease_effects, sizeof(struct lease_effect));
    election->watched.backoff = RETRY_BACKOFF;
    lease_init(&election->lease,
               &(struct lease_settings){.ttl_ms = settings->ttl_ms,
                                        .heartbeat_ms = settings->renew_ms,
                                        .request_timeout_ms = settings->request_timeout_ms,
                                        .chooses_id = (settings->can & REGISTRY_CAN_CHOOSE_LEASE) != 0,
                                        .random = &election->random,
                                        .last_id = &election->last_id});
}

void election_describe(struct election *election, struct blob *value)
{
    blob_unref(election->settings.value);
    election->settings.value = blob_ref(value);
}

void election_fini(struct election *election)
{
    if (election == NULL || election->prefix == NULL) {
        return;
    }
    election_list_end(election);
    free(election->watched.key);
    free(election->key);
    free(election->prefix);
    free(election->end);
    blob_unref(election->settings.value);
    queue_fini(&election->lease_effects);
    *election = (struct election){0};
}
