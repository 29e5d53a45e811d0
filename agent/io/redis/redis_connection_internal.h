/* One connection to one server: connect, TLS, login, commands and their replies in order, pushed messages.
 *
 *     CLOSED ──open──> CONNECTING ──> SECURING ──> LOGIN ──> OPEN
 *       ^                  │    (tls)    │           │         │
 *       └──── any failure, redis_connection_close, the peer ───┘
 *
 * The owner hears `opened` once, or `lost` once; `lost` ends every connection that was opened by redis_connection_open. Neither comes
 * from within a call of this header. */
#ifndef OUTRIDER_IO_REDIS_REDIS_CONNECTION_INTERNAL_H
#define OUTRIDER_IO_REDIS_REDIS_CONNECTION_INTERNAL_H

#include "outrider/base/buf.h"
#include "outrider/codec/redis/redis_error.h"
#include "outrider/codec/redis/redis_reply.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/redis/redis.h"

#include <event2/event.h>
#include <event2/event_struct.h>

/* One command under way: waiting for a server, or for its reply on a connection. */
struct redis_call {
    struct redis_call *next;
    size_t count, bytes;
    const struct redis_script *script;
    bool whole_script; /* the server has it not: EVAL */
    bool asking;       /* ASKING before it */
    bool repeatable;
    bool is_own;     /* the client's own, of one connection: never tried elsewhere */
    bool is_first;   /* own: what comes before all others */
    bool maybe_done; /* it was sent on a connection that ended */
    bool is_refused; /* too much waited when it came */
    bool answered;   /* its time was up; what comes is dropped */
    bool has_key;
    uint16_t slot;
    unsigned redirections;
    int64_t started_us, deadline_us, sent_us;
    int64_t retry_us; /* not sent again before */
    redis_result_fn *fn;
    void *user;
    uint64_t end;      /* on a connection: where it ends in the stream of bytes */
    struct str args[]; /* `count` of them; their bytes follow */
};

struct redis_calls {
    struct redis_call *first, **end;
    size_t count;
};

void redis_calls_init(struct redis_calls *calls);
void redis_calls_add(struct redis_calls *calls, struct redis_call *call);
struct redis_call *redis_calls_take(struct redis_calls *calls); /* NULL: none */

/* A call of a copy of `command`; freed by redis_call_free. Its slot is reckoned with `has_slot` alone. */
struct redis_call *redis_call_new(const struct redis_command *command, bool has_slot, redis_result_fn *fn,
                                  void *user);
void redis_call_free(struct redis_call *call);

enum redis_link_state {
    REDIS_LINK_CLOSED,
    REDIS_LINK_CONNECTING,
    REDIS_LINK_SECURING,
    REDIS_LINK_LOGIN,
    REDIS_LINK_OPEN
};

enum { REDIS_VERSION_SIZE = 24 };

/* What the server said of itself. */
struct redis_hello {
    enum redis_mode mode; /* REDIS_AUTO: it did not say */
    bool is_replica;
    char version[REDIS_VERSION_SIZE];
};

/* What every connection of a client shares. */
struct redis_shared {
    struct loop *loop;
    struct resolver *resolver;
    struct redis_options options; /* own copies */
};

struct redis_connection;

struct redis_link_owner {
    void (*opened)(struct redis_connection *connection, void *user);
    /* A reply to `call`, which the owner takes. `reply` is borrowed. */
    void (*replied)(struct redis_connection *connection, struct redis_call *call,
                    const struct redis_reply *reply, void *user);
    /* The connection ended, or none came to be, because of `why`. Then the calls on it, which the owner takes, by
     * redis_connection_take_call. */
    void (*lost)(struct redis_connection *connection, const char *why, void *user);
    /* A message; where the owner subscribed. */
    void (*heard)(struct redis_connection *connection, const struct redis_reply *reply, void *user);
};

struct redis_connection {
    const struct redis_shared *shared;
    const struct redis_link_owner *owner;
    void *user;
    char *host;
    uint16_t port;
    char *name; /* host:port, for people */
    bool is_sentinel, is_subscriber;
    bool is_busy; /* since it was opened, and until the owner has heard that it was lost */
    enum redis_link_state state;
    struct connect_attempt *attempt;
    struct tls_attempt *securing;
    struct transport transport;
    struct event readable, writable;
    bool has_events, wants_write;
    struct redis_decoder *decoder;
    struct buf out;
    uint64_t sent; /* bytes */
    struct redis_calls calls;
    struct timer *timer; /* until it is open */
    struct deferred flush, ending;
    struct redis_hello hello;
    bool without_password;        /* this attempt to log in, as the server refused ours */
    enum redis_error login_error; /* REDIS_ERROR_OTHER: none */
    int64_t heard_us;
    char why[256];
};

/* A closed connection to `host` (copied) and `port`. */
struct redis_connection *redis_connection_new(const struct redis_shared *shared, const char *host,
                                              uint16_t port, const struct redis_link_owner *owner,
                                              void *user);

/* Ends it without a call of the owner; the calls on it are freed. Accepts NULL. */
void redis_connection_free(struct redis_connection *connection);

/* Begins to connect. It is not busy. */
void redis_connection_open(struct redis_connection *connection);

/* Ends it, and tells the owner at the end of the turn. Nothing is sent or read any more. No effect when it is closed. */
void redis_connection_close(struct redis_connection *connection, const char *why);

/* Sends `call` and takes it over until its reply. It is open. */
void redis_connection_send(struct redis_connection *connection, struct redis_call *call);

/* Asks for the messages of `channel`, or for no more. It is open, and a subscriber. */
void redis_connection_subscribe(struct redis_connection *connection, struct str channel);
void redis_connection_unsubscribe(struct redis_connection *connection, struct str channel);

/* After it was lost: the calls that were on it, one by one, and whether each may have been done; NULL: no more. */
struct redis_call *redis_connection_take_call(struct redis_connection *connection, bool *ret_sent);

/* After it was lost: frees the calls that were on it, unanswered. */
void redis_connection_drop_calls(struct redis_connection *connection);

/* ---- redis_login.c ---- */

/* Appends the first command of a login. Returns 0, or -1 with an error. */
int redis_login_start(struct redis_connection *connection, struct error *err) MUST_CHECK;

/* Goes on by the reply to it. Returns 1 when it is done, 0 when more was appended, -1 with an error. */
int redis_login_step(struct redis_connection *connection, const struct redis_reply *reply,
                     struct error *err) MUST_CHECK;

#endif
