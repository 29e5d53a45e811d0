#include "connect_try_internal.h"

#include "outrider/base/buf.h"
#include "outrider/base/mem.h"

#include <stdlib.h>
#include <string.h>

struct probe_try *connect_try_new(probe_try_fn *fn, void *user)
{
    struct probe_try *attempt = mem_zalloc(sizeof(*attempt));
    attempt->fn = fn;
    attempt->user = user;
    return attempt;
}

void connect_try_describe(const char *host, const struct config_probe *probe, struct buf *out)
{
    bool v6 = strchr(host, ':') != NULL;
    buf_printf(out, "%s%s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "", probe->port);
}

enum probe_outcome connect_try_outcome(enum connect_outcome outcome)
{
    switch (outcome) {
    case CONNECT_OK: return PROBE_PASSED;
    case CONNECT_REFUSED: return PROBE_REFUSED;
    case CONNECT_TIMED_OUT: return PROBE_TIMED_OUT;
    case CONNECT_UNREACHABLE: return PROBE_UNREACHABLE;
    case CONNECT_RESET: return PROBE_RESET;
    case CONNECT_NOT_FOUND: return PROBE_NOT_FOUND;
    case CONNECT_NOT_RESOLVED: return PROBE_NOT_RESOLVED;
    case CONNECT_FAILED: break;
    }
    return PROBE_FAILED;
}

void connect_try_done(enum connect_outcome outcome, const char *detail, int64_t elapsed_us, void *user)
{
    struct probe_try *attempt = user;
    probe_try_fn *fn = attempt->fn;
    void *fn_user = attempt->user;
    free(attempt);
    fn(&(struct probe_result){.outcome = connect_try_outcome(outcome),
                              .detail = detail,
                              .duration_us = elapsed_us},
       fn_user);
}

void connect_try_cancel(struct probe_try *attempt)
{
    if (attempt != NULL) {
        connect_cancel(attempt->connection);
        free(attempt);
    }
}
