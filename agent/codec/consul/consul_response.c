/* Keys, transactions, sessions. */
#include "consul_codec_internal.h"

#include "outrider/base/base64.h"
#include "outrider/base/brief.h"
#include "outrider/base/mem.h"
#include "outrider/codec/json/json_read.h"

#include <stdlib.h>
#include <strings.h>

/* Values in a body: about ten for each key. */
enum { VALUES_MAX = 2 * 1000 * 1000 };

json_t *consul_json_parse(struct str body)
{
    json_error_t ignored;
    if (body.size == 0 || body.size > CONSUL_LISTING_MAX || !json_is_modest(body, VALUES_MAX)) {
        return NULL;
    }
    return json_loadb(body.data, body.size, JSON_DECODE_ANY, &ignored);
}

struct str consul_json_text(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_string(value) ? (struct str){json_string_value(value), json_string_length(value)}
                                 : STR("");
}

static bool is_none(const json_t *value)
{
    return value == NULL || json_is_null(value);
}

/* ---- keys ---- */

void consul_kvs_fini(struct consul_kvs *kvs)
{
    free(kvs->list);
    buf_fini(&kvs->bytes);
    *kvs = (struct consul_kvs){0};
}

static int read_index(const json_t *object, const char *key, int64_t *ret_index)
{
    const json_t *value = json_object_get(object, key);
    int64_t index = json_integer_value(value);
    if (!json_is_integer(value) || index <= 0 || index > REGISTRY_REVISION_MAX) {
        return -1;
    }
    *ret_index = index;
    return 0;
}

int consul_kv_read(const json_t *object, struct consul_kvs *kvs)
{
    struct consul_kv kv = {0};
    struct str key = consul_json_text(object, "Key"), session = consul_json_text(object, "Session");
    const json_t *value = json_object_get(object, "Value");
    size_t before = kvs->bytes.size;
    if (key.size == 0 || read_index(object, "ModifyIndex", &kv.mod) < 0 ||
        read_index(object, "CreateIndex", &kv.create) < 0 || kv.create > kv.mod ||
        (session.size > 0 && consul_session_parse(session, &kv.session) < 0) ||
        !(is_none(value) || json_is_string(value))) {
        return -1;
    }
    buf_str(&kvs->bytes, STR("/"));
    buf_str(&kvs->bytes, key);
    kv.key.size = key.size;
    if (base64_decode(consul_json_text(object, "Value"), &kvs->bytes) < 0) {
        return -1;
    }
    kv.value.size = kvs->bytes.size - before - 1 - key.size;
    kvs->list = mem_grow(kvs->list, kvs->count, &kvs->capacity, sizeof(kvs->list[0]));
    kvs->list[kvs->count++] = kv;
    return 0;
}

static int by_key(const void *a, const void *b)
{
    return str_compare(((const struct consul_kv *)a)->key, ((const struct consul_kv *)b)->key);
}

int consul_kvs_place(struct consul_kvs *kvs)
{
    const char *at = buf_text(&kvs->bytes);
    for (size_t i = 0; i < kvs->count; i++) {
        struct consul_kv *kv = &kvs->list[i];
        kv->key.data = at + 1;
        at += 1 + kv->key.size;
        kv->value.data = at;
        at += kv->value.size;
    }
    if (kvs->count > 1) {
        qsort(kvs->list, kvs->count, sizeof(kvs->list[0]), by_key);
    }
    for (size_t i = 1; i < kvs->count; i++) {
        if (by_key(&kvs->list[i - 1], &kvs->list[i]) == 0) {
            return -1;
        }
    }
    return 0;
}

const struct consul_kv *consul_kvs_find(const struct consul_kvs *kvs, struct str key)
{
    struct consul_kv wanted = {.key = key};
    return kvs->count == 0 ? NULL : bsearch(&wanted, kvs->list, kvs->count, sizeof(kvs->list[0]), by_key);
}

