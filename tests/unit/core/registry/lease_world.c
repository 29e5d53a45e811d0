#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lease_world.h"

void lease_world_begin(struct lease_world *w)
{
    *w = (struct lease_world){.now = {.mono = 10000, .boot = 500000, .wall = 9000000}};
    random_seed(&w->random, 1);
    queue_init(&w->effects, sizeof(struct lease_effect));
    lease_init(&w->lease, &(struct lease_settings){.ttl_ms = TTL_MS,
                                                   .request_timeout_ms = 1500,
                                                   .chooses_id = true,
                                                   .random = &w->random,
                                                   .last_id = &w->last_id});
}

void lease_world_finish(struct lease_world *w)
{
    queue_fini(&w->effects);
}

static void take(struct lease_world *w, const struct lease_effect *effect)
{
    switch (effect->type) {
    case LEASE_DO_REQUEST: w->asked = effect->request; break;
    case LEASE_DO_SAVE:
        w->saves++;
        w->saved_urgently = w->saved_urgently || effect->urgent;
        w->saved_before_request = w->saved_before_request || w->asked.id == 0;
        break;
    case LEASE_DO_MOVED:
        w->moves++;
        w->from = effect->from;
        w->to = effect->to;
        w->cause = effect->cause;
        w->moved_id = effect->id;
        break;
    case LEASE_DO_RENEWED: w->renewed++; break;
    case LEASE_DO_ANSWERED: w->answered++; break;
    case LEASE_DO_FAILED: w->failed++; break;
    case LEASE_DO_CLUSTER: w->clusters++; break;
    case LEASE_DO_SHORTENED: w->shortened++; break;
    }
}

void lease_world_step(struct lease_world *w, struct lease_event event)
{
    event.now = w->now;
    w->asked.id = 0;
    w->moves = w->saves = w->renewed = w->answered = w->failed = w->clusters = 0;
    w->saved_urgently = w->saved_before_request = false;
    lease_step(&w->lease, &event, &w->effects);
    struct lease_effect effect;
    while (queue_take(&w->effects, &effect)) {
        take(w, &effect);
    }
}

void lease_world_goal(struct lease_world *w, enum lease_goal goal)
{
    lease_world_step(w, (struct lease_event){.type = LEASE_ON_GOAL, .goal = goal});
}

void lease_world_event(struct lease_world *w, enum lease_event_type type)
{
    lease_world_step(w, (struct lease_event){.type = type});
}

void lease_world_reply(struct lease_world *w, struct registry_reply reply)
{
    reply.id = w->lease.flight.id;
    reply.op = w->lease.flight.op;
    lease_world_step(w, (struct lease_event){.type = LEASE_ON_REPLY, .reply = &reply});
}

void lease_world_reply_ok(struct lease_world *w)
{
    lease_world_reply(w, (struct registry_reply){.ttl_ms = GRANTED_MS});
}

void lease_world_reply_failure(struct lease_world *w, enum registry_failure failure)
{
    lease_world_reply(w, (struct registry_reply){.failure = failure, .error = STR("no route")});
}

void lease_world_advance(struct lease_world *w, int64_t ms)
{
    w->now.mono += ms;
    w->now.boot += ms;
    w->now.wall += ms;
}

void lease_world_advance_to_deadline(struct lease_world *w)
{
    struct window window = lease_deadline(&w->lease);
    assert_true(window.latest != NEVER_MS);
    if (window.latest > w->now.mono) {
        lease_world_advance(w, window.latest - w->now.mono);
    }
    lease_world_event(w, LEASE_ON_TICK);
}

void lease_world_hold(struct lease_world *w)
{
    lease_world_goal(w, LEASE_GOAL_HOLD);
    lease_world_reply_ok(w);
    assert_int_equal(w->lease.state, LEASE_HELD);
}

void lease_world_recover(struct lease_world *w)
{
    lease_world_step(w, (struct lease_event){.type = LEASE_ON_RECOVER, .id = {.lo = 77}, .ttl_ms = TTL_MS});
    assert_int_equal(w->lease.state, LEASE_RECOVERING);
}

void lease_world_suspect(struct lease_world *w)
{
    lease_world_hold(w);
    lease_world_event(w, LEASE_ON_SUSPECT);
    assert_int_equal(w->lease.state, LEASE_SUSPECT);
}

void lease_world_assert_moved(const struct lease_world *w, enum lease_state from, enum lease_state to,
                              enum lease_cause cause)
{
    assert_int_equal(w->moves, 1);
    assert_int_equal(w->from, from);
    assert_int_equal(w->to, to);
    assert_int_equal(w->cause, cause);
    assert_int_equal(w->lease.state, to);
}

int lease_world_set_up(void **state)
{
    static struct lease_world world;
    lease_world_begin(&world);
    *state = &world;
    return 0;
}

int lease_world_set_up_held(void **state)
{
    lease_world_set_up(state);
    lease_world_hold(*state);
    return 0;
}

int lease_world_tear_down(void **state)
{
    lease_world_finish(*state);
    return 0;
}
