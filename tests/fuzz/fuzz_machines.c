/* Bytes become a sequence of events for the router with all its machines; after each the invariants of the
 * architecture must hold. The first three bytes choose the world, then each pair of bytes is an event and its
 * argument. */

/* The world of the scenarios, compiled in: a fuzzer is one source. */
#include "fake/fake_effects.c"
#include "scenario/runner_store.c"

#include "outrider/base/buf.h"
#include "outrider/base/mem.h"
#include "outrider/codec/state/state_file.h"
#include "outrider/codec/status/status_line.h"
#include "outrider/core/config/config.h"
#include "outrider/registry/memory/memory.h"
#include "outrider/shell/router/router.h"
#include "shell/router/router_internal.h"
#include "support/queue_size.h"

#include <assert.h>
#include <stdlib.h>

enum { WORLD_PENDING_MAX = 16, RESTARTS_MAX = 4, FOREIGN = 7777 };

struct world {
    struct config configs[2];
    struct effects effects;
    size_t inspected; /* of the remembered effects */
    struct router *router;
    struct store store;
    int64_t mono, sleep;
    bool auto_tries, auto_registry, exited, host_unsure;
    unsigned open; /* ports, one bit for each probe */
    uint64_t tries[SERVER_PROBES_MAX];
    struct fake_call pending[WORLD_PENDING_MAX];
    size_t pending_count;
    uint64_t lease_id, key_id, control_id, compare_id, seats_id; /* requests a machine waits for; 0: none */
    struct registry_lease lease_for, key_for;
    const char *host;
    unsigned restarts, config;
    struct saved_state saved; /* as the running agent has read it */
    int64_t tokens, filled;   /* of the writes, in thousandths */
    uint64_t attached, watch;
};

static struct instant now_of(const struct world *w)
{
    return (struct instant){.mono = 1000 + w->mono,
                            .boot = 9000 + w->mono + w->sleep,
                            .wall = 1795227240000 + w->mono + w->sleep};
}

static void server_event(struct world *w, struct server_event event)
{
    event.now = now_of(w);
    router_server_event(w->router, &event);
}

#include "machines_watch.c"

/* ---- configurations ---- */

static void build_config(struct config *config, uint8_t flags, uint8_t shape)
{
    config->server.present = true;
    config->server.type = mem_strdup("world");
    config->server.require_status = flags & 1;
    config->server.ports_dynamic = flags & 2;
    config->server.watchdog_ms = flags & 4 ? 3000 : 0;
    config->server.initializing_max_ms = 20000;
    config->server.deregister_after_ms = flags & 8 ? 10000 : 0;
    config->grace_period_ms = 5000;
    config->registry.prefix = mem_strdup("/services");
    config->registry.control_prefix = mem_strdup("/outrider/services");
    config->server.id = mem_strdup(flags & 64 ? "w1" : "auto");
    config->registry.ttl_ms = 10000;
    config->registry.request_timeout_ms = 1500;
    config->status.min_publish_interval_ms = 5000;
    config->drain.deadline_ms = 60000;
    config->drain.settle_ms = 2000;
    config->shutdown.drain = flags & 16;
    config->shutdown.linger_ms = 1000;
    config->shutdown.timeout_ms = 4000;
    config->probes_given = !config->server.ports_dynamic || (flags & 32);
    config->server.ports[0] = 8001;
    config->server.port_count = config->server.ports_dynamic ? 0 : 1;
    size_t probes = config->probes_given ? 1 + shape % 3u : 0;
    for (size_t i = 0; i < probes; i++) {
        config_probe_default(config_probe_add(config), (uint16_t)(8001 + (shape / 4 + i) % 4));
        config->probes[i].rise = 1 + shape / 16 % 3u;
        config->probes[i].fall = 1 + shape / 64 % 3u;
    }
}

/* ---- invariants ---- */

static bool any_failing(const struct router *router)
{
    for (size_t i = 0; i < router->probe_count; i++) {
        if (health_verdict(&router->probes[i].health) == VERDICT_FAILING) {
            return true;
        }
    }
    return false;
}

static bool says_ready(struct str record)
{
    return memmem(record.data, record.size, "\"status\":\"ready\"", 16) != NULL;
}

