/* Servers and their agents, faults, and operators. */
#include "waves_sim.h"

#include "outrider/base/buf.h"
#include "outrider/base/mem.h"
#include "outrider/codec/record/control_json.h"
#include "outrider/core/server/record.h"
#include "outrider/core/wave/wave_plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- servers ---- */

void server_changed(struct world *world, size_t index)
{
    struct server *server = &world->servers[index];
    bool empty =
        !server->record.exists || (server->record.status != STATUS_READY && server->record.players == 0);
    server->empty_since = !empty ? 0 : server->empty_since == 0 ? world->now : server->empty_since;
    for (unsigned i = 0; i < NODES; i++) {
        struct waves_owner *node = &world->nodes[i];
        int64_t at = world->now + between(world, 1, node->network == NETWORK_SLOW ? SLOW_MS : 50);
        node->seen_at[index] = at > node->seen_at[index] ? at : node->seen_at[index];
        plan(world, node->seen_at[index] - world->now, EVENT_SEE, i, NULL, index);
    }
}

static void set_status(struct world *world, size_t index)
{
    struct server *server = &world->servers[index];
    if (server->record.exists && server->record.status != STATUS_ERROR &&
        server->record.status != STATUS_INITIALIZING) {
        server->record.status = server->held ? STATUS_DRAINING : STATUS_READY;
    }
    server_changed(world, index);
}

void server_follow(struct world *world, size_t index)
{
    struct server *server = &world->servers[index];
    bool held = server->holder[0] != '\0';
    if (server->record.exists && held != server->held) {
        server->held = held;
        set_status(world, index);
    }
}

/* Players leave one that is held, and come to one that is ready. */
void server_live(struct world *world, size_t index)
{
    struct server *server = &world->servers[index];
    struct shown *record = &server->record;
    plan(world, between(world, 500, 8000), EVENT_LIFE, 0, NULL, index);
    if (!record->exists) {
        if (world->calm || chance(world, 30)) {
            *record = (struct shown){.exists = true, .status = STATUS_INITIALIZING};
            server->held = server->holder[0] != '\0';
            server_changed(world, index);
        }
        return;
    }
    if (record->status == STATUS_INITIALIZING ||
        (record->status == STATUS_ERROR && (world->calm || chance(world, 30)))) {
        record->status = STATUS_READY;
        set_status(world, index);
        return;
    }
    bool leaves = record->status != STATUS_READY;
    uint32_t change = (uint32_t)between(world, 1, leaves ? 30 : 10);
    if (leaves) {
        record->players -= change < record->players ? change : record->players;
    } else {
        record->players = (uint32_t)between(world, 0, server->capacity);
    }
    server_changed(world, index);
}

/* ---- the store, by hand ---- */

static void put_hold(struct world *world, size_t index, const struct hold *hold)
{
    struct buf value = {0}, key = {0};
    control_encode(hold, &value);
    buf_printf(&key, "/ctl/control/%s", world->servers[index].place);
    struct blob *blob = blob_take(&value);
    const struct registry_kv kv = memory_read(world->store, buf_view(&key));
    (void)net_do(world, (struct registry_request){.op = REGISTRY_PUT,
                                                  .key = buf_view(&key),
                                                  .value = blob,
                                                  .expect_revision = kv.found ? kv.mod_revision : 0});
    blob_unref(blob);
    buf_fini(&key);
    oracle_check(world, NULL, 0);
}

static void put_control(struct world *world, size_t index, bool held)
{
    put_hold(world, index, &(struct hold){.set = held, .reason = "by hand", .by = "ivan"});
}

void faults_sabotage(struct world *world)
{
    put_hold(world, 0, &(struct hold){.set = true, .by = "olga", .operation = "01JD00000000000000000000AA"});
}

/* An agent whose id ends with it removes the key at its end. */
static void remove_control(struct world *world, size_t index)
{
    struct buf key = {0};
    buf_printf(&key, "/ctl/control/%s", world->servers[index].place);
    const struct registry_kv kv = memory_read(world->store, buf_view(&key));
    if (kv.found) {
        (void)net_do(world, (struct registry_request){.op = REGISTRY_DELETE,
                                                      .key = buf_view(&key),
                                                      .expect_revision = kv.mod_revision});
    }
    buf_fini(&key);
    oracle_check(world, NULL, 0);
}

/* ---- faults ---- */

static void fault_server(struct world *world)
{
    size_t index = (size_t)between(world, 0, SERVERS - 1);
    struct server *server = &world->servers[index];
    int64_t what = between(world, 0, 3);
    if (what < 2 && server->record.exists) {
        tell(world, "%s vanishes", server->place);
        server->record = (struct shown){.exists = false};
        server->held = false;
        server_changed(world, index);
        if (what == 0 && !world->down) {
            remove_control(world, index);
        }
    } else if (what == 2 && server->record.exists) {
        tell(world, "%s is in error", server->place);
        server->record.status = STATUS_ERROR;
        server_changed(world, index);
    } else if (!world->down && server->record.exists) {
        tell(world, "%s is %s by hand", server->place, server->holder[0] == '\0' ? "drained" : "undrained");
        put_control(world, index, server->holder[0] == '\0');
    }
}

