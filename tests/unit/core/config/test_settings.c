#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/core/config/config.h"
#include "outrider/core/config/settings.h"
#include "settings_reference.h"
#include "support/find_setting.h"
#include "support/read_text.h"

static const struct setting *find(const char *path)
{
    const struct setting *row = find_setting(path);
    assert_non_null(row);
    return row;
}

static int parse(struct config *config, const char *path, const char *text, struct error *err)
{
    return setting_parse(find(path), config, str_of(text), err);
}

static void set(struct config *config, const char *path, const char *text)
{
    struct error err = {0};
    if (parse(config, path, text, &err) < 0) {
        print_error("%s: %s\n", path, err.text);
        fail();
    }
}

/* The table is complete and consistent. */
static void test_rows(void **state)
{
    const struct setting *rows = settings_of_file.rows;
    size_t count = settings_of_file.count;
    (void)state;
    assert_true(count <= SETTINGS_MAX);
    size_t probes = count + settings_of_probe.count, candidacies = probes + settings_of_candidacy.count;
    for (size_t i = 0; i < candidacies + settings_of_hook.count; i++) {
        const struct setting *row = i < count         ? &rows[i]
                                    : i < probes      ? &settings_of_probe.rows[i - count]
                                    : i < candidacies ? &settings_of_candidacy.rows[i - probes]
                                                      : &settings_of_hook.rows[i - candidacies];
        bool list = row->type == SETTING_PORTS || row->type == SETTING_STRINGS ||
                    row->type == SETTING_LABELS || row->type == SETTING_FACTS || setting_entries(row) != NULL;
        assert_true(row->doc[strlen(row->doc) - 1] == '.');
        assert_true(list == (row->count_offset != 0));
        assert_true((row->type == SETTING_ENUM) == (row->choices != NULL));
        assert_true(row->type != SETTING_STRING || row->shape != NULL);
        assert_true(row->min <= row->max);
        assert_true(strlen(setting_wants(row)) > 0);
        assert_false((row->flags & SETTING_REQUIRED) != 0 && row->fallback != NULL);
        for (size_t j = 0; i < count && j < i; j++) {
            assert_string_not_equal(rows[j].path, row->path);
        }
    }
}

static void test_find(void **state)
{
    (void)state;
    assert_string_equal(find("registry.ttl")->path, "registry.ttl");
    assert_null(find_setting("registry"));
    assert_null(find_setting("registry.tls"));
    assert_null(find_setting(""));
    assert_true(settings_is_section(&settings_of_file, STR("registry")));
    assert_false(settings_is_section(&settings_of_file, STR("regis")));
    assert_false(settings_is_section(&settings_of_file, STR("probes")));
    assert_false(settings_is_section(&settings_of_file, STR("registry.ttl")));
    assert_false(settings_is_section(&settings_of_file, STR("")));
}

static void test_defaults(void **state)
{
    struct config config = {0};
    struct config_probe probe = {0};
    (void)state;
    settings_defaults(&settings_of_file, &config);
    assert_string_equal(config.registry.prefix, "/services");
    assert_string_equal(config.status.socket, "auto");
    assert_null(config.status.group);
    assert_int_equal(config.drain.deadline_ms, 1800000);
    assert_int_equal(config.server.tag_count, 0);
    assert_false(config.state_dir_named);
    settings_defaults(&settings_of_probe, &probe);
    assert_int_equal(probe.type, CONFIG_PROBE_TCP);
    assert_int_equal(probe.interval_ms, 1000);
    assert_int_equal(probe.timeout_ms, 500);
    assert_int_equal(probe.fall, 3);
    assert_int_equal(probe.rise, 2);
    assert_null(probe.name);
    config_fini(&config);
}

