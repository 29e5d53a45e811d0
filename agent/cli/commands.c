/* The table of commands, and the commands that need nothing else: help and version. */
#include "outrider/cli/common/cli.h"

#include "outrider/base/version.h"

#include <stdio.h>
#include <string.h>

#define FIND_AGENT                                                                                           \
    "\nThe agent is found by --agent URL or --agent unix:PATH, else by http.listen of the\n"                 \
    "file given with -c, else by $OUTRIDER_AGENT, else by the default configuration file,\n"                 \
    "else at 127.0.0.1:7117. When a file is used, the agent must have its server.type and\n"                 \
    "server.id.\n"

static const struct command table[] = {
    {"agent", "[-c FILE]", "run beside a game server, or as an observer, in the foreground",
     "An agent whose file has no server section is an observer: it serves the fleet over HTTP.\n"
     "Without -c: $OUTRIDER_CONFIG, else /etc/outrider/outrider.yaml. Logs to stderr.\n"
     "Signals: USR1 drain, USR2 undrain, HUP reload, TERM graceful stop, INT stop now,\n"
     "QUIT hand over to the next agent (exit 85).\n",
     cmd_agent},
    {"check", "[-c FILE] [--live]", "validate the configuration",
     "Prints every error as FILE:LINE:COLUMN: path.to.key: what is wrong. Exit 0, or 78.\n"
     "--live  also tests the registry without writing: each endpoint, the login, and the\n"
     "        permissions to read and write that an agent needs. Exit 75 when no endpoint\n"
     "        answers, 1 when the login or a permission is denied.\n",
     cmd_check},
    {"status", "[-c FILE | --agent URL] [--json] [--is STATUS]", "show the server's status and its cause",
     "--json       the document of GET /api/agent\n"
     "--is STATUS  print nothing; exit 0 when the status is STATUS, else 1\n" FIND_AGENT,
     cmd_status},
    {"drain",
     "[-c FILE | --agent URL] [--token-file FILE] [--id ID] [--reason TEXT] [--deadline D] [--expires D] "
     "[--wait]",
     "keep new players away",
     "--id ID            drain any server of the fleet instead of the agent's own: its id or\n"
     "                   TYPE/ID; any agent or observer can do it\n"
     "--reason TEXT      shown in status, log and record\n"
     "--deadline D       when the wait for the players ends, e.g. 30m; 0s: never; default:\n"
     "                   drain.deadline\n"
     "--expires D        the hold lifts itself after this long; default: never\n"
     "--wait             return when the server is empty or gone (exit 0), or at the deadline\n"
     "                   or an undrain (exit 1)\n"
     "--token-file FILE  the file with the agent's token; default: http.token_file\n" FIND_AGENT,
     cmd_drain},
    {"undrain", "[-c FILE | --agent URL] [--token-file FILE] [--id ID]", "let players in again",
     "--id ID            any server of the fleet, as for drain\n"
     "--token-file FILE  the file with the agent's token; default: http.token_file\n" FIND_AGENT,
     cmd_undrain},
    {"send", "[-c FILE | --socket PATH] WORDS...", "send one status line to the agent, as the server does",
     "Prints the reply; exit 0 on OK, 1 on ERR. The socket is status.socket of the file.\n"
     "Options must come before the words.\n"
     "Example: outrider send ready players=12/64 label.map=harbor '# the harbor'\n",
     cmd_send},
    {"services", "[-c FILE | --agent URL] [--type T] [--status S] [--json] [--watch]",
     "show the fleet as a table",
     "--type T    only servers of this type\n"
     "--status S  only servers with this status: initializing, ready, draining, error,\n"
     "            shutting_down\n"
     "--json      the document of GET /api/services; with --watch one line per event\n"
     "--watch     live until Ctrl-C: on a terminal the table is redrawn, else one line per\n"
     "            change; a lost stream is resumed where it broke off\n"
     "NO_COLOR=1 in the environment: no colours. Exit 1 when the agent refuses, 75 when it\n"
     "cannot be reached or has not loaded the fleet yet.\n" FIND_AGENT,
     cmd_services},
    {"kv", "get|put|del|txn|watch|lease ...", "read and write etcd directly",
     "get KEY         print keys and values: ranges, prefixes, old revisions\n"
     "put KEY VALUE   write; VALUE - is the standard input\n"
     "del KEY         delete\n"
     "txn             compare and change in one step, from lines on the standard input\n"
     "watch KEY       print every change as it happens\n"
     "lease ...       grant, revoke, timetolive, keep-alive, list\n"
     "\n"
     "Endpoints, login and TLS are those of registry.* in the configuration: -c FILE, else\n"
     "$OUTRIDER_CONFIG, else /etc/outrider/outrider.yaml. Exit 1 when etcd denies the request or\n"
     "the key or lease does not exist; 75 when etcd does not answer.\n"
     "`outrider help kv get` describes get, and so on.\n",
     cmd_kv},
    {"version", "", "print the version", "", cmd_version},
    {"help", "[COMMAND]", "list the commands, or describe one", "For example: outrider help kv txn\n",
     cmd_help},
};

