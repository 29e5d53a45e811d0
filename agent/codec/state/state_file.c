/* One JSON object whose last member is the CRC-32 of every byte before that member, so that a file that was
 * cut short or lost a block is found before anything in it is used. */
#include "outrider/codec/state/state_file.h"

#include "outrider/base/buf.h"
#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/base/ulid.h"
#include "outrider/codec/json/json_read.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/seats/reservation.h"

#include <limits.h>
#include <stdio.h>

/* The longest texts in bytes, as in records and holds. */
enum {
    ID_MAX = 128,
    BOOT_ID_MAX = 64,
    KEY_MAX = 1024,
    REASON_MAX = 1024,
    BY_MAX = 256,
    LABEL_NAME_MAX = 256
};

static const int64_t ten_years_ms = 3650LL * 24 * 3600000;

/* ,"crc32":"01234567"} */
enum { TRAILER_SIZE = 20, TRAILER_DIGITS_AT = 10 };

/* CRC-32 of IEEE 802.3, reflected, bit by bit: the file is small and rarely written. */
static uint32_t crc32_of(struct str bytes)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < bytes.size; i++) {
        crc ^= (unsigned char)bytes.data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320u : 0);
        }
    }
    return ~crc;
}

static void make_trailer(struct str body, char out[static TRAILER_SIZE + 1])
{
    snprintf(out, TRAILER_SIZE + 1, ",\"crc32\":\"%08x\"}", crc32_of(body));
}

static void encode_int(struct json_writer *json, const char *key, int64_t value)
{
    if (value != 0) {
        json_member_int(json, key, value);
    }
}

static void encode_flag(struct json_writer *json, const char *key, bool value)
{
    if (value) {
        json_member_bool(json, key, true);
    }
}

static void encode_count(struct json_writer *json, const char *key, bool has, uint32_t value)
{
    if (has) {
        json_member_uint(json, key, value);
    }
}

static void encode_hold(struct json_writer *json, const struct saved_hold *hold)
{
    if (!hold->set && hold->revision == 0 && !hold->pending) {
        return;
    }
    json_member_object(json, "ops");
    encode_flag(json, "set", hold->set);
    json_member_text_if(json, "reason", hold->reason);
    json_member_text_if(json, "by", hold->by);
    json_member_text_if(json, "operation", hold->operation);
    encode_int(json, "sinceMs", hold->since_wall);
    encode_int(json, "deadlineMs", hold->deadline_wall);
    encode_int(json, "expiresMs", hold->expires_wall);
    encode_int(json, "revision", hold->revision);
    encode_flag(json, "pending", hold->pending);
    encode_int(json, "sentMs", hold->sent_wall);
    json_write_object_end(json);
}

static void encode_claimed(struct json_writer *json, const struct saved_state *state)
{
    if (state->claimed_count > 0) {
        json_member_array(json, "claimed");
        for (size_t i = 0; i < state->claimed_count; i++) {
            json_write_text(json, state->claimed[i]);
        }
        json_write_array_end(json);
    }
}

static void encode_labels(struct json_writer *json, const struct status_message *message)
{
    char name[LABEL_NAME_MAX + 1];
    json_member_object(json, "labels");
    for (size_t i = 0; i < message->label_count; i++) {
        snprintf(name, sizeof(name), "%.*s", STR_ARG(message->labels[i].name));
        json_member_string(json, name, message->labels[i].value);
    }
    json_write_object_end(json);
}

static void encode_message(struct json_writer *json, const struct status_message *message)
{
    json_member_object(json, "words");
    json_member_text(json, "said", reported_status_name(message->reported));
    if (message->has_text) {
        json_member_string(json, "text", message->text);
    }
    encode_count(json, "players", message->has_players, message->players);
    encode_count(json, "capacity", message->has_capacity, message->capacity);
    json_member_array(json, "ports");
    for (size_t i = 0; i < message->port_count; i++) {
        json_write_uint(json, message->ports[i]);
    }
    json_write_array_end(json);
    encode_labels(json, message);
    encode_flag(json, "armed", message->heartbeat);
    encode_flag(json, "drain", message->drain);
    encode_flag(json, "reloading", message->reloading);
    if (message->has_watchdog) {
        json_member_int(json, "watchdogMs", message->watchdog_ms);
    }
    encode_flag(json, "attached", message->attach);
    if (message->has_mainpid) {
        json_member_int(json, "mainpid", message->mainpid);
        json_member_uint(json, "mainpidStart", message->mainpid_start);
    }
    json_write_object_end(json);
}

/* An id of 63 bits is a number, as every version reads it; a wider one has a member of its own. */
static void encode_lease(struct json_writer *json, struct registry_lease lease)
{
    if (lease.hi == 0 && lease.lo <= INT64_MAX) {
        encode_int(json, "lease", (int64_t)lease.lo);
    } else {
        char text[REGISTRY_LEASE_TEXT_SIZE];
        json_member_text(json, "leaseId", registry_lease_text(lease, text));
    }
}

