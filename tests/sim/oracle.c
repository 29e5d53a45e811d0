/* The truth, known without the agent: what the record of each server must be once the storm is long over. */
#include "sim.h"

#include "core/server/server_internal.h" /* since when, by the clock that is never set */

#include <inttypes.h>
#include <stdio.h>

enum { MAY_INITIALIZING = 1, MAY_READY = 2, MAY_DRAINING = 4, MAY_LEAVE = 8, MAY_ERROR = 16 };

static unsigned bit_of(enum status status)
{
    static const unsigned bits[STATUS_COUNT] = {[STATUS_INITIALIZING] = MAY_INITIALIZING,
                                                [STATUS_READY] = MAY_READY,
                                                [STATUS_DRAINING] = MAY_DRAINING,
                                                [STATUS_SHUTTING_DOWN] = MAY_LEAVE,
                                                [STATUS_ERROR] = MAY_ERROR};
    return bits[status];
}

static int64_t verdict_time(const struct node *node)
{
    int64_t longest = 0;
    for (size_t i = 0; i < node_config(node)->probe_count; i++) {
        const struct config_probe *probe = &node_config(node)->probes[i];
        unsigned tries = probe->fall > probe->rise + 1 ? probe->fall : probe->rise + 1;
        int64_t time = tries * (probe->interval_ms + probe->timeout_ms);
        longest = time > longest ? time : longest;
    }
    return longest;
}

int64_t oracle_bound(const struct node *node)
{
    enum {
        RETRY_CAP = 5000,
        RESTART_AND_RESAY = 3500,
        SLACK = 1500,
        SLOW = 30000,
        FOREIGN = 12000,
        HOST = 5000
    };
    const struct config *config = node_config(node);
    int64_t factor = node->world->etcd.kind->limits.ends_factor;
    int64_t bound = RETRY_CAP + factor * config->registry.ttl_ms + 2 * config->registry.request_timeout_ms +
                    verdict_time(node) + config->status.min_publish_interval_ms + RESTART_AND_RESAY + SLACK;
    bound += node->slow_retry ? SLOW : 0;
    bound +=
        (node->world->weather.acts & 1u << ACT_FOREIGN) != 0 || node_shares_key(node) ? factor * FOREIGN : 0;
    bound += (node->world->weather.acts & 1u << ACT_NO_ROUTE) != 0 ? HOST : 0;
    bound += config->server.flapping.hold_ms;
    return bound;
}

/* A failing probe is no error yet. */
static bool in_grace(const struct node *node)
{
    const struct game *game = &node->game;
    int64_t now = node->world->now, since = node->started_at;
    const struct config *config = node_config(node);
    since = game->up_at > since ? game->up_at : since;
    since = game->resaid_at > since ? game->resaid_at : since;
    if (now < since + config->grace_period_ms + verdict_time(node) + 1000) {
        return true;
    }
    bool loading = game->heard_said == REPORTED_INITIALIZING;
    int64_t max = config->server.initializing_max_ms;
    return loading && (max == 0 || node_now(node).mono < game->heard_said_at + max + 5000);
}

/* Whether the hold is right is checked in intents.c. */
static bool is_drained(const struct node *node)
{
    return server_facts(node->router->server).holds[HOLD_OPS].set;
}

static unsigned when_down(const struct node *node)
{
    const struct game *game = &node->game;
    unsigned may = MAY_ERROR;
    bool left = game->goodbye || game->died_drained || game->heard_said == REPORTED_SHUTTING_DOWN;
    /* An adopted record may be shutting_down, too: the agent before was stopping. */
    may |= left || node->ops != OPS_OFF || is_drained(node) || node->watch.taken_over ? MAY_LEAVE : 0;
    may |= in_grace(node) ? MAY_INITIALIZING : 0;
    bool unheard = game->witness_by != node->life || game->heard_said == REPORTED_NOTHING;
    may |= node_config(node)->probe_count == 0 && unheard ? MAY_INITIALIZING : 0;
    /* Without probes, a report that was read after its process had ended is all that is known. */
    may |=
        node_config(node)->probe_count == 0 && game->witness_by != node->life ? MAY_READY | MAY_DRAINING : 0;
    return may;
}

