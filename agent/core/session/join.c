#include "join_internal.h"

#include <assert.h>
#include <stdlib.h>

/* Pauses after a failure, in ms, with full jitter. */
enum { PAUSE_FIRST_MS = 50, PAUSE_CAP_MS = 1000 };
/* Failures and requests after which it gives up. The pauses after the failures take about a second. */
enum { FAILURES_MAX = 6, REQUESTS_MAX = 24 };
/* How often a session is looked for while the record of its server may be behind. */
enum { SETTLE_LOOKS = 4 };

void join_init(struct join *join, const struct join_settings *settings)
{
    *join = (struct join){.settings = *settings,
                          .backoff = {.first_ms = PAUSE_FIRST_MS, .cap_ms = PAUSE_CAP_MS},
                          .trouble = JOIN_STORE_AWAY};
    /* A seat must not end by itself while its session is being stored. */
    if (join->settings.limit_ms > settings->ttl_ms / 2) {
        join->settings.limit_ms = settings->ttl_ms / 2;
    }
    random_seed(&join->random, settings->seed);
}

void join_fini(struct join *join)
{
    if (join != NULL) {
        free(join->seat.server);
        free(join->back.server);
        free(join->first);
        free(join->first_server);
        free(join->found);
        free(join->found_server);
        free(join->replaces);
        free(join->from);
        *join = (struct join){.state = JOIN_OVER};
    }
}

const char *join_outcome_name(enum join_outcome outcome)
{
    static const char *const names[JOIN_OUTCOME_COUNT] = {
        [JOIN_RECONNECTED] = "reconnected",
        [JOIN_FOLLOWED] = "followed",
        [JOIN_PLACED] = "placed",
        [JOIN_NO_SEAT] = "no_seat",
        [JOIN_STORE_AWAY] = "store_away",
        [JOIN_STORE_REFUSED] = "store_refused",
        [JOIN_REGISTRY_AWAY] = "registry_away",
        [JOIN_CONTENDED] = "contended",
    };
    return names[outcome];
}

/* ---- states ---- */

#define TO(state) (1u << JOIN_##state)

bool join_may_move(enum join_state from, enum join_state to)
{
    static const unsigned allowed[JOIN_STATE_COUNT] = {
        [JOIN_NEW] = TO(FINDING) | TO(LEAVING),
        [JOIN_FINDING] = TO(TOUCHING) | TO(ALLOCATING) | TO(STORING) | TO(PAUSED) | TO(LEAVING),
        [JOIN_TOUCHING] = TO(FINDING) | TO(READING) | TO(PAUSED) | TO(LEAVING),
        [JOIN_READING] = TO(LEAVING),
        [JOIN_ALLOCATING] = TO(FINDING) | TO(STORING) | TO(PAUSED) | TO(LEAVING),
        [JOIN_STORING] = TO(FINDING) | TO(PAUSED) | TO(LEAVING),
        [JOIN_PAUSED] = TO(FINDING) | TO(ALLOCATING) | TO(LEAVING),
        [JOIN_LEAVING] = TO(OVER),
        [JOIN_OVER] = 0,
    };
    return (allowed[from] & 1u << to) != 0;
}

static void move(struct join *join, enum join_state to)
{
    assert(join_may_move(join->state, to));
    join->state = to;
}

/* ---- requests ---- */

/* `seat` at `server`, NULL: none, is the seat of the session. */
static void answer(struct join *join, enum join_outcome outcome, const char *seat, const char *server)
{
    const char *from = outcome == JOIN_PLACED     ? join->from
                       : outcome == JOIN_FOLLOWED ? join->first_server
                                                  : NULL;
    struct str texts[] = {join_kept(join, seat), join_kept(join, server), join_kept(join, from)};
    struct join_effect *effect = join_emit(join, JOIN_DO_ANSWER);
    effect->outcome = outcome;
    effect->seat = texts[0];
    effect->server = texts[1];
    effect->from = texts[2];
    move(join, JOIN_LEAVING);
}

static void answer_placed(struct join *join)
{
    join->seat.state = JOIN_SEAT_USED;
    answer(join, JOIN_PLACED, join->seat.id, join->seat.server);
}

