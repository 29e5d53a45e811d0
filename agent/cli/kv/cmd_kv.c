/* get, put and del; the others have files of their own. */
#include "cmd_kv_internal.h"

#include "outrider/codec/json/json_write.h"

#include <inttypes.h>
#include <stdio.h>

/* etcd refuses requests from 1.5 MiB on (--max-request-bytes), keys and all; a server may be configured for
 * more. */
enum { STDIN_MAX = 16 * 1024 * 1024 };

/* ---- get ---- */

struct get {
    struct kv *kv;
    struct etcd_op op;
    int64_t left; /* keys still wanted; INT64_MAX: all */
    bool json, values_only, count_only;
    struct buf next, document;
    struct json_writer writer;
    int64_t revision, count;
    size_t seen;
    bool more;
};

static void print_kv(struct get *get, const struct etcd_kv *kv)
{
    if (get->json) {
        kv_json(&get->writer, kv);
        return;
    }
    if (!get->values_only) {
        kv_print_line(kv->key);
    }
    if (!get->op.keys_only) {
        kv_print_line(kv->value);
    }
}

static void on_page(const struct etcd_response *answer, void *user)
{
    struct get *get = user;
    const struct etcd_result *result = &answer->results[0];
    if (get->seen == 0) {
        get->revision = answer->status.revision;
        get->count = result->count;
    }
    for (size_t i = 0; i < answer->kv_count; i++) {
        print_kv(get, &answer->kvs[i]);
    }
    get->seen += answer->kv_count;
    get->left -= get->left == INT64_MAX ? 0 : (int64_t)answer->kv_count;
    get->more = result->more && answer->kv_count > 0 && get->left > 0;
    if (get->more) {
        struct str last = answer->kvs[answer->kv_count - 1].key;
        buf_clear(&get->next);
        buf_str(&get->next, last);
        buf_add(&get->next, "", 1); /* the next key there can be */
    }
}

/* Page after page, all as the store was at the first one's revision. */
static int get_all(struct get *get)
{
    int status;
    do {
        get->op.limit = get->left < ETCD_PAGE_MAX ? get->left : ETCD_PAGE_MAX;
        status =
            kv_request(get->kv, &(struct etcd_request){.kind = ETCD_REQUEST_OP, .op = get->op}, on_page, get);
        get->op.key = buf_view(&get->next);
        get->op.revision = get->op.revision == 0 ? get->revision : get->op.revision;
    } while (status == 0 && get->more && kv_flush());
    return status;
}

static int run_get(struct get *get)
{
    get->writer.out = &get->document;
    json_write_object(&get->writer);
    json_write_key(&get->writer, "kvs");
    json_write_array(&get->writer);
    struct str asked = get->op.key;
    int status = get_all(get);
    json_write_array_end(&get->writer);
    json_write_key(&get->writer, "count");
    json_write_int(&get->writer, get->count);
    json_write_key(&get->writer, "revision");
    json_write_int(&get->writer, get->revision);
    json_write_object_end(&get->writer);
    if (status == 0 && get->json) {
        kv_print_json(&get->document);
    } else if (status == 0 && get->count_only) {
        printf("%" PRId64 "\n", get->count);
    } else if (status == 0 && get->op.end.size == 0 && get->seen == 0) {
        status = cli_fail(EX_FAILED, "no such key `%.*s`", STR_ARG(asked));
    }
    buf_fini(&get->next);
    buf_fini(&get->document);
    return status;
}

static int take_number(const struct command *command, const char *option, const char *text,
                       int64_t *ret_value)
{
    if (text != NULL && (str_to_i64(str_of(text), ret_value) < 0 || *ret_value <= 0)) {
        return cli_usage(command, "%s: `%s` is not a number above 0", option, text);
    }
    return 0;
}

static int cmd_get(const struct command *command, struct cli_args args)
{
    struct kv_options common = {0};
    struct kv_range range = {0};
    struct kv kv;
    struct get get = {.kv = &kv, .op.kind = ETCD_GET, .left = INT64_MAX};
    const char *limit = NULL, *revision = NULL;
    const struct cli_option options[] = {
        {"--config", 'c', &common.config, NULL},
        {"--json", 0, NULL, &common.json},
        {"--prefix", 0, NULL, &range.prefix},
        {"--from-key", 0, NULL, &range.from_key},
        {"--limit", 0, &limit, NULL},
        {"--rev", 0, &revision, NULL},
        {"--keys-only", 0, NULL, &get.op.keys_only},
        {"--count-only", 0, NULL, &get.count_only},
        {"--print-value-only", 0, NULL, &get.values_only},
    };
    int status;
    struct cli_args words;
    if (!kv_words(command, args, options, COUNT_OF(options), 1, 2, &words, &status)) {
        return status;
    }
    get.json = common.json;
    get.op.count_only = get.count_only;
    status = take_number(command, "--limit", limit, &get.left);
    status = status != 0 ? status : take_number(command, "--rev", revision, &get.op.revision);
    status = status != 0 ? status : kv_range(command, &range, words, &get.op);
    if (status == 0 && (status = kv_open(&kv, &common)) == 0) {
        status = run_get(&get);
        kv_close(&kv);
    }
    buf_fini(&range.end);
    return status;
}

/* ---- put and del ---- */

struct change {
    bool json;
};

static void on_changed(const struct etcd_response *answer, void *user)
{
    const struct change *change = user;
    const struct etcd_result *result = &answer->results[0];
    if (!change->json) {
        kv_print_result(answer, result);
        return;
    }
    struct buf document = {0};
    struct json_writer json = {.out = &document};
    json_write_object(&json);
    json_write_key(&json, "revision");
    json_write_int(&json, answer->status.revision);
    json_write_key(&json, "result");
    kv_json_result(&json, answer, result);
    json_write_object_end(&json);
    kv_print_json(&document);
    buf_fini(&document);
}

