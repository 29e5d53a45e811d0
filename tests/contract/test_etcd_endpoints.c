/* The etcd backend on endpoints that fail, beside a real cluster of three: run by tests/support/with-etcd
 * --nodes 3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "subject.h"

#include "outrider/base/attr.h"
#include "outrider/base/error.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NODES = 3 };

static char good[NODES][64];

/* A TCP port of loopback that is ours until `fd` is closed: bound it refuses, listening it is silent. */
struct port {
    int fd;
    char url[64];
};

static void port_open(struct port *port, bool listening)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    port->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(port->fd >= 0);
    assert_int_equal(bind(port->fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(port->fd, (struct sockaddr *)&address, &size), 0);
    if (listening) {
        assert_int_equal(listen(port->fd, 16), 0);
    }
    snprintf(port->url, sizeof(port->url), "http://127.0.0.1:%d", ntohs(address.sin_port));
}

/* A listener whose queue is full drops every further SYN: nothing ever connects. */
static void port_fill(struct port *port, int fillers[8])
{
    struct sockaddr_in address;
    socklen_t size = sizeof(address);
    assert_int_equal(listen(port->fd, 0), 0);
    assert_int_equal(getsockname(port->fd, (struct sockaddr *)&address, &size), 0);
    for (int i = 0; i < 8; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)!connect(fillers[i], (struct sockaddr *)&address, size);
    }
}

static void open_on(struct subject *subject, const char *first, const char *second)
{
    char endpoints[256];
    snprintf(endpoints, sizeof(endpoints), "%s%s%s", first, second == NULL ? "" : ",",
             second == NULL ? "" : second);
    subject_open(subject, endpoints);
}

static struct registry_request about_key(enum registry_op op, struct str key, int64_t timeout_ms)
{
    return (struct registry_request){.op = op, .key = key, .timeout_ms = timeout_ms};
}

static struct registry_request get(struct str key, int64_t timeout_ms)
{
    return about_key(REGISTRY_GET, key, timeout_ms);
}

static void expect_error(const struct registry_reply *reply, enum registry_failure failure, const char *text)
{
    assert_string_equal(registry_failure_name(reply->failure), registry_failure_name(failure));
    assert_int_equal(reply->error.size, strlen(text));
    assert_memory_equal(reply->error.data, text, reply->error.size);
}

static void an_error_names_operation_endpoint_and_cause(void **state)
{
    (void)state;
    struct subject subject;
    char text[256];
    open_on(&subject, good[0], NULL);
    snprintf(text, sizeof(text), "put on %s: etcdserver: requested lease not found", good[0]);
    expect_error(subject_put(&subject, fresh_key(), STR("x"), fresh_lease_id(), 0), REGISTRY_LEASE_LOST,
                 text);
    assert_true(str_eq(subject.reply.endpoint, str_of(good[0])));
    subject_close(&subject);
}

static void a_refused_endpoint_costs_nothing(void **state)
{
    (void)state;
    struct subject subject;
    struct port refused;
    port_open(&refused, false);
    open_on(&subject, refused.url, good[0]);
    assert_true(subject_put(&subject, fresh_key(), STR("x"), NO_LEASE, 0)->succeeded);
    assert_true(str_eq(subject.reply.endpoint, str_of(good[0])));
    assert_int_equal(subject.reply.error.size, 0);
    subject_close(&subject);
    close(refused.fd);
}

static void all_refused_is_certainly_not_done(void **state)
{
    (void)state;
    struct subject subject;
    struct port one, two;
    char text[256];
    port_open(&one, false);
    port_open(&two, false);
    open_on(&subject, one.url, two.url);
    for (int round = 0; round < 3; round++) {
        snprintf(text, sizeof(text), "put on %s: connection refused; on %s: connection refused", one.url,
                 two.url);
        expect_error(subject_put(&subject, fresh_key(), STR("x"), NO_LEASE, 0), REGISTRY_RETRY, text);
    }
    subject_close(&subject);
    close(one.fd);
    close(two.fd);
}

static void a_black_hole_leaves_time_for_the_next(void **state)
{
    (void)state;
    struct subject subject;
    struct port hole;
    int fillers[8];
    port_open(&hole, true);
    port_fill(&hole, fillers);
    open_on(&subject, hole.url, good[0]);
    subject_do(&subject, get(STR("k"), 2000));
    assert_true(str_eq(subject.reply.endpoint, str_of(good[0])));
    subject_close(&subject);
    for (int i = 0; i < 8; i++) {
        close(fillers[i]);
    }
    close(hole.fd);
}

/* It took the request and does not answer: whether it was done is unknown, so a write is reported and not
 * repeated. What is harmless to repeat is asked of the next. */
