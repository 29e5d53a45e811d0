#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "election_world.h"

#include "outrider/base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void election_world_begin(struct election_world *w, uint32_t can)
{
    election_fini(&w->election);
    w->now = (struct instant){.mono = 10000, .boot = 500000, .wall = 9000000};
    election_init(
        &w->election,
        &(struct election_settings){
            .prefix = STR(PREFIX), .ttl_ms = TTL_MS, .request_timeout_ms = 2000, .can = can, .seed = 1});
}

int election_world_set_up(void **state)
{
    struct election_world *w = mem_zalloc(sizeof(*w));
    queue_init(&w->effects, sizeof(struct election_effect));
    election_world_begin(w, REGISTRY_CAN_ALL);
    *state = w;
    return 0;
}

int election_world_tear_down(void **state)
{
    struct election_world *w = *state;
    election_fini(&w->election);
    queue_fini(&w->effects);
    free(w);
    return 0;
}

/* ---- steps ---- */

static void take(struct election_world *w, const struct election_effect *effect)
{
    assert_true(w->count < COUNT_OF(w->did));
    w->did[w->count++] = *effect;
    if (effect->type == ELECTION_DO_REQUEST) {
        w->asked = effect->request;
        w->lists += effect->request.op == REGISTRY_LIST ? 1 : 0;
        snprintf(w->key, sizeof(w->key), "%.*s", STR_ARG(effect->request.key));
    } else if (effect->type == ELECTION_DO_WATCH) {
        w->watched = effect->watch;
    } else if (effect->type == ELECTION_DO_QUEUED) {
        snprintf(w->before, sizeof(w->before), "%.*s", STR_ARG(effect->text));
    }
}

static void step(struct election_world *w, struct election_event event)
{
    struct election_effect effect;
    event.now = w->now;
    w->count = 0;
    w->asked.id = w->watched.id = 0;
    election_step(&w->election, &event, &w->effects);
    while (queue_take(&w->effects, &effect)) {
        take(w, &effect);
    }
}

void election_world_step(struct election_world *w, enum election_event_type type)
{
    step(w, (struct election_event){.type = type});
}

void election_world_reply(struct election_world *w, struct registry_reply reply)
{
    assert_true(election_awaits(&w->election, w->asked.id));
    reply.id = w->asked.id;
    reply.op = w->asked.op;
    step(w, (struct election_event){.type = ELECTION_ON_REPLY, .reply = &reply});
}

void election_world_fail(struct election_world *w, enum registry_failure failure)
{
    election_world_reply(w, (struct registry_reply){.failure = failure, .error = STR("no answer")});
}

void election_world_watch(struct election_world *w, struct registry_watch_event event)
{
    event.id = w->election.watched.id;
    step(w, (struct election_event){.type = ELECTION_ON_WATCH, .watch = &event});
}

void election_world_pass(struct election_world *w, int64_t ms)
{
    w->now.mono += ms;
    w->now.boot += ms;
    w->now.wall += ms;
}

void election_world_advance(struct election_world *w, int64_t ms)
{
    election_world_pass(w, ms);
    election_world_step(w, ELECTION_ON_TICK);
}

bool election_world_leads(const struct election_world *w)
{
    int64_t token = 0;
    bool leads = election_leads(&w->election, &w->now, &token);
    assert_int_equal(token, leads ? MINE : 0);
    return leads;
}

const struct election_effect *election_world_did(const struct election_world *w,
                                                 enum election_effect_type type)
{
    for (unsigned i = 0; i < w->count; i++) {
        if (w->did[i].type == type) {
            return &w->did[i];
        }
    }
    return NULL;
}

bool election_world_asked_own(const struct election_world *w)
{
    char text[REGISTRY_LEASE_TEXT_SIZE], key[128];
    snprintf(key, sizeof(key), PREFIX "%s", registry_lease_text(w->election.lease.id, text));
    return w->asked.id != 0 && strcmp(key, w->key) == 0;
}

