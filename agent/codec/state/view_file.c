/*     "outrider view\n" | u32 version | u64 cluster | i64 revision | i64 true_wall | text prefix
 *     u32 records    | each: text key, text json, i64 mod revision, i64 create revision, u8 leased
 *     u32 tombstones | each: the same, i64 gone_wall
 *     u32 marks      | each: u64 hash of the key, i64 wall; all of it only where there are any
 *     u64 XXH64 of everything before it
 *
 * text: u32 size and the bytes. Records are in the order of their keys, tombstones in that of their ends. */
#include "outrider/codec/state/view_file.h"

#include "numbers_internal.h"

#include "outrider/base/blob.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/record/record_sign.h"
#include "outrider/codec/record/view_item.h"
#include "outrider/core/fleet/view_read.h"

#include <stdlib.h>

static const char magic[] = "outrider view\n";
enum { MAGIC_SIZE = sizeof(magic) - 1, SUM_SIZE = 8, RECORD_MIN = 4 + 4 + 8 + 8 + 1, MARK_SIZE = 8 + 8 };

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
    free(file->marks);
    *file = (struct view_file){0};
}

static int by_hash(const void *a, const void *b)
{
    uint64_t left = ((const struct view_mark *)a)->key_hash, right = ((const struct view_mark *)b)->key_hash;
    return left < right ? -1 : left > right;
}

/* Whether the entry stays. A good signature does not make a record good that was put back: the view knew that before it was
 * written. `marks` are sorted by hash. */
static bool is_served(const struct record_check *check, struct view_entry *entry,
                      const struct view_mark *marks, size_t count)
{
    struct view_item item = {.entry = entry};
    if (record_check(check, &item, NULL) < 0) {
        return false;
    }
    const struct view_mark key = {.key_hash = str_hash(view_entry_key(entry), 0)};
    const struct view_mark *mark = count == 0 ? NULL : bsearch(&key, marks, count, sizeof(key), by_hash);
    if (entry->signature != VIEW_SIGNATURE_GOOD || mark == NULL || item.signed_wall >= mark->wall) {
        return true;
    }
    entry->signature = VIEW_SIGNATURE_BAD;
    return !check->require;
}

void view_file_check(struct view_file *file, const struct record_check *check)
{
    struct view_kept *kept = &file->kept;
    size_t entries = kept->entry_count, stones = kept->tombstone_count, count = kept->mark_count;
    struct view_mark *marks = mem_resize(NULL, count + 1, sizeof(*marks));
    memcpy(marks, kept->marks, count * sizeof(*marks));
    qsort(marks, count, sizeof(*marks), by_hash);
    kept->entry_count = kept->tombstone_count = 0;
    for (size_t i = 0; i < entries; i++) {
        if (is_served(check, file->entries[i], marks, count)) {
            file->entries[kept->entry_count++] = file->entries[i];
        } else {
            view_entry_unref(file->entries[i]);
        }
    }
    for (size_t i = 0; i < stones; i++) {
        if (is_served(check, file->tombstones[i].entry, marks, count)) {
            file->tombstones[kept->tombstone_count++] = file->tombstones[i];
        } else {
            view_entry_unref(file->tombstones[i].entry);
        }
    }
    free(marks);
}

/* ---- writing ---- */

