#include "outrider/core/registry/registry_request.h"

#include "outrider/base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

const char *registry_op_name(enum registry_op op)
{
    static const char *const names[REGISTRY_OP_COUNT] = {
        [REGISTRY_GRANT] = "grant",   [REGISTRY_KEEPALIVE] = "keepalive",
        [REGISTRY_REVOKE] = "revoke", [REGISTRY_LEASE_TTL] = "lease_ttl",
        [REGISTRY_GET] = "get",       [REGISTRY_PUT] = "put",
        [REGISTRY_DELETE] = "delete", [REGISTRY_LIST] = "list",
        [REGISTRY_PROVE] = "prove",   [REGISTRY_COMPARE] = "compare",
        [REGISTRY_TXN] = "txn",
    };
    return (size_t)op < COUNT_OF(names) ? names[op] : "unknown";
}

const char *registry_failure_name(enum registry_failure failure)
{
    static const char *const names[REGISTRY_FAILURE_COUNT] = {
        [REGISTRY_OK] = "ok",
        [REGISTRY_RETRY] = "retry",
        [REGISTRY_UNKNOWN] = "unknown",
        [REGISTRY_LEASE_LOST] = "lease_lost",
        [REGISTRY_LEASE_EXISTS] = "lease_exists",
        [REGISTRY_OVERLOADED] = "overloaded",
        [REGISTRY_DENIED] = "denied",
        [REGISTRY_REFUSED] = "refused",
    };
    return (size_t)failure < COUNT_OF(names) ? names[failure] : "invalid";
}

/* ---- lease ids ---- */

const char *registry_lease_text(struct registry_lease lease, char text[static REGISTRY_LEASE_TEXT_SIZE])
{
    if (lease.hi != 0) {
        snprintf(text, REGISTRY_LEASE_TEXT_SIZE, "%" PRIx64 "%016" PRIx64, lease.hi, lease.lo);
    } else {
        snprintf(text, REGISTRY_LEASE_TEXT_SIZE, "%" PRIx64, lease.lo);
    }
    return text;
}

int registry_lease_parse(struct str text, struct registry_lease *ret_lease)
{
    struct registry_lease lease = {0};
    if (text.size == 0 || text.size >= REGISTRY_LEASE_TEXT_SIZE) {
        return -1;
    }
    for (size_t i = 0; i < text.size; i++) {
        int digit = hex_value(text.data[i]);
        if (digit < 0) {
            return -1;
        }
        lease.hi = lease.hi << 4 | lease.lo >> 60;
        lease.lo = lease.lo << 4 | (uint64_t)digit;
    }
    if (registry_lease_is_none(lease)) {
        return -1;
    }
    *ret_lease = lease;
    return 0;
}

/* ---- transactions ---- */

/* The place of the next element of a list. Returns false when the list is full, which its count then says. */
static bool take_place(size_t *count, size_t *ret_at)
{
    *ret_at = *count;
    *count = *count < REGISTRY_TXN_MAX ? *count + 1 : REGISTRY_TXN_MAX + 1;
    return *ret_at < REGISTRY_TXN_MAX;
}

void registry_txn_if(struct registry_txn *txn, struct registry_compare compare)
{
    size_t at;
    if (take_place(&txn->compare_count, &at)) {
        txn->compares[at] = compare;
    }
}

void registry_txn_then(struct registry_txn *txn, struct registry_action action)
{
    size_t at;
    if (take_place(&txn->then_count, &at)) {
        txn->then[at] = action;
    }
}

void registry_txn_otherwise(struct registry_txn *txn, struct registry_action action)
{
    size_t at;
    if (take_place(&txn->otherwise_count, &at)) {
        txn->otherwise[at] = action;
    }
}

static const char *branch_problem(const struct registry_action *actions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (actions[i].key.size == 0) {
            return "key is not provided";
        }
        for (size_t j = 0; j < i; j++) {
            if (actions[i].kind != REGISTRY_READ && actions[j].kind != REGISTRY_READ &&
                str_eq(actions[i].key, actions[j].key)) {
                return "a key is changed twice in one transaction";
            }
        }
    }
    return NULL;
}

const char *registry_txn_problem(const struct registry_txn *txn)
{
    if (txn->compare_count > REGISTRY_TXN_MAX || txn->then_count > REGISTRY_TXN_MAX ||
        txn->otherwise_count > REGISTRY_TXN_MAX) {
        return "too many operations in one transaction";
    }
    for (size_t i = 0; i < txn->compare_count; i++) {
        if (txn->compares[i].key.size == 0) {
            return "key is not provided";
        }
    }
    const char *problem = branch_problem(txn->then, txn->then_count);
    return problem != NULL ? problem : branch_problem(txn->otherwise, txn->otherwise_count);
}

