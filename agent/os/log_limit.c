#include "log_limit_internal.h"

static const struct rate_limit rates[] = {
    [LOG_OFTEN] = {.burst = 20, .every_ms = 1000},
    [LOG_MANY] = {.burst = 200, .every_ms = 1000},
    [LOG_SELDOM] = {.burst = 1, .every_ms = 60000},
};

struct log_kind *log_limit_kind(struct log_limit *limit, const char *module, const char *msg)
{
    uint64_t id = str_hash(str_of(msg), str_hash(str_of(module), 0));
    for (size_t i = 0; i < limit->count; i++) {
        if (limit->kinds[i].id == id) {
            return &limit->kinds[i];
        }
    }
    if (limit->count == LOG_KINDS_MAX) {
        return &limit->kinds[LOG_KINDS_MAX - 1];
    }
    struct log_kind *kind = &limit->kinds[limit->count++];
    kind->id = id;
    return kind;
}

void log_limit_written(struct log_kind *kind)
{
    kind->suppressed = 0;
    buf_clear(&kind->held);
}

bool log_limit_take(struct log_kind *kind, enum log_rate how, int64_t now_ms, uint64_t *ret_suppressed)
{
    kind->how = how;
    if (!rate_take(&kind->rate, &rates[how], now_ms)) {
        return false;
    }
    *ret_suppressed = kind->suppressed + (kind->held.size > 0 ? 1 : 0);
    log_limit_written(kind);
    return true;
}

bool log_limit_hold(struct log_limit *limit, struct log_kind *kind, enum log_level level, struct str line,
                    bool cut)
{
    bool first = kind->held.size == 0;
    kind->suppressed += first ? 0 : 1;
    buf_clear(&kind->held);
    buf_str(&kind->held, line);
    kind->level = level;
    kind->cut = cut;
    kind->order = ++limit->order;
    return first;
}

struct log_kind *log_limit_next(struct log_limit *limit, int64_t now_ms)
{
    struct log_kind *next = NULL;
    for (size_t i = 0; i < limit->count; i++) {
        struct log_kind *kind = &limit->kinds[i];
        bool may = kind->held.size > 0 && rate_due(&kind->rate, &rates[kind->how]) <= now_ms;
        if (may && (next == NULL || kind->order < next->order)) {
            next = kind;
        }
    }
    bool counts = next != NULL && now_ms != INT64_MAX;
    if (counts && !rate_take(&next->rate, &rates[next->how], now_ms)) {
        return NULL;
    }
    return next;
}

int64_t log_limit_due(const struct log_limit *limit)
{
    int64_t due = INT64_MAX;
    for (size_t i = 0; i < limit->count; i++) {
        const struct log_kind *kind = &limit->kinds[i];
        int64_t its = kind->held.size > 0 ? rate_due(&kind->rate, &rates[kind->how]) : INT64_MAX;
        due = its < due ? its : due;
    }
    return due;
}
