/* One command on its way from who sends it to its answer, or one that is only read. Pure: while it `wants()`, its state says what is to
 * be asked of the registry, and the answer is the next event.
 *
 *     SEND, CALL ──> COUNTING ──room──> GRANTING ──> WRITING ──written, CALL──> WAITING
 *                       │  └──a lease stands──────────^ │                        │ ^
 *                       │                               └──written, SEND──┐  due │ │ no answer yet
 *     FOLLOW ───────────┼────────────────────────────────────────────────────────┘ │
 *     READ ─────────────┼───────────────────────────────────────────────┐ │      v │
 *                       │ the inbox is full                             └─┼──> READING ──overdue──> DECIDING
 *                       v                                                 v      │ answered, gone      │ written, or
 *                      DONE <─────────────────────────────────────────────┴──────┴─────────────────────┘ answered
 *
 * A request that failed and may work is asked again after a wait, until `ends`. A command is under a lease that is not renewed, shared by
 * those that one inbox gets at about the same time: a sender that dies leaves nothing behind, and the agent of the server may write under
 * it with the right to its own inbox alone (etcd asks for the right to every key of a lease). That a command has expired is decided by
 * a compare on its key, so that an answer in the same moment and the end of its time never both stand. */
#ifndef OUTRIDER_CORE_COMMAND_DISPATCH_H
#define OUTRIDER_CORE_COMMAND_DISPATCH_H

#include "outrider/core/command/command.h"
#include "outrider/core/instant.h"
#include "outrider/core/registry/registry_request.h"

enum dispatch_op {
    DISPATCH_SEND,   /* until it is written */
    DISPATCH_CALL,   /* until it is answered */
    DISPATCH_FOLLOW, /* of one that was sent: until it is answered, looked for less often */
    DISPATCH_READ,   /* as it is */
    DISPATCH_OP_COUNT
};

enum dispatch_state {
    DISPATCH_COUNTING, /* list the inbox, one key: how many are there? */
    DISPATCH_GRANTING, /* make a lease of `lease_ttl_ms` */
    DISPATCH_WRITING,  /* put `command` under `lease` where there is no such key */
    DISPATCH_WAITING,
    DISPATCH_READING,  /* get the key */
    DISPATCH_DECIDING, /* put `command`, expired, under `lease` if the key is at `revision` */
    DISPATCH_DONE,
    DISPATCH_STATE_COUNT
};

enum dispatch_result {
    DISPATCH_SENT,      /* SEND: it is in the inbox, as `command` says */
    DISPATCH_KNOWN,     /* READ: `command` is as it is; CALL, FOLLOW: it has its answer, or expired */
    DISPATCH_NOT_FOUND, /* READ: there is no such command, or none any more */
    DISPATCH_FOREIGN,   /* the key has something else */
    DISPATCH_TAKEN,     /* another command has the id */
    DISPATCH_FULL,      /* too many are in that inbox */
    DISPATCH_FAILED     /* as `failure` says: UNKNOWN, it may have been written; else it was not */
};

/* Read by its owner; only the functions below write it. */
struct dispatch {
    enum dispatch_op op;
    enum dispatch_state state;
    enum dispatch_result result;   /* DONE */
    struct server_command command; /* READ: {0} but for its id, until it is known */
    struct registry_lease lease;   /* that the key is, or is to be, under */
    int64_t revision;              /* of the key as seen last */
    int64_t lease_ttl_ms;          /* GRANTING */
    bool asked;                    /* a request is under way */
    bool maybe_written;            /* a put without an answer may have been carried out */
    bool fresh;                    /* SENT: this put made it; it is no answer to the same request again */
    int64_t due;                   /* mono: WAITING, or after a failure: no request before */
    int64_t wait_ms;               /* the last wait */
    int64_t ends;                  /* mono: when it is too late for another try */
    enum registry_failure failure; /* FAILED */
    char error[256];
};

/* The answer to a request; what it points to is borrowed. */
struct dispatch_reply {
    enum registry_failure failure;
    struct str error;
    bool succeeded;                       /* put: written */
    int64_t revision;                     /* of the store, or of the key that was found */
    int64_t count;                        /* COUNTING */
    struct registry_lease lease;          /* granted; or that of the key that was found */
    bool found;                           /* the key */
    const struct server_command *command; /* what it has; NULL: nothing, or nothing that is a command */
};

/* "counting", "granting", ... */
const char *dispatch_state_name(enum dispatch_state state);

/* Whether a state may follow another. */
bool dispatch_may_move(enum dispatch_state from, enum dispatch_state to);

/* Begins. `command` is taken over: its state is QUEUED, and it is complete; of READ it has the id alone, of FOLLOW id and times at least.
 * `patience_ms`: how long what fails is asked for again. */
void dispatch_init(struct dispatch *dispatch, enum dispatch_op op, const struct server_command *command,
                   int64_t patience_ms, const struct instant *now);

/* Frees what it holds. */
void dispatch_fini(struct dispatch *dispatch);

/* Whether a request of its state is to be made now; then dispatch_asked() says that it was. */
bool dispatch_wants(const struct dispatch *dispatch, const struct instant *now);
void dispatch_asked(struct dispatch *dispatch);

/* COUNTING or GRANTING: a lease stands for long enough, so none is granted. */
void dispatch_use_lease(struct dispatch *dispatch, struct registry_lease lease);

/* The answer to its request. Where it is then WRITING with `lost_lease`, the lease it used does not exist. */
void dispatch_reply(struct dispatch *dispatch, const struct dispatch_reply *reply, const struct instant *now,
                    bool *ret_lost_lease);

/* Time may have passed. */
void dispatch_tick(struct dispatch *dispatch, const struct instant *now);

/* When a tick, or a request, is due: mono; NEVER_MS while a request is under way. */
int64_t dispatch_due(const struct dispatch *dispatch);

/* How long a command needs its lease, ms: its time, and COMMAND_KEEP_MS to read what became of it. */
int64_t dispatch_lease_need(const struct server_command *command, const struct instant *now);

/* ---- leases that the commands of an inbox share ---- */

/* A few leases that were granted and end by themselves. {0} is empty. */
enum { COMMAND_LEASES_MAX = 32, COMMAND_LEASE_SHARE_MS = 60000 };
struct command_leases {
    struct {
        uint64_t inbox; /* hash of its prefix */
        struct registry_lease lease;
        int64_t until_boot;
    } items[COMMAND_LEASES_MAX];
};

/* A lease of the inbox that stands for `need_ms` and not for more than COMMAND_LEASE_SHARE_MS longer; none where there is none. */
struct registry_lease command_leases_find(const struct command_leases *leases, struct str inbox,
                                          int64_t need_ms, const struct instant *now);

/* Keeps one of `ttl_ms`, counted from `asked_boot`, when it was asked for; in the place of the one that ends first. */
void command_leases_keep(struct command_leases *leases, struct str inbox, struct registry_lease lease,
                         int64_t asked_boot, int64_t ttl_ms);

/* It does not exist. */
void command_leases_drop(struct command_leases *leases, struct registry_lease lease);

#endif