static void answer_found(struct join *join, bool has_seat)
{
    bool same = str_eq(str_of(join->found), str_of(join->first));
    answer(join, same ? JOIN_RECONNECTED : JOIN_FOLLOWED, has_seat ? join->found : NULL,
           has_seat ? join->found_server : NULL);
}

/* Answers without a server. What is in flight decides later what becomes of its seat. */
static void give_up(struct join *join, enum join_outcome outcome)
{
    if (join->flight != JOIN_ALLOCATING && join->flight != JOIN_STORING) {
        join_give_back(join);
    }
    answer(join, outcome, NULL, NULL);
}

static void ask(struct join *join, enum join_state state, enum join_effect_type type, struct str session)
{
    if (join->requests >= REQUESTS_MAX) {
        give_up(join, JOIN_CONTENDED);
        return;
    }
    if (join->state != state) {
        move(join, state);
    }
    join->requests++;
    join->flight = state;
    struct str texts[] = {queue_copy(join->effects, session), join_kept(join, join->seat.id),
                          join_kept(join, join->seat.server), join_kept(join, join->from)};
    struct join_effect *effect = join_emit(join, type);
    effect->session = texts[0];
    effect->seat = texts[1];
    effect->server = texts[2];
    effect->from = texts[3];
    effect->version = join->replaces_version;
}

static void find(struct join *join)
{
    ask(join, JOIN_FINDING, JOIN_DO_FIND, STR(""));
}

static void allocate(struct join *join)
{
    if (join->seat.state == JOIN_SEAT_NONE) {
        join_name_seat(join);
    }
    ask(join, JOIN_ALLOCATING, JOIN_DO_ALLOCATE, STR(""));
}

static void store(struct join *join)
{
    ask(join, JOIN_STORING, JOIN_DO_STORE, str_of(join->replaces));
}

static void pause_for(struct join *join, int64_t pause_ms, enum join_state resume)
{
    join->resume = resume;
    join->resume_mono = join->now.mono + pause_ms;
    move(join, JOIN_PAUSED);
}

/* ---- what was found ---- */

static bool is_seat(const struct join *join, struct str session)
{
    return join->seat.state != JOIN_SEAT_NONE && str_eq(session, str_of(join->seat.id));
}

static void note_first(struct join *join, struct str session, struct str server)
{
    if (!join->looked) {
        join->looked = true;
        join_set_text(&join->first, session);
        join_set_text(&join->first_server, server);
    }
}

/* Whether a record that is not there may still come. */
static bool settles(const struct join *join)
{
    return join->now.mono - join->started_mono < join->settings.settle_ms;
}

/* A player leaves the server where it was when it asked, not the one to which another join has brought it since. */
static enum join_standing stands(const struct join *join, const struct join_event *event)
{
    if (event->standing == JOIN_DRAINING) {
        bool leaves = join->settings.leave && str_eq(event->session, str_of(join->first));
        return leaves ? JOIN_GONE : JOIN_TAKES;
    }
    if (event->standing == JOIN_UNSEEN) {
        return settles(join) ? JOIN_UNSEEN : JOIN_GONE;
    }
    if (event->standing == JOIN_UNSURE) {
        return settles(join) ? JOIN_UNSEEN : JOIN_UNSURE;
    }
    return event->standing;
}

/* There is no session, or one that does not count: a new one is to replace it. */
static void place(struct join *join, struct str replaces, uint64_t version, struct str from)
{
    join_set_text(&join->replaces, replaces);
    join->replaces_version = version;
    join_set_text(&join->from, from);
    if (join->seat.state == JOIN_SEAT_HELD && from.size > 0 && str_eq(from, str_of(join->seat.server))) {
        join_give_back(join); /* it is at the server that is gone */
    }
    if (join->seat.state == JOIN_SEAT_HELD) {
        store(join);
    } else if (join->no_seat) {
        give_up(join, JOIN_NO_SEAT);
    } else {
        allocate(join);
    }
}

