/* What must hold at every step. */
#include "sim.h"

#include "core/server/server_internal.h" /* since when, by the clock that is never set */

#include <inttypes.h>
#include <stdio.h>

bool record_says(struct str json, const char *status)
{
    char text[48];
    int size = snprintf(text, sizeof(text), "\"status\":\"%s\"", status);
    return json.size > 0 && memmem(json.data, json.size, text, (size_t)size) != NULL;
}

/* A bucket of `burst` that refills at `per_second`. Returns whether there was still room. */
static bool spend(int64_t *tat_us, int64_t now_ms, int64_t per_second, int64_t burst)
{
    int64_t now = now_ms * 1000, cost = 1000000 / per_second;
    *tat_us = (*tat_us > now ? *tat_us : now) + cost;
    return *tat_us - now <= burst * cost;
}

void check_spin(struct node *node)
{
    struct watch *watch = &node->watch;
    if (watch->spun_at != node->world->now) {
        watch->spun_at = node->world->now;
        watch->spins = 0;
    }
    if (++watch->spins > 2000) {
        violated(node->world, node, "it never comes to rest: 2000 steps at one moment");
    }
}

/* ---- requests ---- */

static bool speaks_of_lease(enum registry_op op)
{
    return op == REGISTRY_GRANT || op == REGISTRY_KEEPALIVE || op == REGISTRY_REVOKE;
}

/* At most one request for the lease and one for the key. Only those of a lease that is over may be given up,
 * and all while it leaves. */
static void check_single_flight(struct node *node, const struct registry_request *request,
                                struct packet *packet)
{
    struct watch *watch = &node->watch;
    int64_t lease = lease_number(registrar_facts(node->router->registrar).lease);
    if (request->op == REGISTRY_COMPARE) {
        if (watch->compare_flying != NULL) {
            violated(node->world, node, "its keys are compared twice at once");
        }
        watch->compare_flying = packet;
    } else if (packet->control) {
        if (watch->control_flying != NULL && !node->stopping) {
            violated(node->world, node, "%s while another request for the control key is under way",
                     registry_op_name(request->op));
        }
        watch->control_flying = packet;
    } else if (speaks_of_lease(request->op)) {
        bool named = !registry_lease_is_none(request->lease); /* else a second grant makes another lease */
        if (named && watch->lease_flying != NULL && request->op != REGISTRY_REVOKE &&
            watch->lease_flying_for == lease_number(request->lease)) {
            violated(node->world, node, "%s while another request for the lease is under way",
                     registry_op_name(request->op));
        }
        watch->lease_flying = packet;
        watch->lease_flying_for = lease_number(request->lease);
    } else {
        if (watch->key_flying != NULL && watch->key_flying_for == lease) {
            violated(node->world, node, "%s while another request for the key is under way",
                     registry_op_name(request->op));
        }
        watch->key_flying = packet;
        watch->key_flying_for = lease;
    }
}

/* docs/design/protocol.md, "Effective status": ready needs passing probes. After a restart an adopted record
 * may stand for them until every probe has a verdict. */
static void check_ready(struct node *node)
{
    struct watch *watch = &node->watch;
    bool all_known = true;
    for (size_t i = 0; i < node->router->probe_count; i++) {
        enum verdict verdict = health_verdict(&node->router->probes[i].health);
        all_known = all_known && verdict != VERDICT_UNKNOWN;
        if (verdict == VERDICT_FAILING) {
            violated(node->world, node, "ready is published while probe %zu is failing", i);
        } else if (verdict == VERDICT_UNKNOWN && (!watch->taken_over || watch->knew_all)) {
            violated(node->world, node, "ready is published though probe %zu has no verdict", i);
        }
    }
    watch->knew_all = watch->knew_all || all_known;
}

