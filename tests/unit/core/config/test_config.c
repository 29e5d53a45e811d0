#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/core/config/config.h"
#include "outrider/core/config/config_check.h"
#include "outrider/core/config/settings.h"
#include "support/find_setting.h"

#include <stdio.h>
#include <stdlib.h>

struct directories {
    const char *runtime, *state;
};

static const char *env(const char *name, void *user)
{
    const struct directories *directories = user;
    if (strcmp(name, "RUNTIME_DIRECTORY") == 0) {
        return directories->runtime;
    }
    return strcmp(name, "STATE_DIRECTORY") == 0 ? directories->state : NULL;
}

static void set(struct config *config, const char *path, const char *text)
{
    struct error err = {0};
    assert_int_equal(setting_parse(find_setting(path), config, str_of(text), &err), 0);
}

static void begin(struct config *config)
{
    *config = (struct config){0};
    settings_defaults(&settings_of_file, config);
    config->server.present = true;
    set(config, "server.type", "world");
    set(config, "server.ports", "8001,8002");
}

static void test_ending(void **state)
{
    struct config config = {0};
    struct config_probe probe = {0};
    (void)state;
    config_fini(NULL);
    config_fini(&config);
    begin(&config);
    config_fini(&config);
    config_fini(&config);
    assert_null(config.server.type);
    config_probe_fini(NULL);
    config_probe_fini(&probe);
}

static void test_probe_default(void **state)
{
    struct config_probe probe = {0};
    (void)state;
    config_probe_default(&probe, 65535);
    assert_string_equal(probe.name, "tcp-65535");
    assert_int_equal(probe.type, CONFIG_PROBE_TCP);
    assert_int_equal(probe.port, 65535);
    assert_null(probe.path);
    assert_int_equal(probe.interval_ms, 1000);
    assert_int_equal(probe.fall, 3);
    config_probe_fini(&probe);
    assert_null(probe.name);
}

static void test_fast_interval(void **state)
{
    (void)state;
    static const struct {
        int64_t interval, given, fast;
    } rows[] = {{1000, 0, 100},   {500, 0, 50},   {200, 0, 50}, {10, 0, 10},
                {60000, 0, 6000}, {1000, 20, 20}, {20, 10, 10}, {1000, 1000, 1000}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct config_probe probe = {.interval_ms = rows[i].interval, .fast_interval_ms = rows[i].given};
        assert_int_equal(config_fast_interval(&probe), rows[i].fast);
    }
}

static void test_probe_equal(void **state)
{
    struct config_probe a = {0}, b = {0};
    (void)state;
    config_probe_default(&a, 1);
    config_probe_default(&b, 1);
    assert_true(config_probe_equal(&a, &b));
    b.port = 2;
    assert_false(config_probe_equal(&a, &b));
    b.port = 1;
    b.timeout_ms++;
    assert_false(config_probe_equal(&a, &b));
    b.timeout_ms--;
    b.fast_interval_ms = 50;
    assert_false(config_probe_equal(&a, &b));
    b.fast_interval_ms = 0;
    b.rise++;
    assert_false(config_probe_equal(&a, &b));
    b.rise--;
    b.type = CONFIG_PROBE_UNIX;
    assert_false(config_probe_equal(&a, &b));
    b.type = CONFIG_PROBE_TCP;
    b.path = mem_strdup("/x");
    assert_false(config_probe_equal(&a, &b));
    free(b.path);
    b.path = NULL;
    b.name[0] = 'u';
    assert_false(config_probe_equal(&a, &b));
    config_probe_fini(&a);
    config_probe_fini(&b);
}

/* Probes that follow from the ports are not reported beside them; configured ones are. */
static void test_probe_diff(void **state)
{
    struct config a, b;
    struct directories none = {NULL, NULL};
    struct error err;
    const struct setting *changed[SETTINGS_MAX];
    (void)state;
    begin(&a);
    begin(&b);
    set(&b, "server.ports", "8003");
    config_resolve(&a, env, &none);
    config_resolve(&b, env, &none);
    assert_int_equal(config_diff(&a, &b, changed), 1);
    assert_string_equal(changed[0]->path, "server.ports");
    setting_list_begin(find_setting("probes"), &a);
    setting_list_begin(find_setting("probes"), &b);
    struct config_probe *probe = setting_entry_add(find_setting("probes"), &a, &err);
    assert_non_null(probe);
    assert_non_null(setting_entry_add(find_setting("probes"), &b, &err));
    assert_int_equal(config_diff(&a, &b, changed), 1);
    probe->port = 9;
    probe->name = mem_strdup("game");
    assert_int_equal(config_diff(&a, &b, changed), 2);
    setting_copy(find_setting("probes"), &a, &b);
    assert_int_equal(config_diff(&a, &b, changed), 1);
    assert_string_equal(b.probes[0].name, "game");
    config_fini(&a);
    config_fini(&b);
}

