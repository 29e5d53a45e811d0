#include "cmd_kv_internal.h"

#include "outrider/base/duration.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/os/entropy.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum { RETRY_S = 1 };

struct lease {
    struct etcd_request request;
    bool json;
    int64_t ttl_ms; /* as last answered */
    bool gone;
};

static int64_t seconds(int64_t ms)
{
    return ms < 0 ? -1 : ms / 1000;
}

static void json_id(struct json_writer *json, const char *name, int64_t id)
{
    char text[24];
    snprintf(text, sizeof(text), "%016" PRIx64, (uint64_t)id);
    if (name != NULL) {
        json_write_key(json, name);
    }
    json_write_text(json, text);
}

static void json_seconds(struct json_writer *json, const char *name, int64_t ms)
{
    json_write_key(json, name);
    json_write_int(json, seconds(ms));
}

static void json_keys(struct json_writer *json, const struct etcd_response *answer)
{
    json_write_key(json, "keys");
    json_write_array(json);
    for (size_t i = 0; i < answer->kv_count; i++) {
        json_write_object(json);
        kv_json_bytes(json, "key", answer->kvs[i].key);
        json_write_object_end(json);
    }
    json_write_array_end(json);
}

static void json_leases(struct json_writer *json, const struct etcd_response *answer)
{
    json_write_key(json, "leases");
    json_write_array(json);
    for (size_t i = 0; i < answer->lease_count; i++) {
        json_id(json, NULL, answer->leases[i]);
    }
    json_write_array_end(json);
}

static void print_json(const struct lease *lease, const struct etcd_response *answer)
{
    struct buf document = {0};
    struct json_writer json = {.out = &document};
    enum etcd_request_kind kind = lease->request.kind;
    json_write_object(&json);
    if (kind == ETCD_REQUEST_LEASES) {
        json_leases(&json, answer);
    } else {
        json_id(&json, "lease", lease->request.lease);
    }
    if (kind == ETCD_REQUEST_GRANT || kind == ETCD_REQUEST_KEEPALIVE || kind == ETCD_REQUEST_TIME_TO_LIVE) {
        json_seconds(&json, "ttl", answer->ttl_ms);
    }
    if (kind == ETCD_REQUEST_TIME_TO_LIVE) {
        json_seconds(&json, "granted", answer->granted_ttl_ms);
    }
    if (lease->request.keys) {
        json_keys(&json, answer);
    }
    json_write_key(&json, "revision");
    json_write_int(&json, answer->status.revision);
    json_write_object_end(&json);
    kv_print_json(&document);
    buf_fini(&document);
}

static void print_time_to_live(const struct lease *lease, const struct etcd_response *answer)
{
    if (answer->ttl_ms < 0) {
        return; /* run() reports it */
    }
    printf("lease %016" PRIx64 " granted with TTL(%" PRId64 "s), remaining(%" PRId64 "s)\n",
           (uint64_t)lease->request.lease, seconds(answer->granted_ttl_ms), seconds(answer->ttl_ms));
    for (size_t i = 0; i < answer->kv_count; i++) {
        kv_print_line(answer->kvs[i].key);
    }
}

static void print_text(const struct lease *lease, const struct etcd_response *answer)
{
    uint64_t id = (uint64_t)lease->request.lease;
    switch (lease->request.kind) {
    case ETCD_REQUEST_GRANT:
        printf("lease %016" PRIx64 " granted with TTL(%" PRId64 "s)\n", id, seconds(answer->ttl_ms));
        break;
    case ETCD_REQUEST_KEEPALIVE:
        printf("lease %016" PRIx64 " keepalived with TTL(%" PRId64 ")\n", id, seconds(answer->ttl_ms));
        break;
    case ETCD_REQUEST_REVOKE: printf("lease %016" PRIx64 " revoked\n", id); break;
    case ETCD_REQUEST_TIME_TO_LIVE: print_time_to_live(lease, answer); break;
    case ETCD_REQUEST_LEASES:
        printf("found %zu leases\n", answer->lease_count);
        for (size_t i = 0; i < answer->lease_count; i++) {
            printf("%016" PRIx64 "\n", (uint64_t)answer->leases[i]);
        }
        break;
    case ETCD_REQUEST_OP:
    case ETCD_REQUEST_TXN:
    case ETCD_REQUEST_COUNT: break;
    }
}

static void on_answer(const struct etcd_response *answer, void *user)
{
    struct lease *lease = user;
    lease->ttl_ms = answer->ttl_ms;
    lease->gone = lease->request.kind == ETCD_REQUEST_TIME_TO_LIVE && lease->ttl_ms < 0;
    if (lease->json) {
        print_json(lease, answer);
    } else {
        print_text(lease, answer);
    }
}

static int run(const struct kv_options *options, struct lease *lease)
{
    struct kv kv;
    int status = kv_open(&kv, options);
    if (status == 0) {
        lease->json = options->json;
        status = kv_request(&kv, &lease->request, on_answer, lease);
        kv_close(&kv);
    }
    if (status == 0 && lease->gone) {
        status = cli_fail(EX_FAILED, "no such lease %016" PRIx64, (uint64_t)lease->request.lease);
    }
    return status;
}

