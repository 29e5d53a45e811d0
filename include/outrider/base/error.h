/* An error for a person to read: what failed, on what, why, and what to do. */
#ifndef OUTRIDER_BASE_ERROR_H
#define OUTRIDER_BASE_ERROR_H

#include "outrider/base/attr.h"

enum error_code {
    ERROR_NONE,
    ERROR_INVALID,     /* the input is wrong, and a retry with the same input fails again */
    ERROR_LIMIT,       /* a limit of this program was reached */
    ERROR_NOT_FOUND,   /* the thing named does not exist */
    ERROR_BUSY,        /* in use by another process */
    ERROR_DENIED,      /* permission or credentials */
    ERROR_TIMEOUT,     /* no answer within the time allowed */
    ERROR_UNREACHABLE, /* no connection */
    ERROR_SYSTEM,      /* a system call failed; the text has the message of errno */
    ERROR_PROTOCOL     /* the peer violated the protocol */
};

struct error {
    enum error_code code;
    char text[512];
};

/* Sets `err` (ignored when NULL) and returns -1, so that a function can `return error_set(...)`. Text longer
 * than the field is cut. */
int error_set(struct error *err, enum error_code code, const char *format, ...) PRINTF_LIKE(3, 4);

/* Sets `err` to ERROR_SYSTEM with the text, ": " and the message for `errnum`; returns -1. */
int error_errno(struct error *err, int errnum, const char *format, ...) PRINTF_LIKE(3, 4);

/* Puts "context: " before the text of `err` (ignored when NULL), code unchanged; returns -1. */
int error_wrap(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
