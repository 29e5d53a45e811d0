/* Joins: runs core/session/join on the session store and the reservations, one machine for each player that is being joined. */
#include "joins_internal.h"

#include "reservations_internal.h"

#include "outrider/base/brief.h"
#include "outrider/base/hash.h"
#include "outrider/base/mem.h"
#include "outrider/core/fleet/view_entry.h"
#include "outrider/core/session/join.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/entropy.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* Joins under way; requests that wait for one, which leave some of those that the API keeps to operators; the time of one (ms); how
 * long the view may be behind a session (ms); what may be refused within one step. */
enum { JOINS_MAX = 512, WAITERS_MAX = 192, LIMIT_MS = API_JOIN_LIMIT_MS, SETTLE_MS = 1000, REFUSED_MAX = 4 };
/* A reservation counts so much longer than it says, in ms. */
enum { SKEW_MS = 2000 };

struct waiter {
    struct waiter *next;
    api_joined_fn *done;
    void *user;
};

struct one {
    UT_hash_handle hh;       /* in joins->asked, until it is answered */
    struct one *next, *prev; /* in joins->all */
    struct joins *joins;
    struct join machine;
    struct queue effects;
    struct timer *timer;
    struct api_join ask;          /* owned: `ask.owned` */
    struct placement_query query; /* that of `ask`, and not the server of before */
    struct buf key;               /* what it is for */
    struct buf seat;              /* the id asked for last */
    struct buf before;            /* the id of that server */
    struct waiter *waiters;
    enum join_event_type refused[REFUSED_MAX]; /* what could not be begun */
    size_t refused_count;
    struct session session; /* the last one told, of `texts` */
    struct buf texts;
    struct reservation reservation;
    bool has_reservation;
    bool is_full, is_denied;
    size_t excluded[PLACEMENT_EXCLUDED_COUNT];
    char error[256];
};

struct joins {
    struct agent *agent;
    struct one *asked, *all;
    struct api_joins counters;
    size_t waiting;
};

static void tell(struct one *one, struct join_event event);

/* ---- what is kept of an answer ---- */

static void keep_session(struct one *one, const struct session *session)
{
    struct str *const texts[] = {&one->session.id, &one->session.player, &one->session.type,
                                 &one->session.server, &one->session.data};
    one->session = *session;
    buf_keep(&one->texts, texts, COUNT_OF(texts));
}

static void keep_error(struct one *one, struct str error)
{
    brief_copy(one->error, sizeof(one->error), error);
}

static void keep_reservation(struct one *one, const struct reservation *reservation)
{
    one->reservation = *reservation;
    one->has_reservation = true;
}

static struct str id_of(struct str server)
{
    str_split(server, '/', &server);
    return server;
}

/* ---- the session store ---- */

static void on_session(const struct session_reply *reply, void *user);

static void submit(struct one *one, struct session_request request)
{
    const struct agent *agent = one->joins->agent;
    request.timeout_ms = agent->config->registry.request_timeout_ms;
    request.ttl_ms = agent->config->sessions.ttl_ms;
    sessions_ask(agent->sessions, &request, on_session, one);
}

static void put(struct one *one, const struct join_effect *effect)
{
    submit(one, (struct session_request){.op = SESSION_PUT,
                                         .session = {.id = effect->seat,
                                                     .player = one->ask.player,
                                                     .server = effect->server,
                                                     .data = one->ask.data},
                                         .expect = effect->session.size > 0 ? SESSION_EXPECT_ID
                                                                            : SESSION_EXPECT_NONE,
                                         .replaces = effect->session,
                                         .version = effect->version});
}

/* Whether the server of a session keeps it, by its record. */
static enum join_standing standing_of(const struct agent *agent, const struct session *session)
{
    const struct view_entry *entry = fleet_find(agent->fleet, session->server);
    if (entry == NULL && session->state == SESSION_ORPHANED) {
        return JOIN_GONE;
    }
    if (entry == NULL) {
        return fleet_is_current(agent->fleet) ? JOIN_UNSEEN : JOIN_UNSURE;
    }
    if (!view_entry_keeps_players(entry)) {
        return JOIN_GONE;
    }
    return entry->status == STATUS_DRAINING ? JOIN_DRAINING : JOIN_TAKES;
}

