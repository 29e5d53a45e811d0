#include "agent_internal.h"
#include "chronicle_internal.h"
#include "dns_internal.h"
#include "leader_feed_internal.h"
#include "reservations_internal.h"
#include "sliced_save_internal.h"
#include "wave_feed_internal.h"

#include "outrider/api/events/events.h"
#include "outrider/base/mem.h"
#include "outrider/codec/sign/sign.h"
#include "outrider/codec/state/view_file.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/entropy.h"
#include "outrider/os/file.h"
#include "outrider/registry/registry.h"
#include "outrider/shell/router/fleet_router.h"

#include <stdlib.h>

/* Beside state.json, which is small and written often. */
static const char file_name[] = "view.bin";

/* Servers whose record went without shutting_down; an observer keeps the last one for ten minutes. */
enum { TOMBSTONES_MAX = 10000 };

/* Of a slice of a save, and at most one record more: so many the loop may wait for. */
enum { SLICE_BYTES = 32768 };

struct fleet {
    struct agent *agent;
    struct registry_client *registry;
    struct fleet_router router;
    struct timer *timer;
    struct events *events;
    struct leader_feed *leaders; /* NULL: the fleet was never followed */
    struct chronicle *chronicle; /* NULL: no history is kept */
    struct sliced_save *save;
};

static enum view_mode mode_of(const struct config *config)
{
    switch (config->view.mode) {
    case CONFIG_VIEW_ALWAYS: return VIEW_ALWAYS;
    case CONFIG_VIEW_OFF: return VIEW_NEVER;
    case CONFIG_VIEW_AUTO: break;
    }
    return config->server.present && config->dns.listen == NULL ? VIEW_AUTO : VIEW_ALWAYS;
}

/* ---- effects ---- */

static bool next_bytes(void *writer, size_t bytes, struct buf *out)
{
    return view_file_writer_next(writer, bytes, out);
}

static void free_writer(void *writer)
{
    view_file_writer_free(writer);
}

static const struct sliced_source source = {
    .file_name = file_name,
    .slice_bytes = SLICE_BYTES,
    .next = next_bytes,
    .free = free_writer,
    .log = {.module = "view",
            .failed = "fleet view not saved, retrying with the next change",
            .saved = "fleet view saved again"}};

static void save(struct fleet *fleet)
{
    const struct agent *agent = fleet->agent;
    struct instant now = agent_now();
    if (agent->state != NULL && view_facts(fleet->router.view)->known &&
        sliced_save_open(fleet->save, agent->config->state_dir)) {
        sliced_save_run(fleet->save, view_file_writer_new(fleet->router.view, &now));
    }
}

void fleet_carry_out(struct fleet *fleet, const struct view_effect *effect)
{
    static const struct agent_note notes[] = {
        [VIEW_NOTE_LISTED] = {LOG_LEVEL_INFO, "fleet listed"},
        [VIEW_NOTE_OUTAGE] = {LOG_LEVEL_WARN, "fleet watch failing, serving the last view as stale"},
        [VIEW_NOTE_RECOVERED] = {LOG_LEVEL_INFO, "fleet watch recovered"},
        [VIEW_NOTE_RELIST] = {LOG_LEVEL_WARN, "fleet view lost, listing again"},
        [VIEW_NOTE_STALLED] = {LOG_LEVEL_WARN, "fleet watch stalled, opening another"},
        [VIEW_NOTE_UNREADABLE] = {LOG_LEVEL_WARN, "key ignored, not a record"},
    };
    sessions_carry_out(fleet->agent->sessions, effect);
    chronicle_carry_out(fleet->chronicle, effect);
    dns_carry_out(fleet->agent->dns, effect);
    events_emit(fleet->events, effect);
    switch (effect->type) {
    case VIEW_DO_REQUEST: registry_submit(fleet->registry, effect->request); break;
    case VIEW_DO_WATCH: registry_watch(fleet->registry, effect->watch); break;
    case VIEW_DO_UNWATCH: registry_unwatch(fleet->registry, effect->id); break;
    case VIEW_DO_CHANGED:
    case VIEW_DO_REVISION: break;
    case VIEW_DO_SYNCED:
    case VIEW_DO_STALE:
        if (fleet->agent->router == NULL) {
            agent_notify_status(fleet->agent, "");
        }
        break;
    case VIEW_DO_SAVE: save(fleet); break;
    case VIEW_DO_NOTE: agent_log_note(&notes[effect->note], "view", effect->text); break;
    }
}

