/* What the commands share: the table of commands, options, usage errors. */
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

/* The words of one command, without its name. */
struct cli_args {
    char **words;
    size_t count;
};

struct command {
    const char *name;
    const char *usage; /* what follows the name */
    const char *help;  /* one line */
    const char *more;  /* lines for `help COMMAND`, each ended; "": none */
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

/* Parses the options in front of the words, stores their values, and leaves the words in `ret_words`. Returns
 * false when the command must end with `ret_exit`: --help, or a usage error. */
bool cli_options(const struct command *command, struct cli_args args, const struct cli_option *options,
                 size_t count, struct cli_args *ret_words, int *ret_exit) MUST_CHECK;

/* The same for a command that takes no words: one is a usage error. */
bool cli_only_options(const struct command *command, struct cli_args args, const struct cli_option *options,
                      size_t count, int *ret_exit) MUST_CHECK;

/* Prints "outrider COMMAND: what is wrong" and how it is used; returns EX_USAGE. */
int cli_usage(const struct command *command, const char *format, ...) PRINTF_LIKE(2, 3);

/* Prints "outrider: what is wrong"; returns `status`. */
int cli_fail(int status, const char *format, ...) PRINTF_LIKE(2, 3);

/* The one of `count` names (`stride` bytes apart) that is nearest to the misspelled `word`; NULL: none is
 * near. */
const char *cli_nearest(const char *word, const char *const *names, size_t count, size_t stride);

/* Sleeps for `ms`, through signals. */
void cli_pause_ms(int64_t ms);

/* Prints the help of one command. */
void cli_help(const struct command *command);

/* Whether the output may have colours: only on a terminal, and only when NO_COLOR is unset or empty
 * (no-color.org). */
bool cli_colour(void);

/* The SGR code of a status's colour; NULL: none. */
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

/* NAME if `config_path` is .../NAME.yaml, the file of outrider@NAME.service; empty otherwise. Borrowed. */
struct str cli_instance_name(const char *config_path);

/* Sets $RUNTIME_DIRECTORY to /run/outrider/NAME, as outrider@NAME.service has it, if it is unset and that
 * directory exists. So `auto` in the file at `config_path` means for a command what it means for the
 * agent. */
void cli_use_unit_directory(const char *config_path);

#endif
