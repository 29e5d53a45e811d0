/*     "outrider past\n" | u32 version | text prefix | i64 true until | i64 minute
 *     types and servers in any order (core/history/history_save.h) | each after u8 what it is, of a server:
 *         text TYPE/ID | u8 status | u8 flags | i64 gone wall | u64 reason | u64 drain | i64 minute of players | u8 players kept
 *         those that are known: u8 how long ago in minutes, u32 players
 *         where the record is kept: text key, text json, i64 mod revision, i64 create revision, u8 leased
 *         u8 lives | each: i64 began, i64 ended, u8 exact, u8 end
 *         u8 transitions | each: u64 seq, i64 wall, i64 after + 1, u8 kind, end, from, to, text reason, by, holds
 *     of a type: text name | u32 minutes | each: u8 known; if so u32 players, seats, servers of each status
 *     u8 end | u64 next seq
 *     u64 XXH64 of everything before it
 *
 * text: u32 size and the bytes. The record of a server that is there is not kept: the view has it. */
#include "outrider/codec/history/history_file.h"

#include "outrider/base/blob.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/record/view_item.h"
#include "outrider/core/fleet/view.h"
#include "outrider/core/history/history_restore.h"
#include "outrider/core/history/history_save.h"

#include <stdlib.h>

static const char magic[] = "outrider past\n";
enum {
    MAGIC_SIZE = sizeof(magic) - 1,
    SUM_SIZE = 8,
    FLAG_DRAINED = 1,
    FLAG_GONE = 2,
    FLAG_RECORD = 4,
    FLAGS = 7
};

/* What comes next. */
enum { NEXT_END, NEXT_SERVER, NEXT_TYPE };

/* ---- writing ---- */

static void put(struct buf *out, uint64_t value, size_t size)
{
    char *bytes = buf_extend(out, size);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)(unsigned char)(value >> (8 * i));
    }
}

static void put_text(struct buf *out, struct str text)
{
    put(out, text.size, 4);
    buf_str(out, text);
}

static void put_players(struct buf *out, const struct history_server *server)
{
    unsigned known = 0;
    for (int64_t ago = 0; ago < HISTORY_PLAYER_MINUTES; ago++) {
        known += history_players(server, server->minute - ago) != HISTORY_UNKNOWN ? 1 : 0;
    }
    put(out, known, 1);
    for (int64_t ago = 0; ago < HISTORY_PLAYER_MINUTES; ago++) {
        uint32_t players = history_players(server, server->minute - ago);
        if (players != HISTORY_UNKNOWN) {
            put(out, (uint64_t)ago, 1);
            put(out, players, 4);
        }
    }
}

static void put_record(struct buf *out, const struct view_entry *entry)
{
    put_text(out, view_entry_key(entry));
    put_text(out, blob_view(entry->json));
    put(out, (uint64_t)entry->mod_revision, 8);
    put(out, (uint64_t)entry->create_revision, 8);
    put(out, entry->leased ? 1 : 0, 1);
}

static void put_transitions(struct buf *out, const struct history_server *server)
{
    put(out, server->transition_count, 1);
    for (const struct history_transition *each = server->first; each != NULL; each = each->next) {
        put(out, each->seq, 8);
        put(out, (uint64_t)each->wall, 8);
        put(out, (uint64_t)(each->after_wall + 1), 8);
        const uint8_t bytes[] = {each->kind, each->end, each->from, each->to};
        buf_add(out, bytes, sizeof(bytes));
        put_text(out, history_reason(each));
        put_text(out, history_by(each));
        put_text(out, history_holds(each));
    }
}

static void put_server(struct buf *out, const struct history_server *server)
{
    bool record = server->gone && server->entry != NULL;
    put(out, NEXT_SERVER, 1);
    put_text(out, (struct str){server->name, server->name_size});
    put(out, server->status, 1);
    put(out,
        (server->drained ? FLAG_DRAINED : 0U) | (server->gone ? FLAG_GONE : 0U) | (record ? FLAG_RECORD : 0U),
        1);
    put(out, (uint64_t)server->gone_wall, 8);
    put(out, server->reason_hash, 8);
    put(out, server->drain_hash, 8);
    put(out, (uint64_t)server->minute, 8);
    put_players(out, server);
    if (record) {
        put_record(out, server->entry);
    }
    put(out, server->life_count, 1);
    for (size_t i = 0; i < server->life_count; i++) {
        put(out, (uint64_t)server->lives[i].began_wall, 8);
        put(out, (uint64_t)server->lives[i].ended_wall, 8);
        put(out, server->lives[i].exact ? 1 : 0, 1);
        put(out, server->lives[i].end, 1);
    }
    put_transitions(out, server);
}

