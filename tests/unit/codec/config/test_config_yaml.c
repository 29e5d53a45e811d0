/* The values of good configurations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/codec/config/config_yaml.h"

#include <stdio.h>
#include <stdlib.h>

#define SERVER "server: {type: world, ports: [8001]}\n"

static const char *env(const char *name, void *user)
{
    static const struct {
        const char *name, *value;
    } variables[] = {{"WORLD", "world"},
                     {"EMPTY", ""},
                     {"TTL", "20s"},
                     {"PORTS", "8001, 8002,"},
                     {"NULL", "null"},
                     {"DOLLAR", "${WORLD}"},
                     {"LABELS", "map=harbor, night = yes"},
                     {"BLANK", " 9s "},
                     {"NONE", "[]"}};
    (void)user;
    for (size_t i = 0; i < COUNT_OF(variables); i++) {
        if (strcmp(name, variables[i].name) == 0) {
            return variables[i].value;
        }
    }
    return NULL;
}

static void load(const char *text, struct config *config)
{
    struct config_problems problems;
    if (config_yaml_load(STR("test.yaml"), str_of(text), env, NULL, config, &problems) < 0) {
        struct buf lines = {0};
        config_problems_print(&problems, &lines);
        print_error("%s", buf_text(&lines));
        buf_fini(&lines);
        config_problems_fini(&problems);
        fail();
    }
    assert_int_equal(problems.count, 0);
    config_problems_fini(&problems);
}

static void test_byte_order_mark(void **state)
{
    struct config config;
    (void)state;
    load("\xef\xbb\xbfserver:\r\n  type: world\r\n  ports: [8001]\r\n", &config);
    assert_string_equal(config.server.type, "world");
    config_fini(&config);
}

static void test_smallest(void **state)
{
    struct config config;
    (void)state;
    load("server:\n  type: world\n  ports: [8001, 8002]\n", &config);
    assert_true(config.server.present);
    assert_string_equal(config.server.type, "world");
    assert_string_equal(config.server.id, "auto");
    assert_string_equal(config.server.host, "auto");
    assert_int_equal(config.server.port_count, 2);
    assert_int_equal(config.server.ports[1], 8002);
    assert_null(config.server.region);
    assert_false(config.server.has_capacity);
    assert_int_equal(config.server.initializing_max_ms, 900000);
    assert_string_equal(config.registry.endpoints[0], "http://127.0.0.1:2379");
    assert_int_equal(config.registry.endpoint_count, 1);
    assert_string_equal(config.registry.control_prefix, "/outrider/services");
    assert_int_equal(config.registry.ttl_ms, 10000);
    assert_int_equal(config.registry.heartbeat_ms, 0);
    assert_int_equal(config.registry.request_timeout_ms, 1666);
    assert_false(config.probes_given);
    assert_int_equal(config.probe_count, 2);
    assert_string_equal(config.probes[1].name, "tcp-8002");
    assert_int_equal(config.probes[1].port, 8002);
    assert_null(config.status.socket);
    assert_int_equal(config.status.mode, 0660);
    assert_string_equal(config.http.listen[0], "127.0.0.1:7117");
    assert_int_equal(config.http.max_connections, CONFIG_MAX_CONNECTIONS);
    assert_int_equal(config.http.max_subscribers, CONFIG_MAX_SUBSCRIBERS);
    assert_int_equal(config.http.peer_share, CONFIG_PEER_SHARE);
    assert_int_equal(config.log.level, CONFIG_LOG_INFO);
    assert_null(config.state_dir);
    assert_false(config.state_dir_named);
    config_fini(&config);
}

/* Without a server section it is an observer: everything in its registry section has a default. */
static void test_observer(void **state)
{
    struct config config;
    (void)state;
    load("registry: {}\n", &config);
    assert_false(config.server.present);
    assert_true(config.registry.present);
    assert_int_equal(config.probe_count, 0);
    assert_int_equal(config.view.mode, CONFIG_VIEW_AUTO);
    assert_int_equal(config.view.idle_ms, 600000);
    assert_string_equal(config.http.listen[0], "127.0.0.1:7117");
    config_fini(&config);
}

