/* The commands that wait for the server of this agent: what is in its inbox, what the server has heard, what it answered.
 *
 *     not listed ──OPENED──> LISTING ──last page──> LISTED ──OPENED, room again──> LISTING
 *                              │  ^
 *                       failed │  │ due
 *                              v  │
 *                             RETRYING
 *
 * The states of a command are those of core/command/command.h. A command goes to every connection that watches when it is found, and to
 * each that begins to watch later, until it has its result or its time is over: so at least once, and twice to no connection. What it has become is written to its key, under the lease that it has, by compare on its revision, and again until that
 * worked or another agent has decided: a key that is gone, or final, is left.
 *
 * Bounds: INBOX_WAITING_MAX commands at a time; the rest stay in the registry, and are listed when half of those are done. */
#ifndef OUTRIDER_CORE_COMMAND_INBOX_H
#define OUTRIDER_CORE_COMMAND_INBOX_H

#include "outrider/base/queue.h"
#include "outrider/core/command/command.h"
#include "outrider/core/instant.h"
#include "outrider/core/registry/registry_request.h"

enum { INBOX_WAITING_MAX = 32, INBOX_PAGE = 64, INBOX_PAGES_MAX = 32, INBOX_DONE_MAX = 64 };

enum inbox_walk { INBOX_UNLISTED, INBOX_LISTING, INBOX_RETRYING, INBOX_LISTED, INBOX_WALK_COUNT };

enum inbox_event_type {
    INBOX_ON_TICK,   /* time may have passed */
    INBOX_ON_OPENED, /* the watch is open: what was there before it is not known */
    INBOX_ON_ITEM,   /* a key as it is: of a page, or changed */
    INBOX_ON_PAGE,   /* a page is complete, or failed */
    INBOX_ON_WATCH,  /* connection `peer` begins to watch */
    INBOX_ON_RESULT, /* the server answers */
    INBOX_ON_REPLY   /* to a write */
};

/* What is pointed to is borrowed for the step. */
struct inbox_event {
    enum inbox_event_type type;
    struct instant now;
    size_t watching;                      /* with every event: connections that watch now */
    struct str id;                        /* item, result */
    bool found;                           /* item; reply that did not succeed: the key is there */
    const struct server_command *command; /* likewise: what it has; NULL: nothing that is a command */
    int64_t revision;                     /* item: of the key; reply: of the store, or of the key found */
    struct registry_lease lease;          /* item, reply: of the key */
    uint64_t request;                     /* page, reply */
    enum registry_failure failure;        /* page, reply */
    bool more;                            /* page: there are keys behind `id` */
    bool succeeded;                       /* reply */
    uint64_t peer;                        /* watch */
    bool good;                            /* result: ok, else error */
    struct str text;                      /* result */
};

/* What is said to a result. */
enum inbox_verdict {
    INBOX_TAKEN,    /* it is, or was said before just so */
    INBOX_UNKNOWN,  /* no such command was delivered */
    INBOX_DECIDED,  /* it had another result before */
    INBOX_TOO_LATE, /* its time is over */
    INBOX_VERDICT_COUNT
};

enum inbox_note {
    INBOX_NOTE_FOREIGN, /* a key of the inbox is no command, or is under no lease */
    INBOX_NOTE_REFUSED, /* status.accept does not have its name */
    INBOX_NOTE_FULL,    /* more wait than are kept */
    INBOX_NOTE_DENIED,  /* the agent may not write there; once until it may */
    INBOX_NOTE_LOST,    /* a result could not be written in time */
    INBOX_NOTE_EXPIRED, /* the server has not answered in time */
    INBOX_NOTE_COUNT
};

enum inbox_effect_type {
    INBOX_DO_LIST,    /* a page of keys behind `id` (""): from the first on */
    INBOX_DO_DELIVER, /* command `id` to connection `peer`, 0: to all that watch */
    INBOX_DO_WRITE,   /* command `id` as it is to its key, if that is at `revision`, under `lease` */
    INBOX_DO_ANSWER,  /* `verdict` */
    INBOX_DO_NOTE     /* log `note` about `id` */
};

struct inbox_effect {
    enum inbox_effect_type type;
    char id[ULID_LENGTH + 1];
    uint64_t peer;
    uint64_t request; /* list, write: to be echoed */
    int64_t revision;
    struct registry_lease lease;
    enum inbox_verdict verdict;
    enum inbox_note note;
};

/* Totals. */
struct inbox_counters {
    uint64_t delivered, ok, error, expired, refused, foreign, lost, full;
};

struct inbox_entry {
    struct server_command command;
    struct registry_lease lease;
    int64_t revision;
    enum command_state stored;  /* what the key has at `revision` */
    uint64_t request;           /* the write under way; 0: none */
    enum command_state writing; /* what that writes */
    int64_t retry_mono, wait_ms;
    uint64_t seen; /* the walk that saw it last */
};

/* A command that is done: what is said when its result comes again. */
struct inbox_done {
    char id[ULID_LENGTH + 1];
    enum command_state state;
    uint64_t text; /* its hash */
};

/* Only inbox_step writes it; an owner may read `count` and `counters`. `accepted` is borrowed. */
struct inbox {
    char *const *accepted;
    size_t accepted_count;
    struct inbox_entry entries[INBOX_WAITING_MAX]; /* in the order in which they came */
    size_t count;
    struct inbox_done done[INBOX_DONE_MAX];
    size_t done_next;
    enum inbox_walk walk;
    uint64_t walks;   /* number of the present walk */
    uint64_t list_id; /* the page under way; 0: none */
    size_t pages;
    int64_t walk_due, walk_wait_ms;
    bool full, denied;
    uint64_t last_request;
    struct inbox_counters counters;
    struct queue *effects; /* of the present step */
    struct instant now;
};

/* An empty one that takes names of `accepted`. */
void inbox_init(struct inbox *inbox, char *const *accepted, size_t accepted_count);

/* Frees what it owns; accepts a zeroed one. */
void inbox_fini(struct inbox *inbox);

/* One event in, effects (struct inbox_effect) out. */
void inbox_step(struct inbox *inbox, const struct inbox_event *event, struct queue *effects);

/* The command, borrowed until the next step; NULL: it is not kept. */
const struct server_command *inbox_find(const struct inbox *inbox, struct str id);

/* When a step is needed although nothing happens: mono; NEVER_MS: not at all. */
int64_t inbox_due(const struct inbox *inbox, const struct instant *now);

/* Whether a walk may go from one state to another. */
bool inbox_may_walk(enum inbox_walk from, enum inbox_walk to);

#endif
