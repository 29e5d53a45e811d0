#include "cmd_kv_internal.h"
#include "outrider/base/base64.h"
#include "outrider/codec/text/printable.h"

#include <inttypes.h>
#include <stdio.h>

void kv_print_line(const struct kv *kv, struct str bytes, bool lines)
{
    struct buf shown = {0};
    if (kv->escapes) {
        printable_escape(&shown, bytes, lines);
        bytes = buf_view(&shown);
    }
    if (bytes.size > 0) {
        fwrite(bytes.data, 1, bytes.size, stdout);
    }
    putchar('\n');
    buf_fini(&shown);
}

void kv_json_bytes(struct json_writer *json, const char *name, struct str bytes)
{
    if (str_is_utf8(bytes)) {
        json_member_string(json, name, bytes);
        return;
    }
    struct buf text = {0};
    char key[32];
    snprintf(key, sizeof(key), "%sBase64", name);
    base64_encode(bytes, &text);
    json_member_string(json, key, buf_view(&text));
    buf_fini(&text);
}

void kv_json_lease(struct json_writer *json, const char *name, int64_t lease)
{
    char text[24];
    snprintf(text, sizeof(text), "%016" PRIx64, (uint64_t)lease);
    if (name != NULL) {
        json_write_key(json, name);
    }
    json_write_text(json, text);
}

void kv_print(struct kv *kv, const struct etcd_kv *found)
{
    struct json_writer *json = &kv->json;
    if (!kv->given->json) {
        if (!kv->given->values_only) {
            kv_print_line(kv, found->key, false);
        }
        if (!kv->given->keys_only) {
            kv_print_line(kv, found->value, true);
        }
        return;
    }
    json_write_object(json);
    kv_json_bytes(json, "key", found->key);
    kv_json_bytes(json, "value", found->value);
    json_member_int(json, "createRevision", found->create_revision);
    json_member_int(json, "modRevision", found->mod_revision);
    if (found->version != 0) { /* only etcd counts */
        json_member_int(json, "version", found->version);
    }
    if (found->lease != 0) {
        kv_json_lease(json, "lease", found->lease);
    }
    json_write_object_end(json);
}

void kv_print_result(struct kv *kv, const struct etcd_response *answer, const struct etcd_result *result)
{
    static const struct {
        const char *op, *count, *kvs;
    } names[] = {[ETCD_GET] = {"get", "count", "kvs"},
                 [ETCD_PUT] = {"put", NULL, "before"},
                 [ETCD_DELETE] = {"del", "deleted", "before"}};
    bool lists = kv->given->json && (result->kind == ETCD_GET || result->kv_count > 0);
    if (kv->given->json) {
        json_write_object(&kv->json);
        json_member_text(&kv->json, "op", names[result->kind].op);
        if (names[result->kind].count != NULL) {
            json_member_int(&kv->json, names[result->kind].count, result->count);
        }
    } else if (result->kind == ETCD_PUT) {
        puts("OK");
    } else if (result->kind == ETCD_DELETE) {
        printf("%" PRId64 "\n", result->count);
    }
    if (lists) {
        json_member_array(&kv->json, names[result->kind].kvs);
    }
    for (size_t i = 0; i < result->kv_count; i++) {
        kv_print(kv, &answer->kvs[result->first + i]);
    }
    if (lists) {
        json_write_array_end(&kv->json);
    }
    if (kv->given->json) {
        json_write_object_end(&kv->json);
    }
}

void kv_print_document(struct kv *kv)
{
    json_write_object_end(&kv->json);
    kv_print_line(kv, buf_view(&kv->document), true);
    buf_clear(&kv->document);
    kv->json.more = false;
}

bool kv_flush(void)
{
    return fflush(stdout) == 0 && !ferror(stdout);
}
