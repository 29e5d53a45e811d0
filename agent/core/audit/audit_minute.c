#include "outrider/core/audit/audit_minute.h"

#include "outrider/base/buf.h"
#include "outrider/base/mem.h"

#include <stdlib.h>

struct line {
    struct audit_entry entry;
    struct buf texts;
};

struct audit_minute {
    struct line lines[AUDIT_MINUTE_MAX + 1]; /* the last: all others */
    size_t count;
    bool others;
    int64_t due_mono;
};

struct audit_minute *audit_minute_new(void)
{
    struct audit_minute *minute = mem_zalloc(sizeof(*minute));
    minute->due_mono = INT64_MAX;
    return minute;
}

/* The address without its port: each connection has another. One of IPv6 has it behind its bracket. */
static struct str host_of(struct str from)
{
    struct str rest, first = str_split(from, ':', &rest);
    bool is_v6 = from.size > 0 && from.data[0] == '[';
    if (is_v6) {
        struct str inside = str_split(from, ']', &rest);
        return (struct str){from.data, rest.size > 0 ? inside.size + 1 : from.size};
    }
    /* Without a bracket one that has several colons has no port. */
    struct str port = str_split(rest, ':', &rest);
    return rest.size == 0 && port.data != NULL ? first : from;
}

static bool is_same(const struct audit_entry *line, const struct audit_entry *attempt, struct str host)
{
    return line->outcome == attempt->outcome && str_eq(line->texts[AUDIT_FROM], host) &&
           str_eq(line->texts[AUDIT_WHO], attempt->texts[AUDIT_WHO]);
}

static void begin_line(struct line *line, const struct audit_entry *attempt, struct str host)
{
    struct str *texts[AUDIT_TEXTS];
    line->entry = (struct audit_entry){.outcome = attempt->outcome};
    static const enum audit_text kept[] = {AUDIT_WHO, AUDIT_ROLE, AUDIT_HOW, AUDIT_WHAT, AUDIT_CODE};
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        line->entry.texts[kept[i]] = attempt->texts[kept[i]];
    }
    line->entry.texts[AUDIT_FROM] = host;
    for (size_t i = 0; i < AUDIT_TEXTS; i++) {
        texts[i] = &line->entry.texts[i];
        texts[i]->size = texts[i]->size < audit_text_rows[i].max ? texts[i]->size : audit_text_rows[i].max;
    }
    buf_keep(&line->texts, texts, AUDIT_TEXTS);
}

/* What differs among those of a line is said of none. */
static void join(struct audit_entry *line, const struct audit_entry *attempt)
{
    static const enum audit_text told[] = {AUDIT_WHAT, AUDIT_CODE};
    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        if (!str_eq(line->texts[told[i]], attempt->texts[told[i]])) {
            line->texts[told[i]] = STR("several");
        }
    }
    line->count++;
}

void audit_minute_count(struct audit_minute *minute, const struct audit_entry *attempt, int64_t now_mono)
{
    struct str host = host_of(attempt->texts[AUDIT_FROM]);
    size_t at = 0;
    while (at < minute->count && !is_same(&minute->lines[at].entry, attempt, host)) {
        at++;
    }
    if (minute->due_mono == INT64_MAX) {
        minute->due_mono = now_mono + AUDIT_MINUTE_MS;
    }
    if (at == AUDIT_MINUTE_MAX && !minute->others) {
        minute->others = true;
        begin_line(&minute->lines[at], &(struct audit_entry){.outcome = AUDIT_REFUSED}, STR("others"));
    } else if (at == minute->count && at < AUDIT_MINUTE_MAX) {
        minute->count++;
        begin_line(&minute->lines[at], attempt, host);
    }
    join(&minute->lines[at].entry, attempt);
}

int64_t audit_minute_due(const struct audit_minute *minute)
{
    return minute->due_mono;
}

void audit_minute_end(struct audit_minute *minute, void (*take)(void *user, const struct audit_entry *entry),
                      void *user)
{
    size_t count = minute->count + (minute->others ? 1 : 0);
    for (size_t i = 0; i < count; i++) {
        if (take != NULL) {
            take(user, &minute->lines[i].entry);
        }
        buf_fini(&minute->lines[i].texts);
    }
    minute->count = 0;
    minute->others = false;
    minute->due_mono = INT64_MAX;
}

void audit_minute_free(struct audit_minute *minute)
{
    if (minute != NULL) {
        audit_minute_end(minute, NULL, NULL);
        free(minute);
    }
}