static void put_number(struct buf *out, uint64_t value, size_t size)
{
    number_put(buf_extend(out, size), value, size);
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

/* A file without marks is as it was before there were any. */
static void put_marks(struct buf *out, const struct view *view)
{
    const struct view_mark *mark = NULL;
    size_t count = 0;
    while ((mark = view_mark_next(view, mark)) != NULL) {
        count++;
    }
    if (count > 0) {
        put_number(out, count, 4);
    }
    while ((mark = view_mark_next(view, mark)) != NULL) {
        put_number(out, mark->key_hash, 8);
        put_number(out, (uint64_t)mark->wall, 8);
    }
}

/* References to what was there when it began: the view goes on. */
struct view_file_writer {
    struct buf head, marks; /* not written yet */
    struct view_entry **entries;
    size_t count, entry; /* how many; the next */
    struct view_tombstone *stones;
    size_t stone_count, stone;
    bool counted; /* how many tombstones there are is written */
    struct str_sum *sum;
    bool done;
};

static void keep_stones(struct view_file_writer *writer, const struct view *view)
{
    const struct view_tombstone *stone = NULL;
    writer->stones = mem_resize(NULL, view_facts(view)->tombstone_count + 1, sizeof(*writer->stones));
    while ((stone = view_tombstone_next(view, stone)) != NULL) {
        writer->stones[writer->stone_count] = *stone;
        view_entry_ref(writer->stones[writer->stone_count++].entry);
    }
}

struct view_file_writer *view_file_writer_new(const struct view *view, const struct instant *now)
{
    const struct view_facts *facts = view_facts(view);
    struct view_file_writer *writer = mem_zalloc(sizeof(*writer));
    struct buf *head = &writer->head;
    buf_add(head, magic, MAGIC_SIZE);
    put_number(head, VIEW_FILE_VERSION, 4);
    put_number(head, facts->cluster, 8);
    put_number(head, (uint64_t)facts->revision, 8);
    put_number(head, (uint64_t)(facts->synced ? now->wall : facts->true_wall), 8);
    put_text(head, facts->prefix);
    put_number(head, facts->count, 4);
    writer->sum = str_sum_new();
    writer->entries = mem_resize(NULL, facts->count + 1, sizeof(struct view_entry *));
    for (; writer->count < facts->count; writer->count++) {
        writer->entries[writer->count] = view_entry_ref(facts->entries[writer->count]);
    }
    keep_stones(writer, view);
    put_marks(&writer->marks, view);
    return writer;
}

/* The next record or tombstone, or what follows them. */
static void put_next(struct view_file_writer *writer, struct buf *out)
{
    if (writer->entry < writer->count) {
        struct view_entry *entry = writer->entries[writer->entry++];
        put_entry(out, entry);
        view_entry_unref(entry);
    } else if (writer->stone < writer->stone_count) {
        struct view_tombstone *stone = &writer->stones[writer->stone++];
        put_entry(out, stone->entry);
        put_number(out, (uint64_t)stone->gone_wall, 8);
        view_entry_unref(stone->entry);
    } else {
        buf_str(out, buf_view(&writer->marks));
        writer->done = true;
    }
}

bool view_file_writer_next(struct view_file_writer *writer, size_t bytes, struct buf *out)
{
    size_t begin = out->size;
    buf_str(out, buf_view(&writer->head));
    buf_fini(&writer->head);
    while (!writer->done && out->size - begin < bytes) {
        if (writer->entry == writer->count && writer->stone == 0 && !writer->counted) {
            put_number(out, writer->stone_count, 4);
            writer->counted = true;
        }
        put_next(writer, out);
    }
    str_sum_add(writer->sum, (struct str){out->data + begin, out->size - begin});
    if (writer->done) {
        put_number(out, str_sum_of(writer->sum), SUM_SIZE);
    }
    return !writer->done;
}

void view_file_writer_free(struct view_file_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    while (writer->entry < writer->count) {
        view_entry_unref(writer->entries[writer->entry++]);
    }
    while (writer->stone < writer->stone_count) {
        view_entry_unref(writer->stones[writer->stone++].entry);
    }
    free(writer->entries);
    free(writer->stones);
    buf_fini(&writer->head);
    buf_fini(&writer->marks);
    free(writer->sum);
    free(writer);
}

void view_file_encode(const struct view *view, const struct instant *now, struct buf *out)
{
    struct view_file_writer *writer = view_file_writer_new(view, now);
    while (view_file_writer_next(writer, SIZE_MAX, out)) {
    }
    view_file_writer_free(writer);
}

/* ---- reading ---- */

/* Once something could not be read, all that follows reads as 0. */
struct reader {
    struct str text; /* without the checksum */
    size_t at;
    bool failed;
    struct error *err;
};

static void fail(struct reader *reader, const char *what, size_t at, const char *how)
{
    if (!reader->failed) {
        reader->failed = true;
        error_set(reader->err, ERROR_INVALID, "damaged: %s byte %zu%s", what, at, how);
    }
}

static size_t left(const struct reader *reader)
{
    return reader->failed ? 0 : reader->text.size - reader->at;
}

static uint64_t get_number(struct reader *reader, size_t size)
{
    if (left(reader) < size) {
        fail(reader, "it ends at", reader->at, "");
        return 0;
    }
    reader->at += size;
    return number_at(reader->text.data + reader->at - size, size);
}

static struct str get_text(struct reader *reader)
{
    uint64_t size = get_number(reader, 4);
    if (left(reader) < size) {
        fail(reader, "a text at", reader->at, " is longer than the file");
        return (struct str){NULL, 0};
    }
    reader->at += (size_t)size;
    return (struct str){reader->text.data + reader->at - size, (size_t)size};
}

/* The number of items that follow, each of at least `least` bytes, checked against the size of the file. */
static size_t get_count(struct reader *reader, size_t least)
{
    uint64_t count = get_number(reader, 4);
    if (count > left(reader) / least) {
        fail(reader, "the count before", reader->at, " is too large");
        return 0;
    }
    return (size_t)count;
}

static int64_t get_wall(struct reader *reader)
{
    uint64_t value = get_number(reader, 8);
    if (value > REGISTRY_REVISION_MAX) {
        fail(reader, "the number before", reader->at, " is out of range");
        return 0;
    }
    return (int64_t)value;
}

/* NULL where the file is damaged, and where an earlier version kept what is no record by the rules of this one: that is left
 * out, so that one such value does not cost the whole view. */
static struct view_entry *get_entry(struct reader *reader, struct str prefix)
{
    struct view_entry *entry = NULL;
    struct error err;
    size_t began = reader->at;
    struct view_place place = {.key = get_text(reader)};
    struct str json = get_text(reader);
    place.mod_revision = get_wall(reader);
    place.create_revision = get_wall(reader);
    uint64_t leased = get_number(reader, 1);
    place.leased = leased != 0;
    if (leased > 1) {
        fail(reader, "no record at", began, "");
    }
    bool good = !reader->failed && view_record_decode(prefix, &place, json, &entry, &err) == 0;
    return good ? entry : NULL;
}

static void get_entries(struct reader *reader, struct str prefix, struct view_file *file)
{
    size_t count = get_count(reader, RECORD_MIN);
    struct view_entry **entries = file->entries = mem_zalloc(count * sizeof(entries[0]));
    for (size_t i = 0; i < count && !reader->failed; i++) {
        size_t at = file->kept.entry_count;
        entries[at] = get_entry(reader, prefix);
        if (entries[at] == NULL) {
            continue;
        }
        file->kept.entry_count++;
        if (at > 0 && str_compare(view_entry_key(entries[at - 1]), view_entry_key(entries[at])) >= 0) {
            fail(reader, "the record before", reader->at, " is out of order");
        }
    }
}

static void get_tombstones(struct reader *reader, struct str prefix, struct view_file *file)
{
    size_t count = get_count(reader, RECORD_MIN + 8);
    struct view_tombstone *stones = file->tombstones = mem_zalloc(count * sizeof(stones[0]));
    for (size_t i = 0; i < count && !reader->failed; i++) {
        struct view_tombstone *stone = &stones[file->kept.tombstone_count];
        stone->entry = get_entry(reader, prefix);
        stone->gone_wall = get_wall(reader);
        file->kept.tombstone_count += stone->entry != NULL ? 1 : 0;
    }
}

static void get_marks(struct reader *reader, struct view_file *file)
{
    size_t count = left(reader) == 0 ? 0 : get_count(reader, MARK_SIZE);
    file->marks = mem_zalloc(count * sizeof(file->marks[0]));
    for (; file->kept.mark_count < count && !reader->failed; file->kept.mark_count++) {
        struct view_mark *mark = &file->marks[file->kept.mark_count];
        mark->key_hash = get_number(reader, 8);
        mark->wall = get_wall(reader);
    }
}

static void get_head(struct reader *reader, struct str prefix, struct view_kept *kept)
{
    kept->cluster = get_number(reader, 8);
    kept->revision = get_wall(reader);
    kept->true_wall = get_wall(reader);
    struct str written = get_text(reader);
    if (!reader->failed && !str_eq(written, prefix)) {
        reader->failed = true;
        error_set(reader->err, ERROR_NOT_FOUND, "of the prefix %.*s, not %.*s",
                  written.size > 64 ? 64 : (int)written.size, written.data, STR_ARG(prefix));
    }
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
    if (number_at(text.data + size, SUM_SIZE) != str_hash((struct str){text.data, size}, 0)) {
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
    get_head(&reader, prefix, &file.kept);
    get_entries(&reader, prefix, &file);
    get_tombstones(&reader, prefix, &file);
    get_marks(&reader, &file);
    if (left(&reader) > 0) {
        fail(&reader, "extra bytes at", reader.at, "");
    }
    if (reader.failed) {
        view_file_fini(&file);
        return error_wrap(err, "view file");
    }
    file.kept.entries = file.entries;
    file.kept.tombstones = file.tombstones;
    file.kept.marks = file.marks;
    *ret_file = file;
    return 0;
}
