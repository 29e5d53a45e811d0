#include "try_case.h"

#include "outrider/base/error.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/net/resolver.h"

#include <stdio.h>

struct probe_context try_context;

int try_setup(void **state)
{
    (void)state;
    struct error err;
    struct loop *loop = loop_new(&err);
    try_context =
        (struct probe_context){.loop = loop, .resolver = loop == NULL ? NULL : resolver_new(loop, NULL)};
    return loop == NULL ? -1 : 0;
}

int try_teardown(void **state)
{
    (void)state;
    resolver_free(try_context.resolver);
    loop_free(try_context.loop);
    return 0;
}

void try_done(const struct probe_result *found, void *user)
{
    struct try_result *result = user;
    const struct probe_facts *facts = &found->facts;
    result->calls++;
    result->outcome = found->outcome;
    snprintf(result->detail, sizeof(result->detail), "%s", found->detail);
    snprintf(result->map, sizeof(result->map), "%.*s", STR_ARG(facts->map));
    snprintf(result->version, sizeof(result->version), "%.*s", STR_ARG(facts->version));
    snprintf(result->name, sizeof(result->name), "%.*s", STR_ARG(facts->name));
    result->players = facts->has_players ? (int64_t)facts->players : -1;
    result->capacity = facts->has_capacity ? (int64_t)facts->capacity : -1;
    result->duration_us = found->duration_us;
}

struct try_result try_host(const struct config_probe *probe, const char *host)
{
    struct try_result result = {0};
    assert_non_null(probe_driver_for(probe->type)->start(&try_context, host, probe, try_done, &result));
    assert_int_equal(result.calls, 0);
    while (result.calls == 0) {
        loop_turn_once(try_context.loop, true);
    }
    loop_turn_once(try_context.loop, false);
    assert_int_equal(result.calls, 1);
    assert_true(result.duration_us >= 0);
    return result;
}

void assert_passed(const struct try_result *result, int64_t players, int64_t capacity)
{
    assert_string_equal(result->detail, "");
    assert_int_equal(result->outcome, PROBE_PASSED);
    assert_int_equal(result->players, players);
    assert_int_equal(result->capacity, capacity);
}

void assert_failed(const struct try_result *result, enum probe_outcome outcome, const char *detail)
{
    assert_string_equal(result->detail, detail);
    assert_int_equal(result->outcome, outcome);
    assert_int_equal(result->players, -1);
    assert_int_equal(result->capacity, -1);
    assert_string_equal(result->name, "");
}
