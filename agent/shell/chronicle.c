#include "chronicle_internal.h"

#include "agent_internal.h"

#include "outrider/api/events/events.h"
#include "outrider/base/blob.h"
#include "outrider/base/mem.h"
#include "outrider/codec/history/history_file.h"
#include "outrider/codec/history/history_json.h"
#include "outrider/codec/record/record_brief.h"
#include "outrider/core/history/history_read.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/file.h"

#include <stdlib.h>

static const char file_name[] = "history.bin";

/* Of a slice of a save, and at most one server or type more: so many the loop may wait for. */
enum { SLICE_BYTES = 8192 };

struct chronicle {
    struct agent *agent;
    struct events *events;
    struct history *history;
    struct queue effects;
    struct timer *timer;
    struct save_log log;
    struct history_writer *writer; /* of the save under way; NULL: none */
    struct file_draft *draft;      /* likewise */
    struct buf bytes;              /* of its last slice */
    uint64_t written, saved;       /* bytes of the save under way, and of the last that is in its place */
    struct timer *slices;
};

static bool is_wanted(const struct config *config)
{
    bool on = config->history == CONFIG_HISTORY_ON ||
              (config->history == CONFIG_HISTORY_AUTO && !config->server.present);
    return on && config->view.mode != CONFIG_VIEW_OFF;
}

/* ---- saving ---- */

static void end_save(struct chronicle *chronicle)
{
    history_writer_free(chronicle->writer);
    file_draft_drop(chronicle->draft);
    buf_fini(&chronicle->bytes);
    timer_cancel(chronicle->slices);
    chronicle->writer = NULL;
    chronicle->draft = NULL;
}

/* Writes a slice. False: the file is written, or cannot be. */
static bool save_slice(struct chronicle *chronicle)
{
    struct error err = {0};
    buf_clear(&chronicle->bytes);
    bool more = history_writer_next(chronicle->writer, SLICE_BYTES, &chronicle->bytes);
    int rc = file_draft_add(chronicle->draft, buf_view(&chronicle->bytes), &err);
    chronicle->written += chronicle->bytes.size;
    if (rc == 0 && more) {
        return true;
    }
    if (rc == 0) {
        /* Not synced, as the view: the loop must not wait for the disk, and the checksum finds what a crash damages. */
        rc = file_draft_place(chronicle->draft, 0600, false, &err);
        chronicle->draft = NULL;
        chronicle->saved = rc == 0 ? chronicle->written : chronicle->saved;
    }
    end_save(chronicle);
    save_log_done(&chronicle->log, chronicle->agent->config->state_dir, rc < 0, &err);
    return false;
}

/* One slice in each turn of the loop, which must not wait for all of them. */
static void slice(void *user)
{
    struct chronicle *chronicle = user;
    if (save_slice(chronicle)) {
        timer_arm_ms(chronicle->slices, 0);
    }
}

/* A save that is not through after a minute goes on, and the next one begins a minute later. */
static void begin_save(struct chronicle *chronicle)
{
    const struct config *config = chronicle->agent->config;
    struct error err;
    struct instant now = agent_now();
    if (chronicle->agent->state == NULL || chronicle->writer != NULL) {
        return;
    }
    chronicle->log.writes++;
    chronicle->written = 0;
    chronicle->draft = file_draft_open(config->state_dir, file_name, &err);
    if (chronicle->draft == NULL) {
        save_log_done(&chronicle->log, config->state_dir, true, &err);
        return;
    }
    chronicle->writer = history_writer_new(chronicle->history, str_of(config->registry.prefix), &now);
    timer_arm_ms(chronicle->slices, 0);
}

/* ---- what the view tells ---- */

static void tell_offline(struct chronicle *chronicle, const struct history_effect *effect)
{
    struct str id, type = str_split((struct str){effect->name, effect->name_size}, '/', &id);
    const struct history_server *server = history_find(chronicle->history, type, id);
    if (server != NULL) { /* else it has made room for those that went after it */
        struct buf data = {0};
        history_json_gone(server, &data);
        events_emit_offline(chronicle->events, server->entry, buf_view(&data));
        buf_fini(&data);
    }
}

static void step(struct chronicle *chronicle, struct history_event event)
{
    struct history_effect effect;
    event.now = agent_now();
    history_step(chronicle->history, &event, &chronicle->effects);
    while (queue_take(&chronicle->effects, &effect)) {
        switch (effect.type) {
        case HISTORY_DO_OFFLINE: tell_offline(chronicle, &effect); break;
        case HISTORY_DO_SAVE: begin_save(chronicle); break;
        }
    }
}

static void tick(void *user)
{
    struct chronicle *chronicle = user;
    struct instant now = agent_now();
    step(chronicle, (struct history_event){.type = HISTORY_ON_TICK});
    timer_arm_at_ms(chronicle->timer, history_deadline(chronicle->history, &now).latest);
}

