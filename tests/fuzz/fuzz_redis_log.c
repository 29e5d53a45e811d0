/* What a registry in Redis answers and tells: any reply and any message is read, and what is taken from it is a change as the core
 * knows them. The first byte says as what the others are read. */
#include "must.h"

#include "outrider/base/error.h"
#include "outrider/codec/redis/redis_log.h"
#include "outrider/codec/redis/redis_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct redis_log_entry *entry)
{
    const struct registry_change *change = &entry->change;
    if (entry->kind == REDIS_LOG_EPOCH) {
        must(change->key.size == 0 && !entry->more);
        return;
    }
    must(entry->revision > 0 && entry->revision <= REGISTRY_REVISION_MAX);
    must(entry->previous >= 0 && entry->previous < entry->revision);
    must(change->mod_revision == entry->revision && change->create_revision <= entry->revision);
    must(change->key.size > 0 && change->deleted == (change->create_revision == 0));
    must(!change->deleted || change->value.size == 0);
}

static void read_reply(const struct redis_reply *reply)
{
    struct redis_log_head head;
    struct redis_log_entry entry;
    struct registry_kv kv;
    if (redis_log_head_read(reply, &head) == 0) {
        must(head.cluster > 0 && head.epoch > 0 && head.revision > 0);
    }
    if (redis_log_entry_read(reply, &entry) == 0) {
        check(&entry);
    }
    if (redis_log_packed_read(redis_text(reply), &kv) == 0 && kv.found) {
        must(kv.create_revision > 0 && kv.mod_revision >= kv.create_revision);
    }
    for (size_t i = 0; i < reply->count; i++) {
        read_reply(&reply->items[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data + 1, size - 1};
    struct redis_log_entry entry;
    if (size == 0) {
        return 0;
    }
    if (data[0] == 'm') {
        struct str rest, key = str_split(text, '\n', &rest);
        if (redis_log_message_read(key, rest, &entry) == 0) {
            check(&entry);
        }
        return 0;
    }
    struct redis_decoder *decoder = redis_decoder_new(65536);
    const struct redis_reply *reply = NULL;
    struct error err;
    redis_decoder_feed(decoder, text);
    while (redis_decoder_next(decoder, &err, &reply) > 0) {
        read_reply(reply);
    }
    redis_decoder_free(decoder);
    return 0;
}
