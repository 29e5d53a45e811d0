/* Transactions. Consul has no branches, and its transactions fail where a key is read that is absent. So the keys are read, the
 * comparisons are made here, and one transaction writes if every key is still as it was read: else all begins again. */
#include "call_internal.h"

#include "outrider/base/blob.h"
#include "outrider/base/mem.h"

#include <stdlib.h>

/* Reads in one transaction, beside the check of the identity. */
enum { READS_MAX = CONSUL_OPS_MAX - 1 };

void consul_shots_fini(struct consul_call *call)
{
    for (size_t i = 0; i < call->shot_count; i++) {
        blob_unref(call->shots[i].value);
    }
    free(call->shots);
    call->shots = NULL;
    call->shot_count = 0;
}

static struct consul_shot *find_shot(const struct consul_call *call, struct str key)
{
    for (size_t i = 0; i < call->shot_count; i++) {
        if (str_eq(call->shots[i].key, consul_key(key))) {
            return &call->shots[i];
        }
    }
    return NULL;
}

static void add_shot(struct consul_call *call, struct str key)
{
    if (find_shot(call, key) == NULL) {
        call->shots[call->shot_count++] = (struct consul_shot){.key = consul_key(key)};
    }
}

static void list_shots(struct consul_call *call)
{
    const struct registry_txn *txn = call->txn;
    consul_shots_fini(call);
    call->shots = mem_resize(NULL, 3 * REGISTRY_TXN_MAX + 1, sizeof(call->shots[0]));
    if (txn == NULL) {
        add_shot(call, call->request.key);
        return;
    }
    for (size_t i = 0; i < txn->compare_count; i++) {
        add_shot(call, txn->compares[i].key);
    }
    for (size_t i = 0; i < txn->then_count; i++) {
        add_shot(call, txn->then[i].key);
    }
    for (size_t i = 0; i < txn->otherwise_count; i++) {
        add_shot(call, txn->otherwise[i].key);
    }
}

/* ---- reading ---- */

static void evaluate(struct consul_call *call);

/* Asks for as many of the keys as fit that are not known yet. */
static void read_on(struct consul_call *call)
{
    size_t asked = 0;
    consul_ops_begin(call);
    for (size_t i = 0; i < call->shot_count && asked < READS_MAX; i++) {
        if (!call->shots[i].known) {
            (void)consul_ops_add(call, (struct consul_op){.verb = CONSUL_GET, .key = call->shots[i].key});
            asked++;
        }
    }
    if (asked == 0) {
        evaluate(call);
    } else {
        consul_ops_send(call, CONSUL_READ, false);
    }
}

static void learn(struct consul_shot *shot, const struct consul_kv *kv)
{
    shot->known = shot->found = true;
    shot->value = blob_new(kv->value);
    shot->mod = kv->mod;
    shot->create = kv->create;
    shot->session = kv->session;
}

/* Those that are absent are known now; where there were any the others are asked again. */
static void on_read(struct consul_call *call)
{
    for (size_t op = 1; op < call->op_count; op++) {
        struct consul_shot *shot = find_shot(call, call->ops[op].key);
        const struct consul_kv *kv = consul_kvs_find(&call->answer.kvs, call->ops[op].key);
        const struct consul_refusal *refusal = consul_txn_refusal(&call->answer, op);
        if (refusal != NULL && refusal->reason != CONSUL_ABSENT) {
            consul_call_fail(call, REGISTRY_REFUSED, call->answer.text);
            return;
        }
        if (refusal != NULL) {
            shot->known = true;
        } else if (call->answer.refusal_count == 0 && kv == NULL) {
            /* Consul leaves out what a token may not read. */
            consul_call_denied(call,
                               "the token may not read a key that is there (docs/registries.md, \"Consul\")");
            return;
        } else if (kv != NULL) {
            learn(shot, kv);
        }
    }
    read_on(call);
}

/* ---- comparing ---- */

