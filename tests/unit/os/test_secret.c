#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/os/file.h"
#include "outrider/os/secret.h"
#include "support/temp_dir.h"

#include <sys/stat.h>

static struct temp_dir dir;

static int setup(void **state)
{
    (void)state;
    return temp_dir_init(&dir);
}

static int teardown(void **state)
{
    (void)state;
    return temp_dir_fini(&dir);
}

static void what_editors_add_is_none_of_it(void **state)
{
    static const struct {
        struct str text;
        const char *secret;
    } rows[] = {
        {{"geheim", 6}, "geheim"},          {{"geheim\n", 7}, "geheim"},
        {{"geheim\r\n", 8}, "geheim"},      {{"\xef\xbb\xbfgeheim\n", 10}, "geheim"},
        {{" ge heim \n", 10}, " ge heim "}, /* a password may have blanks */
        {{"geheim\n\n", 8}, "geheim\n"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf secret = {0};
        struct error err;
        assert_int_equal(file_replace(dir.path, "secret", rows[i].text, 0600, false, &err), 0);
        assert_int_equal(secret_read(temp_path(&dir, "secret"), 64, &err, &secret), 0);
        assert_string_equal(buf_text(&secret), rows[i].secret);
        assert_int_equal(secret.size, strlen(rows[i].secret));
        secret_fini(&secret);
        assert_null(secret.data);
    }
}

static void refused(const char *name, enum error_code code, const char *why)
{
    struct buf secret = {0};
    struct error err = {0};
    assert_int_equal(secret_read(temp_path(&dir, name), 64, &err, &secret), -1);
    assert_int_equal(err.code, code);
    assert_non_null(strstr(err.text, why));
    assert_non_null(strstr(err.text, temp_path(&dir, name)));
    assert_null(secret.data);
}

/* Each of these passed for a token, and a client that guessed the one byte could drain the fleet. */
static void what_is_no_secret_is_refused(void **state)
{
    static const struct {
        struct str text;
        enum error_code code;
        const char *why;
    } rows[] = {
        {{"", 0}, ERROR_INVALID, "is empty"},          {{"\n", 1}, ERROR_INVALID, "is empty"},
        {{"\xef\xbb\xbf", 3}, ERROR_INVALID, "empty"}, {{" \t \n", 4}, ERROR_INVALID, "is blank"},
        {{"x", 1}, ERROR_INVALID, "only one byte"},    {{" x\n", 3}, ERROR_INVALID, "only one byte"},
    };
    (void)state;
    char giant[65];
    struct error err;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(file_replace(dir.path, "secret", rows[i].text, 0600, false, &err), 0);
        refused("secret", rows[i].code, rows[i].why);
    }
    memset(giant, 'g', sizeof(giant));
    assert_int_equal(file_replace(dir.path, "secret", (struct str){giant, sizeof(giant)}, 0600, false, &err),
                     0);
    refused("secret", ERROR_LIMIT, "larger than 64 bytes");
    assert_int_equal(mkfifo(temp_path(&dir, "fifo"), 0600), 0);
    refused("fifo", ERROR_INVALID, "not a regular file");
    refused(".", ERROR_INVALID, "not a regular file");
    refused("absent", ERROR_NOT_FOUND, "cannot read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_editors_add_is_none_of_it, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_secret_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
