/* Counts out of text that a server reports for people: a POSIX extended expression, whose first group is the number
 * (docs/design/protocol.md, "Counts in text"). */
#ifndef OUTRIDER_CORE_CONFIG_EXTRACT_H
#define OUTRIDER_CORE_CONFIG_EXTRACT_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct error;
struct extract;

/* Whether `pattern` is such an expression: at most 256 bytes, with a group, without references to what a group matched, and
 * with repetitions of not more than 100 in all. So a text of 1 KiB takes a few ms at most. Returns 0, or -1 with what is
 * wrong. */
int extract_check(struct str pattern, struct error *err) MUST_CHECK;

/* `pattern` has passed extract_check(); NULL for NULL. The caller owns the result. */
struct extract *extract_new(const char *pattern);

/* Accepts NULL. */
void extract_free(struct extract *extract);

/* Whether `text` matches, and the first group is a number from 0 to 4294967295. False for NULL. */
bool extract_count(const struct extract *extract, const char *text, uint32_t *ret_count);

#endif
