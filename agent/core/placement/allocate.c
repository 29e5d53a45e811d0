#include "outrider/core/placement/allocate.h"

#include "outrider/base/brief.h"
#include "outrider/core/fleet/view_entry.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/core/seats/seats.h"

#include <assert.h>
#include <stdio.h>

/* TRIES: transactions, of which SAME in a row are on one server. A wait grows from WAIT to WAIT_MAX. */
enum { TRIES_MAX = 24, SAME_MAX = 4, WAIT_MS = 5, WAIT_MAX_MS = 100 };

#define TO(state) (1u << ALLOCATE_##state)

const char *allocate_result_name(enum allocate_result result)
{
    static const char *const names[ALLOCATE_RESULT_COUNT] = {
        [ALLOCATE_MADE] = "made",
        [ALLOCATE_EXISTED] = "existed",
        [ALLOCATE_NONE] = "none",
        [ALLOCATE_ID_TAKEN] = "id_taken",
        [ALLOCATE_ID_FOREIGN] = "id_foreign",
        [ALLOCATE_CONFLICT] = "conflict",
        [ALLOCATE_FAILED] = "failed",
    };
    return names[result];
}

bool allocate_may_move(enum allocate_state from, enum allocate_state to)
{
    static const unsigned allowed[] = {
        [ALLOCATE_WAITING] = TO(WAITING) | TO(WRITING) | TO(READING) | TO(DONE),
        [ALLOCATE_WRITING] = TO(WAITING) | TO(READING) | TO(DONE),
        [ALLOCATE_READING] = TO(WAITING) | TO(READING) | TO(DONE),
        [ALLOCATE_DONE] = 0,
    };
    return (allowed[from] & 1u << to) != 0;
}

static void move(struct allocate *allocate, enum allocate_state to)
{
    assert(allocate_may_move(allocate->state, to));
    allocate->state = to;
    allocate->change.reads = to == ALLOCATE_READING;
}

static void finish(struct allocate *allocate, enum allocate_result result)
{
    allocate->result = result;
    move(allocate, ALLOCATE_DONE);
}

static void fail(struct allocate *allocate, enum registry_failure failure, struct str error)
{
    allocate->failure = allocate->maybe_made ? REGISTRY_UNKNOWN : failure;
    brief_copy(allocate->error, sizeof(allocate->error), error);
    finish(allocate, ALLOCATE_FAILED);
}

void allocate_init(struct allocate *allocate, const struct allocate_settings *settings,
                   const struct instant *now)
{
    *allocate = (struct allocate){.state = ALLOCATE_WAITING,
                                  .query = *settings->query,
                                  .asked = settings->query->exclude_count,
                                  .lasting = settings->query->exclude_count,
                                  .ttl_ms = settings->ttl_ms,
                                  .id_known = settings->fresh_id,
                                  .due = now->mono,
                                  .ends = now->mono + settings->timeout_ms};
    seats_text(allocate->change.id, sizeof(allocate->change.id), settings->id);
    seats_text(allocate->by, sizeof(allocate->by), settings->by);
    random_seed(&allocate->random, settings->seed);
}

void allocate_fini(struct allocate *allocate)
{
    seats_change_fini(&allocate->change);
}

/* ---- waiting ---- */

/* What was tried in vain may do later; only `lasting` will not. */
static void forget_tried(struct allocate *allocate)
{
    allocate->query.exclude_count = allocate->lasting;
    allocate->same = 0;
}

static void give_up(struct allocate *allocate)
{
    if (allocate->maybe_made) {
        fail(allocate, REGISTRY_UNKNOWN, STR("the registry did not say whether the reservation was made"));
    } else {
        finish(allocate, ALLOCATE_CONFLICT);
    }
}

/* Another try in a moment: those who were in each other's way must not meet again. */
static void wait_a_moment(struct allocate *allocate, const struct instant *now)
{
    int64_t most = (int64_t)WAIT_MS << (allocate->rounds < 5 ? allocate->rounds : 5);
    most = most < WAIT_MAX_MS ? most : WAIT_MAX_MS;
    if (allocate->tries >= TRIES_MAX || now->mono >= allocate->ends) {
        give_up(allocate);
        return;
    }
    allocate->rounds++;
    allocate->place[0] = '\0';
    allocate->due = now->mono + 1 + (int64_t)random_below(&allocate->random, (uint64_t)most);
    move(allocate, ALLOCATE_WAITING);
}

/* Until the turn of a server comes, or it is too late. */
static void wait_for_turn(struct allocate *allocate, struct str type, struct str server)
{
    snprintf(allocate->place, sizeof(allocate->place), "%.*s/%.*s", STR_ARG(type), STR_ARG(server));
    allocate->due = allocate->ends;
    move(allocate, ALLOCATE_WAITING);
}

