#include "outrider/cli/common/cli.h"

#include "outrider/base/str.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool cli_colour(void)
{
    const char *off = getenv("NO_COLOR"), *terminal = getenv("TERM");
    bool dumb = terminal == NULL || strcmp(terminal, "dumb") == 0;
    return isatty(STDOUT_FILENO) && !dumb && (off == NULL || off[0] == '\0');
}

const char *cli_status_colour(const char *status)
{
    static const struct {
        const char *status, *code;
    } colours[] = {{"ready", "32"},
                   {"error", "31"},
                   {"initializing", "36"},
                   {"draining", "33"},
                   {"shutting_down", "90"}};
    for (size_t i = 0; i < COUNT_OF(colours); i++) {
        if (status != NULL && strcmp(status, colours[i].status) == 0) {
            return colours[i].code;
        }
    }
    return NULL;
}
