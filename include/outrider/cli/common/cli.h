/* What the commands share: the table of commands, the command line, usage errors. */
#ifndef OUTRIDER_CLI_COMMON_CLI_H
#define OUTRIDER_CLI_COMMON_CLI_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sysexits.h>

/* Exit status (docs/design/protocol.md, "Exit status"): 0, 1, EX_USAGE 64, EX_TEMPFAIL 75 (cannot be
 * reached), EX_CONFIG 78. */
enum { EX_DONE = 0, EX_FAILED = 1 };

/* Words of the command line. */
struct cli_args {
    char **words;
    size_t count;
};

/* The commands as bits, for the options that each takes. */
enum {
    CLI_AGENT = 1 << 0,
    CLI_CHECK = 1 << 1,
    CLI_STATUS = 1 << 2,
    CLI_DRAIN = 1 << 3,
    CLI_UNDRAIN = 1 << 4,
    CLI_SEND = 1 << 5,
    CLI_SERVICES = 1 << 6,
    CLI_KV_GET = 1 << 7,
    CLI_KV_PUT = 1 << 8,
    CLI_KV_DEL = 1 << 9,
    CLI_KV_TXN = 1 << 10,
    CLI_KV_WATCH = 1 << 11,
    CLI_LEASE_GRANT = 1 << 12,
    CLI_LEASE_REVOKE = 1 << 13,
    CLI_LEASE_TTL = 1 << 14,
    CLI_LEASE_KEEP = 1 << 15,
    CLI_LEASE_LIST = 1 << 16,
    CLI_ROUTE = 1 << 17,
    CLI_ALLOCATE = 1 << 18,
    CLI_SESSIONS = 1 << 22,
    CLI_AUDIT = 1 << 25,
    CLI_PROBE = 1 << 19, /* it reads its options itself: they are words to cli_read */
    CLI_PLACE = CLI_ROUTE | CLI_ALLOCATE,
    CLI_LEADER = 1 << 20,
    CLI_KV_LOCK = 1 << 21,
    CLI_TOKEN = 1 << 23,
    CLI_HOOKS = 1 << 24,
    CLI_DRAINS = 1 << 28,
    CLI_TELL = 1 << 29,
    CLI_LEASE = CLI_LEASE_GRANT | CLI_LEASE_REVOKE | CLI_LEASE_TTL | CLI_LEASE_KEEP | CLI_LEASE_LIST,
    CLI_RANGE = CLI_KV_GET | CLI_KV_DEL | CLI_KV_WATCH, /* those that take a range of keys */
    CLI_KV = CLI_RANGE | CLI_KV_PUT | CLI_KV_TXN | CLI_LEASE | CLI_KV_LOCK
};

enum { CLI_VALUES_MAX = 24 };

/* The values of an option that may be given more than once, in their order. */
struct cli_values {
    const char *values[CLI_VALUES_MAX];
    size_t count;
};

/* The options of all commands, as on the command line; NULL or false: not given. */
struct cli_given {
    const char *config, *agent, *token_file;
    const char *is, *id, *by, *reason, *deadline, *expires, *socket, *type, *status;
    const char *region, *zone, *group, *include;
    const char *key, *player, *strategy, *near, *seats, *count, *ttl, *server;
    const char *who, *what, *target, *outcome, *from, *to;
    const char *limit, *revision, *lease, *patience;
    const char *wave, *max_draining, *free_seats, *pause, *settle, *stop_after, *then, *plan;
    struct cli_values tags, labels, excluded;
    bool json, live, wait, watch, offline, flapping, keep_none;
    bool prefix, from_key, keys_only, count_only, values_only, previous, lease_keys, once, raw;
};

/* A command line that was read. */
struct cli_line {
    const struct command *command;
    struct cli_given given;
    struct cli_args words; /* behind the name of the command */
};

/* One command; or a name with commands below it ("kv lease"), which has no `run`. */
struct command {
    const char *name;
    const char *usage;           /* what follows the name */
    const char *help;            /* one line */
    const char *more;            /* lines for `help COMMAND`, each ended; "": none */
    unsigned bits;               /* of CLI_*: which options it takes */
    size_t words_min, words_max; /* behind the name */
    bool options_first; /* its words may look like options; else options stand anywhere before a `--` */
    int (*run)(const struct cli_line *line); /* returns the exit status */
};

/* Runs the command line without the program's name; returns the exit status. */
int cli_run(struct cli_args args);

/* Reads a line that begins with the name of one of `count` commands; args.words is sorted for it. Returns false when the
 * program must end with `ret_exit`: --help, or a usage error. */
bool cli_read(const struct command *table, size_t count, struct cli_args args, struct cli_line *ret_line,
              int *ret_exit) MUST_CHECK;

/* The command `word` below `above` ("lease" below "kv"; NULL: of the first level). NULL, with the error printed, when there is
 * none. */
const struct command *cli_below(const struct command *table, size_t count, const struct command *above,
                                const char *word);

/* Prints what may have come from a server, another agent or the registry: what a terminal could interpret is escaped as
 * printable_escape does, except for LF and TAB. */
void cli_print(FILE *out, const char *format, ...) PRINTF_LIKE(2, 3);

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

/* Each runs the command of its name and returns the exit status. cmd_kv is that of all below `kv`. */
int cmd_check(const struct cli_line *line);
int cmd_status(const struct cli_line *line);
int cmd_drain(const struct cli_line *line);
int cmd_drains(const struct cli_line *line);
int cmd_tell(const struct cli_line *line);
int cmd_send(const struct cli_line *line);
int cmd_services(const struct cli_line *line);
int cmd_audit(const struct cli_line *line);
int cmd_route(const struct cli_line *line);
int cmd_sessions(const struct cli_line *line);
int cmd_allocate(const struct cli_line *line);
int cmd_leader(const struct cli_line *line);
int cmd_probe(const struct cli_line *line);
int cmd_kv(const struct cli_line *line);
int cmd_hooks(const struct cli_line *line);
int cmd_token(const struct cli_line *line);

/* NAME if `config_path` is .../NAME.yaml, the file of outrider@NAME.service; empty otherwise. Borrowed. */
struct str cli_instance_name(const char *config_path);

/* Sets $RUNTIME_DIRECTORY to /run/outrider/NAME, as outrider@NAME.service has it, if it is unset and that
 * directory exists. So `auto` in the file at `config_path` means for a command what it means for the
 * agent. */
void cli_use_unit_directory(const char *config_path);

#endif
