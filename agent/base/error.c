#include "outrider/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *err, enum error_code code, const char *format, ...)
{
    if (err == NULL) {
        return -1;
    }
    va_list args;
    va_start(args, format);
    err->code = code;
    vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    return -1;
}

int error_errno(struct error *err, int errnum, const char *format, ...)
{
    if (err == NULL) {
        return -1;
    }
    va_list args;
    va_start(args, format);
    err->code = ERROR_SYSTEM;
    vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    size_t used = strlen(err->text);
    snprintf(err->text + used, sizeof(err->text) - used, ": %s", strerror(errnum));
    return -1;
}

int error_wrap(struct error *err, const char *format, ...)
{
    if (err == NULL) {
        return -1;
    }
    char inner[sizeof(err->text)];
    memcpy(inner, err->text, sizeof(inner));
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    size_t used = strlen(err->text);
    snprintf(err->text + used, sizeof(err->text) - used, ": %s", inner);
    return -1;
}

const char *error_code_name(enum error_code code)
{
    static const char *const names[] = {
#define X(code, text) [code] = text,
        ERROR_CODES(X)
#undef X
    };
    return (size_t)code < COUNT_OF(names) ? names[code] : "unknown";
}
