/* The table of the commands `outrider kv ...`. */
#include "cmd_kv_internal.h"

#define RANGE_HELP                                                                                           \
    "KEY END     the keys from KEY up to END, without END\n"                                                 \
    "--prefix    the keys that begin with KEY\n"                                                             \
    "--from-key  KEY and all keys after it\n"
#define COMMON_HELP                                                                                          \
    "--json      for programs; keys and values that are not UTF-8 are base64 (keyBase64, valueBase64)\n"     \
    "-c FILE     the configuration; registry.* has the endpoints, the login and TLS\n"

static const struct kv_row table[] = {
    {{"kv get", "[OPTIONS] KEY [END]", "print keys and values, one per line",
      RANGE_HELP "--keys-only, --count-only, --print-value-only\n"
                 "--limit N   at most N keys\n"
                 "--rev N     as of revision N\n" COMMON_HELP
                 "Bytes are printed unchanged, also control characters. Exit 1 when a single KEY does not\n"
                 "exist.\n"
                 "Example: outrider kv get --prefix /services/world/ --keys-only\n",
      NULL},
     {KV_GET, 1, 2, {.op.kind = ETCD_GET}},
     {kv_prepare_get, kv_print_page, kv_run_get}},
    {{"kv put", "[OPTIONS] KEY VALUE", "write a key; VALUE - is the standard input",
      "--lease ID  the key is deleted when this lease ends\n"
      "--prev-kv   print the previous key and value\n" COMMON_HELP,
      NULL},
     {KV_PUT, 2, 2, {.op.kind = ETCD_PUT}},
     {kv_prepare_put, kv_print_change, kv_ask}},
    {{"kv del", "[OPTIONS] KEY [END]", "delete keys and print how many were deleted",
      RANGE_HELP "--prev-kv   print the previous key and value\n" COMMON_HELP, NULL},
     {KV_DEL, 1, 2, {.op.kind = ETCD_DELETE}},
     {kv_prepare_del, kv_print_change, kv_ask}},
    {{"kv txn", "[OPTIONS] < LINES", "compare keys and run several operations, all or none",
      "Reads the standard input, one operation per line; `#` begins a comment:\n"
      "  if exists KEY | if missing KEY\n"
      "  if value|version|create|mod|lease KEY =|!=|<|> WHAT\n"
      "  then|else put KEY VALUE [--lease=ID]\n"
      "  then|else get|del KEY [--prefix]\n"
      "Put words with blanks in double quotes. \\\" \\\\ \\n \\r \\t and \\xHH work there as in C.\n"
      "Prints SUCCESS or FAILURE and the result of each operation. Exit 1 after FAILURE.\n" COMMON_HELP "\n"
      "Example: become the leader if there is none, otherwise print the leader:\n"
      "  outrider kv txn <<'END'\n"
      "  if missing /leader\n"
      "  then put /leader \"world 1\"\n"
      "  else get /leader\n"
      "  END\n",
      NULL},
     {KV_TXN, 0, 0, {.kind = ETCD_REQUEST_TXN}},
     {kv_prepare_txn, kv_print_txn, kv_ask}},
    {{"kv watch", "[OPTIONS] KEY [END]", "print every change as it happens",
      RANGE_HELP
      "--rev N     start at revision N; default: now\n" COMMON_HELP
      "Prints PUT or DELETE, the key and the value, one per line. After an outage of etcd the watch\n"
      "resumes where it broke off. Exit 1 when the missed revisions are compacted or etcd denies\n"
      "the watch, 75 when etcd does not answer at the start.\n",
      NULL},
     {KV_WATCH, 1, 2, {.op.kind = ETCD_GET}},
     {kv_prepare_watch, NULL, kv_run_watch}},
    {{"kv lease", "grant|revoke|timetolive|keep-alive|list ...", "grant, renew, inspect and revoke leases",
      "grant TTL            grant a lease; TTL is a duration such as 30s or 5m\n"
      "revoke ID            end the lease and delete its keys\n"
      "timetolive ID        print the time left; --keys: also the keys of the lease\n"
      "keep-alive ID        renew the lease until this command ends; --once: once\n"
      "list                 list all leases\n" COMMON_HELP "Exit 1 when the lease does not exist.\n",
      NULL},
     {KV_LEASE, 0, 0, {0}},
     {NULL, NULL, NULL}},
    {{"kv lease grant", "[--json] [-c FILE] TTL", "grant a lease", "", NULL},
     {KV_GRANT, 1, 1, {.kind = ETCD_REQUEST_GRANT}},
     {kv_prepare_grant, kv_print_lease, kv_ask}},
    {{"kv lease revoke", "[--json] [-c FILE] ID", "end a lease and delete its keys", "", NULL},
     {KV_REVOKE, 1, 1, {.kind = ETCD_REQUEST_REVOKE}},
     {kv_prepare_lease, kv_print_lease, kv_ask}},
    {{"kv lease timetolive", "[--keys] [--json] [-c FILE] ID", "print the time left of a lease", "", NULL},
     {KV_TIME_TO_LIVE, 1, 1, {.kind = ETCD_REQUEST_TIME_TO_LIVE}},
     {kv_prepare_lease, kv_print_lease, kv_ask}},
    {{"kv lease keep-alive", "[--once] [--json] [-c FILE] ID", "renew a lease", "", NULL},
     {KV_KEEP_ALIVE, 1, 1, {.kind = ETCD_REQUEST_KEEPALIVE}},
     {kv_prepare_lease, kv_print_lease, kv_run_keep_alive}},
    {{"kv lease list", "[--json] [-c FILE]", "list all leases", "", NULL},
     {KV_LIST, 0, 0, {.kind = ETCD_REQUEST_LEASES}},
     {kv_prepare_lease, kv_print_lease, kv_ask}},
};

int cmd_kv(const struct command *command, struct cli_args args)
{
    return kv_run(command, table, COUNT_OF(table), args);
}