void state_file_encode(const struct saved_state *state, struct buf *out)
{
    struct buf body = {0};
    struct json_writer json = {.out = &body};
    json_write_object(&json);
    json_member_int(&json, "version", STATE_FILE_VERSION);
    json_member_text_if(&json, "id", state->id);
    json_member_text_if(&json, "key", state->key);
    json_member_text_if(&json, "bootId", state->boot_id);
    encode_lease(&json, state->lease);
    encode_int(&json, "ttlMs", state->ttl_ms);
    encode_hold(&json, &state->ops);
    encode_claimed(&json, state);
    encode_flag(&json, "probeHasPassed", state->probe_has_passed);
    if (state->has_message) {
        encode_message(&json, &state->message);
    }
    char trailer[TRAILER_SIZE + 1];
    make_trailer(buf_view(&body), trailer);
    buf_str(out, buf_view(&body));
    buf_printf(out, "%s\n", trailer);
    buf_fini(&body);
}

static int check_sum(struct str text, struct error *err)
{
    text = str_trim(text);
    if (text.size > TRAILER_SIZE) {
        struct str body = {text.data, text.size - TRAILER_SIZE};
        char trailer[TRAILER_SIZE + 1];
        make_trailer(body, trailer);
        struct str found = {text.data + body.size, TRAILER_SIZE};
        if (str_eq(found, str_of(trailer))) {
            return 0;
        }
        if (str_starts(found, (struct str){trailer, TRAILER_DIGITS_AT})) {
            return error_set(err, ERROR_INVALID, "damaged: the checksum does not match");
        }
    }
    return error_set(err, ERROR_INVALID, "damaged: cut short, or not written by an agent");
}

/* Times to the end of the year 9999, as a record and the control key can have them. */
static int read_wall(const json_t *object, const char *key, int64_t *ret_wall, struct error *err)
{
    return json_read_int(object, key, 0, TIMESTAMP_MAX_MS, ret_wall, NULL, err);
}

static int decode_hold(const json_t *root, struct saved_hold *hold, struct error *err)
{
    json_t *object = NULL;
    if (json_read_object(root, "ops", SIZE_MAX, &object, err) < 0) {
        return -1;
    }
    if (object == NULL) {
        return 0;
    }
    if (json_read_bool(object, "set", &hold->set, err) < 0 ||
        json_read_text(object, "reason", REASON_MAX, &hold->reason, err) < 0 ||
        json_read_text(object, "by", BY_MAX, &hold->by, err) < 0 ||
        json_read_text(object, "operation", ULID_LENGTH, &hold->operation, err) < 0 ||
        read_wall(object, "sinceMs", &hold->since_wall, err) < 0 ||
        read_wall(object, "deadlineMs", &hold->deadline_wall, err) < 0 ||
        read_wall(object, "expiresMs", &hold->expires_wall, err) < 0 ||
        json_read_int(object, "revision", 0, REGISTRY_REVISION_MAX, &hold->revision, NULL, err) < 0 ||
        json_read_bool(object, "pending", &hold->pending, err) < 0 ||
        read_wall(object, "sentMs", &hold->sent_wall, err) < 0) {
        return error_wrap(err, "ops");
    }
    return 0;
}

static int decode_claimed(const json_t *root, struct saved_state *state, struct error *err)
{
    json_t *ids = json_object_get(root, "claimed"), *id;
    size_t i;
    json_array_foreach(ids, i, id)
    {
        const char *text = json_string_value(id);
        if (text == NULL || i == STATE_CLAIMED_MAX || !reservation_is_id(str_of(text))) {
            return error_set(err, ERROR_INVALID, "claimed: no list of ids of reservations");
        }
        state->claimed[state->claimed_count++] = text;
    }
    return 0;
}

static int decode_reported(const json_t *object, enum reported_status *ret_reported, struct error *err)
{
    const char *name = "nothing";
    if (json_read_text(object, "said", LABEL_NAME_MAX, &name, err) < 0) {
        return -1;
    }
    for (int reported = REPORTED_NOTHING; reported <= REPORTED_ERROR; reported++) {
        if (strcmp(name, reported_status_name((enum reported_status)reported)) == 0) {
            *ret_reported = (enum reported_status)reported;
            return 0;
        }
    }
    return error_set(err, ERROR_INVALID, "said: %s is no status word", name);
}