static void check_request(struct world *w, const struct fake_call *call)
{
    const struct registrar *registrar = w->router->registrar;
    const struct registry_request *request = &call->request;
    assert(request->id != 0 && request->timeout_ms > 0);
    if (call->control) {
        /* One at a time; leaving, a read is given up. */
        assert(w->control_id == 0 || w->router->shutdown.phase != SHUTDOWN_RUNNING);
        assert(registry_lease_is_none(request->lease));
        w->control_id = request->id;
        return;
    }
    if (request->op == REGISTRY_GRANT || request->op == REGISTRY_KEEPALIVE ||
        request->op == REGISTRY_REVOKE) {
        assert(w->lease_id == 0 ||
               registry_lease_is_none(request->lease) /* a second grant makes another lease */ ||
               !registry_lease_eq(w->lease_for, request->lease) || request->op == REGISTRY_REVOKE);
        w->lease_id = request->id;
        w->lease_for = request->lease;
        return;
    }
    if (call->seats) {
        assert(w->seats_id == 0 && (request->op == REGISTRY_GET || request->op == REGISTRY_DELETE));
        w->seats_id = request->id;
        return;
    }
    if (call->client == ROUTER_CLIENT_KEYS) {
        assert(w->compare_id == 0 && request->op == REGISTRY_COMPARE);
        w->compare_id = request->id;
        return;
    }
    assert(w->key_id == 0 || !registry_lease_eq(w->key_for, registrar_facts(registrar).lease));
    w->key_id = request->id;
    w->key_for = registrar_facts(registrar).lease;
    if (request->op == REGISTRY_PUT || request->op == REGISTRY_TXN) {
        assert(registry_lease_is_none(registrar_facts(registrar).conflict_lease));
        /* The last put and the revoke may be sent by one step, in this order: the state seen here is the later one. */
        enum lease_state state = registrar_facts(registrar).lease_state;
        assert((state == LEASE_HELD || state == LEASE_REVOKING) &&
               registry_lease_eq(request->lease, registrar_facts(registrar).lease));
        assert(!says_ready(blob_view(request->value)) || !any_failing(w->router));
    }
}

/* docs/design/protocol.md, "Write rates": burst 5 and 1 a second for the urgent ones, 1 each interval for the
 * rest. */
static void spend_write(struct world *w)
{
    enum { FULL = 7000 };
    int64_t since = w->mono - w->filled;
    w->tokens += since + since / 5;
    w->tokens = w->tokens > FULL ? FULL : w->tokens;
    w->filled = w->mono;
    w->tokens -= 1000;
    assert(w->tokens >= 0);
}

static void check_rest(const struct world *w)
{
    const struct router *router = w->router;
    for (int i = 0; i < ROUTER_MACHINE_COUNT; i++) {
        assert(queue_size(&router->queues[i]) == 0);
    }
    assert(server_facts(router->server).status != STATUS_READY || !any_failing(router));
    assert(router->probe_count <= SERVER_PROBES_MAX);
    struct window window = router_deadline(router);
    assert(window.earliest <= window.latest);
    struct instant now = now_of(w);
    assert(!server_drain(router->server, &now).on || server_facts(router->server).status != STATUS_READY);
}

/* ---- the world answers ---- */

static void answer(struct world *w, const struct fake_call *call, unsigned how)
{
    struct registry_reply reply = {.id = call->request.id, .op = call->request.op};
    struct instant now = now_of(w);
    bool applied = how == 0 || how == 1;
    if (applied) {
        bool had = w->store.value != NULL;
        int64_t foreign = had && w->store.key_lease == FOREIGN ? FOREIGN : 0;
        int64_t before = w->store.revision;
        store_apply(&w->store, call, now.boot, &reply);
        if (call->request.op == REGISTRY_PUT && reply.succeeded && !call->control) {
            assert(foreign == 0 || w->store.revision > before + 1);
            if (had && w->store.revision == before + 1) {
                spend_write(w);
            }
        }
    }
    if (how != 0) {
        reply = (struct registry_reply){.id = call->request.id, .op = call->request.op};
        reply.failure = how == 1 ? REGISTRY_UNKNOWN : (enum registry_failure)(how % REGISTRY_FAILURE_COUNT);
        reply.failure = reply.failure == REGISTRY_OK ? REGISTRY_RETRY : reply.failure;
    }
    bool of_registrar = call->client == ROUTER_CLIENT_REGISTRAR;
    w->lease_id = of_registrar && w->lease_id == reply.id ? 0 : w->lease_id;
    w->key_id = of_registrar && w->key_id == reply.id ? 0 : w->key_id;
    w->seats_id = of_registrar && w->seats_id == reply.id ? 0 : w->seats_id;
    w->control_id = call->client == ROUTER_CLIENT_INTENT && w->control_id == reply.id ? 0 : w->control_id;
    w->compare_id = call->client == ROUTER_CLIENT_KEYS ? 0 : w->compare_id;
    struct blob *value = blob_new(reply.kv.value); /* the router may change the store's */
    reply.kv.value = blob_view(value);
    router_replied(w->router, call->client, &reply, &now);
    blob_unref(value);
}

