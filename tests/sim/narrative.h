/* Keeps the last lines of a world's story, which a failure prints, and what failed. */
#ifndef OUTRIDER_TESTS_SIM_NARRATIVE_H
#define OUTRIDER_TESTS_SIM_NARRATIVE_H

#include "outrider/base/attr.h"

#include <stdarg.h>
#include <stdbool.h>

struct narrative;

/* `verbose`: each line is printed as it comes. Freed with narrative_free(). */
struct narrative *narrative_new(bool verbose);
void narrative_free(struct narrative *narrative);
void narrative_clear(struct narrative *narrative);

/* Adds a line: `head` says when, and of whom. `narrative` NULL: nothing is kept. */
void narrative_add(struct narrative *narrative, const char *head, const char *format, va_list args)
    PRINTF_LIKE(3, 0);

/* The same of what must not be, which is the verdict. */
void narrative_fail(struct narrative *narrative, const char *head, const char *format, va_list args)
    PRINTF_LIKE(3, 0);

/* Prints the last lines, unless each was printed as it came. */
void narrative_print(const struct narrative *narrative);

/* What failed, or "". */
const char *narrative_verdict(const struct narrative *narrative);

#endif