static void flapping_null_is_off(void **state)
{
    static const struct {
        const char *text;
        uint32_t changes;
    } rows[] = {
        {"null", 0},       {"~", 0}, {"{changes: 0}", 0}, {"{changes: 9}", 9},
        {"{hold: 1m}", 6}, {"", 6},  {"{}", 6},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct config config;
        char text[128];
        snprintf(text, sizeof(text), "server:\n  type: w\n  ports: 1\n  flapping: %s\n", rows[i].text);
        load(text, &config);
        assert_int_equal(config.server.flapping.changes, rows[i].changes);
        assert_int_equal(config.server.flapping.within_ms, 300000);
        config_fini(&config);
    }
}

static void check_server(const struct config_server *server)
{
    assert_string_equal(server->id, "world-1");
    assert_string_equal(server->host, "fe80::1");
    assert_true(server->ports_dynamic);
    assert_int_equal(server->port_count, 0);
    assert_string_equal(server->zone, "kr-a");
    assert_string_equal(server->version, "1.4");
    assert_true(server->has_capacity);
    assert_int_equal(server->capacity, 500);
    assert_int_equal(server->tag_count, 2);
    assert_string_equal(server->tags[1], "\xed\x95\x9c\xea\xb5\xad");
    assert_int_equal(server->label_count, 1);
    assert_string_equal(server->labels[0].name, "map");
    assert_string_equal(server->labels[0].value, "old harbor");
    assert_true(server->require_status);
    assert_int_equal(server->watchdog_ms, 30000);
    assert_int_equal(server->deregister_after_ms, 0);
}

static void check_probes(const struct config *config)
{
    assert_string_equal(config->probe_host, "::1");
    assert_true(config->probes_given);
    assert_int_equal(config->probe_count, 2);
    assert_int_equal(config->probes[0].type, CONFIG_PROBE_TCP);
    assert_int_equal(config->probes[0].interval_ms, 250);
    assert_int_equal(config->probes[0].timeout_ms, 100);
    assert_int_equal(config->probes[0].fall, 5);
    assert_int_equal(config->probes[0].rise, 1);
    assert_int_equal(config->probes[1].type, CONFIG_PROBE_UNIX);
    assert_string_equal(config->probes[1].path, "/run/game.sock");
    assert_int_equal(config->probes[1].interval_ms, 1000);
}

