#include "session_redis_internal.h"

/* Of the same name every agent makes the same key. */
static void add_head(const struct session_redis *own, unsigned shard, char letter, struct buf *out)
{
    const char tail[] = {'}', ':', letter};
    buf_add(out, "{", 1);
    buf_str(out, str_of(own->space));
    buf_add(out, ":", 1);
    buf_uint(out, shard);
    buf_add(out, tail, sizeof(tail));
}

static unsigned shard_of(struct str name)
{
    return (unsigned)(str_xxh3(name) % KEYS_SHARDS);
}

void keys_add_ends(const struct session_redis *own, unsigned shard, struct buf *out)
{
    add_head(own, shard, 'x', out);
}

void keys_add(const struct session_redis *own, enum keys_kind kind, struct str name, struct buf *out)
{
    static const char letters[] = {[KEYS_RECORD] = 'p', [KEYS_ID] = 'i', [KEYS_SERVER] = 's'};
    if (kind == KEYS_ENDS) {
        keys_add_ends(own, shard_of(name), out);
        return;
    }
    add_head(own, shard_of(name), letters[kind], out);
    buf_add(out, ":", 1);
    buf_str(out, name);
}
