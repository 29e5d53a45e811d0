#include "audit_internal.h"

#include "outrider/base/blob.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/audit/audit_json.h"
#include "outrider/core/registry/registry_limits.h"
#include "outrider/os/clock.h"
#include "outrider/os/entropy.h"
#include "outrider/os/log.h"
#include "outrider/registry/registry.h"

#include <stdlib.h>
#include <utlist.h>

int64_t audit_now(void)
{
    return clock_wall_ms();
}

/* ---- copies ---- */

static void rearm(struct audit *audit)
{
    int64_t due = audit->copies == NULL ? NEVER_MS : audit_copies_due(audit->copies);
    int64_t minute = audit->minute == NULL ? NEVER_MS : audit_minute_due(audit->minute);
    timer_arm_at_ms(audit->timer, due < minute ? due : minute);
}

static void carry_out(struct audit *audit, struct audit_copies_event event)
{
    struct audit_copies_effect effect;
    event.now = (struct instant){.mono = clock_mono_ms(), .boot = clock_boot_ms(), .wall = clock_wall_ms()};
    audit_copies_step(audit->copies, &event, &audit->effects);
    while (queue_take(&audit->effects, &effect)) {
        switch (effect.type) {
        case COPIES_DO_REQUEST: registry_submit(audit->writer, &effect.request); break;
        case COPIES_DO_FAILED:
            log_warn("audit", "entries not copied to the registry, retrying; the file has them",
                     LOG_STR("error", effect.text));
            break;
        case COPIES_DO_RECOVERED: log_info("audit", "entries copied to the registry again"); break;
        case COPIES_DO_DROPPED:
            log_warn("audit", "entries left out of the registry, too many wait; the file has them",
                     LOG_INT("waiting", AUDIT_COPIES_MAX));
            break;
        }
    }
    rearm(audit);
}

static void on_copied(const struct registry_reply *reply, void *user)
{
    carry_out(user, (struct audit_copies_event){.type = COPIES_ON_REPLY, .reply = reply});
}

static void copy(struct audit *audit, const struct audit_entry *entry)
{
    if (audit->copies == NULL) {
        return;
    }
    buf_clear(&audit->scratch);
    audit_encode(entry, &audit->scratch);
    struct blob *value = blob_new(buf_view(&audit->scratch));
    carry_out(audit, (struct audit_copies_event){.type = COPIES_ON_ENTRY, .id = entry->id, .value = value});
    blob_unref(value);
}

/* ---- entries ---- */

int audit_room(struct audit *audit, struct error *err)
{
    return audit_file_room(audit->file, clock_wall_ms(), err);
}

/* An entry that is in no file is in the log. */
static void log_entry(struct audit *audit, const struct audit_entry *entry, const struct error *err)
{
    buf_clear(&audit->scratch);
    audit_encode(entry, &audit->scratch);
    log_error("audit", "entry of the audit not written, this is it", LOG_RATE(LOG_MANY),
              LOG_STR("entry", buf_view(&audit->scratch)), LOG_TEXT("error", err->text));
}

static struct audit_entry dated(const struct audit *audit, const struct audit_entry *entry)
{
    struct audit_entry own = *entry;
    own.when_wall = clock_wall_ms();
    own.count = own.count == 0 ? 1 : own.count;
    own.texts[AUDIT_AGENT] = str_of(audit->settings.agent);
    return own;
}

/* Who waits for an entry that is not written. */
struct audit_unwritten {
    struct audit_unwritten *next, *prev;
    audit_written_fn *written;
    void *user;
};

static void free_unwritten(struct audit *audit, bool tells)
{
    struct audit_unwritten *all = audit->unwritten, *each, *next;
    audit->unwritten = NULL;
    DL_FOREACH_SAFE(all, each, next)
    {
        if (tells) {
            each->written(false, each->user);
        }
        free(each);
    }
}

static void on_unwritten(void *user)
{
    free_unwritten(user, true);
}

static void tell_later(struct audit *audit, audit_written_fn *written, void *user)
{
    if (written != NULL) {
        struct audit_unwritten *unwritten = mem_zalloc(sizeof(*unwritten));
        *unwritten = (struct audit_unwritten){.written = written, .user = user};
        DL_APPEND(audit->unwritten, unwritten);
        loop_defer(audit->loop, &audit->later);
    }
}

/* What is refused costs its sender nothing: a flood of it must not push what was done out of the files. */
static bool is_flood(struct audit *audit, const struct audit_entry *entry)
{
    static const struct rate_limit limit = {.burst = 200, .every_ms = 500};
    return entry->outcome == AUDIT_REFUSED && !rate_take(&audit->refused, &limit, clock_mono_ms());
}

void audit_add(struct audit *audit, const struct audit_entry *entry, audit_written_fn *written, void *user)
{
    struct audit_entry own = dated(audit, entry);
    struct error err = {0};
    if (is_flood(audit, entry)) {
        audit_count(audit, entry);
        tell_later(audit, written, user);
        return;
    }
    if (audit_file_append(audit->file, &own, written, user, &err) == 0) {
        copy(audit, &own);
        return;
    }
    log_entry(audit, &own, &err);
    tell_later(audit, written, user);
}

/* ---- what is only counted ---- */

static void write_line(void *user, const struct audit_entry *entry)
{
    struct audit *audit = user;
    struct audit_entry own = dated(audit, entry);
    struct error err;
    if (audit_file_append(audit->file, &own, NULL, NULL, &err) < 0) {
        log_entry(audit, &own, &err);
    }
}

