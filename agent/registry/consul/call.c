#include "call_internal.h"

#include "outrider/base/blob.h"
#include "outrider/base/mem.h"
#include "outrider/os/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

/* How often a call begins again before it is given up as one that others always come before. */
enum { ROUNDS_MAX = 6 };

static void on_answer(struct consul_ask *ask, const struct consul_answer *answer);

/* ---- its life ---- */

static struct consul_call *call_new(struct consul *consul, const struct registry_request *request)
{
    struct consul_call *call = mem_zalloc(sizeof(*call));
    call->consul = consul;
    call->request = *request;
    buf_keep(&call->bytes, (struct str *const[]){&call->request.key, &call->request.range_end}, 2);
    call->request.value = blob_ref(request->value);
    call->request.txn = NULL;
    call->due = clock_mono_ms() + request->timeout_ms;
    call->ask = (struct consul_ask){.consul = consul,
                                    .fn = on_answer,
                                    .name = registry_op_name(request->op),
                                    .trail = &call->trail,
                                    .endpoint = endpoints_next(&consul->endpoints, 0)};
    DL_PREPEND(consul->calls, call);
    return call;
}

static void call_free(struct consul_call *call)
{
    DL_DELETE(call->consul->calls, call);
    consul_ask_fini(&call->ask);
    consul_shots_fini(call);
    consul_txn_answer_fini(&call->answer);
    registry_txn_free(call->txn);
    blob_unref(call->request.value);
    deferred_cancel(&call->refusal);
    buf_fini(&call->bytes);
    buf_fini(&call->more);
    buf_fini(&call->trail);
    free(call);
}

void consul_calls_fini(struct consul *consul)
{
    while (consul->calls != NULL) {
        call_free(consul->calls);
    }
}

void consul_call_reply(struct consul_call *call, struct registry_reply *reply)
{
    struct consul *consul = call->consul;
    struct buf note = {0};
    endpoints_note_clusters(&consul->endpoints, call->ask.endpoint, &note);
    reply->id = call->request.id;
    reply->op = call->request.op;
    reply->error = reply->failure == REGISTRY_OK ? STR("") : buf_view(&call->trail);
    reply->endpoint = str_of(consul->endpoints.list[call->ask.endpoint].name);
    reply->note = buf_view(&note);
    reply->cluster = consul->cluster;
    reply->revision = reply->revision > 0 ? reply->revision : consul->seen;
    registry_deliver(&consul->registry, reply);
    buf_fini(&note);
    call_free(call);
}

void consul_call_fail(struct consul_call *call, enum registry_failure failure, const char *why)
{
    if (why != NULL) {
        buf_printf(&call->trail, "%s%s on %s: %s", call->trail.size == 0 ? "" : "; ", call->ask.name,
                   call->consul->endpoints.list[call->ask.endpoint].name, why);
    }
    consul_call_reply(call, &(struct registry_reply){.failure = failure});
}

/* ---- requests ---- */

void consul_call_send(struct consul_call *call, enum consul_step step, enum http_method method, bool changes)
{
    int64_t left_ms = call->due - clock_mono_ms();
    call->step = step;
    call->ask.method = method;
    call->ask.changes = changes;
    call->ask.is_long = step == CONSUL_TREE;
    call->ask.timeout_ms = left_ms > 1 ? left_ms : 1;
    if (method == HTTP_GET) {
        buf_clear(&call->ask.body);
    }
    consul_ask_send(&call->ask);
}

void consul_ops_begin(struct consul_call *call)
{
    call->ops[0] = consul_id_check(call->consul);
    call->op_count = 1;
    call->checks_id = true;
    buf_clear(&call->more);
    call->more_count = 0;
}

void consul_ops_add_catalog(struct consul_call *call, struct str key, const struct registry_action *action)
{
    call->more_count += consul_catalog_ops(call->consul->catalog, key, action, &call->more);
}

bool consul_ops_add(struct consul_call *call, struct consul_op op)
{
    if (call->op_count + call->more_count < COUNT_OF(call->ops)) {
        call->ops[call->op_count++] = op;
        return true;
    }
    if (!call->checks_id) {
        return false;
    }
    /* The identity was checked when the keys were read, and there is room for one more. */
    for (size_t i = 1; i < call->op_count; i++) {
        call->ops[i - 1] = call->ops[i];
    }
    call->ops[call->op_count - 1] = op;
    call->checks_id = false;
    return true;
}

