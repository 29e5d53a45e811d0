#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/io/line/line_socket.h"
#include "shell/status_replies_internal.h"

/* The connection: what was sent, in brackets, and whether it is kept for more. */
static struct buf sent;
static bool awaited;

void line_peer_reply(struct line_peer *peer, struct str text)
{
    (void)peer;
    buf_printf(&sent, "[%.*s]", STR_ARG(text));
}

void line_peer_await(struct line_peer *peer, bool awaits)
{
    (void)peer;
    awaited = awaits;
}

static void expect(const char *text, bool awaits)
{
    assert_string_equal(sent.size == 0 ? "" : buf_text(&sent), text);
    assert_int_equal(awaited, awaits);
    buf_clear(&sent);
}

static struct line_peer peer;

static void say(struct status_replies *replies, uint64_t ticket, const char *text)
{
    status_replies_say(replies, &peer, ticket, str_of(text));
}

static void good(struct status_replies *replies, uint64_t ticket)
{
    assert_true(status_replies_claimed(replies, &peer, ticket, true, STR("a"), STR("")));
}

static void test_a_reply_without_claims_is_sent_at_once(void **state)
{
    (void)state;
    struct status_replies replies = {0};
    say(&replies, 0, "OK");
    expect("[OK]", false);
    assert_false(status_replies_claimed(&replies, &peer, 5, true, STR("a"), STR("")));
}

static void test_replies_come_in_the_order_of_the_lines(void **state)
{
    (void)state;
    struct status_replies replies = {0};
    status_replies_expect(&replies, 1, 1);
    say(&replies, 1, "OK 1");
    say(&replies, 0, "OK 2");
    status_replies_expect(&replies, 3, 2);
    say(&replies, 3, "OK 3");
    say(&replies, 0, "OK 4");
    expect("", true);
    good(&replies, 3);
    expect("", true);
    good(&replies, 1);
    expect("[OK 1][OK 2]", true);
    good(&replies, 3);
    expect("[OK 3][OK 4]", false);
}

static void test_the_first_error_is_said(void **state)
{
    (void)state;
    struct status_replies replies = {0};
    status_replies_expect(&replies, 1, 3);
    say(&replies, 1, "OK");
    good(&replies, 1);
    assert_true(status_replies_claimed(&replies, &peer, 1, false, STR("b"), STR("")));
    assert_true(status_replies_claimed(&replies, &peer, 1, false, STR("c"), STR("no answer")));
    expect("[ERR claim b is not reserved]", false);
}

/* The claim ends while its line is still being applied. */
static void test_an_error_before_the_reply(void **state)
{
    (void)state;
    struct status_replies replies = {0};
    status_replies_expect(&replies, 1, 2);
    assert_true(status_replies_claimed(&replies, &peer, 1, false, STR("b"), STR("too many")));
    good(&replies, 1);
    expect("", true);
    say(&replies, 1, "OK");
    expect("[ERR away b: too many; say it again]", false);
}

static void test_4_kib_wait_at_most(void **state)
{
    (void)state;
    struct status_replies replies = {0};
    char text[1001];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    status_replies_expect(&replies, 1, 1);
    say(&replies, 1, "OK");
    for (int i = 0; i < 4; i++) {
        say(&replies, 0, text);
        assert_int_equal(sent.size, 0);
    }
    say(&replies, 0, "OK of the last");
    assert_int_equal(sent.size, 0);
    say(&replies, 0, text);
    assert_true(str_starts(buf_view(&sent),
                           STR("[ERR away claims: too many replies wait behind it; say it again][x")));
    assert_false(awaited);
    assert_false(status_replies_claimed(&replies, &peer, 1, true, STR("a"), STR("")));
    status_replies_fini(&replies);
    buf_fini(&sent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_reply_without_claims_is_sent_at_once),
        cmocka_unit_test(test_replies_come_in_the_order_of_the_lines),
        cmocka_unit_test(test_the_first_error_is_said),
        cmocka_unit_test(test_an_error_before_the_reply),
        cmocka_unit_test(test_4_kib_wait_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