static bool is_young(const struct joins *joins, const struct session *session)
{
    int64_t age_ms = agent_now().wall - session->created_ms;
    return age_ms < joins->agent->config->placement.reservation_ttl_ms + SKEW_MS;
}

static struct join_event failed_event(struct one *one, const struct session_reply *reply)
{
    keep_error(one, reply->error);
    one->is_full = reply->failure == SESSION_FULL;
    return (struct join_event){.type = JOIN_ON_FAILED,
                               .trouble = reply->failure == SESSION_AWAY ? JOIN_UNKNOWN : JOIN_REFUSED};
}

static struct join_event found_event(struct one *one, const struct session_reply *reply)
{
    if (!reply->found) {
        return (struct join_event){.type = JOIN_ON_NONE};
    }
    enum join_standing standing = standing_of(one->joins->agent, &reply->session);
    keep_session(one, &reply->session);
    if (standing == JOIN_UNSURE) {
        keep_error(one, STR("whether the server of the session is still there is not known"));
    }
    return (struct join_event){.type = JOIN_ON_FOUND,
                               .session = reply->session.id,
                               .server = reply->session.server,
                               .version = reply->session.version,
                               .standing = standing};
}

static struct join_event replied_event(struct one *one, const struct session_reply *reply)
{
    if (reply->failure == SESSION_CONFLICT) {
        return (struct join_event){.type = JOIN_ON_LOST};
    }
    if (reply->failure != SESSION_OK) {
        return failed_event(one, reply);
    }
    if (reply->op == SESSION_FIND) {
        return found_event(one, reply);
    }
    if (reply->op == SESSION_TOUCH && !reply->found) {
        return (struct join_event){.type = JOIN_ON_LOST};
    }
    keep_session(one, &reply->session);
    return (struct join_event){.type = reply->op == SESSION_TOUCH ? JOIN_ON_TOUCHED : JOIN_ON_STORED,
                               .young = is_young(one->joins, &reply->session)};
}

static void on_session(const struct session_reply *reply, void *user)
{
    tell(user, replied_event(user, reply));
}

/* ---- seats ---- */

/* Where the registry is away, as the view says as well, to ask again soon is of no use: the player gets its answer. */
static enum join_trouble trouble_of(const struct one *one, const struct allocate *result)
{
    if (result->failure == REGISTRY_UNKNOWN) {
        return JOIN_UNKNOWN;
    }
    return one->is_denied || !fleet_is_current(one->joins->agent->fleet) ? JOIN_REFUSED : JOIN_NOT_DONE;
}

static void on_allocated(const struct allocate *result, void *user)
{
    struct one *one = user;
    struct join_event event = {.type = JOIN_ON_FAILED, .trouble = JOIN_NOT_DONE};
    struct buf server = {0};
    switch (result->result) {
    case ALLOCATE_MADE:
    case ALLOCATE_EXISTED:
        buf_printf(&server, "%.*s/%s", STR_ARG(one->query.type), result->server);
        keep_reservation(one, &result->reservation);
        event = (struct join_event){.type = JOIN_ON_ALLOCATED, .server = buf_view(&server)};
        break;
    case ALLOCATE_NONE:
        memcpy(one->excluded, result->excluded, sizeof(one->excluded));
        event.type = JOIN_ON_NO_SEAT;
        break;
    case ALLOCATE_ID_TAKEN:
    case ALLOCATE_ID_FOREIGN: event.trouble = JOIN_REFUSED; break;
    case ALLOCATE_FAILED:
        one->is_denied = result->failure == REGISTRY_DENIED;
        keep_error(one, str_of(result->error));
        event.trouble = trouble_of(one, result);
        break;
    case ALLOCATE_CONFLICT:
    case ALLOCATE_RESULT_COUNT: break;
    }
    tell(one, event);
    buf_fini(&server);
}

