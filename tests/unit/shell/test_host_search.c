/* What server.host comes to: interfaces of this machine, names by the hosts file and a name server of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/error.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/net/resolver.h"
#include "outrider/shell/host_search.h"
#include "support/temp_dir.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct temp_dir dir;
static struct loop *loop;
static struct resolver *resolver;
static int server; /* the name server's socket */
static char resolv_conf[256], hosts[256];

struct answers {
    unsigned count;
    bool done, unsure, first_unsure;
    char host[64], absent[64], reason[256], from[32];
};

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int setup(void **state)
{
    (void)state;
    struct error err;
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(name);
    loop = loop_new(&err);
    server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (loop == NULL || temp_dir_init(&dir) < 0 || bind(server, (struct sockaddr *)&name, size) < 0 ||
        getsockname(server, (struct sockaddr *)&name, &size) < 0) {
        return -1;
    }
    snprintf(resolv_conf, sizeof(resolv_conf), "%s", temp_path(&dir, "resolv.conf"));
    snprintf(hosts, sizeof(hosts), "%s", temp_path(&dir, "hosts"));
    setenv("CARES_HOSTS", hosts, 1);
    write_file(hosts, "192.0.2.7 game1\n");
    write_file(resolv_conf, "nameserver 127.0.0.1\n");
    resolver = resolver_new(
        loop, &(struct resolver_options){.resolv_conf = resolv_conf, .server_port = ntohs(name.sin_port)});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    resolver_free(resolver);
    loop_free(loop);
    close(server);
    return temp_dir_fini(&dir);
}

static void on_host(const struct host_answer *answer, void *user)
{
    struct answers *answers = user;
    answers->first_unsure = answers->count++ == 0 ? answer->unsure : answers->first_unsure;
    answers->done = answer->is_last;
    answers->unsure = answer->unsure;
    snprintf(answers->host, sizeof(answers->host), "%s", answer->host == NULL ? "none" : answer->host);
    snprintf(answers->absent, sizeof(answers->absent), "%s", answer->absent == NULL ? "" : answer->absent);
    snprintf(answers->reason, sizeof(answers->reason), "%s", answer->reason);
    snprintf(answers->from, sizeof(answers->from), "%s", answer->from);
}

/* Answers every query with `rcode`; 3: there is no such name. */
static void answer_queries(uint8_t rcode)
{
    uint8_t message[600];
    struct sockaddr_in from;
    socklen_t size = sizeof(from);
    ssize_t got;
    while ((got = recvfrom(server, message, sizeof(message), MSG_DONTWAIT, (struct sockaddr *)&from, &size)) >
           12) {
        message[2] |= 0x80;
        message[3] = (uint8_t)(0x80 | rcode);
        assert_int_equal(sendto(server, message, (size_t)got, 0, (struct sockaddr *)&from, size), got);
    }
}

static struct answers search_for(const char *configured, uint8_t rcode)
{
    struct answers answers = {0};
    struct host_search *search = host_search_new(loop, resolver, on_host, &answers);
    host_search_start(search, configured);
    assert_int_equal(answers.count, 1); /* from within */
    while (!answers.done) {
        loop_turn_once(loop, false);
        answer_queries(rcode);
        (void)poll(NULL, 0, 1);
    }
    host_search_free(search);
    return answers;
}

static void what_is_published_as_written(void **state)
{
    (void)state;
    static const char *const rows[] = {"192.0.2.7", "2001:db8::7", "game.example.com", "localhost",
                                       "a-name-too-long-for-it"};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct answers answers = search_for(rows[i], 3);
        assert_string_equal(answers.host, rows[i]);
        assert_string_equal(answers.from, "configuration");
        assert_int_equal(answers.count, 1);
        assert_false(answers.unsure);
    }
}

static void only_what_may_be_an_interface_follows_the_network(void **state)
{
    (void)state;
    static const char *const with[] = {"auto", "lo", "wg9", "eth9.100", "br.game", "game1"};
    static const char *const without[] = {"192.0.2.7", "2001:db8::7", "localhost", "game.example.com",
                                          "a-name-too-long-for-it"};
    for (size_t i = 0; i < COUNT_OF(with); i++) {
        assert_true(host_search_follows(with[i]));
    }
    for (size_t i = 0; i < COUNT_OF(without); i++) {
        assert_false(host_search_follows(without[i]));
    }
}

static void an_interface_gives_its_address(void **state)
{
    (void)state;
    struct answers answers = search_for("lo", 3);
    assert_string_equal(answers.from, "interface");
    assert_string_not_equal(answers.host, "lo");
    assert_string_not_equal(answers.host, "none");
}

static void an_interface_that_does_not_exist_yet_gives_none(void **state)
{
    (void)state;
    static const char *const words[] = {"wg9", "eth9.100", "an-interface-15"};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        struct answers answers = search_for(words[i], 3);
        assert_true(answers.first_unsure);
        assert_false(answers.unsure);
        assert_int_equal(answers.count, 2);
        assert_string_equal(answers.host, "none");
        assert_string_equal(answers.absent, words[i]);
        assert_string_equal(answers.reason, "");
    }
}

static void a_short_name_that_is_resolved_is_a_name(void **state)
{
    (void)state;
    struct answers answers = search_for("game1", 3);
    assert_string_equal(answers.host, "game1");
    assert_string_equal(answers.absent, "");
    assert_string_equal(answers.from, "configuration");
}

static void a_name_server_that_fails_says_nothing(void **state)
{
    (void)state;
    struct answers answers = search_for("wg9", 5);
    assert_true(answers.unsure);
    assert_string_equal(answers.absent, "wg9");
    assert_string_equal(answers.reason,
                        "and as a name it is not resolved: the name server refused the query");
}

static void without_a_file_for_the_kernel_nothing_is_known(void **state)
{
    (void)state;
    static const char *const words[] = {"auto", "lo", "wg9"};
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        struct answers answers = {0};
        struct host_search *search = host_search_new(loop, resolver, on_host, &answers);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, before.rlim_max}), 0);
        host_search_start(search, words[i]);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        host_search_free(search);
        assert_int_equal(answers.count, 1);
        assert_true(answers.done);
        assert_true(answers.unsure);
        assert_string_equal(answers.host, "none");
        assert_string_equal(answers.absent, "");
        assert_non_null(strstr(answers.reason, "Too many open files"));
    }
}

static void a_second_search_ends_the_first(void **state)
{
    (void)state;
    struct answers answers = {0};
    struct host_search *search = host_search_new(loop, resolver, on_host, &answers);
    host_search_start(search, "wg9");
    host_search_start(search, "192.0.2.7");
    for (unsigned i = 0; i < 20; i++) {
        loop_turn_once(loop, false);
        answer_queries(3);
    }
    assert_int_equal(answers.count, 2);
    assert_string_equal(answers.host, "192.0.2.7");
    host_search_start(search, "wg9");
    host_search_free(search);
    host_search_free(NULL);
    loop_turn_once(loop, false);
    assert_int_equal(answers.count, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_published_as_written, setup, teardown),
        cmocka_unit_test_setup_teardown(only_what_may_be_an_interface_follows_the_network, setup, teardown),
        cmocka_unit_test_setup_teardown(an_interface_gives_its_address, setup, teardown),
        cmocka_unit_test_setup_teardown(an_interface_that_does_not_exist_yet_gives_none, setup, teardown),
        cmocka_unit_test_setup_teardown(a_short_name_that_is_resolved_is_a_name, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_server_that_fails_says_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_file_for_the_kernel_nothing_is_known, setup, teardown),
        cmocka_unit_test_setup_teardown(a_second_search_ends_the_first, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
