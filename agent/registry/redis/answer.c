/* Replies from what the script answers. */
#include "redis_registry_internal.h"

#include "outrider/base/mem.h"

static struct str word_of(const struct redis_reply *answer, size_t index)
{
    return redis_text(redis_item(answer, index));
}

static void fail(struct registry_reply *reply, enum registry_failure failure, const char *why)
{
    reply->failure = failure;
    reply->error = str_of(why);
}

/* Milliseconds, or -1. */
static int read_ttl(const struct redis_reply *answer, int64_t *ret_ttl)
{
    return answer->count == REDIS_LOG_HEAD + 1 ? str_to_i64(word_of(answer, REDIS_LOG_HEAD), ret_ttl) : -1;
}

static int read_lease(const struct job *job, const struct redis_reply *answer, struct registry_reply *reply)
{
    if (job->op == REGISTRY_REVOKE) {
        return 0;
    }
    if (job->op == REGISTRY_GRANT && str_eq(word_of(answer, REDIS_LOG_HEAD), STR("exists"))) {
        fail(reply, REGISTRY_LEASE_EXISTS, "lease already exists");
        return 0;
    }
    if (read_ttl(answer, &reply->ttl_ms) < 0) {
        return -1;
    }
    if (job->op == REGISTRY_GRANT) {
        reply->lease = job->lease;
    } else if (job->op == REGISTRY_LEASE_TTL) {
        reply->ttl_known = true;
    } else if (reply->ttl_ms < 0) {
        fail(reply, REGISTRY_LEASE_LOST, "the lease does not exist any more");
    }
    return 0;
}

/* "ok", "no" and what is there, or "lost". */
static int read_word(const struct redis_reply *answer, struct registry_reply *reply)
{
    struct str word = word_of(answer, REDIS_LOG_HEAD);
    if (str_eq(word, STR("lost"))) {
        fail(reply, REGISTRY_LEASE_LOST, "the lease does not exist any more");
    } else if (str_eq(word, STR("ok"))) {
        reply->succeeded = true;
    } else if (!str_eq(word, STR("no"))) {
        return -1;
    }
    return 0;
}

static int read_changed(const struct redis_reply *answer, struct registry_reply *reply)
{
    if (read_word(answer, reply) < 0) {
        return -1;
    }
    bool is_read = reply->failure == REGISTRY_OK && !reply->succeeded && answer->count > REDIS_LOG_HEAD + 1;
    return is_read ? redis_log_packed_read(word_of(answer, REDIS_LOG_HEAD + 1), &reply->kv) : 0;
}

/* Keys and what is packed, by turns. A transaction may have read nothing at a key. */
static int read_items(struct redis_registry *own, const struct redis_reply *answer, bool all_found,
                      struct registry_reply *reply)
{
    size_t first = REDIS_LOG_HEAD + 1;
    if (answer->count < first || (answer->count - first) % 2 != 0) {
        return -1;
    }
    size_t count = (answer->count - first) / 2;
    if (count > own->item_capacity) {
        own->items = mem_resize(own->items, count, sizeof(own->items[0]));
        own->item_capacity = count;
    }
    for (size_t i = 0; i < count; i++) {
        struct registry_item *item = &own->items[i];
        item->key = word_of(answer, first + 2 * i);
        if (redis_log_packed_read(word_of(answer, first + 2 * i + 1), &item->kv) < 0 ||
            (all_found && !item->kv.found) || item->kv.found != (item->key.size > 0)) {
            return -1;
        }
    }
    reply->items = own->items;
    reply->item_count = count;
    return 0;
}

static int read_list(struct redis_registry *own, const struct redis_reply *answer,
                     struct registry_reply *reply)
{
    uint64_t count = 0;
    if (str_eq(word_of(answer, REDIS_LOG_HEAD), STR("gone"))) {
        reply->revision_gone = true;
        fail(reply, REGISTRY_REFUSED, "required revision is a future revision");
        return 0;
    }
    if (str_to_u64(word_of(answer, REDIS_LOG_HEAD), INT64_MAX, &count) < 0) {
        return -1;
    }
    reply->count = (int64_t)count;
    return read_items(own, answer, true, reply);
}

static int read_txn(struct redis_registry *own, const struct redis_reply *answer,
                    struct registry_reply *reply)
{
    if (read_word(answer, reply) < 0) {
        return -1;
    }
    return reply->failure == REGISTRY_OK ? read_items(own, answer, false, reply) : 0;
}

int answer_read(struct redis_registry *own, const struct job *job, const struct redis_reply *answer,
                struct registry_reply *reply)
{
    struct redis_log_head head;
    if (redis_log_head_read(answer, &head) < 0) {
        return -1;
    }
    own->head = head;
    reply->cluster = head.cluster;
    reply->epoch = head.epoch;
    reply->revision = head.revision;
    switch (job->op) {
    case REGISTRY_GRANT:
    case REGISTRY_KEEPALIVE:
    case REGISTRY_REVOKE:
    case REGISTRY_LEASE_TTL: return read_lease(job, answer, reply);
    case REGISTRY_GET:
        return answer->count == REDIS_LOG_HEAD + 1
                   ? redis_log_packed_read(word_of(answer, REDIS_LOG_HEAD), &reply->kv)
                   : -1;
    case REGISTRY_PUT:
    case REGISTRY_DELETE:
    case REGISTRY_PROVE:
    case REGISTRY_COMPARE: return read_changed(answer, reply);
    case REGISTRY_LIST: return read_list(own, answer, reply);
    case REGISTRY_TXN: return read_txn(own, answer, reply);
    case REGISTRY_OP_COUNT: break;
    }
    return -1;
}