int consul_kvs_decode(struct str body, struct consul_kvs *kvs)
{
    consul_kvs_fini(kvs);
    json_t *root = consul_json_parse(body);
    int rc = json_is_array(root) || json_is_null(root) ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < json_array_size(root); i++) {
        rc = consul_kv_read(json_array_get(root, i), kvs);
    }
    json_decref(root);
    rc = rc == 0 ? consul_kvs_place(kvs) : rc;
    if (rc < 0) {
        consul_kvs_fini(kvs);
    }
    return rc;
}

/* ---- transactions ---- */

void consul_txn_answer_fini(struct consul_txn_answer *answer)
{
    consul_kvs_fini(&answer->kvs);
    *answer = (struct consul_txn_answer){0};
}

const struct consul_refusal *consul_txn_refusal(const struct consul_txn_answer *answer, size_t op)
{
    for (size_t i = 0; i < answer->refusal_count; i++) {
        if (answer->refusals[i].op == op) {
            return &answer->refusals[i];
        }
    }
    return NULL;
}

/* The key in the middle of a text is quoted, so that none can look like the end of one. */
static enum consul_reason reason_of(struct str what)
{
    static const struct {
        const char *start, *end;
        enum consul_reason reason;
    } reasons[] = {
        {"Permission denied", "", CONSUL_DENIED},
        {"invalid session", "", CONSUL_NO_SESSION},
        {"failed index check for key", "", CONSUL_CHANGED},
        {"failed to set key", "index is stale", CONSUL_CHANGED},
        {"failed to delete key", "index is stale", CONSUL_CHANGED},
        {"failed to lock key", "due to lock delay", CONSUL_DELAYED},
        {"failed to lock key", "lock is already held", CONSUL_HELD},
        {"failed to unlock key", "", CONSUL_HELD},
        {"", "\" doesn't exist", CONSUL_ABSENT},
        {"key ", "\" exists", CONSUL_CHANGED},
    };
    for (size_t i = 0; i < COUNT_OF(reasons); i++) {
        if (str_starts(what, str_of(reasons[i].start)) && consul_ends(what, str_of(reasons[i].end))) {
            return reasons[i].reason;
        }
    }
    return CONSUL_OTHER;
}

static int read_refusal(const json_t *error, size_t op_count, struct consul_txn_answer *answer)
{
    const json_t *op = json_object_get(error, "OpIndex");
    struct str what = consul_json_text(error, "What");
    json_int_t number = json_integer_value(op);
    if (!json_is_integer(op) || number < 0 || (size_t)number >= op_count ||
        answer->refusal_count == COUNT_OF(answer->refusals)) {
        return -1;
    }
    if (answer->refusal_count == 0) {
        consul_text_set(answer->text, what);
    }
    answer->refusals[answer->refusal_count++] =
        (struct consul_refusal){.op = (size_t)number, .reason = reason_of(what)};
    return 0;
}

/* A key that two operations name is told twice, as the last one left it. */
static void drop_doubles(struct consul_kvs *kvs)
{
    size_t kept = 0;
    for (size_t i = 0; i < kvs->count; i++) {
        bool again = kept > 0 && str_eq(kvs->list[kept - 1].key, kvs->list[i].key);
        bool better =
            again && kvs->list[i].mod >= kvs->list[kept - 1].mod && kvs->list[kept - 1].value.size == 0;
        if (!again) {
            kvs->list[kept++] = kvs->list[i];
        } else if (better) {
            kvs->list[kept - 1] = kvs->list[i];
        }
    }
    kvs->count = kept;
}

static int read_results(const json_t *results, struct consul_txn_answer *answer)
{
    for (size_t i = 0; i < json_array_size(results); i++) {
        const json_t *kv = json_object_get(json_array_get(results, i), "KV");
        if (!is_none(kv) && consul_kv_read(kv, &answer->kvs) < 0) {
            return -1;
        }
    }
    if (consul_kvs_place(&answer->kvs) < 0) {
        drop_doubles(&answer->kvs);
    }
    return is_none(results) || json_is_array(results) ? 0 : -1;
}

