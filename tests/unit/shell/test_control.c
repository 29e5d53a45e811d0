#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/mem.h"
#include "outrider/core/server/hold.h"
#include "outrider/registry/backend.h"
#include "shell/agent_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The last request that reached the registry. */
static struct {
    unsigned count;
    uint64_t id;
    enum registry_op op;
    char key[128], value[512];
    int64_t expect_revision;
} asked;

static void on_submit(struct registry *registry, const struct registry_request *request)
{
    (void)registry;
    asked.count++;
    asked.id = request->id;
    asked.op = request->op;
    asked.expect_revision = request->expect_revision;
    snprintf(asked.key, sizeof(asked.key), "%.*s", STR_ARG(request->key));
    snprintf(asked.value, sizeof(asked.value), "%.*s", STR_ARG(blob_view(request->value)));
}

static const struct registry_backend backend = {.name = "fake", .submit = on_submit};

struct world {
    struct registry registry;
    struct agent *agent;
    struct control_writer *writer;
    unsigned answers;
    enum registry_failure failure;
    bool conflict, failed, held;
    int64_t revision;
};

static void on_done(const struct api_controlled *result, void *user)
{
    struct world *world = user;
    world->answers++;
    world->failure = result->failure;
    world->conflict = result->conflict;
    world->held = result->held;
    world->failed = result->error.size > 0;
    world->revision = result->revision;
}

static void begin(struct world *world, bool drain)
{
    struct hold hold = {0};
    struct instant now = {.mono = 1000, .boot = 1000, .wall = 1795252693759};
    *world = (struct world){.agent = mem_zalloc(sizeof(struct agent))};
    registry_init(&world->registry, &backend);
    world->agent->registry = &world->registry;
    memset(&asked, 0, sizeof(asked));
    world->agent->config = mem_zalloc(sizeof(struct config));
    world->agent->config->registry.control_prefix = mem_strdup("/outrider/services");
    world->agent->config->registry.request_timeout_ms = 1500;
    world->writer = control_writer_new(world->agent);
    if (drain) {
        hold_set(&hold, "patch", "api uid 0", 0, 0, &now);
    }
    control_writer_put(world->writer, STR("world"), STR("w1"), &hold, on_done, world);
    assert_int_equal(asked.op, REGISTRY_GET);
    assert_string_equal(asked.key, "/outrider/services/control/world/w1");
}

static void end(struct world *world)
{
    control_writer_free(world->writer);
    registry_fini(&world->registry);
    free(world->agent->config->registry.control_prefix);
    free(world->agent->config);
    free(world->agent);
}

/* The registry has `value` (NULL: no key) at `revision`; a write did not find what it expected. */
static void has(struct world *world, const char *value, int64_t revision)
{
    struct registry_reply reply = {
        .id = asked.id,
        .op = asked.op,
        .revision = revision + 5,
        .kv = {.found = value != NULL, .value = str_of(value), .mod_revision = revision}};
    registry_deliver(&world->registry, &reply);
}

static void wrote(struct world *world, int64_t revision)
{
    struct registry_reply reply = {
        .id = asked.id, .op = REGISTRY_PUT, .revision = revision, .succeeded = true};
    registry_deliver(&world->registry, &reply);
}

static void fails(struct world *world, enum registry_failure failure)
{
    struct registry_reply reply = {
        .id = asked.id, .op = asked.op, .failure = failure, .error = STR("no route")};
    registry_deliver(&world->registry, &reply);
}

static void a_key_is_written_by_compare(void **state)
{
    struct world world;
    (void)state;
    begin(&world, true);
    has(&world, NULL, 0);
    assert_int_equal(asked.op, REGISTRY_PUT);
    assert_int_equal(asked.expect_revision, 0);
    assert_non_null(strstr(asked.value, "\"reason\":\"patch\""));
    assert_int_equal(world.answers, 0);
    wrote(&world, 12);
    assert_int_equal(world.answers, 1);
    assert_int_equal(world.revision, 12);
    end(&world);
}