/* The server of before is not asked again: its record may not say yet that it is gone. */
static void allocate(struct one *one, const struct join_effect *effect)
{
    struct joins *joins = one->joins;
    one->query = *one->ask.query;
    buf_clear(&one->before);
    buf_str(&one->before, id_of(effect->from));
    if (one->before.size > 0) {
        size_t last = one->query.exclude_count < PLACEMENT_EXCLUDE_MAX ? one->query.exclude_count++
                                                                       : PLACEMENT_EXCLUDE_MAX - 1;
        one->query.exclude[last] = buf_view(&one->before);
    }
    bool again = str_eq(effect->seat, buf_view(&one->seat));
    buf_clear(&one->seat);
    buf_str(&one->seat, effect->seat);
    if (!reservations_allocate(joins->agent, &one->query, effect->seat, !again,
                               joins->agent->config->placement.reservation_ttl_ms, on_allocated, one)) {
        one->refused[one->refused_count++] = JOIN_ON_FAILED;
    }
}

static void on_released(const struct amend *result, void *user)
{
    bool gone = result->result == AMEND_OK || result->result == AMEND_NOT_FOUND;
    tell(user, (struct join_event){.type = gone ? JOIN_ON_RELEASED : JOIN_ON_UNRELEASED});
}

static void on_read(const struct amend *result, void *user)
{
    struct one *one = user;
    struct join_event event = {.type = JOIN_ON_FAILED};
    if (result->result == AMEND_OK) {
        keep_reservation(one, &result->reservation);
        event.type = JOIN_ON_SEAT;
    } else if (result->result == AMEND_NOT_FOUND) {
        event.type = JOIN_ON_SEATLESS;
    }
    tell(one, event);
}

static void amend(struct one *one, const struct join_effect *effect, enum amend_op op)
{
    bool releases = op == AMEND_RELEASE;
    if (!reservations_amend(one->joins->agent, op, one->query.type, id_of(effect->server), effect->seat, 0,
                            releases ? on_released : on_read, one)) {
        one->refused[one->refused_count++] = releases ? JOIN_ON_UNRELEASED : JOIN_ON_FAILED;
    }
}

/* ---- the answer ---- */

static void stop_asking(struct one *one)
{
    HASH_DELETE(hh, one->joins->asked, one);
}

static void answer(struct one *one, const struct join_effect *effect)
{
    bool has_place = effect->outcome == JOIN_RECONNECTED || effect->outcome == JOIN_FOLLOWED ||
                     effect->outcome == JOIN_PLACED;
    one->joins->counters.outcomes[effect->outcome]++;
    const struct api_joined result = {.outcome = effect->outcome,
                                      .session = has_place ? &one->session : NULL,
                                      .reservation = effect->seat.size > 0 ? &one->reservation : NULL,
                                      .from = effect->from,
                                      .query = &one->query,
                                      .excluded = one->excluded,
                                      .is_full = one->is_full,
                                      .is_denied = one->is_denied,
                                      .error = str_of(one->error)};
    struct waiter *each = one->waiters;
    one->waiters = NULL;
    stop_asking(one);
    while (each != NULL) {
        struct waiter *next = each->next;
        one->joins->waiting--;
        each->done(&result, each->user);
        free(each);
        each = next;
    }
}

/* ---- steps ---- */

static void carry_out(struct one *one, const struct join_effect *effect)
{
    switch (effect->type) {
    case JOIN_DO_FIND:
        submit(one, (struct session_request){
                        .op = SESSION_FIND, .player = one->ask.player, .type = one->query.type});
        break;
    case JOIN_DO_TOUCH:
        submit(one, (struct session_request){.op = SESSION_TOUCH, .session_id = effect->session});
        break;
    case JOIN_DO_READ: amend(one, effect, AMEND_GET); break;
    case JOIN_DO_ALLOCATE: allocate(one, effect); break;
    case JOIN_DO_STORE: put(one, effect); break;
    case JOIN_DO_RELEASE: amend(one, effect, AMEND_RELEASE); break;
    case JOIN_DO_ANSWER: answer(one, effect); break;
    case JOIN_DO_FREE: break;
    }
}

