/* The world around the router: the clock, the server's ports, the address, the registry's replies, restarts.
 * What is not scripted replies at once, so that a script only has what matters to it. */
#include "runner.h"

#include "outrider/base/mem.h"
#include "outrider/codec/sign/sign.h"
#include "support/read_text.h"

#include <stdio.h>
#include <stdlib.h>

struct instant world_now(const struct scenario *s)
{
    /* Three clocks that never agree by accident. */
    return (struct instant){
        .mono = 1000000 + s->mono, .boot = 5000000 + s->boot, .wall = 1795227240000 + s->wall};
}

/* ---- the registry ---- */

static const struct {
    const char *name;
    bool applied;
    enum registry_failure failure;
} answers[] = {
    {"ok", true, REGISTRY_OK},
    {"lost", true, REGISTRY_UNKNOWN},     /* done, but the reply was lost */
    {"unknown", false, REGISTRY_UNKNOWN}, /* not done, but the agent cannot know */
    {"unreachable", false, REGISTRY_RETRY},
    {"denied", false, REGISTRY_DENIED},
    {"overloaded", false, REGISTRY_OVERLOADED},
    {"refused", false, REGISTRY_REFUSED},
    {"lease-lost", false, REGISTRY_LEASE_LOST},
};

static void drop_served(struct scenario *s)
{
    blob_unref(s->served_value);
    s->served_value = NULL;
    s->served = (struct registry_reply){0};
}

static void answer(struct scenario *s, const struct fake_call *call, const char *how)
{
    struct registry_reply reply = {.id = call->request.id, .op = call->request.op};
    size_t which = 0;
    while (which < COUNT_OF(answers) && strcmp(answers[which].name, how) != 0) {
        which++;
    }
    if (which == COUNT_OF(answers)) {
        fail(s, "no such reply: %s", how);
    }
    struct instant now = world_now(s);
    bool served = reply.id != 0 && s->served.id == reply.id && s->served_client == call->client;
    if (served) {
        reply = s->served;
    } else if (answers[which].applied) {
        store_apply(&s->store, call, now.boot, &reply);
        if (s->duplicate != 0 && call->request.op == REGISTRY_PUT && reply.succeeded &&
            lease_number(call->request.lease) == s->duplicate) {
            store_put(&s->store, DUPLICATE_VALUE, s->duplicate);
        }
    }
    if (answers[which].failure != REGISTRY_OK) {
        reply = (struct registry_reply){.id = call->request.id, .op = call->request.op};
        reply.failure = answers[which].failure;
        reply.error = str_of(registry_failure_name(reply.failure));
    }
    struct blob *value = blob_new(reply.kv.value);
    reply.kv.value = blob_view(value);
    if (served) {
        drop_served(s);
    }
    router_replied(s->router, call->client, &reply, &now);
    blob_unref(value);
}

void world_serve(struct scenario *s)
{
    if (s->pending_count == 0 || s->served.id != 0) {
        fail(s, "no request waits to be done");
    }
    store_apply(&s->store, &s->pending[0], world_now(s).boot, &s->served);
    s->served_client = s->pending[0].client;
    s->served_value = blob_new(s->served.kv.value);
    s->served.kv.value = blob_view(s->served_value);
    world_settle(s);
}

void world_reply(struct scenario *s, const char *how)
{
    if (s->pending_count == 0) {
        fail(s, "no request waits for a reply");
    }
    struct fake_call call = s->pending[0];
    s->pending_count--;
    memmove(s->pending, s->pending + 1, s->pending_count * sizeof(s->pending[0]));
    answer(s, &call, how);
    fake_call_fini(&call);
    world_settle(s);
}

static const char *how_answered(const struct scenario *s, const struct fake_call *call)
{
    const struct registry_request *request = &call->request;
    enum registry_op op = request->op;
    bool guarded =
        op == REGISTRY_REVOKE && s->store.value != NULL && s->store.key_lease == lease_number(request->lease);
    bool writes = op == REGISTRY_PUT || op == REGISTRY_DELETE || op == REGISTRY_TXN;
    switch (s->mode) {
    case MODE_UP:
    case MODE_SLOW: break;
    case MODE_DOWN: return "unreachable";
    case MODE_DENIED: return "denied";
    case MODE_READ_ONLY: return writes ? "denied" : "ok";
    case MODE_LOCKED: return writes || guarded ? "denied" : "ok";
    case MODE_UNREADABLE: return writes || op == REGISTRY_GET || op == REGISTRY_COMPARE ? "denied" : "ok";
    case MODE_SEATS_DENIED: return call->seats || op == REGISTRY_TXN ? "denied" : "ok";
    case MODE_SEATS_READ_ONLY: return op == REGISTRY_TXN ? "denied" : "ok";
    case MODE_FULL:
        return op == REGISTRY_TXN || op == REGISTRY_PUT || op == REGISTRY_GRANT ? "overloaded" : "ok";
    }
    return "ok";
}

