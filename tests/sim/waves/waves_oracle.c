/* What must hold at each change of the store, and after the calm. */
#include "waves_sim.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/record/control_json.h"
#include "outrider/codec/wave/wave_json.h"
#include "outrider/core/server/record.h"

#include <inttypes.h>
#include <stdio.h>

/* A pause is measured by two clocks, and begins with a step that may be long under way. */
enum { PAUSE_TOLERANCE_MS = 2 * SKEW_MS + SLOW_MS + 200 };
/* A server that is ready for a moment may be seen as if it had not been. */
enum { SEEN_TOLERANCE_MS = SLOW_MS + 250 };

static size_t index_of(const struct world *world, const char *place)
{
    size_t i = 0;
    while (i < SERVERS && strcmp(world->servers[i].place, place) != 0) {
        i++;
    }
    return i;
}

static struct known *find(struct world *world, const char *id)
{
    for (size_t i = 0; i < world->known_count; i++) {
        if (strcmp(world->known[i].id, id) == 0) {
            return &world->known[i];
        }
    }
    return NULL;
}

/* ---- one step ---- */

static bool is_of_operation(const char *holder)
{
    return holder[0] != '\0' && holder[0] != '-';
}

/* Of a server that takes players as `looked` says and that no operation holds. */
static bool is_open(const struct world *world, const struct shown *looked, size_t index)
{
    return looked[index].exists && looked[index].status == STATUS_READY &&
           !is_of_operation(world->servers[index].holder);
}

static uint32_t seats(const struct world *world, const struct shown *looked, size_t index)
{
    uint32_t capacity = world->servers[index].capacity, players = looked[index].players;
    return capacity > players ? capacity - players : 0;
}

static void check_floor(struct world *world, const struct wave *wave, const struct shown *looked,
                        size_t index)
{
    const struct server *server = &world->servers[index];
    uint64_t left = 0;
    bool others = false;
    for (size_t i = 0; i < SERVERS; i++) {
        bool open = is_open(world, looked, i);
        left += open && strcmp(world->servers[i].region, server->region) == 0 ? seats(world, looked, i) : 0;
        others = others || (open && i != index && strcmp(world->servers[i].zone, server->zone) == 0);
    }
    bool was_open = looked[index].exists && looked[index].status == STATUS_READY;
    if (wave->spec.free_seats > 0 && was_open && seats(world, looked, index) > 0 &&
        left < wave->spec.free_seats) {
        break_rule(world, "%s leaves %" PRIu64 " free seats of %u by holding %s", wave->id, left,
                   wave->spec.free_seats, server->place);
    }
    if (wave->spec.keep_one && was_open && !others) {
        break_rule(world, "%s holds %s, the last of its zone", wave->id, server->place);
    }
    if (looked[index].exists && looked[index].status == STATUS_ERROR) {
        break_rule(world, "%s holds %s, which is in error", wave->id, server->place);
    }
}

/* Holds whose servers are neither gone nor have been empty for `settle`. */
static void check_most(struct world *world, const struct wave *wave)
{
    size_t count = 0,
           most = wave->spec.max_draining > 0 ? wave->spec.max_draining : wave_size(&wave->spec, wave->count);
    for (size_t i = 0; i < SERVERS; i++) {
        const struct server *server = &world->servers[i];
        bool through = !server->record.exists ||
                       (server->empty_since > 0 &&
                        world->now - server->empty_since >= wave->spec.settle_ms - SEEN_TOLERANCE_MS);
        size_t at = 0;
        while (at < wave->count && strcmp(wave->servers[at].place, server->place) != 0) {
            at++;
        }
        /* One that came back after it was through counts no more. */
        bool counted = at < wave->count &&
                       (wave->servers[at].state == WAVE_DRAINING || wave->servers[at].state == WAVE_FAILED);
        count += counted && !through && strcmp(server->holder, wave->id) == 0 ? 1 : 0;
    }
    if (count > most) {
        break_rule(world, "%s has %zu holds under way, of %zu", wave->id, count, most);
    }
}

static void check_server(struct world *world, const struct wave *wave, const struct wave_server *was,
                         const struct wave_server *is)
{
    size_t index = index_of(world, is->place);
    const struct server *server = &world->servers[index];
    if (was->state != is->state && !wave_server_may_move(was->state, is->state)) {
        break_rule(world, "%s: %s went from %s to %s", wave->id, is->place,
                   wave_server_state_name(was->state), wave_server_state_name(is->state));
    }
    if (was->state != WAVE_EMPTY && is->state == WAVE_EMPTY && server->record.exists &&
        server->empty_since == 0 && strcmp(server->holder, wave->id) == 0 && server->held) {
        break_rule(world, "%s: %s is said to be empty, and has players", wave->id, is->place);
    }
    if (was->state != WAVE_EMPTY && is->state == WAVE_EMPTY && server->record.exists &&
        server->empty_since > 0 &&
        world->now - server->empty_since < wave->spec.settle_ms - SEEN_TOLERANCE_MS) {
        break_rule(world, "%s: %s is empty for %" PRId64 " ms only", wave->id, is->place,
                   world->now - server->empty_since);
    }
    if (was->state == WAVE_WAITING && is->state == WAVE_DRAINING &&
        wave_of(wave, (size_t)(is - wave->servers)) != wave->wave) {
        break_rule(world, "%s: %s is held before its wave", wave->id, is->place);
    }
}

