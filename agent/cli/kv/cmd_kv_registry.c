/* The requests of kv on a registry other than etcd: what the interface of all registries can do, and a reason for the
 * rest. */
#include "cmd_kv_internal.h"
#include "outrider/base/blob.h"
#include "outrider/base/mem.h"
#include "outrider/core/config/config.h"
#include "outrider/core/registry/registry_request.h"
#include "outrider/io/loop/loop.h"
#include "outrider/registry/registry.h"

#include <stdlib.h>

/* A request under way. */
struct asking {
    struct kv *kv;
    struct registry_client *client;
    struct registry_txn txn;
};

/* ---- the request ---- */

static const char *add_step(const struct etcd_op *op,
                            void (*add)(struct registry_txn *, struct registry_action),
                            struct registry_txn *txn)
{
    if (op->end.size > 0) {
        return "a range in a transaction, or to delete,";
    }
    if (op->lease != 0) {
        return "--lease";
    }
    if (op->kind != ETCD_PUT || op->previous) {
        add(txn, (struct registry_action){.kind = REGISTRY_READ, .key = op->key});
    }
    if (op->kind == ETCD_PUT) {
        add(txn,
            (struct registry_action){.kind = REGISTRY_WRITE, .key = op->key, .value = blob_new(op->value)});
    } else if (op->kind == ETCD_DELETE) {
        add(txn, (struct registry_action){.kind = REGISTRY_REMOVE, .key = op->key});
    }
    return NULL;
}

static const char *add_condition(const struct etcd_compare *compare, struct registry_txn *txn)
{
    struct registry_compare wanted = {.key = compare->key};
    bool none = compare->target == ETCD_TARGET_CREATE && compare->number == 0;
    if ((none || compare->target == ETCD_TARGET_MOD) && compare->relation == ETCD_EQUAL) {
        wanted.revision = compare->number; /* 0: there is no such key */
    } else if (none && (compare->relation == ETCD_NOT_EQUAL || compare->relation == ETCD_GREATER)) {
        wanted.kind = REGISTRY_IF_PRESENT;
    } else if (compare->target == ETCD_TARGET_VALUE && compare->relation == ETCD_EQUAL) {
        wanted.kind = REGISTRY_IF_VALUE;
        wanted.value = compare->value;
    } else {
        return "a comparison other than exists, missing, mod = and value =";
    }
    registry_txn_if(txn, wanted);
    return NULL;
}

static const char *translate_txn(const struct etcd_txn *from, struct registry_txn *txn)
{
    const char *problem = NULL;
    for (size_t i = 0; problem == NULL && i < from->compare_count; i++) {
        problem = add_condition(&from->compares[i], txn);
    }
    for (size_t i = 0; problem == NULL && i < from->then_count; i++) {
        problem = add_step(&from->then[i], registry_txn_then, txn);
    }
    for (size_t i = 0; problem == NULL && i < from->otherwise_count; i++) {
        problem = add_step(&from->otherwise[i], registry_txn_otherwise, txn);
    }
    return problem;
}

static const char *translate_get(const struct kv *kv, const struct etcd_op *op,
                                 struct registry_request *request)
{
    if (op->revision > kv->pages.revision) {
        return "--rev"; /* not that of an earlier page */
    }
    *request = (struct registry_request){
        .op = REGISTRY_LIST, .key = op->key, .range_end = op->end, .limit = op->count_only ? 1 : op->limit};
    if (op->end.size == 0) {
        request->op = REGISTRY_GET;
    }
    return NULL;
}

/* Returns NULL; or what only etcd can do. */
static const char *translate(struct asking *asking, struct registry_request *request)
{
    const struct etcd_request *from = &asking->kv->request;
    *request = (struct registry_request){.op = REGISTRY_TXN, .txn = &asking->txn};
    switch (from->kind) {
    case ETCD_REQUEST_OP:
        return from->op.kind == ETCD_GET ? translate_get(asking->kv, &from->op, request)
                                         : add_step(&from->op, registry_txn_then, &asking->txn);
    case ETCD_REQUEST_TXN: return translate_txn(&from->txn, &asking->txn);
    default: return "--lease";
    }
}

/* ---- the answer, in the form that the commands print ---- */

static void add_kv(struct etcd_response *answer, struct str key, const struct registry_kv *kv)
{
    if (kv->found) {
        answer->kvs[answer->kv_count++] =
            (struct etcd_kv){.key = key,
                             .value = kv->value,
                             .create_revision = kv->create_revision,
                             .mod_revision = kv->mod_revision,
                             .lease = kv->lease.hi == 0 ? (int64_t)kv->lease.lo : 0};
    }
}

