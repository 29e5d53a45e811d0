#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/error.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/loop/loop_sync.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct world {
    struct loop *loop;
    struct loop_sync *sync;
    int calls, failure;
};

static void on_synced(int failure, void *user)
{
    struct world *w = user;
    w->calls++;
    w->failure = failure;
}

static void begin(struct world *w)
{
    struct error err;
    *w = (struct world){.failure = -1};
    w->loop = loop_new(&err);
    assert_non_null(w->loop);
    w->sync = loop_sync_new(w->loop, on_synced, w);
}

static void finish(struct world *w)
{
    loop_sync_free(w->sync);
    loop_free(w->loop);
}

static int some_file(void)
{
    char path[] = "/tmp/outrider-sync-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    assert_int_equal(write(fd, "x", 1), 1);
    return fd;
}

static void wait_for(struct world *w, int calls)
{
    while (w->calls < calls) {
        loop_turn_once(w->loop, true);
    }
}

/* Never from within, and again and again; the file may be closed meanwhile. */
static void test_synced(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    for (int i = 1; i <= 3; i++) {
        int fd = some_file();
        loop_sync_begin(w.sync, fd);
        assert_int_equal(w.calls, i - 1);
        assert_true(loop_sync_runs(w.sync));
        close(fd);
        wait_for(&w, i);
        assert_int_equal(w.failure, 0);
        assert_false(loop_sync_runs(w.sync));
    }
    finish(&w);
}

/* A descriptor that cannot be synced is a failure that comes the same way. */
static void test_failed(void **state)
{
    (void)state;
    struct world w;
    int fds[2];
    begin(&w);
    assert_int_equal(pipe(fds), 0);
    loop_sync_begin(w.sync, fds[1]);
    assert_int_equal(w.calls, 0);
    wait_for(&w, 1);
    assert_int_equal(w.failure, EINVAL);
    close(fds[0]);
    close(fds[1]);
    finish(&w);
}

static void test_freed_while_it_runs(void **state)
{
    (void)state;
    struct world w;
    int fd = some_file();
    begin(&w);
    loop_sync_begin(w.sync, fd);
    loop_sync_free(w.sync);
    w.sync = NULL;
    loop_turn_once(w.loop, false);
    assert_int_equal(w.calls, 0);
    close(fd);
    finish(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_synced),
        cmocka_unit_test(test_failed),
        cmocka_unit_test(test_freed_while_it_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