/* Who leads is followed while the fleet is. */
static void follow_leaders(struct fleet *fleet)
{
    bool follows = view_facts(fleet->router.view)->following;
    if (follows && fleet->leaders == NULL) {
        fleet->leaders = leader_feed_new(fleet->agent, fleet->events);
    }
    if (fleet->leaders != NULL) {
        leader_feed_follow(fleet->leaders, follows);
    }
}

/* After each step: the next deadline, and requests that wait for the fleet. */
static void stepped(struct fleet *fleet, bool changed)
{
    const struct view_facts *facts = view_facts(fleet->router.view);
    follow_leaders(fleet);
    timer_arm_at_ms(fleet->timer, view_deadline(fleet->router.view).latest);
    reservations_follow(fleet->agent->reservations, fleet->router.view);
    wave_feed_fleet_moved(fleet->agent->waves);
    bool known = facts->known && !facts->waking;
    if (fleet->agent->api != NULL && (changed || known || facts->last_error[0] != '\0')) {
        api_fleet_moved(fleet->agent->api, changed);
    }
}

static void step(struct fleet *fleet, struct view_event event)
{
    event.now = agent_now();
    stepped(fleet, fleet_router_step(&fleet->router, &event));
}

void fleet_step(struct fleet *fleet, enum view_event_type type)
{
    step(fleet, (struct view_event){.type = type});
    if (type == VIEW_ON_TICK) {
        leader_feed_tick(fleet->leaders);
        chronicle_tick(fleet->chronicle);
        wave_feed_tick(fleet->agent->waves);
    } else if (type == VIEW_ON_START) {
        wave_feed_start(fleet->agent->waves);
    } else if (type == VIEW_ON_STOP) {
        sliced_save_finish(fleet->save);
        chronicle_stop(fleet->chronicle);
        events_close(fleet->events, "stopping");
    }
}

void fleet_emit_wave(struct fleet *fleet, const struct wave *wave)
{
    events_emit_wave(fleet->events, wave);
}

static void on_timer(void *user)
{
    fleet_step(user, VIEW_ON_TICK);
}

/* ---- subscribers ---- */

static void on_count(void *user, size_t subscribers)
{
    step(user, (struct view_event){.type = VIEW_ON_SUBSCRIBERS, .count = subscribers});
}

static void on_local(void *user, struct discovery_local *ret_local)
{
    struct fleet *fleet = user;
    agent_look_local(fleet->agent, ret_local);
}

static const struct leaders *on_leaders(void *user)
{
    const struct fleet *fleet = user;
    struct api_fleet look = {.view = NULL};
    leader_feed_look(fleet->leaders, &look);
    return look.leaders;
}

static const struct events_ops events_ops = {.count = on_count, .local = on_local, .leaders = on_leaders};

/* ---- the registry ---- */

static void on_reply(const struct registry_reply *reply, void *user)
{
    struct fleet *fleet = user;
    struct instant now = agent_now();
    stepped(fleet, fleet_router_replied(&fleet->router, reply, &now));
}

static void on_watch(const struct registry_watch_event *event, void *user)
{
    struct fleet *fleet = user;
    struct instant now = agent_now();
    stepped(fleet, fleet_router_watched(&fleet->router, event, &now));
}

/* ---- life ---- */

static void load(struct fleet *fleet)
{
    const struct agent *agent = fleet->agent;
    struct buf path = {0}, bytes = {0};
    struct error err;
    struct view_file file = {0};
    buf_printf(&path, "%s/%s", agent->config->state_dir, file_name);
    int result = file_read(buf_text(&path), VIEW_FILE_MAX, &err, &bytes);
    bool first_start = result < 0 && err.code == ERROR_NOT_FOUND;
    if (result == 0) {
        result = view_file_decode(buf_view(&bytes), view_facts(fleet->router.view)->prefix, &file, &err);
    }
    if (result == 0) {
        view_file_check(&file, &fleet->router.check);
        log_info("view", "saved fleet view loaded, served as stale until listed",
                 LOG_INT("services", (int64_t)file.kept.entry_count),
                 LOG_INT("revision", file.kept.revision));
        step(fleet, (struct view_event){.type = VIEW_ON_LOAD, .kept = &file.kept});
    } else if (!first_start) {
        log_warn("view", "saved fleet view unusable", LOG_TEXT("error", err.text));
    }
    view_file_fini(&file);
    buf_fini(&bytes);
    buf_fini(&path);
}

