/* Reading the files of the audit from their end. */
#include "audit_file_internal.h"

#include "outrider/base/error.h"
#include "outrider/codec/audit/audit_json.h"
#include "outrider/os/append.h"

#include <stdio.h>

/* A slice has room for some whole lines; a search ends after so many bytes, and the next page goes on. */
enum { SLICE_BYTES = 32 << 10, SEARCH_BYTES = 8 << 20 };

/* Reads the block before `end`, and moves behind its first end of line, unless it begins the file. Returns the whole lines, with what
 * follows the last of them; `ret_begin` is where they begin. */
static struct str read_block(int fd, uint64_t end, struct buf *bytes, uint64_t *ret_begin)
{
    struct error err;
    uint64_t begin = end > SLICE_BYTES ? end - SLICE_BYTES : 0;
    buf_clear(bytes);
    if (append_read(fd, begin, (size_t)(end - begin), &err, bytes) < 0) {
        *ret_begin = 0;
        return STR("");
    }
    struct str lines = buf_view(bytes);
    if (begin > 0) {
        const char *first = memchr(lines.data, '\n', lines.size);
        size_t skipped = first == NULL ? lines.size : (size_t)(first + 1 - lines.data);
        /* A line that is longer than a block is none of ours: it is passed over. */
        bool is_line = skipped < lines.size;
        lines = is_line ? (struct str){lines.data + skipped, lines.size - skipped} : STR("");
        begin += is_line ? skipped : 0;
    }
    *ret_begin = begin;
    return lines;
}

/* Takes the last line off the end of `lines`, without its end of line. */
static struct str take_last(struct str *lines)
{
    struct str all = *lines;
    if (all.size > 0 && all.data[all.size - 1] == '\n') {
        all.size--;
    }
    const char *before = all.size == 0 ? NULL : memrchr(all.data, '\n', all.size);
    size_t begin = before == NULL ? 0 : (size_t)(before + 1 - all.data);
    lines->size = begin;
    return (struct str){all.data + begin, all.size - begin};
}

bool audit_file_last(int fd, uint64_t size, struct audit_entry *ret_entry, uint64_t *ret_end)
{
    struct buf bytes = {0}, texts = {0};
    struct error err;
    bool found = false, whole = false;
    uint64_t end = size, begin;
    *ret_end = 0;
    while (end > 0 && !found) {
        struct str lines = read_block(fd, end, &bytes, &begin);
        if (!whole && lines.size > 0) {
            const char *last = memrchr(lines.data, '\n', lines.size);
            lines.size = last == NULL ? 0 : (size_t)(last + 1 - lines.data);
            whole = last != NULL || begin > 0;
            *ret_end = begin + lines.size;
        }
        while (lines.size > 0 && !found) {
            found = audit_decode(take_last(&lines), &texts, ret_entry, &err) == 0;
        }
        end = begin;
    }
    memset(ret_entry->texts, 0, sizeof(ret_entry->texts));
    buf_fini(&bytes);
    buf_fini(&texts);
    return found;
}

void audit_file_search_begin(struct audit_file_search *search, struct audit_file *file,
                             struct audit_page *page)
{
    *search = (struct audit_file_search){.file = file, .page = page, .fd = -1};
}

/* Whether a line has an id that is not before the one asked for, without decoding it: most of those that are too new are passed over. */
static bool is_too_new(struct str line, const char *before)
{
    enum { AT = 7 }; /* behind {"id":" */
    return before[0] != '\0' && line.size > AT + ULID_LENGTH &&
           memcmp(line.data + AT, before, ULID_LENGTH) >= 0;
}

/* Whether all of the file is too new, by its first line. */
static bool is_passed_over(const struct audit_file_search *search)
{
    struct buf begin = {0};
    struct error err;
    int result = append_read(search->fd, 0, 64, &err, &begin);
    bool passed = result == 0 && is_too_new(buf_view(&begin), audit_page_query(search->page)->before);
    buf_fini(&begin);
    return passed;
}

static bool open_next(struct audit_file_search *search)
{
    struct buf path = {0};
    struct error err;
    bool found = false;
    while (!found && search->number <= AUDIT_FILES_MAX) {
        audit_file_path(search->file, search->number++, &path);
        if (append_look(buf_text(&path), &err, &search->fd, &search->at) == 0) {
            found = !is_passed_over(search);
            if (!found) {
                audit_file_search_end(search);
            }
        }
    }
    buf_fini(&path);
    return found;
}

enum found { FOUND_TOO_NEW, FOUND_SOME, FOUND_ALL, FOUND_OLDEST };

/* Offers the lines, the last one first, until the page has enough or one is older than what is asked for. */
static enum found offer_lines(struct audit_file_search *search, struct str lines)
{
    const struct audit_query *query = audit_page_query(search->page);
    enum found found = FOUND_TOO_NEW;
    struct buf texts = {0};
    struct audit_entry entry;
    struct error err;
    char oldest[ULID_LENGTH + 1];
    audit_id_floor(query->filter.from_wall, oldest);
    while (lines.size > 0 && found < FOUND_ALL) {
        struct str line = take_last(&lines);
        if (is_too_new(line, query->before)) {
            continue;
        }
        found = FOUND_SOME;
        if (audit_decode(line, &texts, &entry, &err) == 0) {
            audit_page_offer(search->page, &entry);
            memcpy(search->last, entry.id, sizeof(search->last));
            found = strcmp(entry.id, oldest) < 0 ? FOUND_OLDEST : found;
            found = audit_page_is_full(search->page, entry.id) ? FOUND_ALL : found;
        }
    }
    buf_fini(&texts);
    return found;
}

bool audit_file_search_slice(struct audit_file_search *search)
{
    struct buf bytes = {0};
    uint64_t begin;
    if (search->fd < 0 && !open_next(search)) {
        audit_page_read(search->page, "");
        return false;
    }
    struct str lines = read_block(search->fd, search->at, &bytes, &begin);
    enum found found = offer_lines(search, lines);
    search->bytes += found == FOUND_TOO_NEW ? 0 : search->at - begin;
    search->at = begin;
    buf_fini(&bytes);
    if (found >= FOUND_ALL || (search->bytes >= SEARCH_BYTES && search->last[0] != '\0')) {
        audit_page_read(search->page, found == FOUND_OLDEST ? "" : search->last);
        return false;
    }
    if (search->at == 0) {
        audit_file_search_end(search);
    }
    return true;
}

void audit_file_search_end(struct audit_file_search *search)
{
    append_close(search->fd);
    search->fd = -1;
}
