/* The addresses of real interfaces and routes, each case in a network namespace of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/error.h"
#include "outrider/os/net.h"
#include "support/network.h"

#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>

static struct error err;
static struct net_choice choice;

/* One network: its set-up, then what is asked, of "auto" or an interface, and the address expected, or the error. */
struct network {
    const char *setup[10];
    struct {
        const char *of, *address;
        enum error_code code;
        const char *text; /* part of the error; of a success, why `rejected` was */
        const char *rejected;
    } expect[4];
};

#define ETH0 "link add eth0 type veth peer name eth0p", "link set eth0p up", "link set eth0 up"

static const struct network networks[] = {
    {{"addr add 203.0.113.5/24 dev lo"},
     {{"lo", "203.0.113.5", 0, "loopback", "127.0.0.1"}, {"lo", "203.0.113.5", 0, "loopback", "::1"}}},
    {{"link set lo up"}, {{"lo", "127.0.0.1", 0, "an IPv4 address is preferred", "::1"}}},
    {{ETH0, "addr add 169.254.7.9/16 dev eth0", "addr add 198.51.100.10/24 dev eth0",
      "route add default via 169.254.0.1"},
     {{"eth0", "198.51.100.10", 0, "link-local", "169.254.7.9"},
      {"auto", "198.51.100.10", 0, "link-local", "169.254.7.9"}}},
    {{ETH0, "addr add 169.254.7.9/16 dev eth0"}, {{"eth0", "169.254.7.9", 0, NULL, NULL}}},
    {{ETH0, "-6 addr add 2001:db8:1::5/64 dev eth0 nodad preferred_lft 0 valid_lft 1000",
      "-6 addr add 2001:db8:1::6/64 dev eth0 nodad", "-6 addr add fd00::6/64 dev eth0 nodad"},
     {{"eth0", "2001:db8:1::6", 0, "deprecated", "2001:db8:1::5"},
      {"eth0", "2001:db8:1::6", 0, "a global IPv6 address is preferred", "fd00::6"}}},
    {{ETH0, "-6 addr add fd00::6/64 dev eth0 nodad",
      "-6 addr add 2001:db8:1::5/64 dev eth0 nodad preferred_lft 0 valid_lft 1000"},
     {{"eth0", "fd00::6", 0, "deprecated", "2001:db8:1::5"}}},
    {{ETH0, "addr add 169.254.7.9/16 dev eth0", "-6 addr add 2001:db8:1::6/64 dev eth0 nodad",
      "route add default via 169.254.0.1", "-6 route add default via 2001:db8:1::1"},
     {{"auto", "2001:db8:1::6", 0, "link-local", "169.254.7.9"}}},
    /* Only the second default route leads out of an interface with an address for others. */
    {{ETH0, "addr add 169.254.7.9/16 dev eth0", "addr add 198.51.100.10/24 dev eth0p",
      "route add default via 169.254.0.1 metric 1", "route add default via 198.51.100.1 metric 2"},
     {{"auto", "198.51.100.10", 0, "link-local", "169.254.7.9"}, {"eth0", "169.254.7.9", 0, NULL, NULL}}},
    {{ETH0, "addr add 203.0.113.5/24 dev eth0", "addr add 203.0.113.6/24 dev eth0",
      "addr add 198.51.100.10/24 dev eth0", "route add default via 198.51.100.1"},
     {{"eth0", "203.0.113.5", 0, "secondary", "203.0.113.6"},
      {"eth0", "203.0.113.5", 0, "not the first", "198.51.100.10"},
      {"auto", "198.51.100.10", 0, "not the kernel's source address", "203.0.113.5"}}},
    /* Several next hops; the kernel takes one of them. */
    {{ETH0, "addr add 169.254.7.9/16 dev eth0", "addr add 198.51.100.10/24 dev eth0p",
      "route add default nexthop via 169.254.0.1 dev eth0 nexthop via 198.51.100.1 dev eth0p"},
     {{"auto", "198.51.100.10", 0, "link-local", "169.254.7.9"}}},
    /* A point-to-point link: the peer's address is not ours. */
    {{ETH0, "addr add 10.8.0.2 peer 10.8.0.1 dev eth0"}, {{"eth0", "10.8.0.2", 0, NULL, NULL}}},
    /* A policy route: the kernel's source is on an interface without a default route in the main table. */
    {{ETH0, "addr add 198.51.100.10/24 dev eth0", "addr add 10.8.0.2/24 dev eth0p",
      "route add default via 198.51.100.1", "route add default via 10.8.0.1 table 51820",
      "rule add not fwmark 51820 table 51820"},
     {{"auto", "10.8.0.2", 0, "not the kernel's source address", "198.51.100.10"}}},
    {{"route add default dev lo"},
     {{"auto", NULL, ERROR_NOT_FOUND, "the default route leads to loopback", NULL}}},
    {{ETH0},
     {{"eth0", NULL, ERROR_UNREACHABLE, "has no address yet", NULL},
      {"auto", NULL, ERROR_UNREACHABLE, "no route: Network is unreachable", NULL}}},
    {{ETH0, "addr add 198.51.100.10/24 dev eth0", "link set eth0 down"},
     {{"eth0", NULL, ERROR_UNREACHABLE, "is down", NULL}}},
    {{"link set lo down"},
     {{"lo", NULL, ERROR_UNREACHABLE, "is down", NULL},
      {"auto", NULL, ERROR_UNREACHABLE, "no route: Network is unreachable", NULL},
      {"wg0", NULL, ERROR_NOT_FOUND, "wg0", NULL}}},
};

