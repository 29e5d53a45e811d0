/* What the files of http_plain share: http_plain.c (calls: their time, their results),
 * http_plain_connection.c (connections: made, used, kept, given up), http_plain_stream.c. */
#ifndef OUTRIDER_IO_HTTP_CLIENT_HTTP_PLAIN_PARTS_INTERNAL_H
#define OUTRIDER_IO_HTTP_CLIENT_HTTP_PLAIN_PARTS_INTERNAL_H

#include "http_answer_internal.h"
#include "http_plain_internal.h"
#include "http_url_internal.h"
#include "http_wire_internal.h"
#include "outrider/io/loop/loop.h"

struct timer;

enum { HTTP_PLAIN_READ_SIZE = 16384 };

enum plain_state { CALL_FREE, CALL_RUNNING, CALL_DONE, CALL_CANCELLED };

struct plain_call {
    struct http_request_handle handle;  /* first: what the caller holds */
    struct plain_call *next, *previous; /* in `calls`, or next in `spare` */
    struct plain_call *next_done;
    struct http_plain *client;
    struct plain_connection *connection; /* NULL unless it is running */
    struct buf url_text, request, text;
    struct http_url url; /* views of url_text; empty when it was malformed */
    struct http_answer answer;
    http_result_fn *fn;
    void *user;
    int64_t started_us, ended_us;
    int64_t timeout_ms, connect_timeout_ms;
    enum plain_state state;
    enum http_transport transport;
    bool secret, sent;
    bool applied; /* a byte of the answer has come */
};

/* clang-format off */
/*                 connected               answered
 *   CONNECTING --------------> BUSY  ------------------> IDLE: in the client's list, newest first
 *                               ^                          |
 *                               +------ the next call -----+
 *
 * Anything else that happens to it ends it: it is on the graveyard until the end of the turn. */
/* clang-format on */
struct plain_connection {
    struct http_wire wire;
    struct plain_connection *next, *previous; /* among the idle ones, or next in the graveyard */
    struct http_plain *client;
    struct plain_call *call; /* NULL: idle */
    char *authority;
    bool kept;          /* has served a call before this one */
    uint64_t idle_from; /* http_plain.answered, when it became idle */
};

struct http_plain {
    struct loop *loop;
    struct resolver *resolver;
    struct plain_call *calls, *spare, *done, *last_done;
    size_t spare_count, in_flight;
    struct deferred deliver;
    struct timer *timer; /* the soonest deadline of a call, or sooner; made by the first one */
    int64_t timer_ms;    /* INT64_MAX: not armed */
    struct plain_connection *newest, *oldest, *graveyard;
    size_t idle_count;
    uint64_t answered; /* calls that left a connection idle */
    struct deferred bury;
    struct plain_stream *streams;
    char *scratch; /* HTTP_PLAIN_READ_SIZE bytes; made by the first read */
};

/* http_plain.c: the call is over; its result is delivered before the turn ends. `why` (copied) unless
 * `transport` is OK. It has no connection any more. */
void plain_call_end(struct plain_call *call, enum http_transport transport, const char *why);

/* http_plain.c: appends the words for a person: the URL unless it is empty, what `transport` means, and
 * `why`.
 */
void plain_describe(struct buf *text, const struct http_url *url, enum http_transport transport,
                    const char *why);

/* http_plain.c: overwrites and empties a buffer that held a secret. */
void plain_wipe(struct buf *buf);

/* http_plain.c: where bytes are read to. */
char *plain_scratch(struct http_plain *client);

/* http_plain_connection.c: sends the request on a kept connection or starts to make one. */
void plain_connection_start(struct plain_call *call);

/* http_plain_connection.c: the end of the connection of `call`, which is over before its answer. */
void plain_connection_abandon(struct plain_call *call);

/* http_plain_connection.c: the same, as nothing came in its time. */
void plain_connection_silent(struct plain_call *call);

/* http_plain_connection.c: closes the idle ones and frees what is closed. */
void plain_connections_fini(struct http_plain *client);

/* http_plain_connection.c: for http_plain_new. */
void plain_connections_init(struct http_plain *client);

/* http_plain_stream.c: closes and frees every stream. */
void plain_streams_fini(struct http_plain *client);

#endif