/* docs/design/protocol.md, "Restart": an attached game that comes back to a new agent keeps its players meanwhile. */
static void check_recalled(struct node *node, struct str value)
{
    enum { KEPT_MS = 5000 };
    const struct game *game = &node->game;
    bool same = node->recalls && !node_shares_key(node) && game->up && game->life == node->recalled_life;
    bool in_time = node->world->now - node->started_at < KEPT_MS;
    bool lost = memmem(value.data, value.size, "\"players\":", 10) == NULL;
    if (lost && record_says(value, "shutting_down")) {
        node->recalls = false; /* for the agent it is over: its probes fail after it reported that */
    } else if (same && in_time && node->watch.taken_over && lost) {
        violated(node->world, node,
                 "an attached game loses its players because its agent was restarted: %.*s", STR_ARG(value));
    }
}

static void check_value(struct node *node, struct str value)
{
    const struct server *server = node->router->server;
    if (record_says(value, "ready")) {
        check_ready(node);
    }
    check_recalled(node, value);
    learned_check(node, value);
    if (server_record(server) == NULL) {
        violated(node->world, node, "it writes though its record is withheld: %s",
                 server_facts(server).withheld);
    } else if (!node->watch.taken_over && !record_says(value, status_name(server_facts(server).status))) {
        violated(node->world, node, "it writes another status than %s, which it has",
                 status_name(server_facts(server).status));
    }
}

/* Every shutdown publishes shutting_down before it revokes (docs/design/protocol.md, "Signals"), unless a
 * fault prevented it. */
static void check_farewell(struct node *node, const struct registry_request *request)
{
    const struct key *key = &node->world->etcd.keys[node->key];
    bool ours = key->value != NULL && key->lease == lease_number(request->lease) && !key->by_hand;
    /* A write that failed just before waits for its retry: up to the cap, or much longer where etcd refused
     * it. */
    bool waiting = node->slow_retry || node->fault_until + 5000 > node->stop_at;
    bool leaving = node->router->shutdown.phase == SHUTDOWN_LEAVING; /* else: deregister_after */
    bool well = leaving && !waiting && node->stop_at < node->world->now;
    if (well && ours && !record_says(blob_view(key->value), "shutting_down")) {
        violated(node->world, node, "it takes its record away without having said shutting_down");
    }
}

/* docs/design/protocol.md, "Registry outage": a lease must not be kept alive under a record that says ready
 * while the server is in error and writes are refused. */
static void check_lie(struct node *node, const struct registry_request *request)
{
    const struct config_registry *registry = &node_config(node)->registry;
    const struct server *server = node->router->server;
    const struct key *key = &node->world->etcd.keys[node->key];
    int64_t now = node->world->now, mono = node_now(node).mono;
    int64_t bound =
        2 * registry->ttl_ms + 3 * registry->request_timeout_ms + 5000; /* the cap of a retry between */
    bool refused = node->watch.refused_since != 0 && now - node->watch.refused_since > bound;
    bool down = server_facts(server).status == STATUS_ERROR && mono - server->status_mono > bound;
    bool ours = key->value != NULL && key->lease == lease_number(request->lease) && !key->by_hand;
    bool awake = now - node->stopped_until > bound && now - node->suspended_until > bound;
    if (refused && down && ours && awake && record_says(blob_view(key->value), "ready")) {
        violated(node->world, node,
                 "a heartbeat for a record that says ready, of a server that is in error for %" PRId64 " ms",
                 mono - server->status_mono);
    }
}

void check_request(struct node *node, const struct registry_request *request, struct packet *packet)
{
    struct watch *watch = &node->watch;
    check_single_flight(node, request, packet);
    if (request->op == REGISTRY_KEEPALIVE) {
        check_lie(node, request);
    }
    if (request->op == REGISTRY_REVOKE) {
        check_farewell(node, request);
    }
    if (packet->control && request->op == REGISTRY_PUT) {
        if (!registry_lease_is_none(request->lease) ||
            !spend(&watch->control_tat, node->world->now, 1, node->stopping ? 11 : 6)) {
            violated(node->world, node, "a control key with a lease, or written too often");
        }
    } else if (request->op != REGISTRY_PUT) {
        if (!spend(&watch->request_tat, node->world->now, 10, 60)) {
            violated(node->world, node, "a tight loop of requests");
        }
        return;
    }
    if (packet->control) {
        return;
    }
    if (registry_lease_is_none(request->lease)) {
        violated(node->world, node, "a record without a lease");
    }
    check_value(node, blob_view(request->value));
    if (watch->quiet && node->world->now < watch->quiet_until) {
        violated(node->world, node, "a write after a hand-over in which nothing had changed");
    }
}