static int change(const struct kv_options *options, const struct etcd_op *op)
{
    struct kv kv;
    struct change how = {.json = options->json};
    int status = kv_open(&kv, options);
    if (status == 0) {
        status =
            kv_request(&kv, &(struct etcd_request){.kind = ETCD_REQUEST_OP, .op = *op}, on_changed, &how);
        kv_close(&kv);
    }
    return status;
}

static int cmd_put(const struct command *command, struct cli_args args)
{
    struct kv_options common = {0};
    struct etcd_op op = {.kind = ETCD_PUT};
    const char *lease = NULL;
    const struct cli_option options[] = {
        {"--config", 'c', &common.config, NULL},
        {"--json", 0, NULL, &common.json},
        {"--lease", 0, &lease, NULL},
        {"--prev-kv", 0, NULL, &op.previous},
    };
    int status;
    struct cli_args words;
    if (!kv_words(command, args, options, COUNT_OF(options), 2, 2, &words, &status)) {
        return status;
    }
    if (words.words[0][0] == '\0') {
        return cli_usage(command, "a key is not empty");
    }
    if (lease != NULL && kv_lease_parse(lease, &op.lease) < 0) {
        return cli_usage(command, "--lease: `%s` is not a lease id, hexadecimal as `kv lease` has it", lease);
    }
    struct buf value = {0};
    bool piped = strcmp(words.words[1], "-") == 0;
    status = piped ? kv_read_stdin(STDIN_MAX, &value) : 0;
    op.key = str_of(words.words[0]);
    op.value = piped ? buf_view(&value) : str_of(words.words[1]);
    status = status != 0 ? status : change(&common, &op);
    buf_fini(&value);
    return status;
}

static int cmd_del(const struct command *command, struct cli_args args)
{
    struct kv_options common = {0};
    struct kv_range range = {0};
    struct etcd_op op = {.kind = ETCD_DELETE};
    const struct cli_option options[] = {
        {"--config", 'c', &common.config, NULL}, {"--json", 0, NULL, &common.json},
        {"--prefix", 0, NULL, &range.prefix},    {"--from-key", 0, NULL, &range.from_key},
        {"--prev-kv", 0, NULL, &op.previous},
    };
    int status;
    struct cli_args words;
    if (!kv_words(command, args, options, COUNT_OF(options), 1, 2, &words, &status)) {
        return status;
    }
    /* A script does this when its variable is unset. */
    if (range.prefix && words.words[0][0] == '\0') {
        return cli_usage(command, "an empty prefix matches every key: use `--from-key \"\"` for that");
    }
    status = kv_range(command, &range, words, &op);
    status = status != 0 ? status : change(&common, &op);
    buf_fini(&range.end);
    return status;
}

#define RANGE_HELP                                                                                           \
    "KEY END     the keys from KEY up to END, without END\n"                                                 \
    "--prefix    the keys that begin with KEY\n"                                                             \
    "--from-key  KEY and all keys after it\n"
#define COMMON_HELP                                                                                          \
    "--json      for programs; keys and values that are not UTF-8 are base64 (keyBase64, valueBase64)\n"     \
    "-c FILE     the configuration; registry.* has the endpoints, the login and TLS\n"

static const struct command table[] = {
    {"kv get", "[OPTIONS] KEY [END]", "print keys and values, one per line",
     RANGE_HELP "--keys-only, --count-only, --print-value-only\n"
                "--limit N   at most N keys\n"
                "--rev N     as of revision N\n" COMMON_HELP
                "Bytes are printed unchanged, also control characters. Exit 1 when a single KEY does not\n"
                "exist.\n"
                "Example: outrider kv get --prefix /services/world/ --keys-only\n",
     cmd_get},
    {"kv put", "[OPTIONS] KEY VALUE", "write a key; VALUE - is the standard input",
     "--lease ID  the key is deleted when this lease ends\n"
     "--prev-kv   print the previous key and value\n" COMMON_HELP,
     cmd_put},
    {"kv del", "[OPTIONS] KEY [END]", "delete keys and print how many were deleted",
     RANGE_HELP "--prev-kv   print the previous key and value\n" COMMON_HELP, cmd_del},
    {"kv txn", "[OPTIONS] < LINES", "compare keys and run several operations, all or none",
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
     cmd_kv_txn},
    {"kv watch", "[OPTIONS] KEY [END]", "print every change as it happens",
     RANGE_HELP
     "--rev N     start at revision N; default: now\n" COMMON_HELP
     "Prints PUT or DELETE, the key and the value, one per line. After an outage of etcd the watch\n"
     "resumes where it broke off. Exit 1 when the missed revisions are compacted or etcd denies\n"
     "the watch, 75 when etcd does not answer at the start.\n",
     cmd_kv_watch},
    {"kv lease", "grant|revoke|timetolive|keep-alive|list ...", "grant, renew, inspect and revoke leases",
     "grant TTL            grant a lease; TTL is a duration such as 30s or 5m\n"
     "revoke ID            end the lease and delete its keys\n"
     "timetolive ID        print the time left; --keys: also the keys of the lease\n"
     "keep-alive ID        renew the lease until this command ends; --once: once\n"
     "list                 list all leases\n" COMMON_HELP "Exit 1 when the lease does not exist.\n",
     cmd_kv_lease},
};

int cmd_kv(const struct command *command, struct cli_args args)
{
    return kv_dispatch(command, table, COUNT_OF(table), args);
}
