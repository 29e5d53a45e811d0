/* Look-ups against name servers of our own on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "name_server.h"
#include "outrider/base/error.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/net/resolver.h"
#include "support/temp_dir.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SERVERS = 3, TIMEOUT_MS = 2000, SHORT_MS = 200, PORT = 8001 };

static struct temp_dir dir;
static struct loop *loop;
static struct resolver *resolver;
static struct name_server servers[SERVERS];
static char resolv_conf[256], hosts[256];

struct found {
    int calls;
    enum resolver_status status;
    char addresses[RESOLVER_ADDRESSES_MAX][INET6_ADDRSTRLEN];
    size_t count;
    char error[64];
};

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void use_servers(unsigned first, unsigned last)
{
    char text[128] = "";
    for (unsigned i = first; i <= last; i++) {
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "nameserver 127.0.0.%u\n", i);
    }
    write_file(resolv_conf, text);
}

static int setup(void **state)
{
    (void)state;
    struct error err;
    loop = loop_new(&err);
    if (loop == NULL || temp_dir_init(&dir) < 0) {
        return -1;
    }
    snprintf(resolv_conf, sizeof(resolv_conf), "%s", temp_path(&dir, "resolv.conf"));
    snprintf(hosts, sizeof(hosts), "%s", temp_path(&dir, "hosts"));
    setenv("CARES_HOSTS", hosts, 1);
    uint16_t port = name_servers_open(servers, SERVERS, loop);
    resolver =
        resolver_new(loop, &(struct resolver_options){.resolv_conf = resolv_conf, .server_port = port});
    use_servers(1, 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    resolver_free(resolver);
    for (unsigned i = 0; i < SERVERS; i++) {
        name_server_close(&servers[i]);
    }
    loop_free(loop);
    return temp_dir_fini(&dir);
}

static void on_found(const struct resolver_answer *answer, void *user)
{
    struct found *found = user;
    found->calls++;
    found->status = answer->status;
    found->count = answer->count;
    snprintf(found->error, sizeof(found->error), "%s", answer->error);
    for (size_t i = 0; i < answer->count; i++) {
        const struct sockaddr_storage *address = &answer->addresses[i];
        bool v4 = address->ss_family == AF_INET;
        const struct sockaddr_in *in = (const struct sockaddr_in *)address;
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
        inet_ntop(address->ss_family, v4 ? (const void *)&in->sin_addr : &in6->sin6_addr, found->addresses[i],
                  INET6_ADDRSTRLEN);
        assert_int_equal(ntohs(v4 ? in->sin_port : in6->sin6_port), PORT);
    }
}

static struct found look_up_within(const char *host, int64_t timeout_ms)
{
    struct found found = {0};
    assert_non_null(resolver_look_up(resolver, host, PORT, timeout_ms, on_found, &found));
    assert_int_equal(found.calls, 0);
    while (found.calls == 0) {
        loop_turn_once(loop, true);
    }
    loop_turn_once(loop, false);
    assert_int_equal(found.calls, 1);
    return found;
}

static void assert_found(const char *host, const char *address)
{
    struct found found = look_up_within(host, TIMEOUT_MS);
    assert_int_equal(found.status, RESOLVER_FOUND);
    assert_string_equal(found.error, "");
    assert_int_equal(found.count, 1);
    assert_string_equal(found.addresses[0], address);
}

static void assert_fails(const char *host, enum resolver_status status, const char *error)
{
    struct found found = look_up_within(host, SHORT_MS);
    assert_int_equal(found.status, status);
    assert_int_equal(found.count, 0);
    assert_string_equal(found.error, error);
}

static void addresses_need_no_look_up(void **state)
{
    (void)state;
    struct sockaddr_storage addresses[RESOLVER_ADDRESSES_MAX];
    assert_int_equal(resolver_literal("localhost", PORT, addresses), 2);
    assert_int_equal(addresses[0].ss_family, AF_INET);
    assert_int_equal(addresses[1].ss_family, AF_INET6);
    assert_int_equal(resolver_literal("game.test", PORT, addresses), 0);
    assert_int_equal(resolver_literal("", PORT, addresses), 0);
    assert_found("192.0.2.7", "192.0.2.7");
    assert_found("2001:db8::7", "2001:db8::7");
    assert_int_equal(look_up_within("localhost", TIMEOUT_MS).count, 2);
    assert_int_equal(servers[0].asked, 0);
}

static void the_hosts_file_counts_without_a_name_server(void **state)
{
    (void)state;
    write_file(hosts, "192.0.2.1 game.test\n2001:db8::1 six.test\n");
    write_file(resolv_conf, "# nothing\n");
    assert_found("game.test", "192.0.2.1");
    assert_found("six.test", "2001:db8::1");
    assert_int_equal(unlink(resolv_conf), 0);
    assert_found("game.test", "192.0.2.1");
    assert_int_equal(servers[0].asked, 0);
}

static void without_a_name_server_line_it_is_127_0_0_1(void **state)
{
    (void)state;
    write_file(resolv_conf, "");
    assert_found("game.test", "127.0.0.1");
    name_server_close(&servers[0]);
    assert_fails("other.test", RESOLVER_FAILED, "the name server cannot be reached");
}

static void changed_files_count_for_the_next_look_up(void **state)
{
    (void)state;
    assert_found("game.test", "127.0.0.1");
    write_file(hosts, "192.0.2.1 game.test\n");
    assert_found("game.test", "192.0.2.1");
    write_file(hosts, "192.0.2.2 other.test game.test\n");
    assert_found("game.test", "192.0.2.2");
    write_file(hosts, "");
    use_servers(2, 2);
    assert_found("game.test", "127.0.0.2");
}

static void the_search_list_is_walked(void **state)
{
    (void)state;
    char text[128];
    snprintf(text, sizeof(text), "nameserver 127.0.0.1\nsearch fleet.test\n");
    write_file(resolv_conf, text);
    assert_found("game", "127.0.0.1");
    assert_string_equal(servers[0].first_name, "game.fleet.test");
}

/* The next server is asked, and from then on first. */
static void assert_passed_over(unsigned dead)
{
    assert_found("game.test", servers[0].number == dead ? "127.0.0.2" : "127.0.0.1");
    unsigned asked = servers[dead - 1].asked;
    assert_int_equal(look_up_within("game.test", TIMEOUT_MS).status, RESOLVER_FOUND);
    assert_int_equal(servers[dead - 1].asked, asked);
}

