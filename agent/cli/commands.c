/* The table of commands, and those that need no more than it. */
#include "outrider/cli/common/cli.h"

#include "outrider/base/version.h"

#include <stdio.h>
#include <string.h>

#define FIND_AGENT                                                                                           \
    "The agent is found by --agent URL or --agent unix:PATH, else by http.listen of the\n"                   \
    "file given with -c, else $OUTRIDER_AGENT, else the default configuration file, else\n"                  \
    "127.0.0.1:7117. Where a file says it, only an agent of its server.type and server.id\n"                 \
    "is asked.\n"

static const struct command table[] = {
    {"agent", "[-c FILE]", "run beside a game server, or as an observer, in the foreground",
     "Without a server section in the file it is an observer: it serves the fleet over HTTP.\n"
     "Without -c: $OUTRIDER_CONFIG, else /etc/outrider/outrider.yaml. Logs to stderr.\n"
     "Signals: USR1 drain, USR2 undrain, HUP reload, TERM graceful stop, INT stop now,\n"
     "QUIT hand over to the next agent (exit 85).\n",
     cmd_agent},
    {"check", "[-c FILE] [--live]", "validate the configuration",
     "Prints every error as FILE:LINE:COLUMN: path.to.key: what is wrong. Exit 0, or 78.\n"
     "--live  also asks the registry: each endpoint, the login, what an agent reads, and whether\n"
     "        it may write its own two keys, without writing. Exit 75 when no endpoint answers,\n"
     "        1 when the login or a permission is denied.\n",
     cmd_check},
    {"status", "[-c FILE | --agent URL] [--json] [--is STATUS]", "what the server's status is, and why",
     "--json       the whole document of GET /api/agent\n"
     "--is STATUS  print nothing; exit 0 when that is the status, 1 when it is another\n" FIND_AGENT,
     cmd_status},
    {"drain",
     "[-c FILE | --agent URL] [--token-file FILE] [--id ID] [--reason TEXT] [--deadline D] [--expires D] "
     "[--wait]",
     "keep new players away",
     "--id ID            any server of the fleet instead of the agent's own: its id, or\n"
     "                   TYPE/ID; any agent or observer will do\n"
     "--reason TEXT      why, for whoever looks\n"
     "--deadline D       when the waiting ends, e.g. 30m; 0s: never; by default\n"
     "                   drain.deadline\n"
     "--expires D        lifts itself after this long; by default never\n"
     "--wait             until the server is empty or gone (exit 0), or until the deadline or\n"
     "                   somebody's undrain (exit 1)\n"
     "--token-file FILE  holds the agent's token; by default http.token_file\n" FIND_AGENT,
     cmd_drain},
    {"undrain", "[-c FILE | --agent URL] [--token-file FILE] [--id ID]", "let players in again",
     "--id ID            any server of the fleet, as for drain\n"
     "--token-file FILE  holds the agent's token; by default http.token_file\n" FIND_AGENT,
     cmd_undrain},
    {"send", "[-c FILE | --socket PATH] WORDS...", "say one status line to the agent, as the server does",
     "Prints the reply; exit 0 on OK, 1 on ERR. The socket is status.socket of the file.\n"
     "Options go before the words.\n"
     "Example: outrider send ready players=12/64 label.map=harbor '# the harbor'\n",
     cmd_send},
    {"services", "[-c FILE | --agent URL] [--type T] [--status S] [--json] [--watch]",
     "the fleet, as a table",
     "--type T    only servers of this type\n"
     "--status S  only servers with this status: initializing, ready, draining, error,\n"
     "            shutting_down\n"
     "--json      the whole document of GET /api/services; with --watch a line for each event\n"
     "--watch     live: in its place on a terminal, else a line for each change, until Ctrl-C;\n"
     "            what breaks is taken up again where it was, and said\n"
     "NO_COLOR=1 in the environment: no colours. Exit 1 when the agent refuses, 75 when none\n"
     "answers or the fleet is not known yet.\n" FIND_AGENT,
     cmd_services},
    {"kv", "get|put|del|txn|watch|lease ...", "read and write etcd itself",
     "get KEY         print keys and values: ranges, prefixes, old revisions\n"
     "put KEY VALUE   write; VALUE - is the standard input\n"
     "del KEY         delete\n"
     "txn             compare and change in one step, from lines on the standard input\n"
     "watch KEY       print every change as it happens\n"
     "lease ...       grant, revoke, timetolive, keep-alive, list\n"
     "\n"
     "Endpoints, login and TLS are those of registry.* in the configuration: -c FILE, else\n"
     "$OUTRIDER_CONFIG, else /etc/outrider/outrider.yaml. Exit 1 when etcd denies it, or when\n"
     "what is asked for is not there; 75 when etcd does not answer.\n"
     "`outrider help kv get` says more about get, and so on.\n",
     cmd_kv},
    {"version", "", "print the version", "", cmd_version},
    {"help", "[COMMAND]", "print this, or more about one command", "As in: outrider help kv txn\n", cmd_help},
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
    fputs("\nExit status: 0 done, 1 failed, 64 wrong usage, 75 cannot be reached, 78 bad configuration.\n",
          out);
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

/* "kv lease grant": each knows those below it. */
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
