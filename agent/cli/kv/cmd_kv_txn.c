#include "cmd_kv_internal.h"
#include "cmd_kv_script_internal.h"
#include "outrider/base/error.h"
#include "outrider/codec/json/json_write.h"

#include <stdio.h>

enum { STDIN_MAX = 16 * 1024 * 1024 };

struct outcome {
    bool json, succeeded;
};

static void print_json(const struct etcd_response *answer)
{
    struct buf document = {0};
    struct json_writer json = {.out = &document};
    json_write_object(&json);
    json_write_key(&json, "revision");
    json_write_int(&json, answer->status.revision);
    json_write_key(&json, "succeeded");
    json_write_bool(&json, answer->succeeded);
    json_write_key(&json, "results");
    json_write_array(&json);
    for (size_t i = 0; i < answer->result_count; i++) {
        kv_json_result(&json, answer, &answer->results[i]);
    }
    json_write_array_end(&json);
    json_write_object_end(&json);
    kv_print_json(&document);
    buf_fini(&document);
}

static void on_answer(const struct etcd_response *answer, void *user)
{
    struct outcome *outcome = user;
    outcome->succeeded = answer->succeeded;
    if (outcome->json) {
        print_json(answer);
        return;
    }
    puts(outcome->succeeded ? "SUCCESS" : "FAILURE");
    for (size_t i = 0; i < answer->result_count; i++) {
        putchar('\n');
        kv_print_result(answer, &answer->results[i]);
    }
}

static int run(const struct kv_options *options, const struct etcd_txn *txn)
{
    struct kv kv;
    struct outcome outcome = {.json = options->json};
    int status = kv_open(&kv, options);
    if (status != 0) {
        return status;
    }
    status =
        kv_request(&kv, &(struct etcd_request){.kind = ETCD_REQUEST_TXN, .txn = *txn}, on_answer, &outcome);
    kv_close(&kv);
    return status == 0 && !outcome.succeeded ? EX_FAILED : status;
}

int cmd_kv_txn(const struct command *command, struct cli_args args)
{
    struct kv_options common = {0};
    const struct cli_option options[] = {
        {"--config", 'c', &common.config, NULL},
        {"--json", 0, NULL, &common.json},
    };
    int status;
    struct cli_args words;
    if (!kv_words(command, args, options, COUNT_OF(options), 0, 0, &words, &status)) {
        return status;
    }
    struct error err;
    struct buf text = {0};
    struct kv_script script = {0};
    status = kv_read_stdin(STDIN_MAX, &text);
    if (status == 0 && kv_script_parse(&script, buf_view(&text), &err) < 0) {
        status = cli_fail(EX_USAGE, "kv txn: %s", err.text);
    }
    status = status != 0 ? status : run(&common, &script.txn);
    kv_script_fini(&script);
    buf_fini(&text);
    return status;
}
