#include "outrider/codec/state/session_journal.h"

#include "numbers_internal.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"

static const char magic[] = "outrider sessions\n";
enum {
    MAGIC_SIZE = sizeof(magic) - 1,
    FRAME_SIZE = 4 + 8,
    PAYLOAD_MAX = SESSION_JOURNAL_RECORD_MAX - FRAME_SIZE
};

_Static_assert(MAGIC_SIZE + 4 == SESSION_JOURNAL_HEAD_SIZE, "magic and version");

/* ---- writing ---- */

static void add_number(struct buf *out, int64_t value)
{
    number_put(buf_extend(out, 8), (uint64_t)value, 8);
}

static void add_text(struct buf *out, struct str text)
{
    number_put(buf_extend(out, 2), text.size, 2);
    buf_str(out, text);
}

void session_journal_begin(struct buf *out)
{
    buf_add(out, magic, MAGIC_SIZE);
    number_put(buf_extend(out, 4), SESSION_JOURNAL_VERSION, 4);
}

void session_journal_add(const struct session_change *change, uint64_t offset, struct buf *out)
{
    const struct session *session = &change->session;
    size_t begin = out->size;
    (void)buf_extend(out, FRAME_SIZE);
    *buf_extend(out, 1) = (char)change->kind;
    add_number(out, session->created_ms);
    add_number(out, session->touched_ms);
    add_number(out, session->expires_ms);
    add_number(out, change->until_ms);
    add_text(out, session->id);
    add_text(out, session->player);
    add_text(out, session->server);
    add_text(out, session->data);
    struct str payload = {out->data + begin + FRAME_SIZE, out->size - begin - FRAME_SIZE};
    number_put(out->data + begin, payload.size, 4);
    number_put(out->data + begin + 4, str_hash(payload, offset), 8);
}

/* ---- reading ---- */

int session_journal_check(struct str text, struct error *err)
{
    if (text.size < SESSION_JOURNAL_HEAD_SIZE || memcmp(text.data, magic, MAGIC_SIZE) != 0) {
        return error_set(err, ERROR_INVALID, "not a journal of sessions");
    }
    uint64_t version = number_at(text.data + MAGIC_SIZE, 4);
    if (version != SESSION_JOURNAL_VERSION) {
        return error_set(err, ERROR_NOT_FOUND,
                         "written by another version of outrider: format=%llu supported=%d",
                         (unsigned long long)version, SESSION_JOURNAL_VERSION);
    }
    return 0;
}

/* What is left of a record; once something could not be read, all that follows fails as well. */
struct reader {
    struct str left;
    bool failed;
};

static struct str take(struct reader *reader, size_t size)
{
    if (reader->failed || reader->left.size < size) {
        reader->failed = true;
        return (struct str){0};
    }
    struct str taken = {reader->left.data, size};
    reader->left = (struct str){reader->left.data + size, reader->left.size - size};
    return taken;
}

/* Times are some ms since 1970: a larger one would overflow what is counted with it. */
static int64_t take_time(struct reader *reader)
{
    struct str bytes = take(reader, 8);
    uint64_t value = bytes.size == 0 ? 0 : number_at(bytes.data, 8);
    reader->failed = reader->failed || value > UINT64_C(1) << 53;
    return reader->failed ? 0 : (int64_t)value;
}

static struct str take_text(struct reader *reader)
{
    struct str size = take(reader, 2);
    return take(reader, size.size == 0 ? 0 : (size_t)number_at(size.data, 2));
}

/* Whether the texts are what a change of its kind has. */
static bool is_sound(struct session_change *change)
{
    struct session *session = &change->session;
    const char *what;
    switch (change->kind) {
    case SESSION_CHANGE_PUT: return session_problem(session, &what) == NULL;
    case SESSION_CHANGE_TOUCH:
    case SESSION_CHANGE_END: return session_id_problem(session->id) == NULL;
    case SESSION_CHANGE_ORPHAN:
    case SESSION_CHANGE_RESTORE: return session_server_problem(session->server) == NULL;
    case SESSION_CHANGE_NONE: break;
    }
    return false;
}

static bool read_change(struct str payload, struct session_change *ret_change)
{
    struct reader reader = {.left = payload};
    struct str kind = take(&reader, 1);
    int number = reader.failed ? 0 : (unsigned char)kind.data[0];
    struct session_change change = {0};
    change.session.created_ms = take_time(&reader);
    change.session.touched_ms = take_time(&reader);
    change.session.expires_ms = take_time(&reader);
    change.until_ms = take_time(&reader);
    change.session.id = take_text(&reader);
    change.session.player = take_text(&reader);
    change.session.server = take_text(&reader);
    change.session.data = take_text(&reader);
    if (reader.failed || reader.left.size > 0 || number > SESSION_CHANGE_RESTORE) {
        return false;
    }
    change.kind = (enum session_change_kind)number;
    *ret_change = change;
    return is_sound(ret_change);
}

enum session_journal_found session_journal_read(struct str text, uint64_t offset,
                                                struct session_change *ret_change, size_t *ret_size)
{
    if (text.size < FRAME_SIZE) {
        return SESSION_JOURNAL_SHORT;
    }
    uint64_t size = number_at(text.data, 4);
    if (size > PAYLOAD_MAX) {
        return SESSION_JOURNAL_DAMAGED;
    }
    if (text.size - FRAME_SIZE < size) {
        return SESSION_JOURNAL_SHORT;
    }
    struct str payload = {text.data + FRAME_SIZE, (size_t)size};
    if (number_at(text.data + 4, 8) != str_hash(payload, offset) || !read_change(payload, ret_change)) {
        return SESSION_JOURNAL_DAMAGED;
    }
    *ret_size = FRAME_SIZE + (size_t)size;
    return SESSION_JOURNAL_CHANGE;
}
