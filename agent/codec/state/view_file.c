/*     "outrider view\n" | u32 version | u64 cluster | i64 revision | i64 true_wall | text prefix
 *     u32 records    | each: text key, text json, i64 mod revision, i64 create revision, u8 leased
 *     u32 tombstones | each: the same, i64 gone_wall
 *     u64 XXH64 of everything before it
 *
 * text: u32 size and the bytes. Records are in the order of their keys, tombstones in that of their ends. */
#include "outrider/codec/state/view_file.h"

#include "outrider/base/blob.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/record/view_item.h"
#include "outrider/core/fleet/view_read.h"

#include <stdlib.h>

/* Without optimisation the compiler keeps what xxhash.h defines and nothing calls; its allocations would be mem.h's. */
#define XXH_INLINE_ALL
#define malloc(size) mem_zalloc(size)
#include <xxhash.h>
#undef malloc

static const char magic[] = "outrider view\n";
enum { MAGIC_SIZE = sizeof(magic) - 1, SUM_SIZE = 8, RECORD_MIN = 4 + 4 + 8 + 8 + 1 };

void view_file_fini(struct view_file *file)
{
    if (file == NULL) {
        return;
    }
    for (size_t i = 0; i < file->kept.entry_count; i++) {
        view_entry_unref(file->entries[i]);
    }
    for (size_t i = 0; i < file->kept.tombstone_count; i++) {
        view_entry_unref(file->tombstones[i].entry);
    }
    free(file->entries);
    free(file->tombstones);
    *file = (struct view_file){0};
}

/* ---- writing ---- */

static void put_number(struct buf *out, uint64_t value, size_t size)
{
    char *to = buf_extend(out, size);
    for (size_t i = 0; i < size; i++) {
        to[i] = (char)(unsigned char)(value >> (8 * i));
    }
}

static void put_text(struct buf *out, struct str text)
{
    put_number(out, text.size, 4);
    buf_str(out, text);
}

static void put_entry(struct buf *out, const struct view_entry *entry)
{
    put_text(out, view_entry_key(entry));
    put_text(out, blob_view(entry->json));
    put_number(out, (uint64_t)entry->mod_revision, 8);
    put_number(out, (uint64_t)entry->create_revision, 8);
    put_number(out, entry->leased ? 1 : 0, 1);
}

void view_file_encode(const struct view *view, const struct instant *now, struct buf *out)
{
    const struct view_facts *facts = view_facts(view);
    size_t begin = out->size;
    buf_add(out, magic, MAGIC_SIZE);
    put_number(out, VIEW_FILE_VERSION, 4);
    put_number(out, facts->cluster, 8);
    put_number(out, (uint64_t)facts->revision, 8);
    put_number(out, (uint64_t)(facts->synced ? now->wall : facts->true_wall), 8);
    put_text(out, facts->prefix);
    put_number(out, facts->count, 4);
    for (size_t i = 0; i < facts->count; i++) {
        put_entry(out, facts->entries[i]);
    }
    put_number(out, facts->tombstone_count, 4);
    const struct view_tombstone *stone = NULL;
    while ((stone = view_tombstone_next(view, stone)) != NULL) {
        put_entry(out, stone->entry);
        put_number(out, (uint64_t)stone->gone_wall, 8);
    }
    put_number(out, XXH64(out->data + begin, out->size - begin, 0), SUM_SIZE);
}

/* ---- reading ---- */

struct reader {
    struct str text; /* without the checksum */
    size_t at;
    struct error *err;
};

static uint64_t number_at(const char *data, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value |= (uint64_t)(unsigned char)data[i] << (8 * i);
    }
    return value;
}

static int get_number(struct reader *reader, size_t size, uint64_t *ret_value)
{
    if (reader->text.size - reader->at < size) {
        return error_set(reader->err, ERROR_INVALID, "damaged: it ends at byte %zu", reader->at);
    }
    *ret_value = number_at(reader->text.data + reader->at, size);
    reader->at += size;
    return 0;
}

static int get_text(struct reader *reader, struct str *ret_text)
{
    uint64_t size;
    if (get_number(reader, 4, &size) < 0) {
        return -1;
    }
    if (reader->text.size - reader->at < size) {
        return error_set(reader->err, ERROR_INVALID, "damaged: a text at byte %zu is longer than the file",
                         reader->at);
    }
    *ret_text = (struct str){reader->text.data + reader->at, (size_t)size};
    reader->at += (size_t)size;
    return 0;
}

/* The number of items that follow, each of at least `least` bytes, checked against the size of the file. */
static int get_count(struct reader *reader, size_t least, size_t *ret_count)
{
    uint64_t count;
    if (get_number(reader, 4, &count) < 0) {
        return -1;
    }
    if (count > (reader->text.size - reader->at) / least) {
        return error_set(reader->err, ERROR_INVALID, "damaged: the count before byte %zu is too large",
                         reader->at);
    }
    *ret_count = (size_t)count;
    return 0;
}

static int get_wall(struct reader *reader, int64_t *ret_wall)
{
    uint64_t value;
    if (get_number(reader, 8, &value) < 0) {
        return -1;
    }
    if (value > INT64_MAX / 2) {
        return error_set(reader->err, ERROR_INVALID, "damaged: the number before byte %zu is out of range",
                         reader->at);
    }
    *ret_wall = (int64_t)value;
    return 0;
}

