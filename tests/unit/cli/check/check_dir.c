#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "check_dir.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/os/file.h"

#include <stdio.h>

struct temp_dir check_dir;

int check_dir_setup(void **state)
{
    (void)state;
    return temp_dir_init(&check_dir);
}

int check_dir_teardown(void **state)
{
    (void)state;
    return temp_dir_fini(&check_dir);
}

char *check_dir_path(const char *name, char out[static 128])
{
    snprintf(out, 128, "%s/%s", check_dir.path, name);
    return out;
}

void check_dir_write(const char *name, struct str text, mode_t mode)
{
    struct error err;
    assert_int_equal(file_replace(check_dir.path, name, text, mode, false, &err), 0);
}

void check_dir_says(struct buf *problems, const char *says)
{
    struct buf expected = {0};
    for (const char *at = says; *at != '\0'; at++) {
        buf_str(&expected, *at == '%' ? str_of(check_dir.path) : (struct str){at, 1});
    }
    assert_string_equal(buf_text(problems), buf_text(&expected));
    buf_fini(problems);
    buf_fini(&expected);
}
