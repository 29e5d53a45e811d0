#include "cmd_kv_internal.h"
#include "outrider/base/base64.h"
#include "outrider/codec/json/json_write.h"

#include <inttypes.h>
#include <stdio.h>

void kv_print_line(struct str bytes)
{
    if (bytes.size > 0) {
        fwrite(bytes.data, 1, bytes.size, stdout);
    }
    putchar('\n');
}

void kv_print(const struct etcd_kv *kv)
{
    kv_print_line(kv->key);
    kv_print_line(kv->value);
}

void kv_json_bytes(struct json_writer *json, const char *name, struct str bytes)
{
    if (str_is_utf8(bytes)) {
        json_write_key(json, name);
        json_write_string(json, bytes);
        return;
    }
    struct buf text = {0};
    char key[32];
    snprintf(key, sizeof(key), "%sBase64", name);
    base64_encode(bytes, &text);
    json_write_key(json, key);
    json_write_string(json, buf_view(&text));
    buf_fini(&text);
}

static void json_number(struct json_writer *json, const char *name, int64_t number)
{
    json_write_key(json, name);
    json_write_int(json, number);
}

void kv_json(struct json_writer *json, const struct etcd_kv *kv)
{
    json_write_object(json);
    kv_json_bytes(json, "key", kv->key);
    kv_json_bytes(json, "value", kv->value);
    json_number(json, "createRevision", kv->create_revision);
    json_number(json, "modRevision", kv->mod_revision);
    json_number(json, "version", kv->version);
    if (kv->lease != 0) {
        char lease[24];
        snprintf(lease, sizeof(lease), "%016" PRIx64, (uint64_t)kv->lease);
        json_member_text_if(json, "lease", lease);
    }
    json_write_object_end(json);
}

void kv_print_result(const struct etcd_response *answer, const struct etcd_result *result)
{
    if (result->kind == ETCD_PUT) {
        puts("OK");
    } else if (result->kind == ETCD_DELETE) {
        printf("%" PRId64 "\n", result->count);
    }
    for (size_t i = 0; i < result->kv_count; i++) {
        kv_print(&answer->kvs[result->first + i]);
    }
}

void kv_json_result(struct json_writer *json, const struct etcd_response *answer,
                    const struct etcd_result *result)
{
    static const char *const names[] = {[ETCD_GET] = "get", [ETCD_PUT] = "put", [ETCD_DELETE] = "del"};
    static const char *const counts[] = {[ETCD_GET] = "count", [ETCD_PUT] = NULL, [ETCD_DELETE] = "deleted"};
    static const char *const kvs[] = {[ETCD_GET] = "kvs", [ETCD_PUT] = "before", [ETCD_DELETE] = "before"};
    json_write_object(json);
    json_member_text_if(json, "op", names[result->kind]);
    if (counts[result->kind] != NULL) {
        json_number(json, counts[result->kind], result->count);
    }
    if (result->kind == ETCD_GET || result->kv_count > 0) {
        json_write_key(json, kvs[result->kind]);
        json_write_array(json);
        for (size_t i = 0; i < result->kv_count; i++) {
            kv_json(json, &answer->kvs[result->first + i]);
        }
        json_write_array_end(json);
    }
    json_write_object_end(json);
}

void kv_print_json(struct buf *document)
{
    kv_print_line(buf_view(document));
    buf_clear(document);
}

bool kv_flush(void)
{
    return fflush(stdout) == 0 && !ferror(stdout);
}
