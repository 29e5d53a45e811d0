/* What one accepted status line or datagram says (docs/design/protocol.md, "Status lines"). Strings are
 * borrowed from the bytes that were decoded. Everything in here has passed the codec's checks. */
#ifndef OUTRIDER_CORE_SERVER_STATUS_MESSAGE_H
#define OUTRIDER_CORE_SERVER_STATUS_MESSAGE_H

#include "outrider/base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum reported_status {
    REPORTED_NOTHING,
    REPORTED_INITIALIZING,
    REPORTED_READY,
    REPORTED_SHUTTING_DOWN,
    REPORTED_ERROR
};

enum {
    STATUS_CLAIMS_MAX = 16,
    STATUS_PORTS_MAX = 64,
    STATUS_LABELS_MAX = 64,
    STATUS_TEXT_MAX = 1024,
    STATUS_LABEL_VALUE_MAX = 256
};

struct status_label {
    struct str name;
    struct str value; /* empty: remove the label */
};

struct status_message {
    enum reported_status reported;
    bool has_text;
    struct str text; /* becomes customState; may be empty */
    bool has_players;
    uint32_t players;
    bool has_capacity;
    uint32_t capacity;
    uint16_t ports[STATUS_PORTS_MAX];
    size_t port_count; /* 0: not reported */
    struct status_label labels[STATUS_LABELS_MAX];
    size_t label_count;

    struct str claims[STATUS_CLAIMS_MAX]; /* ids of the reservations whose players have arrived */
    size_t claim_count;
    uint64_t claim_ticket; /* what the ends of these claims are known by; filled by the shell */

    bool drain, undrain; /* the server's own hold, `self` */
    bool has_drain_deadline;
    int64_t drain_deadline_ms;

    bool heartbeat;
    bool has_watchdog;
    int64_t watchdog_ms; /* new timeout; 0 turns it off */

    /* of the connection alone */
    bool attach, get, watch, quit;

    /* of sd_notify alone */
    bool reloading;        /* RELOADING=1: the `reload` hold until READY=1 */
    bool watchdog_trigger; /* WATCHDOG=trigger */
    bool has_mainpid;
    pid_t mainpid;
    uint64_t mainpid_start; /* field 22 of /proc/PID/stat; filled by the shell once it has verified the pid */
    bool barrier;
    bool has_errno;
    int errno_value;
    unsigned unknown_keys; /* ignored ones, counted */
};

/* "initializing", "ready", "shutting_down", "error"; "nothing" for REPORTED_NOTHING. */
const char *reported_status_name(enum reported_status reported);

/* Whether the message reports anything about the server, as opposed to get, watch, quit and an empty line. */
bool status_message_is_report(const struct status_message *message);

#endif
