/* Runs commands inside a test and captures what they print. */
#ifndef OUTRIDER_TESTS_UNIT_CLI_CAPTURED_H
#define OUTRIDER_TESTS_UNIT_CLI_CAPTURED_H

#include "outrider/cli/common/cli.h"

/* What the last run printed. */
struct captured {
    char *out, *err;
};

/* Runs the command line `words`, ended by NULL, and returns its exit status. Frees the texts of the run
 * before. */
int captured_run(struct captured *captured, const char *const *words);

/* Runs the words given. */
#define RUN(captured, ...) captured_run((captured), (const char *const[]){__VA_ARGS__, NULL})

/* Frees the texts. */
void captured_fini(struct captured *captured);

/* Asserts that `text` contains `part`. */
void assert_contains(const char *text, const char *part);

#endif