static void a_silent_server_is_passed_over_and_remembered(void **state)
{
    (void)state;
    use_servers(1, 2);
    servers[0].mode = NAME_SERVER_SILENT;
    assert_passed_over(1);
    assert_true(servers[0].asked > 0);
}

static void a_refusal_is_not_waited_for(void **state)
{
    (void)state;
    static const enum name_server_mode modes[] = {NAME_SERVER_REFUSES, NAME_SERVER_FAILS, NAME_SERVER_GARBAGE,
                                                  NAME_SERVER_CUT};
    use_servers(1, 2);
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        servers[0].mode = modes[i];
        servers[1].mode = NAME_SERVER_ANSWERS;
        assert_passed_over(1);
        servers[1].mode = NAME_SERVER_REFUSES; /* back to the first one, by the same rule */
        servers[0].mode = NAME_SERVER_ANSWERS;
        assert_passed_over(2);
    }
    name_server_close(&servers[0]);
    servers[1].mode = NAME_SERVER_ANSWERS;
    assert_passed_over(1);
}

static void silent_then_refusing(void **state)
{
    (void)state;
    use_servers(1, 2);
    servers[0].mode = NAME_SERVER_SILENT;
    servers[1].mode = NAME_SERVER_REFUSES;
    assert_fails("game.test", RESOLVER_FAILED, "the name server refused the query");
    assert_true(servers[0].asked > 0 && servers[1].asked > 0);
    servers[0].mode = NAME_SERVER_REFUSES;
    servers[1].mode = NAME_SERVER_ANSWERS;
    assert_found("game.test", "127.0.0.2");
}

static void two_dead_of_three(void **state)
{
    (void)state;
    use_servers(1, 3);
    for (unsigned alive = 0; alive < SERVERS; alive++) {
        char address[16];
        for (unsigned i = 0; i < SERVERS; i++) {
            servers[i].mode = i == alive ? NAME_SERVER_ANSWERS : NAME_SERVER_SILENT;
        }
        snprintf(address, sizeof(address), "127.0.0.%u", alive + 1);
        struct found found = look_up_within(address + 4, TIMEOUT_MS / 2); /* a name of its own each time */
        assert_int_equal(found.status, RESOLVER_FOUND);
        assert_string_equal(found.addresses[0], address);
    }
}

