#include "cmd_kv_internal.h"
#include "outrider/base/error.h"
#include "outrider/cli/check/check_live.h"
#include "outrider/core/config/config.h"
#include "outrider/io/http/client/http_client.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/net/resolver.h"
#include "outrider/shell/config_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A person waits longer than a heartbeat may: an election takes 1 to 2 s. */
enum { REQUEST_MS = 5000 };

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
    return EX_DONE;
}

int kv_open(struct kv *kv, const struct kv_options *options)
{
    struct error err;
    *kv = (struct kv){0};
    kv->config = config_file_load(config_file_path(options->config));
    int status = kv->config == NULL ? EX_CONFIG : check_files(&kv->config->registry);
    if (status != 0) {
        kv_close(kv);
        return status;
    }
    kv->loop = loop_new(&err);
    if (kv->loop == NULL) {
        kv_close(kv);
        return cli_fail(EX_FAILED, "%s", err.text);
    }
    const struct config_registry *registry = &kv->config->registry;
    kv->resolver = resolver_new(kv->loop, NULL);
    kv->http = http_client_new(kv->loop, kv->resolver,
                               &(struct http_tls){.ca_file = registry->tls.ca_file,
                                                  .cert_file = registry->tls.cert_file,
                                                  .key_file = registry->tls.key_file,
                                                  .server_name = registry->tls.server_name});
    kv->etcd = etcd_new(registry, kv->loop, kv->http);
    return 0;
}

void kv_close(struct kv *kv)
{
    if (kv->etcd != NULL) {
        registry_free(etcd_registry(kv->etcd));
    }
    http_client_free(kv->http);
    resolver_free(kv->resolver);
    loop_free(kv->loop);
    if (kv->config != NULL) {
        config_fini(kv->config);
        free(kv->config);
    }
    *kv = (struct kv){0};
}

static bool may_be_mended(enum registry_failure failure)
{
    return failure == REGISTRY_RETRY || failure == REGISTRY_UNKNOWN || failure == REGISTRY_OVERLOADED;
}

int kv_fail(enum registry_failure failure, struct str error)
{
    struct buf text = {0};
    buf_str(&text, error);
    const char *remedy = check_live_remedy(buf_text(&text));
    const char *doubt =
        failure == REGISTRY_UNKNOWN ? "; it may have been done all the same: look before you repeat it" : "";
    buf_fini(&text);
    return cli_fail(may_be_mended(failure) ? EX_TEMPFAIL : EX_FAILED, "%.*s%s%s", STR_ARG(error), remedy,
                    doubt);
}

static void on_answer(const struct registry_reply *reply, const struct etcd_response *answer, void *user)
{
    struct kv *kv = user;
    kv->answered = true;
    kv->status = EX_DONE;
    if (reply->failure == REGISTRY_OK) {
        kv->on_answer(answer, kv->on_answer_user);
    } else if (reply->revision_gone) {
        kv->status = cli_fail(EX_FAILED, "%.*s: etcd keeps revisions from its last compaction to now",
                              STR_ARG(reply->error));
    } else if (kv->muted && may_be_mended(reply->failure)) {
        kv->status = EX_TEMPFAIL;
    } else {
        kv->status = kv_fail(reply->failure, reply->error);
    }
}

int kv_request(struct kv *kv, const struct etcd_request *request, kv_answer_fn *fn, void *user)
{
    int64_t timeout_ms = kv->config->registry.request_timeout_ms;
    kv->answered = false;
    kv->on_answer = fn;
    kv->on_answer_user = user;
    etcd_client_send(kv->etcd, request, timeout_ms > REQUEST_MS ? timeout_ms : REQUEST_MS, on_answer, kv);
    while (!kv->answered) {
        loop_turn_once(kv->loop, true);
    }
    return kv->status;
}

/* ---- words ---- */

/* How many words stand before a `--`. */
static size_t until_dashes(struct cli_args args)
{
    size_t count = 0;
    while (count < args.count && strcmp(args.words[count], "--") != 0) {
        count++;
    }
    return count;
}

