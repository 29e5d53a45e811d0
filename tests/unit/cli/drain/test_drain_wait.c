#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/drain/drain_wait_internal.h"
#include "outrider/base/buf.h"
#include "outrider/cli/common/cli.h"

static void the_hold_of_the_operator_decides(void **state)
{
    (void)state;
    static const struct {
        const char *document;
        int end;
        const char *words;
    } cases[] = {
        {"{\"holds\":[{\"kind\":\"ops\",\"outcome\":\"waiting\"}]}", DRAIN_WAIT_ON, ""},
        {"{\"holds\":[{\"kind\":\"self\",\"outcome\":\"empty\"},{\"kind\":\"ops\",\"outcome\":\"waiting\"}]}",
         DRAIN_WAIT_ON, ""},
        {"{\"holds\":[{\"kind\":\"ops\"}]}", DRAIN_WAIT_ON, ""},
        {"{\"holds\":[{\"kind\":\"ops\",\"outcome\":\"empty\"}]}", EX_DONE, "empty: no players left"},
        {"{\"holds\":[{\"kind\":\"ops\",\"outcome\":\"gone\"}]}", EX_DONE, "gone: the server has ended"},
        {"{\"holds\":[{\"kind\":\"ops\",\"outcome\":\"deadline\"}],\"life\":{\"players\":12}}", EX_FAILED,
         "deadline reached: players left: 12"},
        {"{\"holds\":[{\"kind\":\"ops\",\"outcome\":\"deadline\"}],\"life\":{\"players\":null}}", EX_FAILED,
         "deadline reached: number of players unknown"},
        {"{\"holds\":[]}", EX_FAILED, "undrained: the hold was lifted or expired"},
        {"{\"holds\":[{\"kind\":\"self\",\"outcome\":\"empty\"}]}", EX_FAILED,
         "undrained: the hold was lifted or expired"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf words = {0};
        struct drain_wait wait = {0};
        json_t *root = json_loads(cases[i].document, 0, NULL);
        assert_int_equal(drain_wait_judge(&wait, root, &words), cases[i].end);
        assert_string_equal(buf_text(&words), cases[i].words);
        json_decref(root);
        buf_fini(&words);
    }
}

/* The hold may not be in the record yet when the wait begins, and players may come back. */
static void a_record_is_judged_over_several_polls(void **state)
{
    (void)state;
    static const char held[] = "{\"players\":0,\"drain\":{\"holds\":[\"self\",\"ops\"]}}",
                      busy[] = "{\"players\":1,\"drain\":{\"holds\":[\"ops\"]}}",
                      unheld[] = "{\"players\":0,\"drain\":{\"holds\":[\"self\"]}}";
    static const struct {
        const char *polls[8];
        int end;
        const char *words;
    } cases[] = {
        {{unheld, unheld, held, held, held, held}, EX_DONE, "empty: no players left"},
        {{held, held, held, busy, held, held, held, held}, EX_DONE, "empty: no players left"},
        {{held, unheld}, EX_FAILED, "undrained: the hold was lifted or expired"},
        {{unheld, busy, "{}"}, EX_FAILED, "undrained: the hold was lifted or expired"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf words = {0};
        struct drain_wait wait = {.record = "/"};
        int end = DRAIN_WAIT_ON;
        for (size_t poll = 0; poll < COUNT_OF(cases[i].polls) && cases[i].polls[poll] != NULL; poll++) {
            assert_int_equal(end, DRAIN_WAIT_ON);
            json_t *root = json_loads(cases[i].polls[poll], 0, NULL);
            end = drain_wait_judge(&wait, root, &words);
            json_decref(root);
        }
        assert_int_equal(end, cases[i].end);
        assert_string_equal(buf_text(&words), cases[i].words);
        buf_fini(&words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_hold_of_the_operator_decides),
                                       cmocka_unit_test(a_record_is_judged_over_several_polls)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
