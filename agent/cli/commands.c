/* The table of commands, and those that need nothing else: agent, help and version. */
#include "outrider/cli/common/cli.h"

#include "outrider/base/version.h"
#include "outrider/shell/agent.h"
#include "outrider/shell/config_file.h"

#include <stdio.h>
#include <string.h>

#define FIND_AGENT                                                                                           \
    "\nThe agent is found by --agent URL or --agent unix:PATH, else by http.listen of the\n"                 \
    "file given with -c, else by $OUTRIDER_AGENT, else by the default configuration file,\n"                 \
    "else at 127.0.0.1:7117. When a file is used, the agent must have its server.type and\n"                 \
    "server.id.\n"

#define RANGE_HELP                                                                                           \
    "KEY END     the keys from KEY up to END, without END\n"                                                 \
    "--prefix    the keys that begin with KEY\n"                                                             \
    "--from-key  KEY and all keys after it\n"
#define RAW_HELP "--raw       print bytes unchanged on a terminal as well; elsewhere they always are\n"
#define COMMON_HELP                                                                                          \
    "--json      for programs; keys and values that are not UTF-8 are base64 (keyBase64, valueBase64)\n"     \
    "-c FILE     the configuration; registry.* has the endpoints, the login and TLS\n"

static int cmd_agent(const struct cli_line *line)
{
    return agent_run(config_file_path(line->given.config));
}

static int cmd_version(const struct cli_line *line)
{
    (void)line;
    printf("outrider %s\n", version_text());
    return EX_DONE;
}

static int cmd_help(const struct cli_line *line);

