/* Events, and the life of a view: what it does next, and what failing costs. */
#include "view_internal.h"

#include "outrider/base/duration.h"
#include "outrider/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static int64_t or_default(int64_t value, int64_t otherwise)
{
    return value > 0 ? value : otherwise;
}

static size_t or_most(size_t value, size_t otherwise)
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
    settings->page = or_most(settings->page, 500);
    settings->page = settings->page > REGISTRY_LIST_MAX ? REGISTRY_LIST_MAX : settings->page;
    settings->records_max = or_most(settings->records_max, 100000);
    settings->changes_max = or_most(settings->changes_max, 10000);
    settings->change_bytes_max = or_most(settings->change_bytes_max, (size_t)4 << 20);
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

struct view *view_new(const struct view_settings *settings)
{
    struct view *view = mem_zalloc(sizeof(*view));
    view->settings = *settings;
    fill_settings(&view->settings);
    view->prefix = mem_strdup(settings->prefix);
    view->first = with_end(settings->prefix, '/');
    view->end = with_end(settings->prefix, '/' + 1);
    view->log = view_log_new(view->settings.changes_max, view->settings.change_bytes_max);
    random_seed(&view->random, settings->seed);
    backoff_init(&view->backoff, VIEW_RETRY_FIRST_MS, VIEW_RETRY_CAP_MS);
    return view;
}

void view_free(struct view *view)
{
    if (view != NULL) {
        view_listing_forget(view);
        view_log_free(view->log);
        view_table_fini(&view->table);
        view_stats_fini(&view->stats);
        view_tombstones_fini(&view->tombstones);
        view_unreadable_fini(&view->unreadable);
        free(view->prefix);
        free(view->first);
        free(view->end);
        free(view);
    }
}

void view_effect_fini(struct view_effect *effect)
{
    view_entry_unref(effect->was);
    view_entry_unref(effect->is);
    effect->was = effect->is = NULL;
}

void view_note(struct queue *effects, enum view_note note, const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    struct str kept = queue_copy(effects, str_of(text));
    struct view_effect *effect = queue_push(effects);
    effect->type = VIEW_DO_NOTE;
    effect->note = note;
    effect->text = kept;
}

static void tell(struct queue *effects, enum view_effect_type type, struct str text)
{
    struct str kept = text.size == 0 ? text : queue_copy(effects, text);
    struct view_effect *effect = queue_push(effects);
    effect->type = type;
    effect->text = kept;
}

struct registry_request view_ask(struct view *view, enum registry_op op, enum view_ask ask)
{
    view->request_id = ++view->next_id;
    view->ask = ask;
    return (struct registry_request){
        .id = view->request_id, .op = op, .timeout_ms = view->settings.request_timeout_ms};
}

void view_submit(struct view *view, const struct registry_request *request, struct queue *effects)
{
    (void)view;
    struct registry_request copy = *request;
    /* The next page may be asked for, and its key be forgotten, before this one is sent. */
    copy.key = queue_copy(effects, request->key);
    struct str kept = queue_copy(effects, (struct str){(const char *)&copy, sizeof(copy)});
    struct view_effect *effect = queue_push(effects);
    effect->type = VIEW_DO_REQUEST;
    effect->request = (const struct registry_request *)(const void *)kept.data;
}

/* ---- certain or not ---- */

void view_certain(struct view *view, const struct instant *now, struct queue *effects)
{
    view->true_boot = now->boot;
    view->true_wall = now->wall;
    view->stalls_in_a_row = 0;
    if (view->synced) {
        return;
    }
    view->synced = true;
    view->waking = false;
    view->synced_mono = now->mono;
    if (view->away.count > 0) {
        char span[32];
        view_note(effects, VIEW_NOTE_RECOVERED, "after %u failures in %s", view->away.count,
                  duration_human(now->mono - view->away.since_mono, span));
    }
    view->away = (struct view_outage){0};
    view->last_error[0] = '\0';
    tell(effects, VIEW_DO_SYNCED, (struct str){NULL, 0});
}

/* Nothing is in flight or open any more. */
static void let_go(struct view *view, const struct instant *now, struct str why, struct queue *effects)
{
    view_close(view, effects);
    view->request_id = 0;
    view->waking = false;
    view->check = (struct view_check){0};
    if (view->synced) {
        view->synced = false;
        if (now->mono - view->synced_mono >= VIEW_RETRY_CAP_MS) {
            backoff_reset(&view->backoff);
        }
        tell(effects, VIEW_DO_STALE, why);
    }
}

static int64_t retry_delay(struct view *view, enum registry_failure failure)
{
    if (failure == REGISTRY_DENIED || failure == REGISTRY_REFUSED || failure == REGISTRY_OVERLOADED) {
        return VIEW_SLOW_RETRY_MS / 2 + (int64_t)random_below(&view->random, VIEW_SLOW_RETRY_MS / 2);
    }
    return backoff_next(&view->backoff, &view->random);
}

