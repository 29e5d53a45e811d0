#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/mem.h"
#include "outrider/core/config/config.h"
#include "outrider/core/server/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct world {
    struct config config;
    struct server *server;
    struct queue effects;
    struct instant now;
};

static int begin(void **state)
{
    struct world *w = mem_zalloc(sizeof(*w));
    w->now = (struct instant){.mono = 1000, .boot = 2000, .wall = 3000000};
    w->config.server.present = true;
    w->config.server.type = mem_strdup("world");
    w->config.server.ports[0] = 8001;
    w->config.server.port_count = 1;
    w->config.grace_period_ms = 60000;
    w->config.drain.deadline_ms = 60000;
    w->config.probes_given = true;
    config_probe_default(config_probe_add(&w->config), 8001);
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
    free(w);
    return 0;
}

static void step(struct world *w, struct server_event event)
{
    event.now = w->now;
    server_step(w->server, &event, &w->effects);
}

static void quiet(struct world *w)
{
    struct server_effect effect;
    while (queue_take(&w->effects, &effect)) {
    }
}

/* The number of waiting effects of the type; takes all. */
static unsigned count(struct world *w, enum server_effect_type type)
{
    struct server_effect effect;
    unsigned found = 0;
    while (queue_take(&w->effects, &effect)) {
        found += effect.type == type ? 1 : 0;
    }
    return found;
}

static void hear(struct world *w, const struct status_message *message)
{
    step(w, (struct server_event){.type = SERVER_ON_MESSAGE, .message = message});
}

static void register_it(struct world *w)
{
    step(w, (struct server_event){.type = SERVER_ON_FRESH});
    step(w, (struct server_event){.type = SERVER_ON_HOST, .text = "10.0.0.5"});
    quiet(w);
}

static void test_new_server(void **state)
{
    struct world *w = *state;
    struct status_message message;
    assert_int_equal(server_facts(w->server).status, STATUS_INITIALIZING);
    assert_string_equal(server_facts(w->server).cause, "the agent has just started");
    assert_int_equal(server_facts(w->server).status_wall, 3000000);
    assert_int_equal(server_facts(w->server).life, LIFE_NONE);
    assert_int_equal(server_facts(w->server).life_wall, 0);
    assert_int_equal(server_facts(w->server).reported->status, REPORTED_NOTHING);
    assert_int_equal(server_facts(w->server).reported->status_wall, 0);
    assert_null(server_facts(w->server).reported->text);
    assert_false(server_facts(w->server).reported->has_players);
    assert_int_equal(server_facts(w->server).reported->mainpid, 0);
    assert_false(server_facts(w->server).reported->passed);
    assert_int_equal(server_facts(w->server).reported->watchdog_ms, 0);
    assert_int_equal(server_facts(w->server).reported->watchdog_due, NEVER_MS);
    assert_null(server_record(w->server));
    assert_int_equal(server_facts(w->server).transition_count, 0);
    assert_false(server_reported_message(w->server, &message));
    server_free(NULL);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(life_name(LIFE_NONE), "none");
    assert_string_equal(life_name(LIFE_ALIVE), "alive");
    assert_string_equal(life_name(LIFE_CRASHED), "crashed");
    assert_string_equal(life_name(LIFE_LEFT), "left");
}

static void test_nothing_is_offered_before_the_decision(void **state)
{
    struct world *w = *state;
    step(w, (struct server_event){.type = SERVER_ON_HOST, .text = "10.0.0.5"});
    assert_int_equal(count(w, SERVER_DO_PUBLISH), 0);
    assert_non_null(strstr(server_facts(w->server).withheld, "has not answered"));
    step(w, (struct server_event){.type = SERVER_ON_FRESH});
    assert_int_equal(count(w, SERVER_DO_PUBLISH), 1);
    assert_string_equal(server_facts(w->server).withheld, "");
    assert_string_equal(server_record(w->server)->host, "10.0.0.5");
}

