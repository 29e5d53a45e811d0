/* The audit of one agent: who changed what, or tried to. An entry is in a file of state_dir, synced, before the answer goes out
 * (audit_file), and is copied to the registry, where every observer finds those of all (audit_copies). */
#ifndef OUTRIDER_SHELL_AUDIT_AUDIT_H
#define OUTRIDER_SHELL_AUDIT_AUDIT_H

#include "outrider/base/attr.h"
#include "outrider/core/audit/audit_facts.h"
#include "outrider/core/audit/audit_page.h"

#include <stdbool.h>
#include <stdint.h>

struct audit;
struct error;
struct loop;
struct registry;

struct audit_settings {
    const char *dir;   /* borrowed, as `agent` and `control_prefix` */
    const char *agent; /* the name of this one in its entries */
    int64_t keep_ms;
    struct registry *registry; /* NULL: no copies */
    const char *control_prefix;
    int64_t request_timeout_ms;
};

/* Nothing is written or asked before the first entry, but that the last entries of before a restart are copied. The caller owns the result. */
struct audit *audit_new(const struct audit_settings *settings, struct loop *loop);

/* Writes what was counted, and waits for the disk. Nothing is called any more. Accepts NULL. */
void audit_free(struct audit *audit);

/* Another time to keep entries. */
void audit_keep(struct audit *audit, int64_t keep_ms);

/* Time may have passed unseen. Accepts NULL. */
void audit_tick(struct audit *audit);

/* Whether one more entry can be written for certain. Returns 0, or -1 with `err`. */
int audit_room(struct audit *audit, struct error *err) MUST_CHECK;

/* The entry is on the disk; or it is not known whether it is. */
typedef void audit_written_fn(bool written, void *user);

/* Writes an entry, whose id, time and agent are set here, and calls `written` once it is on the disk, never from within; NULL: none
 * waits. One that cannot be written is logged in whole, and then `written` is called all the same; of a flood of what was refused the
 * rest is only counted. */
void audit_add(struct audit *audit, const struct audit_entry *entry, audit_written_fn *written, void *user);

/* Counts an attempt that gets no entry of its own. */
void audit_count(struct audit *audit, const struct audit_entry *attempt);

/* A page is complete; borrowed for the call. */
typedef void audit_page_fn(struct audit_page *page, void *user);

/* Finds the entries of a page, in the file and in the registry. `done` is called later, once, unless the audit is freed before. False,
 * with nothing begun, where AUDIT_LOOKUPS_MAX are under way. */
bool audit_find(struct audit *audit, const struct audit_query *query, audit_page_fn *done, void *user);
enum { AUDIT_LOOKUPS_MAX = 8 };

/* Borrowed texts. */
void audit_look(const struct audit *audit, struct audit_facts *ret_facts);

#endif
