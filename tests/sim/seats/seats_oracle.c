/* What must hold, at each revision of the registry:
 *
 * - No seat is sold twice: where a server's reservations grow, those that are certainly live and the players who are inside, and
 *   whose claims went through, fit into its capacity. A player whose reservation lapsed before it was claimed is the game's own affair.
 * - A claim leaves no hole: a reservation that goes with a write of the record is counted in that record, and in each later one
 *   as long as the player is inside.
 * - An acknowledged reservation stands until it is claimed, given back, or its time and what the clocks differ is over, or its
 *   server has gone.
 * - An id has one entry at most, over all servers.
 * - A claim is refused only where there is no such reservation, and is well only where it is gone. One that went through is not
 *   refused when it is said again, as long as the agent has its state.
 *
 * A registry that is emptied, or that fails over to a replica without the last changes, has lost reservations, and what goes on from
 * there must hold the same. A claim that was undone is the one exception: its player is inside, and counted from the next write of the
 * record on, but not before.
 *
 * And by the clock: an observer counts no reservation later than 2 s after its end (observer_check()), and once all players
 * have gone every seat is free, and each record says what its game said last. */
#include "seats_sim.h"

#include "outrider/base/error.h"
#include "outrider/codec/record/seats_json.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/core/seats/seats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An answer comes within this time, in ms. */
enum { LATE_MS = 10000 };

/* So long after what went wrong, and after a lease that another life of it had, an agent has written what it has. */
enum { QUIET_MS = 5000 };

#define SEATS "/outrider/seats/world/w"
#define RECORD "/services/world/w"

static int64_t true_wall(const struct world *world)
{
    return machine_now(&world->observers[0].machine).wall - world->observers[0].machine.skew;
}

/* No agent may take it for lapsed yet: by the clock that is furthest ahead it is live. */
static bool certainly_live(const struct world *world, const struct reservation *entry)
{
    return true_wall(world) + SKEW_MS < entry->until_wall + 2000;
}

/* The server has no record, had none a moment ago, or ends: its reservations may have gone with it. */
static bool was_gone(const struct world *world, const struct agent *agent)
{
    return !agent->recorded || agent->leaving ||
           (agent->gone_at > 0 && world->now - agent->gone_at < LATE_MS);
}

static bool includes(const struct agent *agent, uint64_t number)
{
    const struct saying *saying = &agent->sayings[agent->record_serial % SAYINGS_MAX];
    if (agent->record_serial == 0 || saying->serial != agent->record_serial) {
        return agent->record_serial != 0; /* said too long ago to know */
    }
    unsigned i = 0;
    while (i < saying->count && saying->inside[i] != number) {
        i++;
    }
    return i < saying->count;
}

/* ---- changes ---- */

static void on_seats(struct world *world, unsigned server, const struct blob *is)
{
    struct agent *agent = &world->agents[server];
    struct reservations list = {0};
    struct error err;
    if (is != NULL && seats_decode(blob_view(is), &list, &err) < 0) {
        violated(world, "the reservations of %s cannot be read: %s", agent->id, err.text);
        return;
    }
    for (size_t i = 0; i < agent->seats.count && world->removal_count < ITEMS_MAX; i++) {
        if (reservations_find(&list, str_of(agent->seats.items[i].id)) == NULL) {
            world->removals[world->removal_count++] =
                (struct removal){.server = server, .entry = agent->seats.items[i]};
        }
    }
    for (size_t i = 0; i < list.count; i++) {
        const struct reservation *before = reservations_find(&agent->seats, str_of(list.items[i].id));
        agent->seats_grew = agent->seats_grew || before == NULL || before->seats < list.items[i].seats ||
                            before->until_wall < list.items[i].until_wall;
    }
    reservations_fini(&agent->seats);
    agent->seats = list;
}

static void on_record(struct world *world, unsigned server, const struct blob *is)
{
    struct agent *agent = &world->agents[server];
    struct str value = blob_view(is);
    static const char serial[] = "\"v\":\"", ready[] = "\"status\":\"ready\"";
    const char *at = is == NULL ? NULL : memmem(value.data, value.size, serial, strlen(serial));
    agent->recorded = is != NULL;
    agent->record_changed = true;
    agent->gone_at = is == NULL ? world->now : agent->gone_at;
    agent->record_serial = at == NULL ? 0 : strtoull(at + strlen(serial), NULL, 10);
    agent->record_ready = is != NULL && memmem(value.data, value.size, ready, strlen(ready)) != NULL;
}