void view_fail(struct view *view, enum registry_failure failure, struct str why, const struct instant *now,
               struct queue *effects)
{
    bool listing = view->state == VIEW_LISTING;
    let_go(view, now, why, effects);
    snprintf(view->last_error, sizeof(view->last_error), "%.*s", STR_ARG(why));
    if (view->away.count++ == 0) {
        view->away.since_mono = now->mono;
    }
    if ((view->away.kinds & 1u << failure) == 0) {
        view->away.kinds |= 1u << failure;
        view_note(effects, VIEW_NOTE_OUTAGE, "%s", view->last_error);
    }
    view->relist = view->relist || listing;
    view->state = VIEW_WAITING;
    view->retry_at = now->mono + retry_delay(view, failure);
}

void view_begin_anew(struct view *view, const char *why, const struct instant *now, struct queue *effects)
{
    let_go(view, now, str_of(why), effects);
    snprintf(view->last_error, sizeof(view->last_error), "%s", why);
    view_note(effects, VIEW_NOTE_RELIST, "%s", why);
    view_listing_forget(view);
    view->relist = true;
    view->state = VIEW_WAITING;
    /* It answers, so it need not be spared; only one that makes us begin anew again and again. */
    view->retry_at =
        now->mono + (view->anew++ == 0 ? 1 + (int64_t)random_below(&view->random, VIEW_RETRY_FIRST_MS)
                                       : backoff_next(&view->backoff, &view->random));
}

/* ---- what next ---- */

static bool is_wanted(const struct view *view, int64_t mono)
{
    if (!view->started || view->stopped || view->settings.mode == VIEW_NEVER) {
        return false;
    }
    return view->settings.mode == VIEW_ALWAYS || view->subscribers > 0 || mono < view->wanted_until;
}

static void turn_off(struct view *view, const struct instant *now, struct queue *effects)
{
    let_go(view, now, STR("nobody wants the fleet"), effects);
    view_listing_forget(view);
    view->away = (struct view_outage){0};
    view->last_error[0] = '\0';
    view->state = VIEW_OFF;
}

static int64_t save_due(const struct view *view)
{
    return !view->dirty ? NEVER_MS : view->saved_mono == 0 ? 0 : view->saved_mono + view->settings.save_ms;
}

static void save(struct view *view, const struct instant *now, struct queue *effects)
{
    view->dirty = false;
    view->saved_mono = now->mono > 0 ? now->mono : 1;
    tell(effects, VIEW_DO_SAVE, (struct str){NULL, 0});
}

static void plan(struct view *view, const struct instant *now, struct queue *effects)
{
    bool wanted = is_wanted(view, now->mono);
    if (!wanted && view->state != VIEW_OFF) {
        turn_off(view, now, effects);
    } else if (wanted && view->state == VIEW_OFF) {
        view->waking = view->known && view->settings.mode == VIEW_AUTO;
        view_list(view, now, effects);
    } else if (view->state == VIEW_WAITING && now->mono >= view->retry_at) {
        if (view->relist) {
            view_list(view, now, effects);
        } else {
            view_continue(view, effects);
        }
    }
    view_check(view, now, effects);
    if (view_tombstones_expire(&view->tombstones, now->mono)) {
        view->dirty = true;
    }
    if (now->mono >= save_due(view)) {
        save(view, now, effects);
    }
}

static void on_stop(struct view *view, const struct instant *now, struct queue *effects)
{
    view->stopped = true;
    if (view->known) {
        save(view, now, effects); /* also when nothing changed: how old it is must be right */
    }
}

static void on_reply(struct view *view, const struct view_event *event, struct queue *effects)
{
    if (event->reply->id == 0 || event->reply->id != view->request_id) {
        return;
    }
    enum view_ask ask = view->ask;
    view->request_id = 0;
    view->ask = ASK_NOTHING;
    switch (ask) {
    case ASK_NOTHING: break;
    case ASK_PAGE: view_on_page(view, event, effects); break;
    case ASK_SAME: view_on_same(view, event, effects); break;
    case ASK_REVISION:
    case ASK_NEWEST: view_on_checked(view, event, effects); break;
    }
}

void view_step(struct view *view, const struct view_event *event, struct queue *effects)
{
    if (instant_slept(&event->now, &view->asleep_ms) && view->state == VIEW_WATCHING) {
        view->check.due = event->now.mono; /* the stream has not survived that, as a rule without a word */
    }
    switch (event->type) {
    case VIEW_ON_TICK: break;
    case VIEW_ON_LOAD: view_apply_kept(view, event, effects); break;
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
    case VIEW_ON_REPLY: on_reply(view, event, effects); break;
    case VIEW_ON_WATCH: view_on_watch(view, event, effects); break;
    case VIEW_ON_STOP: on_stop(view, &event->now, effects); break;
    }
    plan(view, &event->now, effects);
}

struct window view_deadline(const struct view *view)
{
    struct window window = view_check_window(view);
    if (view->state == VIEW_WAITING) {
        window = window_sooner(window, window_at(view->retry_at));
    }
    if (view->state != VIEW_OFF && view->settings.mode == VIEW_AUTO && view->subscribers == 0) {
        window = window_sooner(window, (struct window){view->wanted_until, view->wanted_until + 1000});
    }
    if (view->tombstones.oldest != NULL) {
        int64_t ends = view->tombstones.oldest->ends_mono;
        window = window_sooner(window, (struct window){ends, ends + 1000});
    }
    int64_t due = save_due(view);
    if (due != NEVER_MS) {
        window = window_sooner(window, (struct window){due, due + 1000});
    }
    return window;
}