/* Whether every try is cancelled later: a reload after a gap begins some of the old probes first. */
static bool is_cancelled(const struct world *w, size_t at)
{
    while (at < w->effects.count && w->effects.calls[at].type != FAKE_CANCEL_TRIES) {
        at++;
    }
    return at < w->effects.count;
}

/* Looks at what was asked for before anything else happens. */
static void inspect(struct world *w)
{
    for (; w->inspected < w->effects.count; w->inspected++) {
        const struct fake_call *call = &w->effects.calls[w->inspected];
        if (call->type == FAKE_REQUEST) {
            check_request(w, call);
        } else if (call->type == FAKE_NOTE && call->note == REGISTRAR_NOTE_GAP) {
            w->lease_id = 0; /* given up: its answer is of before the gap */
        }
        assert(call->type != FAKE_TRY || call->index < w->router->probe_count ||
               is_cancelled(w, w->inspected));
    }
}

static void meet_request(struct world *w, const struct fake_call *call)
{
    if (w->auto_registry) {
        answer(w, call, 0);
        return;
    }
    if (w->pending_count == WORLD_PENDING_MAX) {
        fake_call_fini(&w->pending[0]);
        memmove(w->pending, w->pending + 1, (WORLD_PENDING_MAX - 1) * sizeof(w->pending[0]));
        w->pending_count--;
    }
    w->pending[w->pending_count] = *call;
    fake_call_own(&w->pending[w->pending_count++]);
}

static void settle(struct world *w)
{
    struct fake_call call;
    struct instant now = now_of(w);
    inspect(w);
    for (unsigned turns = 0; fake_effects_take(&w->effects, &call); turns++) {
        assert(turns < 5000);
        if (call.type == FAKE_TRY) {
            w->tries[call.index] = call.try_id;
            if (w->auto_tries) {
                bool open = w->open & 1u << call.index % 8;
                router_tried(
                    w->router, call.index, call.try_id,
                    &(struct probe_result){.outcome = open ? PROBE_PASSED : PROBE_REFUSED, .duration_us = 1},
                    &now);
            }
        } else if (call.type == FAKE_CANCEL_TRIES) {
            memset(w->tries, 0, sizeof(w->tries));
        } else if (call.type == FAKE_REQUEST) {
            meet_request(w, &call);
        } else if (call.type == FAKE_WATCH) {
            assert(call.watch_id > w->watch);
            w->watch = call.watch_id;
        } else if (call.type == FAKE_LOOK_UP_HOST) {
            server_event(
                w, (struct server_event){.type = SERVER_ON_HOST, .text = w->host, .unsure = w->host_unsure});
        } else if (call.type == FAKE_EXIT) {
            assert(!w->exited);
            w->exited = true;
        }
        fake_call_fini(&call);
        inspect(w);
    }
    w->inspected = 0;
    check_rest(w);
}

static void advance(struct world *w, int64_t span)
{
    int64_t to = w->mono + span;
    unsigned stuck = 0;
    while (!w->exited && router_deadline(w->router).latest - 1000 <= to) {
        int64_t next = router_deadline(w->router).latest - 1000;
        stuck = next > w->mono ? 0 : stuck + 1;
        assert(stuck < 100); /* a window makes progress: time moves or something happens */
        w->mono = next > w->mono ? next : w->mono;
        struct instant now = now_of(w);
        store_expire(&w->store, now.boot);
        router_tick(w->router, &now);
        settle(w);
    }
    w->mono = to;
    store_expire(&w->store, now_of(w).boot);
}

/* ---- events ---- */

#include "machines_lines.c"

static void drop(struct world *w)
{
    for (size_t i = 0; i < w->pending_count; i++) {
        fake_call_fini(&w->pending[i]);
    }
    w->pending_count = 0;
    memset(w->tries, 0, sizeof(w->tries));
    w->lease_id = w->key_id = w->control_id = w->compare_id = w->seats_id = w->watch = 0;
    fake_effects_fini(&w->effects);
    w->inspected = 0;
}

static void start(struct world *w, const struct restore *restore)
{
    struct instant now = now_of(w);
    w->exited = false;
    w->router = router_new(&w->configs[w->config], "w1", restore, 1 + w->restarts, w->store.kind->can,
                           &w->effects, &now);
    router_start(w->router, &now);
    w->tokens = 7000;
    w->filled = w->mono;
    settle(w);
}

/* Through the bytes of the state file, as the agent does it. */
static void restart(struct world *w, uint8_t arg)
{
    struct router *old = w->router;
    struct restore restore = {0};
    struct buf kept = {0};
    struct error err;
    if (w->restarts++ == RESTARTS_MAX) {
        return;
    }
    router_save(old, "boot", &kept);
    drop(w);
    router_free(old);
    saved_state_fini(&w->saved);
    if (arg & 1) {
        int result = state_file_decode(buf_view(&kept), &w->saved, &err);
        assert(result == 0);
        struct restore_facts facts = {.key = w->saved.key,
                                      .boot_id = "boot",
                                      .has_mainpid = (arg & 2) != 0,
                                      .mainpid_start = w->saved.message.mainpid_start};
        restore_decide(&w->saved, &facts, &restore);
    }
    buf_fini(&kept);
    start(w, &restore);
}