/* A refused value leaves the old one, and the error says why. */
static void test_refused(void **state)
{
    static const struct {
        const char *path, *text, *why;
    } rows[] = {
        {"registry.ttl", "10", "`10` has no unit: write it as 500ms, 10s, 5m or 1h"},
        {"registry.ttl", "0s", "`0s` is out of range: from 2s to 1h"},
        {"registry.ttl", "", "`` is not a duration such as 500ms, 10s, 5m or 1h"},
        {"server.watchdog", "5ms", "`5ms` is out of range: from 100ms to 24h, or 0s"},
        {"server.require_status", "1", "`1` is not true or false"},
        {"http.max_connections", "0", "`0` is out of range: from 1 to 65536"},
        {"http.peer_share", "101", "`101` is out of range: from 1 to 100"},
        {"http.max_connections", "99999999999999999999", "`99999999999999999999` is not a whole number"},
        {"http.max_waiting", "64", "`64` is not a size such as 512kB, 64MB or 1GB"},
        {"http.max_waiting", "MB", "`MB` is not a size such as 512kB, 64MB or 1GB"},
        {"http.max_waiting", "99999999999999GB",
         "`99999999999999GB` is not a size such as 512kB, 64MB or 1GB"},
        {"http.max_waiting", "512kB", "`512kB` is out of range: from 1MB to 64GB"},
        {"status.mode", "1000", "`1000` is more than the permissions 0777: want a mode such as \"0660\""},
        {"status.mode", "01777", "`01777` is more than the permissions 0777: want a mode such as \"0660\""},
        {"status.mode", "0", "`0` keeps its owner from reading or writing: want a mode such as \"0660\""},
        {"status.mode", "0060",
         "`0060` keeps its owner from reading or writing: want a mode such as \"0660\""},
        {"status.mode", "0466",
         "`0466` keeps its owner from reading or writing: want a mode such as \"0660\""},
        {"status.mode", "0266",
         "`0266` keeps its owner from reading or writing: want a mode such as \"0660\""},
        {"status.mode", "0432",
         "`0432` keeps its owner from reading or writing: want a mode such as \"0660\""},
        {"status.mode", "432",
         "`432` keeps its owner from reading or writing: want a mode such as \"0660\", which is 432 in "
         "decimal"},
        {"status.mode", "416",
         "`416` keeps its owner from reading or writing: want a mode such as \"0640\", which is 416 in "
         "decimal"},
        {"status.mode", "438", "`438` is not octal: want a mode such as \"0666\", which is 438 in decimal"},
        {"status.mode", "384", "`384` is not octal: want a mode such as \"0600\", which is 384 in decimal"},
        {"status.mode", "511",
         "`511` keeps its owner from reading or writing: want a mode such as \"0777\", which is 511 in "
         "decimal"},
        {"status.mode", "512", "`512` keeps its owner from reading or writing: want a mode such as \"0660\""},
        {"status.mode", "-432", "`-432` is not octal: want a mode such as \"0660\""},
        {"status.mode", "0o", "`0o` is not octal: want a mode such as \"0660\""},
        {"log.level", "warning", "`warning` is not one of: debug, info, warn, error"},
        {"probes", "tcp", "`tcp` is not a list of probes"},
        {"probe_host", "a\tb",
         "`a?b` is not a host: want localhost, an address (IPv6 without brackets) or a name"},
        {"registry.prefix", "/a b", "`/a b` is not a prefix: printable, without blanks, at most 256 bytes"},
    };
    struct config config = {0}, before = {0};
    const struct setting *changed[SETTINGS_MAX];
    (void)state;
    settings_defaults(&settings_of_file, &config);
    settings_defaults(&settings_of_file, &before);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct error err = {0};
        assert_int_equal(parse(&config, rows[i].path, rows[i].text, &err), -1);
        assert_string_equal(err.text, rows[i].why);
        assert_int_equal(config_diff(&config, &before, changed), 0);
    }
    config_fini(&config);
    config_fini(&before);
}

/* Long and broken text is cut where a character begins, and never reaches a terminal raw. */
static void test_quoting(void **state)
{
    struct config config = {0};
    struct error err = {0};
    char text[80];
    (void)state;
    memset(text, 'x', sizeof(text));
    memcpy(text + 63, "\xe4\xb8\x96", 4);
    assert_int_equal(parse(&config, "log.level", text, &err), -1);
    assert_int_equal(strspn(err.text + 1, "x"), 63);
    assert_string_equal(err.text + 64, "...` is not one of: debug, info, warn, error");
    assert_int_equal(parse(&config, "log.level", "\xff\x1b[2J", &err), -1);
    assert_string_equal(err.text, "`??[2J` is not one of: debug, info, warn, error");
}

