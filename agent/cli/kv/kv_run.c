/* The way of every command from its words to etcd and back. */
#include "cmd_kv_internal.h"
#include "outrider/base/error.h"
#include "outrider/core/config/config.h"
#include "outrider/io/loop/loop.h"
#include "outrider/shell/config_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A person waits longer than a heartbeat may: an election takes 1 to 2 s. */
enum { REQUEST_MS = 5000 };

/* etcd refuses requests from 1.5 MiB on (--max-request-bytes), keys and all; a server may be configured for
 * more. */
enum { STDIN_MAX = 16 * 1024 * 1024 };

/* ---- the command line ---- */

enum { OPTIONS_MAX = 16, ROWS_MAX = 16 };

/* The options, and the commands that take each. */
struct option_table {
    struct cli_option options[OPTIONS_MAX];
    unsigned bits[OPTIONS_MAX];
    size_t count;
};

/* The options of the commands `bits`; the rows are those of `options`. */
static void list_options(struct kv_options *options, unsigned bits, struct option_table *ret_table)
{
    const struct {
        struct cli_option option;
        unsigned bits;
    } rows[] = {
        {{"--config", 'c', &options->config, NULL}, KV_ALL},
        {{"--json", 0, NULL, &options->json}, KV_ALL},
        {{"--prefix", 0, NULL, &options->prefix}, KV_RANGE},
        {{"--from-key", 0, NULL, &options->from_key}, KV_RANGE},
        {{"--limit", 0, &options->limit, NULL}, KV_GET},
        {{"--rev", 0, &options->revision, NULL}, KV_GET | KV_WATCH},
        {{"--keys-only", 0, NULL, &options->keys_only}, KV_GET},
        {{"--count-only", 0, NULL, &options->count_only}, KV_GET},
        {{"--print-value-only", 0, NULL, &options->values_only}, KV_GET},
        {{"--lease", 0, &options->lease, NULL}, KV_PUT},
        {{"--prev-kv", 0, NULL, &options->previous}, KV_PUT | KV_DEL},
        {{"--keys", 0, NULL, &options->lease_keys}, KV_TIME_TO_LIVE},
        {{"--once", 0, NULL, &options->once}, KV_KEEP_ALIVE},
    };
    *ret_table = (struct option_table){0};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if ((rows[i].bits & bits) != 0) {
            ret_table->bits[ret_table->count] = rows[i].bits;
            ret_table->options[ret_table->count++] = rows[i].option;
        }
    }
}