static void free_one(struct one *one)
{
    DL_DELETE(one->joins->all, one);
    one->joins->counters.running--;
    join_fini(&one->machine);
    queue_fini(&one->effects);
    timer_free(one->timer);
    one->ask.free_owned(one->ask.owned);
    buf_fini(&one->key);
    buf_fini(&one->before);
    buf_fini(&one->seat);
    buf_fini(&one->texts);
    for (struct waiter *each = one->waiters, *next; each != NULL; each = next) {
        next = each->next;
        free(each);
    }
    free(one);
}

/* Whether it goes on. */
static bool step(struct one *one, struct join_event event)
{
    struct join_effect effect = {.type = JOIN_DO_ANSWER};
    event.now = agent_now();
    join_step(&one->machine, &event, &one->effects);
    while (queue_take(&one->effects, &effect)) {
        carry_out(one, &effect);
    }
    return one->machine.state != JOIN_OVER;
}

/* What could not be begun is told after the step that asked for it. */
static void tell(struct one *one, struct join_event event)
{
    bool goes_on = step(one, event);
    while (goes_on && one->refused_count > 0) {
        enum join_event_type type = one->refused[--one->refused_count];
        goes_on = step(one, (struct join_event){.type = type, .trouble = JOIN_NOT_DONE});
    }
    if (goes_on) {
        timer_arm_at_ms(one->timer, join_deadline(&one->machine).latest);
    } else {
        free_one(one);
    }
}

static void on_timer(void *user)
{
    tell(user, (struct join_event){.type = JOIN_ON_TICK});
}

/* ---- life ---- */

struct joins *joins_new(struct agent *agent)
{
    struct joins *joins = mem_zalloc(sizeof(*joins));
    joins->agent = agent;
    return joins;
}

void joins_free(struct joins *joins)
{
    if (joins == NULL) {
        return;
    }
    HASH_CLEAR(hh, joins->asked);
    while (joins->all != NULL) {
        free_one(joins->all);
    }
    free(joins);
}

const struct api_joins *joins_look(const struct joins *joins)
{
    return joins == NULL ? NULL : &joins->counters;
}

static struct one *new_one(struct joins *joins, const struct api_join *ask, struct str key)
{
    struct one *one = mem_zalloc(sizeof(*one));
    struct join_settings settings = {.limit_ms = LIMIT_MS,
                                     .ttl_ms = joins->agent->config->placement.reservation_ttl_ms,
                                     .settle_ms = SETTLE_MS,
                                     .leave = ask->leave};
    entropy_fill(&settings.seed, sizeof(settings.seed));
    one->joins = joins;
    one->ask = *ask;
    one->query = *ask->query;
    one->timer = timer_new(joins->agent->loop, on_timer, one);
    join_init(&one->machine, &settings);
    queue_init(&one->effects, sizeof(struct join_effect));
    buf_str(&one->key, key);
    HASH_ADD_KEYPTR(hh, joins->asked, one->key.data, one->key.size, one);
    DL_APPEND(joins->all, one);
    joins->counters.running++;
    return one;
}

bool joins_begin(struct joins *joins, const struct api_join *ask, api_joined_fn *done, void *user)
{
    struct buf key = {0};
    struct one *one;
    buf_printf(&key, "%c%.*s/", ask->leave ? '-' : '+', STR_ARG(ask->query->type)); /* a type has no '/' */
    buf_str(&key, ask->player);
    HASH_FIND(hh, joins->asked, key.data, key.size, one);
    bool is_new = one == NULL;
    bool fits = joins->waiting < WAITERS_MAX && (!is_new || joins->counters.running < JOINS_MAX);
    if (is_new && fits) {
        one = new_one(joins, ask, buf_view(&key));
    } else {
        ask->free_owned(ask->owned);
    }
    buf_fini(&key);
    if (!fits) {
        return false;
    }
    struct waiter *waiter = mem_zalloc(sizeof(*waiter));
    *waiter = (struct waiter){.next = one->waiters, .done = done, .user = user};
    one->waiters = waiter;
    joins->waiting++;
    if (is_new) {
        tell(one, (struct join_event){.type = JOIN_ON_START});
    }
    return true;
}