static void test_words_survive_a_round_trip(void **state)
{
    struct world *w = *state;
    register_it(w);
    struct status_message message = {.reported = REPORTED_READY,
                                     .has_text = true,
                                     .text = STR("on harbor"),
                                     .has_players = true,
                                     .players = 12,
                                     .has_capacity = true,
                                     .capacity = 64,
                                     .ports = {7001, 7002},
                                     .port_count = 2,
                                     .labels = {{STR("map"), STR("harbor")}, {STR("mode"), STR("ctf")}},
                                     .label_count = 2,
                                     .has_watchdog = true,
                                     .watchdog_ms = 9000,
                                     .has_mainpid = true,
                                     .mainpid = 812,
                                     .mainpid_start = 99};
    hear(w, &message);
    struct status_message kept;
    assert_true(server_reported_message(w->server, &kept));
    assert_int_equal(kept.reported, REPORTED_READY);
    assert_true(str_eq(kept.text, STR("on harbor")));
    assert_int_equal(kept.players, 12);
    assert_int_equal(kept.capacity, 64);
    assert_int_equal(kept.port_count, 2);
    assert_int_equal(kept.ports[1], 7002);
    assert_int_equal(kept.label_count, 2);
    assert_int_equal(kept.mainpid_start, 99);
    assert_true(kept.heartbeat);
    assert_int_equal(kept.watchdog_ms, 9000);
    /* Not dynamic: reported ports are kept, but not used. */
    size_t ports;
    assert_int_equal(server_ports(w->server, &ports)[0], 8001);
    assert_int_equal(ports, 1);
}

static void test_newer_words_beat_kept_ones(void **state)
{
    struct world *w = *state;
    struct status_message fresh = {.reported = REPORTED_ERROR,
                                   .has_players = true,
                                   .players = 1,
                                   .has_text = true,
                                   .text = STR("new"),
                                   .labels = {{STR("map"), STR("new")}},
                                   .label_count = 1};
    struct status_message kept = {.reported = REPORTED_READY,
                                  .has_players = true,
                                  .players = 9,
                                  .has_text = true,
                                  .text = STR("old"),
                                  .has_capacity = true,
                                  .capacity = 64,
                                  .labels = {{STR("map"), STR("old")}, {STR("mode"), STR("old")}},
                                  .label_count = 2};
    struct record record = {.id = mem_strdup("w1"),
                            .type = mem_strdup("world"),
                            .host = mem_strdup("10.0.0.9"),
                            .status = STATUS_READY,
                            .started_wall = 2000000};
    hear(w, &fresh);
    step(w, (struct server_event){.type = SERVER_ON_ADOPTED, .record = &record, .message = &kept});
    record_fini(&record);
    struct status_message now;
    assert_true(server_reported_message(w->server, &now));
    assert_int_equal(now.reported, REPORTED_ERROR);
    assert_int_equal(now.players, 1);
    assert_int_equal(now.capacity, 64);
    assert_true(str_eq(now.text, STR("new")));
    assert_int_equal(now.label_count, 2);
    assert_true(str_eq(now.labels[0].value, STR("new")));
    assert_true(str_eq(now.labels[1].value, STR("old")));
    assert_int_equal(server_facts(w->server).life_wall, 2000000);
}

static void test_labels_are_bounded(void **state)
{
    struct world *w = *state;
    char names[STATUS_LABELS_MAX + 1][8];
    struct status_message message = {.label_count = STATUS_LABELS_MAX};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        snprintf(names[i], sizeof(names[i]), "l%zu", i);
    }
    for (size_t i = 0; i < STATUS_LABELS_MAX; i++) {
        message.labels[i] = (struct status_label){str_of(names[i]), STR("x")};
    }
    struct server_refusal refusal = {.label = STR("untouched")};
    assert_int_equal(server_accepts(w->server, &message, &refusal), 0);
    hear(w, &message);
    struct status_message more = {.labels = {{str_of(names[64]), STR("y")}}, .label_count = 1};
    assert_int_equal(server_accepts(w->server, &more, &refusal), -1);
    assert_true(str_eq(refusal.label, STR("l64")));
    /* Replacing one, or removing one first, fits. */
    struct status_message replace = {.labels = {{str_of(names[3]), STR("z")}}, .label_count = 1};
    assert_int_equal(server_accepts(w->server, &replace, &refusal), 0);
    struct status_message swap = {.labels = {{str_of(names[5]), STR("")}, {str_of(names[64]), STR("y")}},
                                  .label_count = 2};
    assert_int_equal(server_accepts(w->server, &swap, &refusal), 0);
    hear(w, &swap);
    struct status_message kept;
    assert_true(server_reported_message(w->server, &kept));
    assert_int_equal(kept.label_count, STATUS_LABELS_MAX);
    struct status_message gone = {.labels = {{STR("unknown"), STR("")}}, .label_count = 1};
    assert_int_equal(server_accepts(w->server, &gone, &refusal), 0);
    hear(w, &gone);
}