static void test_everything(void **state)
{
    struct config config;
    (void)state;
    load(
        "server:\n"
        "  {type: world, id: world-1, host: 'fe80::1', ports: dynamic, region: kr, zone: kr-a, group: main,\n"
        "   version: 1.4, capacity: 500, tags: [pvp, \xed\x95\x9c\xea\xb5\xad], labels: {map: old harbor},\n"
        "   require_status: true, watchdog: 30s, initializing_max: 1h, deregister_after: 0s}\n"
        "registry:\n"
        "  {backend: etcd, endpoints: ['http://[::1]:2379', 'http://etcd-2:2379'], prefix: /game/services,\n"
        "   control_prefix: /game/control, ttl: 30s, heartbeat: 10s, request_timeout: 5s}\n"
        "probe_host: ::1\n"
        "probes:\n"
        "  - {name: game, port: 8001, interval: 250ms, timeout: 100ms, fall: 5, rise: 1}\n"
        "  - name: query\n"
        "    type: unix\n"
        "    path: /run/game.sock\n"
        "grace_period: 2m\n"
        "status: {socket: /run/s.sock, notify_socket: null, mode: 0600, group: games, min_publish_interval: "
        "1ms}\n"
        "drain: {deadline: 1h, settle: 0s}\n"
        "shutdown: {drain: true, linger: 0s, timeout: 10s}\n"
        "http: {listen: '[::]:7117', token_file: /etc/token, max_connections: 8, max_subscribers: 9, "
        "peer_share: 100, max_waiting: 3GB, idle_timeout: 2m, "
        "read: login, hosts: [a.example, b]}\n"
        "log: {level: debug, format: json}\n"
        "state_dir: /var/lib/outrider/\n",
        &config);
    check_server(&config.server);
    check_probes(&config);
    assert_int_equal(config.registry.endpoint_count, 2);
    assert_string_equal(config.registry.prefix, "/game/services");
    assert_string_equal(config.registry.control_prefix, "/game/control");
    assert_int_equal(config.registry.heartbeat_ms, 10000);
    assert_int_equal(config.registry.request_timeout_ms, 5000);
    assert_int_equal(config.grace_period_ms, 120000);
    assert_string_equal(config.status.socket, "/run/s.sock");
    assert_null(config.status.notify_socket);
    assert_int_equal(config.status.mode, 0600);
    assert_string_equal(config.status.group, "games");
    assert_int_equal(config.status.min_publish_interval_ms, 1);
    assert_int_equal(config.drain.settle_ms, 0);
    assert_true(config.shutdown.drain);
    assert_string_equal(config.http.listen[0], "[::]:7117");
    assert_string_equal(config.http.token_file, "/etc/token");
    assert_int_equal(config.http.max_subscribers, 9);
    assert_int_equal(config.http.peer_share, 100);
    assert_int_equal(config.http.max_waiting, INT64_C(3) << 30);
    assert_int_equal(config.http.idle_timeout_ms, 120000);
    assert_int_equal(config.http.read, CONFIG_READ_LOGIN);
    assert_int_equal(config.http.host_count, 2);
    assert_string_equal(config.http.hosts[0], "a.example");
    assert_string_equal(config.http.hosts[1], "b");
    assert_int_equal(config.log.level, CONFIG_LOG_DEBUG);
    assert_int_equal(config.log.format, CONFIG_LOG_JSON);
    assert_string_equal(config.state_dir, "/var/lib/outrider/");
    assert_true(config.state_dir_named);
    config_fini(&config);
}

static void test_environment(void **state)
{
    struct config config;
    (void)state;
    load("server:\n"
         "  type: ${WORLD}\n"
         "  id: ${MISSING:-a}-${WORLD}-$$1\n"
         "  ports: ${PORTS}\n"
         "  region: ${EMPTY}\n"
         "  zone: ${EMPTY:-kr-a}\n"
         "  group: ${DOLLAR}\n"
         "  version: '${MISSING:-1:2}'\n"
         "  capacity: ${MISSING:-}\n"
         "  labels: ${LABELS}\n"
         "registry:\n"
         "  ttl: \"${TTL}\"\n"
         "status:\n"
         "  socket: ${NULL}\n"
         "grace_period: ${BLANK}\n"
         "probes: ${EMPTY}\n",
         &config);
    assert_string_equal(config.server.type, "world");
    assert_string_equal(config.server.id, "a-world-$1");
    assert_int_equal(config.server.port_count, 2);
    assert_null(config.server.region);
    assert_string_equal(config.server.zone, "kr-a");
    assert_string_equal(config.server.group, "${WORLD}"); /* a replaced variable is not replaced again */
    assert_string_equal(config.server.version, "1:2");
    assert_false(config.server.has_capacity);
    assert_int_equal(config.server.label_count, 2);
    assert_string_equal(config.server.labels[1].name, "night");
    assert_string_equal(config.server.labels[1].value, "yes");
    assert_int_equal(config.registry.ttl_ms, 20000);
    assert_int_equal(config.registry.request_timeout_ms, 2000);
    assert_null(config.status.socket);
    assert_int_equal(config.grace_period_ms, 9000);
    assert_int_equal(config.probe_count, 2);
    config_fini(&config);
}