static void a_silent_endpoint_costs_one_attempt(void **state)
{
    (void)state;
    struct subject subject;
    struct port silent;
    port_open(&silent, true);
    open_on(&subject, silent.url, good[0]);
    struct registry_request delete = about_key(REGISTRY_DELETE, fresh_key(), 200);
    const struct registry_reply *reply = subject_ask(&subject, delete);
    assert_int_equal(reply->failure, REGISTRY_UNKNOWN);
    assert_true(str_eq(reply->endpoint, str_of(silent.url)));
    assert_int_equal(reply->cluster, 0);
    subject_do(&subject, get(STR("k"), 0));
    assert_true(str_eq(subject.reply.endpoint, str_of(good[0])));
    subject_close(&subject);

    open_on(&subject, silent.url, good[0]);
    struct registry_request revoke = {.op = REGISTRY_REVOKE, .lease = fresh_lease_id(), .timeout_ms = 2000};
    assert_int_equal(subject_ask(&subject, revoke)->failure, REGISTRY_OK);
    assert_true(str_eq(subject.reply.endpoint, str_of(good[0])));
    subject_close(&subject);

    open_on(&subject, silent.url, NULL);
    assert_int_equal(subject_ask(&subject, get(STR("k"), 100))->failure, REGISTRY_RETRY);
    subject_close(&subject);
    close(silent.fd);
}

static pid_t node_pid(int node)
{
    char path[512];
    int pid = 0;
    const char *folder = getenv("OUTRIDER_TEST_ETCD_DIR");
    assert_non_null(folder);
    snprintf(path, sizeof(path), "%s/%d/pid", folder, node + 1);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%d", &pid), 1);
    fclose(file);
    return pid;
}

/* Whatever a test came to, the next one finds every member awake. */
static int wake_all(void **state)
{
    (void)state;
    for (int i = 0; i < NODES; i++) {
        kill(node_pid(i), SIGCONT);
    }
    return 0;
}

/* Asks until it is answered: a member is gone, maybe the leader, and the rest have to elect. */
static void do_at_last(struct subject *subject, struct registry_request request)
{
    while (subject_ask(subject, request)->failure != REGISTRY_OK) {
        assert_in_range(subject->reply.failure, REGISTRY_RETRY, REGISTRY_UNKNOWN);
        subject_pass_time(subject);
    }
}

static void a_stopped_member_is_left_for_another(void **state)
{
    (void)state;
    struct subject subject;
    open_on(&subject, good[0], good[1]);
    subject_do(&subject, get(STR("k"), 0));
    assert_true(str_eq(subject.reply.endpoint, str_of(good[0])));
    uint64_t cluster = subject.reply.cluster;
    kill(node_pid(0), SIGSTOP);
    assert_int_equal(subject_ask(&subject, about_key(REGISTRY_DELETE, STR("k"), 400))->failure,
                     REGISTRY_UNKNOWN);
    assert_true(str_eq(subject.reply.endpoint, str_of(good[0])));
    assert_int_equal(subject.reply.cluster, cluster);
    do_at_last(&subject, get(STR("k"), 400));
    assert_true(str_eq(subject.reply.endpoint, str_of(good[1])));
    assert_int_equal(subject.reply.cluster, cluster);
    kill(node_pid(0), SIGCONT);
    subject_close(&subject);
}

/* Two of three are gone: the one left says so at once instead of after the 7 s it would wait by itself. */
static void without_a_quorum_nothing_is_done(void **state)
{
    (void)state;
    struct subject subject;
    open_on(&subject, good[0], NULL);
    do_at_last(&subject, get(STR("k"), 400));
    kill(node_pid(1), SIGSTOP);
    kill(node_pid(2), SIGSTOP);
    struct registry_request grant = {
        .op = REGISTRY_GRANT, .lease = fresh_lease_id(), .ttl_ms = 9000, .timeout_ms = 400};
    while (subject_ask(&subject, grant)->failure != REGISTRY_RETRY) {
        assert_int_not_equal(subject.reply.failure, REGISTRY_LEASE_LOST);
        grant.lease = fresh_lease_id();
        subject_pass_time(&subject);
    }
    struct registry_request keepalive = {.op = REGISTRY_KEEPALIVE, .lease = grant.lease, .timeout_ms = 400};
    assert_in_range(subject_ask(&subject, keepalive)->failure, REGISTRY_RETRY, REGISTRY_UNKNOWN);
    kill(node_pid(1), SIGCONT);
    kill(node_pid(2), SIGCONT);
    do_at_last(&subject, get(STR("k"), 400));
    subject_close(&subject);
}

int main(void)
{
    const char *list = getenv("OUTRIDER_TEST_ETCD");
    struct str rest = str_of(list);
    for (int i = 0; i < NODES; i++) {
        struct str one = str_split(rest, ',', &rest);
        if (one.size == 0) {
            fprintf(stderr, "run by tests/support/with-etcd --nodes %d\n", NODES);
            return 64;
        }
        snprintf(good[i], sizeof(good[i]), "%.*s", STR_ARG(one));
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_names_operation_endpoint_and_cause),
        cmocka_unit_test(a_refused_endpoint_costs_nothing),
        cmocka_unit_test(all_refused_is_certainly_not_done),
        cmocka_unit_test(a_black_hole_leaves_time_for_the_next),
        cmocka_unit_test(a_silent_endpoint_costs_one_attempt),
        cmocka_unit_test_teardown(a_stopped_member_is_left_for_another, wake_all),
        cmocka_unit_test_teardown(without_a_quorum_nothing_is_done, wake_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
