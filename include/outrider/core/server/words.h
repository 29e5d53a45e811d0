/* What one accepted status line or datagram says (contract section 3). Strings are borrowed from the bytes that
 * were decoded. Everything in here has passed the codec's checks. */
#ifndef OUTRIDER_CORE_SERVER_WORDS_H
#define OUTRIDER_CORE_SERVER_WORDS_H

#include "outrider/base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum said { SAID_NOTHING, SAID_INITIALIZING, SAID_READY, SAID_SHUTTING_DOWN, SAID_ERROR };

enum { WORDS_PORTS_MAX = 64, WORDS_LABELS_MAX = 64, WORDS_TEXT_MAX = 1024, WORDS_LABEL_VALUE_MAX = 256 };

struct words_label {
    struct str name;
    struct str value; /* empty: remove the label */
};

struct words {
    enum said said;
    bool has_text;
    struct str text; /* becomes customState; may be empty */
    bool has_players;
    uint32_t players;
    bool has_capacity;
    uint32_t capacity;
    uint16_t ports[WORDS_PORTS_MAX];
    size_t port_count; /* 0: not said */
    struct words_label labels[WORDS_LABELS_MAX];
    size_t label_count;

    bool drain, undrain; /* the server's own hold, `self` */
    bool has_drain_deadline;
    int64_t drain_deadline_ms;

    bool heartbeat;
    bool has_watchdog;
    int64_t watchdog_ms; /* new timeout; 0 turns it off */

    /* what concerns only the connection */
    bool attach, get, watch, quit;

    /* what only sd_notify can say */
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

/* "initializing", "ready", "shutting_down", "error"; "nothing" for SAID_NOTHING. */
const char *said_name(enum said said);

/* Whether the words change or feed the server's life (as against get, watch, quit and an empty line). */
bool words_speak(const struct words *words);

#endif