static void test_ports_are_refused_unless_dynamic(void **state)
{
    struct world *w = *state;
    struct config_server *config = &w->config.server;
    struct server_refusal refusal = {0};
    struct status_message other = {.ports = {9001}, .port_count = 1}, none = {.reported = REPORTED_READY};
    config->ports[0] = 8001;
    config->ports[1] = 8002;
    config->port_count = 2;
    config->ports_dynamic = false;
    assert_int_equal(server_accepts(w->server, &other, &refusal), -1);
    assert_true(refusal.fixed_ports);
    assert_int_equal(refusal.label.size, 0);
    assert_int_equal(server_accepts(w->server, &none, &refusal), 0);
    /* A server that reports what is configured contradicts nothing. */
    struct status_message same = {.ports = {8002, 8001}, .port_count = 2},
                          part = {.ports = {8001}, .port_count = 1};
    assert_int_equal(server_accepts(w->server, &same, &refusal), 0);
    assert_int_equal(server_accepts(w->server, &part, &refusal), -1);
    config->ports_dynamic = true;
    assert_int_equal(server_accepts(w->server, &other, &refusal), 0);
}

static void test_record_merges_what_is_configured(void **state)
{
    struct world *w = *state;
    struct config_server *config = &w->config.server;
    config->labels[0] = (struct config_label){mem_strdup("zone"), mem_strdup("a")};
    config->labels[1] = (struct config_label){mem_strdup("map"), mem_strdup("configured")};
    config->label_count = 2;
    config->tags[0] = mem_strdup("pvp");
    config->tag_count = 1;
    config->has_capacity = true;
    config->capacity = 500;
    register_it(w);
    struct status_message message = {.labels = {{STR("map"), STR("said")}}, .label_count = 1};
    hear(w, &message);
    const struct record *record = server_record(w->server);
    assert_int_equal(record->label_count, 2);
    assert_string_equal(record->labels[0].name, "map");
    assert_string_equal(record->labels[0].value, "said");
    assert_string_equal(record->labels[1].name, "zone");
    assert_string_equal(record->tags[0], "pvp");
    assert_int_equal(record->capacity, 500);
    message = (struct status_message){.has_capacity = true, .capacity = 64};
    hear(w, &message);
    assert_int_equal(server_record(w->server)->capacity, 64);
}

/* The last hundred, oldest first. */
static void test_history_is_a_ring(void **state)
{
    struct world *w = *state;
    register_it(w);
    struct status_message message = {0};
    for (int i = 0; i < 250; i++) {
        w->now.wall++;
        message.reported = i % 2 == 0 ? REPORTED_ERROR : REPORTED_INITIALIZING;
        hear(w, &message);
        quiet(w);
    }
    assert_int_equal(server_facts(w->server).transition_count, SERVER_TRANSITIONS_MAX);
    for (size_t i = 1; i < SERVER_TRANSITIONS_MAX; i++) {
        const struct server_transition *before = &server_facts(w->server).transitions[i - 1];
        const struct server_transition *row = &server_facts(w->server).transitions[i];
        assert_int_equal(row->wall_ms, before->wall_ms + 1);
        assert_int_equal(row->from, before->to);
    }
    assert_int_equal(server_facts(w->server).transitions[SERVER_TRANSITIONS_MAX - 1].wall_ms, w->now.wall);
    assert_string_equal(server_facts(w->server).transitions[99].cause, "the server reported initializing");
}

