/* Notifications to the service manager (the protocol of sd_notify(3)), without its library. */
#ifndef OUTRIDER_OS_SD_NOTIFY_H
#define OUTRIDER_OS_SD_NOTIFY_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

struct error;

/* Sends `text` ("READY=1\nSTATUS=...") as one datagram to $NOTIFY_SOCKET, a path or an @abstract name.
 * Returns 0, also when the variable is not set. Never blocks. -1 with `err` set when the socket cannot be
 * reached or does not accept the datagram now; the caller may log it and continue. */
int sd_notify_send(struct str text, struct error *err) MUST_CHECK;

#endif
