/* What operators want of each server, known without the agent: by the answers they got, and by what they
 * wrote to the control key. Where two of them acted against each other unseen, or something unsaved was lost,
 * it is unsure, and only the agreement of agent and key is checked. */
#include "sim.h"

#include <stdio.h>

static struct key *control(const struct node *node)
{
    return &node->world->etcd.keys[network_control(node)];
}

static bool says(const struct key *key, const char *what)
{
    struct str value = blob_view(key->value);
    return value.size > 0 && memmem(value.data, value.size, what, strlen(what)) != NULL;
}

static bool holds(const struct key *key)
{
    return says(key, "{\"hold\":{");
}

static const struct hold *ops_of(const struct node *node)
{
    return &server_facts(node->router->server).holds[HOLD_OPS];
}

/* The key was written by hand or by an earlier agent, and this agent has not seen it. After a wipe revisions
 * start again, and one may equal the one seen before: then only the hold shows whose it is. */
bool intents_unseen(const struct node *node)
{
    const struct key *key = control(node);
    const struct intent *intent = node->router->intent;
    bool adopted = ops_of(node)->set && strcmp(ops_of(node)->by, "api") != 0;
    bool other = intent_facts(intent).seen != key->mod_revision ||
                 (node->world->wiped_at > 0 && key->by_hand && holds(key) != adopted);
    return (key->by_hand || !intent_facts(intent).known) && key->value != NULL && other;
}

/* How long a write that nothing waits for any more may be under way. */
enum { LATEST_MS = 60000 };

static bool is_recent(const struct node *node, int64_t at)
{
    return at > 0 && node->world->now - at < LATEST_MS;
}

/* Where the same value is no new revision, lifting what is lifted already does not fence off a late write of the
 * drain before. Nor does the agent fence off what one before it sent, of which it knows nothing. */
static bool may_be_overtaken(const struct node *node)
{
    bool own = !etcd_can(&node->world->etcd, REGISTRY_CAN_REVISE_SAME) &&
               intent_facts(node->router->intent).sent_wall != 0;
    return own || is_recent(node, node->control_left);
}

void intents_drained(struct node *node, bool for_a_while)
{
    bool other_end = intents_unseen(node) && says(control(node), "\"expires\"");
    bool late = is_recent(node, node->control_left);
    node->ops = for_a_while || other_end || late ? OPS_UNSURE : OPS_ON;
    node->ops_by_hand = false;
}

void intents_undrained(struct node *node)
{
    if (ops_of(node)->set) {
        node->ops = intents_unseen(node) || may_be_overtaken(node) ? OPS_UNSURE : OPS_OFF;
        node->ops_by_hand = false;
    }
}

/* What the agent has only from the key is lost with the agent and the key; of two changes that it has not
 * seen, it may see only the first. */
static void lost_at_key(struct node *node)
{
    bool known = node->alive && !intents_unseen(node) && ops_of(node)->set == (node->ops == OPS_ON);
    /* What is taken over from the key, a hold or its end, is saved within a second: until then only the key had it. */
    bool saved = node->save.due_mono == NEVER_MS;
    bool kept =
        node->ops == OPS_OFF ? !node->state_dir || saved : node->state_dir && saved && !node->ops_by_hand;
    node->ops = known && kept ? node->ops : OPS_UNSURE;
}

void intents_wiped(struct world *world)
{
    for (unsigned i = 0; i < world->count; i++) {
        lost_at_key(&world->nodes[i]);
    }
}

/* An acknowledged change of a control key may be undone, and then the one before is what the agent reads. */
void intents_undone(struct world *world)
{
    for (unsigned i = 0; i < world->count; i++) {
        world->nodes[i].ops = OPS_UNSURE;
    }
}

void intents_started(struct node *node, bool with_state)
{
    const struct key *key = control(node);
    if (!with_state && ((node->ops == OPS_ON) != holds(key) || says(key, "\"expires\""))) {
        node->ops = OPS_UNSURE; /* only the key is left, and may not have it */
    }
}

/* What has not reached the key is lost with the state; what was sent may still arrive, after later changes.
 */
void intents_forgotten(struct node *node)
{
    node->ops = node->died_unwritten ? OPS_UNSURE : node->ops;
}

void intents_ended(struct node *node)
{
    const struct intent *intent = node->router->intent;
    node->died_unwritten = intent_facts(intent).pending || intent_facts(intent).sent_wall != 0;
    if (!node->state_dir) {
        intents_forgotten(node);
        node->control_left = node->died_unwritten ? node->world->now : node->control_left;
    }
}

/* A write that was given up may arrive after the removal, and finds the key absent again. */
static bool may_come_back(const struct node *node)
{
    return is_recent(node, node->control_unanswered);
}

