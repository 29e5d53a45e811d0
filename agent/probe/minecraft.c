#include "outrider/codec/game/minecraft.h"

#include "connect_try_internal.h"
#include "game_try_internal.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/timer.h"
#include "outrider/io/net/connected_socket.h"

static const struct game_protocol protocol = {.request = minecraft_request, .answer = minecraft_answer};

/* An answer needs at most MINECRAFT_ANSWER_MAX bytes: the decoder decides by then, and reading ends. */
static bool take_bytes(struct game_try *attempt, struct str bytes)
{
    struct error err;
    buf_str(attempt->answer, bytes);
    switch (protocol.answer(&attempt->query, buf_view(attempt->answer), &err)) {
    case GAME_DONE: game_try_pass(attempt); break;
    case GAME_BAD: game_try_fail(attempt, PROBE_FAILED, "%s", err.text); break;
    case GAME_MORE:
    case GAME_ASK:
    case GAME_FOREIGN: break;
    }
    return !attempt->is_done;
}

static bool on_heard(enum connected_event event, struct str bytes, int errnum, void *user)
{
    struct game_try *attempt = user;
    switch (event) {
    case CONNECTED_BYTES: return take_bytes(attempt, bytes);
    case CONNECTED_END:
        game_try_fail(attempt, PROBE_FAILED, "connection closed after %zu bytes of an answer",
                      attempt->answer->size);
        break;
    case CONNECTED_FAILED: game_try_fail_errno(attempt, errnum); break;
    }
    return false;
}

static void on_timeout(void *user)
{
    game_try_time_out(user);
}

static void on_connected(enum connect_outcome outcome, const char *detail, int64_t elapsed_us, void *user)
{
    (void)elapsed_us;
    struct game_try *attempt = user;
    struct connect_attempt *connection = attempt->connection;
    attempt->connection = NULL; /* it ends with this call */
    if (outcome != CONNECT_OK) {
        game_try_fail(attempt, connect_try_outcome(outcome), "%s", detail);
        return;
    }
    attempt->socket = connected_socket_stream(attempt->loop, connect_take(connection), on_heard, attempt);
    attempt->timer = timer_new(attempt->loop, on_timeout, attempt);
    timer_arm_us(attempt->timer, game_try_left_us(attempt, 100));
    int errnum = game_try_send(attempt);
    if (errnum != 0) {
        game_try_fail_errno(attempt, errnum);
    }
}

static struct probe_try *start(const struct probe_context *context, const char *host,
                               const struct config_probe *probe, probe_try_fn *fn, void *user)
{
    struct game_try *attempt = game_try_new(&protocol, context, probe, fn, user);
    attempt->host = mem_strdup(host);
    attempt->query.host = attempt->host;
    attempt->answer = mem_zalloc(sizeof(*attempt->answer));
    attempt->connection = connect_tcp(context->loop, context->resolver, host, probe->port, probe->timeout_ms,
                                      on_connected, attempt);
    return game_try_handle(attempt);
}

const struct probe_driver probe_minecraft = {
    .name = "minecraft", .describe = connect_try_describe, .start = start, .cancel = game_try_cancel};
