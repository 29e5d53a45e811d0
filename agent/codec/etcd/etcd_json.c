#include "etcd_codec_internal.h"

#include "outrider/base/base64.h"

/* A page has depth 6. */
enum { DEPTH_MAX = 32 };

struct shape {
    size_t depth, values;
    bool in_string, escaped;
};

static void count_in_string(struct shape *shape, char c)
{
    if (shape->escaped) {
        shape->escaped = false;
    } else if (c == '\\') {
        shape->escaped = true;
    } else if (c == '"') {
        shape->in_string = false;
    }
}

/* jansson recurses and allocates per value: both are measured before it sees the bytes. */
static bool is_modest(struct str body, size_t values_max)
{
    struct shape shape = {0};
    for (size_t i = 0; i < body.size; i++) {
        char c = body.data[i];
        if (shape.in_string) {
            count_in_string(&shape, c);
        } else if (c == '"') {
            shape.in_string = true;
        } else if (c == '{' || c == '[') {
            shape.depth++;
            shape.values++;
        } else if (c == ',') {
            shape.values++;
        } else if ((c == '}' || c == ']') && shape.depth > 0) {
            shape.depth--;
        }
        if (shape.depth > DEPTH_MAX || shape.values > values_max) {
            return false;
        }
    }
    return true;
}

json_t *etcd_json_parse(struct str body, size_t values_max)
{
    if (body.size == 0 || body.size > ETCD_RESPONSE_PAGE_MAX || !is_modest(body, values_max)) {
        return NULL;
    }
    json_error_t ignored;
    return json_loadb(body.data, body.size, JSON_DISABLE_EOF_CHECK, &ignored);
}

int etcd_json_base64(const json_t *value, struct buf *out, size_t *ret_size)
{
    size_t before = out->size;
    if (value != NULL && !json_is_string(value)) {
        return -1;
    }
    if (base64_decode((struct str){json_string_value(value), json_string_length(value)}, out) < 0) {
        return -1;
    }
    *ret_size = out->size - before;
    return 0;
}

int etcd_json_bytes(const json_t *object, const char *key, struct buf *out, size_t *ret_size)
{
    return etcd_json_base64(json_object_get(object, key), out, ret_size);
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

int etcd_json_lease(const json_t *object, const char *key, struct registry_lease *ret_lease)
{
    int64_t id;
    if (etcd_json_i64(object, key, &id) < 0) {
        return -1;
    }
    *ret_lease = (struct registry_lease){.lo = (uint64_t)id};
    return 0;
}

int etcd_json_header(const json_t *object, struct etcd_status *status)
{
    const json_t *header = json_object_get(object, "header");
    const json_t *cluster = json_object_get(header, "cluster_id");
    if (!json_is_object(header) || etcd_json_i64(header, "revision", &status->revision) < 0) {
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