static unsigned when_up(const struct node *node)
{
    const struct game *game = &node->game;
    bool probed = node_config(node)->probe_count > 0;
    bool unsaid = game->heard_said == REPORTED_NOTHING && node_config(node)->server.require_status;
    if (game->hung && unsaid) {
        /* A record taken over may still say shutting_down: the game that hangs cannot contradict it. */
        return MAY_INITIALIZING | MAY_ERROR | (node->watch.taken_over ? MAY_LEAVE : 0);
    }
    if (game->reported == REPORTED_ERROR) {
        /* A game that hangs since before this agent started cannot report it: the agent knows what the agent
         * before knew. */
        bool unheard = game->hung && game->heard_by != node->life && game->ports[0] != PORT_OPEN;
        return MAY_ERROR | (unheard ? MAY_LEAVE : 0) | (unheard && in_grace(node) ? MAY_INITIALIZING : 0);
    }
    if (game->ports[0] != PORT_OPEN && (probed || node_config(node)->server.watchdog_ms > 0)) {
        bool unheard = game->heard_by != node->life || node->watch.taken_over;
        return MAY_ERROR | (in_grace(node) ? MAY_INITIALIZING : 0) | (unheard ? MAY_LEAVE : 0);
    }
    if (game->reported == REPORTED_INITIALIZING ||
        (game->reported == REPORTED_NOTHING && node_config(node)->server.require_status)) {
        return MAY_INITIALIZING;
    }
    if (game->hung && (game->heard_by != node->life || game->heard_said == REPORTED_INITIALIZING)) {
        return MAY_INITIALIZING; /* no probes, and the server is silent, or was at its next report */
    }
    if (game->hung && game->drain_heard_by != node->life && !is_drained(node)) {
        return MAY_READY | MAY_DRAINING; /* reported to an earlier agent, and cannot be reported again */
    }
    return is_drained(node) || game->drained ? MAY_DRAINING : MAY_READY;
}

static unsigned what_it_may(const struct node *node)
{
    unsigned may = node->game.up ? when_up(node) : when_down(node);
    /* What flapped is in error until it has been ready for a while. */
    bool ready = (may & (MAY_READY | MAY_DRAINING)) != 0;
    return may | (!ready && node_config(node)->server.flapping.changes > 0 ? MAY_ERROR : 0u);
}

/* ---- the record ---- */

static void check_status(struct node *node, struct str value, const char *what)
{
    unsigned may = what_it_may(node);
    for (int status = 0; status < STATUS_COUNT; status++) {
        if (record_says(value, status_name((enum status)status))) {
            if ((may & bit_of((enum status)status)) == 0) {
                violated(node->world, node, "%s, but its record says %s (may be: %x); the agent says %s: %s",
                         what, status_name((enum status)status), may,
                         status_name(server_facts(node->router->server).status),
                         server_facts(node->router->server).cause);
            }
            return;
        }
    }
    violated(node->world, node, "%s, but its record has no status: %.*s", what, STR_ARG(value));
}

/* What a probe counts of a game that says nothing. */
static void check_counted(struct node *node, struct str value, const char *what)
{
    const struct game *game = &node->game;
    uint32_t players;
    bool has = learned_players(value, &players), counts = learned_counts(game);
    bool answers = game->up && game->ports[0] == PORT_OPEN;
    if (game->style == GAME_SILENT && answers && (has != counts || (has && players != game->players))) {
        violated(node->world, node, "%s, but its record has not the players that a probe %s (%u): %.*s", what,
                 counts ? "counts" : "does not count", game->players, STR_ARG(value));
    }
}

