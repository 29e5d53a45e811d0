/* The configurations that are installed: they load, and their comments are true. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/codec/config/config_yaml.h"
#include "outrider/core/config/settings.h"
#include "support/read_text.h"

#include <stdio.h>
#include <stdlib.h>

struct variable {
    const char *name, *value;
};

static const char *env(const char *name, void *user)
{
    for (const struct variable *variable = user; variable->name != NULL; variable++) {
        if (strcmp(name, variable->name) == 0) {
            return variable->value;
        }
    }
    return NULL;
}

static void load(const char *name, struct str text, struct variable *variables, struct config *config)
{
    struct config_problems problems;
    int result = config_yaml_load(str_of(name), text, env, variables, config, &problems);
    struct buf lines = {0};
    config_problems_print(&problems, &lines);
    assert_string_equal(buf_text(&lines), "");
    assert_int_equal(result, 0);
    buf_fini(&lines);
    config_problems_fini(&problems);
}

static void load_plain(struct variable *variables, struct config *config)
{
    load("plain", STR("server: {type: world, ports: [8001]}\n"), variables, config);
}

static void assert_same(const struct config *a, const struct config *b)
{
    const struct setting *rows[SETTINGS_MAX];
    size_t count = config_diff(a, b, rows);
    for (size_t i = 0; i < count; i++) {
        print_error("differs: %s\n", rows[i]->path);
    }
    assert_int_equal(count, 0);
}

static void test_outrider_yaml(void **state)
{
    struct variable none[] = {{NULL, NULL}};
    struct buf text = {0};
    struct config plain, config;
    (void)state;
    read_text("conf/outrider.yaml", &text);
    load("conf/outrider.yaml", buf_view(&text), none, &config);
    load_plain(none, &plain);
    assert_same(&plain, &config);
    config_fini(&config);
    config_fini(&plain);
    buf_fini(&text);
}

/* Takes the "#" away from each line whose first word has one. Returns how many there were. */
static unsigned uncomment(struct str text, struct buf *out)
{
    unsigned count = 0;
    while (text.size > 0) {
        struct str line = str_split(text, '\n', &text);
        const char *mark = line.size == 0 ? NULL : memchr(line.data, '#', line.size);
        size_t indent = mark == NULL ? 0 : (size_t)(mark - line.data);
        bool setting = mark != NULL && str_trim((struct str){line.data, indent}).size == 0 &&
                       indent + 1 < line.size && mark[1] != ' ';
        if (setting) {
            buf_add(out, line.data, indent);
            line = (struct str){mark + 1, line.size - indent - 1};
            count++;
        }
        buf_str(out, line);
        buf_add(out, "\n", 1);
    }
    return count;
}

/* The defaults that the file shows are the defaults, and none is missing. */
static void test_outrider_yaml_defaults(void **state)
{
    struct variable none[] = {{NULL, NULL}};
    struct buf text = {0}, uncommented = {0};
    struct config plain, config;
    size_t with_default = 0;
    (void)state;
    read_text("conf/outrider.yaml", &text);
    unsigned count = uncomment(buf_view(&text), &uncommented);
    load("conf/outrider.yaml", buf_view(&uncommented), none, &config);
    load_plain(none, &plain);
    assert_same(&plain, &config);
    for (size_t i = 0; i < settings_of_file.count; i++) {
        with_default += settings_of_file.rows[i].fallback != NULL ? 1 : 0;
    }
    assert_int_equal(count, with_default);
    config_fini(&config);
    config_fini(&plain);
    buf_fini(&text);
    buf_fini(&uncommented);
}

static void test_container_defaults(void **state)
{
    struct variable least[] = {{"OUTRIDER_TYPE", "world"}, {"OUTRIDER_PORTS", "8001"}, {NULL, NULL}};
    struct buf text = {0};
    struct config plain, config;
    (void)state;
    read_text("conf/container.yaml", &text);
    load("conf/container.yaml", buf_view(&text), least, &config);
    load_plain(least, &plain);
    assert_same(&plain, &config);
    config_fini(&config);
    config_fini(&plain);
    buf_fini(&text);
}

