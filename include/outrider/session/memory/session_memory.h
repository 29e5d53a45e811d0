/* The store in the memory of the agent: for one observer, for development and for tests. With a directory it survives a restart, and
 * nothing it has acknowledged is lost when the agent is killed: a change is in the journal before its reply is given. */
#ifndef OUTRIDER_SESSION_MEMORY_SESSION_MEMORY_H
#define OUTRIDER_SESSION_MEMORY_SESSION_MEMORY_H

#include "outrider/core/instant.h"
#include "outrider/session/store.h"

struct loop;

struct session_memory_settings {
    const char *dir; /* where `sessions.journal` is kept; NULL: nowhere. Borrowed until the store is freed */
    size_t max;      /* sessions at most */
    uint64_t seed;   /* of the hashes, random */
    struct instant (*now)(void *user); /* NULL: the clocks */
    void *now_user;
    uint64_t rewrite_bytes; /* a journal smaller than this is never rewritten; 0: 1 MiB */
};

/* A store on `loop`, with the sessions that the directory has. What of a journal cannot be read is logged and left out; a journal that
 * is none is put aside. The caller owns the result (session_store_free). */
struct session_store *session_memory_new(const struct session_memory_settings *settings, struct loop *loop);

/* Sessions beyond a smaller `max` stay. */
void session_memory_set_max(struct session_store *store, size_t max);

struct session_memory_facts {
    uint64_t bytes;             /* of the journal */
    uint64_t appends, rewrites; /* since the start */
    uint64_t failures;          /* writes that failed */
    uint64_t loaded, cut_bytes; /* at the start: changes read, and what was cut off as it could not be read */
};

/* What the journal did; all 0 without a directory. */
void session_memory_facts(const struct session_store *store, struct session_memory_facts *ret_facts);

#endif