static void check_words(struct node *node, struct str value, const char *what)
{
    const struct game *game = &node->game;
    if (!game->up || game->hung || game->style == GAME_SILENT || game->resaid_at < node->world->calm_since ||
        game->heard_by != node->life) {
        return;
    }
    char text[64];
    int size = snprintf(text, sizeof(text), "\"customState\":\"t%u\"", game->text);
    bool state = memmem(value.data, value.size, text, (size_t)size) != NULL;
    size = snprintf(text, sizeof(text), "\"players\":%u", game->players);
    bool players = memmem(value.data, value.size, text, (size_t)size) != NULL;
    if (!state || !players) {
        violated(node->world, node, "%s, but its record has not %u players and text t%u: %.*s", what,
                 game->players, game->text, STR_ARG(value));
    }
}

/* Whether the record may be absent: in error for longer than deregister_after. */
static bool may_be_withdrawn(const struct node *node)
{
    int64_t limit = node_config(node)->server.deregister_after_ms;
    unsigned may = what_it_may(node);
    const struct server *server = node->router->server;
    /* A recovery that no probe saw does not count. */
    int64_t in_error =
        server_facts(server).status == STATUS_ERROR ? node_now(node).mono - server->status_mono : 0;
    int64_t error = node->world->now - node->game.well_at;
    return limit > 0 && (may & MAY_ERROR) != 0 && (error >= limit || in_error >= limit);
}

static void check_living(struct node *node, const char *what)
{
    struct world *world = node->world;
    const struct key *key = &world->etcd.keys[node->key];
    const struct model_lease *lease = key->value == NULL ? NULL : etcd_lease(&world->etcd, key->lease);
    bool ours = lease != NULL && lease->owner == node->index && lease->life == node->life;
    if (ours) {
        check_status(node, blob_view(key->value), what);
        check_words(node, blob_view(key->value), what);
        check_counted(node, blob_view(key->value), what);
    } else if (!may_be_withdrawn(node) && !node_shares_key(node)) {
        violated(world, node, "%s, but its record is not there (key %s, lease of agent %d life %d)", what,
                 key->value == NULL ? "absent" : "present", lease == NULL ? -1 : (int)lease->owner,
                 lease == NULL ? -1 : (int)lease->life);
    }
}

static void check_dead(struct node *node, const char *what)
{
    struct world *world = node->world;
    const struct key *key = &world->etcd.keys[node->key];
    const struct model_lease *lease = key->value == NULL ? NULL : etcd_lease(&world->etcd, key->lease);
    bool left = key->value != NULL && !key->by_hand && (lease == NULL || lease->owner == node->index);
    int64_t since = node->died_at > world->calm_since ? node->died_at : world->calm_since;
    if (left &&
        world->now - since >
            world->etcd.kind->limits.ends_factor * node_config(node)->registry.ttl_ms + EXPIRY_SWEEP_MS) {
        violated(world, node, "%s, but the record of the dead agent is still there", what);
    }
}

/* Both agents of one id run: one of them has the key. */
static void check_shared(struct node *node, const char *what)
{
    const struct world *world = node->world;
    for (unsigned i = 0; i < world->count; i++) {
        const struct node *other = &world->nodes[i];
        if (other->key == node->key && (!other->alive || other->stopping || may_be_withdrawn(other))) {
            return;
        }
    }
    if (world->etcd.keys[node->key].value == NULL) {
        violated(node->world, node, "%s, but neither of two agents with one id is registered", what);
    }
}

void oracle_check(struct node *node, const char *what)
{
    struct world *world = node->world;
    world->stats.checks++;
    if (!node->alive) {
        check_dead(node, what);
        return;
    }
    /* Without a watch a change by hand is seen at the next write, or when the key is read back. */
    bool mute = node->game.style == GAME_SILENT || node->game.hung || !node->game.up;
    bool unseen = world->etcd.keys[node->key].by_hand && mute && !stream_is_followed(node, 5000);
    bool just_started = world->now - node->started_at < oracle_bound(node);
    if (!node->stopping && !just_started && stream_is_followed(node, 5000)) {
        intents_check(node, what);
    }
    if (!node->stopping && !unseen && !just_started) {
        check_living(node, what);
        if (node_shares_key(node)) {
            check_shared(node, what);
        }
    }
}