static int decode_labels(const json_t *object, struct status_message *message, struct error *err)
{
    json_t *labels = NULL;
    if (json_read_object(object, "labels", STATUS_LABELS_MAX, &labels, err) < 0) {
        return -1;
    }
    for (void *at = json_object_iter(labels); at != NULL; at = json_object_iter_next(labels, at)) {
        const char *name = json_object_iter_key(at), *value = NULL;
        if (json_read_text(labels, name, STATUS_LABEL_VALUE_MAX, &value, err) < 0) {
            return error_wrap(err, "labels");
        }
        message->labels[message->label_count++] = (struct status_label){str_of(name), str_of(value)};
    }
    return 0;
}

static int decode_message(const json_t *root, struct saved_state *state, struct error *err)
{
    struct status_message *message = &state->message;
    json_t *object = NULL;
    const char *text = NULL;
    int64_t pid = 0, start = 0;
    if (json_read_object(root, "words", SIZE_MAX, &object, err) < 0) {
        return -1;
    }
    if (object == NULL) {
        return 0;
    }
    state->has_message = true;
    if (decode_reported(object, &message->reported, err) < 0 ||
        json_read_text(object, "text", STATUS_TEXT_MAX, &text, err) < 0 ||
        json_read_count(object, "players", &message->players, &message->has_players, err) < 0 ||
        json_read_count(object, "capacity", &message->capacity, &message->has_capacity, err) < 0 ||
        json_read_ports(object, "ports", STATUS_PORTS_MAX, message->ports, &message->port_count, err) < 0 ||
        decode_labels(object, message, err) < 0 ||
        json_read_bool(object, "armed", &message->heartbeat, err) < 0 ||
        json_read_bool(object, "drain", &message->drain, err) < 0 ||
        json_read_bool(object, "reloading", &message->reloading, err) < 0 ||
        json_read_int(object, "watchdogMs", 0, ten_years_ms, &message->watchdog_ms, &message->has_watchdog,
                      err) < 0 ||
        json_read_bool(object, "attached", &message->attach, err) < 0 ||
        json_read_int(object, "mainpid", 1, INT_MAX, &pid, &message->has_mainpid, err) < 0 ||
        json_read_int(object, "mainpidStart", 0, INT64_MAX, &start, NULL, err) < 0) {
        return error_wrap(err, "words");
    }
    message->has_text = text != NULL;
    message->text = str_of(text);
    message->mainpid = (pid_t)pid;
    message->mainpid_start = (uint64_t)start;
    return 0;
}

static int decode_lease(const json_t *root, struct registry_lease *ret_lease, struct error *err)
{
    int64_t number = 0;
    const char *text = NULL;
    if (json_read_int(root, "lease", 0, INT64_MAX, &number, NULL, err) < 0 ||
        json_read_text(root, "leaseId", REGISTRY_LEASE_TEXT_SIZE - 1, &text, err) < 0) {
        return -1;
    }
    *ret_lease = (struct registry_lease){.lo = (uint64_t)number};
    if (text != NULL && registry_lease_parse(str_of(text), ret_lease) < 0) {
        return error_set(err, ERROR_INVALID, "leaseId: not a hexadecimal number: %s", text);
    }
    return 0;
}

static int decode_state(const json_t *root, struct saved_state *state, struct error *err)
{
    int64_t version = 0;
    if (json_read_int(root, "version", 0, INT64_MAX, &version, NULL, err) < 0) {
        return -1;
    }
    if (version != STATE_FILE_VERSION) {
        return error_set(err, ERROR_NOT_FOUND,
                         "written by another version of outrider: format=%lld supported=%d",
                         (long long)version, STATE_FILE_VERSION);
    }
    if (json_read_text(root, "id", ID_MAX, &state->id, err) < 0 ||
        json_read_text(root, "key", KEY_MAX, &state->key, err) < 0 ||
        json_read_text(root, "bootId", BOOT_ID_MAX, &state->boot_id, err) < 0 ||
        decode_lease(root, &state->lease, err) < 0 ||
        json_read_int(root, "ttlMs", 0, ten_years_ms, &state->ttl_ms, NULL, err) < 0 ||
        json_read_bool(root, "probeHasPassed", &state->probe_has_passed, err) < 0) {
        return -1;
    }
    return decode_hold(root, &state->ops, err) < 0 || decode_claimed(root, state, err) < 0
               ? -1
               : decode_message(root, state, err);
}

int state_file_decode(struct str text, struct saved_state *ret_state, struct error *err)
{
    if (text.size <= STATE_FILE_MAX && check_sum(text, err) < 0) {
        return error_wrap(err, "state file");
    }
    json_t *root = json_read_document(text, STATE_FILE_MAX, err);
    if (root == NULL) {
        return error_wrap(err, "state file");
    }
    struct saved_state state = {.owned = root};
    if (decode_state(root, &state, err) < 0) {
        saved_state_fini(&state);
        return error_wrap(err, "state file");
    }
    *ret_state = state;
    return 0;
}

void saved_state_fini(struct saved_state *state)
{
    if (state != NULL) {
        json_decref(state->owned);
        *state = (struct saved_state){0};
    }
}
