#include "connect_try_internal.h"

static struct probe_try *start(struct loop *loop, const char *host, const struct config_probe *probe,
                               probe_try_fn *fn, void *user)
{
    (void)host;
    struct probe_try *attempt = connect_try_new(fn, user);
    attempt->connection = connect_unix(loop, probe->path, probe->timeout_ms, connect_try_done, attempt);
    return attempt;
}

const struct probe_driver probe_unix = {.name = "unix", .start = start, .cancel = connect_try_cancel};