static void put_type(struct buf *out, const struct history_piece *piece)
{
    put(out, NEXT_TYPE, 1);
    put_text(out, (struct str){piece->type->name, piece->type->hh.keylen}); /* it may have a NUL in it */
    put(out, piece->minutes, 4);
    for (size_t i = 0; i < piece->minutes; i++) {
        const struct history_totals *totals = &piece->totals[i];
        put(out, totals->known ? 1 : 0, 1);
        for (size_t j = 0; totals->known && j < VIEW_STATUS_COUNT + 2; j++) {
            put(out, j == 0 ? totals->players : j == 1 ? totals->seats : totals->servers[j - 2], 4);
        }
    }
}

struct history_writer {
    struct history *history;
    struct str_sum *sum;
    struct buf head; /* not written yet */
    bool done;
};

struct history_writer *history_writer_new(struct history *history, struct str prefix,
                                          const struct instant *now)
{
    const struct history_facts *facts = history_facts(history);
    struct history_writer *writer = mem_zalloc(sizeof(*writer));
    struct buf *head = &writer->head;
    writer->history = history;
    writer->sum = str_sum_new();
    buf_add(head, magic, MAGIC_SIZE);
    put(head, HISTORY_FILE_VERSION, 4);
    put_text(head, prefix);
    put(head, (uint64_t)(facts->synced ? now->wall : facts->stale_wall), 8);
    put(head, (uint64_t)history_save_begin(history), 8);
    return writer;
}

void history_writer_free(struct history_writer *writer)
{
    if (writer != NULL) {
        buf_fini(&writer->head);
        free(writer->sum);
        free(writer);
    }
}

bool history_writer_next(struct history_writer *writer, size_t bytes, struct buf *out)
{
    struct history_piece piece;
    size_t begin = out->size;
    buf_str(out, buf_view(&writer->head));
    buf_fini(&writer->head);
    while (!writer->done && out->size - begin < bytes) {
        writer->done = !history_save_next(writer->history, &piece);
        if (writer->done) {
            put(out, NEXT_END, 1);
            put(out, history_next_seq(writer->history), 8);
        } else if (piece.server != NULL) {
            put_server(out, piece.server);
        } else {
            put_type(out, &piece);
        }
    }
    str_sum_add(writer->sum, (struct str){out->data + begin, out->size - begin});
    if (writer->done) {
        put(out, str_sum_of(writer->sum), SUM_SIZE);
    }
    return !writer->done;
}

/* ---- reading ---- */

/* Once something could not be read, all that follows reads as 0. */
struct reader {
    struct str text; /* without the checksum */
    size_t at;
    bool failed;
    struct str prefix;
    struct history *history;
    struct error *err;
};

static void fail(struct reader *reader, const char *what)
{
    if (!reader->failed) {
        reader->failed = true;
        error_set(reader->err, ERROR_INVALID, "damaged: %s before byte %zu", what, reader->at);
    }
}

static uint64_t get(struct reader *reader, size_t size)
{
    uint64_t value = 0;
    if (reader->failed || reader->text.size - reader->at < size) {
        fail(reader, "it ends");
        return 0;
    }
    for (size_t i = 0; i < size; i++) {
        value |= (uint64_t)(unsigned char)reader->text.data[reader->at++] << (8 * i);
    }
    return value;
}

static struct str get_text(struct reader *reader)
{
    uint64_t size = get(reader, 4);
    if (reader->failed || reader->text.size - reader->at < size) {
        fail(reader, "a text is longer than the file");
        return (struct str){NULL, 0};
    }
    reader->at += (size_t)size;
    return (struct str){reader->text.data + reader->at - size, (size_t)size};
}