static bool is_changed(const struct registry_txn *txn, struct str key)
{
    for (size_t i = 0; i < txn->then_count; i++) {
        if (txn->then[i].kind != REGISTRY_READ && str_eq(txn->then[i].key, key)) {
            return true;
        }
    }
    return false;
}

bool registry_txn_join(struct registry_txn *txn, const struct registry_txn *more)
{
    if (txn->compare_count + more->compare_count > REGISTRY_TXN_MAX ||
        txn->then_count + more->then_count > REGISTRY_TXN_MAX) {
        return false;
    }
    for (size_t i = 0; i < more->then_count; i++) {
        if (more->then[i].kind != REGISTRY_READ && is_changed(txn, more->then[i].key)) {
            return false;
        }
    }
    for (size_t i = 0; i < more->compare_count; i++) {
        registry_txn_if(txn, more->compares[i]);
    }
    for (size_t i = 0; i < more->then_count; i++) {
        registry_txn_then(txn, more->then[i]);
    }
    return true;
}

/* ---- short forms ---- */

static void if_at(struct registry_txn *txn, struct str key, int64_t revision)
{
    registry_txn_if(
        txn, (struct registry_compare){.kind = REGISTRY_IF_REVISION, .key = key, .revision = revision});
}

/* Changes the key if it is at the revision expected, else reads it. */
static void change(const struct registry_request *request, enum registry_action_kind kind,
                   struct registry_txn *txn)
{
    bool writes = kind == REGISTRY_WRITE;
    if_at(txn, request->key, request->expect_revision);
    registry_txn_then(
        txn, (struct registry_action){.kind = kind,
                                      .key = request->key,
                                      .value = writes ? request->value : NULL,
                                      .lease = writes ? request->lease : (struct registry_lease){0}});
    registry_txn_otherwise(txn, (struct registry_action){.kind = REGISTRY_READ, .key = request->key});
}

void registry_txn_of(const struct registry_request *request, struct registry_txn *ret_txn)
{
    *ret_txn = (struct registry_txn){0};
    if (request->op == REGISTRY_TXN) {
        *ret_txn = *request->txn;
    } else if (request->op == REGISTRY_PUT) {
        change(request, REGISTRY_WRITE, ret_txn);
    } else if (request->op == REGISTRY_DELETE) {
        change(request, REGISTRY_REMOVE, ret_txn);
    } else if (request->op == REGISTRY_COMPARE) {
        if_at(ret_txn, request->key, request->expect_revision);
        if (request->range_end.size > 0) {
            if_at(ret_txn, request->range_end, request->at_revision);
        }
    } else if (request->op == REGISTRY_PROVE) {
        /* The comparisons contradict each other: a registry checks the permissions of a branch before it compares, and
         * never writes this one. */
        if_at(ret_txn, request->key, 0);
        registry_txn_if(ret_txn, (struct registry_compare){.kind = REGISTRY_IF_PRESENT, .key = request->key});
        registry_txn_then(ret_txn, (struct registry_action){.kind = REGISTRY_WRITE, .key = request->key});
    }
}

/* ---- copies ---- */

static size_t stored(size_t count)
{
    return count < REGISTRY_TXN_MAX ? count : REGISTRY_TXN_MAX;
}

static void own(struct str *text)
{
    text->data = mem_copy(text->data, text->size);
}

static void own_actions(struct registry_action *actions, size_t count)
{
    for (size_t i = 0; i < stored(count); i++) {
        own(&actions[i].key);
        blob_ref(actions[i].value);
    }
}

struct registry_txn *registry_txn_copy(const struct registry_txn *txn)
{
    struct registry_txn *copy = mem_zalloc(sizeof(*copy));
    *copy = *txn;
    for (size_t i = 0; i < stored(copy->compare_count); i++) {
        own(&copy->compares[i].key);
        own(&copy->compares[i].value);
    }
    own_actions(copy->then, copy->then_count);
    own_actions(copy->otherwise, copy->otherwise_count);
    return copy;
}

static void disown(struct str text)
{
    free((void *)(uintptr_t)text.data);
}

static void disown_actions(const struct registry_action *actions, size_t count)
{
    for (size_t i = 0; i < stored(count); i++) {
        disown(actions[i].key);
        blob_unref(actions[i].value);
    }
}

void registry_txn_free(struct registry_txn *txn)
{
    if (txn == NULL) {
        return;
    }
    for (size_t i = 0; i < stored(txn->compare_count); i++) {
        disown(txn->compares[i].key);
        disown(txn->compares[i].value);
    }
    disown_actions(txn->then, txn->then_count);
    disown_actions(txn->otherwise, txn->otherwise_count);
    free(txn);
}
