/* What an operator, other clients and faults do to a Consul with access rights: `with-consul --acl -- contract_consul_faults consul`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "watcher.h"

#include "outrider/base/attr.h"
#include "outrider/base/mem.h"
#include "outrider/codec/json/json_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char *directory, *token_path;
static struct buf said; /* by the last command */

/* Runs a command of the shell, in which `api METHOD PATH [ARGUMENT...]` is a request of the operator. */
static const char *operate(const char *format, ...)
{
    struct buf command = {0};
    char bytes[65536];
    va_list args;
    buf_printf(
        &command,
        "cd %s; U=${OUTRIDER_TEST_CONSUL%%%%,*}; api() { m=$1 p=$2; shift 2; curl -sS -H 'X-Consul-Token: "
        "root-token' -X $m \"$U/v1/$p\" \"$@\"; }; ",
        directory);
    va_start(args, format);
    buf_vprintf(&command, format, args);
    va_end(args);
    FILE *pipe = popen(buf_text(&command), "r");
    assert_non_null(pipe);
    size_t size = fread(bytes, 1, sizeof(bytes) - 1, pipe);
    assert_int_equal(pclose(pipe), 0);
    buf_clear(&said);
    buf_add(&said, bytes, size);
    buf_fini(&command);
    return buf_text(&said);
}