void consul_ops_send(struct consul_call *call, enum consul_step step, bool changes)
{
    struct consul_ask *ask = &call->ask;
    buf_clear(&ask->path);
    buf_str(&ask->path, step == CONSUL_READ || step == CONSUL_VERIFY || step == CONSUL_TREE
                            ? STR("/v1/txn?consistent")
                            : STR("/v1/txn"));
    buf_clear(&ask->body);
    consul_txn_encode(call->ops, call->op_count, buf_view(&call->more), &ask->body);
    if (ask->body.size > CONSUL_BODY_MAX) {
        call->problem = "larger than Consul takes, 512 kB in its encoding";
        loop_defer(call->consul->loop, &call->refusal);
        return;
    }
    consul_call_send(call, step, HTTP_PUT, changes);
}

void consul_call_ask_global(struct consul_call *call, struct str key)
{
    consul_path(&call->ask.path, key, "?consistent");
    consul_call_send(call, CONSUL_GLOBAL, HTTP_GET, false);
}

/* ---- which store it is ---- */

static void identify(struct consul_call *call)
{
    consul_path(&call->ask.path, CONSUL_ID, "?consistent");
    consul_call_send(call, CONSUL_IDENTIFY, HTTP_GET, false);
}

/* Another agent may do the same at the same time: one of them makes it, and all read it. */
static void make_id(struct consul_call *call)
{
    uint64_t id = random_next(&call->consul->random) >> 1 | 1;
    consul_path(&call->ask.path, CONSUL_ID, "?cas=0");
    buf_clear(&call->ask.body);
    buf_printf(&call->ask.body, "%016" PRIx64, id);
    consul_call_send(call, CONSUL_MAKE_ID, HTTP_PUT, false);
}

static void on_identity(struct consul_call *call, const struct consul_answer *answer)
{
    struct consul_kvs kvs = {0};
    if (answer->status == 404 && answer->head.index > 0) {
        make_id(call);
    } else if (answer->status != 200 || consul_kvs_decode(answer->body, &kvs) < 0 || kvs.count != 1 ||
               !str_eq(kvs.list[0].key, CONSUL_ID)) {
        consul_kvs_fini(&kvs);
        consul_ask_reject(&call->ask, "outrider/id cannot be read; is it Consul 1.8 or later?");
    } else {
        consul_identify(call->consul, call->ask.endpoint, &kvs.list[0]);
        consul_kvs_fini(&kvs);
        consul_call_start(call);
    }
}

void consul_call_again(struct consul_call *call, bool forget)
{
    if (++call->rounds >= ROUNDS_MAX) {
        consul_call_fail(call, REGISTRY_RETRY,
                         forget ? "servers of two stores answer in turn" : "its keys change all the time");
        return;
    }
    consul_shots_fini(call);
    if (forget) {
        consul_forget(call->consul);
    }
    if (call->consul->id_index == 0) {
        identify(call);
    } else {
        consul_call_start(call);
    }
}

/* ---- answers ---- */

static bool is_txn(enum consul_step step)
{
    return step == CONSUL_CHECK || step == CONSUL_PUT || step == CONSUL_READ || step == CONSUL_WRITE ||
           step == CONSUL_VERIFY || step == CONSUL_TREE;
}

static bool is_denied(const struct consul_txn_answer *answer)
{
    for (size_t i = 0; i < answer->refusal_count; i++) {
        if (answer->refusals[i].reason == CONSUL_DENIED) {
            return true;
        }
    }
    return false;
}

void consul_call_denied(struct consul_call *call, const char *why)
{
    struct buf ignored = {0};
    bool other = call->rounds == 0 && consul_token(call->consul, true, &ignored);
    buf_fini(&ignored);
    if (other) {
        consul_call_again(call, false);
    } else {
        consul_call_fail(call, REGISTRY_DENIED, why);
    }
}

static void on_txn(struct consul_call *call, const struct consul_answer *answer)
{
    if (answer->status == 404 || consul_txn_decode(answer->status, answer->body,
                                                   call->op_count + call->more_count, &call->answer) < 0) {
        consul_ask_reject(&call->ask, answer->status == 404 ? "no such path" : "no transaction's");
    } else if (is_denied(&call->answer)) {
        consul_call_denied(
            call, "Permission denied: the token needs another right (docs/registries.md, \"Consul\")");
    } else if (call->checks_id && consul_txn_refusal(&call->answer, 0) != NULL) {
        consul_call_again(call, true);
    } else {
        for (size_t i = 0; i < call->answer.kvs.count; i++) {
            consul_see(call->consul, call->answer.kvs.list[i].mod);
        }
        consul_call_answered(call, answer);
    }
}

