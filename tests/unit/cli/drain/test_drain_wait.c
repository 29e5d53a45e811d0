#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/drain/drain_wait_internal.h"
#include "outrider/base/buf.h"

static void the_hold_of_the_operator_decides(void **state)
{
    (void)state;
    static const struct {
        const char *document;
        enum drain_wait_end end;
        const char *words;
    } cases[] = {
        {"{\"holds\":[{\"kind\":\"ops\",\"outcome\":\"waiting\"}]}", DRAIN_WAIT_ON, ""},
        {"{\"holds\":[{\"kind\":\"self\",\"outcome\":\"empty\"},{\"kind\":\"ops\",\"outcome\":\"waiting\"}]}",
         DRAIN_WAIT_ON, ""},
        {"{\"holds\":[{\"kind\":\"ops\"}]}", DRAIN_WAIT_ON, ""},
        {"{\"holds\":[{\"kind\":\"ops\",\"outcome\":\"empty\"}]}", DRAIN_WAIT_DONE, "empty: no players left"},
        {"{\"holds\":[{\"kind\":\"ops\",\"outcome\":\"gone\"}]}", DRAIN_WAIT_DONE,
         "gone: the server has ended"},
        {"{\"holds\":[{\"kind\":\"ops\",\"outcome\":\"deadline\"}],\"life\":{\"players\":12}}",
         DRAIN_WAIT_FAILED, "deadline reached: players left: 12"},
        {"{\"holds\":[{\"kind\":\"ops\",\"outcome\":\"deadline\"}],\"life\":{\"players\":null}}",
         DRAIN_WAIT_FAILED, "deadline reached: number of players unknown"},
        {"{\"holds\":[]}", DRAIN_WAIT_FAILED, "undrained: the hold was lifted or expired"},
        {"{\"holds\":[{\"kind\":\"self\",\"outcome\":\"empty\"}]}", DRAIN_WAIT_FAILED,
         "undrained: the hold was lifted or expired"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf words = {0};
        json_t *root = json_loads(cases[i].document, 0, NULL);
        assert_int_equal(drain_wait_end(root, &words), cases[i].end);
        assert_string_equal(buf_text(&words), cases[i].words);
        json_decref(root);
        buf_fini(&words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_hold_of_the_operator_decides)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
