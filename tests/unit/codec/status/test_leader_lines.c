/* What the server hears of leadership. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/codec/status/status_line.h"

static void events(void **state)
{
    struct buf out = {0};
    (void)state;
    status_line_leader_event(&out, "world", 4711, NULL);
    assert_string_equal(buf_text(&out), "EVENT leader gained scope=world token=4711");
    buf_clear(&out);
    status_line_leader_event(&out, "world", 4711, "expired");
    assert_string_equal(buf_text(&out), "EVENT leader lost scope=world token=4711 reason=expired");
    buf_fini(&out);
}

static void beside_the_record(void **state)
{
    struct buf out = {0};
    (void)state;
    buf_str(&out, STR("{\"id\":\"w1\"}"));
    status_line_add_leader(&out, true, "world", true, 4711);
    assert_string_equal(buf_text(&out),
                        "{\"id\":\"w1\",\"leader\":[{\"scope\":\"world\",\"leads\":true,\"token\":4711}]}");
    status_line_add_leader(&out, false, "lobby", false, 0);
    assert_string_equal(buf_text(&out),
                        "{\"id\":\"w1\",\"leader\":[{\"scope\":\"world\",\"leads\":true,\"token\":4711},"
                        "{\"scope\":\"lobby\",\"leads\":false}]}");
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(events), cmocka_unit_test(beside_the_record)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
