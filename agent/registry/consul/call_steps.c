/* What each operation asks, and what the answers mean. */
#include "call_internal.h"

#include "outrider/base/blob.h"
#include "outrider/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

static struct str key_of(const struct consul_call *call)
{
    return consul_key(call->request.key);
}

static void reply_ok(struct consul_call *call, struct registry_reply reply)
{
    consul_call_reply(call, &reply);
}

/* ---- leases ---- */

static int64_t granted_ms(const struct consul_call *call)
{
    const struct registry_limits *limits = &call->consul->limits;
    int64_t ttl_ms = call->request.ttl_ms < limits->ttl_min_ms   ? limits->ttl_min_ms
                     : call->request.ttl_ms > limits->ttl_max_ms ? limits->ttl_max_ms
                                                                 : call->request.ttl_ms;
    return (ttl_ms + 999) / 1000 * 1000;
}

static void ask_lease(struct consul_call *call)
{
    static const char *const paths[] = {[REGISTRY_KEEPALIVE] = "/v1/session/renew/",
                                        [REGISTRY_REVOKE] = "/v1/session/destroy/",
                                        [REGISTRY_LEASE_TTL] = "/v1/session/info/"};
    char session[CONSUL_SESSION_SIZE];
    struct consul_ask *ask = &call->ask;
    buf_clear(&ask->path);
    buf_clear(&ask->body);
    if (call->request.op == REGISTRY_GRANT) {
        buf_str(&ask->path, STR("/v1/session/create"));
        consul_session_encode(str_of(call->consul->session_name), str_of(call->consul->node),
                              granted_ms(call), &ask->body);
    } else {
        buf_printf(&ask->path, "%s%s", paths[call->request.op],
                   consul_session_text(call->request.lease, session));
    }
    consul_call_send(call, CONSUL_LEASE, call->request.op == REGISTRY_LEASE_TTL ? HTTP_GET : HTTP_PUT, false);
}

static void on_session_renewed(struct consul_call *call, const struct consul_answer *answer)
{
    int64_t ttl_ms;
    if (answer->status == 404 && str_starts(answer->body, STR("Session id"))) {
        consul_call_fail(call, REGISTRY_LEASE_LOST, "the session does not exist any more");
    } else if (answer->status == 200 &&
               consul_session_ttl_decode(answer->body, call->request.lease, &ttl_ms) == 0 && ttl_ms > 0) {
        reply_ok(call, (struct registry_reply){.ttl_ms = ttl_ms});
    } else {
        consul_ask_reject(&call->ask, "no session was renewed, and none is missing");
    }
}

static void on_lease(struct consul_call *call, const struct consul_answer *answer)
{
    struct registry_reply reply = {.lease = call->request.lease};
    bool ok = answer->status == 200;
    switch (call->request.op) {
    case REGISTRY_KEEPALIVE: on_session_renewed(call, answer); return;
    case REGISTRY_GRANT:
        reply.ttl_ms = granted_ms(call);
        ok = ok && consul_session_decode(answer->body, &reply.lease) == 0;
        break;
    case REGISTRY_LEASE_TTL:
        ok = ok && consul_session_ttl_decode(answer->body, call->request.lease, &reply.ttl_ms) == 0;
        reply.ttl_ms = reply.ttl_ms < 0 ? -1 : 0; /* it lives; how long is not told */
        break;
    default: ok = ok && str_eq(str_trim(answer->body), STR("true")); break;
    }
    if (ok) {
        reply_ok(call, reply);
    } else {
        consul_ask_reject(&call->ask, "no session's");
    }
}

/* ---- prove, compare ---- */

/* A key that is absent refuses any index, so that one transaction that only reads compares both. */
static void compare(struct consul_call *call)
{
    const struct registry_request *request = &call->request;
    const struct {
        struct str key;
        int64_t revision;
    } both[] = {{key_of(call), request->expect_revision},
                {consul_key(request->range_end), request->at_revision}};
    consul_ops_begin(call);
    for (size_t i = 0; i < 2 && both[i].key.size > 0; i++) {
        (void)consul_ops_add(call, (struct consul_op){.verb = CONSUL_CHECK_INDEX,
                                                      .key = both[i].key,
                                                      .index = both[i].revision > 0 ? both[i].revision : 1});
    }
    consul_ops_send(call, CONSUL_CHECK, false);
}

static bool was_expected(const struct consul_call *call, size_t op, int64_t revision)
{
    const struct consul_refusal *refusal = consul_txn_refusal(&call->answer, op);
    return revision > 0 ? refusal == NULL : refusal != NULL && refusal->reason == CONSUL_ABSENT;
}

