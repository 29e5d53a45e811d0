/* What the commands share: the table, options, and the words of a usage error. */
#ifndef OUTRIDER_CLI_COMMON_CLI_H
#define OUTRIDER_CLI_COMMON_CLI_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <sysexits.h>

/* Exit status (docs/design/protocol.md, "Exit status"): 0, 1, EX_USAGE 64, EX_TEMPFAIL 75 (cannot be
 * reached), EX_CONFIG 78. */
enum { EX_DONE = 0, EX_FAILED = 1 };

/* The words of one command, its own name excluded. */
struct cli_args {
    char **words;
    size_t count;
};

struct command {
    const char *name;
    const char *usage; /* what follows the name */
    const char *help;  /* one line */
    const char *more;  /* lines for `help COMMAND`, each ended; "" when there is no more to say */
    int (*run)(const struct command *command, struct cli_args args);
};

/* The commands in the order of `outrider help`. */
const struct command *commands(size_t *ret_count);

/* The command of that name, or NULL. */
const struct command *command_find(const char *name);

/* Runs the command line without the program's name; returns the exit status. */
int cli_run(struct cli_args args);

/* One option of a command: with a value, or a flag. */
struct cli_option {
    const char *name; /* "--reason" */
    char letter;      /* 'c' for -c; 0: none */
    const char **value;
    bool *flag;
};

/* Takes the options in front of the words, writes what they say, and leaves the words in `ret_words`. Returns
 * true to go on; false when the command is to end with `ret_exit`: --help was printed, or a usage error. */
bool cli_options(const struct command *command, struct cli_args args, const struct cli_option *options,
                 size_t count, struct cli_args *ret_words, int *ret_exit) MUST_CHECK;

/* The same for a command that takes no words: one is a usage error. */
bool cli_only_options(const struct command *command, struct cli_args args, const struct cli_option *options,
                      size_t count, int *ret_exit) MUST_CHECK;

/* Prints "outrider COMMAND: what is wrong" and how it is used; returns EX_USAGE. */
int cli_usage(const struct command *command, const char *format, ...) PRINTF_LIKE(2, 3);

/* Prints "outrider: what is wrong"; returns `status`. */
int cli_fail(int status, const char *format, ...) PRINTF_LIKE(2, 3);

/* The one of `count` names (at `stride` bytes from each other) that `word` was probably meant to be, or NULL.
 */
const char *cli_nearest(const char *word, const char *const *names, size_t count, size_t stride);

/* Prints the help of one command. */
void cli_help(const struct command *command);

/* Whether what is printed may have colours, by the custom of no-color.org: not when NO_COLOR has any value,
 * nor for a program that reads along. */
bool cli_colour(void);

/* The SGR code of a status's colour, the same on every screen; NULL for one that has none. */
const char *cli_status_colour(const char *status);

/* Each runs the command of its name and returns the exit status. */
int cmd_agent(const struct command *command, struct cli_args args);
int cmd_check(const struct command *command, struct cli_args args);
int cmd_status(const struct command *command, struct cli_args args);
int cmd_drain(const struct command *command, struct cli_args args);
int cmd_undrain(const struct command *command, struct cli_args args);
int cmd_send(const struct command *command, struct cli_args args);
int cmd_services(const struct command *command, struct cli_args args);
int cmd_kv(const struct command *command, struct cli_args args);
int cmd_version(const struct command *command, struct cli_args args);
int cmd_help(const struct command *command, struct cli_args args);

/* NAME where the file at `config_path` is .../NAME.yaml, as outrider@NAME.service has it; empty otherwise.
 * Borrowed. */
struct str cli_instance_name(const char *config_path);

/* For a command that looks for the agent of the configuration file at `config_path`: when $RUNTIME_DIRECTORY
 * is unset and outrider@NAME.service runs with /etc/outrider/NAME.yaml, the variable is set as the unit has
 * it, so that `auto` means here what it means there. */
void cli_use_unit_directory(const char *config_path);

#endif