static void fault_node(struct world *world)
{
    struct waves_owner *node = &world->nodes[between(world, 0, NODES - 1)];
    /* Often the one that drives. */
    for (unsigned i = 0; i < NODES && chance(world, 60); i++) {
        struct waves_owner *each = &world->nodes[i];
        node = each->alive && waves_facts(each->waves).leads ? each : node;
    }
    int64_t what = between(world, 0, 4);
    if (!node->alive) {
        return;
    }
    if (what == 0) {
        node_kill(node);
        plan(world, between(world, 100, 20000), EVENT_START, node->index, NULL, 0);
    } else if (what == 1) {
        int64_t until = world->now + between(world, 1000, 20000);
        node->frozen_until = until > node->frozen_until ? until : node->frozen_until;
        tell(world, "node %u is frozen", node->index);
    } else {
        node->network = (enum network)(what - 1);
        node->synced = node->network == NETWORK_SLOW;
        tell(world, "node %u has network %d", node->index, node->network);
        plan(world, between(world, 500, 15000), EVENT_HEAL, node->index, NULL, 0);
    }
}

void faults_one(struct world *world)
{
    world->stats.faults++;
    if (chance(world, 50)) {
        fault_server(world);
    } else if (chance(world, 85)) {
        fault_node(world);
    } else if (!world->down) {
        tell(world, "the registry is away");
        world->down = true;
        net_end_watches(world, NULL);
        plan(world, between(world, 500, 15000), EVENT_UP, 0, NULL, 0);
    }
}

void faults_race(struct world *world, const struct packet *packet)
{
    enum { FIRST = 2 }; /* behind the lock and the operation */
    const struct registry_txn *txn = packet->txn;
    if (txn == NULL || txn->compare_count <= FIRST || world->calm || !chance(world, 3)) {
        return;
    }
    struct str key = txn->compares[FIRST].key;
    for (size_t i = 0; i < SERVERS; i++) {
        size_t size = strlen(world->servers[i].place);
        if (key.size > size && memcmp(key.data + key.size - size, world->servers[i].place, size) == 0) {
            tell(world, "%s is changed by hand just before a step", world->servers[i].place);
            put_control(world, i, world->servers[i].holder[0] == '\0');
        }
    }
}

/* ---- operators ---- */

static void ask(struct world *world, struct waves_owner *node, struct wave *wave)
{
    struct instant now = node_now(node);
    uint8_t bytes[10];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)random_next(&world->random);
    }
    wave->created_wall = wave->changed_wall = now.wall;
    wave_identify(wave, bytes);
    tell(world, "node %u begins %s: %zu servers, waves of %u, floor %u%s%s", node->index, wave->id,
         wave->count, wave->spec.size, wave->spec.free_seats, wave->spec.undrain ? ", undrain" : "",
         wave->key[0] != '\0' ? ", with a key" : "");
    (void)waves_create(node->waves, wave, ++world->last_ticket, &now);
}

/* Now and then the same request reaches every observer at once. */
static void begin(struct world *world, struct waves_owner *node)
{
    struct wave wave = {.state = WAVE_PLANNED};
    bool repeated = chance(world, 20);
    snprintf(wave.by, sizeof(wave.by), "olga");
    wave.spec = (struct wave_spec){.size = (uint32_t)between(world, 1, 5),
                                   .max_draining = (uint32_t)between(world, 0, 3),
                                   .free_seats = chance(world, 50) ? (uint32_t)between(world, 50, 400) : 0,
                                   .keep_one = chance(world, 50),
                                   .pause_ms = chance(world, 50) ? 20000 : 0,
                                   .settle_ms = 5000,
                                   .deadline_ms = chance(world, 30) ? between(world, 20000, 90000) : 0,
                                   .stop_after = (uint32_t)between(world, 0, 2),
                                   .undrain = chance(world, 50)};
    size_t first = (size_t)between(world, 0, SERVERS - 1), count = (size_t)between(world, 1, SERVERS);
    for (size_t i = 0; i < count; i++) {
        wave_add(&wave, str_of(world->servers[(first + i) % SERVERS].place));
    }
    world->stats.begun++;
    if (repeated) {
        snprintf(wave.key, sizeof(wave.key), "key %" PRIu64, world->stats.begun);
    }
    ask(world, node, &wave);
    for (unsigned i = 0; i < NODES && repeated; i++) {
        struct waves_owner *other = &world->nodes[i];
        if (other != node && other->alive && other->frozen_until <= world->now) {
            ask(world, other, &wave);
        }
    }
    wave_fini(&wave);
}

void operators_one(struct world *world)
{
    struct waves_owner *node = &world->nodes[between(world, 0, NODES - 1)];
    if (!node->alive || node->frozen_until > world->now) {
        return;
    }
    struct waves_facts facts = waves_facts(node->waves);
    struct instant now = node_now(node);
    bool has_room = world->stats.begun < OPERATIONS;
    if (facts.count == 0 || (chance(world, 25) && facts.active < 4 && has_room)) {
        if (has_room) {
            begin(world, node);
        }
        return;
    }
    const struct wave *wave = waves_at(node->waves, (size_t)between(world, 0, (int64_t)facts.count - 1));
    int64_t what = between(world, 0, 9);
    enum wave_order order = what < 3    ? WAVE_PAUSE
                            : what < 7  ? WAVE_RESUME
                            : what == 7 ? WAVE_CANCEL
                                        : WAVE_UNDO;
    char id[ULID_LENGTH + 1];
    memcpy(id, wave->id, sizeof(id));
    tell(world, "node %u: order %d for %s", node->index, order, id);
    (void)waves_order(node->waves, str_of(id), order, ++world->last_ticket, &now);
}