/* ---- candidates ---- */

static bool is_place_first(const struct allocate *allocate)
{
    return allocate->query.strategy == PLACEMENT_CONSISTENT_HASH ||
           allocate->query.strategy == PLACEMENT_PACKED;
}

/* The next choice is another server; `lasting`: for good. False where no more can be remembered. */
static bool exclude(struct allocate *allocate, struct str server, bool lasting)
{
    struct placement_query *query = &allocate->query;
    size_t at = query->exclude_count;
    if (at == PLACEMENT_EXCLUDE_MAX) {
        return false;
    }
    size_t tried = at - allocate->asked;
    seats_text(allocate->tried[tried], sizeof(allocate->tried[tried]), server);
    query->exclude[at] = str_of(allocate->tried[tried]);
    query->exclude_count++;
    if (lasting) { /* it comes before those that may do later, whose order means nothing */
        size_t to = allocate->lasting - allocate->asked;
        char other[RESERVATION_SERVER_MAX + 1];
        memcpy(other, allocate->tried[to], sizeof(other));
        memcpy(allocate->tried[to], allocate->tried[tried], sizeof(other));
        memcpy(allocate->tried[tried], other, sizeof(other));
        query->exclude[at] = str_of(allocate->tried[tried]);
        query->exclude[allocate->lasting] = str_of(allocate->tried[to]);
        allocate->lasting++;
    }
    return true;
}

static void give(struct allocate *allocate, const struct allocate_world *world, const struct instant *now)
{
    allocate->given = allocate->query.strategy != PLACEMENT_CONSISTENT_HASH;
    if (allocate->given) {
        placement_give(world->placement, allocate->query.type, str_of(allocate->change.of.server),
                       allocate->query.seats, now);
    }
}

static void take_back(struct allocate *allocate, const struct allocate_world *world,
                      const struct instant *now)
{
    if (allocate->given) {
        placement_take_back(world->placement, allocate->query.type, str_of(allocate->change.of.server),
                            allocate->query.seats, now);
        allocate->given = false;
    }
}

enum fit { FITS, NOT_NOW, NEVER };

/* Whether the view has no record of a server yet that is as new as the registry's. */
static bool is_behind(const struct allocate *allocate, const struct view_entry *entry)
{
    return entry == NULL || (str_eq(view_entry_id(entry), str_of(allocate->behind)) &&
                             entry->mod_revision < allocate->behind_revision);
}

/* Makes `change` the transaction that reserves seats on a server. Its record is taken from the view: one that was written again as
 * it was is no change to the placement, and yet has another revision. */
static enum fit prepare(struct allocate *allocate, const struct allocate_world *world, struct str server,
                        const struct instant *now)
{
    struct seats_change *change = &allocate->change;
    const struct view_entry *entry = view_find(world->view, allocate->query.type, server);
    const struct seats_server *held = seats_of(world->seats, allocate->query.type, server);
    if (held != NULL && held->foreign) {
        return NEVER;
    }
    if (is_behind(allocate, entry)) {
        return NOT_NOW;
    }
    seats_text(change->of.server, sizeof(change->of.server), server);
    reservations_copy(&change->of.list, held == NULL ? &(struct reservations){0} : &held->list);
    change->of.revision = held == NULL ? 0 : held->revision;
    change->record_revision = entry->mod_revision;
    change->id_action = SEATS_ID_WRITE;
    change->id_revision = allocate->id_revision;
    change->dropped_count = 0;
    struct reservation *same = reservations_find(&change->of.list, str_of(change->id));
    if (same !=
        NULL) { /* it has lapsed, or its server was gone: whether it has, is asked where the id is looked at */
        reservations_remove(&change->of.list, same);
    }
    seats_change_drop_lapsed(change, now->wall);
    uint64_t used = (uint64_t)entry->players + reservations_seats(&change->of.list, now->wall);
    if (entry->has_capacity && used + allocate->query.seats > entry->capacity) {
        return NOT_NOW;
    }
    struct reservation *entry_of = reservations_add(&change->of.list);
    if (entry_of == NULL) {
        return NOT_NOW;
    }
    uint64_t key = allocate->query.key.size == 0 ? 0 : str_xxh3(allocate->query.key);
    *entry_of = (struct reservation){
        .seats = allocate->query.seats, .until_wall = now->wall + allocate->ttl_ms, .key = key};
    memcpy(entry_of->id, change->id, sizeof(entry_of->id));
    memcpy(entry_of->by, allocate->by, sizeof(entry_of->by));
    change->place = (struct reservation_place){.seats = entry_of->seats, .until_wall = entry_of->until_wall};
    memcpy(change->place.server, change->of.server, sizeof(change->place.server));
    return FITS;
}

