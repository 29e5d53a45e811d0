/* Notifications to the service manager (the protocol of sd_notify(3)), without its library. */
#ifndef OUTRIDER_OS_SD_NOTIFY_H
#define OUTRIDER_OS_SD_NOTIFY_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdint.h>

struct error;

/* Sends `text` ("READY=1\nSTATUS=...") as one datagram to $NOTIFY_SOCKET, a path or an @abstract name.
 * Returns 0, also when the variable is not set. Never blocks. -1 with `err` set when the socket cannot be
 * reached or does not accept the datagram now; the caller may log it and continue. */
int sd_notify_send(struct str text, struct error *err) MUST_CHECK;

/* How long the service manager waits for the next WATCHDOG=1 of this process, us: $WATCHDOG_USEC, where $WATCHDOG_PID is
 * this process or not set; 0: it does not wait. Returns 0; or -1 with `err` set when a variable cannot be read. */
int sd_notify_watchdog(struct error *err, int64_t *ret_us) MUST_CHECK;

#endif
