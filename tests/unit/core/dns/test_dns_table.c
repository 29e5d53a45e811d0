#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dns_world.h"

static struct dns_world *begin(void)
{
    static struct dns_world world;
    dns_world_begin(&world);
    return &world;
}

#define PUT(...) dns_world_put(world, &(struct dns_case){.status = STATUS_READY, __VA_ARGS__})

static void expect_left(const struct dns_world *world, size_t names, size_t hosts, size_t values)
{
    const size_t *left = dns_table_left(world->zone.table);
    assert_int_equal(left[DNS_LEFT_NAME], names);
    assert_int_equal(left[DNS_LEFT_HOST], hosts);
    assert_int_equal(left[DNS_LEFT_VALUE], values);
    assert_int_equal(left[DNS_LEFT_LIMIT], 0);
}

static void what_is_no_label_is_left_out(void **state)
{
    static const char *const keys[] = {
        "world/a.b",
        "world/-a",
        "world/a-",
        "world/_a",
        "world/a b",
        "world/\xc3\xbc",
        "world/ready",
        "world/READY",
        "world/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "wor.ld/a",
        "_tcp/a"};
    struct dns_world *world = begin();
    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        PUT(.key = keys[i], .zone = "eu");
        expect_left(world, i + 1, 0, 0);
        assert_int_equal(dns_table_names(world->zone.table), 0);
    }
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        dns_world_drop(world, keys[i]);
    }
    expect_left(world, 0, 0, 0);
    dns_world_end(world);
}

static void a_host_that_is_none_is_left_out(void **state)
{
    static const char *const hosts[] = {"1.2.3", "1.2.3.4.5",  "a..b",  ".",
                                        "a b",   "-a.example", "::1::", "a/b"};
    struct dns_world *world = begin();
    (void)state;
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        PUT(.key = "world/w1", .host = hosts[i]);
        expect_left(world, 0, 1, 0);
        assert_string_equal(dns_world_ask(world, "world.outrider", DNS_A), "NOERROR ~outrider. SOA 30");
        assert_string_equal(dns_world_ask(world, "w1.world.outrider", DNS_TXT), "NOERROR TXT status=ready");
    }
    PUT(.key = "world/w1", .host = "");
    expect_left(world, 0, 0, 0); /* one without a host yet is nothing wrong */
    dns_world_end(world);
}

static void a_value_that_is_none_is_left_out(void **state)
{
    char lengthy[80];
    struct dns_world *world = begin();
    (void)state;
    memset(lengthy, 'a', sizeof(lengthy));
    lengthy[64] = '\0';
    PUT(.key = "world/w1", .zone = lengthy, .region = "a..b", .group = "1.2.3.4.5.6.7.8.9",
        .labels = {{"a.b", "c"}, {"", "c"}, {"k", "."}, {"empty", ""}});
    expect_left(world, 0, 0, 6);
    assert_string_equal(dns_world_ask(world, "world.outrider", DNS_A), "NOERROR A 10.0.0.1");
    PUT(.key = "world/w1", .zone = lengthy);
    expect_left(world, 0, 0, 1);
    dns_world_end(world);
}

/* Whatever comes, changes and goes, each name has those that it should. */
static void names_follow_the_fleet(void **state)
{
    enum { STEPS = 4000, SERVERS = 24 };
    static const char *const zones[] = {NULL, "a", "b.a", "c.a"};
    struct dns_case servers[SERVERS] = {{0}};
    char keys[SERVERS][16];
    struct random random;
    struct dns_world *world = begin();
    (void)state;
    random_seed(&random, 3);
    for (size_t step = 0; step < STEPS; step++) {
        size_t i = (size_t)random_below(&random, SERVERS), ready = 0, count = 0;
        snprintf(keys[i], sizeof(keys[i]), "world/w%zu", i);
        if (servers[i].key != NULL && random_below(&random, 4) == 0) {
            dns_world_drop(world, keys[i]);
            servers[i].key = NULL;
        } else {
            servers[i] = (struct dns_case){.key = keys[i],
                                           .zone = zones[random_below(&random, 4)],
                                           .players = (uint32_t)random_below(&random, 9),
                                           .status = (enum status)random_below(&random, STATUS_COUNT)};
            dns_world_put(world, &servers[i]);
        }
        const char *zone = zones[1 + random_below(&random, 3)];
        for (size_t j = 0; j < SERVERS; j++) {
            bool in = servers[j].key != NULL && servers[j].zone != NULL && strcmp(servers[j].zone, zone) == 0;
            count += in ? 1 : 0;
            ready += in && servers[j].status == STATUS_READY ? 1 : 0;
        }
        char name[64], wanted[64];
        snprintf(name, sizeof(name), "%s.zone.world.outrider", zone);
        snprintf(wanted, sizeof(wanted), "NOERROR TXT servers=%zu ready=%zu", count, ready);
        const char *got = dns_world_ask(world, name, DNS_TXT);
        if (count > 0) {
            assert_string_equal(got, wanted);
        } else {
            assert_null(strstr(got, "TXT"));
        }
    }
    for (size_t i = 0; i < SERVERS; i++) {
        if (servers[i].key != NULL) {
            dns_world_drop(world, keys[i]);
        }
    }
    assert_int_equal(dns_table_names(world->zone.table), 0);
    dns_world_end(world);
}

/* The record is kept as it is now, although nothing that names are made of has changed. */
static void players_are_those_of_now(void **state)
{
    struct dns_world *world = begin();
    (void)state;
    PUT(.key = "world/w1", .players = 1);
    PUT(.key = "world/w1", .players = 2);
    assert_string_equal(dns_world_ask(world, "w1.world.outrider", DNS_TXT),
                        "NOERROR TXT status=ready players=2");
    dns_world_end(world);
}

static void ids_that_differ_in_case_share_a_name(void **state)
{
    struct dns_world *world = begin();
    (void)state;
    PUT(.key = "world/w1");
    PUT(.key = "world/W1", .host = "10.0.0.2");
    assert_string_equal(dns_world_ask(world, "w1.world.outrider", DNS_A), "NOERROR A 10.0.0.1 A 10.0.0.2");
    dns_world_drop(world, "world/w1");
    assert_string_equal(dns_world_ask(world, "w1.world.outrider", DNS_A), "NOERROR A 10.0.0.2");
    dns_world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_label_is_left_out),
        cmocka_unit_test(a_host_that_is_none_is_left_out),
        cmocka_unit_test(a_value_that_is_none_is_left_out),
        cmocka_unit_test(names_follow_the_fleet),
        cmocka_unit_test(players_are_those_of_now),
        cmocka_unit_test(ids_that_differ_in_case_share_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
