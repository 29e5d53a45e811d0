/* Redis from the event loop: commands to the server that has their key, each answered once; connections of their own for commands that
 * wait in the server; and messages of channels.
 *
 *   single    the endpoints are servers; the first that is a master is used, and another one when it fails
 *   sentinel  the endpoints are sentinels; they name the master, and its role is verified. One is asked every 2 s and its
 *             +switch-master is followed: a master that is named no more is left, though it answers
 *   cluster   the endpoints are some of the nodes; they tell who has which slot, and MOVED and ASK are followed
 *   auto      what the first endpoint that answers says it is
 *
 * - All commands for one server go over one connection, in their order, and those of a turn of the loop in one write.
 * - A command that was certainly not done is tried again, elsewhere or later, until its time is up. One whose connection ends
 *   when it was sent has an unknown outcome, and is tried again only where it says that it may be.
 * - No server answers for `patience_ms`: commands fail at once, until one does again.
 * - Bounded: commands and bytes that wait, the size of a reply, nodes, redirections of one command.
 * - Passwords are read for each login, and wiped. */
#ifndef OUTRIDER_IO_REDIS_REDIS_H
#define OUTRIDER_IO_REDIS_REDIS_H

#include "outrider/base/str.h"
#include "outrider/io/net/tls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct redis;
struct redis_reply;
struct redis_subscription;
struct resolver;

enum { REDIS_ENDPOINTS_MAX = 16, REDIS_NODES_MAX = 64, REDIS_REDIRECTIONS_MAX = 5 };

enum redis_mode { REDIS_AUTO, REDIS_SINGLE, REDIS_SENTINEL, REDIS_CLUSTER };

struct redis_endpoint {
    const char *host;
    uint16_t port;
};

/* Copied. */
struct redis_options {
    struct redis_endpoint endpoints[REDIS_ENDPOINTS_MAX];
    size_t endpoint_count; /* at least 1 */
    enum redis_mode mode;
    const char *master_name;   /* sentinel */
    const char *username;      /* NULL: the default user */
    const char *password_file; /* NULL: no login */
    bool tls;                  /* on every connection, those to sentinels included */
    struct tls_settings tls_settings;
    int64_t connect_timeout_ms;            /* name, connection, TLS and login together; 0: 2000 */
    int64_t patience_ms;                   /* 0: 3000 */
    size_t reply_max;                      /* bytes of one reply; 0: 1 MiB */
    size_t waiting_max, waiting_max_bytes; /* commands that the server has not answered; 0: 4096 and 16 MiB */
    uint64_t seed;                         /* of the jitter of retries */
};

/* What became of a command. As the failures of a registry: the difference that matters most is that between REDIS_RETRY and
 * REDIS_UNKNOWN. */
enum redis_outcome {
    REDIS_DONE,       /* there is a reply, which is no error */
    REDIS_RETRY,      /* certainly not done: no server, or it refused for now */
    REDIS_UNKNOWN,    /* may have been done */
    REDIS_OVERLOADED, /* certainly not done: the server or our queue is full, or it may not write for now */
    REDIS_DENIED,     /* user, password or rights; a script may have been done in part */
    REDIS_REFUSED     /* the command, or what the key holds; certainly not done */
};

/* "done", "retry", ... */
const char *redis_outcome_name(enum redis_outcome outcome);

/* Everything in it is borrowed until the callback returns. */
struct redis_result {
    enum redis_outcome outcome;
    const struct redis_reply *reply; /* done; else a nil, never NULL */
    const char *why;                 /* for a person: the server and what it said; "" when done */
};

/* Called from the loop exactly once per command, never from within redis_submit. May submit and subscribe; must not free
 * the client. */
typedef void redis_result_fn(const struct redis_result *result, void *user);

/* A script, whose source is borrowed for the life of the client. Begin it with REDIS_SCRIPT. */
struct redis_script {
    struct str source;
    char sha[41]; /* filled by redis_script_init */
};

/* A script of `source`, which lives as long as it is used. */
void redis_script_init(struct redis_script *script, struct str source);

/* Copied, but for the script. */
struct redis_command {
    const struct str *args; /* with a script: what follows it, the number of keys first */
    size_t count;
    const struct redis_script
        *script;    /* NULL: none. Called by its name, and sent whole where the server has it not */
    struct str key; /* decides the node of a cluster; empty: any of them */
    int64_t timeout_ms;
    bool repeatable; /* done twice is as good as once: tried again where the outcome would be unknown */
};

