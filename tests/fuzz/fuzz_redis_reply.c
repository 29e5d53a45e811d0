/* Replies of Redis: whatever comes, in pieces or at once, gives the same replies, none of them larger than allowed; and every reader of
 * them is total. */
#include "must.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/redis/redis_cluster.h"
#include "outrider/codec/redis/redis_error.h"
#include "outrider/codec/redis/redis_reply.h"

enum { MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Writes the reply out in a form of its own; returns the memory it takes. */
static size_t write_out(const struct redis_reply *reply, struct buf *out, int depth)
{
    must(depth <= REDIS_DEPTH_MAX + 1);
    size_t bytes = 0;
    struct redis_slots slots;
    struct error err;
    uint16_t slot, port;
    struct str host;
    if (redis_slots_read(reply, &err, &slots) == 0) {
        must(slots.first <= slots.last && slots.last < REDIS_SLOTS && slots.port > 0);
    }
    buf_printf(out, "%d %zu ", (int)reply->type, reply->count);
    if (reply->type == REDIS_IS_ERROR) {
        (void)redis_error_of(reply->text);
        if (redis_error_target(reply->text, &slot, &host, &port) == 0) {
            must(slot < REDIS_SLOTS && port > 0);
        }
    }
    if (reply->text.data != NULL) {
        must(reply->text.data[reply->text.size] == '\0');
        must(redis_slot(reply->text) < REDIS_SLOTS);
        buf_str(out, reply->text);
        bytes += reply->text.size + 1;
    }
    buf_int(out, reply->integer);
    for (size_t i = 0; i < reply->count; i++) {
        bytes += sizeof(*reply) + write_out(&reply->items[i], out, depth + 1);
    }
    return bytes;
}

/* The beginning of what `piece` bytes at a time give; returns whether it failed. */
static bool decode(struct str bytes, size_t piece, struct buf *out)
{
    struct redis_decoder *decoder = redis_decoder_new(MAX);
    const struct redis_reply *reply = NULL;
    struct error err;
    int rc = 0;
    for (size_t at = 0; at < bytes.size && rc >= 0; at += piece) {
        size_t size = bytes.size - at < piece ? bytes.size - at : piece;
        redis_decoder_feed(decoder, (struct str){bytes.data + at, size});
        while ((rc = redis_decoder_next(decoder, &err, &reply)) > 0) {
            must(write_out(reply, out, 1) <= MAX);
        }
    }
    redis_decoder_free(decoder);
    return rc < 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = {(const char *)data, size};
    struct buf whole = {0}, pieces = {0};
    bool failed = decode(bytes, size + 1, &whole);
    bool failed_in_pieces = decode(bytes, 3, &pieces);
    must(failed == failed_in_pieces);
    must(str_eq(buf_view(&whole), buf_view(&pieces)));
    buf_fini(&whole);
    buf_fini(&pieces);
    return 0;
}
