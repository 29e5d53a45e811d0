#include "floor_etcd.h"

#include "outrider/base/base64.h"
#include "outrider/base/buf.h"

#include <inttypes.h>
#include <time.h>
#include <unistd.h>

const char floor_record[] =
    "{\"id\":\"floor\",\"type\":\"world\",\"host\":\"127.0.0.1\",\"ports\":[8001],\"status\":"
    "\"initializing\","
    "\"updatedAt\":\"2026-11-21T02:14:00.123Z\",\"reason\":\"probe tcp-8001: no verdict yet\","
    "\"startedAt\":\"2026-11-21T02:14:00.123Z\"}";

static void add_base64(struct buf *out, const char *before, const char *text, const char *after)
{
    buf_str(out, str_of(before));
    base64_encode(str_of(text), out);
    buf_str(out, str_of(after));
}

void floor_grant_body(int64_t lease, int64_t ttl_s, struct buf *out)
{
    buf_clear(out);
    buf_printf(out, "{\"TTL\":\"%" PRId64 "\",\"ID\":\"%" PRId64 "\"}", ttl_s, lease);
}

void floor_put_body(const char *key, const char *value, int64_t lease, struct buf *out)
{
    buf_clear(out);
    add_base64(out, "{\"compare\":[{\"key\":\"", key, "\",\"result\":\"EQUAL\",\"target\":\"CREATE\",");
    add_base64(out, "\"create_revision\":\"0\"}],\"success\":[{\"request_put\":{\"key\":\"", key, "\",");
    add_base64(out, "\"value\":\"", value, "\",");
    buf_printf(out, "\"lease\":\"%" PRId64 "\"}}],", lease);
    add_base64(out, "\"failure\":[{\"request_range\":{\"key\":\"", key, "\"}}]}");
}

void floor_lease_body(int64_t lease, struct buf *out)
{
    buf_clear(out);
    buf_printf(out, "{\"ID\":\"%" PRId64 "\"}", lease);
}

int64_t floor_lease_id(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return ((int64_t)getpid() << 36) + (now.tv_sec << 20) + now.tv_nsec / 1000 + 1;
}
