/* An attempt that asks a game server in its own protocol: what the drivers of UDP and of TCP share. */
#ifndef OUTRIDER_PROBE_GAME_TRY_INTERNAL_H
#define OUTRIDER_PROBE_GAME_TRY_INTERNAL_H

#include "outrider/base/attr.h"
#include "outrider/codec/game/game.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/net/resolver.h"
#include "outrider/probe/driver.h"

struct connect_attempt;
struct connected_socket;
struct timer;

extern const struct probe_driver probe_a2s, probe_minecraft, probe_raknet, probe_quake3;

/* A protocol of datagrams or of a stream. */
struct game_protocol {
    game_request_fn *request;
    game_answer_fn *answer;
    bool has_nonce;
};

struct game_try {
    const struct game_protocol *protocol;
    struct loop *loop;
    probe_try_fn *fn;
    void *user;
    struct game_query query;
    int64_t timeout_ms, started_us;
    struct connected_socket *socket;
    struct timer *timer;
    struct deferred later;
    bool is_done;
    struct probe_result result;
    char detail[160];

    /* of datagrams */
    struct lookup *lookup;
    struct sockaddr_storage addresses[RESOLVER_ADDRESSES_MAX];
    size_t address_count, next_address;
    bool has_heard, has_sent_twice, resolved_late, old_address;
    unsigned ignored; /* datagrams that are no answer */

    /* of a stream */
    struct connect_attempt *connection;
    struct buf *answer; /* so far */
    char *host;
};

/* A new attempt with a random nonce where the protocol has one; nothing is started. */
struct game_try *game_try_new(const struct game_protocol *protocol, const struct probe_context *context,
                              const struct config_probe *probe, probe_try_fn *fn, void *user);

/* The attempt for the driver's interface, and back. */
struct probe_try *game_try_handle(struct game_try *attempt);
struct game_try *game_try_of(struct probe_try *handle);

/* Ends the attempt without a callback. Accepts NULL. */
void game_try_cancel(struct probe_try *handle);

/* Each sets the result, which is delivered at the end of the turn. Only the first one counts. */
void game_try_pass(struct game_try *attempt);
void game_try_fail(struct game_try *attempt, enum probe_outcome outcome, const char *format, ...)
    PRINTF_LIKE(3, 4);
void game_try_fail_errno(struct game_try *attempt, int errnum);
void game_try_time_out(struct game_try *attempt);

/* Calls `fn` with the attempt at the end of the turn, instead of what was to be called. */
void game_try_later(struct game_try *attempt, void (*fn)(void *user));

/* Us from now to a share of the timeout, in percent. */
int64_t game_try_left_us(const struct game_try *attempt, int percent);

/* Sends the request of the query as it is now. Returns 0, or an errno. */
int game_try_send(struct game_try *attempt) MUST_CHECK;

/* What protocols of datagrams share: an attempt from the look-up of the host to the result. */
struct probe_try *datagram_try_start(const struct game_protocol *protocol,
                                     const struct probe_context *context, const char *host,
                                     const struct config_probe *probe, probe_try_fn *fn, void *user);

#endif
