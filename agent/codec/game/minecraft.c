#include "outrider/codec/game/minecraft.h"

#include "game_internal.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/json/json_scan.h"

/* The version that asks, 1.8. The convention for a client without one, -1, is no good here: servers that repeat what they are
 * asked with would seem to be none. */
enum { PROTOCOL = 47, KIND_HANDSHAKE = 0, KIND_STATUS = 0, NEXT_STATUS = 1, HOST_MAX = 255 };

/* Of a description's parts within parts. */
enum { PARTS_DEPTH_MAX = 8 };

/* ---- VarInts: 7 bits a byte, lowest first, at most 5 bytes ---- */

enum { VARINT_MAX = 5 };

static void add_varint(struct buf *out, uint32_t value)
{
    for (; value >= 0x80; value >>= 7) {
        *buf_extend(out, 1) = (char)(value | 0x80);
    }
    *buf_extend(out, 1) = (char)value;
}

/* Returns false when the bytes end before the VarInt does, or it is longer than it may be: see is_too_long(). */
static bool take_varint(struct game_bytes *bytes, uint32_t *ret_value)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < VARINT_MAX; i++) {
        uint8_t byte = game_take_u8(bytes);
        value |= (uint32_t)(byte & 0x7f) << (7 * i);
        if (bytes->ended || byte < 0x80) {
            *ret_value = value;
            return !bytes->ended;
        }
    }
    return false;
}

/* ---- the request ---- */

static void add_packet(struct buf *out, const struct buf *packet)
{
    add_varint(out, (uint32_t)packet->size);
    buf_str(out, buf_view(packet));
}

void minecraft_request(const struct game_query *query, struct buf *out)
{
    struct buf packet = {0};
    struct str host = str_of(query->host);
    host.size = host.size > HOST_MAX ? HOST_MAX : host.size;
    add_varint(&packet, KIND_HANDSHAKE);
    add_varint(&packet, PROTOCOL);
    add_varint(&packet, (uint32_t)host.size);
    buf_str(&packet, host);
    *buf_extend(&packet, 1) = (char)(query->port >> 8);
    *buf_extend(&packet, 1) = (char)(query->port & 0xff);
    add_varint(&packet, NEXT_STATUS);
    add_packet(out, &packet);
    buf_clear(&packet);
    add_varint(&packet, KIND_STATUS);
    add_packet(out, &packet);
    buf_fini(&packet);
}

/* ---- the status ----
 *
 * It is scanned in place: most of its bytes are a picture, and it comes every second. */

struct status {
    struct buf name;
    struct str version;
    int64_t protocol, players, capacity; /* counts: -1 when there is none */
};

typedef int member_fn(struct json_scan *scan, struct str name, struct status *status);

/* Passes any value; of an object each member to `fn`, which passes its value. */
static int scan_members(struct json_scan *scan, member_fn *fn, struct status *status)
{
    if (json_scan_peek(scan) != '{') {
        return json_scan_skip(scan);
    }
    struct str name;
    int more = json_scan_member(scan, true, &name);
    while (more > 0) {
        more = fn(scan, name, status) < 0 ? -1 : json_scan_member(scan, false, &name);
    }
    return more;
}

/* Passes any value, which is returned as it is written. */
static int scan_value(struct json_scan *scan, struct str *ret_value)
{
    json_scan_peek(scan);
    size_t start = scan->at;
    if (json_scan_skip(scan) < 0) {
        return -1;
    }
    *ret_value = (struct str){scan->text.data + start, scan->at - start};
    return 0;
}

/* Passes any value; `ret_number` is `otherwise` when it is no whole number. */
static int scan_number(struct json_scan *scan, int64_t otherwise, int64_t *ret_number)
{
    struct str value;
    if (scan_value(scan, &value) < 0) {
        return -1;
    }
    if (str_to_i64(value, ret_number) < 0) {
        *ret_number = otherwise;
    }
    return 0;
}

/* Passes any value; `ret_text` is empty when it is no string. */
static int scan_text(struct json_scan *scan, struct str *ret_text)
{
    *ret_text = (struct str){NULL, 0};
    return json_scan_peek(scan) == '"' ? json_scan_string(scan, ret_text) : json_scan_skip(scan);
}

static int scan_part(struct json_scan *scan, struct buf *out, int depth);

static int scan_list(struct json_scan *scan, struct buf *out, int depth)
{
    int more = json_scan_next(scan, ']', true);
    while (more > 0) {
        more = scan_part(scan, out, depth) < 0 ? -1 : json_scan_next(scan, ']', false);
    }
    return more;
}