/* Of the keys, and of what is done with them. */
static uint64_t trust_hash(const struct agent *agent)
{
    return sign_trust_hash(agent->trust) ^ (agent->config->view.require_signed ? 1U << 31 : 0);
}

struct fleet *fleet_new(struct agent *agent)
{
    const struct config *config = agent->config;
    struct fleet *fleet = mem_zalloc(sizeof(*fleet));
    uint64_t seed;
    entropy_fill(&seed, sizeof(seed));
    fleet->agent = agent;
    fleet->save = sliced_save_new(agent->loop, &source);
    fleet->registry = registry_attach(agent->registry, on_reply, on_watch, fleet);
    fleet_router_init(&fleet->router,
                      &(struct view_settings){
                          .prefix = config->registry.prefix,
                          .mode = mode_of(config),
                          .idle_ms = config->view.idle_ms,
                          .check_ms = config->registry.ttl_ms / 2,
                          .request_timeout_ms = config->registry.request_timeout_ms,
                          .tombstones_max = config->server.present ? 0 : TOMBSTONES_MAX,
                          .require_signed = config->view.require_signed,
                          .trust = agent->trust == NULL ? 0 : trust_hash(agent),
                          .seed = seed,
                          .can = registry_can(agent->registry),
                      },
                      &(struct placement_settings){.virtual_nodes = config->placement.virtual_nodes,
                                                   .balance_factor = config->placement.balance_factor,
                                                   .seed = seed,
                                                   .seats = reservations_held(agent->reservations)},
                      fleet);
    reservations_place(agent->reservations, fleet->router.placement, fleet->router.view);
    fleet_router_trust(&fleet->router, agent->trust, config->view.require_signed);
    fleet->timer = timer_new(agent->loop, on_timer, fleet);
    fleet->events = events_new(agent->loop, fleet->router.view, &events_ops, fleet);
    fleet->chronicle = chronicle_new(agent, fleet->events); /* before the view tells of what was kept */
    if (agent->state != NULL && config->view.mode != CONFIG_VIEW_OFF) {
        load(fleet);
    }
    agent->sessions = sessions_new(agent);
    agent->waves = wave_feed_new(agent);
    return fleet;
}

void fleet_free(struct fleet *fleet)
{
    if (fleet != NULL) {
        sessions_free(fleet->agent->sessions); /* what they know of servers is the view's */
        wave_feed_free(fleet->agent->waves);   /* likewise */
        fleet->agent->waves = NULL;
        registry_detach(fleet->registry);
        leader_feed_free(fleet->leaders);
        chronicle_free(fleet->chronicle);
        events_free(fleet->events);
        sliced_save_free(fleet->save);
        timer_free(fleet->timer);
        fleet_router_fini(&fleet->router);
        free(fleet);
    }
}

void fleet_reload(struct fleet *fleet, const struct config *config)
{
    if (mode_of(config) == VIEW_NEVER) {
        /* a stream of nothing but comments would pass for a quiet fleet */
        events_close(fleet->events, "view_off");
    }
    step(fleet, (struct view_event){
                    .type = VIEW_ON_RELOAD, .mode = mode_of(config), .idle_ms = config->view.idle_ms});
}

void fleet_look(const struct fleet *fleet, struct api_fleet *ret_fleet)
{
    uint64_t bytes;
    const struct save_log *log = sliced_save_log(fleet->save, &bytes);
    *ret_fleet = (struct api_fleet){.view = fleet->router.view,
                                    .placement = fleet->router.placement,
                                    .writes = log->writes,
                                    .failures = log->failures,
                                    .last_error = log->last_error,
                                    .events = fleet->events,
                                    .history = chronicle_history(fleet->chronicle)};
    chronicle_saves(fleet->chronicle, &ret_fleet->history_saves);
    leader_feed_look(fleet->leaders, ret_fleet);
}

bool fleet_is_current(const struct fleet *fleet)
{
    return view_facts(fleet->router.view)->synced;
}

const struct view_entry *fleet_find(const struct fleet *fleet, struct str server)
{
    struct str id, type = str_split(server, '/', &id);
    return view_find(fleet->router.view, type, id);
}
