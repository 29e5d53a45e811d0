#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/os/append.h"

static char path[] = "/tmp/outrider-append-XXXXXX";

static int set_up(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    append_remove(path);
    append_remove(path); /* no error */
    memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
    return 0;
}

static int open_file(bool empty, uint64_t wanted_size)
{
    struct error err;
    int fd;
    uint64_t size;
    assert_int_equal(append_open(path, empty, &err, &fd, &size), 0);
    assert_int_equal(size, wanted_size);
    return fd;
}

static void it_grows_at_its_end(void **state)
{
    (void)state;
    struct error err;
    struct buf bytes = {0};
    size_t written;
    int fd = open_file(false, 0);
    assert_int_equal(append_write(fd, STR("one "), &err, &written), 0);
    assert_int_equal(append_write(fd, STR("two "), &err, &written), 0);
    assert_int_equal(written, 4);
    assert_int_equal(append_cut(fd, 6, &err), 0);
    assert_int_equal(append_write(fd, STR("o three"), &err, &written), 0);
    append_close(fd);
    append_close(-1);
    fd = open_file(false, 13);
    assert_int_equal(append_read(fd, 4, 3, &err, &bytes), 0);
    assert_true(str_eq(buf_view(&bytes), STR("two")));
    assert_int_equal(append_read(fd, 7, 100, &err, &bytes), 0);
    assert_true(str_eq(buf_view(&bytes), STR("two three")));
    assert_int_equal(append_read(fd, 100, 100, &err, &bytes), 0);
    assert_int_equal(bytes.size, 9);
    append_close(fd);
    append_close(open_file(true, 0));
    append_close(open_file(false, 0));
    buf_fini(&bytes);
}

static void a_file_that_is_none_is_refused(void **state)
{
    (void)state;
    struct error err = {0};
    int fd = -7;
    uint64_t size;
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/dev/null", path), 0);
    assert_int_equal(append_open(path, true, &err, &fd, &size), -1);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(append_open("/tmp", false, &err, &fd, &size), -1);
    assert_int_equal(append_open("/dev/null", false, &err, &fd, &size), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    assert_int_equal(fd, -7);
}

static void what_cannot_be_written_is_said(void **state)
{
    (void)state;
    struct error err = {0};
    size_t written = 9;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(append_write(ends[0], STR("bytes"), &err, &written), -1);
    assert_int_equal(written, 0);
    assert_int_equal(append_cut(ends[0], 0, &err), -1);
    struct buf bytes = {0};
    buf_str(&bytes, STR("kept"));
    assert_int_equal(append_read(ends[0], 0, 10, &err, &bytes), -1);
    assert_true(str_eq(buf_view(&bytes), STR("kept")));
    buf_fini(&bytes);
    close(ends[0]);
    close(ends[1]);
}

static void a_file_takes_the_place_of_another(void **state)
{
    (void)state;
    struct error err;
    char other[64];
    size_t written;
    snprintf(other, sizeof(other), "%s.new", path);
    int fd;
    uint64_t size;
    assert_int_equal(append_open(other, true, &err, &fd, &size), 0);
    assert_int_equal(append_write(fd, STR("new"), &err, &written), 0);
    assert_int_equal(append_rename(other, path, &err), 0);
    append_close(fd);
    append_close(open_file(false, 3));
    assert_int_equal(append_rename(other, path, &err), -1);
    assert_non_null(strstr(err.text, other));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_grows_at_its_end),
        TEST(a_file_that_is_none_is_refused),
        TEST(what_cannot_be_written_is_said),
        TEST(a_file_takes_the_place_of_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
