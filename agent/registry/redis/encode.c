/* Arguments of the script. */
#include "redis_registry_internal.h"

#include <assert.h>
#include <inttypes.h>

enum { TEXTS_SIZE = 16 * REGISTRY_LEASE_TEXT_SIZE, TXN_TEXTS_SIZE = ARGS_MAX * REGISTRY_LEASE_TEXT_SIZE };

void args_init(struct args *args, const struct redis_registry *own, const char *op)
{
    args->count = 0;
    args->texts = (struct buf){0};
    args_text(args, STR("7"));
    for (size_t i = 0; i < KEY_COUNT; i++) {
        args_text(args, str_of(own->keys[i]));
    }
    args_text(args, str_of(op));
}

void args_fini(struct args *args)
{
    buf_fini(&args->texts);
}

void args_text(struct args *args, struct str text)
{
    assert(args->count < ARGS_MAX);
    args->list[args->count++] = text;
}

/* What was written to the end of `texts` since it had `before` bytes. */
static void add_written(struct args *args, size_t before)
{
    args_text(args, (struct str){args->texts.data + before, args->texts.size - before});
}

static void reserve(struct args *args)
{
    if (args->texts.data == NULL) {
        buf_reserve(&args->texts, TEXTS_SIZE);
    }
}

void args_number(struct args *args, int64_t number)
{
    reserve(args);
    size_t before = args->texts.size;
    buf_int(&args->texts, number);
    add_written(args, before);
}

static void add_lease(struct args *args, struct registry_lease lease)
{
    char text[REGISTRY_LEASE_TEXT_SIZE];
    reserve(args);
    size_t before = args->texts.size;
    buf_str(&args->texts, str_of(registry_lease_text(lease, text)));
    add_written(args, before);
}

/* ---- transactions ---- */

static void add_compare(struct args *args, const struct registry_compare *compare)
{
    static const char *const kinds[] = {[REGISTRY_IF_REVISION] = "m",
                                        [REGISTRY_IF_PRESENT] = "p",
                                        [REGISTRY_IF_VALUE] = "v",
                                        [REGISTRY_IF_LEASE] = "l"};
    args_text(args, str_of(kinds[compare->kind]));
    args_text(args, compare->key);
    if (compare->kind == REGISTRY_IF_REVISION) {
        args_number(args, compare->revision);
    } else if (compare->kind == REGISTRY_IF_LEASE) {
        add_lease(args, compare->lease);
    } else {
        args_text(args, compare->value);
    }
}

static void add_action(struct args *args, const struct registry_action *action)
{
    static const char *const kinds[] = {
        [REGISTRY_READ] = "r", [REGISTRY_WRITE] = "w", [REGISTRY_REMOVE] = "d"};
    args_text(args, str_of(kinds[action->kind]));
    args_text(args, action->key);
    add_lease(args, action->lease);
    args_text(args, action->kind == REGISTRY_WRITE ? blob_view(action->value) : STR(""));
}

static void add_txn(struct args *args, const struct registry_txn *txn)
{
    buf_reserve(&args->texts, TXN_TEXTS_SIZE);
    args_number(args, (int64_t)txn->compare_count);
    args_number(args, (int64_t)txn->then_count);
    args_number(args, (int64_t)txn->otherwise_count);
    for (size_t i = 0; i < txn->compare_count; i++) {
        add_compare(args, &txn->compares[i]);
    }
    for (size_t i = 0; i < txn->then_count; i++) {
        add_action(args, &txn->then[i]);
    }
    for (size_t i = 0; i < txn->otherwise_count; i++) {
        add_action(args, &txn->otherwise[i]);
    }
}

/* ---- requests ---- */

/* Whole seconds, within the limits. */
static int64_t ttl_of(const struct redis_registry *own, const struct registry_request *request)
{
    const struct registry_limits *limits = own->registry.limits;
    int64_t ttl_ms = request->ttl_ms < limits->ttl_min_ms ? limits->ttl_min_ms : request->ttl_ms;
    return ttl_ms > limits->ttl_max_ms - 999 ? limits->ttl_max_ms : (ttl_ms + 999) / 1000 * 1000;
}