static void check_operation(struct world *world, struct known *known, const struct wave *is, bool by_driver)
{
    const struct wave *was = &known->wave;
    bool direct = was->state == is->state || wave_may_move(was->state, is->state);
    bool through_running =
        was->state == WAVE_PLANNED && (is->state == WAVE_DONE || is->state == WAVE_STOPPED);
    if (!direct && !through_running) {
        break_rule(world, "%s went from %s to %s", is->id, wave_state_name(was->state),
                   wave_state_name(is->state));
    }
    for (size_t i = 0; i < is->count; i++) {
        check_server(world, is, &was->servers[i], &is->servers[i]);
        bool began = was->servers[i].state == WAVE_WAITING && is->servers[i].state == WAVE_DRAINING;
        if (began && was->state != WAVE_PLANNED && was->state != WAVE_RUNNING) {
            break_rule(world, "%s is %s and holds %s", is->id, wave_state_name(was->state),
                       is->servers[i].place);
        }
    }
    if (is->wave > was->wave) {
        if (is->wave != was->wave + 1) {
            break_rule(world, "%s skips a wave", is->id);
        }
        if (is->spec.pause_ms > 0 && (known->paused_at == 0 || world->now - known->paused_at <
                                                                   is->spec.pause_ms - PAUSE_TOLERANCE_MS)) {
            break_rule(world, "%s does not pause", is->id);
        }
    }
    known->paused_at = is->pause_until_wall == 0                       ? 0
                       : is->pause_until_wall == was->pause_until_wall ? known->paused_at
                                                                       : world->now;
    if (by_driver && is->state == WAVE_DONE && was->state != WAVE_DONE) {
        world->stats.ended++;
    }
}

/* A hold of the step is new at the server, or was lifted by it. */
static void check_holds(struct world *world, const struct packet *packet, const struct wave *wave,
                        char before[SERVERS][ULID_LENGTH + 1])
{
    for (size_t i = 0; i < SERVERS; i++) {
        const char *was = before[i], *is = world->servers[i].holder;
        if (strcmp(was, is) == 0) {
            continue;
        }
        if (strcmp(is, wave->id) == 0) {
            world->stats.holds++;
            if (was[0] != '\0') {
                break_rule(world, "%s takes the hold of %s at %s", wave->id, was, world->servers[i].place);
            }
            check_floor(world, wave, packet->looked, i);
        } else {
            world->stats.lifts++;
            if (strcmp(was, wave->id) != 0 || is[0] != '\0') {
                break_rule(world, "%s lifts the hold of %s at %s", wave->id, was, world->servers[i].place);
            }
        }
    }
}

/* Who commits holds the first key of the lock. */
static void check_lock(struct world *world, const struct packet *packet, unsigned node)
{
    const struct registry_reply *reply =
        net_do(world, (struct registry_request){.op = REGISTRY_LIST,
                                                .key = STR("/ctl/leader/_drains/"),
                                                .range_end = STR("/ctl/leader/_drains0"),
                                                .limit = 100});
    struct str first = STR("");
    int64_t lowest = INT64_MAX;
    for (size_t i = 0; i < reply->item_count; i++) {
        bool lower = reply->items[i].kv.create_revision < lowest;
        lowest = lower ? reply->items[i].kv.create_revision : lowest;
        first = lower ? reply->items[i].key : first;
    }
    if (!str_eq(first, packet->txn->compares[0].key)) {
        break_rule(world, "node %u acts, and %.*s holds the lock", node, STR_ARG(first));
    }
    world->stats.steps++;
}

/* ---- the store as it is now ---- */

static void read_holders(struct world *world)
{
    for (size_t i = 0; i < SERVERS; i++) {
        struct server *server = &world->servers[i];
        char key[64], holder[ULID_LENGTH + 1] = "";
        struct hold hold = {.set = false};
        struct error err;
        snprintf(key, sizeof(key), "/ctl/control/%s", server->place);
        struct registry_kv kv = memory_read(world->store, str_of(key));
        int64_t revision = kv.found ? kv.mod_revision : 0;
        if (server->control_revision == revision) {
            continue;
        }
        server->control_revision = revision;
        if (kv.found && control_decode(kv.value, &hold, &err) == 0 && hold.set) {
            snprintf(holder, sizeof(holder), "%s", hold.operation[0] == '\0' ? "-" : hold.operation);
        }
        if (strcmp(holder, server->holder) != 0) {
            tell(world, "%s: held by %s", server->place, holder[0] == '\0' ? "none" : holder);
            memcpy(server->holder, holder, sizeof(holder));
            plan(world, between(world, 1, 2000), EVENT_AGENT, 0, NULL, i);
        }
    }
}