static void changed(struct chronicle *chronicle, const struct view_effect *effect)
{
    if (effect->is == NULL) {
        step(chronicle,
             (struct history_event){.type = HISTORY_ON_GONE, .entry = effect->was, .clean = effect->clean});
        return;
    }
    struct record_brief brief;
    record_brief(blob_view(effect->is->json), &brief);
    struct history_sight sight = {.entry = effect->is,
                                  .reason = str_of(brief.reason),
                                  .drained = brief.drained,
                                  .holds = str_of(brief.holds),
                                  .drain_by = str_of(brief.by),
                                  .drain_reason = str_of(brief.drain_reason),
                                  .started_wall = brief.started_wall};
    step(chronicle, (struct history_event){.type = HISTORY_ON_SIGHTED, .sight = &sight});
}

void chronicle_carry_out(struct chronicle *chronicle, const struct view_effect *effect)
{
    if (chronicle == NULL) {
        return;
    }
    switch (effect->type) {
    case VIEW_DO_CHANGED: changed(chronicle, effect); break;
    case VIEW_DO_SYNCED: step(chronicle, (struct history_event){.type = HISTORY_ON_SYNCED}); break;
    case VIEW_DO_STALE: step(chronicle, (struct history_event){.type = HISTORY_ON_STALE}); break;
    case VIEW_DO_REQUEST:
    case VIEW_DO_WATCH:
    case VIEW_DO_UNWATCH:
    case VIEW_DO_REVISION:
    case VIEW_DO_SAVE:
    case VIEW_DO_NOTE: break;
    }
}

void chronicle_tick(struct chronicle *chronicle)
{
    if (chronicle != NULL) {
        tick(chronicle);
    }
}

void chronicle_stop(struct chronicle *chronicle)
{
    if (chronicle != NULL) {
        end_save(chronicle); /* what it has written may be older */
        begin_save(chronicle);
        while (chronicle->writer != NULL) {
            (void)save_slice(chronicle);
        }
    }
}

const struct history *chronicle_history(const struct chronicle *chronicle)
{
    return chronicle == NULL ? NULL : chronicle->history;
}

void chronicle_saves(const struct chronicle *chronicle, struct api_saves *ret_saves)
{
    *ret_saves = (struct api_saves){.last_error = ""};
    if (chronicle != NULL) {
        uint64_t running = chronicle->writer == NULL ? 0 : 1;
        *ret_saves = (struct api_saves){.writes = chronicle->log.writes - running,
                                        .failures = chronicle->log.failures,
                                        .bytes = chronicle->saved,
                                        .last_error = chronicle->log.last_error};
    }
}

/* ---- life ---- */

static struct history *load(const struct agent *agent)
{
    static const struct history_settings defaults;
    struct buf path = {0}, bytes = {0};
    struct error err;
    struct history *history = NULL;
    buf_printf(&path, "%s/%s", agent->config->state_dir, file_name);
    int result = file_read(buf_text(&path), HISTORY_FILE_MAX, &err, &bytes);
    bool first_start = result < 0 && err.code == ERROR_NOT_FOUND;
    if (result == 0) {
        result = history_file_decode(buf_view(&bytes), str_of(agent->config->registry.prefix), &defaults,
                                     &history, &err);
    }
    if (result < 0 && !first_start) {
        log_warn("history", "saved history unusable, it begins empty; the next save replaces the file",
                 LOG_TEXT("file", buf_text(&path)), LOG_TEXT("error", err.text));
    }
    buf_fini(&bytes);
    buf_fini(&path);
    return history;
}

struct chronicle *chronicle_new(struct agent *agent, struct events *events)
{
    static const struct history_settings defaults;
    if (!is_wanted(agent->config)) {
        return NULL;
    }
    struct chronicle *chronicle = mem_zalloc(sizeof(*chronicle));
    chronicle->agent = agent;
    chronicle->events = events;
    chronicle->log = (struct save_log){.module = "history",
                                       .failed = "history not saved, retrying in a minute",
                                       .saved = "history saved again"};
    chronicle->history = agent->state == NULL ? NULL : load(agent);
    if (chronicle->history == NULL) {
        chronicle->history = history_new(&defaults);
    }
    queue_init(&chronicle->effects, sizeof(struct history_effect));
    chronicle->timer = timer_new(agent->loop, tick, chronicle);
    chronicle->slices = timer_new(agent->loop, slice, chronicle);
    tick(chronicle);
    return chronicle;
}

void chronicle_free(struct chronicle *chronicle)
{
    if (chronicle != NULL) {
        end_save(chronicle);
        timer_free(chronicle->slices);
        timer_free(chronicle->timer);
        history_free(chronicle->history);
        queue_fini(&chronicle->effects);
        free(chronicle);
    }
}
