/* The end of the log, for watches of ranges: a command that waits in the server for what comes, and beside it, each time, which store
 * that is. Without that a log that is gone would be waited for for ever. Revisions that follow one another are the proof that none is
 * missing. */
#include "redis_registry_internal.h"

#include "outrider/base/mem.h"
#include "outrider/io/loop/timer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

enum {
    BLOCK_MS = 2000,
    ANSWER_WITHIN_MS = 2000,
    COUNT_FIRST = 200,
    COUNT_MAX = 200000,
    REAP_EVERY_MS = 1000
};

static void set_state(struct tail *tail, enum tail_state state)
{
    static const bool allowed[4][4] = {
        [TAIL_OFF] = {[TAIL_CONNECTING] = true},
        [TAIL_CONNECTING] = {[TAIL_PROVING] = true, [TAIL_OFF] = true},
        [TAIL_PROVING] = {[TAIL_LIVE] = true, [TAIL_CONNECTING] = true, [TAIL_OFF] = true},
        [TAIL_LIVE] = {[TAIL_CONNECTING] = true, [TAIL_OFF] = true},
    };
    assert(allowed[tail->state][state]);
    tail->state = state;
}

/* What was asked gets no answer any more. */
static void leave(struct redis_registry *own, enum registry_failure failure, bool read_anew, const char *why)
{
    set_state(&own->tail, TAIL_CONNECTING);
    redis_line_leave(own->tail.line, why);
    watches_end(own, false, failure, read_anew, why);
}

static void leave_store(struct redis_registry *own)
{
    leave(own, REGISTRY_RETRY, true,
          "the store is another one now, or has another history: all is to be read again");
}

static void leave_failed(struct redis_registry *own, const struct redis_result *result)
{
    enum registry_failure failure = redis_registry_failure(result->outcome);
    leave(own, failure == REGISTRY_UNKNOWN ? REGISTRY_RETRY : failure, false, result->why);
}

/* ---- which store it is ---- */

static void on_identity(const struct redis_result *result, void *user)
{
    struct redis_registry *own = user;
    struct tail *tail = &own->tail;
    struct redis_log_head head;
    if (tail->state < TAIL_PROVING) {
        return; /* it is being left */
    }
    if (result->outcome != REDIS_DONE) {
        leave_failed(own, result);
        return;
    }
    bool is_one = redis_log_head_read(result->reply, &head) == 0;
    if (tail->state == TAIL_PROVING && is_one) {
        tail->head = head;
        tail->next = head.revision + 1;
    } else if (!is_one || head.cluster != tail->head.cluster || head.epoch != tail->head.epoch ||
               head.revision < tail->next - 1) {
        leave_store(own);
    }
}

static void ask_identity(struct redis_registry *own)
{
    struct str words[] = {STR("HMGET"), str_of(own->keys[KEY_META]), STR("id"), STR("epoch"), STR("rev")};
    redis_line_ask(own->tail.line, words, COUNT_OF(words), ANSWER_WITHIN_MS, on_identity, own);
}

/* ---- what comes ---- */

static void poll(struct redis_registry *own);

static void tell(struct redis_registry *own, const struct registry_change *changes, size_t count)
{
    struct redis_watch *watch;
    LL_FOREACH(own->watches, watch)
    {
        if (!watch->hears && watch->state == WATCH_LIVE) {
            watch_changes(watch, changes, count, own->tail.next - 1);
        }
    }
}

/* Reads entries into `changes`. Returns how many of them belong to whole revisions, or -1 where the history does not go on. */
static int read_entries(struct tail *tail, const struct redis_reply *entries, struct registry_change *changes)
{
    int64_t next = tail->next;
    int whole = 0;
    for (size_t i = 0; i < entries->count; i++) {
        struct redis_log_entry entry;
        if (redis_log_entry_read(&entries->items[i], &entry) < 0 || entry.kind == REDIS_LOG_EPOCH ||
            entry.revision != next) {
            return -1;
        }
        changes[i] = entry.change;
        if (!entry.more) {
            next++;
            whole = (int)i + 1;
        }
    }
    tail->next = next;
    return whole;
}

