/* Which of several addresses is published, by rule; the kernel is not asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/os/net.h"

#include <linux/if_addr.h>
#include <stdio.h>
#include <string.h>

enum { SOURCE = 1u << 30 }; /* no flag of the kernel's */

struct given {
    const char *address;
    unsigned flags;
};

static struct net_choice choice;

static void choose(const struct given *given, bool allow_loopback)
{
    choice = (struct net_choice){0};
    for (; given->address != NULL; given++) {
        struct net_address *address = &choice.addresses[choice.count++];
        snprintf(address->text, sizeof(address->text), "%s", given->address);
        address->is_source = (given->flags & SOURCE) != 0;
        assert_true(net_address_classify(address, given->flags & ~(unsigned)SOURCE));
    }
    net_choose(&choice, allow_loopback);
}

/* Each is better than those below it, in whatever order the kernel lists them. */
static void the_order_is_total(void **state)
{
    (void)state;
    static const struct given best_first[] = {
        {"10.0.0.1", SOURCE},
        {"203.0.113.5", 0},
        {"203.0.113.6", IFA_F_SECONDARY},
        {"2001:db8::5", 0},
        {"fd00::5", 0},
        {"198.51.100.9", IFA_F_DEPRECATED},
        {"2001:db8::9", IFA_F_DEPRECATED},
        {"fd00::9", IFA_F_DEPRECATED},
        {"2001:db8::7", IFA_F_TEMPORARY},
        {"2001:db8::8", IFA_F_TEMPORARY | IFA_F_DEPRECATED | IFA_F_OPTIMISTIC | IFA_F_TENTATIVE},
        {"169.254.7.9", 0},
        {"127.0.0.1", 0},
        {"::1", 0},
        {"fe80::1", 0},
        {"2001:db8::3", IFA_F_TENTATIVE},
        {"2001:db8::4", IFA_F_DADFAILED},
    };
    enum { COUNT = sizeof(best_first) / sizeof(best_first[0]), USABLE = 13 };
    for (size_t i = 0; i + 1 < COUNT; i++) {
        struct given pair[] = {best_first[i + 1], best_first[i], {NULL, 0}};
        bool is_tie = i == 8; /* both temporary: the first */
        choose(pair, true);
        assert_int_equal(choice.chosen, i >= USABLE ? 2 : is_tie ? 0 : 1);
        for (size_t j = 0; j < choice.count; j++) {
            assert_true(j == choice.chosen || strlen(net_rejected_why(&choice, j)) > 0);
        }
    }
}

static void of_equals_the_first_is_taken(void **state)
{
    (void)state;
    choose((const struct given[]){{"203.0.113.5", 0}, {"198.51.100.10", 0}, {NULL, 0}}, true);
    assert_int_equal(choice.chosen, 0);
    assert_string_equal(net_rejected_why(&choice, 1), "not the first");
    choose((const struct given[]){{"203.0.113.5", IFA_F_SECONDARY}, {"203.0.113.6", 0}, {NULL, 0}}, true);
    assert_int_equal(choice.chosen, 1);
    assert_string_equal(net_rejected_why(&choice, 0), "secondary");
    choose((const struct given[]){{"203.0.113.5", 0}, {"198.51.100.10", SOURCE}, {NULL, 0}}, true);
    assert_int_equal(choice.chosen, 1);
    assert_string_equal(net_rejected_why(&choice, 0), "not the kernel's source address");
}

static void the_reason_of_each_is_said(void **state)
{
    (void)state;
    static const struct {
        struct given given;
        const char *why;
    } rows[] = {
        {{"127.0.0.1", 0}, "loopback"},
        {{"169.254.7.9", 0}, "link-local"},
        {{"198.51.100.9", IFA_F_DEPRECATED}, "deprecated"},
        {{"2001:db8::7", IFA_F_TEMPORARY}, "temporary"},
        {{"2001:db8::5", 0}, "an IPv4 address is preferred"},
        {{"fe80::1", 0}, "link-local, without meaning on another machine"},
        {{"2001:db8::3", IFA_F_TENTATIVE}, "tentative, duplicate address detection has not passed"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        choose((const struct given[]){rows[i].given, {"203.0.113.5", 0}, {NULL, 0}}, true);
        assert_int_equal(choice.chosen, 1);
        assert_string_equal(net_rejected_why(&choice, 0), rows[i].why);
    }
    choose((const struct given[]){{"fd00::5", 0}, {"2001:db8::5", 0}, {NULL, 0}}, true);
    assert_string_equal(net_rejected_why(&choice, 0), "a global IPv6 address is preferred");
}

static void loopback_only_where_it_is_allowed(void **state)
{
    (void)state;
    choose((const struct given[]){{"127.0.0.1", SOURCE}, {"::1", 0}, {NULL, 0}}, false);
    assert_int_equal(choice.chosen, choice.count);
    choose((const struct given[]){{"127.0.0.1", SOURCE}, {"203.0.113.5", 0}, {NULL, 0}}, false);
    assert_int_equal(choice.chosen, 1);
    choose((const struct given[]){{NULL, 0}}, true);
    assert_int_equal(choice.chosen, 0);
    assert_int_equal(choice.count, 0);
}

static void what_is_no_address_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"wg0", "0.0.0.0", "::", ""};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct net_address address = {0};
        snprintf(address.text, sizeof(address.text), "%s", texts[i]);
        assert_false(net_address_classify(&address, 0));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_is_total),
        cmocka_unit_test(of_equals_the_first_is_taken),
        cmocka_unit_test(the_reason_of_each_is_said),
        cmocka_unit_test(loopback_only_where_it_is_allowed),
        cmocka_unit_test(what_is_no_address_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