/* A time or a number of a registry: neither is negative. */
static int64_t get_wall(struct reader *reader)
{
    uint64_t value = get(reader, 8);
    if (value > REGISTRY_REVISION_MAX) {
        fail(reader, "a number is out of range");
        return 0;
    }
    return (int64_t)value;
}

static void get_players(struct reader *reader, struct history_server *server)
{
    uint64_t known = get(reader, 1);
    memset(server->players, 0xff, sizeof(server->players));
    if (known > HISTORY_PLAYER_MINUTES || (known > 0 && server->minute < HISTORY_PLAYER_MINUTES)) {
        fail(reader, "there are too many minutes");
    }
    for (uint64_t i = 0; i < known && !reader->failed; i++) {
        uint64_t ago = get(reader, 1), players = get(reader, 4);
        if (ago >= HISTORY_PLAYER_MINUTES) {
            fail(reader, "a minute is out of range");
        } else {
            server->players[(server->minute - (int64_t)ago) % HISTORY_PLAYER_MINUTES] = (uint32_t)players;
        }
    }
}

/* NULL where it is no record by the rules of this version, as of one that an earlier one kept. */
static struct view_entry *get_record(struct reader *reader)
{
    struct view_entry *entry = NULL;
    struct error err;
    struct view_place place = {.key = get_text(reader)};
    struct str json = get_text(reader);
    place.mod_revision = get_wall(reader);
    place.create_revision = get_wall(reader);
    place.leased = get(reader, 1) != 0;
    bool good = !reader->failed && view_record_decode(reader->prefix, &place, json, &entry, &err) == 0;
    return good ? entry : NULL;
}

static void get_lives(struct reader *reader, struct history_server *server)
{
    uint64_t count = get(reader, 1);
    for (uint64_t i = 0; i < count && !reader->failed; i++) {
        struct history_life life = {.began_wall = get_wall(reader)};
        life.ended_wall = get_wall(reader);
        life.exact = get(reader, 1) != 0;
        life.end = (uint8_t)get(reader, 1);
        if (!reader->failed && history_restore_life(server, &life) < 0) {
            fail(reader, "no life ends");
        }
    }
}

static void get_transitions(struct reader *reader, struct history_server *server)
{
    uint64_t count = get(reader, 1);
    for (uint64_t i = 0; i < count && !reader->failed; i++) {
        struct history_transition transition = {.seq = get(reader, 8)};
        struct str texts[3];
        transition.wall = get_wall(reader);
        transition.after_wall = get_wall(reader) - 1;
        transition.kind = (uint8_t)get(reader, 1);
        transition.end = (uint8_t)get(reader, 1);
        transition.from = (uint8_t)get(reader, 1);
        transition.to = (uint8_t)get(reader, 1);
        for (int j = 0; j < 3; j++) {
            texts[j] = get_text(reader);
        }
        if (!reader->failed && history_restore_transition(reader->history, server, &transition, texts) < 0) {
            fail(reader, "no transition ends");
        }
    }
}

static bool is_of(struct str prefix, struct str name, const struct view_entry *entry)
{
    struct str key = view_entry_key(entry);
    return key.size == prefix.size + 1 + name.size &&
           memcmp(key.data + prefix.size + 1, name.data, name.size) == 0;
}

static void get_server(struct reader *reader)
{
    struct history_server kept = {.minute = 0};
    struct str name = get_text(reader);
    kept.status = (uint8_t)get(reader, 1);
    uint64_t flags = get(reader, 1);
    kept.drained = (flags & FLAG_DRAINED) != 0;
    kept.gone = (flags & FLAG_GONE) != 0;
    kept.gone_wall = get_wall(reader);
    kept.reason_hash = get(reader, 8);
    kept.drain_hash = get(reader, 8);
    kept.minute = get_wall(reader);
    get_players(reader, &kept);
    bool has_record = (flags & FLAG_RECORD) != 0;
    struct view_entry *entry = has_record ? get_record(reader) : NULL;
    if (flags > FLAGS || (has_record && !kept.gone) ||
        (entry != NULL && !is_of(reader->prefix, name, entry))) {
        fail(reader, "no server ends");
    }
    struct history_server *server =
        reader->failed ? NULL : history_restore_server(reader->history, name, &kept, entry);
    view_entry_unref(entry);
    if (server == NULL) {
        fail(reader, "no server ends");
        return;
    }
    get_lives(reader, server);
    get_transitions(reader, server);
}