static void a_drain_tries_again_on_what_it_meets(void **state)
{
    struct world world;
    (void)state;
    begin(&world, true);
    has(&world, "{\"hold\":null}", 7);
    assert_int_equal(asked.expect_revision, 7);
    has(&world, "{\"hold\":{\"reason\":\"other\"}}", 9);
    assert_int_equal(asked.op, REGISTRY_PUT);
    assert_int_equal(asked.expect_revision, 9);
    for (int64_t revision = 10; world.answers == 0; revision++) {
        assert_true(revision < 20);
        has(&world, "{\"hold\":null}", revision);
    }
    assert_true(world.conflict);
    end(&world);
}

static void an_undrain_leaves_a_drain_that_came_in_between(void **state)
{
    struct world world;
    (void)state;
    begin(&world, false);
    has(&world, "{\"hold\":{\"reason\":\"old\"}}", 7);
    assert_string_equal(asked.value, "{\"hold\":null}");
    has(&world, "{\"hold\":{\"reason\":\"new\"}}", 9);
    assert_int_equal(world.answers, 1);
    assert_true(world.conflict);
    end(&world);
}

static void an_undrain_tells_whether_there_was_a_hold(void **state)
{
    static const struct {
        const char *value;
        bool held;
    } cases[] = {
        {"{\"hold\":{\"reason\":\"old\"}}", true}, {"{\"hold\":null}", false}, {NULL, false}, {"?", false}};
    struct world world;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        begin(&world, false);
        has(&world, cases[i].value, cases[i].value == NULL ? 0 : 7);
        if (world.answers == 0) {
            wrote(&world, 12);
        }
        assert_int_equal(world.answers, 1);
        assert_int_equal(world.held, cases[i].held);
        end(&world);
    }
}

static void what_is_there_already_is_not_written(void **state)
{
    struct world world;
    (void)state;
    begin(&world, false);
    has(&world, "{\"hold\":null}", 7);
    assert_int_equal(asked.count, 1);
    assert_int_equal(world.revision, 7);
    assert_false(world.conflict);
    end(&world);
}

static void a_write_in_doubt_is_read_before_it_is_believed(void **state)
{
    struct world world;
    (void)state;
    begin(&world, true);
    has(&world, NULL, 0);
    char ours[sizeof(asked.value)];
    memcpy(ours, asked.value, sizeof(ours));
    fails(&world, REGISTRY_UNKNOWN);
    assert_int_equal(asked.op, REGISTRY_GET);
    assert_int_equal(world.answers, 0);
    has(&world, ours, 15);
    assert_int_equal(world.answers, 1);
    assert_int_equal(world.revision, 15);
    assert_false(world.failed);
    end(&world);

    begin(&world, true);
    has(&world, NULL, 0);
    fails(&world, REGISTRY_UNKNOWN);
    fails(&world, REGISTRY_RETRY);
    assert_true(world.failed);
    assert_int_equal(world.failure, REGISTRY_UNKNOWN);
    end(&world);
}

static void a_failure_is_told(void **state)
{
    struct world world;
    (void)state;
    begin(&world, true);
    fails(&world, REGISTRY_DENIED);
    assert_int_equal(world.answers, 1);
    assert_true(world.failed);
    assert_int_equal(world.failure, REGISTRY_DENIED);
    fails(&world, REGISTRY_DENIED); /* of a write that is not awaited any more */
    assert_int_equal(world.answers, 1);
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_written_by_compare),
        cmocka_unit_test(a_drain_tries_again_on_what_it_meets),
        cmocka_unit_test(an_undrain_leaves_a_drain_that_came_in_between),
        cmocka_unit_test(an_undrain_tells_whether_there_was_a_hold),
        cmocka_unit_test(what_is_there_already_is_not_written),
        cmocka_unit_test(a_write_in_doubt_is_read_before_it_is_believed),
        cmocka_unit_test(a_failure_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
