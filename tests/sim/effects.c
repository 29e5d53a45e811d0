/* The effects of the router. Only the look-up of the address calls back from within. */
#include "sim.h"

#include <stdio.h>

void effects_try(struct effects *effects, unsigned index, uint64_t try_id, const struct config_probe *probe)
{
    struct node *node = effects->node;
    struct world *world = node->world;
    enum port port = node->game.ports[index % PORTS];
    node->tries[index] = try_id;
    bool slowly = !world->herd && world_chance(world, 40);
    if (port != PORT_HANGS && !slowly && node->inline_count < INLINE_TRIES) {
        node->inline_tries[node->inline_count++] = (struct inline_try){index, try_id};
        return;
    }
    int64_t after =
        port == PORT_HANGS ? probe->timeout_ms : 1 + (int64_t)world_below(world, (uint64_t)probe->timeout_ms);
    int64_t epoch = (int64_t)node->try_epoch * SERVER_PROBES_MAX;
    world_at(world, world->now + after, EVENT_TRIED, node,
             (struct event){.id = try_id, .arg = epoch + index});
}

void effects_cancel_tries(struct effects *effects)
{
    struct node *node = effects->node;
    node->try_epoch++;
    node->inline_count = 0;
    memset(node->tries, 0, sizeof(node->tries));
}

void effects_request(struct effects *effects, enum router_client client,
                     const struct registry_request *request)
{
    network_submit(effects->node, client, request);
}

void effects_watch(struct effects *effects, const struct registry_watch *watch)
{
    stream_open(effects->node, watch);
}

void effects_unwatch(struct effects *effects, uint64_t id)
{
    stream_close(effects->node, id);
}

/* The report from before a restart is restored by watching the process that made it. What it has said to this agent
 * before that need not be a status. A process that names itself is watched, too, and restores nothing. */
static void note_restored(struct node *node, pid_t pid)
{
    struct game *game = &node->game;
    bool news = game->heard_by != node->life || game->heard_said == REPORTED_NOTHING;
    if (pid != 0 && !node->hears && node->restores_message && pid == node->saved.message.mainpid && news) {
        game->heard_by = game->witness_by = node->life;
        game->heard_said = node->saved.message.reported;
        game->heard_said_at = node_now(node).mono;
    }
}

void effects_watch_pid(struct effects *effects, pid_t pid)
{
    note_restored(effects->node, pid);
    struct node *node = effects->node;
    node->watched = pid;
    if (pid != 0 && (!node->game.up || node->game.pid != pid)) {
        world_at(node->world, node->world->now, EVENT_GONE, node, (struct event){.arg = pid});
    }
}

void effects_terminate(struct effects *effects, pid_t pid)
{
    narrate(effects->node->world, effects->node, "asks process %d to end", (int)pid);
}

void effects_look_up_host(struct effects *effects)
{
    struct node *node = effects->node;
    struct instant now = node_now(node);
    router_server_event(node->router, &(struct server_event){.type = SERVER_ON_HOST,
                                                             .now = now,
                                                             .text = node->no_route ? NULL : "10.0.0.1",
                                                             .reason = node->no_route ? "no route" : NULL});
}

void effects_emit_drain(struct effects *effects, bool on, int64_t left_ms, struct str reason)
{
    (void)effects;
    (void)on;
    (void)left_ms;
    (void)reason;
}

void effects_save(struct effects *effects, enum effects_save when)
{
    struct node *node = effects->node;
    if (!node->state_dir || node->router == NULL) {
        return; /* router_new() has not returned: there is nothing to save */
    }
    bool may_write = save_may_write(&node->save, node_now(node).mono);
    if (when == EFFECTS_SAVE_NOW || when == EFFECTS_SAVE_BEFORE_GRANT ||
        (when == EFFECTS_SAVE_BEFORE_WRITE && may_write)) {
        node_save(node);
    } else if (when == EFFECTS_SAVE_SOON) {
        node_save_later(node);
    }
}

void effects_status_moved(struct effects *effects, enum status from, enum status to, struct str cause)
{
    narrate(effects->node->world, effects->node, "status %s -> %s%s%.*s", status_name(from), status_name(to),
            cause.size > 0 ? ": " : "", STR_ARG(cause));
    flaps_moved(effects->node, to);
}