static void put(struct node *node, const char *text)
{
    struct world *world = node->world;
    struct blob *value = blob_new(str_of(text));
    narrate(world, node, "its control key is written by hand: %s", text);
    etcd_put(&world->etcd, network_control(node), value, 0);
    blob_unref(value);
}

/* An operator with etcdctl. */
void intents_by_hand(struct node *node)
{
    struct world *world = node->world;
    char since[96];
    bool pending = node->alive ? intent_facts(node->router->intent).pending : node->state_dir;
    switch (world_below(world, 6)) {
    case 0:
    case 1:
        /* No two holds are set at one moment: an equal one could be a late write of the agent. */
        snprintf(since, sizeof(since),
                 "{\"hold\":{\"by\":\"etcdctl\",\"since\":\"2026-11-21T02:%02d:%02d.%03dZ\"}}",
                 (int)(world->now / 60000 % 60), (int)(world->now / 1000 % 60), (int)(world->now % 1000));
        put(node, world_chance(world, 500) ? "{\"hold\":{\"reason\":\"by hand\"}}" : since);
        /* After a wipe a revision that was seen before may occur again, and a compare cannot tell. */
        node->ops = pending && world->wiped_at > 0 ? OPS_UNSURE : OPS_ON;
        break;
    case 2:
        put(node, "{\"hold\":{\"reason\":\"for a while\",\"expires\":\"2026-11-21T02:30:00Z\"}}");
        node->ops = OPS_UNSURE;
        break;
    case 3:
        put(node, "{\"hold\":null}");
        node->ops = pending ? OPS_UNSURE : OPS_OFF;
        break;
    case 4:
        lost_at_key(node);
        put(node, "drain, please");
        break;
    default:
        lost_at_key(node);
        node->ops = may_come_back(node) ? OPS_UNSURE : node->ops;
        narrate(world, node, "its control key is deleted by hand");
        etcd_delete(&world->etcd, network_control(node));
        break;
    }
    control(node)->by_hand = true;
    node->ops_by_hand = true;
    for (unsigned i = 0; i < world->count; i++) {
        struct node *other = &world->nodes[i];
        if (other->key == node->key) {
            other->ops = other == node && !node_shares_key(node) ? node->ops : OPS_UNSURE;
            other->watch.quiet = false;
        }
    }
}

void intents_unanswered(struct node *node, const struct packet *packet)
{
    if (packet->control && packet->request.op == REGISTRY_PUT) {
        node->control_unanswered = node->world->now;
    }
}

/* docs/design/protocol.md, "Control key": removed at a clean stop where the id is ephemeral. */
void intents_left(struct node *node, int code)
{
    const struct key *key = control(node);
    if (!node_ends_with_its_id(node)) {
        return;
    }
    bool hindered = node->fault_until + 5000 > node->stop_at || node->slow_retry;
    if (key->value != NULL) {
        node->ops = OPS_UNSURE; /* the removal may still be in flight */
    } else if (code == 0) {
        node->ops = node_shares_key(node) || may_come_back(node) ? OPS_UNSURE : OPS_OFF;
    }
    if (code == 0 && key->value != NULL && !hindered && !key->by_hand && !node_shares_key(node)) {
        violated(node->world, node, "it ends with its id and leaves the control key");
    }
}

/* ---- long after the storm ---- */

static void check_same(struct node *node, const char *what)
{
    const struct key *key = control(node);
    const struct hold *ops = ops_of(node);
    struct str value = blob_view(key->value);
    if (says(key, "\"expires\"") || ops->expires_wall > 0) {
        return; /* when its wall clock says that the hold has expired */
    }
    if (key->value == NULL ? ops->set
                           : (holds(key) || says(key, "{\"hold\":null}")) && holds(key) != ops->set) {
        violated(node->world, node, "%s, but it %s while the control key is %s: %.*s", what,
                 ops->set ? "is drained" : "is not drained", key->value == NULL ? "absent" : "there",
                 STR_ARG(value));
    } else if (holds(key) && ops->reason[0] != '\0' && !says(key, ops->reason)) {
        violated(node->world, node, "%s, but it is drained for %s and the control key says %.*s", what,
                 ops->reason, STR_ARG(value));
    }
}

void intents_check(struct node *node, const char *what)
{
    check_same(node, what);
    const struct hold *ops = ops_of(node);
    if (node->ops != OPS_UNSURE && !node_shares_key(node) && ops->set != (node->ops == OPS_ON)) {
        violated(node->world, node, "%s, but an operator's last word is not kept: it %s", what,
                 ops->set ? "is drained" : "is not drained");
    }
}
