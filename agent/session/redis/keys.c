#include "session_redis_internal.h"

unsigned keys_shard(struct str name)
{
    return (unsigned)(str_xxh3(name) % KEYS_SHARDS);
}

void keys_add(const struct session_redis *own, enum keys_kind kind, unsigned shard, struct str name,
              struct buf *out)
{
    static const struct str tails[] = {[KEYS_RECORD] = STR_INIT("}:p:"),
                                       [KEYS_ID] = STR_INIT("}:i:"),
                                       [KEYS_SERVER] = STR_INIT("}:s:"),
                                       [KEYS_ENDS] = STR_INIT("}:x")};
    buf_str(out, STR("{"));
    buf_str(out, str_of(own->space));
    buf_str(out, STR(":"));
    buf_uint(out, shard);
    buf_str(out, tails[kind]);
    buf_str(out, name);
}