/* ---- answers ---- */

struct registry_item election_world_item(struct election_world *w, uint64_t lease, int64_t create)
{
    static char keys[64][64];
    static unsigned next;
    char text[REGISTRY_LEASE_TEXT_SIZE];
    struct registry_lease id = lease == 0 ? w->election.lease.id : (struct registry_lease){.lo = lease};
    char *key = keys[next++ % COUNT_OF(keys)];
    snprintf(key, sizeof(keys[0]), PREFIX "%s", registry_lease_text(id, text));
    return (struct registry_item){
        .key = str_of(key),
        .kv = {.found = true, .create_revision = create, .mod_revision = create, .lease = id}};
}

void election_world_listed(struct election_world *w, const struct registry_item *items, size_t size,
                           int64_t count)
{
    assert_int_equal(w->asked.op, REGISTRY_LIST);
    election_world_reply(
        w, (struct registry_reply){.revision = 100, .items = items, .item_count = size, .count = count});
}

void election_world_opened(struct election_world *w, int64_t create, uint64_t lease)
{
    struct registry_item item = election_world_item(w, lease, create);
    election_world_watch(w, (struct registry_watch_event){.type = REGISTRY_WATCH_OPENED, .revision = 100});
    assert_int_equal(w->asked.op, REGISTRY_GET);
    assert_string_equal(w->key, item.key.data);
    election_world_reply(w, (struct registry_reply){.kv = item.kv, .revision = 100});
}

void election_world_gone(struct election_world *w, const char *key, int64_t revision)
{
    struct registry_change change = {.deleted = true, .key = str_of(key), .mod_revision = revision};
    election_world_watch(
        w, (struct registry_watch_event){
               .type = REGISTRY_WATCH_CHANGED, .revision = revision, .changes = &change, .change_count = 1});
}

void election_world_renew(struct election_world *w)
{
    election_world_advance(w, TTL_MS / 3);
    assert_int_equal(w->asked.op, REGISTRY_KEEPALIVE);
    election_world_reply(w, (struct registry_reply){.ttl_ms = TTL_MS});
}

/* ---- states ---- */

void election_world_place(struct election_world *w)
{
    election_world_step(w, ELECTION_ON_STAND);
    assert_int_equal(w->asked.op, REGISTRY_GRANT);
    election_world_reply(w, (struct registry_reply){.ttl_ms = TTL_MS, .lease = {.lo = 0xabc}});
    assert_int_equal(w->asked.op, REGISTRY_PUT);
    assert_true(election_world_asked_own(w));
    assert_int_equal(w->asked.expect_revision, 0);
    assert_true(registry_lease_eq(w->asked.lease, w->election.lease.id));
    election_world_reply(w, (struct registry_reply){.succeeded = true, .revision = MINE});
    assert_int_equal(w->election.state, ELECTION_PLACING);
    assert_int_equal(w->asked.op, REGISTRY_LIST);
}

void election_world_queue(struct election_world *w)
{
    election_world_place(w);
    const struct registry_item items[] = {election_world_item(w, 0, MINE), election_world_item(w, 7, 30)};
    election_world_listed(w, items, COUNT_OF(items), COUNT_OF(items));
    assert_int_equal(w->election.state, ELECTION_QUEUED);
    assert_string_equal(w->before, PREFIX "7");
    assert_true(w->watched.id != 0);
    election_world_opened(w, 30, 7);
}

void election_world_lead(struct election_world *w)
{
    election_world_place(w);
    const struct registry_item items[] = {election_world_item(w, 0, MINE)};
    election_world_listed(w, items, COUNT_OF(items), COUNT_OF(items));
    assert_non_null(election_world_did(w, ELECTION_DO_GAINED));
    assert_true(w->watched.id != 0);
    election_world_opened(w, MINE, 0);
    assert_true(election_world_leads(w));
}
