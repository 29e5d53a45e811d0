#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool cli_colour(void)
{
    const char *off = getenv("NO_COLOR"), *terminal = getenv("TERM");
    bool dumb = terminal == NULL || strcmp(terminal, "dumb") == 0;
    return isatty(STDOUT_FILENO) && !dumb && (off == NULL || off[0] == '\0');
}
