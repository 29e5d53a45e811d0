#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dns_world.h"
#include "outrider/base/attr.h"

static const char none[] = "NOERROR ~outrider. SOA 30", nowhere[] = "NXDOMAIN ~outrider. SOA 30";

static int begin(void **state)
{
    static struct dns_world world;
    dns_world_begin(&world);
    *state = &world;
    return 0;
}

static int end(void **state)
{
    dns_world_end(*state);
    return 0;
}

static void put(struct dns_world *world, struct dns_case server)
{
    server.status = server.status == STATUS_INITIALIZING ? STATUS_READY : server.status;
    dns_world_put(world, &server);
}

#define PUT(...) put(world, (struct dns_case){__VA_ARGS__})
#define ASK(name, type, wanted) assert_string_equal(dns_world_ask(world, name, type), wanted)

static void a_type_has_its_ready_servers(void **state)
{
    struct dns_world *world = *state;
    PUT(.key = "world/w1", .ports = {8001, 8002}, .weight = 5);
    PUT(.key = "world/w2", .host = "10.0.0.2", .ports = {8001}, .status = STATUS_DRAINING);
    PUT(.key = "lobby/l1", .host = "fd00::9", .ports = {9001});
    static const char srv[] = "NOERROR SRV 1 5 8001 w1.world.outrider. SRV 1 5 8002 w1.world.outrider. "
                              "+w1.world.outrider. A 10.0.0.1";
    ASK("world.outrider.", DNS_SRV, srv);
    ASK("WORLD.Outrider.", DNS_SRV, srv);
    ASK("ready.world.outrider.", DNS_SRV, srv);
    ASK("_world._tcp.outrider.", DNS_SRV, srv);
    ASK("_world._udp.outrider.", DNS_SRV, srv);
    ASK("world.outrider.", DNS_A, "NOERROR A 10.0.0.1");
    ASK("world.outrider.", DNS_TXT, "NOERROR TXT servers=2 ready=1");
    ASK("world.outrider.", DNS_AAAA, none);
    ASK("world.outrider.", 15, none);
    ASK("lobby.outrider.", DNS_AAAA, "NOERROR AAAA fd00::09");
    ASK("lobby.outrider.", DNS_SRV,
        "NOERROR SRV 1 1 9001 l1.lobby.outrider. +l1.lobby.outrider. AAAA fd00::09");
}

static void none_is_not_nowhere(void **state)
{
    struct dns_world *world = *state;
    PUT(.key = "world/w1", .status = STATUS_ERROR, .zone = "eu.west", .labels = {{"map", "x"}});
    ASK("world.outrider.", DNS_A, none);
    ASK("ready.world.outrider.", DNS_A, none);
    ASK("_world._tcp.outrider.", DNS_SRV, none);
    ASK("_tcp.outrider.", DNS_SRV, none);
    ASK("zone.world.outrider.", DNS_A, none);
    ASK("west.zone.world.outrider.", DNS_A, none);
    ASK("eu.west.zone.world.outrider.", DNS_A, none);
    ASK("map.label.world.outrider.", DNS_A, none);
    ASK("dns.outrider.", DNS_A, none);
    ASK("lobby.outrider.", DNS_A, nowhere);
    ASK("ready.lobby.outrider.", DNS_A, nowhere);
    ASK("ready.outrider.", DNS_A, nowhere);
    ASK("_lobby._tcp.outrider.", DNS_SRV, nowhere);
    ASK("_.outrider.", DNS_SRV, nowhere);
    ASK("_world._tcp.world.outrider.", DNS_SRV, nowhere);
    ASK("us.zone.world.outrider.", DNS_A, nowhere);
    ASK("tag.world.outrider.", DNS_A, nowhere);
    ASK("y.map.label.world.outrider.", DNS_A, nowhere);
    ASK("w2.world.outrider.", DNS_ANY, nowhere);
    dns_world_drop(world, "world/w1");
    ASK("world.outrider.", DNS_A, nowhere);
    ASK("zone.world.outrider.", DNS_A, nowhere);
    assert_int_equal(dns_table_names(world->zone.table), 0);
}

static void one_server_is_found_whatever_its_status(void **state)
{
    struct dns_world *world = *state;
    PUT(.key = "world/W1", .status = STATUS_DRAINING, .ports = {8001}, .players = 3, .zone = "eu");
    ASK("w1.world.outrider.", DNS_A, "NOERROR A 10.0.0.1");
    ASK("w1.world.outrider.", DNS_SRV,
        "NOERROR SRV 1 1 8001 W1.world.outrider. +W1.world.outrider. A 10.0.0.1");
    ASK("w1.world.outrider.", DNS_TXT, "NOERROR TXT status=draining players=3 zone=eu");
    ASK("w1.world.outrider.", DNS_CNAME, none);
    dns_world_drop(world, "world/W1");
    ASK("w1.world.outrider.", DNS_A, nowhere);
}