static void test_lists(void **state)
{
    struct config config = {0};
    struct error err = {0};
    (void)state;
    set(&config, "server.ports", "8001 ,8002,,");
    assert_int_equal(config.server.port_count, 2);
    set(&config, "server.ports", "dynamic");
    assert_true(config.server.ports_dynamic);
    assert_int_equal(config.server.port_count, 0);
    set(&config, "server.ports", "1");
    assert_false(config.server.ports_dynamic);
    assert_int_equal(parse(&config, "server.ports", "[]", &err), -1);
    set(&config, "server.tags", "a,b");
    set(&config, "server.tags", "c");
    assert_int_equal(config.server.tag_count, 1);
    assert_string_equal(config.server.tags[0], "c");
    set(&config, "server.tags", "[]");
    assert_int_equal(config.server.tag_count, 0);
    set(&config, "server.labels", "a=b=c, d = e");
    assert_string_equal(config.server.labels[0].value, "b=c");
    assert_string_equal(config.server.labels[1].name, "d");
    assert_int_equal(parse(&config, "server.labels", "a=", &err), -1);
    assert_int_equal(parse(&config, "server.labels", "a=b,a=c", &err), -1);
    assert_string_equal(err.text, "`a` is listed twice");
    set(&config, "server.labels", "{}");
    set(&config, "probes", "[]");
    assert_true(config.probes_given);
    config_fini(&config);
}

static void test_null(void **state)
{
    struct config config = {0};
    struct error err = {0};
    (void)state;
    settings_defaults(&settings_of_file, &config);
    assert_int_equal(setting_parse_null(find("status.socket"), &config, &err), 0);
    assert_null(config.status.socket);
    set(&config, "server.capacity", "5");
    assert_true(config.server.has_capacity);
    assert_int_equal(setting_parse_null(find("server.capacity"), &config, &err), 0);
    assert_false(config.server.has_capacity);
    assert_int_equal(setting_parse_null(find("registry.ttl"), &config, &err), -1);
    assert_string_equal(err.text, "cannot be null: remove the key for the default 10s");
    assert_int_equal(setting_parse_null(find("server.type"), &config, &err), -1);
    assert_string_equal(err.text, "cannot be null: want text");
    config_fini(&config);
}

