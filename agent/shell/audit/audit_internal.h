/* What the files of the audit share: audit.c (entries), audit_find.c (pages), audit_file.c, audit_file_search.c. */
#ifndef OUTRIDER_SHELL_AUDIT_AUDIT_INTERNAL_H
#define OUTRIDER_SHELL_AUDIT_AUDIT_INTERNAL_H

#include "outrider/shell/audit/audit.h"

#include "audit_file_internal.h"

#include "outrider/base/rate.h"
#include "outrider/core/audit/audit_copies.h"
#include "outrider/core/audit/audit_minute.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/loop/timer.h"

struct audit_lookup;
struct audit_unwritten;
struct registry_client;
struct registry_reply;

struct audit {
    struct audit_settings settings;
    struct loop *loop;
    struct timer *timer;
    struct audit_file *file;
    struct audit_minute *minute; /* NULL: nothing was counted yet */
    struct audit_copies *copies; /* NULL: none */
    struct queue effects;        /* of the copies */
    struct registry_client *writer, *reader;
    struct buf prefix; /* of the keys */
    struct audit_lookup *lookups;
    size_t lookup_count;
    uint64_t last_id; /* of the requests of the look-ups */
    struct audit_unwritten *unwritten;
    struct deferred later; /* tells them */
    struct buf scratch;
    uint64_t counted;
    struct rate refused; /* entries of what was refused */
};

/* The wall time. */
int64_t audit_now(void);

/* audit_find.c: a reply to a look-up; ends them all. */
void audit_find_reply(const struct registry_reply *reply, void *audit);
void audit_find_end(struct audit *audit);

#endif
