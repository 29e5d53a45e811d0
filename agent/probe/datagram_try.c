/* An attempt over UDP: one socket connected to the server, so that no other sender is heard, and the request again at half the
 * timeout. The next address of a host is tried where one refuses or cannot be reached, before anything was heard. */
#include "game_try_internal.h"

#include "outrider/base/error.h"
#include "outrider/io/loop/timer.h"
#include "outrider/io/net/connected_socket.h"

#include <errno.h>

/* A look-up that leaves less than a third of the time makes a timeout its own. */
enum { LATE_PERCENT = 67, RESEND_PERCENT = 50 };

static void try_address(void *user);

static void fail_address(struct game_try *attempt, int errnum)
{
    bool is_of_address = errnum == ECONNREFUSED || errnum == EHOSTUNREACH || errnum == ENETUNREACH ||
                         errnum == EADDRNOTAVAIL || errnum == EAFNOSUPPORT;
    if (!is_of_address || attempt->has_heard || attempt->next_address == attempt->address_count) {
        game_try_fail_errno(attempt, errnum);
    } else if (!attempt->is_done) {
        game_try_later(attempt, try_address); /* this may be a callback of the socket that goes */
    }
}

/* A request that the kernel has no room for is as good as lost on the way. */
static void ask(struct game_try *attempt)
{
    int errnum = game_try_send(attempt);
    if (errnum != 0 && errnum != EAGAIN && errnum != ENOBUFS && errnum != EINTR) {
        fail_address(attempt, errnum);
    }
}

/* Its own request is what the socket hears when it is its own peer: the port is free. */
static bool ignore(struct game_try *attempt)
{
    if (attempt->ignored++ == 0 && connected_socket_is_its_own_peer(attempt->socket)) {
        attempt->ignored = 0;
        fail_address(attempt, ECONNREFUSED);
        return false;
    }
    return true;
}

static bool take_answer(struct game_try *attempt, struct str datagram)
{
    struct error err;
    enum game_outcome outcome = attempt->protocol->answer(&attempt->query, datagram, &err);
    attempt->has_heard = attempt->has_heard || outcome != GAME_FOREIGN;
    switch (outcome) {
    case GAME_DONE: game_try_pass(attempt); break;
    case GAME_BAD: game_try_fail(attempt, PROBE_FAILED, "%s", err.text); break;
    case GAME_ASK: ask(attempt); break;
    case GAME_MORE: /* of a stream */
    case GAME_FOREIGN: return ignore(attempt);
    }
    return !attempt->is_done;
}

static bool on_heard(enum connected_event event, struct str datagram, int errnum, void *user)
{
    struct game_try *attempt = user;
    if (event == CONNECTED_BYTES) {
        return take_answer(attempt, datagram);
    }
    fail_address(attempt, errnum);
    return false;
}

static void on_timer(void *user)
{
    struct game_try *attempt = user;
    if (attempt->has_sent_twice) {
        game_try_time_out(attempt);
        return;
    }
    attempt->has_sent_twice = true;
    timer_arm_us(attempt->timer, game_try_left_us(attempt, 100));
    if (attempt->socket != NULL) {
        ask(attempt);
    }
}

static void try_address(void *user)
{
    struct game_try *attempt = user;
    connected_socket_free(attempt->socket);
    attempt->socket = NULL;
    attempt->socket =
        connected_socket_udp(attempt->loop, &attempt->addresses[attempt->next_address++], on_heard, attempt);
    if (attempt->socket == NULL) {
        fail_address(attempt, errno);
    } else {
        ask(attempt);
    }
}

static void use_addresses(struct game_try *attempt, size_t count)
{
    attempt->address_count = count;
    attempt->timer = timer_new(attempt->loop, on_timer, attempt);
    timer_arm_us(attempt->timer, game_try_left_us(attempt, RESEND_PERCENT));
    try_address(attempt);
}

static void on_resolved(const struct resolver_answer *answer, void *user)
{
    struct game_try *attempt = user;
    attempt->lookup = NULL;
    if (answer->count == 0) {
        game_try_fail(attempt, PROBE_NOT_RESOLVED, "name not resolved: %s", answer->error);
        return;
    }
    attempt->old_address = answer->status == RESOLVER_OLD;
    attempt->resolved_late = game_try_left_us(attempt, LATE_PERCENT) < 0;
    memcpy(attempt->addresses, answer->addresses, answer->count * sizeof(answer->addresses[0]));
    use_addresses(attempt, answer->count);
}

struct probe_try *datagram_try_start(const struct game_protocol *protocol,
                                     const struct probe_context *context, const char *host,
                                     const struct config_probe *probe, probe_try_fn *fn, void *user)
{
    struct game_try *attempt = game_try_new(protocol, context, probe, fn, user);
    size_t count = resolver_literal(host, probe->port, attempt->addresses);
    if (count > 0) {
        use_addresses(attempt, count);
    } else {
        attempt->lookup =
            resolver_look_up(context->resolver, host, probe->port, probe->timeout_ms, on_resolved, attempt);
    }
    return game_try_handle(attempt);
}