/* The row of the command `word` below `above`, "kv" or "kv lease"; or NULL. */
static const struct kv_row *row_below(const struct kv_row *table, size_t count, const char *above,
                                      const char *word)
{
    size_t size = strlen(above);
    for (size_t i = 0; i < count; i++) {
        const char *name = table[i].about.name;
        if (strncmp(name, above, size) == 0 && name[size] == ' ' && strcmp(name + size + 1, word) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

static int unknown_command(const struct command *above, const struct kv_row *table, size_t count,
                           const char *word)
{
    const char *names[ROWS_MAX];
    size_t used = 0;
    for (size_t i = 0; i < count && used < COUNT_OF(names); i++) {
        const char *last = strrchr(table[i].about.name, ' ') + 1;
        if (row_below(table, count, above->name, last) == &table[i]) {
            names[used++] = last;
        }
    }
    const char *near = cli_nearest(word, names, used, sizeof(names[0]));
    return near == NULL ? cli_usage(above, "unknown command `%s`", word)
                        : cli_usage(above, "unknown command `%s`: did you mean `%s`?", word, near);
}

/* Takes a word: a part of the command's name, or one behind it, which is moved up to the others. */
static int take_word(struct kv *kv, const struct kv_row *table, size_t count, char **word)
{
    bool is_name = kv->row == NULL || kv->row->prepare == NULL;
    if (!is_name) {
        char *taken = *word, **end = &kv->words.words[kv->words.count++];
        memmove(end + 1, end, (size_t)(word - end) * sizeof(*end));
        *end = taken;
        return 0;
    }
    kv->row = row_below(table, count, kv->command->name, *word);
    if (kv->row == NULL) {
        return unknown_command(kv->command, table, count, *word);
    }
    kv->command = &kv->row->about;
    kv->request = kv->row->request;
    return 0;
}

/* Refuses what was taken before the name of the command was known. */
static int check_line(const struct kv *kv, const struct option_table *all)
{
    if (kv->row == NULL || kv->row->prepare == NULL) {
        return cli_usage(kv->command, "what is to be done?");
    }
    for (size_t i = 0; i < all->count; i++) {
        const struct cli_option *option = &all->options[i];
        if ((all->bits[i] & kv->row->bits) == 0 &&
            (option->flag != NULL ? *option->flag : *option->value != NULL)) {
            return cli_usage(kv->command, "unknown option `%s`", option->name);
        }
    }
    if (kv->words.count < kv->row->words_min) {
        return cli_usage(kv->command, "an argument is missing");
    }
    return kv->words.count <= kv->row->words_max
               ? 0
               : cli_usage(kv->command, "unexpected word `%s`", kv->words.words[kv->row->words_max]);
}

/* Options stand anywhere before a `--`. Returns false when the command must end with `ret_exit`. */
static bool read_line(struct kv *kv, const struct kv_row *table, size_t count, struct cli_args args,
                      int *ret_exit)
{
    struct option_table options;
    struct cli_args rest = {.words = args.words};
    kv->words.words = args.words;
    while (rest.count < args.count && strcmp(args.words[rest.count], "--") != 0) {
        rest.count++;
    }
    size_t behind = rest.count + 1;
    for (*ret_exit = 0; *ret_exit == 0 && rest.count > 0;) {
        list_options(&kv->options, kv->row == NULL ? KV_ALL : kv->row->bits, &options);
        if (!cli_options(kv->command, rest, options.options, options.count, &rest, ret_exit)) {
            return false;
        }
        if (rest.count > 0) {
            *ret_exit = take_word(kv, table, count, rest.words);
            rest = (struct cli_args){.words = rest.words + 1, .count = rest.count - 1};
        }
    }
    for (size_t i = behind; *ret_exit == 0 && i < args.count; i++) {
        *ret_exit = take_word(kv, table, count, &args.words[i]);
    }
    list_options(&kv->options, KV_ALL, &options);
    *ret_exit = *ret_exit != 0 ? *ret_exit : check_line(kv, &options);
    return *ret_exit == 0;
}

int kv_take_range(struct kv *kv)
{
    const struct kv_options *options = &kv->options;
    struct etcd_op *op = &kv->request.op;
    bool has_end = kv->words.count > 1;
    op->key = str_of(kv->words.words[0]);
    if ((options->prefix ? 1 : 0) + (options->from_key ? 1 : 0) + (has_end ? 1 : 0) > 1) {
        return cli_usage(kv->command, "one of --prefix, --from-key and END");
    }
    if (op->key.size == 0 && !options->prefix && !options->from_key) {
        return cli_usage(kv->command, "a key is not empty");
    }
    if (options->prefix) {
        etcd_prefix_end(op->key, &kv->bytes);
    } else if (options->from_key) {
        buf_add(&kv->bytes, "", 1);
    } else if (has_end) {
        buf_str(&kv->bytes, str_of(kv->words.words[1]));
    }
    op->end = buf_view(&kv->bytes);
    op->key = op->key.size == 0 ? (struct str){"", 1} : op->key; /* the first key there can be */
    return 0;
}

int kv_take_number(struct kv *kv, const char *option, const char *text, int64_t *ret_value)
{
    if (text != NULL && (str_to_i64(str_of(text), ret_value) < 0 || *ret_value <= 0)) {
        return cli_usage(kv->command, "%s: `%s` is not a number above 0", option, text);
    }
    return 0;
}

int kv_lease_parse(const char *text, int64_t *ret_lease)
{
    struct registry_lease lease;
    if (registry_lease_parse(str_of(text), &lease) < 0 || lease.hi != 0) {
        return -1;
    }
    *ret_lease = (int64_t)lease.lo;
    return 0;
}

int kv_read_stdin(struct kv *kv)
{
    char chunk[16384];
    size_t got;
    if (isatty(STDIN_FILENO)) {
        fputs("outrider: reading the standard input, which is this terminal, until Ctrl-D\n", stderr);
    }
    while ((got = fread(chunk, 1, sizeof(chunk), stdin)) > 0) {
        buf_add(&kv->bytes, chunk, got);
        if (kv->bytes.size > STDIN_MAX) {
            return cli_fail(EX_FAILED, "the standard input is more than the %d bytes that etcd takes",
                            STDIN_MAX);
        }
    }
    return ferror(stdin) ? cli_fail(EX_FAILED, "the standard input cannot be read") : 0;
}

/* ---- etcd ---- */

/* The agent retries until these files can be read; a command fails at once. */
static int check_files(const struct config_registry *registry)
{
    const struct {
        const char *setting, *path;
    } files[] = {{"registry.password_file", registry->password_file},
                 {"registry.tls.ca_file", registry->tls.ca_file},
                 {"registry.tls.cert_file", registry->tls.cert_file},
                 {"registry.tls.key_file", registry->tls.key_file}};
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        if (files[i].path != NULL && access(files[i].path, R_OK) < 0) {
            return cli_fail(EX_CONFIG, "%s: cannot read %s: %s", files[i].setting, files[i].path,
                            strerror(errno));
        }
    }
    return 0;
}

static bool may_be_mended(enum registry_failure failure)
{
    return failure == REGISTRY_RETRY || failure == REGISTRY_UNKNOWN || failure == REGISTRY_OVERLOADED;
}

int kv_fail(enum registry_failure failure, struct str error)
{
    struct buf text = {0};
    buf_str(&text, error);
    buf_str(&text, str_of(etcd_access_remedy(buf_text(&text))));
    if (failure == REGISTRY_UNKNOWN) {
        buf_str(&text, STR("; it may have been done all the same: look before you repeat it"));
    }
    int status = cli_fail(may_be_mended(failure) ? EX_TEMPFAIL : EX_FAILED, "%s", buf_text(&text));
    buf_fini(&text);
    return status;
}

static void on_answer(const struct registry_reply *reply, const struct etcd_response *answer, void *user)
{
    struct kv *kv = user;
    kv->answered = true;
    if (reply->failure == REGISTRY_OK) {
        kv->status = kv->row->print(kv, answer);
    } else if (reply->revision_gone) {
        kv->status = cli_fail(EX_FAILED, "%.*s: etcd keeps revisions from its last compaction to now",
                              STR_ARG(reply->error));
    } else if (kv->muted && may_be_mended(reply->failure)) {
        kv->status = EX_TEMPFAIL;
    } else {
        kv->status = kv_fail(reply->failure, reply->error);
    }
}

int kv_ask(struct kv *kv)
{
    int64_t timeout_ms = kv->config->registry.request_timeout_ms;
    kv->answered = false;
    etcd_client_send(kv->etcd, 1, &kv->request, timeout_ms > REQUEST_MS ? timeout_ms : REQUEST_MS, on_answer,
                     kv);
    while (!kv->answered) {
        loop_turn_once(kv->access.loop, true);
    }
    return kv->status;
}

static int run_open(struct kv *kv)
{
    kv->config = config_file_load(config_file_path(kv->options.config), NULL);
    int status = kv->config == NULL ? EX_CONFIG : check_files(&kv->config->registry);
    if (status == 0 && (status = etcd_access_open(&kv->access, &kv->config->registry)) == 0) {
        kv->etcd = etcd_new(&kv->config->registry, kv->access.loop, kv->access.http);
        status = kv->row->run(kv);
        registry_free(etcd_registry(kv->etcd));
        etcd_access_close(&kv->access);
    }
    config_fini(kv->config);
    free(kv->config);
    return status;
}

int kv_run(const struct command *command, const struct kv_row *table, size_t count, struct cli_args args)
{
    struct kv kv = {.command = command, .json.out = &kv.document};
    int status;
    if (read_line(&kv, table, count, args, &status) && (status = kv.row->prepare(&kv)) == 0) {
        status = run_open(&kv);
    }
    buf_fini(&kv.bytes);
    kv_script_fini(&kv.script);
    buf_fini(&kv.document);
    buf_fini(&kv.pages.next);
    return status;
}