/* Every setting can be reached from the environment. */
static void test_container_everything(void **state)
{
    struct variable all[] = {
        {"OUTRIDER_TYPE", "map"},
        {"OUTRIDER_ID", "map-1"},
        {"OUTRIDER_HOST", "eth0"},
        {"OUTRIDER_PORTS", "dynamic"},
        {"OUTRIDER_REGION", "kr"},
        {"OUTRIDER_ZONE", "kr-a"},
        {"OUTRIDER_GROUP", "main"},
        {"OUTRIDER_VERSION", "1.4.2"},
        {"OUTRIDER_CAPACITY", "500"},
        {"OUTRIDER_WEIGHT", "3"},
        {"OUTRIDER_PLACEMENT_VIRTUAL_NODES", "100"},
        {"OUTRIDER_PLACEMENT_BALANCE_FACTOR", "0"},
        {"OUTRIDER_PLACEMENT_RESERVATION_TTL", "7s"},
        {"OUTRIDER_HTTP_KEYS", "own"},
        {"OUTRIDER_AUDIT_FILE", "on"},
        {"OUTRIDER_AUDIT_REGISTRY", "false"},
        {"OUTRIDER_AUDIT_KEEP", "24h"},
        {"OUTRIDER_UI_NAME", "라이브 서버 한국 일 번 구역 운영 중 주의하세요"},
        {"OUTRIDER_UI_COLOUR", "red"},
        {"OUTRIDER_TAGS", "pvp,night"},
        {"OUTRIDER_LABELS", "map=harbor"},
        {"OUTRIDER_REQUIRE_STATUS", "true"},
        {"OUTRIDER_WATCHDOG", "30s"},
        {"OUTRIDER_INITIALIZING_MAX", "1h"},
        {"OUTRIDER_DEREGISTER_AFTER", "0s"},
        {"OUTRIDER_FLAPPING_CHANGES", "0"},
        {"OUTRIDER_FLAPPING_WITHIN", "10m"},
        {"OUTRIDER_FLAPPING_HOLD", "1m"},
        {"OUTRIDER_IDLE_AFTER", "10m"},
        {"OUTRIDER_IDLE_THEN", "drain"},
        {"OUTRIDER_STATUS_EXTRACT_PLAYERS", "([0-9]+)/[0-9]+"},
        {"OUTRIDER_STATUS_EXTRACT_CAPACITY", "[0-9]+/([0-9]+)"},
        {"OUTRIDER_REGISTRY_BACKEND", "etcd"},
        {"OUTRIDER_REGISTRY_ENDPOINTS", "https://etcd-1:2379,https://etcd-2:2379"},
        {"OUTRIDER_REGISTRY_PREFIX", "/game"},
        {"OUTRIDER_REGISTRY_CONTROL_PREFIX", "/control"},
        {"OUTRIDER_REGISTRY_TTL", "20s"},
        {"OUTRIDER_REGISTRY_HEARTBEAT", "5s"},
        {"OUTRIDER_REGISTRY_REQUEST_TIMEOUT", "1s"},
        {"OUTRIDER_REGISTRY_USERNAME", "world"},
        {"OUTRIDER_REGISTRY_PASSWORD_FILE", "/run/secrets/etcd"},
        {"OUTRIDER_REGISTRY_TLS_CA_FILE", "/run/secrets/ca.pem"},
        {"OUTRIDER_REGISTRY_TLS_CERT_FILE", "/run/secrets/agent.pem"},
        {"OUTRIDER_REGISTRY_TLS_KEY_FILE", "/run/secrets/agent.key"},
        {"OUTRIDER_REGISTRY_TLS_SERVER_NAME", "etcd"},
        {"OUTRIDER_REGISTRY_REDIS_MODE", "cluster"},
        {"OUTRIDER_REGISTRY_REDIS_MASTER_NAME", "games"},
        {"OUTRIDER_REGISTRY_REDIS_NAMESPACE", "games"},
        {"OUTRIDER_REGISTRY_CONSUL_NODE", "games"},
        {"OUTRIDER_REGISTRY_CONSUL_TOKEN_FILE", "/run/secrets/token"},
        {"OUTRIDER_REGISTRY_CONSUL_CATALOG", "true"},
        {"OUTRIDER_RECORD_SIGN_KEY", "/run/secrets/sign.key"},
        {"OUTRIDER_PROBE_HOST", "127.0.0.1"},
        {"OUTRIDER_PROBES", "[]"},
        {"OUTRIDER_GRACE_PERIOD", "2m"},
        {"OUTRIDER_STATUS_SOCKET", "/run/s.sock"},
        {"OUTRIDER_STATUS_NOTIFY_SOCKET", "/run/n.sock"},
        {"OUTRIDER_STATUS_MODE", "0600"},
        {"OUTRIDER_STATUS_GROUP", "games"},
        {"OUTRIDER_STATUS_MIN_PUBLISH_INTERVAL", "1s"},
        {"OUTRIDER_DRAIN_DEADLINE", "1h"},
        {"OUTRIDER_DRAIN_SETTLE", "1s"},
        {"OUTRIDER_SHUTDOWN_DRAIN", "true"},
        {"OUTRIDER_SHUTDOWN_LINGER", "1s"},
        {"OUTRIDER_SHUTDOWN_TIMEOUT", "9s"},
        {"OUTRIDER_HTTP_LISTEN", "tls://0.0.0.0:7117, unix:/run/front.sock, unix:/run/http.sock"},
        {"OUTRIDER_HTTP_TLS_CERT_FILE", "/run/secrets/http.crt"},
        {"OUTRIDER_HTTP_TLS_KEY_FILE", "/run/secrets/http.key"},
        {"OUTRIDER_HTTP_TLS_CLIENT_CA_FILE", "/run/secrets/people.crt"},
        {"OUTRIDER_HTTP_PROXY_HEADER", "X-Forwarded-User"},
        {"OUTRIDER_HTTP_PROXY_SOCKET", "/run/front.sock"},
        {"OUTRIDER_HTTP_PUBLIC_URL", "https://fleet.example"},
        {"OUTRIDER_HTTP_TOKEN_FILE", "/run/secrets/token"},
        {"OUTRIDER_HTTP_ACCESS_FILE", "/etc/outrider/access"},
        {"OUTRIDER_HTTP_SESSION_KEY_FILE", "/run/secrets/session.key"},
        {"OUTRIDER_HTTP_READ", "login"},
        {"OUTRIDER_STATUS_ACCEPT", "say,map.*"},
        {"OUTRIDER_STATUS_CALL", "world,lobby"},
        {"OUTRIDER_HTTP_HOSTS", "observer.example,outrider"},
        {"OUTRIDER_HTTP_MAX_CONNECTIONS", "10"},
        {"OUTRIDER_HTTP_MAX_SUBSCRIBERS", "10"},
        {"OUTRIDER_HTTP_PEER_SHARE", "100"},
        {"OUTRIDER_HTTP_MAX_WAITING", "10MB"},
        {"OUTRIDER_HTTP_IDLE_TIMEOUT", "2m"},
        {"OUTRIDER_DNS_LISTEN", "127.0.0.1:8600"},
        {"OUTRIDER_DNS_DOMAIN", "game.example."},
        {"OUTRIDER_DNS_TTL", "0s"},
        {"OUTRIDER_DNS_ANSWERS", "4"},
        {"OUTRIDER_DNS_MAX_CONNECTIONS", "10"},
        {"OUTRIDER_VIEW_MODE", "always"},
        {"OUTRIDER_VIEW_IDLE", "1m"},
        {"OUTRIDER_VIEW_SIGN_KEYS", "/run/secrets/sign.pub,/run/secrets/next.pub"},
        {"OUTRIDER_VIEW_REQUIRE_SIGNED", "true"},
        {"OUTRIDER_HISTORY", "on"},
        {"OUTRIDER_LEADER", "auto,lobby"},
        {"OUTRIDER_SESSIONS_STORE", "memory"},
        {"OUTRIDER_SESSIONS_TTL", "1h"},
        {"OUTRIDER_SESSIONS_RECONNECT_GRACE", "1m"},
        {"OUTRIDER_SESSIONS_MAX", "1000"},
        {"OUTRIDER_SESSIONS_REDIS_ENDPOINTS", "rediss://redis-1:6379,rediss://redis-2:6379"},
        {"OUTRIDER_SESSIONS_REDIS_MODE", "sentinel"},
        {"OUTRIDER_SESSIONS_REDIS_MASTER_NAME", "games"},
        {"OUTRIDER_SESSIONS_REDIS_USERNAME", "outrider"},
        {"OUTRIDER_SESSIONS_REDIS_PASSWORD_FILE", "/run/secrets/redis"},
        {"OUTRIDER_SESSIONS_REDIS_TLS_CA_FILE", "/run/secrets/redis-ca.crt"},
        {"OUTRIDER_SESSIONS_REDIS_TLS_CERT_FILE", "/run/secrets/redis.crt"},
        {"OUTRIDER_SESSIONS_REDIS_TLS_KEY_FILE", "/run/secrets/redis.key"},
        {"OUTRIDER_SESSIONS_REDIS_TLS_SERVER_NAME", "redis"},
        {"OUTRIDER_SESSIONS_REDIS_NAMESPACE", "games"},
        {"OUTRIDER_LOG_LEVEL", "warn"},
        {"OUTRIDER_LOG_FORMAT", "json"},
        {"OUTRIDER_CORE_DUMPS", "true"},
        {"OUTRIDER_STATE_DIR", "/var/lib/outrider"},
        {"OUTRIDER_SANDBOX", "required"},
        {NULL, NULL},
    };
    struct buf text = {0};
    struct config plain, config;
    const struct setting *changed[SETTINGS_MAX];
    (void)state;
    read_text("conf/container.yaml", &text);
    load("conf/container.yaml", buf_view(&text), all, &config);
    load_plain(all, &plain);
    /* all but registry.backend, of which there is one, and hooks, which are more than text */
    assert_int_equal(config_diff(&plain, &config, changed), settings_of_file.count - 2);
    config_fini(&config);
    config_fini(&plain);
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outrider_yaml),
        cmocka_unit_test(test_outrider_yaml_defaults),
        cmocka_unit_test(test_container_defaults),
        cmocka_unit_test(test_container_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