/* A write that cannot be done, because the index it would have is known to be another one. */
static void prove(struct consul_call *call)
{
    consul_ops_begin(call);
    (void)consul_ops_add(call,
                         (struct consul_op){.verb = CONSUL_SET, .key = key_of(call), .value = STR("x")});
    (void)consul_ops_add(call,
                         (struct consul_op){.verb = CONSUL_CHECK_INDEX, .key = key_of(call), .index = 1});
    consul_ops_send(call, CONSUL_CHECK, false);
}

static void on_checked(struct consul_call *call)
{
    const struct registry_request *request = &call->request;
    bool proves = request->op == REGISTRY_PROVE;
    for (size_t op = 1; op < call->op_count; op++) {
        const struct consul_refusal *refusal = consul_txn_refusal(&call->answer, op);
        if (refusal != NULL && refusal->reason != CONSUL_CHANGED && refusal->reason != CONSUL_ABSENT) {
            consul_call_fail(call, REGISTRY_REFUSED, call->answer.text);
            return;
        }
    }
    bool holds = !proves && was_expected(call, 1, request->expect_revision) &&
                 (call->op_count < 3 || was_expected(call, 2, request->at_revision));
    reply_ok(call, (struct registry_reply){.succeeded = holds});
}

/* ---- put ---- */

/* Most puts are of a key that is absent, or under the same lease. */
static bool may_guess(const struct registry_request *request)
{
    return !registry_lease_is_none(request->lease) || request->expect_revision == 0;
}

static void put(struct consul_call *call)
{
    const struct registry_request *request = &call->request;
    bool leased = !registry_lease_is_none(request->lease);
    consul_ops_begin(call);
    consul_ops_add_catalog(
        call, key_of(call),
        &(struct registry_action){.kind = REGISTRY_WRITE, .value = request->value, .lease = request->lease});
    (void)consul_ops_add(call, (struct consul_op){.verb = request->expect_revision > 0 ? CONSUL_CHECK_INDEX
                                                                                       : CONSUL_CHECK_ABSENT,
                                                  .key = key_of(call),
                                                  .index = request->expect_revision});
    (void)consul_ops_add(call, (struct consul_op){.verb = leased ? CONSUL_LOCK : CONSUL_SET,
                                                  .key = key_of(call),
                                                  .value = blob_view(request->value),
                                                  .session = request->lease});
    consul_ops_send(call, CONSUL_PUT, true);
}

static void on_put(struct consul_call *call)
{
    const struct consul_kv *kv = consul_kvs_find(&call->answer.kvs, key_of(call));
    const struct consul_refusal *check = consul_txn_refusal(&call->answer, 1);
    const struct consul_refusal *lock = consul_txn_refusal(&call->answer, 2);
    if (call->answer.refusal_count == 0 && kv != NULL) {
        reply_ok(call, (struct registry_reply){.succeeded = true, .revision = kv->mod});
    } else if (call->answer.refusal_count == 0) {
        consul_ask_reject(&call->ask, "a put without the key that was put");
    } else if (check != NULL || (lock != NULL && lock->reason == CONSUL_HELD)) {
        consul_transact(call);
    } else if (lock != NULL && lock->reason == CONSUL_NO_SESSION) {
        consul_call_fail(call, REGISTRY_LEASE_LOST, call->answer.text);
    } else {
        bool delayed = lock != NULL && lock->reason == CONSUL_DELAYED;
        consul_call_fail(call, delayed ? REGISTRY_OVERLOADED : REGISTRY_REFUSED, call->answer.text);
    }
}

/* ---- list ---- */

static struct registry_range range_of(const struct consul_call *call)
{
    return consul_range((struct registry_range){.key = call->request.key, .end = call->request.range_end});
}

static struct str prefix_of(const struct consul_call *call)
{
    struct registry_range range = range_of(call);
    return consul_range_prefix(range.key, range.end);
}

/* First the index of the store, from a key that is not there: the listing is at least of that. It also takes the right to read there, which
 * a listing does not: without it there is nothing in it. */
static void list(struct consul_call *call)
{
    char probe[1024];
    struct str prefix = prefix_of(call);
    int size = snprintf(probe, sizeof(probe), "%.*soutrider-probe", STR_ARG(prefix));
    call->seen_asked = call->consul->seen;
    if (size < 0 || (size_t)size >= sizeof(probe)) {
        consul_call_ask_global(call, STR("outrider/id-probe"));
    } else {
        consul_call_ask_global(call, (struct str){probe, (size_t)size});
    }
}

