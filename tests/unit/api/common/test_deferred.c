/* The list of deferred requests, with exchanges that only have addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/api/common/context.h"
#include "outrider/api/common/deferred.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/error.h"
#include "outrider/io/loop/loop.h"

#include <string.h>

struct world {
    struct loop *loop;
    struct api_deferreds *list;
    size_t handled, impatient;
    size_t stay; /* so many of the requests wait again when they are handled */
    char order[64];
};

static char exchanges[API_DEFERRED_MAX];

static struct http_exchange *exchange(size_t i)
{
    return (struct http_exchange *)(void *)&exchanges[i];
}

static bool defer(struct world *world, struct http_exchange *exchange, const char *query, int64_t timeout_ms)
{
    struct api_call call = {.request = {.path = STR("/api/services"), .query = str_of(query)}};
    struct api_reply reply = {.turn = API_DEFERRED, .deferral.timeout_ms = timeout_ms};
    return api_deferreds_add(world->list, &call, exchange, &reply);
}

static void again(struct http_exchange *exchange, const struct api_request *request, bool impatient,
                  void *user)
{
    struct world *world = user;
    char query[8] = "";
    assert_true(str_eq(request->path, STR("/api/services")));
    assert_true(request->query.size < sizeof(query));
    memcpy(query, request->query.data, request->query.size);
    strncat(world->order, query, sizeof(world->order) - strlen(world->order) - 1);
    world->handled++;
    world->impatient += impatient ? 1 : 0;
    if (world->stay > 0) {
        world->stay--;
        assert_true(defer(world, exchange, query, 60000));
    }
}

static int set_up(void **state)
{
    static struct world world;
    struct error err;
    world = (struct world){.loop = loop_new(&err)};
    assert_non_null(world.loop);
    world.list = api_deferreds_new(world.loop, again, &world);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    api_deferreds_free(world->list);
    loop_free(world->loop);
    return 0;
}

static void a_copy_waits_and_is_handled_once_for_each_wake(void **state)
{
    struct world *world = *state;
    char text[] = "a";
    assert_true(defer(world, exchange(0), text, 60000));
    text[0] = 'x';
    assert_true(defer(world, exchange(1), "b", 90000));
    assert_true(defer(world, exchange(2), "c", 30000)); /* before the others: it has less time */
    assert_int_equal(world->handled, 0);
    world->stay = 2;
    api_deferreds_wake(world->list);
    api_deferreds_wake(world->list);
    assert_int_equal(world->handled, 0); /* at the end of the turn */
    loop_turn_once(world->loop, false);
    assert_string_equal(world->order, "cab");
    api_deferreds_wake(world->list);
    loop_turn_once(world->loop, false);
    assert_int_equal(world->handled, 5);
    assert_int_equal(world->impatient, 0);
    api_deferreds_wake(world->list);
    loop_turn_once(world->loop, false);
    assert_int_equal(world->handled, 5);
}

static void time_runs_out_for_each(void **state)
{
    struct world *world = *state;
    assert_true(defer(world, exchange(0), "later", 60000));
    assert_true(defer(world, exchange(1), "soon", 10));
    assert_true(defer(world, exchange(2), "now", 0));
    while (world->handled < 2) {
        loop_turn_once(world->loop, true);
    }
    assert_string_equal(world->order, "nowsoon");
    assert_int_equal(world->impatient, 2);
}

static void waiting_again_is_not_longer(void **state)
{
    struct world *world = *state;
    assert_true(defer(world, exchange(0), "a", 300));
    world->stay = 1; /* with 60 s */
    api_deferreds_wake(world->list);
    loop_turn_once(world->loop, false);
    assert_string_equal(world->order, "a");
    assert_true(defer(world, exchange(1), "b", 3000));
    while (world->handled < 2) {
        loop_turn_once(world->loop, true);
    }
    assert_string_equal(world->order, "aa");
    assert_int_equal(world->impatient, 1);
}

static void the_list_is_bounded(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < API_DEFERRED_WAITS_MAX; i++) {
        assert_true(defer(world, exchange(i), "", 60000));
    }
    assert_false(defer(world, exchange(0), "", 60000));
    api_deferreds_free(world->list);
    assert_int_equal(world->impatient, API_DEFERRED_WAITS_MAX); /* the end gives each a reply */
    world->list = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_copy_waits_and_is_handled_once_for_each_wake, set_up, tear_down),
        cmocka_unit_test_setup_teardown(time_runs_out_for_each, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waiting_again_is_not_longer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_list_is_bounded, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
