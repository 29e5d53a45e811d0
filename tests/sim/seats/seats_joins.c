/* Joins: members of a community who are brought to a server by core/session/join, over the real allocations and a small session store
 * whose answers are lost or late. Often several joins of one member run at once, through different observers. */
#include "seats_sim.h"

#include "outrider/base/mem.h"
#include "outrider/core/fleet/view_entry.h"
#include "outrider/core/fleet/view_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { SEAT_TTL_MS = 8000, LIMIT_MS = 5000, SETTLE_MS = 1000, MEMBERS = 40, SESSION_MS = 40000 };

/* What the store has of a member; the session before the last change is kept for the oracle. */
struct member {
    char session[32], server[16], before[32], server_before[16]; /* "": none */
    int64_t created, changed_at, undone_at;
    uint64_t version; /* of the session */
    unsigned runs;    /* joins under way */
};

struct joiner {
    struct joiner *prev, *next;
    struct world *world;
    struct observer *observer;
    uint64_t serial;
    struct member *member;
    struct join machine;
    struct queue effects;
    int64_t started, until_wall;
    enum join_standing standing; /* of the session that was found last */
    struct placement_query query;
    char excluded[16], seat[32], touched[32];
};

struct joins {
    struct member members[MEMBERS];
    struct joiner *all;
    uint64_t last;
};

/* A request to the session store, or its answer. */
struct errand {
    uint64_t serial;
    struct member *member;
    enum join_effect_type type;
    uint64_t version;
    char session[32], seat[32], server[16];
    bool applies, tells;
    struct join_event event;
    char found[32], found_server[16];
};

static struct joiner *find(const struct world *world, uint64_t serial)
{
    struct joiner *joiner = world->joins->all;
    while (joiner != NULL && joiner->serial != serial) {
        joiner = joiner->next;
    }
    return joiner;
}

static void copy(char *to, size_t size, struct str text)
{
    snprintf(to, size, "%.*s", STR_ARG(text));
}

static void step(struct joiner *joiner, struct join_event event);

/* ---- the session store ---- */

static void send(struct world *world, struct errand *errand, int64_t after)
{
    heap_push(&world->heap,
              (struct event){.at = world->now + after, .type = ON_ERRAND, .text = (char *)(void *)errand});
}

static struct errand *another(const struct errand *errand, bool applies, bool tells)
{
    struct errand *made = mem_zalloc(sizeof(*made));
    *made = *errand;
    made->applies = applies;
    made->tells = tells;
    return made;
}

static void ask(struct joiner *joiner, const struct join_effect *effect)
{
    struct world *world = joiner->world;
    struct errand errand = {
        .serial = joiner->serial, .member = joiner->member, .type = effect->type, .version = effect->version};
    copy(errand.session, sizeof(errand.session), effect->session);
    copy(errand.seat, sizeof(errand.seat), effect->seat);
    copy(errand.server, sizeof(errand.server), effect->server);
    if (effect->type == JOIN_DO_TOUCH) {
        copy(joiner->touched, sizeof(joiner->touched), effect->session);
    }
    int64_t way = 1 + (int64_t)below(world, chance(world, 30) ? 300 : 5);
    struct errand lost = errand;
    lost.event = (struct join_event){.type = JOIN_ON_FAILED, .trouble = JOIN_UNKNOWN};
    if (chance(world, world->lost)) {
        if (chance(world, 600)) { /* it is done, in time or after it was given up */
            send(world, another(&errand, true, false), way + (int64_t)below(world, 2 * TIMEOUT_MS));
        }
        send(world, another(&lost, false, true), TIMEOUT_MS);
    } else {
        send(world, another(&errand, true, true), way);
    }
}

static void change(struct world *world, struct member *member, const char *session, const char *server)
{
    memcpy(member->before, member->session, sizeof(member->before));
    memcpy(member->server_before, member->server, sizeof(member->server_before));
    snprintf(member->session, sizeof(member->session), "%s", session);
    snprintf(member->server, sizeof(member->server), "%s", server);
    member->created = member->changed_at = world->now;
    member->version++;
}

