#include "cmd_kv_internal.h"
#include "outrider/base/duration.h"
#include "outrider/os/entropy.h"

#include <inttypes.h>
#include <stdio.h>

enum { RETRY_MS = 1000 };

int kv_prepare_grant(struct kv *kv)
{
    const char *ttl = kv->words.words[0];
    uint64_t id;
    if (duration_parse(str_of(ttl), &kv->request.ttl_ms) < 0 || kv->request.ttl_ms == 0) {
        return cli_usage(kv->command, "`%s` is not a duration such as 30s, 5m or 1h", ttl);
    }
    entropy_fill(&id, sizeof(id));
    kv->request.lease = (int64_t)(id >> 1 | 1);
    return 0;
}

int kv_prepare_lease(struct kv *kv)
{
    kv->request.keys = kv->given->lease_keys;
    if (kv->words.count > 0 && kv_lease_parse(kv->words.words[0], &kv->request.lease) < 0) {
        return cli_usage(kv->command, "`%s` is not a lease id: hexadecimal, as `kv lease list` has it",
                         kv->words.words[0]);
    }
    return 0;
}

/* ---- printing ---- */

static int64_t seconds(int64_t ms)
{
    return ms < 0 ? -1 : ms / 1000;
}

static void print_json(struct kv *kv, const struct etcd_response *answer)
{
    struct json_writer *json = &kv->json;
    unsigned bits = kv->row->bits;
    json_write_object(json);
    if (bits == CLI_LEASE_LIST) {
        json_member_array(json, "leases");
        for (size_t i = 0; i < answer->lease_count; i++) {
            kv_json_lease(json, NULL, answer->leases[i]);
        }
        json_write_array_end(json);
    } else {
        kv_json_lease(json, "lease", kv->request.lease);
    }
    if ((bits & (CLI_LEASE_GRANT | CLI_LEASE_KEEP | CLI_LEASE_TTL)) != 0) {
        json_member_int(json, "ttl", seconds(answer->ttl_ms));
    }
    if (bits == CLI_LEASE_TTL) {
        json_member_int(json, "granted", seconds(answer->granted_ttl_ms));
    }
    if (kv->request.keys) {
        json_member_array(json, "keys");
        for (size_t i = 0; i < answer->kv_count; i++) {
            json_write_object(json);
            kv_json_bytes(json, "key", answer->kvs[i].key);
            json_write_object_end(json);
        }
        json_write_array_end(json);
    }
    json_member_int(json, "revision", answer->status.revision);
    kv_print_document(kv);
}

static void print_text(const struct kv *kv, const struct etcd_response *answer)
{
    uint64_t id = (uint64_t)kv->request.lease;
    int64_t ttl = seconds(answer->ttl_ms);
    switch (kv->row->bits) {
    case CLI_LEASE_GRANT: printf("lease %016" PRIx64 " granted with TTL(%" PRId64 "s)\n", id, ttl); break;
    case CLI_LEASE_KEEP: printf("lease %016" PRIx64 " keepalived with TTL(%" PRId64 ")\n", id, ttl); break;
    case CLI_LEASE_REVOKE: printf("lease %016" PRIx64 " revoked\n", id); break;
    case CLI_LEASE_TTL:
        printf("lease %016" PRIx64 " granted with TTL(%" PRId64 "s), remaining(%" PRId64 "s)\n", id,
               seconds(answer->granted_ttl_ms), ttl);
        for (size_t i = 0; i < answer->kv_count; i++) {
            kv_print_line(kv, answer->kvs[i].key, false);
        }
        break;
    default:
        printf("found %zu lease%s\n", answer->lease_count, answer->lease_count == 1 ? "" : "s");
        for (size_t i = 0; i < answer->lease_count; i++) {
            printf("%016" PRIx64 "\n", (uint64_t)answer->leases[i]);
        }
    }
}

int kv_print_lease(struct kv *kv, const struct etcd_response *answer)
{
    bool gone = kv->row->bits == CLI_LEASE_TTL && answer->ttl_ms < 0;
    kv->ttl_ms = answer->ttl_ms;
    if (kv->given->json) {
        print_json(kv, answer);
    } else if (!gone) {
        print_text(kv, answer);
    }
    return gone ? cli_fail(EX_FAILED, "no such lease %016" PRIx64, (uint64_t)kv->request.lease) : EX_DONE;
}

/* Until the lease is gone, or the output has no reader. While etcd fails the keepalive is retried, and the failure is
 * printed once: only etcd knows whether the lease has ended. */
int kv_run_keep(struct kv *kv)
{
    for (;;) {
        int status = kv_ask(kv);
        kv->muted = status == EX_TEMPFAIL;
        if (kv->given->once || (status != 0 && (status != EX_TEMPFAIL || kv->ttl_ms == 0))) {
            return status;
        }
        if (!kv_flush()) {
            return status != 0 ? status : EX_FAILED;
        }
        cli_pause_ms(status == 0 ? kv->ttl_ms / 3 : RETRY_MS);
    }
}
