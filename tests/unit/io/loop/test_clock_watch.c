/* The clock of the machine is not set by a test: the timerfd is replaced by an eventfd, which the test makes
 * readable as the kernel does with a cancelled timer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/error.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/loop/loop_watch.h"
#include "outrider/io/loop/timer.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

static int timer_fd = -1, armed, refuse;

int timerfd_create(int clock, int flags)
{
    if (clock != CLOCK_REALTIME) {
        return (int)syscall(SYS_timerfd_create, clock, flags); /* of the loop */
    }
    assert_true((flags & TFD_CLOEXEC) != 0 && (flags & TFD_NONBLOCK) != 0);
    if (refuse == 1) {
        errno = EMFILE;
        return -1;
    }
    timer_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return timer_fd;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *when, struct itimerspec *before)
{
    if (fd != timer_fd) {
        return (int)syscall(SYS_timerfd_settime, fd, flags, when, before);
    }
    assert_int_equal(flags, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET);
    assert_true(when->it_value.tv_sec > 4102444800); /* beyond the year 2100 */
    assert_null(before);
    armed++;
    if (refuse == 2) {
        errno = EINVAL;
        return -1;
    }
    return 0;
}

struct seen {
    struct loop *loop;
    int times, until;
};

static void on_clock(void *user)
{
    struct seen *seen = user;
    if (++seen->times == seen->until) {
        loop_stop(seen->loop);
    }
}

static void set_clock(void)
{
    uint64_t one = 1;
    assert_int_equal(write(timer_fd, &one, sizeof(one)), sizeof(one));
}

static void on_timer(void *user)
{
    struct seen *seen = user;
    if (seen->times == 0) {
        set_clock();
    } else {
        loop_stop(seen->loop);
    }
}

static void notifies_each_time(void **state)
{
    (void)state;
    struct error err;
    struct seen seen = {.loop = loop_new(&err), .until = 1};
    armed = refuse = 0;
    struct loop_watch *watch = loop_watch_clock(seen.loop, on_clock, &seen, &err);
    assert_non_null(watch);
    assert_int_equal(armed, 1);
    struct timer *timer = timer_new(seen.loop, on_timer, &seen);
    timer_arm_ms(timer, 1);
    loop_run(seen.loop);
    assert_int_equal(seen.times, 1);
    assert_int_equal(armed, 2);
    seen.until = 2;
    set_clock();
    loop_run(seen.loop);
    assert_int_equal(seen.times, 2);
    assert_int_equal(armed, 3);
    timer_free(timer);
    loop_watch_free(watch);
    loop_free(seen.loop);
}

static void without_such_timers_it_fails(void **state)
{
    (void)state;
    struct error err;
    struct loop *loop = loop_new(&err);
    for (refuse = 1; refuse <= 2; refuse++) {
        assert_null(loop_watch_clock(loop, on_clock, NULL, &err));
        assert_int_equal(err.code, ERROR_SYSTEM);
    }
    loop_watch_free(NULL);
    loop_free(loop);
    timer_fd = -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(notifies_each_time),
                                       cmocka_unit_test(without_such_timers_it_fails)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
