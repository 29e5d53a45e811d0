#include "game_try_internal.h"

#include "connect_try_internal.h"
#include "game_facts_internal.h"
#include "outrider/base/brief.h"
#include "outrider/base/buf.h"
#include "outrider/base/duration.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/timer.h"
#include "outrider/io/net/connected_socket.h"
#include "outrider/os/clock.h"
#include "outrider/os/entropy.h"

#include <stdlib.h>

struct game_try *game_try_new(const struct game_protocol *protocol, const struct probe_context *context,
                              const struct config_probe *probe, probe_try_fn *fn, void *user)
{
    struct game_try *attempt = mem_zalloc(sizeof(*attempt));
    attempt->protocol = protocol;
    attempt->loop = context->loop;
    attempt->fn = fn;
    attempt->user = user;
    attempt->timeout_ms = probe->timeout_ms;
    attempt->started_us = clock_mono_us();
    attempt->query.port = probe->port;
    attempt->query.exclude_bots = probe->bots == CONFIG_PROBE_BOTS_EXCLUDE;
    if (protocol->has_nonce) {
        entropy_fill(attempt->query.nonce, sizeof(attempt->query.nonce));
    }
    return attempt;
}

struct probe_try *game_try_handle(struct game_try *attempt)
{
    return (struct probe_try *)(void *)attempt;
}

struct game_try *game_try_of(struct probe_try *handle)
{
    return (struct game_try *)(void *)handle;
}

void game_try_cancel(struct probe_try *handle)
{
    struct game_try *attempt = game_try_of(handle);
    if (attempt == NULL) {
        return;
    }
    deferred_cancel(&attempt->later);
    resolver_cancel(attempt->lookup);
    connect_cancel(attempt->connection);
    connected_socket_free(attempt->socket);
    timer_free(attempt->timer);
    if (attempt->answer != NULL) {
        buf_fini(attempt->answer);
        free(attempt->answer);
    }
    free(attempt->host);
    free(attempt);
}

/* ---- the result ---- */

static void deliver(void *user)
{
    struct game_try *attempt = user;
    attempt->fn(&attempt->result, attempt->user);
    game_try_cancel(game_try_handle(attempt));
}

void game_try_later(struct game_try *attempt, void (*fn)(void *user))
{
    deferred_cancel(&attempt->later);
    attempt->later = (struct deferred){.fn = fn, .user = attempt};
    loop_defer(attempt->loop, &attempt->later);
}

static void finish(struct game_try *attempt, enum probe_outcome outcome)
{
    attempt->is_done = true;
    attempt->result.outcome = outcome;
    attempt->result.detail = attempt->detail;
    attempt->result.duration_us = clock_mono_us() - attempt->started_us;
    if (attempt->timer != NULL) {
        timer_cancel(attempt->timer);
    }
    game_try_later(attempt, deliver);
}

void game_try_pass(struct game_try *attempt)
{
    if (!attempt->is_done) {
        attempt->result.facts = game_facts_of(&attempt->query.facts);
        attempt->detail[0] = '\0';
        finish(attempt, PROBE_PASSED);
    }
}

void game_try_fail(struct game_try *attempt, enum probe_outcome outcome, const char *format, ...)
{
    if (attempt->is_done) {
        return;
    }
    va_list args;
    va_start(args, format);
    brief_vformat(attempt->detail, sizeof(attempt->detail), format, args);
    va_end(args);
    if (attempt->old_address) {
        brief_format(attempt->detail, sizeof(attempt->detail), "%s at the last known address",
                     attempt->detail);
    }
    finish(attempt, outcome);
}

void game_try_fail_errno(struct game_try *attempt, int errnum)
{
    char detail[CONNECT_DETAIL_SIZE];
    enum probe_outcome outcome = connect_try_outcome(connect_failure(errnum, detail));
    game_try_fail(attempt, outcome, "%s", detail);
}

/* What is known of a server that has answered once is enough, though a second answer was wanted. */
void game_try_time_out(struct game_try *attempt)
{
    char timeout[24];
    duration_format(attempt->timeout_ms, timeout);
    unsigned ignored = attempt->ignored;
    ignored += attempt->socket != NULL ? connected_socket_dropped(attempt->socket) : 0;
    if (attempt->query.is_up) {
        game_try_pass(attempt);
    } else if (attempt->resolved_late) {
        game_try_fail(attempt, PROBE_NOT_RESOLVED, "name not resolved in time for an answer within %s",
                      timeout);
    } else if (ignored > 0) {
        game_try_fail(attempt, PROBE_TIMED_OUT, "timed out after %s, %u datagrams were no answer", timeout,
                      ignored);
    } else {
        game_try_fail(attempt, PROBE_TIMED_OUT, "timed out after %s", timeout);
    }
}

int64_t game_try_left_us(const struct game_try *attempt, int percent)
{
    return attempt->started_us + attempt->timeout_ms * 10 * percent - clock_mono_us();
}

int game_try_send(struct game_try *attempt)
{
    struct buf request = {0};
    attempt->protocol->request(&attempt->query, &request);
    int errnum = connected_socket_send(attempt->socket, buf_view(&request));
    buf_fini(&request);
    return errnum;
}