const struct command *commands(size_t *ret_count)
{
    *ret_count = COUNT_OF(table);
    return table;
}

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        if (strcmp(name, table[i].name) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

static void print_commands(FILE *out)
{
    fputs("usage: outrider COMMAND [OPTIONS]\n\n", out);
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        fprintf(out, "  %-9s %s\n", table[i].name, table[i].help);
    }
    fputs("\nExit status: 0 done, 1 failed, 64 wrong usage, 75 unreachable, 78 bad configuration.\n", out);
}

static int unknown_command(const char *name)
{
    const char *near = cli_nearest(name, &table[0].name, COUNT_OF(table), sizeof(table[0]));
    if (near != NULL) {
        return cli_fail(EX_USAGE, "unknown command `%s`: did you mean `%s`?", name, near);
    }
    return cli_fail(EX_USAGE, "unknown command `%s`: see `outrider help`", name);
}

int cmd_version(const struct command *command, struct cli_args args)
{
    int status;
    if (!cli_only_options(command, args, NULL, 0, &status)) {
        return status;
    }
    printf("outrider %s\n", version_text());
    return EX_DONE;
}

/* "kv lease grant": each level finds the command below it. */
enum { DEPTH_MAX = 3 };

static int help_within(struct cli_args words)
{
    char help[] = "--help";
    char *line[DEPTH_MAX];
    memcpy(line, words.words + 1, (words.count - 1) * sizeof(line[0]));
    line[words.count - 1] = help;
    const struct command *about = command_find(words.words[0]);
    return about->run(about, (struct cli_args){.words = line, .count = words.count});
}

int cmd_help(const struct command *command, struct cli_args args)
{
    int status;
    struct cli_args words;
    if (!cli_options(command, args, NULL, 0, &words, &status)) {
        return status;
    }
    size_t depth = words.count > 0 && strcmp(words.words[0], "kv") == 0 ? DEPTH_MAX : 1;
    if (words.count > depth) {
        return cli_usage(command, "unexpected word `%s`", words.words[depth]);
    }
    if (words.count > 1) {
        return help_within(words);
    }
    if (words.count == 0) {
        print_commands(stdout);
        return EX_DONE;
    }
    const struct command *about = command_find(words.words[0]);
    if (about == NULL) {
        return unknown_command(words.words[0]);
    }
    cli_help(about);
    return EX_DONE;
}

int cli_run(struct cli_args args)
{
    if (args.count == 0) {
        print_commands(stderr);
        return EX_USAGE;
    }
    const char *name = args.words[0];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        name = "help";
    } else if (strcmp(name, "--version") == 0) {
        name = "version";
    }
    const struct command *command = command_find(name);
    if (command == NULL) {
        return unknown_command(name);
    }
    return command->run(command, (struct cli_args){.words = args.words + 1, .count = args.count - 1});
}