static bool holds(const struct consul_call *call, const struct registry_compare *compare)
{
    const struct consul_shot *shot = find_shot(call, compare->key);
    switch (compare->kind) {
    case REGISTRY_IF_REVISION: return (shot->found ? shot->mod : 0) == compare->revision;
    case REGISTRY_IF_PRESENT: return shot->found;
    case REGISTRY_IF_VALUE: return shot->found && str_eq(blob_view(shot->value), compare->value);
    case REGISTRY_IF_LEASE: return registry_lease_eq(shot->session, compare->lease);
    }
    return false;
}

struct branch {
    const struct registry_action *actions;
    size_t count;
};

static struct branch branch_of(const struct consul_call *call)
{
    const struct registry_txn *txn = call->txn;
    return call->holds ? (struct branch){txn->then, txn->then_count}
                       : (struct branch){txn->otherwise, txn->otherwise_count};
}

/* What the branch does to a key; NULL: it only reads it, or not even that. */
static const struct registry_action *change_of(struct branch branch, struct str key)
{
    for (size_t i = 0; i < branch.count; i++) {
        if (branch.actions[i].kind != REGISTRY_READ && str_eq(consul_key(branch.actions[i].key), key)) {
            return &branch.actions[i];
        }
    }
    return NULL;
}

static bool changes_any(struct branch branch)
{
    for (size_t i = 0; i < branch.count; i++) {
        if (branch.actions[i].kind != REGISTRY_READ) {
            return true;
        }
    }
    return false;
}

/* ---- replying ---- */

static struct registry_kv kv_of(const struct consul_shot *shot)
{
    return (struct registry_kv){.found = shot->found,
                                .value = blob_view(shot->value),
                                .mod_revision = shot->mod,
                                .create_revision = shot->create,
                                .lease = shot->session};
}

/* A key as the branch has left it so far: nothing of it is read back. */
static void apply(const struct registry_action *action, int64_t revision, struct registry_kv *kv)
{
    if (action->kind == REGISTRY_REMOVE) {
        *kv = (struct registry_kv){0};
    } else if (action->kind == REGISTRY_WRITE) {
        *kv = (struct registry_kv){.found = true,
                                   .value = blob_view(action->value),
                                   .mod_revision = revision,
                                   .create_revision = kv->found ? kv->create_revision : revision,
                                   .lease = action->lease};
    }
}

static struct registry_item item_of(const struct consul_call *call, struct branch branch, size_t at)
{
    struct str key = branch.actions[at].key;
    struct registry_kv kv = kv_of(find_shot(call, key));
    for (size_t i = 0; i < at; i++) {
        if (str_eq(branch.actions[i].key, key)) {
            apply(&branch.actions[i], call->written, &kv);
        }
    }
    return kv.found ? (struct registry_item){.key = key, .kv = kv} : (struct registry_item){0};
}

static void reply(struct consul_call *call, int64_t revision)
{
    struct registry_item items[REGISTRY_TXN_MAX];
    struct registry_reply reply = {.succeeded = call->holds, .revision = revision};
    if (call->txn == NULL) {
        reply.succeeded = false;
        reply.kv = kv_of(&call->shots[0]);
        consul_call_reply(call, &reply);
        return;
    }
    struct branch branch = branch_of(call);
    for (size_t i = 0; i < branch.count; i++) {
        if (branch.actions[i].kind == REGISTRY_READ) {
            items[reply.item_count++] = item_of(call, branch, i);
        }
    }
    if (call->request.op == REGISTRY_TXN) {
        reply.items = items;
    } else { /* a put or a delete reads its key where it was not as expected */
        reply.kv = reply.item_count > 0 ? items[0].kv : reply.kv;
        reply.item_count = 0;
    }
    consul_call_reply(call, &reply);
}