static bool is_free(const struct allocate *allocate, const struct allocate_world *world, struct str server)
{
    char place[ALLOCATE_PLACE_MAX];
    snprintf(place, sizeof(place), "%.*s/%.*s", STR_ARG(allocate->query.type), STR_ARG(server));
    return !turns_taken(world->turns, str_of(place));
}

/* The first of the answer whose turn is not taken; SIZE_MAX: each turn is. */
static size_t find_free(const struct allocate *allocate, const struct allocate_world *world,
                        const struct placement_answer *answer)
{
    for (size_t i = 0; i < answer->count; i++) {
        if (is_free(allocate, world, view_entry_id(answer->entries[i]))) {
            return i;
        }
    }
    return SIZE_MAX;
}

/* Nothing counts as given by that, but once a transaction begins. */
static void choose(const struct allocate *allocate, const struct allocate_world *world, size_t count,
                   const struct instant *now, struct placement_answer *ret_answer)
{
    struct placement_query query = allocate->query;
    query.count = count;
    query.looks = true;
    placement_choose(world->placement, world->view, &query, now, ret_answer);
}

/* Asks for the key of the id, and for the list of `server`, which may be "": for none. */
static void read_id(struct allocate *allocate, struct str server)
{
    char name[RESERVATION_SERVER_MAX + 1];
    seats_text(name, sizeof(name), server); /* which may be the one of `change` */
    memcpy(allocate->change.of.server, name, sizeof(name));
    allocate->tries++;
    move(allocate, ALLOCATE_READING);
}

static void on_none(struct allocate *allocate, const struct placement_answer *answer,
                    const struct instant *now)
{
    memcpy(allocate->excluded, answer->excluded, sizeof(allocate->excluded));
    if (allocate->query.exclude_count > allocate->lasting) {
        forget_tried(allocate);
        wait_a_moment(allocate, now);
    } else if (!allocate->id_known) { /* its reservation may be what takes the room */
        read_id(allocate, STR(""));
    } else if (allocate->maybe_made) {
        give_up(allocate);
    } else {
        finish(allocate, ALLOCATE_NONE);
    }
}

static void write(struct allocate *allocate, const struct allocate_world *world, const struct instant *now)
{
    allocate->tries++;
    allocate->reservation = allocate->change.of.list.items[allocate->change.of.list.count - 1];
    memcpy(allocate->server, allocate->change.of.server, sizeof(allocate->server));
    give(allocate, world, now);
    move(allocate, ALLOCATE_WRITING);
}

/* Chooses until a candidate will do. */
static void try_next(struct allocate *allocate, const struct allocate_world *world, const struct instant *now)
{
    for (;;) {
        struct placement_answer answer;
        choose(allocate, world, 1, now, &answer);
        size_t at = find_free(allocate, world, &answer);
        if (answer.count > 0 && at == SIZE_MAX && !is_place_first(allocate)) {
            choose(allocate, world, PLACEMENT_COUNT_MAX, now, &answer);
            at = find_free(allocate, world, &answer);
        }
        if (answer.count == 0) {
            on_none(allocate, &answer, now);
            return;
        }
        if (at == SIZE_MAX) {
            at = is_place_first(allocate) ? 0 : random_below(&allocate->random, answer.count);
            wait_for_turn(allocate, allocate->query.type, view_entry_id(answer.entries[at]));
            return;
        }
        enum fit fit = prepare(allocate, world, view_entry_id(answer.entries[at]), now);
        if (fit == FITS) {
            write(allocate, world, now);
            return;
        }
        if (!exclude(allocate, view_entry_id(answer.entries[at]), fit == NEVER)) {
            forget_tried(allocate);
            wait_a_moment(allocate, now);
            return;
        }
    }
}

void allocate_go(struct allocate *allocate, const struct allocate_world *world, const struct instant *now)
{
    bool has_turn = allocate->place[0] != '\0' && !turns_taken(world->turns, str_of(allocate->place));
    if (allocate->state != ALLOCATE_WAITING || (now->mono < allocate->due && !has_turn)) {
        return;
    }
    allocate->place[0] = '\0';
    if (now->mono >= allocate->ends) {
        give_up(allocate);
        return;
    }
    try_next(allocate, world, now);
}

/* ---- the id ---- */

static bool is_gone(const struct allocate *allocate, const struct allocate_world *world, struct str server)
{
    return view_facts(world->view)->synced && view_find(world->view, allocate->query.type, server) == NULL;
}