void audit_count(struct audit *audit, const struct audit_entry *attempt)
{
    if (audit->minute == NULL) {
        audit->minute = audit_minute_new();
    }
    audit->counted++;
    bool first = audit_minute_due(audit->minute) == NEVER_MS;
    audit_minute_count(audit->minute, attempt, clock_mono_ms());
    if (first) {
        rearm(audit);
    }
}

void audit_tick(struct audit *audit)
{
    if (audit == NULL) {
        return;
    }
    if (audit->minute != NULL && audit_minute_due(audit->minute) <= clock_mono_ms()) {
        audit_minute_end(audit->minute, write_line, audit);
    }
    if (audit->copies != NULL) {
        carry_out(audit, (struct audit_copies_event){.type = COPIES_ON_TICK});
    }
    rearm(audit);
}

static void on_timer(void *user)
{
    audit_tick(user);
}

/* ---- life ---- */

static void begin_copies(struct audit *audit)
{
    const struct audit_settings *settings = &audit->settings;
    uint64_t seed;
    entropy_fill(&seed, sizeof(seed));
    buf_printf(&audit->prefix, "%s/audit/", settings->control_prefix);
    audit->copies = audit_copies_new(&(struct audit_copies_settings){
        .prefix = buf_view(&audit->prefix),
        .keep_ms = settings->keep_ms,
        .request_timeout_ms = settings->request_timeout_ms,
        .chooses_id = (registry_can(settings->registry) & REGISTRY_CAN_CHOOSE_LEASE) != 0,
        .seed = seed});
    audit->writer = registry_attach(settings->registry, on_copied, NULL, audit);
    audit->reader = registry_attach(settings->registry, audit_find_reply, NULL, audit);
}

enum { AGAIN_MS = 3600 * 1000, AGAIN_MAX = 200 };

/* An agent that ended may not have copied its last entries: those of the last hour are written again, where they are not there. */
static void copy_again(struct audit *audit)
{
    struct audit_query query = {.limit = AGAIN_MAX, .filter.from_wall = clock_wall_ms() - AGAIN_MS};
    struct audit_page *page = audit_page_new(&query);
    struct audit_result result;
    struct audit_file_search search;
    audit_file_search_begin(&search, audit->file, page);
    while (audit_file_search_slice(&search)) {
    }
    audit_file_search_end(&search);
    audit_page_result(page, &result);
    for (size_t i = result.count; i > 0; i--) {
        const struct audit_entry *entry = audit_page_at(page, i - 1);
        if (entry->texts[AUDIT_WHO].size > 0 && entry->count == 1) {
            copy(audit, entry);
        }
    }
    audit_page_free(page);
}

struct audit *audit_new(const struct audit_settings *settings, struct loop *loop)
{
    struct audit *audit = mem_zalloc(sizeof(*audit));
    *audit = (struct audit){.settings = *settings, .loop = loop};
    audit->timer = timer_new(loop, on_timer, audit);
    audit->later = (struct deferred){.fn = on_unwritten, .user = audit};
    audit->file = audit_file_new(settings->dir, settings->keep_ms, AUDIT_FILE_BYTES, loop);
    queue_init(&audit->effects, sizeof(struct audit_copies_effect));
    if (settings->registry != NULL) {
        begin_copies(audit);
        copy_again(audit);
    }
    return audit;
}

void audit_keep(struct audit *audit, int64_t keep_ms)
{
    audit->settings.keep_ms = keep_ms;
    audit_file_keep(audit->file, keep_ms);
    if (audit->copies != NULL) {
        audit_copies_keep(audit->copies, keep_ms);
    }
}

void audit_look(const struct audit *audit, struct audit_facts *ret_facts)
{
    struct audit_file_facts file;
    audit_file_look(audit->file, &file);
    *ret_facts = (struct audit_facts){.entries = file.entries,
                                      .failures = file.failures,
                                      .rotations = file.rotations,
                                      .bytes = file.bytes,
                                      .cut_bytes = file.cut_bytes,
                                      .counted = audit->counted,
                                      .sync_us = file.sync_us,
                                      .last_error = file.last_error,
                                      .has_copies = audit->copies != NULL,
                                      .copy_error = ""};
    if (audit->copies != NULL) {
        struct audit_copies_facts copies;
        audit_copies_look(audit->copies, &copies);
        ret_facts->copied = copies.copied;
        ret_facts->dropped = copies.dropped;
        ret_facts->copy_failures = copies.failures;
        ret_facts->waiting = copies.waiting;
        ret_facts->lag_ms = copies.since_wall == 0 ? 0 : clock_wall_ms() - copies.since_wall;
        ret_facts->copy_error = copies.last_error;
    }
}

void audit_free(struct audit *audit)
{
    if (audit == NULL) {
        return;
    }
    if (audit->minute != NULL) {
        audit_minute_end(audit->minute, write_line, audit);
    }
    audit_find_end(audit);
    deferred_cancel(&audit->later);
    free_unwritten(audit, false);
    registry_detach(audit->writer);
    registry_detach(audit->reader);
    audit_minute_free(audit->minute);
    audit_copies_free(audit->copies);
    audit_file_free(audit->file);
    queue_fini(&audit->effects);
    timer_free(audit->timer);
    buf_fini(&audit->prefix);
    buf_fini(&audit->scratch);
    free(audit);
}