/* The server's limit is another one than was thought. */
static bool learn_ttl(struct consul_call *call)
{
    int64_t least = call->step == CONSUL_LEASE && call->request.op == REGISTRY_GRANT
                        ? consul_least_ttl(buf_view(&call->trail))
                        : 0;
    if (call->learned_ttl || least <= call->consul->limits.ttl_min_ms) {
        return false;
    }
    call->learned_ttl = true;
    call->consul->limits.ttl_min_ms = least;
    buf_clear(&call->trail);
    consul_call_start(call);
    return true;
}

static void on_failure(struct consul_call *call, const struct consul_answer *answer)
{
    if (call->step == CONSUL_GLOBAL && call->written != 0) {
        consul_transact_done(call);
    } else if (call->step == CONSUL_MAKE_ID && answer->failure == REGISTRY_DENIED) {
        consul_call_fail(
            call, REGISTRY_DENIED,
            "outrider/id is absent, and the token may not make it; make it once, by the command in "
            "docs/registries.md, \"Consul\"");
    } else if (answer->failure != REGISTRY_REFUSED || !learn_ttl(call)) {
        consul_call_reply(
            call, &(struct registry_reply){.failure = answer->failure, .too_large = answer->too_large});
    }
}

static void on_answer(struct consul_ask *ask, const struct consul_answer *answer)
{
    struct consul_call *call = (struct consul_call *)((char *)ask - offsetof(struct consul_call, ask));
    if (answer->failure != REGISTRY_OK) {
        on_failure(call, answer);
    } else if (call->step == CONSUL_IDENTIFY) {
        on_identity(call, answer);
    } else if (call->step == CONSUL_MAKE_ID) {
        consul_call_again(call, true);
    } else if (is_txn(call->step) && !(call->step == CONSUL_TREE && call->op_count == 0)) {
        on_txn(call, answer);
    } else {
        consul_call_answered(call, answer);
    }
}

/* ---- the backend ---- */

static void on_refusal(void *user)
{
    struct consul_call *call = user;
    consul_call_fail(call, REGISTRY_REFUSED, call->problem);
}

static const char *txn_key_problem(const struct registry_txn *txn)
{
    const char *problem = registry_txn_problem(txn);
    for (size_t i = 0; problem == NULL && i < txn->compare_count; i++) {
        problem = consul_key_problem(consul_key(txn->compares[i].key));
    }
    for (size_t i = 0; problem == NULL && i < txn->then_count; i++) {
        problem = consul_key_problem(consul_key(txn->then[i].key));
    }
    for (size_t i = 0; problem == NULL && i < txn->otherwise_count; i++) {
        problem = consul_key_problem(consul_key(txn->otherwise[i].key));
    }
    return problem;
}

static const char *problem_of(const struct registry_request *request)
{
    const char *problem;
    struct registry_range range;
    switch (request->op) {
    case REGISTRY_GRANT:
    case REGISTRY_KEEPALIVE:
    case REGISTRY_REVOKE:
    case REGISTRY_LEASE_TTL: return NULL;
    case REGISTRY_LIST:
        range = consul_range((struct registry_range){.key = request->key, .end = request->range_end});
        return consul_prefix_problem(consul_range_prefix(range.key, range.end));
    case REGISTRY_TXN: return txn_key_problem(request->txn);
    case REGISTRY_COMPARE:
        problem = consul_key_problem(consul_key(request->key));
        return problem != NULL || request->range_end.size == 0
                   ? problem
                   : consul_key_problem(consul_key(request->range_end));
    case REGISTRY_GET:
    case REGISTRY_PUT:
    case REGISTRY_DELETE:
    case REGISTRY_PROVE: return consul_key_problem(consul_key(request->key));
    case REGISTRY_OP_COUNT: break;
    }
    return "no such operation";
}

void consul_submit(struct registry *registry, const struct registry_request *request)
{
    struct consul *consul = (struct consul *)registry;
    const char *problem = problem_of(request);
    struct consul_call *call = call_new(consul, request);
    call->refusal = (struct deferred){.fn = on_refusal, .user = call};
    if (problem != NULL) {
        call->problem = problem;
        loop_defer(consul->loop, &call->refusal);
        return;
    }
    call->txn = request->op == REGISTRY_TXN ? registry_txn_copy(request->txn) : NULL;
    if (consul->id_index == 0) {
        identify(call);
    } else {
        consul_call_start(call);
    }
}
