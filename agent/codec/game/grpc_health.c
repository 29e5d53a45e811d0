#include "outrider/codec/game/grpc_health.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"

#include <stdint.h>

enum { PREFIX_SIZE = 5, VARINT_BYTES_MAX = 10, SERVICE_FIELD = 1, STATUS_FIELD = 1, SHOWN_MAX = 48 };

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

/* ---- protobuf ---- */

static void add_varint(struct buf *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) {
        *buf_extend(out, 1) = (char)(value | 0x80);
    }
    *buf_extend(out, 1) = (char)value;
}

static struct str drop(struct str bytes, size_t size)
{
    return (struct str){bytes.data + size, bytes.size - size};
}

/* Returns 0, or -1 when the bytes end first, or it has more than 64 bits. */
static int take_varint(struct str *bytes, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (size_t i = 0; i < VARINT_BYTES_MAX && i < bytes->size; i++) {
        uint8_t byte = (uint8_t)bytes->data[i];
        if (i == VARINT_BYTES_MAX - 1 && byte > 1) {
            return -1;
        }
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *bytes = drop(*bytes, i + 1);
            *ret_value = value;
            return 0;
        }
    }
    return -1;
}

/* Takes the value of a field; `ret_value` is that of a varint, or the size of what was skipped. */
static int take_value(struct str *bytes, unsigned wire, uint64_t *ret_value)
{
    if (wire == WIRE_VARINT) {
        return take_varint(bytes, ret_value);
    }
    uint64_t size = wire == WIRE_64 ? 8 : 4;
    if ((wire != WIRE_64 && wire != WIRE_32 && wire != WIRE_BYTES) ||
        (wire == WIRE_BYTES && take_varint(bytes, &size) < 0) || size > bytes->size) {
        return -1;
    }
    *bytes = drop(*bytes, (size_t)size);
    *ret_value = size;
    return 0;
}

/* HealthCheckResponse. Fields that are not known are skipped; of the same field twice the last counts. */
static int take_status(struct str message, uint64_t *ret_status)
{
    *ret_status = 0;
    while (message.size > 0) {
        uint64_t tag, value;
        if (take_varint(&message, &tag) < 0 || tag >> 3 == 0 || tag >> 3 > INT32_MAX >> 2 ||
            take_value(&message, (unsigned)(tag & 7), &value) < 0) {
            return -1;
        }
        if (tag == (STATUS_FIELD << 3 | WIRE_VARINT)) {
            *ret_status = value;
        }
    }
    return 0;
}

void grpc_health_request(struct str service, struct buf *out)
{
    struct buf message = {0};
    if (service.size > 0) {
        add_varint(&message, SERVICE_FIELD << 3 | WIRE_BYTES);
        add_varint(&message, service.size);
        buf_str(&message, service);
    }
    uint32_t size = (uint32_t)message.size;
    const char prefix[PREFIX_SIZE] = {0, (char)(size >> 24), (char)(size >> 16), (char)(size >> 8),
                                      (char)size};
    buf_add(out, prefix, sizeof(prefix));
    buf_str(out, buf_view(&message));
    buf_fini(&message);
}

/* ---- header lines ---- */

/* The value of the last line of that name; `data` is NULL where there is none. */
static struct str header_of(struct str lines, struct str name)
{
    struct str found = {NULL, 0};
    while (lines.size > 0) {
        struct str value, line = str_split(lines, '\n', &lines);
        struct str key = str_split(line, ':', &value);
        if (key.size < line.size && str_eq_nocase(str_trim(key), name)) {
            found = str_trim(value);
        }
    }
    return found;
}

/* What a server says, for a line of text: cut, and '?' for what is not printable. */
static const char *shown(struct str text, char out[static SHOWN_MAX + 1])
{
    size_t size = text.size < SHOWN_MAX ? text.size : SHOWN_MAX;
    for (size_t i = 0; i < size; i++) {
        out[i] = text.data[i] >= ' ' && text.data[i] <= '~' ? text.data[i] : '?';
    }
    out[size] = '\0';
    return out;
}

/* ---- the answer ---- */

static int call_failed(uint64_t status, struct str message, struct error *err)
{
    static const char *const names[] = {
        "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
        "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
        "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
        "DATA_LOSS", "UNAUTHENTICATED"};
    enum { NOT_FOUND = 5, UNIMPLEMENTED = 12 };
    char text[SHOWN_MAX + 1];
    if (status == NOT_FOUND) {
        return error_set(err, ERROR_NOT_FOUND, "the server does not know the service");
    }
    if (status == UNIMPLEMENTED) {
        return error_set(err, ERROR_NOT_FOUND, "the server has no health service (grpc.health.v1)");
    }
    shown(message, text);
    return error_set(err, ERROR_PROTOCOL, "the check failed: %s%s%s", names[status],
                     text[0] == '\0' ? "" : ": ", text);
}

static int judge_message(struct str body, struct error *err)
{
    static const char *const words[] = {"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};
    enum { SERVING = 1 };
    const uint8_t *prefix = (const uint8_t *)body.data;
    uint64_t status;
    if (body.size < PREFIX_SIZE) {
        return error_set(err, ERROR_PROTOCOL, "the answer has no message");
    }
    if (prefix[0] != 0) {
        return error_set(err, ERROR_PROTOCOL, "the message is compressed, which was not asked for");
    }
    uint64_t size =
        (uint64_t)prefix[1] << 24 | (uint64_t)prefix[2] << 16 | (uint64_t)prefix[3] << 8 | prefix[4];
    if (size != body.size - PREFIX_SIZE) {
        return error_set(err, ERROR_PROTOCOL, "the answer is not one whole message");
    }
    if (take_status(drop(body, PREFIX_SIZE), &status) < 0) {
        return error_set(err, ERROR_PROTOCOL, "the message is not one of grpc.health.v1");
    }
    if (status == SERVING) {
        return 0;
    }
    return error_set(err, ERROR_PROTOCOL, "%s",
                     status < COUNT_OF(words) ? words[status] : "a status that is not known");
}

int grpc_health_answer(const struct grpc_answer *answer, struct error *err)
{
    char text[SHOWN_MAX + 1];
    struct str type = header_of(answer->head, STR("content-type"));
    bool only_head = answer->trailers.size == 0 && answer->body.size == 0;
    struct str lines = only_head ? answer->head : answer->trailers;
    struct str status_text = header_of(lines, STR("grpc-status"));
    uint64_t status;
    if (!str_starts(type, STR("application/grpc"))) {
        return error_set(err, ERROR_PROTOCOL, "no gRPC: the answer is of type \"%s\"", shown(type, text));
    }
    if (status_text.data == NULL) {
        return error_set(err, ERROR_PROTOCOL, "the answer has no trailers");
    }
    if (str_to_u64(status_text, 16, &status) < 0) {
        return error_set(err, ERROR_PROTOCOL, "grpc-status \"%s\" is none", shown(status_text, text));
    }
    return status != 0 ? call_failed(status, header_of(lines, STR("grpc-message")), err)
                       : judge_message(answer->body, err);
}
