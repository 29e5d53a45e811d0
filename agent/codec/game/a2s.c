#include "outrider/codec/game/a2s.h"

#include "game_internal.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"

/* What a packet begins with, and the kinds that follow it. */
#define WHOLE STR("\xff\xff\xff\xff")
#define PART STR("\xfe\xff\xff\xff")
enum { KIND_CHALLENGE = 'A', KIND_INFO = 'I', KIND_GOLDSRC_INFO = 'm' };

/* A part: the header, the number of the answer, and at least one byte of which part it is. */
enum { PART_MIN = 9 };

enum { APP_THE_SHIP = 2400, APP_RUST = 252490 };

/* The extra data: a set of bits, and what each announces, in this order. */
enum {
    EXTRA_PORT = 0x80,
    EXTRA_STEAM_ID = 0x10,
    EXTRA_TV = 0x40,
    EXTRA_KEYWORDS = 0x20,
    EXTRA_GAME_ID = 0x01
};

void a2s_request(const struct game_query *query, struct buf *out)
{
    buf_str(out, WHOLE);
    buf_str(out, STR("TSource Engine Query\0"));
    if (query->challenges > 0) {
        buf_add(out, query->challenge, sizeof(query->challenge));
    }
}

static enum game_outcome take_challenge(struct game_query *query, struct game_bytes *bytes, struct error *err)
{
    struct str challenge = game_take(bytes, GAME_CHALLENGE_SIZE);
    if (bytes->ended) {
        error_set(err, ERROR_PROTOCOL, "A2S challenge cut short");
        return GAME_BAD;
    }
    if (query->challenges == A2S_CHALLENGES_MAX) {
        error_set(err, ERROR_PROTOCOL, "A2S challenge repeated without an answer, %d times",
                  A2S_CHALLENGES_MAX);
        return GAME_BAD;
    }
    query->challenges++;
    memcpy(query->challenge, challenge.data, challenge.size);
    return GAME_ASK;
}

/* Both infos begin alike. */
static void take_names(struct game_query *query, struct game_bytes *bytes, struct str *ret_folder)
{
    game_set_text(query->facts.name, game_take_text(bytes), GAME_CODES_NONE);
    game_set_text(query->facts.map, game_take_text(bytes), GAME_CODES_NONE);
    *ret_folder = game_take_text(bytes);
    game_take_text(bytes); /* the game, for people */
}

/* `bots` is -1 when it is unknown. */
static void set_counts(struct game_query *query, int64_t players, int64_t capacity, int64_t bots)
{
    if (query->exclude_bots && players >= 0) {
        players = bots < 0 ? -1 : players > bots ? players - bots : 0;
    }
    game_set_counts(&query->facts, players, capacity);
}

static enum game_outcome cut_short(struct game_query *query, struct error *err)
{
    query->facts = (struct game_facts){0};
    error_set(err, ERROR_PROTOCOL, "A2S_INFO cut short");
    return GAME_BAD;
}

/* The number after `name` in keywords that are separated by commas, -1 when there is none. */
static int64_t keyword(struct str keywords, struct str name)
{
    while (keywords.size > 0) {
        struct str word = str_split(keywords, ',', &keywords);
        if (str_starts(word, name)) {
            int64_t count = game_count_of((struct str){word.data + name.size, word.size - name.size});
            if (count >= 0) {
                return count;
            }
        }
    }
    return -1;
}

/* Up to the keywords and the whole number of the game; what is not there stays as it is. */
static void take_extra(struct game_bytes *bytes, struct str *ret_keywords, uint32_t *ret_app)
{
    uint8_t extra = game_take_u8(bytes);
    if (extra & EXTRA_PORT) {
        game_take_u16_le(bytes);
    }
    if (extra & EXTRA_STEAM_ID) {
        game_take_u64_le(bytes);
    }
    if (extra & EXTRA_TV) {
        game_take_u16_le(bytes);
        game_take_text(bytes);
    }
    if (extra & EXTRA_KEYWORDS) {
        *ret_keywords = game_take_text(bytes);
    }
    if (extra & EXTRA_GAME_ID) {
        uint64_t id = game_take_u64_le(bytes);
        *ret_app = bytes->ended ? *ret_app : (uint32_t)(id & 0xffffff);
    }
}

static enum game_outcome take_info(struct game_query *query, struct game_bytes *bytes, struct error *err)
{
    struct str folder, keywords = {0};
    game_take_u8(bytes); /* the protocol's version */
    take_names(query, bytes, &folder);
    uint32_t app = game_take_u16_le(bytes);
    int64_t players = game_take_u8(bytes), capacity = game_take_u8(bytes), bots = game_take_u8(bytes);
    if (bytes->ended) {
        return cut_short(query, err);
    }
    game_take(bytes, 4); /* dedicated or not, system, password, VAC */
    game_take(bytes, app == APP_THE_SHIP ? 3 : 0);
    game_set_text(query->facts.version, game_take_text(bytes), GAME_CODES_NONE);
    take_extra(bytes, &keywords, &app);
    if (app == APP_RUST || str_eq(folder, STR("rust"))) {
        int64_t said = keyword(keywords, STR("cp"));
        players = said < 0 ? players : said;
        said = keyword(keywords, STR("mp"));
        capacity = said < 0 ? capacity : said;
    }
    set_counts(query, players, capacity, bots);
    return GAME_DONE;
}

/* The info of old GoldSrc servers. */
static enum game_outcome take_goldsrc_info(struct game_query *query, struct game_bytes *bytes,
                                           struct error *err)
{
    struct str folder;
    game_take_text(bytes); /* the address that the server has for itself */
    take_names(query, bytes, &folder);
    int64_t players = game_take_u8(bytes), capacity = game_take_u8(bytes);
    if (bytes->ended) {
        return cut_short(query, err);
    }
    game_take(bytes, 4);            /* protocol, dedicated or not, system, password */
    if (game_take_u8(bytes) == 1) { /* a mod: two addresses, a NUL, version, size, two kinds */
        game_take_text(bytes);
        game_take_text(bytes);
        game_take(bytes, 1 + 4 + 4 + 1 + 1);
    }
    game_take_u8(bytes); /* VAC */
    int64_t bots = game_take_u8(bytes);
    set_counts(query, players, capacity, bytes->ended ? -1 : bots);
    return GAME_DONE;
}

enum game_outcome a2s_answer(struct game_query *query, struct str datagram, struct error *err)
{
    struct game_bytes bytes = {.left = datagram};
    if (str_starts(datagram, PART)) {
        return datagram.size < PART_MIN ? cut_short(query, err) : GAME_DONE;
    }
    if (!str_starts(datagram, WHOLE)) {
        return GAME_FOREIGN;
    }
    game_take(&bytes, WHOLE.size);
    switch (game_take_u8(&bytes)) {
    case KIND_CHALLENGE: return take_challenge(query, &bytes, err);
    case KIND_INFO: return take_info(query, &bytes, err);
    case KIND_GOLDSRC_INFO: return take_goldsrc_info(query, &bytes, err);
    default: return GAME_FOREIGN;
    }
}