void check_landed(struct node *node, const struct packet *packet, const struct registry_reply *reply)
{
    struct watch *watch = &node->watch;
    bool of_lease = watch->lease_flying == packet;
    if (of_lease) {
        watch->lease_flying = NULL;
    } else if (watch->key_flying == packet) {
        watch->key_flying = NULL;
    } else if (watch->control_flying == packet) {
        watch->control_flying = NULL;
    } else if (watch->compare_flying == packet) {
        watch->compare_flying = NULL;
        return;
    } else {
        return; /* given up, or answered twice */
    }
    if (reply->failure == REGISTRY_RETRY || reply->failure == REGISTRY_UNKNOWN) {
        watch->refused_since = 0; /* without answers the record cannot be withdrawn either */
    } else if (reply->op == REGISTRY_PUT && !packet->control) {
        bool refused = reply->failure == REGISTRY_DENIED || reply->failure == REGISTRY_OVERLOADED;
        watch->refused_since = !refused                    ? 0
                               : watch->refused_since != 0 ? watch->refused_since
                                                           : node->world->now;
    }
    bool failed = reply->failure != REGISTRY_OK && reply->failure != REGISTRY_LEASE_LOST &&
                  reply->failure != REGISTRY_LEASE_EXISTS;
    int64_t *tat = &watch->failure_tat[of_lease ? 0 : packet->control ? 2 : 1];
    if (!failed) {
        *tat = 0;
    } else if (!spend(tat, packet->sent_at, 4, 20)) {
        violated(node->world, node, "a tight loop of requests that fail");
    }
    if (reply->op == REGISTRY_PUT && reply->failure == REGISTRY_OK && reply->succeeded && !packet->create &&
        !packet->control) {
        int64_t a = node->configs[0]->status.min_publish_interval_ms;
        int64_t b = node->configs[1]->status.min_publish_interval_ms;
        int64_t interval = a < b ? a : b;
        if (!spend(&watch->write_tat, packet->sent_at, 1 + (999 + interval) / interval, 8)) {
            violated(node->world, node, "more writes than the limit allows");
        }
    }
}

/* A lease lives for its TTL from when the heartbeat was sent, whenever it was answered. */
void check_deadline(struct node *node, const struct packet *packet, const struct registry_reply *reply)
{
    const struct registrar *registrar = node->router->registrar;
    bool renewed =
        reply->failure == REGISTRY_OK && (reply->op == REGISTRY_KEEPALIVE || reply->op == REGISTRY_GRANT);
    struct registrar_facts facts = registrar_facts(registrar);
    bool held =
        lease_is_held(facts.lease_state) &&
        registry_lease_eq(facts.lease, reply->op == REGISTRY_GRANT ? reply->lease : packet->request.lease);
    bool later = facts.lease_deadline_boot > packet->sent_boot + reply->ttl_ms;
    if (renewed && held && later) {
        violated(node->world, node,
                 "it takes its lease to live for %" PRId64 " ms longer than from the heartbeat",
                 facts.lease_deadline_boot - packet->sent_boot - reply->ttl_ms);
    }
}

/* ---- at etcd ---- */

void check_put(struct world *world, const struct packet *packet, const struct key *before)
{
    const struct model_lease *holder = etcd_lease(&world->etcd, before->lease);
    bool other =
        before->value != NULL && before->lease != 0 && before->lease != lease_number(packet->request.lease);
    /* After a wipe revisions start again, and an old one may match by accident, which a compare cannot
     * prevent. A lease of an earlier life is for the node to end. */
    bool in_grace = world->wiped_at > 0 || (holder != NULL && holder->owner == packet->node);
    if (other && holder != NULL && holder->ends > world->now && !in_grace) {
        violated(world, &world->nodes[packet->node],
                 "it wrote over a key that living lease %" PRIx64 " holds", (uint64_t)before->lease);
    }
}