void joins_undone(struct world *world, bool all)
{
    enum { LAG_MS = 300 };
    tell(world, "the session store %s", all ? "is empty" : "loses its last changes");
    for (unsigned i = 0; i < MEMBERS; i++) {
        struct member *member = &world->joins->members[i];
        bool late = world->now - member->changed_at < LAG_MS;
        if (member->session[0] != '\0' && (all || late)) {
            char session[32], server[16];
            snprintf(session, sizeof(session), "%s", all ? "" : member->before);
            snprintf(server, sizeof(server), "%s", all ? "" : member->server_before);
            int64_t created = member->created;
            change(world, member, session, server);
            member->created = created;
            member->undone_at = world->now;
            world->totals.sessions_lost++;
        }
    }
}

static struct join_event apply(struct world *world, struct errand *errand)
{
    struct member *member = errand->member;
    switch (errand->type) {
    case JOIN_DO_FIND:
        snprintf(errand->found, sizeof(errand->found), "%s", member->session);
        snprintf(errand->found_server, sizeof(errand->found_server), "%s", member->server);
        return (struct join_event){.type = member->session[0] == '\0' ? JOIN_ON_NONE : JOIN_ON_FOUND,
                                   .version = member->version};
    case JOIN_DO_TOUCH:
        member->version += strcmp(member->session, errand->session) == 0;
        return (struct join_event){.type = strcmp(member->session, errand->session) == 0 ? JOIN_ON_TOUCHED
                                                                                         : JOIN_ON_LOST,
                                   .young = world->now - member->created < SEAT_TTL_MS + 2000};
    default:
        if (strcmp(member->session, errand->session) != 0 ||
            (errand->version != 0 && errand->version != member->version)) {
            return (struct join_event){.type = JOIN_ON_LOST};
        }
        change(world, member, errand->seat, errand->server);
        return (struct join_event){.type = JOIN_ON_STORED};
    }
}

/* Whether the server of the session keeps it, by the record that the observer has. */
static enum join_standing standing(const struct joiner *joiner, const char *server)
{
    const struct view_entry *entry =
        view_find(joiner->observer->router.view, STR("world"), str_of(server + strlen("world/")));
    if (entry == NULL) {
        bool settled = joiner->world->now - joiner->member->changed_at > SETTLE_MS;
        return settled ? JOIN_GONE : JOIN_UNSEEN;
    }
    bool down = entry->status == STATUS_ERROR || entry->status == STATUS_SHUTTING_DOWN;
    return down ? JOIN_GONE : entry->status == STATUS_DRAINING ? JOIN_DRAINING : JOIN_TAKES;
}

void joins_errand(struct world *world, void *text)
{
    struct errand *errand = text;
    if (errand->applies) {
        errand->event = apply(world, errand);
        if (errand->tells) {
            send(world, another(errand, false, true), 1 + (int64_t)below(world, 5));
        }
    } else {
        struct joiner *joiner = find(world, errand->serial);
        if (joiner != NULL) {
            if (errand->event.type == JOIN_ON_FOUND) {
                errand->event.session = str_of(errand->found);
                errand->event.server = str_of(errand->found_server);
                errand->event.standing = joiner->standing = standing(joiner, errand->found_server);
            }
            step(joiner, errand->event);
        }
    }
    free(errand);
}

/* ---- seats ---- */

static void on_allocated(const struct allocate *result, void *user)
{
    struct joiner *joiner = user;
    struct join_event event = {.type = JOIN_ON_FAILED, .trouble = JOIN_NOT_DONE};
    char server[ALLOCATE_PLACE_MAX];
    snprintf(server, sizeof(server), "world/%s", result->server);
    tell(joiner->world, "join %llu: allocation %s %s", (unsigned long long)joiner->serial,
         allocate_result_name(result->result), result->server);
    if (result->result == ALLOCATE_MADE || result->result == ALLOCATE_EXISTED) {
        joiner->until_wall = result->reservation.until_wall;
        joiner->world->totals.made += result->result == ALLOCATE_MADE;
        event = (struct join_event){.type = JOIN_ON_ALLOCATED, .server = str_of(server)};
    } else if (result->result == ALLOCATE_NONE) {
        event.type = JOIN_ON_NO_SEAT;
    } else if (result->result == ALLOCATE_FAILED && result->failure == REGISTRY_UNKNOWN) {
        event.trouble = JOIN_UNKNOWN;
    }
    step(joiner, event);
}

