/* Keeps the last events, which a failure prints. */
#include "sim.h"

#include "outrider/base/mem.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINES = 70, WIDTH = 220 };

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

static size_t begin_line(const struct world *world, const struct node *node, char line[static WIDTH])
{
    int64_t now = world->now;
    int used = snprintf(line, WIDTH, "%02d:%02d:%02d.%03d ", (int)(now / 3600000), (int)(now / 60000 % 60),
                        (int)(now / 1000 % 60), (int)(now % 1000));
    if (node == NULL) {
        used += snprintf(line + used, WIDTH - (size_t)used, "world         ");
    } else {
        used +=
            snprintf(line + used, WIDTH - (size_t)used, "agent %u life %-2" PRIu32, node->index, node->life);
    }
    return (size_t)used;
}

void narrate(const struct world *world, const struct node *node, const char *format, ...)
{
    struct narrative *narrative = world->narrative;
    if (narrative == NULL) {
        return;
    }
    char *line = narrative->lines[narrative->count++ % LINES];
    size_t used = begin_line(world, node, line);
    va_list args;
    va_start(args, format);
    vsnprintf(line + used, WIDTH - used, format, args);
    va_end(args);
    if (narrative->verbose) {
        puts(line);
    }
}

void violated(struct world *world, const struct node *node, const char *format, ...)
{
    if (world->failed) {
        return;
    }
    world->failed = true;
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    narrate(world, node, "VIOLATED: %s", text);
    if (world->narrative != NULL) {
        snprintf(world->narrative->verdict, sizeof(world->narrative->verdict), "%s", text);
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