/* The operation of a request as it is in the store; false: it is not there. */
static bool read_wave(struct world *world, const char *id, struct wave *ret_wave)
{
    char key[64];
    struct error err;
    snprintf(key, sizeof(key), "/ctl/drains/%s", id);
    struct registry_kv kv = memory_read(world->store, str_of(key));
    if (kv.found && wave_decode(kv.value, ret_wave, &err) < 0) {
        break_rule(world, "%s cannot be read: %s", id, err.text);
        return false;
    }
    return kv.found;
}

/* No hold without an operation that knows it; none of one that is over and leaves none. */
static void check_orphans(struct world *world)
{
    for (size_t i = 0; i < SERVERS; i++) {
        const struct server *server = &world->servers[i];
        if (!is_of_operation(server->holder)) {
            continue;
        }
        const struct known *known = find(world, server->holder);
        bool held = false;
        for (size_t k = 0; known != NULL && k < known->wave.count; k++) {
            held = held ||
                   (known->wave.servers[k].held && strcmp(known->wave.servers[k].place, server->place) == 0);
        }
        bool lifted = known != NULL && known->wave.state == WAVE_DONE &&
                      (known->wave.undone || known->wave.spec.undrain);
        if (!held || lifted) {
            break_rule(world, "%s has a hold of %s, which %s", server->place, server->holder,
                       lifted ? "is done" : "does not know it");
        }
    }
}

static void take_wave(struct world *world, const struct packet *packet, unsigned node,
                      char before[SERVERS][ULID_LENGTH + 1])
{
    const struct registry_txn *txn = packet->txn;
    bool by_driver = txn->compares[0].kind == REGISTRY_IF_REVISION &&
                     str_starts(txn->compares[0].key, STR("/ctl/leader/"));
    struct str key = txn->then[0].key;
    char id[ULID_LENGTH + 1];
    struct wave wave;
    for (size_t i = 0; i < SERVERS && !by_driver; i++) {
        if (strcmp(before[i], world->servers[i].holder) != 0) {
            break_rule(world, "node %u changes a hold and compares no lock", node);
        }
    }
    snprintf(id, sizeof(id), "%.*s", ULID_LENGTH, key.data + sizeof("/ctl/drains/") - 1);
    struct known *known = find(world, id);
    if (!read_wave(world, id, &wave)) {
        return;
    }
    for (size_t i = 0; i < world->known_count && known == NULL && wave.key[0] != '\0'; i++) {
        if (strcmp(world->known[i].wave.key, wave.key) == 0) {
            break_rule(world, "%s and %s are of one request", world->known[i].id, id);
        }
    }
    if (known == NULL && world->known_count < OPERATIONS) {
        known = &world->known[world->known_count++];
        *known = (struct known){.present = true, .wave = wave};
        memcpy(known->id, id, sizeof(id));
        return;
    }
    struct buf was = {0}, is = {0};
    wave_encode(&known->wave, WAVE_JSON_STORED, &was);
    wave_encode(&wave, WAVE_JSON_STORED, &is);
    if (!str_eq(buf_view(&was), buf_view(&is))) {
        check_operation(world, known, &wave, by_driver);
        wave_fini(&known->wave);
        known->wave = wave;
        if (by_driver) {
            check_holds(world, packet, &known->wave, before);
            check_most(world, &known->wave);
            check_lock(world, packet, node);
        }
    } else {
        wave_fini(&wave);
    }
    buf_fini(&was);
    buf_fini(&is);
}

void oracle_check(struct world *world, const struct packet *packet, unsigned node)
{
    char before[SERVERS][ULID_LENGTH + 1];
    for (size_t i = 0; i < SERVERS; i++) {
        memcpy(before[i], world->servers[i].holder, sizeof(before[i]));
    }
    read_holders(world);
    if (packet != NULL) {
        take_wave(world, packet, node, before);
    }
    check_orphans(world);
}

/* ---- after the calm ---- */

void oracle_end(struct world *world)
{
    for (size_t i = 0; i < world->known_count; i++) {
        const struct wave *wave = &world->known[i].wave;
        bool free_to_go = wave->spec.free_seats == 0;
        if (wave->state == WAVE_UNDOING || wave->state == WAVE_PLANNED ||
            (wave->state == WAVE_RUNNING && free_to_go && wave_counts(wave, WAVE_FAILED) == 0)) {
            break_rule(world, "%s is still %s", wave->id, wave_state_name(wave->state));
        }
    }
}