static void allocate(struct joiner *joiner, const struct join_effect *effect)
{
    struct observer *observer = joiner->observer;
    struct instant now = machine_now(&observer->machine);
    char by[16];
    bool again = str_eq(effect->seat, str_of(joiner->seat));
    snprintf(by, sizeof(by), "obs-%u", observer->machine.index);
    copy(joiner->seat, sizeof(joiner->seat), effect->seat);
    copy(joiner->excluded, sizeof(joiner->excluded),
         effect->from.size > 0 ? (struct str){effect->from.data + 6, effect->from.size - 6} : effect->from);
    joiner->query = (struct placement_query){.type = STR("world"),
                                             .strategy = PLACEMENT_LEAST_CONNECTIONS,
                                             .exclude = {str_of(joiner->excluded)},
                                             .exclude_count = effect->from.size > 0,
                                             .seats = 1,
                                             .count = 1};
    const struct allocate_settings settings = {.query = &joiner->query,
                                               .id = effect->seat,
                                               .by = str_of(by),
                                               .fresh_id = !again,
                                               .ttl_ms = SEAT_TTL_MS,
                                               .timeout_ms = 2 * TIMEOUT_MS,
                                               .seed = random_next(&joiner->world->random)};
    joiner->world->totals.allocations++;
    (void)seats_router_allocate(observer->seats, &settings, &now, on_allocated, joiner);
}

static void on_released(const struct amend *result, void *user)
{
    bool gone = result->result == AMEND_OK || result->result == AMEND_NOT_FOUND;
    step(user, (struct join_event){.type = gone ? JOIN_ON_RELEASED : JOIN_ON_UNRELEASED});
}

static void on_read(const struct amend *result, void *user)
{
    struct joiner *joiner = user;
    struct join_event event = {.type = JOIN_ON_FAILED};
    if (result->result == AMEND_OK) {
        joiner->until_wall = result->reservation.until_wall;
        event.type = JOIN_ON_SEAT;
    } else if (result->result == AMEND_NOT_FOUND) {
        event.type = JOIN_ON_SEATLESS;
    }
    step(joiner, event);
}

static void amend(struct joiner *joiner, const struct join_effect *effect, enum amend_op op)
{
    struct str id = {effect->server.data + 6, effect->server.size - 6};
    struct instant now = machine_now(&joiner->observer->machine);
    (void)seats_router_amend(joiner->observer->seats, op, STR("world"), id, effect->seat, 0, &now,
                             op == AMEND_RELEASE ? on_released : on_read, joiner);
}

/* ---- the answer ---- */

/* The answer is the session that the member has, or had while the join went on, at the server where that is; and one whose server is
 * gone is placed elsewhere. */
static void answer(struct joiner *joiner, const struct join_effect *effect)
{
    struct world *world = joiner->world;
    struct member *member = joiner->member;
    world->totals.joins[effect->outcome]++;
    tell(world, "join %llu: %s %.*s at %.*s from %.*s", (unsigned long long)joiner->serial,
         join_outcome_name(effect->outcome), STR_ARG(effect->seat), STR_ARG(effect->server),
         STR_ARG(effect->from));
    bool placed = effect->outcome == JOIN_PLACED;
    if (!placed && effect->outcome != JOIN_FOLLOWED && effect->outcome != JOIN_RECONNECTED) {
        return;
    }
    struct str session = placed ? effect->seat : str_of(joiner->touched);
    bool is = str_eq(session, str_of(member->session));
    bool was = str_eq(session, str_of(member->before)) && member->changed_at >= joiner->started;
    bool undone = member->undone_at > 0 && member->undone_at >= joiner->started;
    if (!is && !was && !undone) {
        violated(world, "join %llu answers with session %.*s, and the member has %s",
                 (unsigned long long)joiner->serial, STR_ARG(session), member->session);
    }
    if (placed && effect->from.size > 0 && str_eq(effect->from, effect->server)) {
        violated(world, "join %llu: from %.*s to the same server", (unsigned long long)joiner->serial,
                 STR_ARG(effect->from));
    }
    if (effect->outcome == JOIN_RECONNECTED && joiner->standing == JOIN_GONE) {
        violated(world, "join %llu sends its member back to %s, which is gone",
                 (unsigned long long)joiner->serial, member->server);
    }
    if (is && effect->server.size > 0 && !str_eq(effect->server, str_of(member->server))) {
        violated(world, "join %llu answers with %.*s, and its session is at %s",
                 (unsigned long long)joiner->serial, STR_ARG(effect->server), member->server);
    }
    if (is && effect->seat.size > 0) {
        player_placed(world, effect->seat, atoi(member->server + strlen("world/w")), joiner->until_wall);
    }
}