/* What the registry has of each server is read again. A player whose reservation is lost may be told otherwise yet, and the claim of
 * one inside may be undone: until the next write of the record the registry does not know of it, and may sell its seat. That is the
 * promise of a registry that does not keep what it acknowledged. */
static void recount(struct world *world, struct agent *agent)
{
    for (unsigned i = 0; i < agent->inside_count; i++) {
        struct player *player = player_find(world, agent->inside[i]);
        if (player != NULL && player->claimed && agent->recorded && !includes(agent, player->number)) {
            player->claimed = false;
            player->undone = true;
        }
    }
}

static const struct blob *value_at(const struct world *world, const char *prefix, unsigned server)
{
    char key[40];
    snprintf(key, sizeof(key), "%s%u", prefix, server);
    const struct stored *stored = store_find(&world->store, key);
    return stored == NULL ? NULL : stored->value;
}

void oracle_undone(struct world *world)
{
    for (unsigned i = 0; i < world->server_count; i++) {
        struct agent *agent = &world->agents[i];
        on_seats(world, i, value_at(world, SEATS, i));
        on_record(world, i, value_at(world, RECORD, i));
        recount(world, agent);
        agent->seats_grew = agent->record_changed = false;
    }
    for (size_t i = 0; i < world->removal_count; i++) {
        struct player *player = player_find(world, player_number(world, str_of(world->removals[i].entry.id)));
        if (player != NULL) {
            player->undone = true;
        }
    }
    world->removal_count = 0;
    world->undone_at = world->now;
}

void oracle_changed(struct world *world, const char *key, const struct blob *is)
{
    if (strncmp(key, SEATS, strlen(SEATS)) == 0) {
        on_seats(world, (unsigned)atoi(key + strlen(SEATS)), is);
    } else if (strncmp(key, RECORD, strlen(RECORD)) == 0) {
        on_record(world, (unsigned)atoi(key + strlen(RECORD)), is);
    }
}

/* ---- a revision ---- */

static void check_removal(struct world *world, const struct removal *removal)
{
    struct agent *agent = &world->agents[removal->server];
    struct player *player = player_find(world, player_number(world, str_of(removal->entry.id)));
    /* What an agent asks for as it ends may be done late, when the server is there again. */
    bool gone = !machine_runs(&agent->machine) || was_gone(world, agent);
    bool live = certainly_live(world, &removal->entry);
    tell(world, "%s goes from %s%s, %lld ms before its time", removal->entry.id, agent->id,
         agent->record_changed ? " with a record" : "",
         (long long)(removal->entry.until_wall - true_wall(world)));
    if (player == NULL) {
        return;
    }
    /* A record that is written as it was is not a change of every registry. */
    bool same = !store_can(&world->store, REGISTRY_CAN_REVISE_SAME) && !gone;
    bool counts = agent->recorded && includes(agent, player->number);
    if ((agent->record_changed || (same && counts)) && player->stage == STAGE_INSIDE &&
        player->said_at != 0) {
        if (counts) {
            player->claimed = live; /* else it may have been dropped as lapsed */
        } else if (live && !player->undone) {
            violated(world, "%s of %s is claimed by a record that does not count it", removal->entry.id,
                     agent->id);
        }
        return;
    }
    bool claimed = ((agent->record_changed || same) && player->said_at != 0) || player->undone;
    if (live && player->acknowledged && !player->released && !gone && !claimed) {
        violated(world, "%s of %s is lost, and has %lld ms left", removal->entry.id, agent->id,
                 (long long)(removal->entry.until_wall - true_wall(world)));
    }
}

static void check_capacity(struct world *world, const struct agent *agent)
{
    uint32_t sold = 0, inside = 0;
    for (size_t i = 0; i < agent->seats.count; i++) {
        sold += certainly_live(world, &agent->seats.items[i]) ? agent->seats.items[i].seats : 0;
    }
    for (unsigned i = 0; i < agent->inside_count; i++) {
        const struct player *player = player_find(world, agent->inside[i]);
        inside += player != NULL && player->claimed ? player->seats : 0;
    }
    if (sold + inside > agent->capacity) {
        violated(world, "%s: %u seats are sold and %u are taken, of %u", agent->id, sold, inside,
                 agent->capacity);
    }
}

static void check_single(struct world *world, unsigned server)
{
    const struct reservations *list = &world->agents[server].seats;
    for (size_t i = 0; i < list->count; i++) {
        for (unsigned other = 0; other < world->server_count; other++) {
            if (other != server &&
                reservations_find(&world->agents[other].seats, str_of(list->items[i].id)) != NULL) {
                violated(world, "%s is on w%u and on w%u", list->items[i].id, server, other);
            }
        }
    }
}

