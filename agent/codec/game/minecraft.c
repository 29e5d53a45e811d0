#include "outrider/codec/game/minecraft.h"

#include "game_internal.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/json/json_read.h"

/* The version that asks, 1.8. The convention for a client without one, -1, is no good here: servers that repeat what they are
 * asked with would seem to be none. */
enum { PROTOCOL = 47, KIND_HANDSHAKE = 0, KIND_STATUS = 0, NEXT_STATUS = 1, HOST_MAX = 255 };

/* Of all values of a status, and of a description's parts within parts. */
enum { VALUES_MAX = 8192, PARTS_DEPTH_MAX = 8 };

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

/* ---- the status ---- */

static struct str text_of(const json_t *value)
{
    return json_is_string(value) ? (struct str){json_string_value(value), json_string_length(value)}
                                 : (struct str){NULL, 0};
}

/* The description is a text, or parts of text within parts. */
static void add_description(struct buf *out, const json_t *part, int depth)
{
    if (json_is_string(part)) {
        buf_str(out, text_of(part));
        return;
    }
    const json_t *parts = part;
    if (json_is_object(part)) {
        buf_str(out, text_of(json_object_get(part, "text")));
        parts = json_object_get(part, "extra");
    }
    for (size_t i = 0; depth < PARTS_DEPTH_MAX && i < json_array_size(parts); i++) {
        add_description(out, json_array_get(parts, i), depth + 1);
    }
}

static void read_status(struct game_facts *facts, const json_t *status)
{
    struct buf name = {0};
    const json_t *version = json_object_get(status, "version");
    const json_t *players = json_object_get(status, "players");
    add_description(&name, json_object_get(status, "description"), 0);
    game_set_text(facts->name, buf_view(&name), GAME_CODES_MINECRAFT);
    buf_fini(&name);
    if (game_whole_number(json_object_get(version, "protocol"), 0) < 0) {
        return;
    }
    game_set_text(facts->version, text_of(json_object_get(version, "name")), GAME_CODES_MINECRAFT);
    game_set_counts(facts, game_whole_number(json_object_get(players, "online"), -1),
                    game_whole_number(json_object_get(players, "max"), -1));
}

static enum game_outcome decode_status(struct game_facts *facts, struct str text, struct error *err)
{
    json_error_t why;
    text = str_skip_bom(text);
    if (!json_is_modest(text, VALUES_MAX)) {
        error_set(err, ERROR_LIMIT, "status of more than %d values, or nested too deep", VALUES_MAX);
        return GAME_BAD;
    }
    json_t *status = json_loadb(text.data == NULL ? "" : text.data, text.size,
                                JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &why);
    if (!json_is_object(status)) {
        error_set(err, ERROR_PROTOCOL, status == NULL ? "status is not JSON" : "status is not a JSON object");
        json_decref(status);
        return GAME_BAD;
    }
    read_status(facts, status);
    json_decref(status);
    return GAME_DONE;
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