static void a_host_may_be_a_name(void **state)
{
    struct dns_world *world = *state;
    PUT(.key = "world/w1", .host = "game.example.com", .ports = {8001});
    ASK("w1.world.outrider.", DNS_A, "NOERROR CNAME game.example.com.");
    ASK("w1.world.outrider.", DNS_AAAA, "NOERROR CNAME game.example.com.");
    ASK("w1.world.outrider.", DNS_CNAME, "NOERROR CNAME game.example.com.");
    ASK("world.outrider.", DNS_A, "NOERROR CNAME game.example.com.");
    ASK("world.outrider.", DNS_CNAME, none);
    ASK("world.outrider.", DNS_SRV, "NOERROR SRV 1 1 8001 game.example.com.");
    PUT(.key = "world/w3", .host = "game.example.com", .ports = {8001});
    ASK("world.outrider.", DNS_SRV, "NOERROR SRV 1 1 8001 game.example.com.");
    PUT(.key = "world/w2", .host = "10.0.0.2");
    ASK("world.outrider.", DNS_A, "NOERROR A 10.0.0.2");
    ASK("world.outrider.", DNS_AAAA, "NOERROR CNAME game.example.com.");
}

static void servers_on_one_host_are_one_address(void **state)
{
    struct dns_world *world = *state;
    PUT(.key = "world/w1", .ports = {8001});
    PUT(.key = "world/w2", .ports = {8002});
    ASK("world.outrider.", DNS_A, "NOERROR A 10.0.0.1");
}

static void values_select(void **state)
{
    struct dns_world *world = *state;
    PUT(.key = "world/w1", .zone = "eu-1", .region = "eu", .group = "blue", .tags = {"pvp", "PvP"},
        .labels = {{"version", "1.4.2"}, {"map", "Old Harbor"}});
    PUT(.key = "world/w2", .host = "10.0.0.2", .zone = "eu-2");
    static const char first[] = "NOERROR A 10.0.0.1";
    ASK("eu-1.zone.world.outrider.", DNS_A, first);
    ASK("EU.region.world.outrider.", DNS_A, first);
    ASK("blue.group.world.outrider.", DNS_A, first);
    ASK("pvp.tag.world.outrider.", DNS_TXT, "NOERROR TXT servers=1 ready=1");
    ASK("1.4.2.version.label.world.outrider.", DNS_A, first);
    ASK("old harbor.map.label.world.outrider.", DNS_A, first);
    ASK("eu-2.zone.world.outrider.", DNS_A, "NOERROR A 10.0.0.2");
    ASK("eu-2.zone.lobby.outrider.", DNS_A, nowhere);
    PUT(.key = "world/w1", .zone = "eu-2");
    ASK("eu-1.zone.world.outrider.", DNS_A, nowhere);
    ASK("4.2.version.label.world.outrider.", DNS_A, nowhere);
    ASK("eu-2.zone.world.outrider.", DNS_TXT, "NOERROR TXT servers=2 ready=2");
}

static void a_weight_of_zero_is_never_given(void **state)
{
    struct dns_world *world = *state;
    PUT(.key = "world/w1", .weight = DNS_CASE_NEVER);
    ASK("world.outrider.", DNS_A, none);
    ASK("w1.world.outrider.", DNS_A, "NOERROR A 10.0.0.1");
}

static void nothing_is_said_before_the_fleet_is_known(void **state)
{
    struct dns_world *world = *state;
    PUT(.key = "world/w1");
    world->state.known = false;
    ASK("world.outrider.", DNS_A, "SERVFAIL");
    ASK("nowhere.outrider.", DNS_A, "SERVFAIL");
    ASK("outrider.", DNS_SOA, "SERVFAIL");
    assert_false(world->answer->authoritative);
    ASK("world.example.", DNS_A, "REFUSED");
}

static void a_stale_fleet_is_kept_for_a_moment(void **state)
{
    struct dns_world *world = *state;
    PUT(.key = "world/w1");
    ASK("world.outrider.", DNS_A, "NOERROR A 10.0.0.1");
    assert_int_equal(world->answer->records[0].ttl, 30);
    assert_true(world->answer->authoritative);
    world->state.stale = true;
    ASK("world.outrider.", DNS_A, "NOERROR A 10.0.0.1");
    assert_int_equal(world->answer->records[0].ttl, DNS_STALE_TTL);
    ASK("nowhere.outrider.", DNS_A, "NXDOMAIN ~outrider. SOA 2");
    assert_int_equal(world->answer->records[0].ttl, DNS_STALE_TTL);
    world->zone.ttl = 1;
    ASK("nowhere.outrider.", DNS_A, "NXDOMAIN ~outrider. SOA 1");
}

static void the_domain_answers_for_itself(void **state)
{
    struct dns_world *world = *state;
    ASK("outrider.", DNS_SOA, "NOERROR outrider. SOA 30");
    ASK("outrider.", DNS_NS, "NOERROR outrider. NS ns.dns.outrider.");
    ASK("outrider.", DNS_A, none);
    ASK("outrider.", DNS_ANY, "NOERROR HINFO RFC8482 ");
    ASK("ns.dns.outrider.", DNS_A, none);
    world->zone.has_ipv4 = true;
    memcpy(world->zone.ipv4, "\x7f\0\0\1", 4);
    ASK("ns.dns.outrider.", DNS_A, "NOERROR A 127.0.0.1");
    ASK("outrider.", DNS_NS, "NOERROR outrider. NS ns.dns.outrider. +ns.dns.outrider. A 127.0.0.1");
}