static void check_record(struct world *world, const struct agent *agent)
{
    if (agent->record_ready && agent->record_serial == 0) {
        violated(world, "%s is ready by a record without what its game has said", agent->id);
    }
    for (unsigned i = 0; agent->record_ready && i < agent->inside_count; i++) {
        const struct player *player = player_find(world, agent->inside[i]);
        if (player != NULL && player->claimed && !includes(agent, player->number)) {
            violated(world, "the record of %s does not count %s any more, who is inside", agent->id,
                     player->id);
        }
    }
}

void oracle_revision(struct world *world)
{
    for (size_t i = 0; i < world->removal_count; i++) {
        check_removal(world, &world->removals[i]);
    }
    world->removal_count = 0;
    for (unsigned i = 0; i < world->server_count; i++) {
        struct agent *agent = &world->agents[i];
        if (agent->seats_grew) {
            check_capacity(world, agent);
            check_single(world, i);
        }
        if (agent->record_changed) {
            check_record(world, agent);
        }
        agent->seats_grew = agent->record_changed = false;
    }
}

/* ---- what players are told ---- */

void oracle_acknowledged(struct world *world, const struct player *player)
{
    const struct agent *agent = &world->agents[player->server];
    const struct reservation *entry = reservations_find(&agent->seats, str_of(player->id));
    bool over = true_wall(world) + SKEW_MS >= player->until_wall + 2000;
    if (entry == NULL && !over && !was_gone(world, agent) && !player->released && !player->undone) {
        violated(world, "%s is acknowledged, and %s does not have it", player->id, agent->id);
    }
}

void oracle_refused(struct world *world, const struct agent *agent, uint64_t number)
{
    const struct player *player = player_find(world, number);
    const struct reservation *entry = reservations_find(&agent->seats, str_of(player->id));
    if (entry != NULL && certainly_live(world, entry)) {
        violated(world, "the claim of %s is refused, and it is reserved", player->id);
    } else if (player->claimed && agent->state_dir) {
        violated(world, "the claim of %s is refused, and went through before", player->id);
    }
}

void oracle_confirmed(struct world *world, const struct agent *agent, uint64_t number)
{
    const struct player *player = player_find(world, number);
    const struct reservation *entry = reservations_find(&agent->seats, str_of(player->id));
    /* Another request for it, late, may have reserved it again since. */
    if (entry != NULL && certainly_live(world, entry) && !player->claimed && !player->undone) {
        violated(world, "the claim of %s is well, and it is still reserved", player->id);
    }
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Where nothing has gone wrong for a while, and the game has said nothing new, the record says what it said last: also after a failover
 * that has undone a write of it. */
void oracle_pulse(struct world *world)
{
    int64_t quiet_ms = QUIET_MS + store_lease_end(world, TTL_MS) - world->now;
    for (unsigned i = 0; i < world->server_count; i++) {
        const struct agent *agent = &world->agents[i];
        int64_t since =
            later(later(world->calm_since, world->undone_at), later(agent->started_at, agent->serial_at));
        since = later(since, agent->machine.way_until);
        bool quiet =
            world->calm && machine_runs(&agent->machine) && !agent->leaving && world->now - since > quiet_ms;
        if (quiet && agent->record_serial != agent->serial) {
            violated(world, "the record of %s does not say what its game said %lld ms ago", agent->id,
                     (long long)(world->now - agent->serial_at));
        }
    }
}

void oracle_end(struct world *world)
{
    for (unsigned i = 0; i < OBSERVERS && !world->failed; i++) {
        struct observer *observer = &world->observers[i];
        observer_check(observer);
        const struct seats_facts *facts = seats_facts(seats_router_seats(observer->seats));
        if (!view_facts(observer->router.view)->synced || !seats_router_mirror(observer->seats)->synced) {
            violated(world, "observer %u is not in sync in the end", i);
        } else if (facts->reserved > 0) {
            violated(world, "observer %u counts %llu seats as reserved in the end", i,
                     (unsigned long long)facts->reserved);
        }
    }
    for (unsigned i = 0; i < world->server_count && !world->failed; i++) {
        const struct agent *agent = &world->agents[i];
        if (agent->inside_count > 0 || !agent->record_ready) {
            violated(world, "%s: %u inside, %s in the end", agent->id, agent->inside_count,
                     agent->record_ready ? "ready" : "not ready");
        } else if (agent->record_serial != agent->serial) {
            violated(world, "the record of %s says in the end what its game said %llu times before",
                     agent->id, (unsigned long long)(agent->serial - agent->record_serial));
        }
    }
}
