#include "chronicle_internal.h"

#include "agent_internal.h"
#include "sliced_save_internal.h"

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
    struct sliced_save *save;
};

static bool is_wanted(const struct config *config)
{
    bool on = config->history == CONFIG_HISTORY_ON ||
              (config->history == CONFIG_HISTORY_AUTO && !config->server.present);
    return on && config->view.mode != CONFIG_VIEW_OFF;
}

/* ---- saving ---- */

static bool next_bytes(void *writer, size_t bytes, struct buf *out)
{
    return history_writer_next(writer, bytes, out);
}

static void free_writer(void *writer)
{
    history_writer_free(writer);
}

static const struct sliced_source source = {.file_name = file_name,
                                            .slice_bytes = SLICE_BYTES,
                                            .next = next_bytes,
                                            .free = free_writer,
                                            .log = {.module = "history",
                                                    .failed = "history not saved, retrying in a minute",
                                                    .saved = "history saved again"}};

/* A save that is not through after a minute goes on, and the next one begins a minute later. */
static void begin_save(struct chronicle *chronicle)
{
    const struct config *config = chronicle->agent->config;
    struct instant now = agent_now();
    if (chronicle->agent->state != NULL && !sliced_save_runs(chronicle->save) &&
        sliced_save_open(chronicle->save, config->state_dir)) {
        sliced_save_run(chronicle->save,
                        history_writer_new(chronicle->history, str_of(config->registry.prefix), &now));
    }
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
        sliced_save_drop(chronicle->save); /* what it has written may be older */
        begin_save(chronicle);
        sliced_save_finish(chronicle->save);
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
        uint64_t bytes;
        const struct save_log *log = sliced_save_log(chronicle->save, &bytes);
        *ret_saves = (struct api_saves){
            .writes = log->writes, .failures = log->failures, .bytes = bytes, .last_error = log->last_error};
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
    chronicle->history = agent->state == NULL ? NULL : load(agent);
    if (chronicle->history == NULL) {
        chronicle->history = history_new(&defaults);
    }
    queue_init(&chronicle->effects, sizeof(struct history_effect));
    chronicle->timer = timer_new(agent->loop, tick, chronicle);
    chronicle->save = sliced_save_new(agent->loop, &source);
    tick(chronicle);
    return chronicle;
}

void chronicle_free(struct chronicle *chronicle)
{
    if (chronicle != NULL) {
        sliced_save_free(chronicle->save);
        timer_free(chronicle->timer);
        history_free(chronicle->history);
        queue_fini(&chronicle->effects);
        free(chronicle);
    }
}
