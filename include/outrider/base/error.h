/* An error for a person to read: what failed, on what, why, and what to do. */
#ifndef OUTRIDER_BASE_ERROR_H
#define OUTRIDER_BASE_ERROR_H

#include "outrider/base/attr.h"

/* code, short text */
#define ERROR_CODES(X)                                                                                       \
    X(ERROR_NONE, "no error")                                                                                \
    X(ERROR_INVALID, "invalid")     /* the input is wrong, and a retry with the same input fails again */    \
    X(ERROR_LIMIT, "limit")         /* a limit of this program was reached */                                \
    X(ERROR_NOT_FOUND, "not found") /* the thing named does not exist */                                     \
    X(ERROR_BUSY, "busy")           /* in use by another process */                                          \
    X(ERROR_DENIED, "denied")       /* permission or credentials */                                          \
    X(ERROR_TIMEOUT, "timed out")   /* no answer within the time allowed */                                  \
    X(ERROR_UNREACHABLE, "unreachable") /* no connection */                                                  \
    X(ERROR_SYSTEM, "system")           /* a system call failed; the text has the message of errno */        \
    X(ERROR_PROTOCOL, "protocol")       /* the peer violated the protocol */

enum error_code {
#define X(code, text) code,
    ERROR_CODES(X)
#undef X
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

/* The short text of a code; never NULL. */
const char *error_code_name(enum error_code code);

#endif