static void test_probes_limit(void **state)
{
    struct config config = {0};
    struct error err = {0};
    (void)state;
    for (size_t i = 0; i < CONFIG_PROBES_MAX; i++) {
        assert_non_null(setting_entry_add(find("probes"), &config, &err));
    }
    assert_null(setting_entry_add(find("probes"), &config, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_string_equal(err.text, "has too many items: at most 64 are allowed");
    config_fini(&config);
}

/* Each changed setting is the only one reported; copying it makes both equal again. */
static void test_every_row_differs_and_copies(void **state)
{
    static const struct {
        const char *path, *text;
    } others[] = {
        {"server.type", "other"},
        {"server.id", "other"},
        {"server.host", "other"},
        {"server.ports", "dynamic"},
        {"server.region", "other"},
        {"server.zone", "other"},
        {"server.group", "other"},
        {"server.version", "other"},
        {"server.capacity", "0"},
        {"server.weight", "7"},
        {"server.tags", "other"},
        {"server.labels", "other=other"},
        {"server.require_status", "true"},
        {"server.watchdog", "7s"},
        {"server.initializing_max", "7s"},
        {"server.deregister_after", "7s"},
        {"server.flapping.changes", "7"},
        {"server.flapping.within", "7s"},
        {"server.flapping.hold", "7s"},
        {"server.idle.after", "7s"},
        {"server.idle.then", "drain"},
        {"registry.endpoints", "http://other:1"},
        {"registry.prefix", "/other"},
        {"registry.control_prefix", "/other"},
        {"registry.ttl", "7s"},
        {"registry.heartbeat", "7s"},
        {"registry.request_timeout", "7s"},
        {"registry.username", "other"},
        {"registry.password_file", "/other"},
        {"registry.tls.ca_file", "/other"},
        {"registry.tls.cert_file", "/other"},
        {"registry.tls.key_file", "/other"},
        {"registry.tls.server_name", "other"},
        {"registry.redis.mode", "cluster"},
        {"registry.redis.master_name", "m"},
        {"registry.redis.namespace", "games"},
        {"registry.consul.node", "games"},
        {"registry.consul.token_file", "/t"},
        {"registry.consul.catalog", "true"},
        {"record.sign_key", "/other"},
        {"probe_host", "other"},
        {"probes", "[]"},
        {"grace_period", "7s"},
        {"status.socket", "/other"},
        {"status.notify_socket", "/other"},
        {"status.mode", "0600"},
        {"status.group", "other"},
        {"status.min_publish_interval", "7s"},
        {"status.extract.players", "(a)"},
        {"status.extract.capacity", "(b)"},
        {"status.accept", "say"},
        {"status.call", "world"},
        {"drain.deadline", "7s"},
        {"drain.settle", "7s"},
        {"shutdown.drain", "true"},
        {"shutdown.linger", "7s"},
        {"shutdown.timeout", "7s"},
        {"http.listen", "unix:/other"},
        {"http.tls.cert_file", "/other"},
        {"http.tls.key_file", "/other"},
        {"http.tls.client_ca_file", "/other"},
        {"http.proxy_header", "Other"},
        {"http.proxy_socket", "/other"},
        {"http.public_url", "https://other"},
        {"http.token_file", "/other"},
        {"http.access_file", "/other"},
        {"http.session_key_file", "/other"},
        {"http.read", "open"},
        {"http.hosts", "other"},
        {"http.keys", "own"},
        {"http.max_connections", "7"},
        {"http.max_subscribers", "7"},
        {"http.peer_share", "7"},
        {"http.max_waiting", "7MB"},
        {"http.idle_timeout", "7s"},
        {"view.mode", "always"},
        {"view.idle", "7s"},
        {"view.sign_keys", "/other"},
        {"view.require_signed", "true"},
        {"audit.file", "on"},
        {"audit.registry", "false"},
        {"audit.keep", "7h"},
        {"ui.name", "other"},
        {"ui.colour", "grey"},
        {"history", "on"},
        {"placement.virtual_nodes", "7"},
        {"placement.balance_factor", "0"},
        {"leader", "other"},
        {"placement.reservation_ttl", "7s"},
        {"sessions.store", "memory"},
        {"sessions.ttl", "7m"},
        {"sessions.reconnect_grace", "7s"},
        {"sessions.max", "7"},
        {"sessions.redis.endpoints", "redis://10.0.0.7:6379"},
        {"sessions.redis.mode", "cluster"},
        {"sessions.redis.master_name", "m"},
        {"sessions.redis.username", "u"},
        {"sessions.redis.password_file", "/p"},
        {"sessions.redis.tls.ca_file", "/ca"},
        {"sessions.redis.tls.cert_file", "/cert"},
        {"sessions.redis.tls.key_file", "/key"},
        {"sessions.redis.tls.server_name", "redis.example"},
        {"sessions.redis.namespace", "games"},
        {"dns.listen", "[::1]:53"},
        {"dns.domain", "game.example"},
        {"dns.ttl", "7s"},
        {"dns.answers", "7"},
        {"dns.max_connections", "7"},
        {"log.level", "error"},
        {"log.format", "json"},
        {"core_dumps", "true"},
        {"state_dir", "/other"},
        {"sandbox", "required"},
    };
    (void)state;
    assert_int_equal(COUNT_OF(others),
                     settings_of_file.count - 2); /* registry.backend has no other value, hooks no text */
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        struct config a = {0}, b = {0};
        const struct setting *changed[SETTINGS_MAX];
        settings_defaults(&settings_of_file, &a);
        settings_defaults(&settings_of_file, &b);
        set(&b, others[i].path, others[i].text);
        assert_int_equal(config_diff(&a, &b, changed), 1);
        assert_string_equal(changed[0]->path, others[i].path);
        setting_copy(changed[0], &b, &a);
        setting_copy(changed[0], &a, &a);
        assert_int_equal(config_diff(&a, &b, changed), 0);
        config_fini(&a);
        config_fini(&b);
    }
}

static void test_lists_differ(void **state)
{
    struct config a = {0}, b = {0};
    const struct setting *changed[SETTINGS_MAX];
    (void)state;
    set(&a, "server.ports", "1,2");
    set(&b, "server.ports", "1,3");
    set(&a, "server.tags", "a,b");
    set(&b, "server.tags", "a,c");
    set(&a, "server.labels", "a=b");
    set(&b, "server.labels", "a=c");
    assert_int_equal(config_diff(&a, &b, changed), 3);
    config_fini(&a);
    config_fini(&b);
}

/* A reload changes the reloadable settings; the others keep their values. */
static void test_keep(void **state)
{
    struct config running = {0}, fresh = {0};
    const struct setting *changed[SETTINGS_MAX];
    (void)state;
    settings_defaults(&settings_of_file, &running);
    settings_defaults(&settings_of_file, &fresh);
    set(&running, "server.type", "world");
    set(&fresh, "server.type", "map");
    set(&fresh, "registry.endpoints", "http://a:1,http://b:1");
    set(&fresh, "server.region", "kr");
    set(&fresh, "server.ports", "8001");
    config_keep(&fresh, &running);
    assert_string_equal(fresh.server.type, "world");
    assert_int_equal(fresh.registry.endpoint_count, 1);
    assert_int_equal(config_diff(&running, &fresh, changed), 2);
    assert_string_equal(changed[0]->path, "server.ports");
    assert_string_equal(changed[1]->path, "server.region");
    assert_true((changed[0]->flags & SETTING_RELOADABLE) != 0);
    config_fini(&running);
    config_fini(&fresh);
}

static void write_text(const char *path, const struct buf *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text->data, 1, text->size, file), text->size);
    assert_int_equal(fclose(file), 0);
}