/* Moves words[from] to `to`; the words between move down. */
static void move_up(char **words, size_t from, size_t to)
{
    char *word = words[from];
    memmove(&words[to + 1], &words[to], (from - to) * sizeof(words[0]));
    words[to] = word;
}

bool kv_words(const struct command *command, struct cli_args args, const struct cli_option *options,
              size_t count, size_t min, size_t max, struct cli_args *ret_words, int *ret_exit)
{
    size_t dashes = until_dashes(args), found = 0;
    struct cli_args rest = {.words = args.words, .count = dashes};
    while (rest.count > 0) {
        if (!cli_options(command, rest, options, count, &rest, ret_exit)) {
            return false;
        }
        if (rest.count > 0) {
            move_up(args.words, (size_t)(rest.words - args.words), found++);
            rest = (struct cli_args){.words = rest.words + 1, .count = rest.count - 1};
        }
    }
    for (size_t i = dashes + 1; i < args.count; i++) {
        move_up(args.words, i, found++);
    }
    if (found < min || found > max) {
        *ret_exit = found < min ? cli_usage(command, "an argument is missing")
                                : cli_usage(command, "unexpected word `%s`", args.words[max]);
        return false;
    }
    *ret_words = (struct cli_args){.words = args.words, .count = found};
    return true;
}

int kv_range(const struct command *command, struct kv_range *range, struct cli_args words, struct etcd_op *op)
{
    op->key = str_of(words.words[0]);
    bool has_end = words.count > 1;
    if ((range->prefix ? 1 : 0) + (range->from_key ? 1 : 0) + (has_end ? 1 : 0) > 1) {
        return cli_usage(command, "one of --prefix, --from-key and END");
    }
    if (op->key.size == 0 && !range->prefix && !range->from_key) {
        return cli_usage(command, "a key is not empty");
    }
    if (range->prefix) {
        etcd_prefix_end(op->key, &range->end);
    } else if (range->from_key) {
        buf_add(&range->end, "", 1);
    } else if (has_end) {
        buf_str(&range->end, str_of(words.words[1]));
    }
    op->end = buf_view(&range->end);
    op->key = op->key.size == 0 ? (struct str){"", 1} : op->key; /* the first key there can be */
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

int kv_read_stdin(size_t max, struct buf *ret_bytes)
{
    char chunk[16384];
    size_t got;
    if (isatty(STDIN_FILENO)) {
        fputs("outrider: reading the standard input, which is this terminal, until Ctrl-D\n", stderr);
    }
    while ((got = fread(chunk, 1, sizeof(chunk), stdin)) > 0) {
        buf_add(ret_bytes, chunk, got);
        if (ret_bytes->size > max) {
            return cli_fail(EX_FAILED, "the standard input is more than the %zu bytes that etcd takes", max);
        }
    }
    return ferror(stdin) ? cli_fail(EX_FAILED, "the standard input cannot be read") : 0;
}

static const char *last_word(const char *name)
{
    const char *blank = strrchr(name, ' ');
    return blank == NULL ? name : blank + 1;
}

static int unknown(const struct command *command, const struct command *table, size_t count, const char *word)
{
    const char *names[8];
    size_t used = 0;
    for (; used < count && used < COUNT_OF(names); used++) {
        names[used] = last_word(table[used].name);
    }
    const char *near = cli_nearest(word, names, used, sizeof(names[0]));
    if (near == NULL) {
        return cli_usage(command, "unknown command `%s`", word);
    }
    return cli_usage(command, "unknown command `%s`: did you mean `%s`?", word, near);
}

int kv_dispatch(const struct command *command, const struct command *table, size_t count,
                struct cli_args args)
{
    struct cli_args words;
    int status;
    if (!cli_options(command, args, NULL, 0, &words, &status)) {
        return status;
    }
    if (words.count == 0) {
        return cli_usage(command, "what is to be done?");
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words.words[0], last_word(table[i].name)) == 0) {
            return table[i].run(&table[i],
                                (struct cli_args){.words = words.words + 1, .count = words.count - 1});
        }
    }
    return unknown(command, table, count, words.words[0]);
}