static void test_nothing_on_purpose(void **state)
{
    struct config config;
    (void)state;
    load("server: {type: w, ports: 1, require_status: true, tags: null, labels: {}, capacity: null, region: "
         "~}\n"
         "probes: ${NONE}\n"
         "registry:\n"
         "log: null\n"
         "http: {listen: null}\n"
         "state_dir: NULL\n",
         &config);
    assert_true(config.probes_given);
    assert_int_equal(config.probe_count, 0);
    assert_int_equal(config.server.tag_count, 0);
    assert_false(config.server.has_capacity);
    assert_int_equal(config.http.listen_count, 0);
    assert_null(config.state_dir);
    assert_false(config.state_dir_named);
    config_fini(&config);
}

/* Empty items are absent; quoted ones are text; quotes do not change a type. */
static void test_items(void **state)
{
    struct config config;
    (void)state;
    load("server:\n"
         "  type: \"world\"\n"
         "  ports:\n    - \"8001\"\n    - ${MISSING:-}\n    -\n    - 8003\n"
         "  region: \"null\"\n"
         "  capacity: '10'\n"
         "  tags: a, b,, c\n"
         "  labels:\n    gone: ${EMPTY}\n    map: x\n"
         "  require_status: 'true'\n"
         "  version: |-\n    1.4.2\n",
         &config);
    assert_int_equal(config.server.port_count, 2);
    assert_int_equal(config.server.ports[1], 8003);
    assert_string_equal(config.server.region, "null");
    assert_int_equal(config.server.capacity, 10);
    assert_int_equal(config.server.tag_count, 3);
    assert_string_equal(config.server.tags[2], "c");
    assert_int_equal(config.server.label_count, 1);
    assert_true(config.server.require_status);
    assert_string_equal(config.server.version, "1.4.2");
    config_fini(&config);
}

static void test_forms(void **state)
{
    static const char *const texts[] = {
        SERVER,
        "\xef\xbb\xbf" SERVER,
        "---\n" SERVER "...\n",
        "%YAML 1.1\n---\n" SERVER,
        "server:\r\n  type: world\r\n  ports: 8001\r\n",
        "{\"server\": {\"type\": \"world\", \"ports\": [8001]}}",
        "? server\n: {type: world, ports: [8001]}\n",
        "# comment\n\nserver:\n  # comment\n  type: world # comment\n  ports:\n  - 8001\n",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct config config;
        load(texts[i], &config);
        assert_string_equal(config.server.type, "world");
        assert_int_equal(config.server.ports[0], 8001);
        config_fini(&config);
    }
}

static void test_printing(void **state)
{
    struct config config;
    struct config_problems problems;
    struct buf lines = {0};
    (void)state;
    const char *text = "log: {level: x}\nserver: {type: w}\n";
    assert_int_equal(config_yaml_load(STR("/etc/o.yaml"), str_of(text), env, NULL, &config, &problems), -1);
    assert_int_equal(problems.count, 2);
    assert_int_equal(problems.rows[0].line, 1);
    assert_int_equal(problems.rows[0].column, 14);
    assert_string_equal(problems.rows[1].path, "server.ports");
    config_problems_print(&problems, &lines);
    assert_string_equal(buf_text(&lines),
                        "/etc/o.yaml:1:14: log.level: `x` is not one of: debug, info, warn, error\n"
                        "/etc/o.yaml:2:1: server.ports: required, there is no default\n");
    buf_fini(&lines);
    config_problems_fini(&problems);
    config_problems_fini(&problems);
    config_problems_fini(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_smallest),    cmocka_unit_test(test_byte_order_mark),
        cmocka_unit_test(test_everything),  cmocka_unit_test(test_observer),
        cmocka_unit_test(test_everything),  cmocka_unit_test(flapping_null_is_off),
        cmocka_unit_test(test_environment), cmocka_unit_test(test_nothing_on_purpose),
        cmocka_unit_test(test_items),       cmocka_unit_test(test_forms),
        cmocka_unit_test(test_printing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
