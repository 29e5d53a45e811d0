/* After a restart: which parts of the state file still count (docs/design/protocol.md, "Restart").
 *
 *     the id             always, where server.id is auto
 *     the ops hold       always; the control key says what has become of it meanwhile
 *     claimed ids        always: an id means one reservation
 *     the lease          of the same boot and for the same key; the registry says whether it is still alive
 *     the status report  with the lease, and only while the process that it names still runs; of a server that was
 *                        attached and named none: unproven, because its connection ended with the agent */
#ifndef OUTRIDER_CODEC_STATE_RESTORE_H
#define OUTRIDER_CODEC_STATE_RESTORE_H

#include "outrider/core/registry/registry_request.h"
#include "outrider/core/server/hold.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct saved_state;
struct status_message;

/* What is true now, to hold the file against. Strings are borrowed for the call. */
struct restore_facts {
    const char *key;        /* of the record */
    const char *boot_id;    /* "": unknown */
    bool has_mainpid;       /* a process with the saved MAINPID runs */
    uint64_t mainpid_start; /* its start time; field 22 of /proc/PID/stat */
};

/* What a restarted agent begins with. All zero: a first start. */
struct restore {
    struct registry_lease lease; /* none: there is none that could still be alive */
    int64_t ttl_ms;
    bool passed; /* a probe had passed */
    const struct status_message
        *message;               /* restored once the registry confirms the lease; NULL: none. Borrowed */
    bool unproven;              /* nothing shows that the process which reported it still runs */
    struct hold ops;            /* the operator's hold, by its wall times */
    int64_t control_revision;   /* of the control key as last seen; 0: never, or it was absent */
    bool control_pending;       /* the hold, or its absence, had not reached the control key yet */
    int64_t control_sent_wall;  /* as in struct intent_facts */
    const char *const *claimed; /* ids of reservations claimed lately; borrowed */
    size_t claimed_count;
};

/* The id to use: `configured`; where that is "auto", the saved one; NULL: a new one must be made. Borrowed
 * from either. */
const char *restore_id(const char *configured, const struct saved_state *saved);

/* Writes to `ret_restore` what still counts. Its message is borrowed from `saved`. */
void restore_decide(const struct saved_state *saved, const struct restore_facts *facts,
                    struct restore *ret_restore);

/* To be called before saving while the lease of `restore` is not confirmed yet: adds to `state` the report
 * that is restored if it is, because an agent that restarts once more needs it again. A report that the
 * server has made since is newer and stays. */
void restore_keep_unconfirmed(const struct restore *restore, struct saved_state *state);

#endif
