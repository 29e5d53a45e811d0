#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/mem.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void fresh_memory_is_zero_and_never_null(void **state)
{
    (void)state;
    unsigned char *bytes = mem_zalloc(100);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(bytes[i], 0);
    }
    free(bytes);
    void *a = mem_zalloc(0), *b = mem_zalloc(0);
    assert_non_null(a);
    assert_non_null(b);
    assert_ptr_not_equal(a, b);
    free(a);
    free(b);
}

static void resizing_keeps_what_was_there(void **state)
{
    (void)state;
    char *text = mem_resize(NULL, 4, 1);
    memcpy(text, "abc", 4);
    text = mem_resize(text, 1000, 8);
    assert_string_equal(text, "abc");
    text = mem_resize(text, 0, 8);
    assert_non_null(text);
    free(text);
}

static void copies_end_in_nul(void **state)
{
    (void)state;
    char *bytes = mem_copy("a\0b", 3);
    assert_memory_equal(bytes, "a\0b", 4);
    free(bytes);
    char *empty = mem_copy(NULL, 0);
    assert_string_equal(empty, "");
    free(empty);
    char *text = mem_strdup("text");
    assert_string_equal(text, "text");
    free(text);
    assert_null(mem_strdup(NULL));
}

static void wiped_memory_is_zero(void **state)
{
    (void)state;
    char secret[] = "password";
    mem_wipe(secret, 4);
    assert_memory_equal(secret, "\0\0\0\0word", 9);
}

/* In a child, because the promise is to abort. */
static void a_size_that_overflows_aborts(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        close(STDERR_FILENO);
        volatile size_t count = SIZE_MAX / 4;
        free(mem_resize(NULL, count, 8));
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fresh_memory_is_zero_and_never_null),
        cmocka_unit_test(resizing_keeps_what_was_there),
        cmocka_unit_test(copies_end_in_nul),
        cmocka_unit_test(wiped_memory_is_zero),
        cmocka_unit_test(a_size_that_overflows_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
