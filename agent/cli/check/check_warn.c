#include "check_internal.h"

#include "outrider/base/buf.h"

#include <stdarg.h>
#include <stdio.h>

void check_warn(const char *file, struct buf *problems, const char *setting, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    buf_printf(problems, "%s: %s: warning: %s\n", file, setting, text);
}