static void meet_request(struct scenario *s, const struct fake_call *call)
{
    if (s->mode != MODE_SLOW || (call->control && !s->claims_control)) {
        answer(s, call, how_answered(s, call));
        return;
    }
    if (s->pending_count == PENDING_MAX) {
        fail(s, "more than %d requests wait for a reply", PENDING_MAX);
    }
    s->pending[s->pending_count] = *call;
    fake_call_own(&s->pending[s->pending_count]);
    s->pending_count++;
}

/* ---- effects ---- */

static bool is_ignored(const struct scenario *s, const char *kind)
{
    for (size_t i = 0; i < s->ignored_count; i++) {
        if (strcmp(s->ignored[i], kind) == 0) {
            return true;
        }
    }
    return false;
}

static void see(struct scenario *s, const struct fake_call *call)
{
    bool of_control = call->control || call->type == FAKE_INTENT_NOTE;
    bool of_watch = call->type == FAKE_WATCH || call->type == FAKE_UNWATCH || call->type == FAKE_WATCH_NOTE;
    if (is_ignored(s, kind_of(call)) || (of_control && !s->claims_control) ||
        (of_watch && s->watch_mode == WATCH_HIDDEN)) {
        return;
    }
    if (s->seen_count == s->seen_capacity) {
        s->seen_capacity = s->seen_capacity == 0 ? 32 : s->seen_capacity * 2;
        s->seen = mem_resize(s->seen, s->seen_capacity, sizeof(s->seen[0]));
    }
    s->seen[s->seen_count] = (struct seen){.at = s->mono, .call = *call};
    fake_call_own(&s->seen[s->seen_count++].call);
}

static void meet(struct scenario *s, const struct fake_call *call)
{
    struct instant now = world_now(s);
    switch (call->type) {
    case FAKE_TRY: world_meet_try(s, call); break;
    case FAKE_CANCEL_TRIES: memset(s->tries, 0, sizeof(s->tries)); break;
    case FAKE_REQUEST: meet_request(s, call); break;
    case FAKE_LOOK_UP_HOST:
        if (strcmp(s->host, "silent") != 0) {
            router_server_event(s->router, &(struct server_event){.type = SERVER_ON_HOST,
                                                                  .now = now,
                                                                  .text = s->host[0] == '\0' ? NULL : s->host,
                                                                  .reason = s->no_host,
                                                                  .absent = s->no_interface ? "wg0" : NULL,
                                                                  .unsure = s->host_unsure});
        }
        break;
    case FAKE_EXIT: s->exited = true; break;
    case FAKE_WATCH:
    case FAKE_UNWATCH: watch_meet(s, call); break;
    case FAKE_WATCH_NOTE:
    case FAKE_WATCH_PID:
    case FAKE_TERMINATE:
    case FAKE_TELL_DRAIN:
    case FAKE_SAVE:
    case FAKE_STATUS:
    case FAKE_NOTE:
    case FAKE_INTENT_NOTE:
    case FAKE_CLAIMED:
    case FAKE_DRAIN_OVER: break;
    }
}

void world_settle(struct scenario *s)
{
    struct fake_call call;
    watch_tell(s);
    for (unsigned turns = 0; fake_effects_take(&s->effects, &call); turns++) {
        if (turns > 100000) {
            fail(s, "the agent never comes to rest");
        }
        see(s, &call);
        meet(s, &call);
        watch_tell(s);
        fake_call_fini(&call);
    }
}

/* ---- time ---- */

static void move_clock(struct scenario *s, int64_t mono)
{
    s->boot += mono - s->mono;
    s->wall += mono - s->mono;
    s->mono = mono;
    store_expire(&s->store, world_now(s).boot);
}

static int64_t next_hang(const struct scenario *s)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < SERVER_PROBES_MAX; i++) {
        if (s->tries[i].id != 0 && s->tries[i].hangs_until < next) {
            next = s->tries[i].hangs_until;
        }
    }
    return next;
}

