#include "narrative.h"

#include "outrider/base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINES = 70, WIDTH = 320 };

struct narrative {
    bool verbose;
    uint64_t count;
    char lines[LINES][WIDTH];
    char verdict[512];
};

struct narrative *narrative_new(bool verbose)
{
    struct narrative *narrative = mem_zalloc(sizeof(*narrative));
    narrative->verbose = verbose;
    return narrative;
}

void narrative_free(struct narrative *narrative)
{
    free(narrative);
}

void narrative_clear(struct narrative *narrative)
{
    narrative->count = 0;
    narrative->verdict[0] = '\0';
}

void narrative_add(struct narrative *narrative, const char *head, const char *format, va_list args)
{
    if (narrative == NULL) {
        return;
    }
    char *line = narrative->lines[narrative->count++ % LINES];
    int used = snprintf(line, WIDTH, "%s", head);
    vsnprintf(line + used, WIDTH - (size_t)used, format, args);
    if (narrative->verbose) {
        puts(line);
    }
}

static void PRINTF_LIKE(3, 4) add(struct narrative *narrative, const char *head, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    narrative_add(narrative, head, format, args);
    va_end(args);
}

void narrative_fail(struct narrative *narrative, const char *head, const char *format, va_list args)
{
    if (narrative != NULL) {
        vsnprintf(narrative->verdict, sizeof(narrative->verdict), format, args);
        add(narrative, head, "VIOLATED: %s", narrative->verdict);
    }
}

void narrative_print(const struct narrative *narrative)
{
    uint64_t first = narrative->count > LINES ? narrative->count - LINES : 0;
    for (uint64_t i = first; !narrative->verbose && i < narrative->count; i++) {
        puts(narrative->lines[i % LINES]);
    }
}

const char *narrative_verdict(const struct narrative *narrative)
{
    return narrative->verdict;
}