static void what_is_not_ours_is_refused(void **state)
{
    struct dns_world *world = *state;
    struct dns_question question = {.type = DNS_TXT, .class = 3};
    PUT(.key = "world/w1");
    ASK("world.example.", DNS_A, "REFUSED");
    ASK("world.xoutrider.", DNS_A, "REFUSED");
    ASK("world.outrides.", DNS_A, "REFUSED"); /* as long as ours */
    ASK("outrider.world.", DNS_A, "REFUSED");
    ASK("world.outrider.", DNS_AXFR, "REFUSED");
    ASK("outrider.", DNS_IXFR, "REFUSED");
    assert_int_equal(dns_name_read(STR("world.outrider"), &question.name), 0);
    dns_choose(&world->zone, &world->state, &question, &world->random, world->answer);
    assert_int_equal(world->answer->rcode, DNS_REFUSED);
    question.name.size = 1;
    question.name.bytes[0] = 0;
    question.class = DNS_CLASS_IN;
    dns_choose(&world->zone, &world->state, &question, &world->random, world->answer);
    assert_int_equal(world->answer->rcode, DNS_REFUSED);
}

static void any_gets_little(void **state)
{
    struct dns_world *world = *state;
    PUT(.key = "world/w1", .ports = {8001});
    ASK("world.outrider.", DNS_ANY, "NOERROR HINFO RFC8482 ");
    ASK("w1.world.outrider.", DNS_ANY, "NOERROR HINFO RFC8482 ");
}

/* Each of many is given about as often as the others, at each place of the answer. */
static void answers_are_spread(void **state)
{
    enum { SERVERS = 40, ASKED = 4000, GIVEN = 4 };
    struct dns_world *world = *state;
    unsigned given[SERVERS] = {0}, first[SERVERS] = {0};
    world->zone.answers = GIVEN;
    for (unsigned i = 0; i < SERVERS; i++) {
        char key[32], host[32];
        snprintf(key, sizeof(key), "world/w%u", i);
        snprintf(host, sizeof(host), "10.0.0.%u", i);
        PUT(.key = key, .host = host, .status = i % 8 == 7 ? STATUS_ERROR : STATUS_READY);
    }
    for (unsigned i = 0; i < ASKED; i++) {
        (void)dns_world_ask(world, "world.outrider.", DNS_A);
        assert_int_equal(world->answer->count, GIVEN);
        for (size_t j = 0; j < GIVEN; j++) {
            given[world->answer->records[j].of.address[3]]++;
        }
        first[world->answer->records[0].of.address[3]]++;
    }
    for (unsigned i = 0; i < SERVERS; i++) {
        bool ready = i % 8 != 7;
        unsigned mean = ASKED * GIVEN / (SERVERS - SERVERS / 8);
        assert_true(ready ? given[i] > mean * 3 / 4 && given[i] < mean * 5 / 4 : given[i] == 0);
        assert_true(!ready || (first[i] > 60 && first[i] < 180));
    }
}

/* One server with all its ports has more records than there is room for: the rest is left out, and nothing is written beyond. */
static void records_have_a_limit(void **state)
{
    struct dns_world *world = *state;
    world->zone.answers = DNS_ANSWERS_MAX;
    for (unsigned i = 0; i < 300; i++) {
        char key[32];
        snprintf(key, sizeof(key), "world/w%u", i);
        PUT(.key = key, .ports = {1, 2, 3, 4});
    }
    (void)dns_world_ask(world, "world.outrider.", DNS_SRV);
    assert_int_equal(world->answer->count, DNS_RECORDS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_type_has_its_ready_servers, begin, end),
        cmocka_unit_test_setup_teardown(none_is_not_nowhere, begin, end),
        cmocka_unit_test_setup_teardown(one_server_is_found_whatever_its_status, begin, end),
        cmocka_unit_test_setup_teardown(a_host_may_be_a_name, begin, end),
        cmocka_unit_test_setup_teardown(servers_on_one_host_are_one_address, begin, end),
        cmocka_unit_test_setup_teardown(values_select, begin, end),
        cmocka_unit_test_setup_teardown(a_weight_of_zero_is_never_given, begin, end),
        cmocka_unit_test_setup_teardown(nothing_is_said_before_the_fleet_is_known, begin, end),
        cmocka_unit_test_setup_teardown(a_stale_fleet_is_kept_for_a_moment, begin, end),
        cmocka_unit_test_setup_teardown(the_domain_answers_for_itself, begin, end),
        cmocka_unit_test_setup_teardown(what_is_not_ours_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(any_gets_little, begin, end),
        cmocka_unit_test_setup_teardown(answers_are_spread, begin, end),
        cmocka_unit_test_setup_teardown(records_have_a_limit, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