void effects_note(struct effects *effects, enum registrar_note note, struct str text)
{
    static const char *const names[] = {
        [REGISTRAR_NOTE_REGISTERED] = "registered", [REGISTRAR_NOTE_TAKEN_OVER] = "taken over",
        [REGISTRAR_NOTE_LEASE_LOST] = "lease lost", [REGISTRAR_NOTE_REPAIRED] = "repaired",
        [REGISTRAR_NOTE_CONFLICT] = "conflict",     [REGISTRAR_NOTE_CONFLICT_LEFT] = "conflict left",
        [REGISTRAR_NOTE_OUTAGE] = "outage",         [REGISTRAR_NOTE_RECOVERED] = "recovered",
        [REGISTRAR_NOTE_WITHDRAWN] = "withdrawn",   [REGISTRAR_NOTE_GAP] = "gap",
        [REGISTRAR_NOTE_TAKEN_BACK] = "taken back", [REGISTRAR_NOTE_UNREAD] = "unread",
        [REGISTRAR_NOTE_HEARTBEAT] = "heartbeat",   [REGISTRAR_NOTE_DUPLICATE_AGENT] = "duplicate agent",
        [REGISTRAR_NOTE_CLUSTER] = "cluster",       [REGISTRAR_NOTE_LEASE_MOVED] = "lease moved"};
    struct node *node = effects->node;
    /* An outage is logged once for each kind of failure, however long it lasts. */
    bool over = note == REGISTRAR_NOTE_RECOVERED || note == REGISTRAR_NOTE_WITHDRAWN;
    node->watch.outage_lines = over                            ? 0
                               : note == REGISTRAR_NOTE_OUTAGE ? node->watch.outage_lines + 1
                                                               : node->watch.outage_lines;
    if (node->watch.outage_lines > REGISTRY_FAILURE_COUNT) {
        violated(node->world, node, "it logs one outage again and again");
    }
    if (note == REGISTRAR_NOTE_GAP) {
        node->watch.lease_flying = NULL; /* dropped: the answer would be from before the gap */
    }
    node->watch.taken_over = node->watch.taken_over || note == REGISTRAR_NOTE_TAKEN_OVER;
    if (note == REGISTRAR_NOTE_TAKEN_OVER) {
        /* The record that stands may not be the one from before, or be of a server that was down. */
        const struct key *key = &node->world->etcd.keys[node->key];
        struct str value = blob_view(key->value);
        bool alive = memmem(value.data, value.size, "\"startedAt\":", 12) != NULL;
        node->recalls = node->recalls && !key->by_hand && alive;
    }
    narrate(node->world, node, "note %s: %.*s", names[note], text.size > 90 ? 90 : (int)text.size, text.data);
}

void effects_intent_note(struct effects *effects, enum intent_note note, struct str text)
{
    static const char *const names[] = {
        [INTENT_NOTE_ADOPTED] = "adopted",         [INTENT_NOTE_CONFLICT] = "conflict",
        [INTENT_NOTE_PUT_AGAIN] = "put again",     [INTENT_NOTE_UNREADABLE] = "unreadable",
        [INTENT_NOTE_OUTAGE] = "control key away", [INTENT_NOTE_RECOVERED] = "control key back",
        [INTENT_NOTE_LEFT] = "control key left"};
    narrate(effects->node->world, effects->node, "note %s: %.*s", names[note],
            text.size > 120 ? 120 : (int)text.size, text.data);
}

void effects_watch_note(struct effects *effects, enum follow_note note, struct str text)
{
    static const char *const names[] = {[FOLLOW_NOTE_OUTAGE] = "watch fails",
                                        [FOLLOW_NOTE_SILENT] = "watch late",
                                        [FOLLOW_NOTE_RECOVERED] = "watch well"};
    narrate(effects->node->world, effects->node, "note %s: %.*s", names[note], STR_ARG(text));
}

void effects_drain_over(struct effects *effects, enum hold_kind kind, enum drain_outcome outcome)
{
    narrate(effects->node->world, effects->node, "the waiting for hold %s is over: %s", hold_name(kind),
            drain_outcome_name(outcome));
    if (outcome == DRAIN_EMPTY) {
        learned_check_empty(effects->node);
    }
}

void effects_claimed(struct effects *effects, uint64_t ticket, enum registrar_claim_outcome outcome,
                     struct str id, struct str why)
{
    (void)effects;
    (void)ticket;
    (void)outcome;
    (void)id;
    (void)why;
}

void effects_exit(struct effects *effects, int code)
{
    effects->node->exiting = true;
    effects->node->exit_code = code;
}
