/* The state file, which carries an agent over a restart (docs/design/protocol.md, "Restart"): JSON with a
 * version and a checksum. Without a readable one the agent starts all the same, as for the first time. */
#ifndef OUTRIDER_CODEC_STATE_STATE_FILE_H
#define OUTRIDER_CODEC_STATE_STATE_FILE_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"
#include "outrider/core/registry/registry_request.h"
#include "outrider/core/server/status_message.h"

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct error;

/* The format that is written and read; the longest file that is read, in bytes. */
enum { STATE_FILE_VERSION = 1, STATE_FILE_MAX = 1 << 20 };

enum { STATE_CLAIMED_MAX = 128 };

/* The operator's hold. Times in ms since 1970, 0: none. */
struct saved_hold {
    bool set;
    const char *reason, *by, *operation; /* NULL: none */
    int64_t since_wall, deadline_wall, expires_wall;
    /* Also when the hold is not set: the revision of the control key as last seen, 0: never; whether a change
     * made here has not reached it yet. */
    int64_t revision;
    bool pending;
    int64_t sent_wall; /* as in struct intent_facts */
};

/* When encoding, strings are borrowed. After decoding they belong to the state and live until
 * saved_state_fini(). */
struct saved_state {
    const char *id;      /* of the server; NULL: none */
    const char *key;     /* of its record, which the lease is for; NULL: unknown */
    const char *boot_id; /* of the boot the lease was granted in; NULL: unknown */
    struct registry_lease lease;
    int64_t ttl_ms; /* granted */
    struct saved_hold ops;
    const char *claimed[STATE_CLAIMED_MAX]; /* ids of reservations that count as claimed lately */
    size_t claimed_count;
    bool probe_has_passed; /* in the life of `message` */
    bool has_message;
    /* What the server reported: status, text, players, capacity, ports, labels, drain, reloading, heartbeat
     * (the watchdog is armed), watchdog_ms, attach (a connection is attached), mainpid and mainpid_start. Other members are not saved. */
    struct status_message message;
    void *owned; /* what decoding allocated */
};

/* Frees what decoding allocated and zeroes the state; accepts NULL and a zeroed one. */
void saved_state_fini(struct saved_state *state);

/* Appends the file's content to `out`. The same state gives the same bytes, so that an unchanged file need
 * not be written. */
void state_file_encode(const struct saved_state *state, struct buf *out);

/* Reads a file's content. `ret_state` is the caller's, to be ended with saved_state_fini(). Returns 0, or -1
 * with ERROR_LIMIT (longer than STATE_FILE_MAX, too many of something), ERROR_NOT_FOUND (another version) or
 * ERROR_INVALID (damaged, cut short, edited). */
int state_file_decode(struct str text, struct saved_state *ret_state, struct error *err) MUST_CHECK;

#endif