/* A client on `loop` that resolves names by `resolver` (both borrowed until redis_free). The caller owns it. Connects when the
 * first command or subscription comes. */
struct redis *redis_new(struct loop *loop, struct resolver *resolver, const struct redis_options *options);

/* Commands under way get no answer, subscriptions end. Accepts NULL. Not from within a callback of this client. */
void redis_free(struct redis *redis);

/* What is done on each new connection before any command that has a key, and again where the server answers
 * "OUTRIDER-UNOPENED ...": until it has succeeded those commands wait; where it is refused they fail as it did. */
struct redis_first {
    /* Borrowed until begin() is called again. `ret_also`, NULL at first, is a script that is loaded beside it, so that the first command
     * with it keeps its place among the others. */
    void (*begin)(struct redis_command *ret_command, const struct redis_script **ret_also, void *user);
    void (*ended)(const struct redis_result *result, void *user); /* each time; may submit */
};

/* From now on; `first` is static. Before the first command. */
void redis_put_first(struct redis *redis, const struct redis_first *first, void *user);

/* Starts a command. */
void redis_submit(struct redis *redis, const struct redis_command *command, redis_result_fn *fn, void *user);

enum redis_heard {
    REDIS_HEARD_OPEN,    /* every message from now on is heard */
    REDIS_HEARD_MESSAGE, /* `text` */
    REDIS_HEARD_LOST /* messages may be missed until it is open again, which is tried until redis_unsubscribe */
};

/* `text` is borrowed. May submit; must not free the client. */
typedef void redis_heard_fn(enum redis_heard heard, struct str text, void *user);

/* Hears the messages of `channel` (copied) from now on, over a line of its own; one channel at a time. */
void redis_subscribe(struct redis *redis, struct str channel, redis_heard_fn *fn, void *user);

/* Hears nothing any more. No effect without a subscription. */
void redis_unsubscribe(struct redis *redis);

/* One more connection, to the server that has `key`, kept until redis_line_free(): it is opened again where it is lost, and left where
 * another server has the key now. On a server that has something to do first (redis_put_first), after that. */
struct redis_line;

enum redis_news { REDIS_SUBSCRIBED, REDIS_UNSUBSCRIBED, REDIS_MESSAGE };

/* Each may use the line, free it, and submit; none may free the client. */
struct redis_line_handler {
    void (*opened)(struct redis_line *line, void *user);
    /* It is gone, or could not be opened; what was asked gets no answer. It is tried again. */
    void (*lost)(struct redis_line *line, const char *why, void *user);
    /* NULL: the line is for commands, which may wait in the server. Else for channels alone. `text` of a message. */
    void (*heard)(struct redis_line *line, enum redis_news news, struct str channel, struct str text,
                  void *user);
};

/* `key` is copied; empty: any server. `handler` is static. */
struct redis_line *redis_line_new(struct redis *redis, struct str key,
                                  const struct redis_line_handler *handler, void *user);

/* Nothing is heard of it any more. Accepts NULL. */
void redis_line_free(struct redis_line *line);

/* Whether it may be used: since opened(), until lost(). */
bool redis_line_is_open(const struct redis_line *line);

/* host:port of the server; borrowed. "" where there is none. */
const char *redis_line_server(const struct redis_line *line);

/* Sends a command (copied) on an open line; several of one turn go in one write. Without an answer in time the line is lost. */
void redis_line_ask(struct redis_line *line, const struct str *args, size_t count, int64_t timeout_ms,
                    redis_result_fn *fn, void *user);

/* Ends an open line, whose server is of no use; lost() comes at the end of the turn. */
void redis_line_leave(struct redis_line *line, const char *why);

/* Asks for messages, or for no more; each is told once it holds. On an open line. */
void redis_line_subscribe(struct redis_line *line, struct str channel);
void redis_line_unsubscribe(struct redis_line *line, struct str channel);

/* What is known of the servers, for people and metrics. Borrowed until the loop runs on. */
struct redis_facts {
    enum redis_mode mode;   /* REDIS_AUTO while none has answered */
    bool connected;         /* to at least one server that takes commands */
    const char *server;     /* host:port of the one used last; "" at first */
    const char *last_error; /* why none could be used, "" while one is */
    const char *version;    /* of a server, "" while unknown */
    size_t waiting, waiting_bytes, connections;
    uint64_t reconnects, redirections, retries;
};

/* The facts of now. */
struct redis_facts redis_facts(const struct redis *redis);

#endif
