/* What state_dir keeps for the next agent (docs/design/protocol.md, "Restart"): JSON with a version and a
 * checksum. A file that cannot be read costs the hand-over, never the start: the caller says why and goes on
 * without. */
#ifndef OUTRIDER_CODEC_STATE_STATE_FILE_H
#define OUTRIDER_CODEC_STATE_STATE_FILE_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"
#include "outrider/core/registry/registry_lease.h"
#include "outrider/core/server/status_message.h"

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct error;

/* The form written now; another one is refused. And the longest file that is read, in bytes. */
enum { STATE_FILE_VERSION = 1, STATE_FILE_MAX = 1 << 20 };

/* The operator's hold. Times in ms since 1970, 0: none. */
struct saved_hold {
    bool set;
    const char *reason, *by; /* NULL: none */
    int64_t since_wall, deadline_wall, expires_wall;
    /* Kept when the hold is not set, too: the control key's revision as last seen, 0: never; and whether what was changed
     * here has not reached it yet. */
    int64_t revision;
    bool pending;
    int64_t sent_wall; /* of a hold on its way there, since when it was set; 0: none */
};

/* For encoding every string is borrowed from whom it belongs to. After decoding they belong to the state and
 * live until saved_state_fini(). */
struct saved_state {
    const char *id;      /* of the server; NULL: none */
    const char *key;     /* of its record, which the lease is for; NULL: unknown */
    const char *boot_id; /* of the boot the lease was granted in; NULL: unknown */
    struct registry_lease lease;
    int64_t ttl_ms; /* granted */
    struct saved_hold ops;
    bool probe_has_passed; /* in the life of `words` */
    bool has_message;
    /* The server's last words: said, text, players, capacity, ports, labels, heartbeat (the watchdog is
     * armed), watchdog_ms, mainpid and mainpid_start. Nothing else of it is kept. */
    struct status_message message;
    void *owned; /* what decoding allocated */
};

/* Gives back what decoding allocated and zeroes it; accepts NULL and a zeroed one. */
void saved_state_fini(struct saved_state *state);

/* Appends the file's content to `out`. The same state gives the same bytes, so that an unchanged file need
 * not be written. */
void state_file_encode(const struct saved_state *state, struct buf *out);

/* Reads a file's content. `ret_state` is the caller's, to be ended with saved_state_fini().
 * Returns 0, or -1 with ERROR_LIMIT (longer than STATE_FILE_MAX, too many of something), ERROR_NOT_FOUND (a
 * version that is not ours) or ERROR_INVALID (damaged, cut short, edited). */
int state_file_decode(struct str text, struct saved_state *ret_state, struct error *err) MUST_CHECK;

#endif
