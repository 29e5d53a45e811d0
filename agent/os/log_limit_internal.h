/* The limits of log.c. A kind of line is a module and a message. Each kind has a rate, and of the lines over it the newest is
 * held back until the rate allows it. Pure: time is given, in ms of the monotonic clock. */
#ifndef OUTRIDER_OS_LOG_LIMIT_INTERNAL_H
#define OUTRIDER_OS_LOG_LIMIT_INTERNAL_H

#include "outrider/base/buf.h"
#include "outrider/base/rate.h"
#include "outrider/os/log.h"

/* More than there are; those beyond share the last one. */
enum { LOG_KINDS_MAX = 256 };

struct log_kind {
    uint64_t id;
    enum log_rate how;
    struct rate rate;
    uint64_t suppressed;  /* since the last line that was written, without the one held */
    struct buf held;      /* the newest line that was held back; empty: none */
    enum log_level level; /* of the one held */
    bool cut;             /* it did not fit whole */
    uint64_t order;       /* of the one held */
};

/* {0} at first. */
struct log_limit {
    struct log_kind kinds[LOG_KINDS_MAX];
    size_t count;
    uint64_t order;
};

/* The kind of a line. */
struct log_kind *log_limit_kind(struct log_limit *limit, const char *module, const char *msg);

/* Whether a line of this kind may be written now. If so, one that is held is dropped, as this one is newer, and
 * `ret_suppressed` is how many were not written before it. */
bool log_limit_take(struct log_kind *kind, enum log_rate how, int64_t now_ms, uint64_t *ret_suppressed);

/* Holds a line back, in place of an older one. Returns whether there was none. */
bool log_limit_hold(struct log_limit *limit, struct log_kind *kind, enum log_level level, struct str line,
                    bool cut);

/* The first held line that may be written at `now_ms`, in the order in which they were held back, and counts it; INT64_MAX:
 * any may. NULL: none. The caller writes kind->held and kind->suppressed and calls log_limit_written(). */
struct log_kind *log_limit_next(struct log_limit *limit, int64_t now_ms);
void log_limit_written(struct log_kind *kind);

/* When log_limit_next() has one; INT64_MAX: none is held. */
int64_t log_limit_due(const struct log_limit *limit);

#endif