static void test_long_texts_fit_everywhere(void **state)
{
    struct world *w = *state;
    char text[1025], reason[600];
    memset(text, 'x', sizeof(text));
    memset(reason, 'y', sizeof(reason));
    text[1024] = reason[599] = '\0';
    step(w, (struct server_event){.type = SERVER_ON_FRESH});
    step(w, (struct server_event){.type = SERVER_ON_HOST, .reason = reason});
    assert_non_null(strstr(server_facts(w->server).withheld, "no address to publish: yyy"));
    step(w, (struct server_event){.type = SERVER_ON_HOST, .text = "10.0.0.5"});
    struct status_message message = {.reported = REPORTED_ERROR, .has_text = true, .text = str_of(text)};
    hear(w, &message);
    assert_int_equal(strlen(server_record(w->server)->custom_state), 1024);
    assert_true(strlen(server_facts(w->server).cause) < 160);
    message = (struct status_message){.reported = REPORTED_READY};
    hear(w, &message);
    step(w, (struct server_event){.type = SERVER_ON_VERDICT, .index = 0, .verdict = VERDICT_PASSING});
    step(w, (struct server_event){
                .type = SERVER_ON_HOLD, .kind = HOLD_OPS, .reason = reason, .by = reason, .deadline_ms = 5});
    assert_int_equal(server_facts(w->server).status, STATUS_DRAINING);
    assert_int_equal(strlen(server_record(w->server)->drain.reason), HOLD_REASON_MAX);
    assert_int_equal(strlen(server_facts(w->server).holds[HOLD_OPS].by), HOLD_BY_MAX);
}

static void test_draining_tells_the_soonest_deadline(void **state)
{
    struct world *w = *state;
    assert_false(server_drain(w->server, &w->now).on);
    assert_int_equal(server_drain(w->server, &w->now).left_ms, NEVER_MS);
    step(w, (struct server_event){.type = SERVER_ON_HOLD, .kind = HOLD_OPS, .deadline_ms = 9000});
    step(w, (struct server_event){.type = SERVER_ON_HOLD, .kind = HOLD_STOP, .deadline_ms = 4000});
    assert_true(server_drain(w->server, &w->now).on);
    assert_int_equal(server_drain(w->server, &w->now).left_ms, 4000);
    assert_int_equal(count(w, SERVER_DO_EMIT_DRAIN), 2);
    w->now.mono += 6000;
    assert_true(server_drain(w->server, &w->now).on);
    assert_int_equal(server_drain(w->server, &w->now).left_ms, 0);
    /* After a deadline the event is not repeated. */
    step(w, (struct server_event){.type = SERVER_ON_TICK});
    assert_int_equal(count(w, SERVER_DO_EMIT_DRAIN), 0);
}

static void test_deadlines_are_in_the_future(void **state)
{
    struct world *w = *state;
    register_it(w);
    struct status_message message = {
        .reported = REPORTED_INITIALIZING, .has_watchdog = true, .watchdog_ms = 700};
    w->config.server.initializing_max_ms = 5000;
    hear(w, &message);
    for (int i = 0; i < 20 && server_deadline(w->server).latest != NEVER_MS; i++) {
        struct window window = server_deadline(w->server);
        assert_true(window.latest > w->now.mono);
        assert_true(window.earliest <= window.latest);
        w->now.mono = window.latest;
        step(w, (struct server_event){.type = SERVER_ON_TICK});
        quiet(w);
    }
    assert_int_equal(server_deadline(w->server).latest, NEVER_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_new_server, begin, end),
        cmocka_unit_test(test_names),
        cmocka_unit_test_setup_teardown(test_nothing_is_offered_before_the_decision, begin, end),
        cmocka_unit_test_setup_teardown(test_words_survive_a_round_trip, begin, end),
        cmocka_unit_test_setup_teardown(test_newer_words_beat_kept_ones, begin, end),
        cmocka_unit_test_setup_teardown(test_labels_are_bounded, begin, end),
        cmocka_unit_test_setup_teardown(test_ports_are_refused_unless_dynamic, begin, end),
        cmocka_unit_test_setup_teardown(test_record_merges_what_is_configured, begin, end),
        cmocka_unit_test_setup_teardown(test_history_is_a_ring, begin, end),
        cmocka_unit_test_setup_teardown(test_long_texts_fit_everywhere, begin, end),
        cmocka_unit_test_setup_teardown(test_draining_tells_the_soonest_deadline, begin, end),
        cmocka_unit_test_setup_teardown(test_deadlines_are_in_the_future, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