/* Where a key is absent the index of the whole store is one request away; it says since when at least. */
static void reply_as_read(struct consul_call *call)
{
    for (size_t i = 0; i < call->shot_count; i++) {
        if (!call->shots[i].found) {
            call->seen_asked = call->consul->seen;
            consul_call_ask_global(call, call->shots[i].key);
            return;
        }
    }
    reply(call, call->consul->seen);
}

static void on_global(struct consul_call *call, const struct consul_answer *answer)
{
    struct consul *consul = call->consul;
    if (answer->head.index <= 0) {
        consul_ask_reject(&call->ask, "no X-Consul-Index");
    } else if (answer->status == 404) {
        consul_see_all(consul, call->seen_asked, answer->head.index);
        reply(call, answer->head.index);
    } else if (call->written != 0) { /* it was deleted, and another client has made it again */
        consul_see(consul, answer->head.index);
        reply(call, consul->seen);
    } else {
        consul_call_again(call, false);
    }
}

void consul_transact_done(struct consul_call *call)
{
    reply(call, 0);
}

/* ---- writing ---- */

static bool add(struct consul_call *call, enum consul_verb verb, const struct consul_shot *shot,
                struct str value, struct registry_lease session)
{
    return consul_ops_add(
        call, (struct consul_op){
                  .verb = verb, .key = shot->key, .value = value, .index = shot->mod, .session = session});
}

/* The key is still as it was read, and then as the branch wants it. */
static bool add_change(struct consul_call *call, const struct consul_shot *shot,
                       const struct registry_action *action)
{
    static const struct registry_lease none;
    struct str value = action == NULL ? STR("") : blob_view(action->value);
    bool writes = action != NULL && action->kind == REGISTRY_WRITE;
    bool leased = writes && !registry_lease_is_none(action->lease);
    bool held = !registry_lease_is_none(shot->session);
    if (writes && !leased && !held) {
        return add(call, CONSUL_CAS, shot, value, none);
    }
    bool ok = add(call, shot->found ? CONSUL_CHECK_INDEX : CONSUL_CHECK_ABSENT, shot, STR(""), none);
    if (writes && held && !registry_lease_eq(shot->session, action->lease)) {
        ok = ok && add(call, CONSUL_UNLOCK, shot, value, shot->session);
    }
    if (leased) {
        ok = ok && add(call, CONSUL_LOCK, shot, value, action->lease);
    } else if (action != NULL && action->kind == REGISTRY_REMOVE && shot->found) {
        ok = ok && add(call, CONSUL_DELETE, shot, STR(""), none);
    }
    return ok;
}

static void write(struct consul_call *call, struct branch branch)
{
    bool fits = true;
    consul_ops_begin(call);
    for (size_t i = 0; i < call->shot_count; i++) {
        const struct registry_action *action = change_of(branch, call->shots[i].key);
        if (action != NULL) {
            consul_ops_add_catalog(call, call->shots[i].key, action);
        }
    }
    for (size_t i = 0; i < call->shot_count; i++) {
        fits = fits && add_change(call, &call->shots[i], change_of(branch, call->shots[i].key));
    }
    if (!fits) {
        consul_call_fail(call, REGISTRY_REFUSED, "more than 64 operations, which is all that Consul takes");
        return;
    }
    consul_ops_send(call, CONSUL_WRITE, true);
}

/* What the transaction's index is: that of a key written; a delete tells none. */
static void on_written(struct consul_call *call)
{
    struct branch branch = branch_of(call);
    int64_t before = 0;
    call->written = 0;
    for (size_t i = 0; i < call->shot_count; i++) {
        const struct consul_shot *shot = &call->shots[i];
        const struct registry_action *action = change_of(branch, shot->key);
        const struct consul_kv *kv = consul_kvs_find(&call->answer.kvs, shot->key);
        bool writes = action != NULL && action->kind == REGISTRY_WRITE;
        if (writes && kv != NULL && kv->mod > call->written) {
            call->written = kv->mod;
        }
        before = shot->mod > before ? shot->mod : before;
    }
    for (size_t i = 0; i < call->shot_count && call->written <= before; i++) {
        const struct registry_action *action = change_of(branch, call->shots[i].key);
        if (action != NULL && action->kind == REGISTRY_REMOVE) {
            call->written = -1;
            call->seen_asked = call->consul->seen;
            consul_call_ask_global(call, call->shots[i].key);
            return;
        }
    }
    reply(call, call->written);
}