static void check_resolved(struct directories directories, const char *socket, const char *listen,
                           const char *state_dir)
{
    struct config config;
    begin(&config);
    config_resolve(&config, env, &directories);
    assert_true(socket == NULL ? config.status.socket == NULL : strcmp(config.status.socket, socket) == 0);
    assert_true((socket == NULL) == (config.status.notify_socket == NULL));
    assert_string_equal(config.http.listen[0], listen);
    assert_true(state_dir == NULL ? config.state_dir == NULL : strcmp(config.state_dir, state_dir) == 0);
    assert_false(config.state_dir_named);
    assert_true(config.status.socket_auto && config.status.notify_socket_auto && config.state_dir_auto);
    assert_string_equal(config.registry.control_prefix, "/outrider/services");
    assert_string_equal(config.server.id, "auto");
    assert_string_equal(config.server.host, "auto");
    assert_int_equal(config.probe_count, 2);
    config_resolve(&config, env, &directories); /* nothing is left to do */
    assert_true(config.status.socket_auto && config.status.notify_socket_auto && config.state_dir_auto);
    assert_int_equal(config.probe_count, 2);
    config_fini(&config);
}

static void test_resolve(void **state)
{
    (void)state;
    check_resolved((struct directories){NULL, NULL}, NULL, "127.0.0.1:7117", NULL);
    check_resolved((struct directories){"", ""}, NULL, "127.0.0.1:7117", NULL);
    check_resolved((struct directories){"/run/o/1", "/var/lib/o/1"}, "/run/o/1/status.sock",
                   "unix:/run/o/1/http.sock", "/var/lib/o/1");
    check_resolved((struct directories){"/run/a:/run/b", "/var/a:/var/b"}, "/run/a/status.sock",
                   "unix:/run/a/http.sock", "/var/a");
    check_resolved((struct directories){"/run/a//", "state"}, "/run/a/status.sock", "unix:/run/a/http.sock",
                   NULL);
    check_resolved((struct directories){"run", ":/var/b"}, NULL, "127.0.0.1:7117", NULL);
}

/* A written value stays as it is. */
static void test_resolve_keeps(void **state)
{
    struct directories directories = {"/run/o", "/var/o"};
    struct error err;
    struct config config;
    (void)state;
    begin(&config);
    set(&config, "server.ports", "dynamic");
    set(&config, "registry.control_prefix", "/control");
    set(&config, "registry.request_timeout", "1s");
    set(&config, "status.notify_socket", "/run/n.sock");
    assert_int_equal(setting_parse_null(find_setting("status.socket"), &config, &err), 0);
    set(&config, "http.listen", "[::1]:80");
    set(&config, "state_dir", "/srv");
    config_resolve(&config, env, &directories);
    assert_string_equal(config.registry.control_prefix, "/control");
    assert_int_equal(config.registry.request_timeout_ms, 1000);
    assert_null(config.status.socket);
    assert_string_equal(config.status.notify_socket, "/run/n.sock");
    assert_string_equal(config.http.listen[0], "[::1]:80");
    assert_string_equal(config.state_dir, "/srv");
    assert_true(config.state_dir_named);
    assert_false(config.status.socket_auto || config.status.notify_socket_auto || config.state_dir_auto);
    assert_int_equal(config.probe_count, 0);
    config_fini(&config);
}

static void on_problem(const char *path, const char *text, void *user)
{
    (void)text;
    buf_printf(user, "%s ", path);
}

static const char *check(const struct config *config, struct buf *out)
{
    buf_clear(out);
    config_check(config, &(struct config_check){.report = on_problem, .user = out});
    return buf_text(out);
}

/* auto must always fit: 1/3 + 3/6 + 1/10 of the TTL, whatever the rounding. */
static void test_automatic_budget(void **state)
{
    struct config config;
    struct buf out = {0};
    (void)state;
    begin(&config);
    for (int64_t ttl = 2000; ttl <= 60000; ttl += 7) {
        config.registry.ttl_ms = ttl;
        assert_string_equal(check(&config, &out), "");
        assert_true(config_request_timeout(&config.registry) >= 333);
        assert_true(config_request_timeout(&config.registry) <= 2000);
    }
    buf_fini(&out);
    config_fini(&config);
}

static void test_budget_edge(void **state)
{
    struct config config;
    struct buf out = {0};
    (void)state;
    begin(&config);
    set(&config, "registry.heartbeat", "3s");
    set(&config, "registry.request_timeout", "2s");
    assert_string_equal(check(&config, &out), "");
    set(&config, "registry.heartbeat", "3001ms");
    assert_string_equal(check(&config, &out), "registry.heartbeat ");
    set(&config, "registry.heartbeat", "auto");
    set(&config, "registry.request_timeout", "1889ms");
    assert_string_equal(check(&config, &out), "");
    set(&config, "registry.request_timeout", "1890ms");
    assert_string_equal(check(&config, &out), "registry.request_timeout ");
    buf_fini(&out);
    config_fini(&config);
}

