#include "outrider/codec/game/quake3.h"

#include "game_internal.h"
#include "outrider/base/buf.h"

#define HEAD "\xff\xff\xff\xff"

/* By hand: printf made half of what a try costs. */
static void add_nonce(struct buf *out, const struct game_query *query)
{
    static const char digits[] = "0123456789abcdef";
    char *to = buf_extend(out, 2 * sizeof(query->nonce));
    for (size_t i = 0; i < sizeof(query->nonce); i++) {
        to[2 * i] = digits[query->nonce[i] >> 4];
        to[2 * i + 1] = digits[query->nonce[i] & 15];
    }
}

void quake3_request(const struct game_query *query, struct buf *out)
{
    buf_str(out, query->wants_status ? STR(HEAD "getstatus ") : STR(HEAD "getinfo "));
    add_nonce(out, query);
}

/* The value of `name` in "\name\value\name\value"; data NULL when it is not there. */
static struct str value_of(struct str info, struct str name)
{
    while (info.size > 0) {
        struct str key = str_split(info, '\\', &info);
        struct str value = str_split(info, '\\', &info);
        if (str_eq(key, name)) {
            return value.data == NULL ? STR("") : value;
        }
    }
    return (struct str){NULL, 0};
}

/* Takes the text of the first of `names` that is there, where it is not known yet. */
static void take_text(char *text, struct str info, const struct str *names, size_t count)
{
    for (size_t i = 0; i < count && text[0] == '\0'; i++) {
        game_set_text(text, value_of(info, names[i]), GAME_CODES_QUAKE3);
    }
}

static bool has_nonce(const struct game_query *query, struct str info)
{
    struct buf nonce = {0};
    add_nonce(&nonce, query);
    bool has = str_eq(value_of(info, STR("challenge")), buf_view(&nonce));
    buf_fini(&nonce);
    return has;
}

static void take_texts(struct game_facts *facts, struct str info)
{
    static const struct str names[] = {STR_INIT("hostname"), STR_INIT("sv_hostname")};
    static const struct str maps[] = {STR_INIT("mapname")};
    static const struct str versions[] = {STR_INIT("gameversion"), STR_INIT("shortversion"),
                                          STR_INIT("version")};
    take_text(facts->name, info, names, COUNT_OF(names));
    take_text(facts->map, info, maps, COUNT_OF(maps));
    take_text(facts->version, info, versions, COUNT_OF(versions));
}

static int64_t count_lines(struct str text)
{
    int64_t lines = 0;
    while (text.size > 0) {
        lines += str_trim(str_split(text, '\n', &text)).size > 0 ? 1 : 0;
    }
    return lines;
}

/* Answers begin with the word and the end of a line; the info follows on a line of its own, without its first backslash here. */
static bool take_info(struct str datagram, struct str word, struct str *ret_info, struct str *ret_rest)
{
    if (!str_starts(datagram, word)) {
        return false;
    }
    struct str rest = {datagram.data + word.size, datagram.size - word.size};
    struct str info = str_split(rest, '\n', ret_rest);
    if (info.size > 0 && info.data[0] == '\\') {
        info.data++;
        info.size--;
    }
    *ret_info = info;
    return true;
}

enum game_outcome quake3_answer(struct game_query *query, struct str datagram, struct error *err)
{
    (void)err;
    struct str info, rest;
    bool is_status = take_info(datagram, STR(HEAD "statusResponse\n"), &info, &rest);
    if (!is_status && !take_info(datagram, STR(HEAD "infoResponse\n"), &info, &rest)) {
        return GAME_FOREIGN;
    }
    if (is_status != query->wants_status || !has_nonce(query, info)) {
        return GAME_FOREIGN;
    }
    int64_t players = is_status ? count_lines(rest) : game_count_of(value_of(info, STR("clients")));
    int64_t capacity = game_count_of(value_of(info, STR("sv_maxclients")));
    take_texts(&query->facts, info);
    game_set_counts(&query->facts, players, capacity);
    query->is_up = true;
    if (!is_status && (players < 0 || capacity < 0)) {
        query->wants_status = true;
        return GAME_ASK;
    }
    return GAME_DONE;
}
