#include "etcd_codec_internal.h"

#include "outrider/base/base64.h"
#include "outrider/codec/json/json_read.h"

json_t *etcd_json_parse(struct str body, size_t values_max)
{
    if (body.size == 0 || body.size > ETCD_RESPONSE_PAGE_MAX || !json_is_modest(body, values_max)) {
        return NULL;
    }
    json_error_t ignored;
    return json_loadb(body.data, body.size, JSON_DISABLE_EOF_CHECK, &ignored);
}

int etcd_json_bytes(const json_t *value, struct buf *out, size_t *ret_size)
{
    size_t before = out->size;
    struct str text = {json_string_value(value), json_string_length(value)};
    if ((value != NULL && !json_is_string(value)) || base64_decode(text, out) < 0) {
        return -1;
    }
    *ret_size = out->size - before;
    return 0;
}

int etcd_json_i64(const json_t *object, const char *key, int64_t *ret_value)
{
    const json_t *value = json_object_get(object, key);
    if (value == NULL || json_is_null(value)) {
        *ret_value = 0;
        return 0;
    }
    if (json_is_integer(value)) {
        *ret_value = json_integer_value(value);
        return 0;
    }
    if (!json_is_string(value)) {
        return -1;
    }
    return str_to_i64((struct str){json_string_value(value), json_string_length(value)}, ret_value);
}

int etcd_json_revision(const json_t *object, const char *key, int64_t *ret_value)
{
    int64_t value;
    if (etcd_json_i64(object, key, &value) < 0 || value < 0 || value > REGISTRY_REVISION_MAX) {
        return -1;
    }
    *ret_value = value;
    return 0;
}

int etcd_json_header(const json_t *object, struct etcd_status *status)
{
    const json_t *header = json_object_get(object, "header");
    const json_t *cluster = json_object_get(header, "cluster_id");
    if (!json_is_object(header) || etcd_json_revision(header, "revision", &status->revision) < 0) {
        return -1;
    }
    /* unsigned and often above 2^63, hence not read as the signed numbers are */
    if (json_is_string(cluster)) {
        return str_to_u64((struct str){json_string_value(cluster), json_string_length(cluster)}, UINT64_MAX,
                          &status->cluster);
    }
    status->cluster = (uint64_t)json_integer_value(cluster);
    return 0;
}