static bool is_rejected(const char *address, const char *why)
{
    for (size_t i = 0; i < choice.count; i++) {
        if (strcmp(choice.addresses[i].text, address) == 0) {
            return i != choice.chosen && strcmp(net_rejected_why(&choice, i), why) == 0;
        }
    }
    return false;
}

static bool meets(const char *of, const char *address, enum error_code code, const char *text,
                  const char *rejected)
{
    err = (struct error){.code = ERROR_NONE};
    int rc = strcmp(of, "auto") == 0 ? net_choose_by_route(&err, &choice)
                                     : net_choose_by_interface(of, &err, &choice);
    const char *chosen = choice.chosen < choice.count ? choice.addresses[choice.chosen].text : "none";
    bool good =
        address == NULL
            ? rc < 0 && err.code == code && strstr(err.text, text) != NULL && choice.chosen == choice.count
            : rc == 0 && strcmp(chosen, address) == 0 && (rejected == NULL || is_rejected(rejected, text));
    if (!good) {
        fprintf(stderr, "%s: %s instead of %s; %s\n", of, chosen, address, err.text);
        for (size_t i = 0; i < choice.count; i++) {
            fprintf(stderr, "  %s: %s\n", choice.addresses[i].text,
                    i == choice.chosen ? "chosen" : net_rejected_why(&choice, i));
        }
    }
    return good;
}

/* Runs `fn` in a new network; skips the test where there is none. */
static void in_a_network(int (*fn)(const void *user), const void *user)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        network_enter();
        _exit(fn(user));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == NETWORK_SKIPPED) {
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int play(const void *user)
{
    const struct network *network = user;
    for (size_t i = 0; network->setup[i] != NULL; i++) {
        if (!network_ip(network->setup[i])) {
            return 2;
        }
    }
    for (size_t i = 0; network->expect[i].of != NULL; i++) {
        if (!meets(network->expect[i].of, network->expect[i].address, network->expect[i].code,
                   network->expect[i].text, network->expect[i].rejected)) {
            return 1;
        }
    }
    return 0;
}

static void of_several_addresses_the_best_is_chosen(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++) {
        in_a_network(play, &networks[i]);
    }
}

static void source_address_is_no_loopback(void **state)
{
    (void)state;
    if (net_choose_by_route(&err, &choice) == 0) {
        const char *text = choice.addresses[choice.chosen].text;
        struct in6_addr bytes;
        bool v4 = inet_pton(AF_INET, text, &bytes) == 1;
        assert_true(v4 || inet_pton(AF_INET6, text, &bytes) == 1);
        assert_int_not_equal(strncmp(text, v4 ? "127." : "::1", 4), 0);
    } else {
        assert_true(err.code == ERROR_UNREACHABLE || err.code == ERROR_NOT_FOUND);
        assert_int_equal(choice.chosen, choice.count);
    }
}

/* It says nothing about the addresses, and least of all that there are none. */
static void without_a_file_nothing_is_found_out(void **state)
{
    (void)state;
    static const char *const hosts[] = {"auto", "lo", "wg9"};
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, before.rlim_max}), 0);
    bool good = true;
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        good = meets(hosts[i], NULL, ERROR_SYSTEM, "Too many open files", NULL) && good;
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(good);
}

static bool changes_come(int fd, bool wanted)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    return wanted ? poll(&ready, 1, 5000) == 1 && net_changes_take(fd) : !net_changes_take(fd);
}

static int follow(const void *user)
{
    (void)user;
    static const char *const changes[] = {
        "link add eth0 type veth peer name eth0p",
        "link set eth0 up",
        "addr add 198.51.100.10/24 dev eth0",
        "-6 addr add 2001:db8:1::6/64 dev eth0 nodad",
        "-6 addr change 2001:db8:1::6/64 dev eth0 preferred_lft 0 valid_lft 99",
        "link set eth0p up",
        "route add default via 198.51.100.1",
        "addr del 198.51.100.10/24 dev eth0",
        "link del eth0"};
    int fd = net_changes_open(&err);
    bool good = fd >= 0 && changes_come(fd, false);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]) && good; i++) {
        good = network_ip(changes[i]) && changes_come(fd, true);
        if (!good) {
            fprintf(stderr, "not noticed: ip %s\n", changes[i]);
        }
    }
    close(fd);
    return good ? 0 : 1;
}

static void every_change_is_noticed(void **state)
{
    (void)state;
    in_a_network(follow, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_several_addresses_the_best_is_chosen),
        cmocka_unit_test(source_address_is_no_loopback),
        cmocka_unit_test(without_a_file_nothing_is_found_out),
        cmocka_unit_test(every_change_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