int consul_txn_decode(int http_status, struct str body, size_t op_count, struct consul_txn_answer *answer)
{
    consul_txn_answer_fini(answer);
    json_t *root = consul_json_parse(body);
    const json_t *errors = json_object_get(root, "Errors");
    int rc = json_is_object(root) ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < json_array_size(errors); i++) {
        rc = read_refusal(json_array_get(errors, i), op_count, answer);
    }
    rc = rc == 0 ? read_results(json_object_get(root, "Results"), answer) : rc;
    /* A refusal without a reason, or success with one, is no answer. */
    rc = rc == 0 && (http_status == 409) == (answer->refusal_count > 0) ? 0 : -1;
    json_decref(root);
    if (rc < 0) {
        consul_txn_answer_fini(answer);
    }
    return rc;
}

/* ---- sessions ---- */

int consul_session_decode(struct str body, struct registry_lease *ret_session)
{
    json_t *root = consul_json_parse(body);
    int rc = consul_session_parse(consul_json_text(root, "ID"), ret_session);
    json_decref(root);
    return rc;
}

/* A duration as Go writes it and as we send it: "10s", "1m30s", "24h0m0s". */
static int read_duration(struct str text, int64_t *ret_ms)
{
    int64_t total = 0, number = -1;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        int64_t unit = c == 'h' ? 3600000 : c == 'm' ? 60000 : c == 's' ? 1000 : 0;
        if (c >= '0' && c <= '9') {
            number = (number < 0 ? 0 : number) * 10 + (c - '0');
        } else if (number < 0 || unit == 0) {
            return -1;
        } else {
            bool thousandth = c == 'm' && i + 1 < text.size && text.data[i + 1] == 's';
            total += thousandth ? number : number * unit;
            i += thousandth ? 1 : 0;
            number = -1;
        }
        if (number > 1000000000 || total > INT64_C(1000000000000)) {
            return -1;
        }
    }
    *ret_ms = total;
    return number < 0 && text.size > 0 ? 0 : -1;
}

int consul_session_ttl_decode(struct str body, struct registry_lease session, int64_t *ret_ttl_ms)
{
    json_t *root = consul_json_parse(body);
    const json_t *first = json_array_get(root, 0);
    struct registry_lease found;
    int rc = json_is_array(root) || json_is_null(root) ? 0 : -1;
    *ret_ttl_ms = -1;
    if (rc == 0 && first != NULL) {
        rc = consul_session_parse(consul_json_text(first, "ID"), &found) < 0 ||
                     !registry_lease_eq(found, session) ||
                     read_duration(consul_json_text(first, "TTL"), ret_ttl_ms) < 0
                 ? -1
                 : 0;
    }
    json_decref(root);
    return rc;
}

int64_t consul_least_ttl(struct str text)
{
    static const char before[] = "must be between [";
    const char *found = text.size == 0 ? NULL : memmem(text.data, text.size, before, sizeof(before) - 1);
    int64_t least;
    if (found == NULL) {
        return 0;
    }
    size_t skipped = (size_t)(found - text.data) + sizeof(before) - 1;
    struct str rest = {text.data + skipped, text.size - skipped};
    return read_duration(str_split(rest, '=', &rest), &least) == 0 ? least : 0;
}

/* ---- the head ---- */

static bool is_header(struct str line, const char *name, struct str *ret_value)
{
    *ret_value = line;
    struct str found = str_split(line, ':', ret_value);
    *ret_value = str_trim(*ret_value);
    return str_eq_nocase(found, str_of(name));
}

void consul_head_decode(struct str head, struct consul_head *ret_head)
{
    *ret_head = (struct consul_head){.has_leader = true};
    while (head.size > 0) {
        struct str line = str_split(head, '\n', &head), value;
        uint64_t number;
        if (is_header(line, "X-Consul-Index", &value)) {
            ret_head->index = str_to_u64(value, REGISTRY_REVISION_MAX, &number) == 0 ? (int64_t)number : 0;
        } else if (is_header(line, "X-Consul-Knownleader", &value)) {
            ret_head->has_leader = str_eq(value, STR("true"));
        } else if (is_header(line, "X-Consul-Lastcontact", &value)) {
            ret_head->last_contact = str_to_u64(value, INT64_MAX, &number) == 0 ? (int64_t)number : INT64_MAX;
        }
    }
}
