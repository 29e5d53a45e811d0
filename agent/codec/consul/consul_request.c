#include "outrider/codec/consul/consul_request.h"

#include "outrider/base/base64.h"
#include "outrider/codec/json/json_write.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- keys ---- */

struct str consul_key(struct str key)
{
    return key.size > 0 && key.data[0] == '/' ? (struct str){key.data + 1, key.size - 1} : key;
}

struct registry_range consul_range(struct registry_range range)
{
    bool beyond =
        range.key.size > 0 && range.key.data[0] == '/' && range.end.size > 0 && range.end.data[0] > '/';
    return (struct registry_range){.key = consul_key(range.key),
                                   .end = beyond ? STR("\0") : consul_key(range.end)};
}

/* Consul's HTTP server redirects a path with such an element to another one. */
static bool is_odd_element(struct str element)
{
    return element.size == 0 || str_eq(element, STR(".")) || str_eq(element, STR(".."));
}

const char *consul_prefix_problem(struct str prefix)
{
    if (!str_is_utf8(prefix) ||
        memchr(prefix.size > 0 ? prefix.data : "x", '\0', prefix.size > 0 ? prefix.size : 1) != NULL) {
        return "a key of Consul is UTF-8 without NUL";
    }
    for (struct str rest = prefix; rest.size > 0;) {
        bool last = memchr(rest.data, '/', rest.size) == NULL;
        struct str element = str_split(rest, '/', &rest);
        if (!last && is_odd_element(element)) {
            return "a key of Consul has no element that is empty, `.` or `..`: its path would be another one";
        }
        if (last && (str_eq(element, STR(".")) || str_eq(element, STR("..")))) {
            return "a key of Consul does not end with an element `.` or `..`: its path would be another one";
        }
    }
    return NULL;
}

const char *consul_key_problem(struct str key)
{
    return key.size == 0 ? "a key is empty" : consul_prefix_problem(key);
}

struct str consul_range_prefix(struct str key, struct str end)
{
    size_t same = 0;
    if (str_eq(end, STR("\0"))) {
        return (struct str){key.data, 0};
    }
    while (same < key.size && same < end.size && key.data[same] == end.data[same]) {
        same++;
    }
    /* "services/x" to "services0": the end is right behind all that begins with "services/" */
    if (same < key.size && end.size == same + 1 &&
        (unsigned char)end.data[same] == (unsigned char)key.data[same] + 1) {
        same++;
    }
    while (same > 0 && !str_is_utf8((struct str){key.data, same})) {
        same--;
    }
    return (struct str){key.data, same};
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr("-._~/", c) != NULL;
}

void consul_path_encode(struct str key, struct buf *out)
{
    buf_str(out, STR("/v1/kv/"));
    for (size_t i = 0; i < key.size; i++) {
        if (key.data[i] != '\0' && is_plain(key.data[i])) {
            buf_add(out, &key.data[i], 1);
        } else {
            buf_printf(out, "%%%02X", (unsigned char)key.data[i]);
        }
    }
}

/* ---- sessions ---- */

const char *consul_session_text(struct registry_lease session, char text[static CONSUL_SESSION_SIZE])
{
    snprintf(text, CONSUL_SESSION_SIZE, "%08" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%012" PRIx64,
             session.hi >> 32, session.hi >> 16 & 0xffff, session.hi & 0xffff, session.lo >> 48,
             session.lo & UINT64_C(0xffffffffffff));
    return text;
}

int consul_session_parse(struct str text, struct registry_lease *ret_session)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    struct registry_lease session = {0};
    if (text.size != sizeof(form) - 1) {
        return -1;
    }
    for (size_t i = 0; i < text.size; i++) {
        int digit = hex_value(text.data[i]);
        if (form[i] == '-' ? text.data[i] != '-' : digit < 0) {
            return -1;
        }
        if (form[i] != '-') {
            session.hi = session.hi << 4 | session.lo >> 60;
            session.lo = session.lo << 4 | (unsigned)digit;
        }
    }
    if (registry_lease_is_none(session)) {
        return -1;
    }
    *ret_session = session;
    return 0;
}

void consul_session_encode(struct str name, struct str node, int64_t ttl_ms, struct buf *out)
{
    char ttl[32];
    struct json_writer json = {.out = out};
    snprintf(ttl, sizeof(ttl), "%" PRId64 "s", ttl_ms / 1000 + (ttl_ms % 1000 > 0 ? 1 : 0));
    json_write_object(&json);
    json_member_string(&json, "Name", name);
    json_member_string(&json, "Node", node);
    json_member_text(&json, "TTL", ttl);
    json_member_text(&json, "LockDelay", "0s");
    json_member_text(&json, "Behavior", "delete");
    json_member_array(&json, "Checks");
    json_write_array_end(&json);
    json_write_object_end(&json);
}

/* ---- transactions ---- */

static bool has_value(enum consul_verb verb)
{
    return verb == CONSUL_SET || verb == CONSUL_CAS || verb == CONSUL_LOCK || verb == CONSUL_UNLOCK;
}

static void encode_op(const struct consul_op *op, struct json_writer *json)
{
    static const char *const verbs[CONSUL_VERB_COUNT] = {
        "get", "get-tree", "check-index", "check-not-exists", "set", "cas", "lock", "unlock", "delete"};
    char session[CONSUL_SESSION_SIZE];
    json_write_object(json);
    json_member_object(json, "KV");
    json_member_text(json, "Verb", verbs[op->verb]);
    json_member_string(json, "Key", op->key);
    if (has_value(op->verb)) {
        json_write_key(json, "Value");
        buf_str(json->out, STR("\""));
        base64_encode(op->value, json->out);
        buf_str(json->out, STR("\""));
        json->more = true;
    }
    if (op->verb == CONSUL_CHECK_INDEX || op->verb == CONSUL_CAS) {
        json_member_int(json, "Index", op->index);
    }
    if (op->verb == CONSUL_LOCK || op->verb == CONSUL_UNLOCK) {
        json_member_text(json, "Session", consul_session_text(op->session, session));
    }
    json_write_object_end(json);
    json_write_object_end(json);
}

void consul_txn_encode(const struct consul_op *ops, size_t count, struct str more, struct buf *out)
{
    struct json_writer json = {.out = out};
    json_write_array(&json);
    for (size_t i = 0; i < count; i++) {
        encode_op(&ops[i], &json);
    }
    if (more.size > 0) {
        json_write_raw(&json, more);
    }
    json_write_array_end(&json);
}
