#include "outrider/codec/game/raknet.h"

#include "game_internal.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"

enum { ID_PING = 0x01, ID_PONG = 0x1c, GUID_SIZE = 8 };

static const char magic[16] = "\x00\xff\xff\x00\xfe\xfe\xfe\xfe\xfd\xfd\xfd\xfd\x12\x34\x56\x78";

void raknet_request(const struct game_query *query, struct buf *out)
{
    *buf_extend(out, 1) = ID_PING;
    buf_add(out, query->nonce, sizeof(query->nonce)); /* the time */
    buf_add(out, magic, sizeof(magic));
    buf_add(out, query->nonce, sizeof(query->nonce)); /* the client */
}

/* The text of Minecraft: edition;name;protocol;version;players;capacity;server;map;... */
static void read_minecraft(struct game_facts *facts, struct str text)
{
    enum { EDITION, NAME, PROTOCOL, VERSION, PLAYERS, CAPACITY, SERVER, MAP, FIELDS };
    struct str fields[FIELDS] = {0};
    int count = 0;
    while (count < FIELDS && text.size > 0) {
        fields[count++] = str_split(text, ';', &text);
    }
    if (count <= CAPACITY ||
        !(str_eq(fields[EDITION], STR("MCPE")) || str_eq(fields[EDITION], STR("MCEE")))) {
        return;
    }
    game_set_text(facts->name, fields[NAME], GAME_CODES_MINECRAFT);
    game_set_text(facts->version, fields[VERSION], GAME_CODES_MINECRAFT);
    game_set_text(facts->map, fields[MAP], GAME_CODES_MINECRAFT);
    game_set_counts(facts, game_count_of(fields[PLAYERS]), game_count_of(fields[CAPACITY]));
}

enum game_outcome raknet_answer(struct game_query *query, struct str datagram, struct error *err)
{
    struct game_bytes bytes = {.left = datagram};
    struct str nonce = {(const char *)query->nonce, sizeof(query->nonce)};
    if (game_take_u8(&bytes) != ID_PONG || !str_eq(game_take(&bytes, nonce.size), nonce)) {
        return GAME_FOREIGN;
    }
    game_take(&bytes, GUID_SIZE);
    if (!str_eq(game_take(&bytes, sizeof(magic)), (struct str){magic, sizeof(magic)})) {
        error_set(err, ERROR_PROTOCOL, "pong without the magic number of RakNet");
        return GAME_BAD;
    }
    uint16_t size = game_take_u16_be(&bytes);
    if (!bytes.ended && size == bytes.left.size) {
        read_minecraft(&query->facts, bytes.left);
    }
    return GAME_DONE;
}