static void on_found(struct join *join, const struct join_event *event)
{
    note_first(join, event->session, event->server);
    if (is_seat(join, event->session)) { /* stored without an answer */
        answer_placed(join);
        return;
    }
    join->maybe_stored = join->maybe_stored && str_eq(event->session, str_of(join->replaces));
    switch (stands(join, event)) {
    case JOIN_TAKES:
    case JOIN_DRAINING:
        join_give_back(join);
        join_set_text(&join->found, event->session);
        join_set_text(&join->found_server, event->server);
        ask(join, JOIN_TOUCHING, JOIN_DO_TOUCH, event->session);
        break;
    case JOIN_UNSEEN: pause_for(join, join->settings.settle_ms / SETTLE_LOOKS + 1, JOIN_FINDING); break;
    case JOIN_UNSURE: give_up(join, JOIN_REGISTRY_AWAY); break;
    case JOIN_GONE: place(join, event->session, event->version, event->server); break;
    }
}

static void on_none(struct join *join)
{
    note_first(join, STR(""), STR(""));
    place(join, STR(""), 0, STR(""));
}

/* ---- other answers ---- */

static void on_touched(struct join *join, bool young)
{
    if (young && join->requests < REQUESTS_MAX) {
        move(join, JOIN_READING);
        join->requests++;
        join->flight = JOIN_READING;
        struct str texts[] = {join_kept(join, join->found), join_kept(join, join->found_server)};
        struct join_effect *effect = join_emit(join, JOIN_DO_READ);
        effect->seat = texts[0];
        effect->server = texts[1];
    } else {
        answer_found(join, false);
    }
}

static void on_allocated(struct join *join, struct str server)
{
    join_set_text(&join->seat.server, server);
    join->seat.state = JOIN_SEAT_HELD;
    if (join->from != NULL && str_eq(server, str_of(join->from))) {
        place(join, str_of(join->replaces), join->replaces_version,
              server); /* reserved before that server was gone */
    } else {
        store(join);
    }
}

/* Whether the seat has the session, or another session stands there, is for the next look to say. */
static void on_failed(struct join *join, enum join_state asked, enum join_trouble trouble)
{
    if (asked == JOIN_READING) {
        answer_found(join, false); /* the place is certain, the seat is not */
        return;
    }
    bool of_seat = asked == JOIN_ALLOCATING;
    join->maybe_stored = join->maybe_stored || (asked == JOIN_STORING && trouble == JOIN_UNKNOWN);
    join->trouble = of_seat ? JOIN_REGISTRY_AWAY : JOIN_STORE_AWAY;
    if (trouble == JOIN_REFUSED) {
        give_up(join, of_seat ? JOIN_REGISTRY_AWAY : JOIN_STORE_REFUSED);
    } else if (join->backoff.failures + 1 >= FAILURES_MAX) {
        give_up(join, join->trouble);
    } else {
        pause_for(join, backoff_next(&join->backoff, &join->random),
                  of_seat ? JOIN_ALLOCATING : JOIN_FINDING);
    }
}

/* The answer is given: what was in flight decides whether there is a seat to give back. */
static void on_late(struct join *join, enum join_state asked, const struct join_event *event)
{
    if (asked == JOIN_ALLOCATING && event->type == JOIN_ON_ALLOCATED) {
        join_set_text(&join->seat.server, event->server);
        join->seat.state = JOIN_SEAT_HELD;
    }
    if (asked == JOIN_STORING && (event->type == JOIN_ON_STORED ||
                                  (event->type == JOIN_ON_FAILED && event->trouble == JOIN_UNKNOWN))) {
        join->maybe_stored = true;
    }
    join_give_back(join);
}

static bool answers(enum join_state asked, enum join_event_type type)
{
#define ON(event) (1u << JOIN_ON_##event)
    static const unsigned awaited[JOIN_STATE_COUNT] = {
        [JOIN_FINDING] = ON(FOUND) | ON(NONE) | ON(FAILED),
        [JOIN_TOUCHING] = ON(TOUCHED) | ON(LOST) | ON(FAILED),
        [JOIN_READING] = ON(SEAT) | ON(SEATLESS) | ON(FAILED),
        [JOIN_ALLOCATING] = ON(ALLOCATED) | ON(NO_SEAT) | ON(FAILED),
        [JOIN_STORING] = ON(STORED) | ON(LOST) | ON(FAILED),
    };
#undef ON
    return (awaited[asked] & 1u << type) != 0;
}