/* `extra` follows `text`, in whatever order they are written, so it is scanned once more. */
static int scan_component(struct json_scan *scan, struct buf *out, int depth)
{
    struct str name, text = {NULL, 0}, extra = {NULL, 0}, ignored;
    int more = json_scan_member(scan, true, &name);
    while (more > 0) {
        int rc = str_eq(name, STR("text"))    ? scan_text(scan, &text)
                 : str_eq(name, STR("extra")) ? scan_value(scan, &extra)
                                              : scan_value(scan, &ignored);
        more = rc < 0 ? -1 : json_scan_member(scan, false, &name);
    }
    buf_str(out, text);
    if (more == 0 && extra.size > 0) {
        struct json_scan inner = {.text = extra, .err = scan->err, .keeps_all = true};
        more = scan_part(&inner, out, depth);
        json_scan_fini(&inner);
    }
    return more;
}

/* The description is a text, or parts of text within parts. */
static int scan_part(struct json_scan *scan, struct buf *out, int depth)
{
    struct str text;
    char c = json_scan_peek(scan);
    if (c == '[' && depth < PARTS_DEPTH_MAX) {
        return scan_list(scan, out, depth + 1);
    }
    if (c == '{' && depth < PARTS_DEPTH_MAX) {
        return scan_component(scan, out, depth + 1);
    }
    if (scan_text(scan, &text) < 0) {
        return -1;
    }
    buf_str(out, text);
    return 0;
}

static int scan_players(struct json_scan *scan, struct str name, struct status *status)
{
    struct str ignored;
    return str_eq(name, STR("online")) ? scan_number(scan, -1, &status->players)
           : str_eq(name, STR("max"))  ? scan_number(scan, -1, &status->capacity)
                                       : scan_value(scan, &ignored);
}

static int scan_version(struct json_scan *scan, struct str name, struct status *status)
{
    struct str ignored;
    return str_eq(name, STR("name"))       ? scan_text(scan, &status->version)
           : str_eq(name, STR("protocol")) ? scan_number(scan, 0, &status->protocol)
                                           : scan_value(scan, &ignored);
}

static int scan_status(struct json_scan *scan, struct str name, struct status *status)
{
    if (str_eq(name, STR("players"))) {
        return scan_members(scan, scan_players, status);
    }
    if (str_eq(name, STR("version"))) {
        return scan_members(scan, scan_version, status);
    }
    if (str_eq(name, STR("description"))) {
        buf_clear(&status->name);
        return scan_part(scan, &status->name, 0);
    }
    return json_scan_skip(scan);
}

static void set_facts(struct game_facts *facts, const struct status *status)
{
    game_set_text(facts->name, buf_view(&status->name), GAME_CODES_MINECRAFT);
    if (status->protocol >= 0) {
        game_set_text(facts->version, status->version, GAME_CODES_MINECRAFT);
        game_set_counts(facts, status->players, status->capacity);
    }
}

static enum game_outcome decode_status(struct game_facts *facts, struct str text, struct error *err)
{
    struct status status = {.players = -1, .capacity = -1};
    struct json_scan scan = {.text = str_skip_bom(text), .err = err, .keeps_all = true};
    bool is_object = json_scan_peek(&scan) == '{';
    bool good =
        str_is_utf8(scan.text) && scan_members(&scan, scan_status, &status) == 0 && json_scan_end(&scan) == 0;
    if (good && is_object) {
        set_facts(facts, &status);
    } else {
        error_set(err, ERROR_PROTOCOL, good ? "status is not a JSON object" : "status is not JSON");
    }
    buf_fini(&status.name);
    json_scan_fini(&scan);
    return good && is_object ? GAME_DONE : GAME_BAD;
}

/* ---- the answer ---- */

static enum game_outcome decode_packet(struct game_facts *facts, struct str packet, struct error *err)
{
    struct game_bytes bytes = {.left = packet};
    uint32_t kind = 0, size = 0;
    if (!take_varint(&bytes, &kind) || kind != KIND_STATUS) {
        error_set(err, ERROR_PROTOCOL, "packet of another kind than a status");
        return GAME_BAD;
    }
    if (!take_varint(&bytes, &size) || size > bytes.left.size) {
        error_set(err, ERROR_PROTOCOL, "status longer than its packet");
        return GAME_BAD;
    }
    return decode_status(facts, game_take(&bytes, size), err);
}

enum game_outcome minecraft_answer(struct game_query *query, struct str stream, struct error *err)
{
    struct game_bytes bytes = {.left = stream};
    uint32_t size = 0;
    bool has_size = take_varint(&bytes, &size);
    if (!has_size && bytes.ended) {
        return GAME_MORE;
    }
    if (!has_size || size > MINECRAFT_PACKET_MAX) {
        error_set(err, ERROR_LIMIT, "no Minecraft status: a packet of more than %d bytes was announced",
                  MINECRAFT_PACKET_MAX);
        return GAME_BAD;
    }
    struct str packet = game_take(&bytes, size);
    return bytes.ended ? GAME_MORE : decode_packet(&query->facts, packet, err);
}