static bool says(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

static int policies;

/* Makes the file `policy`, the last policy made or a new one, with `rules`. */
static void write_policy(const char *rules)
{
    struct buf path = {0}, body = {0};
    struct json_writer json = {.out = &body};
    char name[16];
    snprintf(name, sizeof(name), "p-%d", policies);
    json_write_object(&json);
    json_member_text(&json, "Name", name);
    json_member_text(&json, "Rules", rules);
    json_write_object_end(&json);
    buf_printf(&path, "%s/policy", directory);
    FILE *file = fopen(buf_text(&path), "we");
    assert_non_null(file);
    fputs(buf_text(&body), file);
    fclose(file);
    buf_fini(&path);
    buf_fini(&body);
}

/* What the agent has is a token of its own, whose policy is `rules`; or that of the operator, where it is NULL. */
static void become(const char *rules)
{
    FILE *file = fopen(token_path, "we");
    assert_non_null(file);
    if (rules == NULL) {
        fprintf(file, "root-token\n");
    } else {
        policies++;
        write_policy(rules);
        operate("api PUT acl/policy -d @policy >policy.made; api PUT acl/token -d "
                "'{\"Policies\":[{\"Name\":\"p-%d\"}]}' >made; "
                "sed 's/.*\"SecretID\":\"\\([^\"]*\\)\".*/\\1/' made",
                policies);
        assert_int_equal(said.size, 36);
        fprintf(file, "%s\n", buf_text(&said));
    }
    fclose(file);
}

/* The policy of the agent's token is another one. */
static void change_policy(const char *rules)
{
    write_policy(rules);
    operate("api PUT acl/policy/$(sed 's/.*\"ID\":\"\\([^\"]*\\)\".*/\\1/' policy.made) -d @policy");
}

static int set_up(void **state)
{
    become(NULL);
    setenv("OUTRIDER_TEST_CONSUL_CATALOG", "/services", 1);
    setenv("OUTRIDER_TEST_CONSUL_TOKEN_FILE", token_path, 1);
    operate("api PUT catalog/register -d "
            "'{\"Node\":\"outrider\",\"Address\":\"192.0.2.9\",\"NodeMeta\":{\"external-node\":\"true\"}}'");
    return subject_set_up(state);
}

static const struct registry_reply *get(struct subject *subject, struct str key)
{
    return subject_ask(subject, (struct registry_request){.op = REGISTRY_GET, .key = key});
}

static const struct registry_reply *list(struct subject *subject)
{
    return subject_ask(subject, (struct registry_request){.op = REGISTRY_LIST,
                                                          .key = STR("/services/"),
                                                          .range_end = STR("/services0")});
}

static void expect(const struct registry_reply *reply, enum registry_failure failure, const char *text)
{
    if (reply->failure != failure || !says(reply->error.size == 0 ? "" : reply->error.data, text)) {
        fail_msg("%s: %.*s", registry_failure_name(reply->failure), STR_ARG(reply->error));
    }
}

#define RECORD(id, status)                                                                                   \
    "{\"id\":\"" id "\",\"type\":\"doom\",\"status\":\"" status "\",\"host\":\"10.0.0.5\",\"ports\":[8001]}"

static int64_t put(struct subject *subject, const char *key, const char *value, struct registry_lease lease,
                   int64_t revision)
{
    const struct registry_reply *reply = subject_put(subject, str_of(key), str_of(value), lease, revision);
    if (!reply->succeeded) {
        fail_msg("%s: %.*s", registry_failure_name(reply->failure), STR_ARG(reply->error));
    }
    return reply->revision;
}

static void remove_key(struct subject *subject, const char *key)
{
    int64_t revision = get(subject, str_of(key))->kv.mod_revision;
    subject_do(subject, (struct registry_request){
                            .op = REGISTRY_DELETE, .key = str_of(key), .expect_revision = revision});
}

/* ---- the catalog ---- */

static void a_record_is_a_service_while_it_is_there(void **state)
{
    struct subject *subject = *state;
    struct registry_lease lease = subject_lease(subject);
    int64_t revision = put(subject, "/services/doom/1", RECORD("1", "ready"), lease, 0);
    assert_true(says(operate("api GET 'health/service/doom?passing'"), "\"Address\":\"10.0.0.5\""));
    assert_true(says(buf_text(&said), "\"Port\":8001"));
    put(subject, "/services/doom/1", RECORD("1", "draining"), lease, revision);
    assert_string_equal(operate("api GET 'health/service/doom?passing'"), "[]");
    assert_true(says(operate("api GET catalog/service/doom"), "\"status\":\"draining\""));
    remove_key(subject, "/services/doom/1");
    assert_string_equal(operate("api GET catalog/service/doom"), "[]");
    put(subject, "/outrider/services/doom/1", "no record", NO_LEASE, 0);
    assert_string_equal(operate("api GET catalog/service/doom"), "[]");
    remove_key(subject, "/outrider/services/doom/1");
}

/* What a session that ends leaves behind is swept; what lives, and what is another program's, stays. */
static void an_observer_sweeps_services_without_a_record(void **state)
{
    struct subject *subject = *state;
    struct watcher watcher = {0};
    struct registry_lease dead = subject_lease(subject), living = subject_lease(subject);
    operate("api PUT txn -d "
            "'[{\"Service\":{\"Verb\":\"set\",\"Node\":\"outrider\",\"Service\":{\"ID\":\"web\",\"Service\":"
            "\"web\"}}}]'");
    put(subject, "/services/doom/1", RECORD("1", "ready"), dead, 0);
    put(subject, "/services/doom/2", RECORD("2", "ready"), living, 0);
    watcher_open(&watcher, subject, STR("/services/"), 0);
    subject_do(subject, (struct registry_request){.op = REGISTRY_REVOKE, .lease = dead});
    watcher_wait_changes(&watcher, 1);
    while (says(operate("api GET catalog/service/doom"), "doom/1")) {
        subject_pass_time(subject);
    }
    assert_true(says(buf_text(&said), "doom/2"));
    assert_true(says(operate("api GET catalog/service/web"), "\"web\""));
    watcher_close(&watcher);
    remove_key(subject, "/services/doom/2");
    watcher_fini(&watcher);
}

/* ---- faults ---- */

static void the_node_of_the_sessions_goes_and_all_leases_with_it(void **state)
{
    struct subject *subject = *state;
    struct watcher watcher = {0};
    struct registry_lease lease = subject_lease(subject);
    put(subject, "/services/doom/1", RECORD("1", "ready"), lease, 0);
    watcher_open(&watcher, subject, STR("/services/"), 0);
    operate("api PUT catalog/deregister -d '{\"Node\":\"outrider\"}'");
    watcher_wait_changes(&watcher, 1);
    assert_int_equal(watcher.text.data[0], '-');
    expect(subject_ask(subject, (struct registry_request){.op = REGISTRY_KEEPALIVE, .lease = lease}),
           REGISTRY_LEASE_LOST, "does not exist");
    struct registry_request grant = {.op = REGISTRY_GRANT, .ttl_ms = 10000};
    expect(subject_ask(subject, grant), REGISTRY_REFUSED, "register registry.consul.node once");
    expect(subject_put(subject, STR("/services/doom/1"), STR("{}"), lease, 0), REGISTRY_LEASE_LOST,
           "invalid session");
    watcher_fini(&watcher);
}

/* The index goes back, and revisions are given out twice: everything is read anew. */
static void a_snapshot_is_restored(void **state)
{
    struct subject *subject = *state;
    struct watcher watcher = {0}, again = {0};
    int64_t revision = put(subject, "/services/doom/1", RECORD("1", "ready"), NO_LEASE, 0);
    operate("api GET snapshot -o before");
    revision = put(subject, "/services/doom/1", RECORD("1", "draining"), NO_LEASE, revision);
    watcher_open(&watcher, subject, STR("/services/"), 0);
    int64_t listed = list(subject)->revision;
    assert_true(listed >= revision);
    operate("api PUT snapshot --data-binary @before");
    watcher_wait_ended(&watcher);
    assert_true(watcher.ending.read_anew);
    assert_int_equal(watcher.changes, 0);
    const struct registry_reply *now = list(subject);
    assert_int_equal(now->failure, REGISTRY_OK);
    assert_true(now->revision < listed); /* which is how an observer knows */
    assert_true(says(now->items[0].kv.value.data, "ready"));
    watcher_open(&again, subject, STR("/services/"), now->revision + 1);
    remove_key(subject, "/services/doom/1");
    watcher_wait_changes(&again, 1);
    watcher_fini(&watcher);
    watcher_fini(&again);
}

static void a_token_is_revoked_and_another_one_is_read_from_its_file(void **state)
{
    struct subject *subject = *state;
    become("key_prefix \"\" { policy = \"write\" }");
    subject_close(subject);
    subject_open(subject, getenv("OUTRIDER_TEST_CONSUL"));
    assert_int_equal(get(subject, STR("/services/doom/1"))->failure, REGISTRY_OK);
    operate("api DELETE acl/token/$(sed 's/.*\"AccessorID\":\"\\([^\"]*\\)\".*/\\1/' made)");
    const struct registry_reply *reply = get(subject, STR("/services/doom/1"));
    while (reply->failure == REGISTRY_OK) { /* servers remember tokens for a while */
        subject_pass_time(subject);
        reply = get(subject, STR("/services/doom/1"));
    }
    expect(reply, REGISTRY_DENIED, "ACL not found");
    become(NULL);
    assert_int_equal(get(subject, STR("/services/doom/1"))->failure, REGISTRY_OK);
}

/* Reading a prefix without the right is no error to Consul: nothing is there. */
static void a_right_that_is_taken_away_is_no_empty_fleet(void **state)
{
    static const char policy[] =
        "key \"outrider/id\" { policy = \"read\" } key_prefix \"services/\" { policy = \"read\" }";
    struct subject *subject = *state;
    struct watcher watcher = {0};
    int64_t revision = put(subject, "/services/doom/1", RECORD("1", "ready"), NO_LEASE, 0);
    become(policy);
    subject_close(subject);
    subject_open(subject, getenv("OUTRIDER_TEST_CONSUL"));
    assert_int_equal(list(subject)->item_count, 1);
    watcher_open(&watcher, subject, STR("/services/"), 0);
    change_policy("key \"outrider/id\" { policy = \"read\" }");
    for (int i = 0; !watcher.ended; i++) { /* the question that is open has the rights it began with */
        operate("api PUT kv/services/doom/2 -d %d", i);
        subject_pass_time(subject);
    }
    assert_int_equal(watcher.ending.failure, REGISTRY_DENIED);
    assert_false(says(buf_text(&watcher.text), "-"));
    expect(list(subject), REGISTRY_DENIED, "another right");
    expect(get(subject, STR("/services/doom/1")), REGISTRY_DENIED, "may not read");
    expect(get(subject, STR("/services/doom/9")), REGISTRY_DENIED, "another right");
    become(NULL);
    assert_int_equal(get(subject, STR("/services/doom/1"))->kv.mod_revision, revision);
    remove_key(subject, "/services/doom/1");
    remove_key(subject, "/services/doom/2");
    watcher_fini(&watcher);
}

/* The same address, another store: one that answers well, with other keys. */
static void another_store_answers(void **state)
{
    struct subject *subject = *state;
    struct watcher watcher = {0};
    int64_t revision = put(subject, "/services/doom/1", RECORD("1", "ready"), NO_LEASE, 0);
    uint64_t cluster = subject->reply.cluster;
    watcher_open(&watcher, subject, STR("/services/"), 0);
    operate(
        "api PUT kv/outrider/id -d 0123456789abcdef >/dev/null; api DELETE kv/services/doom/1 >/dev/null");
    watcher_wait_ended(&watcher);
    assert_true(watcher.ending.read_anew);
    assert_int_equal(watcher.changes, 0);
    const struct registry_reply *reply =
        subject_put(subject, STR("/services/doom/1"), STR("{}"), NO_LEASE, revision);
    assert_int_equal(reply->failure, REGISTRY_OK);
    assert_false(reply->succeeded);
    assert_false(reply->kv.found);
    assert_int_equal(reply->cluster, 0x0123456789abcdef);
    assert_int_not_equal(reply->cluster, cluster);
    operate("api PUT kv/outrider/id -d fedcba >/dev/null");
    assert_int_equal(list(subject)->cluster, 0xfedcba);
    watcher_fini(&watcher);
}

/* As docs/registries.md has it. */
static void the_least_rights_are_enough(void **state)
{
    struct subject *subject = *state;
    struct watcher watcher = {0};
    assert_int_equal(get(subject, STR("/services/doom/1"))->failure, REGISTRY_OK); /* the store has its id */
    become("key \"services/doom/1\" { policy = \"write\" } key \"outrider/services/control/doom/1\" { policy "
           "= \"write\" } "
           "key_prefix \"services/\" { policy = \"read\" } key_prefix \"outrider/services/\" { policy = "
           "\"read\" } "
           "key \"outrider/id\" { policy = \"read\" } session \"outrider\" { policy = \"write\" } "
           "service \"doom\" { policy = \"write\" }");
    subject_close(subject);
    subject_open(subject, getenv("OUTRIDER_TEST_CONSUL"));
    struct str key = STR("/services/doom/1");
    struct registry_lease lease = subject_lease(subject);
    int64_t revision = put(subject, "/services/doom/1", RECORD("1", "ready"), lease, 0);
    watcher_open(&watcher, subject, STR("/services/"), 0);
    put(subject, "/services/doom/1", RECORD("1", "draining"), lease, revision);
    watcher_wait_changes(&watcher, 1);
    subject_do(subject, (struct registry_request){.op = REGISTRY_KEEPALIVE, .lease = lease});
    assert_int_equal(
        subject_ask(subject, (struct registry_request){.op = REGISTRY_PROVE, .key = key})->failure,
        REGISTRY_OK);
    expect(
        subject_ask(subject, (struct registry_request){.op = REGISTRY_PROVE, .key = STR("/services/doom/2")}),
        REGISTRY_DENIED, "another right");
    assert_true(
        subject_do(subject, (struct registry_request){.op = REGISTRY_COMPARE,
                                                      .key = STR("/services/doom/2"),
                                                      .range_end = STR("/outrider/services/control/doom/1")})
            ->succeeded);
    expect(subject_put(subject, STR("/services/doom/2"), STR("{}"), lease, 0), REGISTRY_DENIED,
           "another right");
    remove_key(subject, "/services/doom/1");
    subject_do(subject, (struct registry_request){.op = REGISTRY_REVOKE, .lease = lease});
    watcher_fini(&watcher);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, subject_tear_down)

int main(int argc, char **argv)
{
    char folder[] = "/tmp/outrider-consul-test-XXXXXX", token[64];
    if (!subject_chosen(argc, argv, NULL) || mkdtemp(folder) == NULL) {
        return 64;
    }
    directory = folder;
    snprintf(token, sizeof(token), "%s/token", folder);
    token_path = token;
    const struct CMUnitTest tests[] = {
        TEST(a_record_is_a_service_while_it_is_there),
        TEST(an_observer_sweeps_services_without_a_record),
        TEST(the_node_of_the_sessions_goes_and_all_leases_with_it),
        TEST(a_snapshot_is_restored),
        TEST(a_token_is_revoked_and_another_one_is_read_from_its_file),
        TEST(a_right_that_is_taken_away_is_no_empty_fleet),
        TEST(the_least_rights_are_enough),
        TEST(another_store_answers),
    };
    int failed = cmocka_run_group_tests_name(argv[1], tests, NULL, NULL);
    operate("rm -f before token made policy policy.made; rmdir %s", directory);
    buf_fini(&said);
    return failed;
}