static void get_type(struct reader *reader)
{
    struct str name = get_text(reader);
    struct history_type *type = reader->failed ? NULL : history_restore_type(reader->history, name);
    uint64_t minutes = get(reader, 4);
    for (uint64_t j = 0; j < minutes && type != NULL && !reader->failed; j++) {
        struct history_totals totals = {.players = HISTORY_UNKNOWN, .seats = HISTORY_UNKNOWN};
        uint64_t known = get(reader, 1);
        totals.known = known == 1;
        for (size_t k = 0; totals.known && k < VIEW_STATUS_COUNT + 2; k++) {
            uint32_t value = (uint32_t)get(reader, 4);
            *(k == 0 ? &totals.players : k == 1 ? &totals.seats : &totals.servers[k - 2]) = value;
        }
        if (known > 1 || (!reader->failed && history_restore_totals(type, &totals) < 0)) {
            fail(reader, "no minute ends");
        }
    }
    if (type == NULL) {
        fail(reader, "no type ends");
    }
}

/* Types and servers, and the end. */
static void get_pieces(struct reader *reader)
{
    uint64_t next = get(reader, 1);
    for (; next != NEXT_END && !reader->failed; next = get(reader, 1)) {
        if (next == NEXT_SERVER) {
            get_server(reader);
        } else if (next == NEXT_TYPE) {
            get_type(reader);
        } else {
            fail(reader, "neither a server nor a type begins");
        }
    }
    uint64_t next_seq = get(reader, 8);
    if (!reader->failed &&
        (reader->at != reader->text.size || history_restore_end(reader->history, next_seq) < 0)) {
        fail(reader, "extra bytes, or a transition is there twice,");
    }
}

static void get_head(struct reader *reader)
{
    struct str written = get_text(reader);
    int64_t wall = get_wall(reader), minute = get_wall(reader);
    if (!reader->failed && !str_eq(written, reader->prefix)) {
        reader->failed = true;
        error_set(reader->err, ERROR_NOT_FOUND, "of the prefix %.*s, not %.*s",
                  written.size > 64 ? 64 : (int)written.size, written.data, STR_ARG(reader->prefix));
    }
    if (!reader->failed && history_restore_begin(reader->history, wall, minute) < 0) {
        fail(reader, "no beginning ends");
    }
}

/* The checksum is checked before anything else but the size is used. */
static int check_frame(struct str text, struct reader *reader, struct error *err)
{
    if (text.size > HISTORY_FILE_MAX) {
        return error_set(err, ERROR_LIMIT, "%zu bytes, at most %d are read", text.size, HISTORY_FILE_MAX);
    }
    if (text.size < MAGIC_SIZE + 4 + SUM_SIZE || memcmp(text.data, magic, MAGIC_SIZE) != 0) {
        return error_set(err, ERROR_INVALID, "damaged: cut short, or not written by an agent");
    }
    size_t size = text.size - SUM_SIZE;
    struct reader sum = {.text = text, .at = size, .err = err};
    *reader = (struct reader){.text = {text.data, size}, .at = MAGIC_SIZE, .err = err};
    uint64_t version = get(reader, 4);
    if (version != HISTORY_FILE_VERSION) {
        return error_set(err, ERROR_NOT_FOUND,
                         "written by another version of outrider: format=%llu supported=%d",
                         (unsigned long long)version, HISTORY_FILE_VERSION);
    }
    if (get(&sum, SUM_SIZE) != str_hash((struct str){text.data, size}, 0)) {
        return error_set(err, ERROR_INVALID, "damaged: the checksum does not match");
    }
    return 0;
}

int history_file_decode(struct str text, struct str prefix, const struct history_settings *settings,
                        struct history **ret_history, struct error *err)
{
    struct reader reader = {0};
    if (check_frame(text, &reader, err) < 0) {
        return error_wrap(err, "history file");
    }
    reader.prefix = prefix;
    reader.history = history_new(settings);
    get_head(&reader);
    get_pieces(&reader);
    if (reader.failed) {
        history_free(reader.history);
        return error_wrap(err, "history file");
    }
    *ret_history = reader.history;
    return 0;
}
