/* Events, and when the fleet is needed. */
#include "view_internal.h"

#include "outrider/base/brief.h"
#include "outrider/base/mem.h"

#include <stdarg.h>
#include <stdlib.h>

static int64_t or_default(int64_t value, int64_t otherwise)
{
    return value > 0 ? value : otherwise;
}

static size_t or_size(size_t value, size_t otherwise)
{
    return value > 0 ? value : otherwise;
}

static void fill_settings(struct view_settings *settings)
{
    settings->idle_ms = or_default(settings->idle_ms, 600000);
    settings->check_ms = or_default(settings->check_ms, 5000);
    settings->request_timeout_ms = or_default(settings->request_timeout_ms, 1500);
    settings->save_ms = or_default(settings->save_ms, 30000);
    settings->tombstone_ms = or_default(settings->tombstone_ms, 600000);
    settings->page = or_size(settings->page, 500);
    settings->page = settings->page > REGISTRY_LIST_MAX ? REGISTRY_LIST_MAX : settings->page;
    settings->records_max = or_size(settings->records_max, 100000);
    settings->changes_max = or_size(settings->changes_max, 10000);
    settings->change_bytes_max = or_size(settings->change_bytes_max, (size_t)4 << 20);
    settings->prefix = NULL;
}

static char *with_end(const char *prefix, char last)
{
    size_t size = strlen(prefix);
    char *text = mem_resize(NULL, size + 2, 1);
    memcpy(text, prefix, size);
    text[size] = last;
    text[size + 1] = '\0';
    return text;
}

static void init_follow(struct view *view)
{
    const struct view_settings *settings = &view->settings;
    follow_init_range(&view->follow, &(struct follow_settings){
                                         .ranges = {{.key = str_of(view->first), .end = str_of(view->end)}},
                                         .can = settings->can,
                                         .page = settings->page,
                                         .timeout_ms = settings->request_timeout_ms,
                                         .check_ms = settings->check_ms,
                                         .seed = settings->seed});
    queue_init(&view->follow_effects, sizeof(struct follow_effect));
}

struct view *view_new(const struct view_settings *settings)
{
    struct view *view = mem_zalloc(sizeof(*view));
    view->settings = *settings;
    fill_settings(&view->settings);
    view->first = with_end(settings->prefix, '/');
    view->end = with_end(settings->prefix, '/' + 1);
    view->log = view_log_new(view->settings.changes_max, view->settings.change_bytes_max);
    init_follow(view);
    view->facts = (struct view_facts){.prefix = {view->first, strlen(settings->prefix)},
                                      .last_error = view->follow.last_error,
                                      .trust = settings->trust,
                                      .servers = view->table.servers,
                                      .signatures = view->table.signatures,
                                      .names = view->unreadable.names,
                                      .skipped = view->unreadable.skipped,
                                      .log = view->log};
    view_update_facts(view);
    return view;
}

void view_free(struct view *view)
{
    if (view != NULL) {
        view_forget_pages(view);
        follow_fini(&view->follow);
        queue_fini(&view->follow_effects);
        view_log_free(view->log);
        view_table_fini(&view->table);
        view_tombstones_fini(&view->tombstones);
        view_unreadable_fini(&view->unreadable);
        view_marks_fini(&view->marks);
        free(view->first);
        free(view->end);
        free(view);
    }
}

/* ---- effects ---- */

void view_effect_fini(struct view_effect *effect)
{
    view_entry_unref(effect->was);
    view_entry_unref(effect->is);
    effect->was = effect->is = NULL;
}

struct view_effect *view_push(struct view *view, enum view_effect_type type, struct str text)
{
    struct str kept = text.size == 0 ? text : queue_copy(view->effects, text);
    struct view_effect *effect = queue_push(view->effects);
    effect->type = type;
    effect->text = kept;
    return effect;
}

void view_note(struct view *view, enum view_note note, const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    brief_vformat(text, sizeof(text), format, args);
    va_end(args);
    view_push(view, VIEW_DO_NOTE, str_of(text))->note = note;
}

/* ---- what next ---- */

static bool is_wanted(const struct view *view)
{
    if (!view->started || view->stopped || view->settings.mode == VIEW_NEVER) {
        return false;
    }
    return view->settings.mode == VIEW_ALWAYS || view->subscribers > 0 || view->now.mono < view->wanted_until;
}

/* What is kept is what the store had at its revision, from which a subscriber can resume after the restart. A listing of
 * several revisions is not, until the stream has delivered all of them. */
static int64_t save_due(const struct view *view)
{
    return !view->dirty || view->in_part != 0 ? NEVER_MS
           : view->saved_mono == 0            ? 0
                                              : view->saved_mono + view->settings.save_ms;
}

static void plan(struct view *view, const struct view_event *event)
{
    enum follow_event_type next = FOLLOW_ON_TICK;
    bool wanted = is_wanted(view), off = view->follow.state == FOLLOW_OFF;
    if (!wanted && !off) {
        next = FOLLOW_ON_STOP;
    } else if (wanted && off) {
        next = FOLLOW_ON_START;
        view->facts.waking = view->facts.known && view->settings.mode == VIEW_AUTO;
    }
    view_follow(view, (struct follow_event){.type = next}, event);
    if (view_tombstones_expire(&view->tombstones, view->now.mono)) {
        view->dirty = true;
    }
    if (view->now.mono >= save_due(view)) {
        view->dirty = false;
        view->saved_mono = view->now.mono > 0 ? view->now.mono : 1;
        view_push(view, VIEW_DO_SAVE, STR(""));
    }
}

void view_step(struct view *view, const struct view_event *event, struct queue *effects)
{
    view->now = event->now;
    view->effects = effects;
    switch (event->type) {
    case VIEW_ON_TICK: break;
    case VIEW_ON_LOAD: view_apply_kept(view, event); break;
    case VIEW_ON_START: view->started = true; break;
    case VIEW_ON_WANT: view->wanted_until = event->now.mono + view->settings.idle_ms; break;
    case VIEW_ON_SUBSCRIBERS:
        view->subscribers = event->count;
        view->wanted_until = event->now.mono + view->settings.idle_ms;
        break;
    case VIEW_ON_RELOAD:
        view->settings.mode = event->mode;
        view->settings.idle_ms = or_default(event->idle_ms, view->settings.idle_ms);
        break;
    case VIEW_ON_REPLY: view_on_reply(view, event); break;
    case VIEW_ON_WATCH: view_on_watch(view, event); break;
    case VIEW_ON_STOP:
        view->stopped = true;
        view->dirty = view->facts.known; /* saved also when nothing changed: its age on disk must be right */
        view->saved_mono = 0;
        break;
    }
    plan(view, event);
    view_update_facts(view);
}

struct window view_deadline(const struct view *view)
{
    struct window window = follow_deadline(&view->follow);
    if (view->follow.state != FOLLOW_OFF && view->settings.mode == VIEW_AUTO && view->subscribers == 0) {
        window = window_sooner(window, (struct window){view->wanted_until, view->wanted_until + 1000});
    }
    if (view->tombstones != NULL) {
        int64_t ends = view->tombstones->ends_mono;
        window = window_sooner(window, (struct window){ends, ends + 1000});
    }
    int64_t due = save_due(view);
    if (due != NEVER_MS) {
        window = window_sooner(window, (struct window){due, due + 1000});
    }
    return window;
}
