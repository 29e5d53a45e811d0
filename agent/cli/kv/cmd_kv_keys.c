/* get, put, del and txn. */
#include "cmd_kv_internal.h"
#include "outrider/base/error.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- get ---- */

int kv_prepare_get(struct kv *kv)
{
    struct etcd_op *op = &kv->request.op;
    op->keys_only = kv->given->keys_only;
    op->count_only = kv->given->count_only;
    kv->pages.left = INT64_MAX;
    int status = kv_take_number(kv, "--limit", kv->given->limit, &kv->pages.left);
    status = status != 0 ? status : kv_take_number(kv, "--rev", kv->given->revision, &op->revision);
    return status != 0 ? status : kv_take_range(kv);
}

int kv_print_page(struct kv *kv, const struct etcd_response *answer)
{
    const struct etcd_result *result = &answer->results[0];
    if (kv->pages.seen == 0) {
        kv->pages.revision = answer->status.revision;
        kv->pages.count = result->count;
    }
    for (size_t i = 0; i < answer->kv_count; i++) {
        kv_print(kv, &answer->kvs[i]);
    }
    kv->pages.seen += answer->kv_count;
    kv->pages.left -= kv->pages.left == INT64_MAX ? 0 : (int64_t)answer->kv_count;
    kv->pages.more = result->more && answer->kv_count > 0 && kv->pages.left > 0;
    if (kv->pages.more) {
        buf_clear(&kv->pages.next);
        buf_str(&kv->pages.next, answer->kvs[answer->kv_count - 1].key);
        buf_add(&kv->pages.next, "", 1); /* the next key there can be */
    }
    return EX_DONE;
}

/* Page after page, all as the store was at the first one's revision. */
int kv_run_get(struct kv *kv)
{
    struct etcd_op *op = &kv->request.op;
    struct str asked = op->key;
    int status;
    json_write_object(&kv->json);
    json_member_array(&kv->json, "kvs");
    do {
        op->limit = kv->pages.left < ETCD_PAGE_MAX ? kv->pages.left : ETCD_PAGE_MAX;
        status = kv_ask(kv);
        op->key = buf_view(&kv->pages.next);
        op->revision = op->revision == 0 ? kv->pages.revision : op->revision;
    } while (status == 0 && kv->pages.more && kv_flush());
    if (status != 0) {
        return status;
    }
    if (kv->given->json) {
        json_write_array_end(&kv->json);
        json_member_int(&kv->json, "count", kv->pages.count);
        json_member_int(&kv->json, "revision", kv->pages.revision);
        kv_print_document(kv);
    } else if (kv->given->count_only) {
        printf("%" PRId64 "\n", kv->pages.count);
    } else if (op->end.size == 0 && kv->pages.seen == 0) {
        bool folder = asked.size > 0 && asked.data[asked.size - 1] == '/';
        return cli_fail(EX_FAILED, "no such key `%.*s`%s", STR_ARG(asked),
                        folder ? "; --prefix reads all keys below it" : "");
    }
    return EX_DONE;
}

/* ---- put and del ---- */

int kv_prepare_put(struct kv *kv)
{
    const char *key = kv->words.words[0], *value = kv->words.words[1], *lease = kv->given->lease;
    struct etcd_op *op = &kv->request.op;
    op->key = str_of(key);
    op->previous = kv->given->previous;
    if (key[0] == '\0') {
        return cli_usage(kv->command, "a key is not empty");
    }
    if (lease != NULL && kv_lease_parse(lease, &op->lease) < 0) {
        return cli_usage(kv->command, "--lease: `%s` is not a lease id, hexadecimal as `kv lease` has it",
                         lease);
    }
    bool piped = strcmp(value, "-") == 0;
    int status = piped ? kv_read_stdin(kv) : 0;
    op->value = piped ? buf_view(&kv->bytes) : str_of(value);
    return status;
}

int kv_prepare_del(struct kv *kv)
{
    kv->request.op.previous = kv->given->previous;
    /* A script does this when its variable is unset. */
    if (kv->given->prefix && kv->words.words[0][0] == '\0') {
        return cli_usage(kv->command, "an empty prefix matches every key: use `--from-key \"\"` for that");
    }
    return kv_take_range(kv);
}

int kv_print_change(struct kv *kv, const struct etcd_response *answer)
{
    if (kv->given->json) {
        json_write_object(&kv->json);
        json_member_int(&kv->json, "revision", answer->status.revision);
        json_write_key(&kv->json, "result");
    }
    kv_print_result(kv, answer, &answer->results[0]);
    if (kv->given->json) {
        kv_print_document(kv);
    }
    return EX_DONE;
}

/* ---- txn ---- */

int kv_prepare_txn(struct kv *kv)
{
    struct error err;
    int status = kv_read_stdin(kv);
    if (status == 0 && kv_script_parse(&kv->script, buf_view(&kv->bytes), &err) < 0) {
        status = cli_fail(EX_USAGE, "kv txn: %s", err.text);
    }
    kv->request.txn = kv->script.txn;
    return status;
}

int kv_print_txn(struct kv *kv, const struct etcd_response *answer)
{
    bool succeeded = answer->succeeded;
    if (kv->given->json) {
        json_write_object(&kv->json);
        json_member_int(&kv->json, "revision", answer->status.revision);
        json_member_bool(&kv->json, "succeeded", succeeded);
        json_member_array(&kv->json, "results");
    } else {
        puts(succeeded ? "SUCCESS" : "FAILURE");
    }
    for (size_t i = 0; i < answer->result_count; i++) {
        if (!kv->given->json) {
            putchar('\n');
        }
        kv_print_result(kv, answer, &answer->results[i]);
    }
    if (kv->given->json) {
        json_write_array_end(&kv->json);
        kv_print_document(kv);
    }
    return succeeded ? EX_DONE : EX_FAILED;
}
