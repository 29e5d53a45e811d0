/* Changes of addresses, in a network namespace of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/error.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/loop/loop_watch.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"
#include "support/network.h"

struct seen {
    struct loop *loop;
    unsigned calls;
    bool over;
    struct timer *timer;
    unsigned changes;
};

static void on_change(void *user)
{
    struct seen *seen = user;
    seen->calls++;
}

static void on_over(void *user)
{
    struct seen *seen = user;
    seen->over = true;
}

/* Changes come four times in a pause for longer than it is waited for. */
static void on_next(void *user)
{
    struct seen *seen = user;
    char words[64];
    snprintf(words, sizeof(words), "addr add 198.51.100.%u/32 dev lo", ++seen->changes);
    seen->over = seen->calls > 0 || !network_ip(words);
    timer_arm_ms(seen->timer, LOOP_WATCH_PAUSE_MS / 4);
}

static bool run(struct seen *seen)
{
    struct error err;
    struct loop_watch *watch = loop_watch_network(seen->loop, on_change, seen, &err);
    struct timer *over = timer_new(seen->loop, on_over, seen);
    bool good = watch != NULL;
    timer_arm_ms(over, LOOP_WATCH_PAUSE_MS);
    while (good && !seen->over) {
        loop_turn_once(seen->loop, true);
    }
    good = good && seen->calls == 0; /* nothing has changed */

    seen->over = false;
    int64_t start = clock_mono_ms();
    good = good && network_ip("addr add 198.51.100.100/32 dev lo") &&
           network_ip("addr del 198.51.100.100/32 dev lo") && network_ip("-6 addr add fd00::1/128 dev lo");
    while (good && seen->calls == 0) {
        loop_turn_once(seen->loop, true);
    }
    timer_arm_ms(over, LOOP_WATCH_PAUSE_MS + LOOP_WATCH_PAUSE_MS / 2);
    while (good && !seen->over) {
        loop_turn_once(seen->loop, true);
    }
    good =
        good && seen->calls == 1 && clock_mono_ms() - start >= LOOP_WATCH_PAUSE_MS; /* all of them at once */

    *seen = (struct seen){.loop = seen->loop, .timer = timer_new(seen->loop, on_next, seen)};
    timer_arm_ms(seen->timer, 0);
    while (good && !seen->over) {
        loop_turn_once(seen->loop, true);
    }
    good = good && seen->calls == 1 && seen->changes > 4; /* while they go on */
    timer_free(seen->timer);
    timer_free(over);
    loop_watch_free(watch);
    return good;
}

static void changes_are_reported_when_they_pause(void **state)
{
    (void)state;
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        struct error err;
        network_enter();
        struct seen seen = {.loop = loop_new(&err)};
        bool good = seen.loop != NULL && run(&seen);
        loop_free(seen.loop);
        _exit(good ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == NETWORK_SKIPPED) {
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_are_reported_when_they_pause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