static void add_list(struct args *args, const struct redis_registry *own,
                     const struct registry_request *request)
{
    int64_t most = own->registry.limits->page_max;
    args_text(args, request->key);
    if (str_eq(request->range_end, STR("\0"))) {
        args_text(args, STR("+"));
    } else {
        buf_reserve(&args->texts, TEXTS_SIZE + request->range_end.size + 1);
        size_t before = args->texts.size;
        buf_add(&args->texts, "(", 1);
        buf_str(&args->texts, request->range_end);
        add_written(args, before);
    }
    args_number(args, request->limit > 0 && request->limit < most ? request->limit : most);
    args_number(args, request->at_revision);
}

void args_request(struct args *args, const struct redis_registry *own, const struct registry_request *request)
{
    switch (request->op) {
    case REGISTRY_GRANT:
        add_lease(args, request->lease);
        args_number(args, ttl_of(own, request));
        break;
    case REGISTRY_KEEPALIVE:
    case REGISTRY_REVOKE:
    case REGISTRY_LEASE_TTL: add_lease(args, request->lease); break;
    case REGISTRY_GET: args_text(args, request->key); break;
    case REGISTRY_PUT:
        args_text(args, request->key);
        args_number(args, request->expect_revision);
        add_lease(args, request->lease);
        args_text(args, blob_view(request->value));
        break;
    case REGISTRY_DELETE:
        args_text(args, request->key);
        args_number(args, request->expect_revision);
        break;
    case REGISTRY_LIST: add_list(args, own, request); break;
    case REGISTRY_COMPARE:
        args_text(args, request->key);
        args_number(args, request->expect_revision);
        if (request->range_end.size > 0) {
            args_text(args, request->range_end);
            args_number(args, request->at_revision);
        }
        break;
    case REGISTRY_TXN: add_txn(args, request->txn); break;
    case REGISTRY_PROVE:
    case REGISTRY_OP_COUNT: break;
    }
}

/* ---- what is not sent ---- */

static void measure(struct str key, struct str value, size_t *key_max, size_t *bytes)
{
    *key_max = key.size > *key_max ? key.size : *key_max;
    *bytes += key.size + value.size;
}

static const char *size_problem(const struct redis_registry *own, const struct registry_txn *txn)
{
    size_t key_max = 0, bytes = 0;
    for (size_t i = 0; i < txn->compare_count; i++) {
        measure(txn->compares[i].key, txn->compares[i].value, &key_max, &bytes);
    }
    for (size_t i = 0; i < txn->then_count; i++) {
        measure(txn->then[i].key, blob_view(txn->then[i].value), &key_max, &bytes);
    }
    for (size_t i = 0; i < txn->otherwise_count; i++) {
        measure(txn->otherwise[i].key, blob_view(txn->otherwise[i].value), &key_max, &bytes);
    }
    if (key_max > own->registry.limits->key_max) {
        return "key is too long";
    }
    return bytes >= own->registry.limits->value_max ? "request is too large" : NULL;
}

const char *request_problem(const struct redis_registry *own, const struct registry_request *request)
{
    struct registry_txn txn;
    switch (request->op) {
    case REGISTRY_GRANT:
    case REGISTRY_KEEPALIVE:
    case REGISTRY_REVOKE:
    case REGISTRY_LEASE_TTL: return registry_lease_is_none(request->lease) ? "no lease is named" : NULL;
    case REGISTRY_GET: return request->key.size == 0 ? "key is not provided" : NULL;
    case REGISTRY_LIST: return NULL;
    case REGISTRY_OP_COUNT: return "no such operation";
    default: break;
    }
    registry_txn_of(request, &txn);
    const char *problem = registry_txn_problem(&txn);
    return problem != NULL ? problem : size_problem(own, &txn);
}