static void reload(struct world *w, uint8_t arg)
{
    struct instant now = now_of(w);
    unsigned next = 1 - w->config;
    config_fini(&w->configs[next]);
    w->configs[next] = (struct config){0};
    build_config(&w->configs[next], arg, (uint8_t)(arg * 37));
    w->config = next;
    router_reload(w->router, &w->configs[next], &now);
}

static void reply_to(struct world *w, uint8_t arg)
{
    if (w->pending_count == 0) {
        return;
    }
    size_t which = arg & 128 ? w->pending_count - 1 : 0;
    struct fake_call call = w->pending[which];
    w->pending_count--;
    memmove(w->pending + which, w->pending + which + 1, (w->pending_count - which) * sizeof(w->pending[0]));
    answer(w, &call, arg % 16 < 8 ? 0 : arg % 16 - 7u);
    fake_call_fini(&call);
}

static void stop(struct world *w, uint8_t arg)
{
    static const enum shutdown_event_type how[] = {SHUTDOWN_ON_TERM, SHUTDOWN_ON_INT, SHUTDOWN_ON_QUIT};
    struct instant now = now_of(w);
    router_stop(w->router, how[arg % 3], (arg & 4) != 0, &now);
}

#include "machines_store.c"

static void happen(struct world *w, uint8_t what, uint8_t arg)
{
    struct instant now = now_of(w);
    unsigned index = arg % 4u;
    switch (what % 16) {
    case 0: advance(w, arg); break;
    case 1: advance(w, arg * 200); break;
    case 2: w->open = arg; break;
    case 3:
    case 4: hear(w, arg); break;
    case 5:
        router_tried(w->router, index, w->tries[index],
                     &(struct probe_result){.outcome = arg & 4   ? PROBE_PASSED
                                                       : arg & 8 ? PROBE_NOT_RESOLVED
                                                                 : PROBE_TIMED_OUT,
                                            .detail = "timed out",
                                            .duration_us = 1},
                     &now);
        break;
    case 6:
        if (arg & 128) {
            watched(w, arg);
            break;
        }
        server_event(w, (struct server_event){.type = SERVER_ON_DETACH,
                                              .life = arg & 1 ? w->attached : arg,
                                              .by_us = (arg & 2) != 0});
        break;
    case 7: server_event(w, (struct server_event){.type = SERVER_ON_EXIT, .pid = 5 + arg % 3}); break;
    case 8:
        server_event(w, (struct server_event){.type = SERVER_ON_HOLD,
                                              .kind = HOLD_OPS,
                                              .reason = "why",
                                              .by = "who",
                                              .deadline_ms = arg % 8 * 1000,
                                              .expires_ms = arg / 8 * 1000});
        break;
    case 9: server_event(w, (struct server_event){.type = SERVER_ON_UNHOLD, .kind = HOLD_OPS}); break;
    case 10:
    case 11: reply_to(w, arg); break;
    case 12:
        w->host = arg & 3 ? "10.0.0.1" : NULL;
        w->host_unsure = (arg & 7) == 4; /* without a host */
        w->sleep += arg > 200 ? arg * 100 : 0;
        break;
    case 13: arg & 4 ? change_control(w, arg) : change_store(w, arg); break;
    case 14: arg & 64 ? reload(w, arg) : restart(w, arg); break;
    default: arg & 64 ? stop(w, arg) : advance(w, 1000); break;
    }
    settle(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || size > 2000) {
        return 0;
    }
    struct world *w = mem_zalloc(sizeof(*w));
    struct restore nothing = {0};
    build_config(&w->configs[0], data[0], data[1]);
    w->auto_tries = data[2] & 1;
    w->auto_registry = data[2] & 2;
    w->open = data[2] & 4 ? 255 : 0;
    w->host = data[2] & 8 ? NULL : "10.0.0.1";
    choose_kind(&w->store, data[2] >> 6);
    start(w, &nothing);
    for (size_t i = 3; i + 1 < size && !w->exited; i += 2) {
        happen(w, data[i], data[i + 1]);
        if (!w->exited) {
            advance(w, 0);
        }
    }
    drop(w);
    router_free(w->router);
    saved_state_fini(&w->saved);
    store_fini(&w->store);
    config_fini(&w->configs[0]);
    config_fini(&w->configs[1]);
    free(w);
    return 0;
}