static int get_entry(struct reader *reader, struct str prefix, struct view_entry **ret_entry)
{
    struct view_place place = {0};
    struct str json;
    uint64_t leased;
    size_t began = reader->at;
    if (get_text(reader, &place.key) < 0 || get_text(reader, &json) < 0 ||
        get_wall(reader, &place.mod_revision) < 0 || get_wall(reader, &place.create_revision) < 0 ||
        get_number(reader, 1, &leased) < 0) {
        return -1;
    }
    place.leased = leased != 0;
    if (leased > 1 || view_record_decode(prefix, &place, json, ret_entry, reader->err) < 0) {
        return leased > 1 ? error_set(reader->err, ERROR_INVALID, "damaged: no record at byte %zu", began)
                          : error_wrap(reader->err, "damaged: no record at byte %zu", began);
    }
    return 0;
}

static bool in_order(const struct view_entry *a, const struct view_entry *b)
{
    return str_compare(view_entry_key(a), view_entry_key(b)) < 0;
}

static int get_entries(struct reader *reader, struct str prefix, struct view_file *file)
{
    size_t count;
    if (get_count(reader, RECORD_MIN, &count) < 0) {
        return -1;
    }
    file->entries = mem_zalloc(count * sizeof(file->entries[0]));
    for (size_t i = 0; i < count; i++) {
        if (get_entry(reader, prefix, &file->entries[i]) < 0) {
            return -1;
        }
        file->kept.entry_count++;
        if (i > 0 && !in_order(file->entries[i - 1], file->entries[i])) {
            return error_set(reader->err, ERROR_INVALID,
                             "damaged: the record before byte %zu is out of order", reader->at);
        }
    }
    return 0;
}

static int get_tombstones(struct reader *reader, struct str prefix, struct view_file *file)
{
    size_t count;
    if (get_count(reader, RECORD_MIN + 8, &count) < 0) {
        return -1;
    }
    file->tombstones = mem_zalloc(count * sizeof(file->tombstones[0]));
    for (size_t i = 0; i < count; i++) {
        if (get_entry(reader, prefix, &file->tombstones[i].entry) < 0) {
            return -1;
        }
        file->kept.tombstone_count++;
        if (get_wall(reader, &file->tombstones[i].gone_wall) < 0) {
            return -1;
        }
    }
    return 0;
}

static int get_head(struct reader *reader, struct str prefix, struct view_kept *kept)
{
    struct str written;
    if (get_number(reader, 8, &kept->cluster) < 0 || get_wall(reader, &kept->revision) < 0 ||
        get_wall(reader, &kept->true_wall) < 0 || get_text(reader, &written) < 0) {
        return -1;
    }
    if (!str_eq(written, prefix)) {
        return error_set(reader->err, ERROR_NOT_FOUND, "of the prefix %.*s, not %.*s",
                         written.size > 64 ? 64 : (int)written.size, written.data, STR_ARG(prefix));
    }
    return 0;
}

/* The checksum is checked before anything else but the size is used. */
static int check_frame(struct str text, struct reader *reader, struct error *err)
{
    if (text.size > VIEW_FILE_MAX) {
        return error_set(err, ERROR_LIMIT, "%zu bytes, at most %d are read", text.size, VIEW_FILE_MAX);
    }
    if (text.size < MAGIC_SIZE + 4 + SUM_SIZE || memcmp(text.data, magic, MAGIC_SIZE) != 0) {
        return error_set(err, ERROR_INVALID, "damaged: cut short, or not written by an agent");
    }
    uint64_t version = number_at(text.data + MAGIC_SIZE, 4);
    if (version != VIEW_FILE_VERSION) {
        return error_set(err, ERROR_NOT_FOUND,
                         "written by another version of outrider: format=%llu supported=%d",
                         (unsigned long long)version, VIEW_FILE_VERSION);
    }
    size_t size = text.size - SUM_SIZE;
    if (number_at(text.data + size, SUM_SIZE) != XXH64(text.data, size, 0)) {
        return error_set(err, ERROR_INVALID, "damaged: the checksum does not match");
    }
    *reader = (struct reader){.text = {text.data, size}, .at = MAGIC_SIZE + 4, .err = err};
    return 0;
}

int view_file_decode(struct str text, struct str prefix, struct view_file *ret_file, struct error *err)
{
    struct reader reader = {0};
    struct view_file file = {0};
    if (check_frame(text, &reader, err) < 0) {
        return error_wrap(err, "view file");
    }
    int result = get_head(&reader, prefix, &file.kept) < 0 || get_entries(&reader, prefix, &file) < 0 ||
                         get_tombstones(&reader, prefix, &file) < 0
                     ? -1
                     : 0;
    if (result == 0 && reader.at != reader.text.size) {
        result = error_set(err, ERROR_INVALID, "damaged: extra bytes at byte %zu", reader.at);
    }
    if (result < 0) {
        view_file_fini(&file);
        return error_wrap(err, "view file");
    }
    file.kept.entries = file.entries;
    file.kept.tombstones = file.tombstones;
    *ret_file = file;
    return 0;
}
