/* Journals of sessions, as they are and with sums that fit: a fuzzer cannot guess one. What is read can be applied, what is written of
 * it then reads as the same, and a tail that was cut is never a change. */
#include "must.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/state/session_journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct instant now = {.mono = 1000, .boot = 2000, .wall = 1795227240123};

/* Applies the records, and writes each again. */
static void pass_through(struct str text, struct session_table *table, struct buf *out)
{
    struct error err = {0};
    if (session_journal_check(text, &err) < 0) {
        must(err.code != ERROR_NONE && err.text[0] != '\0');
        return;
    }
    session_journal_begin(out);
    for (size_t at = SESSION_JOURNAL_HEAD_SIZE, used = 0; at <= text.size; at += used) {
        struct session_change change;
        if (session_journal_read((struct str){text.data + at, text.size - at}, at, &change, &used) !=
            SESSION_JOURNAL_CHANGE) {
            break;
        }
        must(used >= SESSION_JOURNAL_RECORD_SIZE && used <= text.size - at);
        session_table_apply(table, &change, &now);
        session_journal_add(&change, out->size, out);
    }
}

/* The table as it is, as a journal. */
static void write_whole(const struct session_table *table, struct buf *out)
{
    struct session_change change;
    uint32_t cursor = 0;
    size_t budget = SIZE_MAX;
    session_journal_begin(out);
    while (session_table_next(table, &now, &cursor, &budget, &change)) {
        session_journal_add(&change, out->size, out);
    }
}

static struct session_table *table_new(void)
{
    return session_table_new(&(struct session_table_settings){.max = 100, .seed = 1});
}

static void check(struct str text)
{
    struct buf again = {0}, whole = {0}, nothing = {0};
    struct session_table *table = table_new(), *copy = table_new();
    struct queue events;
    queue_init(&events, sizeof(struct session_event));
    pass_through(text, table, &again);
    must(again.size <= text.size && (again.size == 0 || memcmp(again.data, text.data, again.size) == 0));
    write_whole(table, &whole);
    pass_through(buf_view(&whole), copy, &nothing);
    must(session_table_facts(table)->count == session_table_facts(copy)->count);
    must(session_table_facts(table)->orphaned == session_table_facts(copy)->orphaned);
    must(session_table_facts(table)->text_bytes == session_table_facts(copy)->text_bytes);
    session_table_run(table, &now, SIZE_MAX, &events);
    session_table_free(table);
    session_table_free(copy);
    queue_fini(&events);
    buf_fini(&again);
    buf_fini(&whole);
    buf_fini(&nothing);
}

/* Input as payloads, each after its size in one byte: with the frames that fit. */
static void check_sealed(const uint8_t *data, size_t size)
{
    struct buf sealed = {0};
    session_journal_begin(&sealed);
    for (size_t at = 0; at < size;) {
        size_t left = size - at - 1, payload = data[at] < left ? data[at] : left;
        struct str bytes = {(const char *)data + at + 1, payload};
        uint64_t sum = str_hash(bytes, sealed.size);
        char *frame = buf_extend(&sealed, 12);
        for (int i = 0; i < 4; i++) {
            frame[i] = (char)(unsigned char)((uint64_t)payload >> (8 * i));
        }
        for (int i = 0; i < 8; i++) {
            frame[4 + i] = (char)(unsigned char)(sum >> (8 * i));
        }
        buf_str(&sealed, bytes);
        at += 1 + payload;
    }
    check(buf_view(&sealed));
    buf_fini(&sealed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check((struct str){(const char *)data, size});
    check_sealed(data, size);
    return 0;
}
