#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "captured.h"

#include "outrider/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void captured_fini(struct captured *captured)
{
    free(captured->out);
    free(captured->err);
    *captured = (struct captured){0};
}

int captured_run(struct captured *captured, const char *const *words)
{
    size_t sizes[2];
    FILE *const real_out = stdout, *const real_err = stderr;
    struct cli_args args = {.words = mem_zalloc(64 * sizeof(char *))};
    for (; words[args.count] != NULL; args.count++) {
        args.words[args.count] = mem_strdup(words[args.count]);
    }
    captured_fini(captured);
    stdout = open_memstream(&captured->out, &sizes[0]);
    stderr = open_memstream(&captured->err, &sizes[1]);
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

void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("no `%s` in: %s", part, text);
    }
}