static void one_dead_of_three(void **state)
{
    (void)state;
    use_servers(1, 3);
    servers[0].mode = NAME_SERVER_SILENT;
    assert_passed_over(1);
    servers[0].mode = NAME_SERVER_ANSWERS;
    servers[1].mode = NAME_SERVER_SILENT;
    struct found found = look_up_within("other.test", TIMEOUT_MS / 2);
    assert_int_equal(found.status, RESOLVER_FOUND);
    assert_string_equal(found.addresses[0], "127.0.0.3");
}

static void what_one_family_answered_is_used(void **state)
{
    (void)state;
    servers[0].v6s = 1;
    servers[0].mode = NAME_SERVER_SWALLOWS_AAAA;
    assert_found("game.test", "127.0.0.1");
    servers[0].mode = NAME_SERVER_SWALLOWS_A;
    assert_found("game.test", "fd00::1:1");
    servers[0].mode = NAME_SERVER_ANSWERS;
    struct found found = look_up_within("game.test", TIMEOUT_MS);
    assert_int_equal(found.count, 2);
    assert_string_equal(found.addresses[0], "127.0.0.1");
    assert_string_equal(found.addresses[1], "fd00::1:1");
}

static void the_last_good_addresses_are_kept(void **state)
{
    (void)state;
    assert_found("game.test", "127.0.0.1");
    servers[0].mode = NAME_SERVER_SILENT;
    struct found found = look_up_within("game.test", SHORT_MS);
    assert_int_equal(found.status, RESOLVER_OLD);
    assert_int_equal(found.count, 1);
    assert_string_equal(found.addresses[0], "127.0.0.1");
    assert_string_equal(found.error, "no name server answered");
    assert_fails("other.test", RESOLVER_FAILED, "no name server answered");
    name_server_close(&servers[0]);
    found = look_up_within("game.test", SHORT_MS);
    assert_int_equal(found.status, RESOLVER_OLD);
    assert_string_equal(found.error, "the name server cannot be reached");
    use_servers(2, 2);
    assert_found("game.test", "127.0.0.2");
}

static void of_many_names_the_least_used_is_forgotten(void **state)
{
    (void)state;
    char name[32];
    assert_found("first.test", "127.0.0.1");
    for (unsigned i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "game-%u.test", i);
        assert_found(name, "127.0.0.1");
    }
    name_server_close(&servers[0]);
    assert_int_equal(look_up_within("game-39.test", SHORT_MS).status, RESOLVER_OLD);
    assert_int_equal(look_up_within("first.test", SHORT_MS).status, RESOLVER_FAILED);
}

static void a_name_that_does_not_exist_is_an_answer(void **state)
{
    (void)state;
    assert_found("game.test", "127.0.0.1");
    servers[0].mode = NAME_SERVER_NO_SUCH_NAME;
    assert_fails("game.test", RESOLVER_NOT_FOUND, "no such name");
    servers[0].mode = NAME_SERVER_SILENT;
    assert_fails("game.test", RESOLVER_FAILED, "no name server answered"); /* nothing is kept of it */
    servers[0].mode = NAME_SERVER_NO_ADDRESS;
    assert_fails("game.test", RESOLVER_NOT_FOUND, "the name has no address");
    assert_fails("game..test", RESOLVER_NOT_FOUND, "no such name");
}

static void too_many_addresses_are_cut(void **state)
{
    (void)state;
    servers[0].v4s = 20;
    struct found found = look_up_within("game.test", TIMEOUT_MS);
    assert_int_equal(found.count, RESOLVER_ADDRESSES_MAX);
    assert_string_equal(found.addresses[7], "127.0.0.8");
    servers[0].v6s = 20; /* does not fit a datagram of 512 bytes, which c-ares does not insist on */
    found = look_up_within("game.test", TIMEOUT_MS);
    assert_int_equal(found.count, RESOLVER_ADDRESSES_MAX);
    assert_string_equal(found.addresses[3], "127.0.0.4");
    assert_string_equal(found.addresses[4], "fd00::1:1");
    servers[0].v4s = 1;
    found = look_up_within("game.test", TIMEOUT_MS);
    assert_int_equal(found.count, RESOLVER_ADDRESSES_MAX);
    assert_string_equal(found.addresses[1], "fd00::1:1");
}

