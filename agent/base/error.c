#include "outrider/base/error.h"

#include "outrider/base/brief.h"

#include <stdarg.h>
#include <string.h>

/* `cause`: appended behind ": "; NULL: nothing. */
static int write_error(struct error *err, enum error_code code, const char *cause, const char *format,
                       va_list args)
{
    if (err != NULL) {
        err->code = code;
        brief_vformat(err->text, sizeof(err->text), format, args);
        if (cause != NULL) {
            brief_format(err->text, sizeof(err->text), "%s: %s", err->text, cause);
        }
    }
    return -1;
}

int error_set(struct error *err, enum error_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write_error(err, code, NULL, format, args);
    va_end(args);
    return -1;
}

int error_errno(struct error *err, int errnum, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write_error(err, ERROR_SYSTEM, strerror(errnum), format, args);
    va_end(args);
    return -1;
}

int error_wrap(struct error *err, const char *format, ...)
{
    const struct error inner = err == NULL ? (struct error){0} : *err;
    va_list args;
    va_start(args, format);
    write_error(err, inner.code, inner.text, format, args);
    va_end(args);
    return -1;
}