/* One change to a good configuration, and which paths it breaks. */
static void test_rules(void **state)
{
    static const struct {
        const char *path, *text, *other_path, *other_text, *broken;
    } rows[] = {
        {"server.ports", "dynamic", NULL, NULL, ""},
        {"probes", "[]", NULL, NULL, "server.require_status "},
        {"probes", "[]", "server.require_status", "true", ""},
        {"registry.prefix", "/outrider", NULL, NULL, "registry.prefix "},
        {"registry.prefix", "/outriders", NULL, NULL, ""},
        {"registry.control_prefix", "/services", NULL, NULL, "registry.control_prefix "},
        {"registry.control_prefix", "/services/x", NULL, NULL, "registry.control_prefix "},
        {"registry.control_prefix", "/services-x", NULL, NULL, ""},
        {"status.socket", "/run/a", "status.notify_socket", "/run/a", "status.notify_socket "},
        {"status.socket", "/run/a", "http.listen", "unix:/run/a", "http.listen "},
        {"status.notify_socket", "/run/a", "http.listen", "unix:/run/a", "http.listen "},
        {"status.notify_socket", "/run/a", "http.listen", "unix:/run/b", ""},
        {"http.listen", "0.0.0.0:80", NULL, NULL, "http.token_file "},
        {"http.listen", "0.0.0.0:80", "http.token_file", "/token", ""},
        {"http.listen", "[::]:80", NULL, NULL, "http.token_file "},
        {"http.listen", "203.0.113.5:80", NULL, NULL, "http.token_file "},
        {"http.listen", "localhost:80", NULL, NULL, ""},
        {"http.listen", "127.1.2.3:80", NULL, NULL, ""},
        {"http.listen", "[::1]:80", NULL, NULL, ""},
        {"http.listen", "unix:/run/a", NULL, NULL, ""},
        {"http.listen", "unix:/run/a,127.0.0.1:80,[::1]:80", NULL, NULL, ""},
        {"http.listen", "unix:/run/b,unix:/run/a", "status.socket", "/run/a", "http.listen "},
        {"http.listen", "127.0.0.1:80,10.0.0.5:80", NULL, NULL, "http.token_file "},
        {"http.listen", "127.0.0.1:80,tls://127.0.0.1:80", NULL, NULL,
         "http.listen http.tls.cert_file http.tls.key_file "},
        {"http.listen", "tls://127.0.0.1:80", "http.tls.cert_file", "/c", "http.tls.key_file "},
        {"http.listen", "127.0.0.1:80", "http.tls.key_file", "/k", "http.tls "},
        {"http.listen", "127.0.0.1:80", "http.tls.client_ca_file", "/k", "http.tls "},
        {"http.listen", "127.0.0.1:80", "http.proxy_header", "X-User",
         "http.proxy_header http.proxy_header "},
        {"http.listen", "127.0.0.1:80", "http.proxy_socket", "/run/a", "http.proxy_socket "},
        {"http.listen", "unix:/run/a", "http.proxy_header", "X-User", "http.proxy_header "},
        {"http.listen", "unix:/run/a,unix:/run/b", "http.proxy_header", "X-User",
         "http.proxy_header http.proxy_socket "},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct config config;
        struct buf out = {0};
        begin(&config);
        set(&config, rows[i].path, rows[i].text);
        if (rows[i].other_path != NULL) {
            set(&config, rows[i].other_path, rows[i].other_text);
        }
        assert_string_equal(check(&config, &out), rows[i].broken);
        buf_fini(&out);
        config_fini(&config);
    }
}

static void test_absent(void **state)
{
    struct config config = {0};
    struct buf out = {0};
    (void)state;
    settings_defaults(&settings_of_file, &config);
    assert_string_equal(check(&config, &out), "registry "); /* neither a sidecar nor an observer */
    config.registry.present = true;
    assert_string_equal(check(&config, &out), "");
    config.server.present = true;
    assert_string_equal(check(&config, &out), "server.type server.ports ");
    buf_fini(&out);
    config_fini(&config);
}

static bool all_faulty(const char *path, void *user)
{
    (void)path;
    (void)user;
    return true;
}

/* A setting that is known to be wrong is not reported again. */
static void test_quiet_where_faulty(void **state)
{
    struct config config = {0};
    struct buf out = {0};
    (void)state;
    settings_defaults(&settings_of_file, &config);
    config.server.present = true;
    set(&config, "http.listen", "0.0.0.0:1");
    set(&config, "registry.control_prefix", "/services");
    config_check(&config,
                 &(struct config_check){.is_faulty = all_faulty, .report = on_problem, .user = &out});
    assert_string_equal(buf_text(&out), "");
    buf_fini(&out);
    config_fini(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ending),        cmocka_unit_test(test_probe_default),
        cmocka_unit_test(test_fast_interval), cmocka_unit_test(test_probe_equal),
        cmocka_unit_test(test_probe_diff),    cmocka_unit_test(test_resolve),
        cmocka_unit_test(test_resolve_keeps), cmocka_unit_test(test_automatic_budget),
        cmocka_unit_test(test_budget_edge),   cmocka_unit_test(test_rules),
        cmocka_unit_test(test_absent),        cmocka_unit_test(test_quiet_where_faulty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