/* A heartbeat and its retries need this long after an outage; a lease with less left may end. */
static int64_t recovery_margin(const struct node *node)
{
    return node_config(node)->registry.request_timeout_ms + 1500;
}

void check_expiry(struct world *world, const struct model_lease *lease)
{
    if (lease->owner == NO_NODE) {
        return;
    }
    const struct node *node = &world->nodes[lease->owner];
    const struct key *key = &world->etcd.keys[node->key];
    bool seen = key->value != NULL && key->lease == lease->id;
    bool steady = node->alive && lease->life == node->life && !node->stopping;
    bool hindered = node->link != LINK_UP || world->etcd_link != LINK_UP || world->leaderless ||
                    node->stopped_until > world->now || node->suspended_until > world->now;
    if (!seen || !steady || hindered || lease->revived) {
        return;
    }
    int64_t well_since = node->fault_until > node->started_at ? node->fault_until : node->started_at;
    int64_t deadline = lease->renewed_sent + lease->ttl_ms;
    if (well_since + recovery_margin(node) < deadline) {
        violated(world, node,
                 "its record is deleted though every outage ended %" PRId64 " ms before the lease did",
                 deadline - well_since);
    }
}

/* ---- leaving ---- */

void check_exit(struct node *node, int code)
{
    struct world *world = node->world;
    const struct key *key = &world->etcd.keys[node->key];
    const struct model_lease *lease = key->value == NULL ? NULL : etcd_lease(&world->etcd, key->lease);
    bool ours = lease != NULL && lease->owner == node->index && lease->life == node->life && !lease->revived;
    if (code == 0 && ours) {
        violated(world, node, "it says that its record is gone, but the key is there");
    } else if (code == 85 &&
               (!node->state_dir || registry_lease_is_none(registrar_facts(node->router->registrar).lease))) {
        violated(world, node, "handed over without a lease or a state_dir");
    } else if (code == 1 && node->fault_until < node->stop_at) {
        violated(world, node, "withdrawal not confirmed although nothing was in its way");
    } else if (code != 0 && code != 1 && code != 85) {
        violated(world, node, "exit status %d", code);
    }
}

/* In a storm lines may overtake each other: then a repeated report is a change. */
static bool heard_last(const struct node *node)
{
    char text[16];
    struct status_message message;
    snprintf(text, sizeof(text), "t%u", node->game.text);
    bool reported = server_reported_message(node->router->server, &message) && message.has_text;
    return !reported || str_eq(message.text, str_of(text));
}

/* Nothing happens, and the report of this game is restored: the next agent must not write at all. */
void check_handed_over(struct node *node)
{
    struct world *world = node->world;
    const struct game *game = &node->game;
    const struct server *server = node->router->server;
    const struct key *key = &world->etcd.keys[node->key];
    bool believed = game->style == GAME_SILENT ||
                    (game->style == GAME_NOTIFIES && game->witness_by == node->life && heard_last(node));
    believed = believed && game->up && !game->hung && !node->no_route;
    bool settled = world->now - game->changed_at > 20000 && world->now - node->fault_until > 20000 &&
                   world->now - node->started_at > 20000;
    enum status status = server_facts(server).status;
    node->watch.quiet =
        node->exit_code == 85 && believed && settled && !node_shares_key(node) && key->value != NULL &&
        !key->by_hand && registrar_facts(node->router->registrar).in_sync &&
        (status == STATUS_READY || status == STATUS_DRAINING) && intent_facts(node->router->intent).in_sync &&
        !intents_unseen(node) && server_facts(server).holds[HOLD_OPS].expires_wall == 0;
    node->watch.quiet_until = world->now + 40000;
}
