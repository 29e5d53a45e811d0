#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/access/access_session.h"

enum { HOUR = 3600 * 1000 };
#define BEGIN INT64_C(1800000000000)

static void it_lasts_while_it_is_used_and_a_week_at_most(void **state)
{
    (void)state;
    struct access_session session = access_session_begin("olga", 17, BEGIN);
    assert_string_equal(session.name, "olga");
    assert_true(access_session_lasts(&session, BEGIN));
    assert_true(access_session_lasts(&session, BEGIN + ACCESS_SESSION_IDLE_MS - 1));
    assert_false(access_session_lasts(&session, BEGIN + ACCESS_SESSION_IDLE_MS));
    assert_false(access_session_renew(&session, BEGIN + HOUR - 1));
    assert_true(access_session_renew(&session, BEGIN + HOUR));
    assert_int_equal(session.expires_wall, BEGIN + HOUR + ACCESS_SESSION_IDLE_MS);
    assert_int_equal(session.issued_wall, BEGIN);
    int64_t now = BEGIN;
    while (now < BEGIN + ACCESS_SESSION_MOST_MS - HOUR) {
        now += HOUR;
        (void)access_session_renew(&session, now);
    }
    assert_int_equal(session.expires_wall, BEGIN + ACCESS_SESSION_MOST_MS);
    assert_true(access_session_lasts(&session, BEGIN + ACCESS_SESSION_MOST_MS - 1));
    assert_false(access_session_renew(&session, BEGIN + ACCESS_SESSION_MOST_MS - 1));
    assert_false(access_session_lasts(&session, BEGIN + ACCESS_SESSION_MOST_MS));
    /* Whatever its cookie says. */
    session.expires_wall = INT64_MAX;
    assert_false(access_session_lasts(&session, BEGIN + ACCESS_SESSION_MOST_MS));
}

static void the_newest_that_signed_out_are_remembered(void **state)
{
    (void)state;
    struct access_signed_out out = {0};
    assert_false(access_is_signed_out(&out, 0));
    for (uint64_t i = 1; i <= ACCESS_SIGNED_OUT_MAX + 1; i++) {
        access_sign_out(&out, i);
        assert_true(access_is_signed_out(&out, i));
    }
    assert_false(access_is_signed_out(&out, 1));
    assert_true(access_is_signed_out(&out, 2));
    /* A renewed cookie is of the same session, another sign-in is another one. */
    struct access_session session = access_session_begin("olga", 17, BEGIN), other = session;
    uint64_t tag = access_session_tag(&session);
    (void)access_session_renew(&session, BEGIN + 2 * HOUR);
    assert_int_equal(access_session_tag(&session), tag);
    other.issued_wall++;
    assert_int_not_equal(access_session_tag(&other), tag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_lasts_while_it_is_used_and_a_week_at_most),
        cmocka_unit_test(the_newest_that_signed_out_are_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
