/* The client: its nodes, and the commands that wait for one.
 *
 *     redis.c            commands come and are answered; time passes
 *     redis_route.c      which node has a command; what an error reply means for it
 *     redis_nodes.c      nodes and their connections; the slots of a cluster
 *     redis_sentinel.c   who is master
 *     redis_first.c      what is done on a connection before all else
 *     redis_line.c       connections for commands that wait in the server, and for messages
 *     redis_channel.c    the messages of one channel */
#ifndef OUTRIDER_IO_REDIS_REDIS_INTERNAL_H
#define OUTRIDER_IO_REDIS_REDIS_INTERNAL_H

#include "redis_connection_internal.h"

#include "outrider/base/backoff.h"
#include "outrider/base/random.h"

enum { REDIS_NO_NODE = 0xff, REDIS_HOST_MAX = 253 /* bytes */ };

/* How far what comes first is on a connection. */
enum redis_gate { REDIS_GATE_SHUT, REDIS_GATE_ASKED, REDIS_GATE_OPEN };

struct redis_node {
    struct redis *redis;
    size_t index; /* in `nodes` */
    struct redis_connection *connection;
    bool is_usable; /* it is open, and takes writes as far as it has said */
    bool is_wanted; /* cluster: a command is for it */
    enum redis_gate gate;
    int64_t gate_us; /* not asked before */
    struct backoff backoff;
    int64_t retry_us; /* not connected to before */
};

/* The links to one of the sentinels. */
struct redis_sentinel {
    struct redis_connection *asked, *news; /* NULL at first */
    size_t endpoint;
    int64_t retry_us, ask_us; /* when to connect; when to ask */
    int64_t news_us;          /* when to connect for news */
    int64_t asked_us;         /* a question without an answer; 0: none */
    bool is_over;             /* it failed: its links are to be freed */
    struct backoff backoff;
};

struct redis_line {
    struct redis_line *next;
    struct redis *redis;
    const struct redis_line_handler *handler; /* NULL: it is to be freed */
    void *user;
    bool has_key;
    uint16_t slot;
    struct redis_connection *connection; /* NULL: none yet */
    struct redis_node *node;             /* at whose address it is */
    int64_t retry_us, ping_us;           /* when to connect, to ask */
    struct backoff backoff;
};

struct redis_channel {
    struct redis_line *line; /* NULL: none */
    char *name;
    redis_heard_fn *fn;
    void *user;
    bool is_open;
};

struct redis {
    struct redis_shared shared;
    char *texts[REDIS_ENDPOINTS_MAX + 8]; /* of the options */
    size_t text_count;
    enum redis_mode mode;                      /* REDIS_AUTO: not known yet */
    struct redis_node *nodes[REDIS_NODES_MAX]; /* NULL: free */
    struct redis_node *current;                /* single, sentinel; NULL: not known */
    size_t next_endpoint;
    uint8_t *owners; /* cluster: of each slot the node, REDIS_NO_NODE: not known */
    bool slots_wanted, slots_asked;
    int64_t slots_us; /* when they were asked for */
    struct redis_sentinel sentinel;
    struct redis_line *lines;
    struct redis_channel channel;
    const struct redis_first *first; /* NULL: nothing comes first */
    void *first_user;
    struct redis_calls waiting; /* for a node */
    size_t call_count, call_bytes;
    struct timer *tick;
    struct random random;
    struct backoff backoff;             /* of a round of the endpoints */
    int64_t endpoint_retry_us;          /* when the next endpoint is tried */
    bool is_started, is_woken, is_idle; /* woken: the next tick comes at once; idle: it is far away */
    int64_t away_since_us;              /* since when no server can be used; 0: one can */
    bool has_failed;                    /* since then */
    bool is_denied;                     /* the last one did not let us in */
    char last_error[256], version[REDIS_VERSION_SIZE], server[96];
    uint64_t reconnects, redirections, retries;
};

/* ---- redis.c ---- */