/* docs/configuration.md is generated from the table. After a change of a row, run this with
 * OUTRIDER_REWRITE=1 and commit the page; a stale page fails. */
static void test_reference(void **state)
{
    struct buf page = {0}, stored = {0};
    (void)state;
    settings_reference(&page);
    if (getenv("OUTRIDER_REWRITE") != NULL) {
        write_text("docs/configuration.md", &page);
    }
    read_text("docs/configuration.md", &stored);
    assert_string_equal(buf_text(&stored), buf_text(&page));
    const struct setting *rows = settings_of_file.rows;
    for (size_t i = 0; i < settings_of_file.count; i++) {
        const char *dot = strchr(rows[i].path, '.');
        struct buf cell = {0};
        buf_printf(&cell, "\n| `%s` | ", dot == NULL ? rows[i].path : dot + 1);
        assert_non_null(strstr(buf_text(&page), buf_text(&cell)));
        buf_fini(&cell);
    }
    buf_fini(&page);
    buf_fini(&stored);
}

static void test_hooks_differ_and_copy(void **state)
{
    (void)state;
    struct config a = {0}, b = {0};
    struct error err;
    const struct setting *row = find_setting("hooks"), *changed[SETTINGS_MAX];
    settings_defaults(&settings_of_file, &a);
    settings_defaults(&settings_of_file, &b);
    struct config_hook *hook = setting_entry_add(row, &b, &err);
    assert_int_equal(setting_parse(&settings_of_hook.rows[0], hook, STR("drain,leader_lost"), &err), 0);
    assert_int_equal(setting_parse(&settings_of_hook.rows[0], hook, STR("drained"), &err), -1);
    assert_int_equal(setting_parse(&settings_of_hook.rows[0], hook, STR("ready"), &err), 0);
    assert_int_equal(config_diff(&a, &b, changed), 1);
    assert_string_equal(changed[0]->path, "hooks");
    setting_copy(row, &b, &a);
    assert_int_equal(config_diff(&a, &b, changed), 0);
    assert_string_equal(a.hooks[0].on[0], "ready");
    assert_int_equal(a.hooks[0].timeout_ms, 10000);
    config_fini(&a);
    config_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_quoting),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_null),
        cmocka_unit_test(test_probes_limit),
        cmocka_unit_test(test_every_row_differs_and_copies),
        cmocka_unit_test(test_hooks_differ_and_copy),
        cmocka_unit_test(test_lists_differ),
        cmocka_unit_test(test_keep),
        cmocka_unit_test(test_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