static int64_t next_deadline(const struct scenario *s)
{
    int64_t latest = s->router == NULL || s->exited ? NEVER_MS : router_deadline(s->router).latest;
    return latest == NEVER_MS ? INT64_MAX : latest - 1000000;
}

static void end_hangs(struct scenario *s)
{
    for (unsigned i = 0; i < SERVER_PROBES_MAX; i++) {
        if (s->tries[i].id != 0 && s->tries[i].hangs_until <= s->mono) {
            world_end_try(s, i, PROBE_TIMED_OUT);
        }
    }
}

void world_advance(struct scenario *s, int64_t to)
{
    unsigned stuck = 0;
    for (;;) {
        int64_t deadline = next_deadline(s), hang = next_hang(s);
        int64_t next = deadline < hang ? deadline : hang;
        if (next > to) {
            break;
        }
        stuck = next > s->mono ? 0 : stuck + 1;
        if (stuck > 1000) {
            fail(s, "no progress: the agent asks to be woken at %lld again and again", (long long)next);
        }
        if (next > s->mono) {
            move_clock(s, next);
        }
        end_hangs(s);
        if (next_deadline(s) <= s->mono) {
            struct instant now = world_now(s);
            router_tick(s->router, &now);
        }
        world_settle(s);
    }
    move_clock(s, to);
}

/* ---- start, restart, end ---- */

/* The key that the configuration names, in a file of the test vectors: its path begins at the top of the tree. */
static void read_signer(struct scenario *s)
{
    struct buf pem = {0};
    struct error err;
    sign_key_free(s->signer);
    s->signer = NULL;
    if (s->config->record.sign_key != NULL) {
        read_text(s->config->record.sign_key + 1, &pem);
        s->signer = sign_key_read(buf_view(&pem), &err);
        if (s->signer == NULL) {
            fail(s, "%s", err.text);
        }
    }
    buf_fini(&pem);
}

void world_start(struct scenario *s, const struct restore *restore)
{
    static const struct restore nothing = {0};
    struct instant now = world_now(s);
    s->exited = false;
    s->router = router_new(s->config, "w1", restore == NULL ? &nothing : restore, ++s->starts,
                           s->store.kind->can, &s->effects, &now);
    read_signer(s);
    router_sign_with(s->router, s->signer);
    router_start(s->router, &now);
    world_settle(s);
    world_advance(s, s->mono);
}

static void drop_running(struct scenario *s)
{
    for (size_t i = 0; i < s->pending_count; i++) {
        fake_call_fini(&s->pending[i]);
    }
    s->pending_count = 0;
    drop_served(s);
    memset(s->tries, 0, sizeof(s->tries));
    s->attached_count = 0;
    s->watch_id = 0;
    s->watch_open = false;
    fake_effects_fini(&s->effects);
    buf_clear(&s->kept);
    router_save(s->router, "boot", &s->kept);
    router_free(s->router);
    s->router = NULL;
}

/* What state_dir gives the next agent, through the bytes of the state file. */
void world_restart(struct scenario *s, const char *how)
{
    struct restore restore = {0};
    struct error err;
    bool keep = strncmp(how, "keep", 4) == 0;
    if (!keep && strcmp(how, "lose") != 0) {
        fail(s, "restart keep, keep-without-process, keep-holds or lose");
    }
    if (s->router != NULL) {
        drop_running(s);
    }
    saved_state_fini(&s->saved);
    if (keep) {
        if (state_file_decode(buf_view(&s->kept), &s->saved, &err) < 0) {
            fail(s, "the state file cannot be read back: %s", err.text);
        }
        struct restore_facts facts = {.key = s->saved.key,
                                      .boot_id = strcmp(how, "keep-holds") == 0 ? "another boot" : "boot",
                                      .has_mainpid = strcmp(how, "keep") == 0,
                                      .mainpid_start = s->saved.message.mainpid_start};
        restore_decide(&s->saved, &facts, &restore);
    }
    world_start(s, &restore);
}

void world_end(struct scenario *s)
{
    if (s->router != NULL) {
        drop_running(s);
    }
    saved_state_fini(&s->saved);
    sign_key_free(s->signer);
    buf_fini(&s->kept);
    store_fini(&s->store);
    forget_seen(s);
    free(s->seen);
    for (size_t i = 0; i < s->config_count; i++) {
        config_fini(s->configs[i]);
        free(s->configs[i]);
    }
}