static const struct command table[] = {
    {"agent", "[-c FILE]", "run beside a game server, or as an observer, in the foreground",
     "An agent whose file has no server section is an observer: it serves the fleet over HTTP.\n"
     "Without -c: $OUTRIDER_CONFIG, else /etc/outrider/outrider.yaml. Logs to stderr.\n"
     "Signals: USR1 drain, USR2 undrain, HUP reload, TERM graceful stop, INT stop now,\n"
     "QUIT hand over to the next agent (exit 85). Send none before READY=1 of sd_notify, or\n"
     "before the socket of http.listen is there: `outrider drain` and `outrider status` are safe\n"
     "at any time.\n",
     CLI_AGENT, 0, 0, false, cmd_agent},
    {"check", "[[-c] FILE] [--live]", "validate the configuration",
     "Prints every error as FILE:LINE:COLUMN: path.to.key: what is wrong. Exit 0, or 78.\n"
     "Warns of files and directories that the agent needs and that this machine lacks. Says\n"
     "what the agent will be: sidecar of TYPE/ID, or observer of PREFIX.\n"
     "--live  also tests the registry without writing: each endpoint, the login, and the\n"
     "        permissions to read and write that an agent needs; says whether it may drain\n"
     "        other servers (drain --id); and connects to each port at the address of the\n"
     "        probes and at the one that players are given. With sessions.store: redis it\n"
     "        makes a session there and ends it. Exit 75 when no endpoint answers or the\n"
     "        sessions cannot be kept, 1 when the login or a needed permission is denied.\n",
     CLI_CHECK, 0, 1, false, cmd_check},
    {"probe", "TYPE [HOST[:PORT] | URL | PATH | -- COMMAND...] [--KEY VALUE]... [--count N] [--json]",
     "ask a server as a probe does, without a configuration",
     "Says whether the server is seen, what was learned of it, or where to look when it is not, and\n"
     "prints the lines for the agent's file. `outrider probe` alone lists the types.\n"
     "HOST[:PORT]  default: localhost, and the usual port of the game; IPv6 as [::1]:27015\n"
     "--KEY VALUE  every key of a probe of this type (docs/configuration.md, `probes`), such as\n"
     "             --timeout 1s, --path /health, --facts players=/online/count, --bots exclude,\n"
     "             --tls.verify false; lists are written with commas or given again;\n"
     "             --headers 'Name: value'. Default of --timeout here: 3s\n"
     "--tls        of grpc: with TLS\n"
     "--count N    N tries, --interval apart (default 1s)\n"
     "--json       one line for each try\n"
     "Exit 0 when it passed (each of N tries), 1 when not.\n"
     "Example: outrider probe minecraft play.example.net\n",
     CLI_PROBE, 0, SIZE_MAX, false, cmd_probe},
    {"status", "[-c FILE | --agent URL] [--token-file FILE] [--json] [--is STATUS]",
     "show the server's status and its cause",
     "--json       the document of GET /api/agent\n"
     "--is STATUS  print nothing; exit 0 when the status is STATUS, else 1: initializing, ready,\n"
     "             draining, error, shutting_down or published. `--is ready` also\n"
     "             needs the record to be published, since players see nothing else;\n"
     "             `--is published` asks for that alone, whatever the status\n"
     "--token-file FILE\n"
     "             the file with the agent's token, where the agent has http.read: login; default:\n"
     "             http.token_file\n" FIND_AGENT,
     CLI_STATUS, 0, 0, false, cmd_status},
    {"drain",
     "[-c FILE | --agent URL] [--token-file FILE] [--id ID] [--reason TEXT]\n"
     "                      [--by NAME] [--deadline D] [--expires D] [--wait]",
     "keep new players away",
     "--id ID            drain any server of the fleet instead of the agent's own: its id or\n"
     "                   TYPE/ID. The agent or observer that is asked writes the control key;\n"
     "                   if etcd has authentication on, its user needs the role `operator` of\n"
     "                   docs/etcd-roles, and a sidecar's role is not enough\n"
     "--reason TEXT      shown in status, log and record, as is the operator\n"
     "--by NAME          the operator, shown as NAME@HOST; default: your user\n"
     "--deadline D       when the wait for the players to leave ends, e.g. 30m; 0s: never;\n"
     "                   default: drain.deadline\n"
     "--expires D        lift the hold automatically after this long; default: never\n"
     "--wait             return when the server is empty or gone (exit 0), or at the deadline\n"
     "                   or an undrain (exit 1)\n"
     "--token-file FILE  the file with the agent's token; default: http.token_file\n" FIND_AGENT,
     CLI_DRAIN, 0, 0, false, cmd_drain},
    {"undrain", "[-c FILE | --agent URL] [--token-file FILE] [--id ID | --flapping] [--by NAME]",
     "let players in again",
     "Lifts the operator's hold; exit 0 also if there was none, which it says. Holds of the\n"
     "server itself stay.\n"
     "--id ID            any server of the fleet, as for drain\n"
     "--flapping         lifts no hold, but ends the error of a server that was kept out because\n"
     "                   it came and went (server.flapping)\n"
     "--by NAME          the operator in the log, as for drain\n"
     "--token-file FILE  the file with the agent's token; default: http.token_file\n" FIND_AGENT,
     CLI_UNDRAIN, 0, 0, false, cmd_drain},
    {"drains",
     "[list | show ID | watch ID | pause ID | resume ID | cancel ID | undo ID]\n"
     "       outrider drains preview|start [TYPE/ID...] [--type T] [--status S] [--region R] [--zone Z]\n"
     "                      [--group G] [--tag TAG] [--label NAME=VALUE] [--wave N|N%] [--max-draining N]\n"
     "                      [--free-seats N] [--no-keep-one] [--pause D] [--settle D] [--deadline D]\n"
     "                      [--stop-after N] [--then stay|undrain] [--reason TEXT] [--by NAME] [--plan HASH]",
     "drain many servers in waves",
     "An observer is asked, and any observer of the fleet carries on. `preview` shows which servers\n"
     "would be held in which wave, and changes nothing; `start` begins.\n"
     "--wave N           servers of a wave, or N% of all; default: 1\n"
     "--max-draining N   held at once and not yet empty or gone; default: a wave\n"
     "--free-seats N     hold none that would leave fewer free seats of its type and region\n"
     "--no-keep-one      also hold the last ready server of a type in a zone\n"
     "--pause D          wait after each wave, e.g. 10m\n"
     "--settle D         a server is empty after so long without players; default: 5s\n"
     "--deadline D       of each hold; then players that are still there are an error\n"
     "--stop-after N     stop after so many errors; default: 1; 0: never\n"
     "--then undrain     lift the holds of a wave after its pause; default: stay\n"
     "--plan HASH        start only if the plan is still that of the preview\n"
     "pause, resume      hold no more servers for now; go on\n"
     "cancel             end it; its holds stay\n"
     "undo               lift its holds, and no others\n"
     "watch              a line for each change until it is over; exit 0 when all went well\n"
     "--json             the documents of /api/drains\n" FIND_AGENT,
     CLI_DRAINS, 0, SIZE_MAX, false, cmd_drains},
    {"send", "[-c FILE | --socket PATH] WORDS...", "send one status line to the agent, as the server does",
     "Prints the reply; exit 0 on OK, 1 on ERR. The socket is status.socket of the file.\n"
     "Options must come before the words.\n"
     "Example: outrider send ready players=12/64 label.map=harbor '# the harbor'\n",
     CLI_SEND, 0, SIZE_MAX, true, cmd_send},
    {"services",
     "[-c FILE | --agent URL] [--token-file FILE] [--type T] [--status S]\n"
     "                         [--region R] [--zone Z] [--group G] [--tag TAG] [--label NAME=VALUE]\n"
     "                         [--offline] [--json] [--watch]",
     "show the fleet as a table",
     "--type T            only servers of this type\n"
     "--status S          only servers with this status: initializing, ready, draining, error,\n"
     "                    shutting_down\n"
     "--region R, --zone Z, --group G\n"
     "                    only servers of this region, zone, group\n"
     "--tag TAG           only servers with this tag; may be repeated: servers with all of them\n"
     "--label NAME=VALUE  only servers with this label; likewise\n"
     "--offline           also servers that went away without shutting_down in the last 10 min, if\n"
     "                    an observer answers; the same as --include offline\n"
     "--json              the document of GET /api/services; with --watch one line per event\n"
     "--watch             live until Ctrl-C: on a terminal the table is redrawn, else one line per\n"
     "                    change; a lost stream is resumed where it stopped\n"
     "--token-file FILE   the file with the agent's token, where the agent has http.read: login;\n"
     "                    default: http.token_file\n"
     "NO_COLOR=1 in the environment: no colours. Exit 1 when the agent refuses, 75 when it\n"
     "cannot be reached or has not loaded the fleet yet.\n" FIND_AGENT,
     CLI_SERVICES, 0, 0, false, cmd_services},
    {"route",
     "TYPE [-c FILE | --agent URL] [--token-file FILE] [--key K] [--player P]\n"
     "                     [--strategy S] [--near ZONE] [--seats N] [--count N] [--exclude ID]\n"
     "                     [--region R] [--zone Z] [--group G] [--tag TAG] [--label NAME=VALUE] [--json]",
     "ask which server a player should go to",
     "--key K, --player P the same key gives the same server on every agent; a player is the key\n"
     "                    where there is none\n"
     "--strategy S        consistent_hash (default with a key), least_connections (default without),\n"
     "                    round_robin or packed\n"
     "--near ZONE         servers of the zone first; region:NAME: of the region\n"
     "--seats N           for N players at once; default 1\n"
     "--count N           also the N - 1 next best, at most 16 in all\n"
     "--exclude ID        not this server; may be repeated\n"
     "--region, --zone, --group, --tag, --label\n"
     "                    only such servers, as for services\n"
     "--json              the document of GET /api/route/TYPE\n"
     "--token-file FILE   the file with the agent's token, where the agent has http.read: login;\n"
     "                    default: http.token_file\n"
     "Exit 1 when no server can be chosen, which it explains, and when the agent refuses; 75 when\n"
     "it cannot be reached or has not loaded the fleet yet.\n" FIND_AGENT,
     CLI_ROUTE, 1, 1, false, cmd_route},
    {"tell", "TYPE/ID NAME [ARGS...] [-c FILE | --agent URL] [--token-file FILE] [--ttl D] [--json]",
     "send a command to a server, and wait for its answer",
     "The server of TYPE/ID hears NAME and ARGS, which are joined by blanks, where its agent accepts\n"
     "NAME (status.accept). What it answers is printed.\n"
     "--ttl D             wait for so long, 1s to 1h; default: 30s\n"
     "--json              the document of GET /api/services/TYPE/ID/commands/ID\n"
     "--token-file FILE   the file with the agent's token; default: http.token_file\n"
     "Exit 0 on `ok`; 1 on `error`, and when the agent refuses; 75 when the server did not answer in\n"
     "time, and when the agent cannot be reached or the registry does not answer.\n" FIND_AGENT,
     CLI_TELL, 2, 64, false, cmd_tell},
    {"allocate",
     "TYPE [-c FILE | --agent URL] [--token-file FILE] [--seats N] [--ttl D] [--id ID]\n"
     "                        [--key K] [--strategy S] [--near ZONE] [--exclude ID] [--region R] [--zone Z]\n"
     "                        [--group G] [--tag TAG] [--label NAME=VALUE] [--json]",
     "reserve seats on a server",
     "--seats N           for N players; default 1\n"
     "--ttl D             for so long, 1s to 1h; default: placement.reservation_ttl of the agent\n"
     "--id ID             the name of the reservation: asked for again, it gives the same one\n"
     "--key, --strategy, --near, --exclude, --region, --zone, --group, --tag, --label\n"
     "                    which server, as for route\n"
     "--json              the document of POST /api/allocate/TYPE\n"
     "--token-file FILE   the file with the agent's token; default: http.token_file\n"
     "Exit 1 when no server can be chosen, which it explains, and when the agent refuses; 75 when\n"
     "it cannot be reached, has not loaded the fleet yet or the registry does not answer.\n" FIND_AGENT,
     CLI_ALLOCATE, 1, 1, false, cmd_allocate},
    {"leader", "[SCOPE] [-c FILE | --agent URL] [--token-file FILE] [--json]", "show who leads",
     "Of each scope, or of SCOPE alone: who leads it, since when, with which fencing token, and how\n"
     "many candidates there are.\n"
     "--json              the document of GET /api/leader, or of GET /api/leader/SCOPE\n"
     "--token-file FILE   the file with the agent's token, where the agent has http.read: login;\n"
     "                    default: http.token_file\n"
     "Exit 1 when SCOPE has no leader, which it explains, and when the agent refuses; 75 when it\n"
     "cannot be reached or does not know yet.\n" FIND_AGENT,
     CLI_LEADER, 0, 1, false, cmd_leader},
    {"sessions",
     "[-c FILE | --agent URL] [--token-file FILE] [--server TYPE/ID] [--player P]\n"
     "                         [--type T] [--json] [--watch]",
     "show where players are",
     "--server TYPE/ID   only sessions on this server\n"
     "--player P         only those of this player\n"
     "--type T           with --watch: only those of this server type\n"
     "--json             the document of GET /api/sessions, all pages; with --watch one line per event\n"
     "--watch            live until Ctrl-C: one line per change, from now on\n"
     "--token-file FILE  the file with the agent's token, where the agent has http.read: login;\n"
     "                   default: http.token_file\n"
     "Exit 1 when the agent refuses, 75 when it cannot be reached or keeps no sessions now.\n" FIND_AGENT,
     CLI_SESSIONS, 0, 0, false, cmd_sessions},
    {"audit",
     "[-c FILE | --agent URL] [--token-file FILE] [--who NAME] [--what ACTION]\n"
     "                      [--target TYPE/ID] [--outcome O] [--from T] [--to T] [--limit N]\n"
     "                      [--json] [--watch]",
     "show who changed what, and who tried to",
     "--who NAME         only what this name did\n"
     "--what ACTION      only this action: drain, undrain ...; `wave.*`: all that begin so\n"
     "--target TYPE/ID   only what was done to it; `TYPE/*`: to all that begin so\n"
     "--outcome O        ok, refused or failed\n"
     "--from T, --to T   from one time on, before another: 2026-11-21T02:14:00Z, or how long ago: 2h\n"
     "--limit N          so many entries at most, the newest; default 100\n"
     "--json             one entry on each line, as GET /api/audit has them\n"
     "--watch            live until Ctrl-C: one line for each new entry\n"
     "--token-file FILE  the file with the agent's token; default: http.token_file\n"
     "An agent with audit.registry shows the entries of all. What could not be read is said on\n"
     "stderr. Exit 1 when the agent refuses or keeps no audit, 75 when it cannot be reached.\n" FIND_AGENT,
     CLI_AUDIT, 0, 0, false, cmd_audit},
    {"token", "add NAME ROLE", "make a token for a person or a program",
     "add NAME ROLE  print a new token and the line for the access file\n"
     "`outrider help token add` describes it.\n",
     CLI_TOKEN, 0, 0, false, NULL},
    {"token add", "NAME ROLE", "print a new token, and the line for the access file with its hash",
     "ROLE is viewer (reads), service (places players: allocate, join, sessions), operator (drains)\n"
     "or admin. The token is random and shown this once: it goes to NAME, the line to the file of\n"
     "http.access_file, which agents read again when it changes. Nothing is written. The same\n"
     "command makes the next token of a name: its line takes the place of the old one, whose\n"
     "sessions end.\n"
     "Example: outrider token add olga operator\n",
     CLI_TOKEN, 2, 2, false, cmd_token},
    {"hooks", "test EVENT ...", "run the hooks of the configuration by hand",
     "test EVENT  run those that are for this event\n"
     "`outrider help hooks test` describes it.\n",
     CLI_HOOKS, 0, 0, false, NULL},
    {"hooks test", "EVENT [-c FILE]", "run the hooks that are for an event, and print what happened",
     "EVENT is drain, undrain, ready, error, shutting_down, leader_gained or leader_lost. One after\n"
     "the other, as the user of this command or as the hook's `user`, with the values of an example:\n"
     "a deadline of drain.deadline, 12 players. The agent is not asked and need not run; what a hook\n"
     "says to a server, it says.\n"
     "Exit 1 when one fails or none is for this event.\n",
     CLI_HOOKS, 1, 1, false, cmd_hooks},
    {"kv", "get|put|del|txn|watch|lease|lock ...", "read and write the registry directly, take locks",
     "get KEY         print keys and values: ranges, prefixes, old revisions\n"
     "put KEY VALUE   write; VALUE - is the standard input\n"
     "del KEY         delete\n"
     "txn             compare and change in one step, from lines on the standard input\n"
     "watch KEY       print every change as it happens\n"
     "lease ...       grant, revoke, timetolive, keep-alive, list\n"
     "lock NAME       hold a lock, alone or while a command runs\n"
     "\n"
     "Endpoints, login and TLS are those of registry.* in the configuration: -c FILE, else\n"
     "$OUTRIDER_CONFIG, else /etc/outrider/outrider.yaml. Leases, old revisions, ranges to delete and\n"
     "most comparisons of txn are for etcd alone. Exit 1 when the registry denies the request or the\n"
     "key or lease does not exist; 75 when it does not answer.\n"
     "`outrider help kv get` describes get, and so on.\n",
     CLI_KV, 0, 0, false, NULL},
    {"kv get", "[OPTIONS] KEY [END]", "print keys and values, one per line",
     RANGE_HELP "--keys-only, --count-only, --print-value-only\n"
                "--limit N   at most N keys\n"
                "--rev N     as of revision N\n" RAW_HELP COMMON_HELP
                "Bytes are printed unchanged; on a terminal, control characters and bytes that are not\n"
                "UTF-8 are escaped: \\u001b, \\xff. Exit 1 when a single KEY does not exist.\n"
                "Example: outrider kv get --prefix /services/world/ --keys-only\n",
     CLI_KV_GET, 1, 2, false, cmd_kv},
    {"kv put", "[OPTIONS] KEY VALUE", "write a key; VALUE - is the standard input",
     "--lease ID  the key is deleted when this lease ends\n"
     "--prev-kv   print the previous key and value\n" RAW_HELP COMMON_HELP,
     CLI_KV_PUT, 2, 2, false, cmd_kv},
    {"kv del", "[OPTIONS] KEY [END]", "delete keys and print how many were deleted",
     RANGE_HELP "--prev-kv   print the previous key and value\n" RAW_HELP COMMON_HELP, CLI_KV_DEL, 1, 2,
     false, cmd_kv},
    {"kv txn", "[OPTIONS] < LINES", "compare keys and run several operations, all or none",
     "Reads the standard input, one operation per line; `#` begins a comment:\n"
     "  if exists KEY | if missing KEY\n"
     "  if value|version|create|mod|lease KEY =|!=|<|> WHAT\n"
     "  then|else put KEY VALUE [--lease=ID]\n"
     "  then|else get|del KEY [--prefix]\n"
     "Put words with blanks in double quotes. \\\" \\\\ \\n \\r \\t and \\xHH work there as in C.\n"
     "Prints SUCCESS or FAILURE and the result of each operation. Exit 1 after FAILURE.\n" RAW_HELP
         COMMON_HELP "\n"
     "Example: become the leader if there is none, otherwise print the leader:\n"
     "  outrider kv txn <<'END'\n"
     "  if missing /leader\n"
     "  then put /leader \"world 1\"\n"
     "  else get /leader\n"
     "  END\n",
     CLI_KV_TXN, 0, 0, false, cmd_kv},
    {"kv watch", "[OPTIONS] KEY [END]", "print every change as it happens",
     RANGE_HELP "--rev N     start at revision N; default: now\n" RAW_HELP COMMON_HELP
                "Prints PUT or DELETE, the key and the value, one per line. After an outage the watch\n"
                "resumes where it stopped. Exit 1 when the missed revisions are compacted or the registry\n"
                "denies the watch, 75 when it does not answer at the start.\n",
     CLI_KV_WATCH, 1, 2, false, cmd_kv},
    {"kv lease", "grant|revoke|timetolive|keep-alive|list ...", "grant, renew, inspect and revoke leases",
     "grant TTL            grant a lease; TTL is a duration such as 30s or 5m\n"
     "revoke ID            end the lease and delete its keys\n"
     "timetolive ID        print the time left; --keys: also the keys of the lease\n"
     "keep-alive ID        renew the lease until this command ends; --once: once\n"
     "list                 list all leases\n" COMMON_HELP "Exit 1 when the lease does not exist.\n",
     CLI_LEASE, 0, 0, false, NULL},
    {"kv lease grant", "[--json] [-c FILE] TTL", "grant a lease", "", CLI_LEASE_GRANT, 1, 1, false, cmd_kv},
    {"kv lease revoke", "[--json] [-c FILE] ID", "end a lease and delete its keys", "", CLI_LEASE_REVOKE, 1,
     1, false, cmd_kv},
    {"kv lease timetolive", "[--keys] [--raw] [--json] [-c FILE] ID", "print the time left of a lease", "",
     CLI_LEASE_TTL, 1, 1, false, cmd_kv},
    {"kv lease keep-alive", "[--once] [--json] [-c FILE] ID", "renew a lease", "", CLI_LEASE_KEEP, 1, 1,
     false, cmd_kv},
    {"kv lease list", "[--json] [-c FILE]", "list all leases", "", CLI_LEASE_LIST, 0, 0, false, cmd_kv},
    {"kv lock", "NAME [--ttl D] [--wait D] [--json] [-c FILE] [-- COMMAND...]",
     "hold a lock, alone or while a command runs",
     "Waits until it holds the lock NAME, in turn with all others that want it, and runs COMMAND;\n"
     "its exit status is returned: 127 when there is no such command, 128+N by the signal N.\n"
     "Without a command it holds the lock until Ctrl-C.\n"
     "--ttl D   how long the lock outlives a holder that is killed or cut off: 2s to 1h; default 30s\n"
     "--wait D  exit 1 when the lock is not held by then; 0s: do not wait; default: wait\n"
     "--json    without a command: print {\"lock\",\"token\"} once it is held\n"
     "-c FILE   the configuration; registry.* has the endpoints, the login and TLS\n"
     "The command has OUTRIDER_LOCK_TOKEN, a number that is higher for each later holder: what it\n"
     "writes to can refuse a lower one. When the lock is lost, as the registry does not answer in time,\n"
     "the command gets TERM, and KILL after 10 s. It is killed when this process is.\n"
     "Example: outrider kv lock nightly --wait 0s -- /usr/local/bin/backup\n",
     CLI_KV_LOCK, 1, SIZE_MAX, false, cmd_kv},
    {"version", "", "print the version", "", 0, 0, 0, false, cmd_version},
    {"help", "[COMMAND]", "list the commands, or describe one", "For example: outrider help kv txn\n", 0, 0,
     SIZE_MAX, false, cmd_help},
};

static void print_commands(FILE *out)
{
    fputs("usage: outrider COMMAND [OPTIONS]\n\n", out);
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        if (strchr(table[i].name, ' ') == NULL) {
            fprintf(out, "  %-9s %s\n", table[i].name, table[i].help);
        }
    }
    fputs("\nExit status: 0 done, 1 failed, 64 wrong usage, 75 unreachable, 78 bad configuration.\n", out);
}

static int cmd_help(const struct cli_line *line)
{
    const struct command *about = NULL;
    for (size_t i = 0; i < line->words.count; i++) {
        if (about != NULL && about->run != NULL) {
            return cli_usage(line->command, "unexpected word `%s`", line->words.words[i]);
        }
        about = cli_below(table, COUNT_OF(table), about, line->words.words[i]);
        if (about == NULL) {
            return EX_USAGE;
        }
    }
    if (about == NULL) {
        print_commands(stdout);
    } else {
        cli_help(about);
    }
    return EX_DONE;
}

int cli_run(struct cli_args args)
{
    struct cli_line line;
    int status;
    if (args.count == 0) {
        print_commands(stderr);
        return EX_USAGE;
    }
    return cli_read(table, COUNT_OF(table), args, &line, &status) ? line.command->run(&line) : status;
}
