/* Clients: each has ids of its own and gets nothing of another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/registry/backend.h"

/* A backend that remembers what reached it. */
static struct {
    uint64_t requests[8], watches[8], closed[8];
    size_t request_count, watch_count, closed_count;
    bool freed;
} backend_saw;

static void on_submit(struct registry *registry, const struct registry_request *request)
{
    (void)registry;
    backend_saw.requests[backend_saw.request_count++] = request->id;
}

static void on_open(struct registry *registry, const struct registry_watch *watch)
{
    (void)registry;
    backend_saw.watches[backend_saw.watch_count++] = watch->id;
}

static void on_close(struct registry *registry, uint64_t id)
{
    (void)registry;
    backend_saw.closed[backend_saw.closed_count++] = id;
}

static void on_free(struct registry *registry)
{
    backend_saw.freed = true;
    registry_fini(registry);
}

static const struct registry_backend backend = {
    .name = "fake", .submit = on_submit, .watch = on_open, .unwatch = on_close, .free = on_free};

struct user {
    struct registry_client *client;
    uint64_t replies[8], events[8];
    size_t reply_count, event_count;
    bool asks_again, closes;
};

static struct registry registry;
static struct user users[2];
static size_t observed;

static void on_reply(const struct registry_reply *reply, void *user)
{
    struct user *heard = user;
    heard->replies[heard->reply_count++] = reply->id;
    if (heard->asks_again) {
        heard->asks_again = false;
        registry_submit(heard->client, &(struct registry_request){.id = reply->id});
    }
}

static void on_watch(const struct registry_watch_event *event, void *user)
{
    struct user *heard = user;
    heard->events[heard->event_count++] = event->id;
    if (heard->closes) {
        registry_unwatch(heard->client, event->id);
    }
}

static void on_any(const struct registry_reply *reply, int64_t duration_us, void *user)
{
    assert_ptr_equal(user, &observed);
    assert_true(duration_us >= 0);
    assert_int_equal(reply->id, 1);
    observed++;
}

static int start(void **state)
{
    (void)state;
    memset(&backend_saw, 0, sizeof(backend_saw));
    memset(users, 0, sizeof(users));
    observed = 0;
    registry_init(&registry, &backend);
    for (size_t i = 0; i < COUNT_OF(users); i++) {
        users[i].client = registry_attach(&registry, on_reply, on_watch, &users[i]);
    }
    return 0;
}

static int stop(void **state)
{
    (void)state;
    registry_free(&registry);
    assert_true(backend_saw.freed);
    return 0;
}

static void submit(struct user *user)
{
    registry_submit(user->client, &(struct registry_request){.id = 1});
}

static void open_watch(struct user *user)
{
    registry_watch(user->client, &(struct registry_watch){.id = 1});
}

static void deliver(uint64_t id)
{
    registry_deliver(&registry, &(struct registry_reply){.id = id});
}

static void deliver_event(uint64_t id, enum registry_watch_event_type type)
{
    registry_deliver_event(&registry, &(struct registry_watch_event){.id = id, .type = type});
}

static void two_clients_may_use_the_same_ids(void **state)
{
    (void)state;
    registry_observe(&registry, on_any, &observed);
    submit(&users[0]);
    submit(&users[1]);
    assert_int_not_equal(backend_saw.requests[0], backend_saw.requests[1]);
    deliver(backend_saw.requests[1]);
    assert_int_equal(users[0].reply_count, 0);
    assert_int_equal(users[1].reply_count, 1);
    deliver(backend_saw.requests[0]);
    assert_int_equal(users[0].reply_count, 1);
    assert_int_equal(users[0].replies[0], 1);
    assert_int_equal(users[1].replies[0], 1);
    assert_int_equal(observed, 2);
}

static void a_reply_is_delivered_once(void **state)
{
    (void)state;
    submit(&users[0]);
    deliver(backend_saw.requests[0]);
    deliver(backend_saw.requests[0]);
    deliver(4711);
    assert_int_equal(users[0].reply_count, 1);
}

static void a_callback_may_submit_with_the_id_that_is_free_again(void **state)
{
    (void)state;
    users[0].asks_again = true;
    submit(&users[0]);
    deliver(backend_saw.requests[0]);
    assert_int_equal(backend_saw.request_count, 2);
    deliver(backend_saw.requests[1]);
    assert_int_equal(users[0].reply_count, 2);
}

static void events_go_to_the_client_of_the_watch(void **state)
{
    (void)state;
    open_watch(&users[0]);
    open_watch(&users[1]);
    deliver_event(backend_saw.watches[0], REGISTRY_WATCH_OPENED);
    deliver_event(backend_saw.watches[1], REGISTRY_WATCH_OPENED);
    deliver_event(backend_saw.watches[0], REGISTRY_WATCH_ENDED);
    deliver_event(backend_saw.watches[0], REGISTRY_WATCH_CHANGED);
    assert_int_equal(users[0].event_count, 2);
    assert_int_equal(users[1].event_count, 1);
    registry_unwatch(users[0].client, 1); /* ended: no error, and not the watch of the other client */
    assert_int_equal(backend_saw.closed_count, 0);
    registry_unwatch(users[1].client, 1);
    assert_int_equal(backend_saw.closed[0], backend_saw.watches[1]);
}

static void a_callback_may_close_its_watch(void **state)
{
    (void)state;
    users[0].closes = true;
    open_watch(&users[0]);
    deliver_event(backend_saw.watches[0], REGISTRY_WATCH_OPENED);
    assert_int_equal(backend_saw.closed_count, 1);
    deliver_event(backend_saw.watches[0], REGISTRY_WATCH_CHANGED);
    assert_int_equal(users[0].event_count, 1);
}

static void a_detached_client_gets_nothing(void **state)
{
    (void)state;
    submit(&users[0]);
    submit(&users[1]);
    open_watch(&users[0]);
    open_watch(&users[1]);
    open_watch(&users[0]);
    registry_detach(users[0].client);
    registry_detach(NULL);
    assert_int_equal(backend_saw.closed_count, 2);
    deliver(backend_saw.requests[0]);
    deliver(backend_saw.requests[1]);
    deliver_event(backend_saw.watches[0], REGISTRY_WATCH_CHANGED);
    deliver_event(backend_saw.watches[1], REGISTRY_WATCH_CHANGED);
    assert_int_equal(users[0].reply_count + users[0].event_count, 0);
    assert_int_equal(users[1].reply_count, 1);
    assert_int_equal(users[1].event_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_clients_may_use_the_same_ids, start, stop),
        cmocka_unit_test_setup_teardown(a_reply_is_delivered_once, start, stop),
        cmocka_unit_test_setup_teardown(a_callback_may_submit_with_the_id_that_is_free_again, start, stop),
        cmocka_unit_test_setup_teardown(events_go_to_the_client_of_the_watch, start, stop),
        cmocka_unit_test_setup_teardown(a_callback_may_close_its_watch, start, stop),
        cmocka_unit_test_setup_teardown(a_detached_client_gets_nothing, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