/* Answers `call`, which is gone then. `why` for all but REDIS_DONE. */
void redis_finish(struct redis *redis, struct redis_call *call, enum redis_outcome outcome,
                  const struct redis_reply *reply, const char *why);

/* Connects, when that was not begun. */
void redis_start(struct redis *redis);

/* Frees `call`, which was answered when its time was up. */
void redis_drop(struct redis *redis, struct redis_call *call);

/* Lets `call` wait for a node, at least `delay_ms`. */
void redis_wait(struct redis *redis, struct redis_call *call, int64_t delay_ms);

/* Sends what waits and may be sent now. */
void redis_dispatch(struct redis *redis);

/* Makes the next tick come soon. */
void redis_wake(struct redis *redis);

/* Starts a command of the client itself on an open connection; it is never tried elsewhere. */
void redis_ask(struct redis_connection *connection, const struct str *args, size_t count, redis_result_fn *fn,
               void *user);

/* Answers those that wait and have a key, as what comes first was refused. */
void redis_refuse_waiting(struct redis *redis, enum redis_outcome outcome, const char *why);

/* ---- redis_route.c ---- */

/* Sends `call` to the node that has it, or lets it wait. */
void redis_route(struct redis *redis, struct redis_call *call);

/* Whether a server that says so is left for another one, or for another connection. */
bool redis_is_elsewhere(const struct redis *redis, enum redis_error error);

/* A reply of `node` to `call`. */
void redis_answered(struct redis_node *node, struct redis_call *call, const struct redis_reply *reply);

/* The node that has the slot, or takes any command; NULL: none is known. */
struct redis_node *redis_node_of(struct redis *redis, bool has_key, uint16_t slot);

/* What the error means for a command that is tried nowhere else. */
enum redis_outcome redis_outcome_of(enum redis_error error);

/* MOVED and ASK name a node. Returns it, or NULL where the text names none, or there are too many. */
struct redis_node *redis_redirected(struct redis_node *node, enum redis_error error, struct str text);

/* ---- redis_first.c ---- */

/* Whether `call` may be sent to the node. */
bool redis_first_is_done(const struct redis_node *node, const struct redis_call *call);

/* Does what comes first, where it is due on the usable node. */
void redis_first_ask(struct redis_node *node);

/* The reply to it. */
void redis_first_answered(struct redis_node *node, struct redis_call *call, const struct redis_reply *reply);

/* ---- redis_nodes.c ---- */

/* The node at the address, new where there is none; nodes that nothing needs make room. `host` has at most REDIS_HOST_MAX bytes.
 * NULL: there are too many. */
struct redis_node *redis_node_at(struct redis *redis, struct str host, uint16_t port);
void redis_node_free(struct redis_node *node);

/* Nothing is sent to it any more; what it has not answered is tried elsewhere, or unknown. Accepts NULL. */
void redis_node_leave(struct redis_node *node, const char *why);

/* Whether commands may be sent to it now: its connection may have ended in this turn. Accepts NULL. */
bool redis_node_is_usable(const struct redis_node *node);

/* Any node that can be used, or NULL. */
struct redis_node *redis_node_any(const struct redis *redis);

/* Connects where that is due. */
void redis_nodes_tick(struct redis *redis, int64_t now_us);

/* Notes why a server could not be used. */
void redis_note_error(struct redis *redis, const char *server, const char *why);

/* ---- redis_sentinel.c ---- */

void redis_sentinel_tick(struct redis *redis, int64_t now_us);
void redis_sentinel_hurry(struct redis *redis);
void redis_sentinel_fini(struct redis *redis);

/* ---- redis_line.c ---- */

void redis_lines_tick(struct redis *redis, int64_t now_us);
bool redis_lines_wait(const struct redis *redis);                            /* for a connection */
void redis_lines_forget(struct redis *redis, const struct redis_node *node); /* which is freed */
void redis_lines_fini(struct redis *redis);

/* ---- redis_channel.c ---- */

void redis_channel_fini(struct redis *redis);

#endif