static void on_write(struct consul_call *call)
{
    bool changed = false;
    const char *text = call->answer.text;
    if (call->answer.refusal_count == 0) {
        on_written(call);
        return;
    }
    for (size_t i = 0; i < call->answer.refusal_count; i++) {
        enum consul_reason reason = call->answer.refusals[i].reason;
        changed = changed || reason == CONSUL_CHANGED || reason == CONSUL_ABSENT || reason == CONSUL_HELD;
    }
    enum consul_reason reason = call->answer.refusals[0].reason;
    if (changed) {
        consul_call_again(call, false);
    } else if (reason == CONSUL_NO_SESSION) {
        consul_call_fail(call, REGISTRY_LEASE_LOST, text);
    } else {
        consul_call_fail(call, reason == CONSUL_DELAYED ? REGISTRY_OVERLOADED : REGISTRY_REFUSED, text);
    }
}

/* ---- only read ---- */

/* Several keys, some of them absent, were read by more than one request: were they ever so at once? */
static void verify(struct consul_call *call)
{
    bool fits = call->shot_count <= READS_MAX;
    consul_ops_begin(call);
    for (size_t i = 0; fits && i < call->shot_count; i++) {
        const struct consul_shot *shot = &call->shots[i];
        (void)consul_ops_add(call, (struct consul_op){.verb = CONSUL_CHECK_INDEX,
                                                      .key = shot->key,
                                                      .index = shot->found ? shot->mod : 1});
    }
    if (fits) {
        consul_ops_send(call, CONSUL_VERIFY, false);
    } else {
        consul_call_fail(call, REGISTRY_REFUSED, "more than 63 keys, which is all that Consul reads at once");
    }
}

static void on_verified(struct consul_call *call)
{
    bool same = true;
    for (size_t i = 0; i < call->shot_count; i++) {
        const struct consul_refusal *refusal = consul_txn_refusal(&call->answer, i + 1);
        same = same &&
               (call->shots[i].found ? refusal == NULL : refusal != NULL && refusal->reason == CONSUL_ABSENT);
    }
    if (same) {
        reply_as_read(call);
    } else {
        consul_call_again(call, false);
    }
}

/* All keys are known. */
static void evaluate(struct consul_call *call)
{
    if (call->txn == NULL) {
        reply_as_read(call);
        return;
    }
    call->holds = true;
    for (size_t i = 0; i < call->txn->compare_count; i++) {
        call->holds = call->holds && holds(call, &call->txn->compares[i]);
    }
    struct branch branch = branch_of(call);
    if (changes_any(branch)) {
        write(call, branch);
    } else if (call->shot_count > 1) {
        verify(call);
    } else {
        reply_as_read(call);
    }
}

void consul_transact(struct consul_call *call)
{
    if (call->txn == NULL && call->request.op != REGISTRY_GET) {
        struct registry_txn txn;
        registry_txn_of(&call->request, &txn);
        call->txn = registry_txn_copy(&txn);
    }
    call->written = 0;
    list_shots(call);
    read_on(call);
}

void consul_transact_answered(struct consul_call *call, const struct consul_answer *answer)
{
    switch (call->step) {
    case CONSUL_READ: on_read(call); break;
    case CONSUL_WRITE: on_write(call); break;
    case CONSUL_VERIFY: on_verified(call); break;
    case CONSUL_GLOBAL: on_global(call, answer); break;
    case CONSUL_IDENTIFY:
    case CONSUL_MAKE_ID:
    case CONSUL_LEASE:
    case CONSUL_CHECK:
    case CONSUL_PUT:
    case CONSUL_TREE: break;
    }
}