/* ---- the commands ---- */

static bool take_words(const struct command *command, struct cli_args args, struct kv_options *common,
                       const char *flag_name, bool *flag, size_t count, struct cli_args *ret_words,
                       int *ret_exit)
{
    const struct cli_option options[] = {
        {"--config", 'c', &common->config, NULL},
        {"--json", 0, NULL, &common->json},
        {flag_name, 0, NULL, flag},
    };
    return kv_words(command, args, options, flag_name == NULL ? 2 : 3, count, count, ret_words, ret_exit);
}

static int take_id(const struct command *command, struct cli_args args, struct kv_options *common,
                   const char *flag_name, bool *flag, int64_t *ret_lease)
{
    struct cli_args words;
    int status;
    if (!take_words(command, args, common, flag_name, flag, 1, &words, &status)) {
        return status == 0 ? -1 : status;
    }
    if (kv_lease_parse(words.words[0], ret_lease) < 0) {
        return cli_usage(command, "`%s` is not a lease id: hexadecimal, as `kv lease list` has it",
                         words.words[0]);
    }
    return 0;
}

static int cmd_grant(const struct command *command, struct cli_args args)
{
    struct kv_options common = {0};
    struct lease lease = {.request.kind = ETCD_REQUEST_GRANT};
    struct cli_args words;
    int status;
    if (!take_words(command, args, &common, NULL, NULL, 1, &words, &status)) {
        return status;
    }
    if (duration_parse(str_of(words.words[0]), &lease.request.ttl_ms) < 0 || lease.request.ttl_ms == 0) {
        return cli_usage(command, "`%s` is not a duration such as 30s, 5m or 1h", words.words[0]);
    }
    uint64_t id;
    entropy_fill(&id, sizeof(id));
    lease.request.lease = (int64_t)(id >> 1 | 1);
    return run(&common, &lease);
}

/* take_id returns -1 after --help. */
static int on_id(const struct command *command, struct cli_args args, enum etcd_request_kind kind,
                 const char *flag_name)
{
    struct kv_options common = {0};
    struct lease lease = {.request.kind = kind};
    int status = take_id(command, args, &common, flag_name, &lease.request.keys, &lease.request.lease);
    return status != 0 ? (status < 0 ? EX_DONE : status) : run(&common, &lease);
}

static int cmd_revoke(const struct command *command, struct cli_args args)
{
    return on_id(command, args, ETCD_REQUEST_REVOKE, NULL);
}

static int cmd_time_to_live(const struct command *command, struct cli_args args)
{
    return on_id(command, args, ETCD_REQUEST_TIME_TO_LIVE, "--keys");
}

static int cmd_list(const struct command *command, struct cli_args args)
{
    struct kv_options common = {0};
    struct lease lease = {.request.kind = ETCD_REQUEST_LEASES};
    struct cli_args words;
    int status;
    return take_words(command, args, &common, NULL, NULL, 0, &words, &status) ? run(&common, &lease) : status;
}

static void pause_ms(int64_t ms)
{
    struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&span, &span) < 0) {
    }
}

/* Until the lease is gone, or the output has no reader. While etcd fails the keepalive is retried, and the failure is
 * printed once: only etcd knows whether the lease has ended. */
static int keep(struct kv *kv, struct lease *lease)
{
    for (;;) {
        int status = kv_request(kv, &lease->request, on_answer, lease);
        kv->muted = status == EX_TEMPFAIL;
        if ((status != 0 && (status != EX_TEMPFAIL || lease->ttl_ms == 0)) || !kv_flush()) {
            return status != 0 ? status : EX_FAILED;
        }
        pause_ms(status == 0 ? lease->ttl_ms / 3 : RETRY_S * 1000);
    }
}

static int cmd_keep_alive(const struct command *command, struct cli_args args)
{
    struct kv_options common = {0};
    struct lease lease = {.request.kind = ETCD_REQUEST_KEEPALIVE};
    bool once = false;
    int status = take_id(command, args, &common, "--once", &once, &lease.request.lease);
    if (status != 0) {
        return status < 0 ? EX_DONE : status;
    }
    if (once) {
        return run(&common, &lease);
    }
    struct kv kv;
    status = kv_open(&kv, &common);
    if (status == 0) {
        lease.json = common.json;
        status = keep(&kv, &lease);
        kv_close(&kv);
    }
    return status;
}

static const struct command table[] = {
    {"kv lease grant", "[--json] [-c FILE] TTL", "grant a lease", "", cmd_grant},
    {"kv lease revoke", "[--json] [-c FILE] ID", "end a lease and delete its keys", "", cmd_revoke},
    {"kv lease timetolive", "[--keys] [--json] [-c FILE] ID", "print the time left of a lease", "",
     cmd_time_to_live},
    {"kv lease keep-alive", "[--once] [--json] [-c FILE] ID", "renew a lease", "", cmd_keep_alive},
    {"kv lease list", "[--json] [-c FILE]", "list all leases", "", cmd_list},
};

int cmd_kv_lease(const struct command *command, struct cli_args args)
{
    return kv_dispatch(command, table, COUNT_OF(table), args);
}
