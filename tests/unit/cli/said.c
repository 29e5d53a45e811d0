#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "said.h"

#include "outrider/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void said_fini(struct said *said)
{
    free(said->out);
    free(said->err);
    *said = (struct said){0};
}

int said_run(struct said *said, const char *const *words)
{
    size_t sizes[2];
    FILE *const real_out = stdout, *const real_err = stderr;
    struct cli_args args = {.words = mem_zalloc(64 * sizeof(char *))};
    for (; words[args.count] != NULL; args.count++) {
        args.words[args.count] = mem_strdup(words[args.count]);
    }
    said_fini(said);
    stdout = open_memstream(&said->out, &sizes[0]);
    stderr = open_memstream(&said->err, &sizes[1]);
    int status = cli_run(args);
    fclose(stdout);
    fclose(stderr);
    stdout = real_out;
    stderr = real_err;
    for (size_t i = 0; i < args.count; i++) {
        free(args.words[i]);
    }
    free(args.words);
    return status;
}

void said_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("no `%s` in: %s", part, text);
    }
}