static struct etcd_result *add_result(struct etcd_response *answer, enum etcd_op_kind kind)
{
    struct etcd_result *result = &answer->results[answer->result_count++];
    *result = (struct etcd_result){.kind = kind, .first = answer->kv_count};
    return result;
}

static void answer_get(struct asking *asking, const struct registry_reply *reply,
                       struct etcd_response *answer)
{
    const struct etcd_op *op = &asking->kv->request.op;
    struct etcd_result *result = add_result(answer, ETCD_GET);
    if (reply->op == REGISTRY_GET) {
        result->count = reply->kv.found ? 1 : 0;
        add_kv(answer, op->key, &reply->kv);
    } else {
        result->count = reply->count;
        result->more = !op->count_only && reply->count > (int64_t)reply->item_count;
        for (size_t i = 0; i < reply->item_count; i++) {
            add_kv(answer, reply->items[i].key, &reply->items[i].kv);
        }
    }
    answer->kv_count = op->count_only ? 0 : answer->kv_count;
    result->kv_count = answer->kv_count;
}

/* Of each read the next item is what it found. */
static void answer_ops(const struct etcd_op *ops, size_t count, const struct registry_reply *reply,
                       struct etcd_response *answer)
{
    size_t item = 0;
    for (size_t i = 0; i < count; i++) {
        struct etcd_result *result = add_result(answer, ops[i].kind);
        if (ops[i].kind == ETCD_PUT && !ops[i].previous) {
            continue;
        }
        if (item < reply->item_count) {
            const struct registry_kv *found = &reply->items[item++].kv;
            result->count = found->found ? 1 : 0;
            if (ops[i].kind == ETCD_GET || ops[i].previous) {
                add_kv(answer, ops[i].key, found);
            }
        }
        result->kv_count = answer->kv_count - result->first;
    }
}

static void fill_answer(struct asking *asking, const struct registry_reply *reply,
                        struct etcd_response *answer)
{
    const struct etcd_request *request = &asking->kv->request;
    const struct etcd_txn *txn = &request->txn;
    answer->status.revision = reply->revision;
    answer->succeeded = reply->succeeded;
    if (reply->op != REGISTRY_TXN) {
        answer_get(asking, reply, answer);
    } else if (request->kind == ETCD_REQUEST_OP) {
        answer_ops(&request->op, 1, reply, answer);
    } else if (reply->succeeded) {
        answer_ops(txn->then, txn->then_count, reply, answer);
    } else {
        answer_ops(txn->otherwise, txn->otherwise_count, reply, answer);
    }
}

static int print_answer(struct asking *asking, const struct registry_reply *reply)
{
    const struct etcd_txn *txn = &asking->kv->request.txn;
    size_t ops = 1 + txn->then_count + txn->otherwise_count;
    struct etcd_response answer = {.results = mem_zalloc(ops * sizeof(*answer.results)),
                                   .kvs = mem_zalloc((ops + reply->item_count) * sizeof(*answer.kvs))};
    fill_answer(asking, reply, &answer);
    int status = asking->kv->row->print(asking->kv, &answer);
    free(answer.results);
    free(answer.kvs);
    return status;
}

static void on_reply(const struct registry_reply *reply, void *user)
{
    struct asking *asking = user;
    asking->kv->answered = true;
    asking->kv->status =
        reply->failure == REGISTRY_OK ? print_answer(asking, reply) : kv_fail(reply->failure, reply->error);
}

/* ---- asking ---- */

static void drop_values(struct registry_action *actions, size_t count)
{
    for (size_t i = 0; i < count && i < REGISTRY_TXN_MAX; i++) {
        blob_unref(actions[i].value);
    }
}

int kv_ask_registry(struct kv *kv, int64_t timeout_ms)
{
    struct asking asking = {.kv = kv};
    struct registry_request request;
    const char *only_etcd = translate(&asking, &request);
    const char *problem = only_etcd != NULL ? only_etcd : registry_txn_problem(&asking.txn);
    kv->answered = only_etcd != NULL || (request.op == REGISTRY_TXN && problem != NULL);
    if (only_etcd != NULL) {
        kv->status = cli_fail(EX_CONFIG, "%s needs etcd, and registry.backend is another one", only_etcd);
    } else if (kv->answered) {
        kv->status = cli_fail(EX_FAILED, "%s", problem);
    } else {
        request.id = 1;
        request.timeout_ms = timeout_ms;
        asking.client = registry_attach(kv->registry, on_reply, NULL, &asking);
        registry_submit(asking.client, &request);
    }
    while (!kv->answered) {
        loop_turn_once(kv->access.loop, true);
    }
    registry_detach(asking.client);
    drop_values(asking.txn.then, asking.txn.then_count);
    drop_values(asking.txn.otherwise, asking.txn.otherwise_count);
    return kv->status;
}
