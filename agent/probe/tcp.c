#include "connect_try_internal.h"

static struct probe_try *start(const struct probe_context *context, const char *host,
                               const struct config_probe *probe, probe_try_fn *fn, void *user)
{
    struct probe_try *attempt = connect_try_new(fn, user);
    attempt->connection = connect_tcp(context->loop, context->resolver, host, probe->port, probe->timeout_ms,
                                      connect_try_done, attempt);
    return attempt;
}

const struct probe_driver probe_tcp = {
    .name = "tcp", .describe = connect_try_describe, .start = start, .cancel = connect_try_cancel};
