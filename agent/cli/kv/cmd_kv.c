/* The commands of kv: the way of each from its words to the registry and back. */
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

/* ---- words and options ---- */

int kv_take_range(struct kv *kv)
{
    const struct cli_given *given = kv->given;
    struct etcd_op *op = &kv->request.op;
    bool has_end = kv->words.count > 1;
    op->key = str_of(kv->words.words[0]);
    if ((given->prefix ? 1 : 0) + (given->from_key ? 1 : 0) + (has_end ? 1 : 0) > 1) {
        return cli_usage(kv->command, "one of --prefix, --from-key and END");
    }
    if (op->key.size == 0 && !given->prefix && !given->from_key) {
        return cli_usage(kv->command, "a key is not empty");
    }
    if (given->prefix) {
        etcd_prefix_end(op->key, &kv->bytes);
    } else if (given->from_key) {
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
                 {"registry.consul.token_file", registry->consul.token_file},
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
    buf_str(&text, str_of(registry_access_remedy(buf_text(&text))));
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
    timeout_ms = timeout_ms > REQUEST_MS ? timeout_ms : REQUEST_MS;
    if (kv->etcd == NULL) {
        return kv_ask_registry(kv, timeout_ms);
    }
    kv->answered = false;
    etcd_client_send(kv->etcd, 1, &kv->request, timeout_ms, on_answer, kv);
    while (!kv->answered) {
        loop_turn_once(kv->access.loop, true);
    }
    return kv->status;
}

/* ---- the command ---- */

static const struct kv_row *find_row(unsigned bits)
{
    static const struct kv_row rows[] = {
        {CLI_KV_GET, {.op.kind = ETCD_GET}, kv_prepare_get, kv_print_page, kv_run_get},
        {CLI_KV_PUT, {.op.kind = ETCD_PUT}, kv_prepare_put, kv_print_change, kv_ask},
        {CLI_KV_DEL, {.op.kind = ETCD_DELETE}, kv_prepare_del, kv_print_change, kv_ask},
        {CLI_KV_TXN, {.kind = ETCD_REQUEST_TXN}, kv_prepare_txn, kv_print_txn, kv_ask},
        {CLI_KV_WATCH, {.op.kind = ETCD_GET}, kv_prepare_watch, NULL, kv_run_watch},
        {CLI_LEASE_GRANT, {.kind = ETCD_REQUEST_GRANT}, kv_prepare_grant, kv_print_lease, kv_ask},
        {CLI_LEASE_REVOKE, {.kind = ETCD_REQUEST_REVOKE}, kv_prepare_lease, kv_print_lease, kv_ask},
        {CLI_LEASE_TTL, {.kind = ETCD_REQUEST_TIME_TO_LIVE}, kv_prepare_lease, kv_print_lease, kv_ask},
        {CLI_LEASE_KEEP, {.kind = ETCD_REQUEST_KEEPALIVE}, kv_prepare_lease, kv_print_lease, kv_run_keep},
        {CLI_KV_LOCK, {.kind = ETCD_REQUEST_GRANT}, kv_prepare_lock, NULL, kv_run_lock},
        {CLI_LEASE_LIST, {.kind = ETCD_REQUEST_LEASES}, kv_prepare_lease, kv_print_lease, kv_ask},
    };
    size_t i = 0;
    while (rows[i].bits != bits) { /* the table of commands names no other */
        i++;
    }
    return &rows[i];
}

/* etcd's own client does more than the interface of all registries. */
static void open_registry(struct kv *kv)
{
    const struct config_registry *config = &kv->config->registry;
    if (config->backend == CONFIG_BACKEND_ETCD) {
        kv->etcd = etcd_new(config, kv->access.loop, kv->access.http, NULL);
        kv->registry = etcd_registry(kv->etcd);
    } else {
        kv->registry = registry_access_new(&kv->access, config);
    }
}

static int run(struct kv *kv)
{
    int status = kv->row->prepare(kv);
    if (status != 0) {
        return status;
    }
    kv->config = config_file_load(config_file_path(kv->given->config), NULL);
    status = kv->config == NULL ? EX_CONFIG : check_files(&kv->config->registry);
    if (status == 0 && (status = registry_access_open(&kv->access, &kv->config->registry)) == 0) {
        open_registry(kv);
        status = kv->row->run(kv);
        registry_free(kv->registry);
        registry_access_close(&kv->access);
    }
    return status;
}

int cmd_kv(const struct cli_line *line)
{
    const struct kv_row *row = find_row(line->command->bits);
    struct kv kv = {.row = row,
                    .command = line->command,
                    .words = line->words,
                    .given = &line->given,
                    .request = row->request,
                    .escapes = !line->given.raw && isatty(STDOUT_FILENO) != 0,
                    .json.out = &kv.document};
    int status = run(&kv);
    config_fini(kv.config);
    free(kv.config);
    buf_fini(&kv.bytes);
    kv_script_fini(&kv.script);
    buf_fini(&kv.document);
    buf_fini(&kv.pages.next);
    return status;
}