static void a_truncated_reply_is_asked_for_by_tcp(void **state)
{
    (void)state;
    use_servers(1, 2);
    servers[0].mode = NAME_SERVER_TRUNCATES;
    servers[0].v4s = 3;
    assert_int_equal(look_up_within("game.test", TIMEOUT_MS).count, 3);
    assert_int_equal(servers[1].asked, 0);
}

static void a_reply_to_another_query_is_ignored(void **state)
{
    (void)state;
    servers[0].mode = NAME_SERVER_WRONG_ID;
    assert_fails("game.test", RESOLVER_FAILED, "no name server answered");
    servers[0].mode = NAME_SERVER_WRONG_NAME;
    assert_fails("game.test", RESOLVER_FAILED, "no name server answered");
}

static void a_lost_datagram_is_sent_again(void **state)
{
    (void)state;
    servers[0].mode = NAME_SERVER_SILENT;
    assert_fails("game.test", RESOLVER_FAILED, "no name server answered");
    assert_int_equal(servers[0].asked, 4); /* twice, for both families */
}

static void look_ups_under_way_are_bounded(void **state)
{
    (void)state;
    struct found found[RESOLVER_LOOKUPS_MAX + 1] = {0};
    servers[0].mode = NAME_SERVER_SILENT;
    for (size_t i = 0; i < COUNT_OF(found); i++) {
        assert_non_null(resolver_look_up(resolver, "game.test", PORT, 60000, on_found, &found[i]));
    }
    while (found[RESOLVER_LOOKUPS_MAX].calls == 0) {
        loop_turn_once(loop, true);
    }
    assert_int_equal(found[RESOLVER_LOOKUPS_MAX].status, RESOLVER_FAILED);
    assert_string_equal(found[RESOLVER_LOOKUPS_MAX].error, "too many look-ups under way");
    assert_int_equal(found[0].calls, 0);
    /* those that are left end with the resolver */
}

static void a_cancelled_look_up_does_not_call(void **state)
{
    (void)state;
    struct found found = {0};
    resolver_cancel(resolver_look_up(resolver, "game.test", PORT, TIMEOUT_MS, on_found, &found));
    struct lookup *lookup = resolver_look_up(resolver, "game.test", PORT, TIMEOUT_MS, on_found, &found);
    loop_turn_once(loop, false);
    resolver_cancel(lookup);
    resolver_cancel(NULL);
    assert_found("other.test", "127.0.0.1");
    assert_int_equal(found.calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(addresses_need_no_look_up, setup, teardown),
        cmocka_unit_test_setup_teardown(the_hosts_file_counts_without_a_name_server, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_name_server_line_it_is_127_0_0_1, setup, teardown),
        cmocka_unit_test_setup_teardown(changed_files_count_for_the_next_look_up, setup, teardown),
        cmocka_unit_test_setup_teardown(the_search_list_is_walked, setup, teardown),
        cmocka_unit_test_setup_teardown(a_silent_server_is_passed_over_and_remembered, setup, teardown),
        cmocka_unit_test_setup_teardown(a_refusal_is_not_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(silent_then_refusing, setup, teardown),
        cmocka_unit_test_setup_teardown(two_dead_of_three, setup, teardown),
        cmocka_unit_test_setup_teardown(one_dead_of_three, setup, teardown),
        cmocka_unit_test_setup_teardown(what_one_family_answered_is_used, setup, teardown),
        cmocka_unit_test_setup_teardown(the_last_good_addresses_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(of_many_names_the_least_used_is_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_that_does_not_exist_is_an_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(too_many_addresses_are_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(a_truncated_reply_is_asked_for_by_tcp, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reply_to_another_query_is_ignored, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lost_datagram_is_sent_again, setup, teardown),
        cmocka_unit_test_setup_teardown(look_ups_under_way_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cancelled_look_up_does_not_call, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
