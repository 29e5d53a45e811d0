#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/os/privileges.h"
#include "support/temp_dir.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Capabilities of a process that drops them do not come back, so each test has a process of its own. Returns its exit status. */
static int in_a_child(int (*run)(void))
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        _exit(run());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

static int drop_all(void)
{
    struct error err;
    if (privileges_drop(0, &err) < 0 || privileges_held() != 0) {
        return 1;
    }
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) {
        return 2;
    }
    /* Root has its bounding set emptied, so that exec brings nothing back. */
    if (geteuid() == 0 &&
        (prctl(PR_CAPBSET_READ, 0, 0, 0, 0) != 0 || prctl(PR_CAPBSET_READ, 21, 0, 0, 0) != 0)) {
        return 3;
    }
    return privileges_drop(0, &err) == 0 ? 0 : 4; /* there is nothing left to give up */
}

static int keep_one(void)
{
    struct error err;
    if (privileges_drop(PRIVILEGE_CHOWN, &err) < 0 || privileges_held() != PRIVILEGE_CHOWN) {
        return 1;
    }
    return prctl(PR_CAPBSET_READ, 0, 0, 0, 0) == 1 ? 0 : 2;
}

static void what_is_dropped_is_gone_for_good(void **state)
{
    (void)state;
    assert_int_equal(in_a_child(drop_all), 0);
    if ((privileges_held() & PRIVILEGE_CHOWN) != 0) {
        assert_int_equal(in_a_child(keep_one), 0);
    }
}

static void reach_does_not_count_capabilities(void **state)
{
    (void)state;
    struct temp_dir dir;
    uint64_t held = privileges_held();
    assert_int_equal(temp_dir_init(&dir), 0);
    const char *path = temp_path(&dir, "file");
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    assert_true(privileges_reach(path, R_OK | W_OK));
    assert_true(privileges_reach(temp_path(&dir, "absent"), R_OK));
    assert_int_equal(chmod(path, 0400), 0);
    assert_false(privileges_reach(path, W_OK));
    if (geteuid() == 0 && chown(path, 65534, 65534) == 0) {
        assert_int_equal(access(path, R_OK), 0); /* root, with what it has now */
        assert_false(privileges_reach(path, R_OK));
    }
    assert_true(privileges_held() == held);
    assert_int_equal(unlink(path) + temp_dir_fini(&dir), 0);
}

static void names_are_those_of_the_manual(void **state)
{
    (void)state;
    struct buf text = {0};
    privileges_names(PRIVILEGE_CHOWN | 1U << 21 | UINT64_C(1) << 40 | UINT64_C(1) << 63, &text);
    assert_string_equal(buf_text(&text), "cap_chown,cap_sys_admin,cap_checkpoint_restore,63");
    buf_fini(&text);
    privileges_names(0, &text);
    assert_string_equal(buf_text(&text), "");
    buf_fini(&text);
}

static int hide(void)
{
    struct rlimit limit;
    privileges_hide_memory();
    if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0 || getrlimit(RLIMIT_CORE, &limit) < 0 ||
        limit.rlim_max != 0) {
        return 1;
    }
    /* What the agent reads of itself. */
    static const char *const own[] = {"/proc/self/status", "/proc/self/statm", "/proc/self/ns/pid",
                                      "/proc/self/uid_map", "/proc/self/fdinfo/1"};
    struct stat st;
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (stat(own[i], &st) < 0 || access(own[i], R_OK) < 0) {
            return 2;
        }
    }
    return access("/proc/self/fd/1", F_OK) == 0 ? 0 : 3;
}

static int hide_as_a_usual_user(void)
{
    return geteuid() != 0 || (setgid(65534) == 0 && setuid(65534) == 0) ? hide() : 9;
}

static void the_memory_is_hidden_and_own_facts_are_not(void **state)
{
    (void)state;
    assert_int_equal(in_a_child(hide), 0);
    assert_int_equal(in_a_child(hide_as_a_usual_user), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_dropped_is_gone_for_good),
        cmocka_unit_test(reach_does_not_count_capabilities),
        cmocka_unit_test(names_are_those_of_the_manual),
        cmocka_unit_test(the_memory_is_hidden_and_own_facts_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