/* ---- steps ---- */

static void carry_out(struct joiner *joiner, const struct join_effect *effect)
{
    switch (effect->type) {
    case JOIN_DO_FIND:
    case JOIN_DO_TOUCH:
    case JOIN_DO_STORE: ask(joiner, effect); break;
    case JOIN_DO_READ: amend(joiner, effect, AMEND_GET); break;
    case JOIN_DO_ALLOCATE: allocate(joiner, effect); break;
    case JOIN_DO_RELEASE: amend(joiner, effect, AMEND_RELEASE); break;
    case JOIN_DO_ANSWER: answer(joiner, effect); break;
    case JOIN_DO_FREE: break;
    }
}

static void free_joiner(struct joiner *joiner)
{
    joiner->member->runs--;
    DL_DELETE(joiner->world->joins->all, joiner);
    join_fini(&joiner->machine);
    queue_fini(&joiner->effects);
    free(joiner);
}

static void step(struct joiner *joiner, struct join_event event)
{
    struct world *world = joiner->world;
    struct join_effect effect;
    event.now = machine_now(&joiner->observer->machine);
    join_step(&joiner->machine, &event, &joiner->effects);
    while (queue_take(&joiner->effects, &effect)) {
        carry_out(joiner, &effect);
    }
    if (joiner->machine.state == JOIN_OVER) {
        free_joiner(joiner);
        return;
    }
    int64_t due = join_deadline(&joiner->machine).latest;
    if (due != NEVER_MS) {
        int64_t after = due - event.now.mono;
        plan(world, after < 1 ? 1 : after, ON_JOIN, 0, joiner->serial);
    }
    plan(world, 0, ON_GO, joiner->observer->machine.index, 0);
}

static void begin(struct world *world, struct member *member)
{
    struct observer *observer = &world->observers[below(world, OBSERVERS)];
    if (!machine_runs(&observer->machine)) {
        return;
    }
    struct joiner *joiner = mem_zalloc(sizeof(*joiner));
    joiner->world = world;
    joiner->observer = observer;
    joiner->serial = ++world->joins->last;
    joiner->member = member;
    joiner->started = world->now;
    member->runs++;
    join_init(&joiner->machine, &(struct join_settings){.limit_ms = LIMIT_MS,
                                                        .ttl_ms = SEAT_TTL_MS,
                                                        .settle_ms = SETTLE_MS,
                                                        .seed = random_next(&world->random)});
    queue_init(&joiner->effects, sizeof(struct join_effect));
    DL_APPEND(world->joins->all, joiner);
    tell(world, "join %llu of member %d begins at observer %u", (unsigned long long)joiner->serial,
         (int)(member - world->joins->members), observer->machine.index);
    step(joiner, (struct join_event){.type = JOIN_ON_START});
}

void joins_begin(struct world *world)
{
    struct member *member = &world->joins->members[below(world, MEMBERS)];
    bool old = member->session[0] != '\0' && world->now - member->created > SESSION_MS;
    if (old && member->runs == 0) {
        change(world, member, "", ""); /* it has ended by itself */
    }
    begin(world, member);
    for (unsigned i = 0; i < 3 && chance(world, 300); i++) {
        begin(world, member);
    }
}

void joins_due(struct world *world, uint64_t serial)
{
    struct joiner *joiner = find(world, serial);
    if (joiner != NULL) {
        step(joiner, (struct join_event){.type = JOIN_ON_TICK});
    }
}

void joins_forget(struct observer *observer)
{
    struct joiner *joiner, *next;
    DL_FOREACH_SAFE(observer->machine.world->joins->all, joiner, next)
    {
        if (joiner->observer == observer) {
            free_joiner(joiner);
        }
    }
}

void joins_new(struct world *world)
{
    world->joins = mem_zalloc(sizeof(*world->joins));
}

void joins_free(struct world *world)
{
    free(world->joins);
}