static void take_entries(struct redis_registry *own, const struct redis_reply *entries)
{
    struct tail *tail = &own->tail;
    struct registry_change *changes = mem_resize(NULL, entries->count + 1, sizeof(*changes));
    int whole = read_entries(tail, entries, changes);
    if (whole < 0) {
        leave_store(own);
    } else if (whole == 0) { /* a revision of more changes than were asked for */
        tail->count = tail->count < COUNT_MAX ? tail->count * 2 : tail->count;
    } else {
        tail->count = COUNT_FIRST;
        tell(own, changes, (size_t)whole);
    }
    free(changes);
}

/* [[LOG, [ENTRY...]]], or nil when nothing came. A watch may stop the tail when it is told. */
static void on_entries(const struct redis_result *result, void *user)
{
    struct redis_registry *own = user;
    if (own->tail.state != TAIL_LIVE) {
        return;
    }
    if (result->outcome != REDIS_DONE) {
        leave_failed(own, result);
        return;
    }
    const struct redis_reply *entries = redis_item(redis_item(result->reply, 0), 1);
    if (entries->type == REDIS_IS_ARRAY) {
        take_entries(own, entries);
    }
    if (own->tail.state == TAIL_LIVE && redis_line_is_open(own->tail.line)) {
        poll(own);
    }
}

static void poll(struct redis_registry *own)
{
    char from[48], count[16], block[16];
    snprintf(from, sizeof(from), "%" PRId64 "-18446744073709551615", own->tail.next - 1);
    snprintf(count, sizeof(count), "%u", own->tail.count);
    snprintf(block, sizeof(block), "%d", BLOCK_MS);
    ask_identity(own);
    struct str words[] = {STR("XREAD"),
                          STR("COUNT"),
                          str_of(count),
                          STR("BLOCK"),
                          str_of(block),
                          STR("STREAMS"),
                          str_of(own->keys[KEY_LOG]),
                          str_of(from)};
    redis_line_ask(own->tail.line, words, COUNT_OF(words), BLOCK_MS + ANSWER_WITHIN_MS, on_entries, own);
}

/* ---- the line ---- */

/* Whether it may read the log at all. */
static void on_proof(const struct redis_result *result, void *user)
{
    struct redis_registry *own = user;
    struct redis_watch *watch;
    if (own->tail.state != TAIL_PROVING) {
        return;
    }
    if (result->outcome != REDIS_DONE) {
        leave_failed(own, result);
        return;
    }
    set_state(&own->tail, TAIL_LIVE);
    own->tail.count = COUNT_FIRST;
    poll(own);
    LL_FOREACH(own->watches, watch)
    {
        if (!watch->hears && watch->state == WATCH_WAITING) {
            watch_read(watch);
        }
    }
}

static void on_opened(struct redis_line *line, void *user)
{
    struct redis_registry *own = user;
    struct str words[] = {STR("XREAD"),
                          STR("COUNT"),
                          STR("1"),
                          STR("STREAMS"),
                          str_of(own->keys[KEY_LOG]),
                          STR("18446744073709551615-0")};
    if (own->tail.state != TAIL_CONNECTING) {
        return;
    }
    set_state(&own->tail, TAIL_PROVING);
    ask_identity(own);
    redis_line_ask(line, words, COUNT_OF(words), ANSWER_WITHIN_MS, on_proof, own);
}

static void on_lost(struct redis_line *line, const char *why, void *user)
{
    struct redis_registry *own = user;
    (void)line;
    if (own->tail.state > TAIL_CONNECTING) {
        set_state(&own->tail, TAIL_CONNECTING);
    }
    watches_end(own, false, REGISTRY_RETRY, false, why);
}

static const struct redis_line_handler handler = {on_opened, on_lost, NULL};

void tail_start(struct redis_registry *own)
{
    if (own->tail.state == TAIL_OFF) {
        set_state(&own->tail, TAIL_CONNECTING);
        own->tail.line = redis_line_new(own->redis, str_of(own->keys[KEY_META]), &handler, own);
        timer_arm_ms(own->reaper, REAP_EVERY_MS);
    }
}

void tail_stop(struct redis_registry *own)
{
    if (own->tail.state != TAIL_OFF) {
        set_state(&own->tail, TAIL_OFF);
        redis_line_free(own->tail.line);
        own->tail.line = NULL;
        timer_cancel(own->reaper);
    }
}