/* There is a key of the id, which names the server whose list the reply has: is it a reservation? */
static void judge_id(struct allocate *allocate, const struct allocate_world *world,
                     const struct seats_reply *reply, const struct instant *now)
{
    struct seats_change *change = &allocate->change;
    const struct reservation *entry = reservations_find(&reply->list, str_of(change->id));
    struct str server = str_of(reply->place.server);
    bool counts = entry != NULL && reservation_is_live(entry, now->wall) && !is_gone(allocate, world, server);
    if (counts) {
        memcpy(allocate->server, reply->place.server, sizeof(allocate->server));
        allocate->reservation = *entry;
        finish(allocate, entry->seats != allocate->query.seats ? ALLOCATE_ID_TAKEN
                         : allocate->maybe_made                ? ALLOCATE_MADE
                                                               : ALLOCATE_EXISTED);
        return;
    }
    /* It is free. An entry that is left goes with the key that named it. */
    allocate->id_revision = reply->id.revision;
    change->former = (struct seats_list){.list = change->former.list, .revision = reply->seats.revision};
    if (entry != NULL) {
        memcpy(change->former.server, reply->place.server, sizeof(change->former.server));
        reservations_copy(&change->former.list, &reply->list);
        reservations_remove(&change->former.list,
                            reservations_find(&change->former.list, str_of(change->id)));
    }
    wait_a_moment(allocate, now);
}

static void on_id(struct allocate *allocate, const struct allocate_world *world,
                  const struct seats_reply *reply, const struct instant *now)
{
    struct str server = str_of(reply->place.server);
    if (reply->id.foreign) {
        finish(allocate, ALLOCATE_ID_FOREIGN);
    } else if (str_eq(server, str_of(allocate->change.of.server))) {
        judge_id(allocate, world, reply, now);
    } else if (allocate->tries >= TRIES_MAX) {
        give_up(allocate);
    } else {
        read_id(allocate, server);
    }
}

/* ---- answers ---- */

static void on_not_made(struct allocate *allocate, const struct allocate_world *world,
                        const struct seats_reply *reply, const struct instant *now)
{
    struct seats_change *change = &allocate->change;
    bool id_changed = reply->id.revision != allocate->id_revision;
    allocate->id_known = true;
    if (id_changed && reply->id.found) {
        on_id(allocate, world, reply, now);
        return;
    }
    allocate->id_revision = reply->id.revision; /* 0: a free key of the id is gone */
    if (id_changed) {
        change->former.server[0] = '\0';
    } else if (change->former.server[0] != '\0' && allocate->tries < TRIES_MAX) {
        read_id(allocate, str_of(change->former.server)); /* it may be its list that others changed */
        return;
    }
    if (reply->record.found && reply->record.revision != change->record_revision) {
        memcpy(allocate->behind, change->of.server, sizeof(allocate->behind));
        allocate->behind_revision = reply->record.revision;
    }
    bool again = is_place_first(allocate) && reply->record.found && ++allocate->same < SAME_MAX;
    if (!again) {
        allocate->same = 0;
        if (!exclude(allocate, str_of(change->of.server), false)) {
            forget_tried(allocate);
        }
    }
    wait_a_moment(allocate, now);
}

static void on_failed(struct allocate *allocate, const struct seats_reply *reply, const struct instant *now)
{
    bool unknown = reply->failure == REGISTRY_UNKNOWN;
    bool again = unknown || reply->failure == REGISTRY_RETRY || reply->failure == REGISTRY_OVERLOADED;
    allocate->maybe_made = allocate->maybe_made || (unknown && allocate->state == ALLOCATE_WRITING);
    if (!again || allocate->tries >= TRIES_MAX || now->mono >= allocate->ends) {
        fail(allocate, reply->failure, reply->error);
    } else if (allocate->maybe_made) {
        read_id(allocate, str_of(allocate->change.of.server));
    } else {
        wait_a_moment(allocate, now);
    }
}

void allocate_reply(struct allocate *allocate, const struct allocate_world *world,
                    const struct seats_reply *reply, const struct instant *now)
{
    bool wrote = allocate->state == ALLOCATE_WRITING;
    allocate->id_known = allocate->id_known || (!wrote && reply->failure == REGISTRY_OK);
    take_back(allocate, world, now);
    if (reply->failure != REGISTRY_OK) {
        on_failed(allocate, reply, now);
    } else if (wrote && reply->made) {
        finish(allocate, ALLOCATE_MADE);
    } else if (wrote) {
        on_not_made(allocate, world, reply, now);
    } else if (reply->id.found) {
        on_id(allocate, world, reply, now);
    } else { /* what was written did not happen, or the id is free meanwhile */
        allocate->id_revision = 0;
        allocate->change.former.server[0] = '\0';
        wait_a_moment(allocate, now);
    }
}
