#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/error.h"
#include "outrider/os/process.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static struct error err;

static void start_time_survives_any_name(void **state)
{
    (void)state;
    uint64_t before = 0, after = 0;
    assert_int_equal(process_start_time(getpid(), &err, &before), 0);
    assert_true(before > 0);
    assert_int_equal(prctl(PR_SET_NAME, ") S 1 (x) 9"), 0);
    assert_int_equal(process_start_time(getpid(), &err, &after), 0);
    assert_int_equal(prctl(PR_SET_NAME, "test"), 0);
    assert_true(before == after);
}

static void without_the_process_it_is_not_found(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        _exit(0);
    }
    waitpid(child, NULL, 0);
    uint64_t ticks = 7;
    uid_t uid = 7;
    assert_int_equal(process_start_time(child, &err, &ticks), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(process_uid(child, &err, &uid), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_true(ticks == 7 && uid == 7);
}

static void returns_the_real_user(void **state)
{
    (void)state;
    uid_t uid = (uid_t)-2;
    assert_int_equal(process_uid(getpid(), &err, &uid), 0);
    assert_int_equal(uid, getuid());
}

static void boot_id_is_a_uuid(void **state)
{
    (void)state;
    char one[PROCESS_BOOT_ID_LENGTH + 1], two[PROCESS_BOOT_ID_LENGTH + 1];
    assert_int_equal(process_boot_id(&err, one), 0);
    assert_int_equal(process_boot_id(&err, two), 0);
    assert_string_equal(one, two);
    assert_int_equal(strlen(one), PROCESS_BOOT_ID_LENGTH);
    assert_int_equal(one[8], '-');
}

static void reaps_what_has_ended_and_no_more(void **state)
{
    (void)state;
    int hold[2];
    assert_int_equal(pipe(hold), 0);
    pid_t children[3];
    for (int i = 0; i < 3; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            char byte;
            close(hold[1]);
            _exit(i == 2 && read(hold[0], &byte, 1) != 0);
        }
    }
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)children[0], &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(waitid(P_PID, (id_t)children[1], &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(process_reap(), 2);
    assert_int_equal(process_reap(), 0);
    close(hold[1]);
    assert_int_equal(waitpid(children[2], NULL, 0), children[2]);
    assert_int_equal(process_reap(), 0);
    close(hold[0]);
}

static void raises_its_files_to_what_is_allowed(void **state)
{
    (void)state;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max / 2;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_true(process_files_max() == limit.rlim_max / 2);
    assert_true(process_files_for_peers() == limit.rlim_max / 2 - 32);
    process_raise_files();
    assert_true(process_files_max() == limit.rlim_max);
}

static void memory_that_is_touched_shows(void **state)
{
    (void)state;
    size_t size = 64 << 20;
    int64_t before = process_usage().resident_bytes;
    assert_true(before > 100000);
    char *block = malloc(size);
    assert_non_null(block);
    memset(block, 1, size);
    int64_t after = process_usage().resident_bytes;
    /* Read, so that the compiler keeps the writes. */
    assert_int_equal(block[size / 2], 1);
    free(block);
    assert_true(after - before > (int64_t)(size / 2));
}

static void time_that_is_spent_shows(void **state)
{
    (void)state;
    int64_t before = process_usage().cpu_us;
    volatile unsigned sum = 0;
    while (process_usage().cpu_us < before + 2000) {
        sum += 1;
    }
    assert_true(process_usage().cpu_us >= before + 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_time_survives_any_name),
        cmocka_unit_test(without_the_process_it_is_not_found),
        cmocka_unit_test(returns_the_real_user),
        cmocka_unit_test(boot_id_is_a_uuid),
        cmocka_unit_test(reaps_what_has_ended_and_no_more),
        cmocka_unit_test(raises_its_files_to_what_is_allowed),
        cmocka_unit_test(memory_that_is_touched_shows),
        cmocka_unit_test(time_that_is_spent_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
