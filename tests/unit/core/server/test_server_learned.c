#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/mem.h"
#include "outrider/core/config/config.h"
#include "outrider/core/server/server.h"

#include <stdlib.h>
#include <string.h>

struct world {
    struct config config, next;
    struct server *server;
    struct queue effects;
    struct instant now;
};

static void fill(struct config *config, uint16_t first)
{
    config->server.present = true;
    config->server.type = mem_strdup("world");
    config->server.ports[0] = 8001;
    config->server.port_count = 1;
    config->grace_period_ms = 60000;
    config->probes_given = true;
    config_probe_default(config_probe_add(config), first);
    config_probe_default(config_probe_add(config), 8002);
}

static int begin(void **state)
{
    struct world *w = mem_zalloc(sizeof(*w));
    w->now = (struct instant){.mono = 1000, .boot = 2000, .wall = 3000000};
    fill(&w->config, 8001);
    queue_init(&w->effects, sizeof(struct server_effect));
    w->server = server_new(&w->config, "w1", &w->now);
    *state = w;
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;
    server_free(w->server);
    queue_fini(&w->effects);
    config_fini(&w->config);
    config_fini(&w->next);
    free(w);
    return 0;
}

static void step(struct world *w, struct server_event event)
{
    struct server_effect effect;
    event.now = w->now;
    server_step(w->server, &event, &w->effects);
    while (queue_take(&w->effects, &effect)) {
    }
}

static void learn(struct world *w, unsigned index, struct probe_facts facts)
{
    step(w, (struct server_event){.type = SERVER_ON_LEARNED, .index = index, .facts = &facts});
}

static void judge(struct world *w, unsigned index, enum verdict verdict)
{
    step(w, (struct server_event){.type = SERVER_ON_VERDICT, .index = index, .verdict = verdict});
}

static const char *name(struct world *w)
{
    struct server_value value = server_value(w->server, CONFIG_FACT_NAME);
    return value.source == SERVER_SOURCE_NONE ? NULL : value.text;
}

static void what_is_learned_counts_with_the_verdict(void **state)
{
    struct world *w = *state;
    learn(w, 0, (struct probe_facts){.has_players = true, .players = 0});
    assert_int_equal(server_value(w->server, CONFIG_FACT_PLAYERS).source, SERVER_SOURCE_NONE);
    judge(w, 0, VERDICT_PASSING);
    struct server_value players = server_value(w->server, CONFIG_FACT_PLAYERS);
    assert_int_equal(players.source, SERVER_SOURCE_PROBE);
    assert_int_equal(players.number, 0);
    assert_string_equal(players.probe, "tcp-8001");
    assert_int_equal(server_value(w->server, CONFIG_FACT_CAPACITY).source, SERVER_SOURCE_NONE);
    judge(w, 0, VERDICT_FAILING);
    assert_int_equal(server_value(w->server, CONFIG_FACT_PLAYERS).source, SERVER_SOURCE_NONE);
    judge(w, 0, VERDICT_PASSING);
    assert_int_equal(server_value(w->server, CONFIG_FACT_PLAYERS).source, SERVER_SOURCE_NONE);
}

/* The first step of a server looks up its host and offers its record: not one that brings only what does not count yet. */
static void nothing_is_published_before_the_verdict(void **state)
{
    struct world *w = *state;
    struct probe_facts facts = {.has_players = true, .players = 3};
    struct server_event event = {.type = SERVER_ON_LEARNED, .index = 0, .facts = &facts, .now = w->now};
    struct server_effect effect;
    server_step(w->server, &event, &w->effects);
    assert_false(queue_take(&w->effects, &effect));
    judge(w, 0, VERDICT_PASSING);
    assert_int_equal(server_value(w->server, CONFIG_FACT_PLAYERS).number, 3);
}

static void texts_that_no_record_may_have_are_left_out(void **state)
{
    struct world *w = *state;
    char text[258];
    memset(text, 'x', sizeof(text));
    judge(w, 0, VERDICT_PASSING);
    learn(w, 0, (struct probe_facts){.name = {text, 256}});
    assert_int_equal(strlen(name(w)), 256);
    learn(w, 0, (struct probe_facts){.name = {text, 257}});
    assert_null(name(w));
    learn(w, 0, (struct probe_facts){.name = STR("caf\xc3\xa9")});
    assert_string_equal(name(w), "caf\xc3\xa9");
    learn(w, 0, (struct probe_facts){.name = STR("caf\xe9")});
    assert_null(name(w));
    learn(w, 0, (struct probe_facts){.name = STR("a\033[2J")});
    assert_null(name(w));
    learn(w, 0, (struct probe_facts){.name = STR("a\0b")});
    assert_null(name(w));
    learn(w, 0, (struct probe_facts){.name = STR("")});
    assert_null(name(w));
}

static void a_reload_keeps_what_an_unchanged_probe_knows(void **state)
{
    struct world *w = *state;
    int map[SERVER_PROBES_MAX];
    for (size_t i = 0; i < SERVER_PROBES_MAX; i++) {
        map[i] = -1;
    }
    judge(w, 0, VERDICT_PASSING);
    judge(w, 1, VERDICT_PASSING);
    learn(w, 0, (struct probe_facts){.name = STR("first")});
    learn(w, 1, (struct probe_facts){.name = STR("second")});
    assert_string_equal(name(w), "first");
    /* The second probe comes first now, the first one is another. */
    fill(&w->next, 8003);
    map[0] = 1;
    step(w, (struct server_event){.type = SERVER_ON_RELOAD, .config = &w->next, .probe_map = map});
    assert_string_equal(name(w), "second");
    judge(w, 1, VERDICT_PASSING);
    assert_string_equal(name(w), "second");
    judge(w, 0, VERDICT_FAILING);
    assert_null(name(w));
}

static void nothing_is_learned_of_a_reported_port(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < w->config.probe_count; i++) {
        config_probe_fini(&w->config.probes[i]);
    }
    w->config.probe_count = 0;
    w->config.probes_given = false;
    w->config.server.ports_dynamic = true;
    struct status_message message = {.reported = REPORTED_READY, .ports = {7001}, .port_count = 1};
    step(w, (struct server_event){.type = SERVER_ON_MESSAGE, .message = &message});
    learn(w, 0, (struct probe_facts){.has_players = true, .players = 3, .name = STR("x")});
    judge(w, 0, VERDICT_PASSING);
    assert_null(name(w));
    assert_int_equal(server_value(w->server, CONFIG_FACT_PLAYERS).source, SERVER_SOURCE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_learned_counts_with_the_verdict, begin, end),
        cmocka_unit_test_setup_teardown(nothing_is_published_before_the_verdict, begin, end),
        cmocka_unit_test_setup_teardown(texts_that_no_record_may_have_are_left_out, begin, end),
        cmocka_unit_test_setup_teardown(a_reload_keeps_what_an_unchanged_probe_knows, begin, end),
        cmocka_unit_test_setup_teardown(nothing_is_learned_of_a_reported_port, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