static void on_answer(struct join *join, const struct join_event *event)
{
    enum join_state asked = join->flight;
    if (!answers(asked, event->type)) {
        return;
    }
    join->flight = JOIN_NEW;
    if (join->state == JOIN_LEAVING) {
        on_late(join, asked, event);
        return;
    }
    switch (event->type) {
    case JOIN_ON_FOUND: on_found(join, event); break;
    case JOIN_ON_NONE: on_none(join); break;
    case JOIN_ON_TOUCHED: on_touched(join, event->young); break;
    case JOIN_ON_SEAT:
    case JOIN_ON_SEATLESS: answer_found(join, event->type == JOIN_ON_SEAT); break;
    case JOIN_ON_ALLOCATED: on_allocated(join, event->server); break;
    case JOIN_ON_NO_SEAT:
        join->no_seat = true;
        join_give_back(join);
        find(join);
        break;
    case JOIN_ON_STORED: answer_placed(join); break;
    case JOIN_ON_LOST: find(join); break;
    case JOIN_ON_FAILED: on_failed(join, asked, event->trouble); break;
    case JOIN_ON_START:
    case JOIN_ON_TICK:
    case JOIN_ON_RELEASED:
    case JOIN_ON_UNRELEASED: break;
    }
}

/* ---- time ---- */

static bool is_answered(const struct join *join)
{
    return join->state == JOIN_LEAVING || join->state == JOIN_OVER;
}

static int64_t limit_mono(const struct join *join)
{
    return join->started_mono + join->settings.limit_ms;
}

static void pass_time(struct join *join)
{
    if (join->back.wanted && !join->back.in_flight && join->now.mono >= join->back.due_mono) {
        join_send_back(join);
    }
    if (join->state == JOIN_NEW || is_answered(join)) {
        return;
    }
    if (join->now.mono >= limit_mono(join) && join->state == JOIN_READING) {
        answer_found(join, false);
    } else if (join->now.mono >= limit_mono(join)) {
        bool of_seat = join->flight == JOIN_ALLOCATING;
        bool paused = join->flight == JOIN_NEW;
        give_up(join, of_seat ? JOIN_REGISTRY_AWAY : paused ? join->trouble : JOIN_STORE_AWAY);
    } else if (join->state == JOIN_PAUSED && join->now.mono >= join->resume_mono) {
        if (join->resume == JOIN_ALLOCATING) {
            allocate(join);
        } else {
            find(join);
        }
    }
}

struct window join_deadline(const struct join *join)
{
    struct window window = WINDOW_NEVER;
    if (join->state != JOIN_NEW && !is_answered(join)) {
        window = window_at(limit_mono(join));
    }
    if (join->state == JOIN_PAUSED) {
        window = window_sooner(window, window_at(join->resume_mono));
    }
    if (join->back.wanted && !join->back.in_flight) {
        window = window_sooner(window, window_at(join->back.due_mono));
    }
    return window;
}

/* ---- step ---- */

static void start(struct join *join)
{
    if (join->state == JOIN_NEW) {
        join->started_mono = join->now.mono;
        find(join);
    }
}

static void end(struct join *join)
{
    if (join->state == JOIN_LEAVING && join->flight == JOIN_NEW && !join->back.wanted) {
        move(join, JOIN_OVER);
        join_emit(join, JOIN_DO_FREE);
    }
}

void join_step(struct join *join, const struct join_event *event, struct queue *effects)
{
    join->now = event->now;
    join->effects = effects;
    switch (event->type) {
    case JOIN_ON_START: start(join); break;
    case JOIN_ON_TICK: break;
    case JOIN_ON_RELEASED:
        if (join->back.in_flight) {
            join_end_return(join);
        }
        break;
    case JOIN_ON_UNRELEASED:
        if (join->back.in_flight) {
            join_on_unreleased(join);
        }
        break;
    case JOIN_ON_FOUND:
    case JOIN_ON_NONE:
    case JOIN_ON_TOUCHED:
    case JOIN_ON_SEAT:
    case JOIN_ON_SEATLESS:
    case JOIN_ON_ALLOCATED:
    case JOIN_ON_NO_SEAT:
    case JOIN_ON_STORED:
    case JOIN_ON_LOST:
    case JOIN_ON_FAILED: on_answer(join, event); break;
    }
    pass_time(join);
    end(join);
}
