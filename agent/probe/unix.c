#include "connect_try_internal.h"
#include "outrider/base/buf.h"

static void describe(const char *host, const struct config_probe *probe, struct buf *out)
{
    (void)host;
    buf_str(out, str_of(probe->path));
}

static struct probe_try *start(const struct probe_context *context, const char *host,
                               const struct config_probe *probe, probe_try_fn *fn, void *user)
{
    (void)host;
    struct probe_try *attempt = connect_try_new(fn, user);
    attempt->connection =
        connect_unix(context->loop, probe->path, probe->timeout_ms, connect_try_done, attempt);
    return attempt;
}

const struct probe_driver probe_unix = {
    .name = "unix", .describe = describe, .start = start, .cancel = connect_try_cancel};
