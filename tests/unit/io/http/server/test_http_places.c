#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/http/server/http_places_internal.h"
#include "outrider/base/attr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct http_peer peer_number(uint8_t number, bool is_local)
{
    return (struct http_peer){.kind = HTTP_PEER_IPV4, .is_local = is_local, .id = {10, 0, 0, number}};
}

static void take(struct http_places *places, uint8_t number, size_t count)
{
    struct http_peer peer = peer_number(number, false);
    for (size_t i = 0; i < count; i++) {
        http_places_take(places, &peer);
    }
}

static enum http_place_answer ask(const struct http_places *places, uint8_t number)
{
    struct http_peer peer = peer_number(number, false);
    return http_places_ask(places, &peer);
}

static void test_shares(void **state)
{
    (void)state;
    static const struct {
        size_t max;
        unsigned percent;
        size_t share, kept;
    } rows[] = {
        {1024, 25, 256, 16},     {5000, 25, 1250, 16}, {1024, 100, 1024, 16}, {1024, 1, 16, 16},
        {65536, 50, 32768, 16},  {8, 25, 8, 1},        {1, 25, 1, 0},         {20, 25, 16, 2},
        {1000000, 1, 10000, 16}, {0, 25, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_places places;
        http_places_init(&places, rows[i].max, rows[i].percent);
        assert_int_equal(places.share, rows[i].share);
        assert_int_equal(places.kept, rows[i].kept);
        http_places_fini(&places);
    }
}

static void test_full(void **state)
{
    (void)state;
    struct http_places places;
    struct http_peer stranger = peer_number(4, false), local = peer_number(5, true);
    http_places_init(&places, 40, 25); /* 16 each, 5 kept */
    take(&places, 1, 16);
    assert_int_equal(ask(&places, 1), HTTP_PLACE_SHARE);
    assert_int_equal(ask(&places, 2), HTTP_PLACE_FREE);
    assert_null(http_places_find(&places, &stranger));
    take(&places, 2, 16);
    take(&places, 3, 8);
    assert_int_equal(ask(&places, 3), HTTP_PLACE_FULL);
    assert_int_equal(ask(&places, 4), HTTP_PLACE_FULL);
    assert_false(http_places_kept(&places, &stranger));
    for (size_t i = 0; i < places.kept; i++) {
        assert_true(http_places_kept(&places, &local));
        http_places_take(&places, &local);
    }
    assert_false(http_places_kept(&places, &local));
    assert_int_equal(places.taken, 45);
    http_places_fini(&places);
}

/* Who gives up a place: never one that would then have fewer than the one that gets it. */
static void test_richest(void **state)
{
    (void)state;
    struct http_places places;
    struct http_peer three = peer_number(3, false), four = peer_number(4, false);
    http_places_init(&places, 8, 100);
    assert_null(http_places_richest(&places, &four));
    take(&places, 1, 1);
    assert_null(http_places_richest(&places, &four));
    take(&places, 2, 2);
    struct http_holder *two = http_places_richest(&places, &four);
    assert_int_equal(two->peer.id[3], 2);
    take(&places, 3, 5);
    assert_int_equal(http_places_richest(&places, &four)->peer.id[3], 3);
    assert_null(http_places_richest(&places, &three));
    struct http_holder *holder = http_places_find(&places, &three);
    for (int i = 0; i < 5; i++) {
        http_places_give(&places, holder);
    }
    assert_ptr_equal(http_places_richest(&places, &four), two);
    http_places_fini(&places);
}

/* Against the plainest model: an array of counts. */
static void test_against_a_model(void **state)
{
    (void)state;
    enum { PEERS = 12, STEPS = 20000 };
    struct http_places places;
    size_t held[PEERS] = {0}, taken = 0;
    unsigned seed = 7;
    http_places_init(&places, 100, 25);
    for (int step = 0; step < STEPS; step++) {
        uint8_t number = (uint8_t)((unsigned)rand_r(&seed) % PEERS);
        struct http_peer peer = peer_number(number, false);
        struct http_holder *holder = http_places_find(&places, &peer);
        assert_int_equal(holder == NULL ? 0 : holder->held, held[number]);
        if ((unsigned)rand_r(&seed) % 2 == 0 || holder == NULL) {
            http_places_take(&places, &peer);
            held[number]++;
            taken++;
        } else {
            http_places_give(&places, holder);
            held[number]--;
            taken--;
        }
        size_t most = 0;
        for (size_t i = 0; i < PEERS; i++) {
            most = held[i] > most ? held[i] : most;
        }
        assert_int_equal(places.taken, taken);
        assert_int_equal(places.most, most);
    }
    http_places_fini(&places);
}

/* The peer of a connection from `source` to a listener of the same family. */
static bool peer_from(const struct sockaddr *source, socklen_t size, int family, struct http_peer *ret_peer)
{
    struct sockaddr_storage address = {.ss_family = (sa_family_t)family};
    socklen_t length = sizeof(address);
    int listener = socket(family, SOCK_STREAM, 0), client = socket(source->sa_family, SOCK_STREAM, 0);
    bool works = listener >= 0 && bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0 &&
                 listen(listener, 1) == 0 && bind(client, source, size) == 0;
    if (works) {
        assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
        struct sockaddr_in to4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
        to4.sin_port = to6.sin6_port = ((struct sockaddr_in *)&address)->sin_port;
        works = source->sa_family == AF_INET ? connect(client, (struct sockaddr *)&to4, sizeof(to4)) == 0
                                             : connect(client, (struct sockaddr *)&to6, sizeof(to6)) == 0;
    }
    if (works) {
        int peer = accept(listener, NULL, NULL);
        *ret_peer = http_peer_of(peer);
        close(peer);
    }
    close(listener);
    close(client);
    return works;
}

static void test_peers(void **state)
{
    (void)state;
    char text[HTTP_PEER_TEXT], expected[HTTP_PEER_TEXT];
    struct http_peer one, mapped;
    struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr("127.0.0.9")};
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    assert_true(peer_from((struct sockaddr *)&ipv4, sizeof(ipv4), AF_INET, &one));
    http_peer_text(&one, text);
    assert_string_equal(text, "127.0.0.9");
    assert_true(one.is_local);
    if (peer_from((struct sockaddr *)&ipv6, sizeof(ipv6), AF_INET6, &mapped)) { /* a machine with IPv6 */
        http_peer_text(&mapped, text);
        assert_string_equal(text, "::/64");
        assert_true(mapped.is_local);
        assert_true(peer_from((struct sockaddr *)&ipv4, sizeof(ipv4), AF_INET6, &mapped));
        assert_memory_equal(&one, &mapped, sizeof(one)); /* over a wildcard of both families */
    }
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct http_peer user = http_peer_of(pair[0]);
    http_peer_text(&user, text);
    snprintf(expected, sizeof(expected), "uid %ld", (long)getuid());
    assert_string_equal(text, expected);
    assert_true(user.is_local);
    close(pair[0]);
    close(pair[1]);
    struct http_peer gone = http_peer_of(-1);
    http_peer_text(&gone, text);
    assert_string_equal(text, "unknown");
    assert_false(gone.is_local);
    struct http_peer wide = {.kind = HTTP_PEER_IPV6, .id = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1}};
    http_peer_text(&wide, text);
    assert_string_equal(text, "2001:db8:0:1::/64");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares),          cmocka_unit_test(test_full),  cmocka_unit_test(test_richest),
        cmocka_unit_test(test_against_a_model), cmocka_unit_test(test_peers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
