/* Running commands inside a test and reading what they print. */
#ifndef OUTRIDER_TESTS_CLI_SAID_H
#define OUTRIDER_TESTS_CLI_SAID_H

#include "outrider/cli/common/cli.h"

/* What the last run printed. */
struct said {
    char *out, *err;
};

/* Runs the command line `words`, ended by NULL, and returns its exit status; what was said before is freed.
 */
int said_run(struct said *said, const char *const *words);

/* Runs the words given. */
#define RUN(said, ...) said_run((said), (const char *const[]){__VA_ARGS__, NULL})

/* Frees the texts. */
void said_fini(struct said *said);

/* Asserts that `text` has `part` in it. */
void said_has(const char *text, const char *part);

#endif