static void list_tree(struct consul_call *call)
{
    struct str prefix = prefix_of(call);
    if (prefix.size > 0) {
        consul_ops_begin(call);
        (void)consul_ops_add(call, (struct consul_op){.verb = CONSUL_GET_TREE, .key = prefix});
        consul_ops_send(call, CONSUL_TREE, false);
    } else { /* a transaction takes no empty prefix, and the identity is among these */
        call->op_count = 0;
        consul_path(&call->ask.path, prefix, "?recurse&consistent");
        consul_call_send(call, CONSUL_TREE, HTTP_GET, false);
    }
}

static bool is_inside(struct registry_range range, struct str key)
{
    return str_compare(key, range.key) >= 0 &&
           (str_eq(range.end, STR("\0")) || str_compare(key, range.end) < 0);
}

static void reply_listing(struct consul_call *call)
{
    const struct consul_kvs *kvs = &call->answer.kvs;
    struct registry_range range = range_of(call);
    bool slash = call->request.key.size > 0 && call->request.key.data[0] == '/';
    struct registry_item *items = mem_resize(NULL, kvs->count + 1, sizeof(items[0]));
    struct registry_reply reply = {.items = items, .revision = call->store_before};
    for (size_t i = 0; i < kvs->count; i++) {
        const struct consul_kv *kv = &kvs->list[i];
        if (is_inside(range, kv->key)) {
            reply.revision = kv->mod > reply.revision ? kv->mod : reply.revision;
            items[reply.item_count++] = (struct registry_item){.key = consul_slashed(kv->key, slash),
                                                               .kv = {.found = true,
                                                                      .value = kv->value,
                                                                      .mod_revision = kv->mod,
                                                                      .create_revision = kv->create,
                                                                      .lease = kv->session}};
        }
    }
    reply.count = (int64_t)reply.item_count;
    if (call->request.at_revision > reply.revision) {
        buf_printf(&call->trail, "list on %s: revision %lld is not there yet",
                   call->consul->endpoints.list[call->ask.endpoint].name,
                   (long long)call->request.at_revision);
        reply = (struct registry_reply){.failure = REGISTRY_REFUSED, .revision_gone = true};
    }
    consul_call_reply(call, &reply);
    free(items);
}

static void on_tree(struct consul_call *call, const struct consul_answer *answer)
{
    if (call->op_count > 0) {
        if (call->answer.refusal_count > 0) {
            consul_call_fail(call, REGISTRY_REFUSED, call->answer.text);
        } else {
            reply_listing(call);
        }
        return;
    }
    bool empty = answer->status == 404 && answer->head.index > 0;
    if (!empty && consul_kvs_decode(answer->body, &call->answer.kvs) < 0) {
        consul_ask_reject(&call->ask, "no listing");
        return;
    }
    const struct consul_kv *id = consul_kvs_find(&call->answer.kvs, CONSUL_ID);
    if (id == NULL || id->mod != call->consul->id_index) {
        consul_call_again(call, true);
    } else {
        reply_listing(call);
    }
}

static void on_list_global(struct consul_call *call, const struct consul_answer *answer)
{
    if (answer->head.index <= 0) {
        consul_ask_reject(&call->ask, "no X-Consul-Index");
        return;
    }
    call->store_before = answer->head.index;
    if (answer->status == 404) {
        consul_see_all(call->consul, call->seen_asked, answer->head.index);
    }
    list_tree(call);
}

/* ---- all ---- */

void consul_call_start(struct consul_call *call)
{
    switch (call->request.op) {
    case REGISTRY_GRANT:
    case REGISTRY_KEEPALIVE:
    case REGISTRY_REVOKE:
    case REGISTRY_LEASE_TTL: ask_lease(call); break;
    case REGISTRY_LIST: list(call); break;
    case REGISTRY_PROVE: prove(call); break;
    case REGISTRY_COMPARE: compare(call); break;
    case REGISTRY_PUT:
        if (may_guess(&call->request)) {
            put(call);
            break;
        }
        consul_transact(call);
        break;
    case REGISTRY_GET:
    case REGISTRY_DELETE:
    case REGISTRY_TXN:
    case REGISTRY_OP_COUNT: consul_transact(call); break;
    }
}

void consul_call_answered(struct consul_call *call, const struct consul_answer *answer)
{
    switch (call->step) {
    case CONSUL_LEASE: on_lease(call, answer); break;
    case CONSUL_CHECK: on_checked(call); break;
    case CONSUL_PUT: on_put(call); break;
    case CONSUL_TREE: on_tree(call, answer); break;
    case CONSUL_GLOBAL:
        if (call->request.op == REGISTRY_LIST) {
            on_list_global(call, answer);
            break;
        }
        consul_transact_answered(call, answer);
        break;
    case CONSUL_READ:
    case CONSUL_WRITE:
    case CONSUL_VERIFY:
    case CONSUL_IDENTIFY:
    case CONSUL_MAKE_ID: consul_transact_answered(call, answer); break;
    }
}
