#include "sandbox_internal.h"

#include "outrider/base/error.h"

#include <assert.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __has_feature /* of clang, which does not define what gcc defines */
#define __has_feature(name) 0
#endif

/* TSYNC: for every thread. LOG: what is refused is logged too. SPEC_ALLOW: the process runs no code of others, so that no
 * kernel need slow it down for that. */
enum {
    FLAGS = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW,
    FLAGS_OF_OLD_KERNELS = SECCOMP_FILTER_FLAG_TSYNC /* before 4.17 */
};

/* By number: the C library has no wrapper. */
static long set_filter(unsigned flags, const struct sock_fprog *program)
{
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, program);
}

static int no_program(struct error *err)
{
    return error_set(err, ERROR_NOT_FOUND,
                     "this build has no filter of system calls; build it where libseccomp is installed");
}

int sandbox_enter(unsigned more, struct error *err)
{
    assert(more < SANDBOX_PROGRAMS);
    const struct sandbox_program *own = &sandbox_programs[more];
    struct sock_fprog program = {.len = (unsigned short)own->count,
                                 .filter = (struct sock_filter *)(uintptr_t)own->filter};
    if (own->count == 0) {
        return no_program(err);
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
        return error_errno(err, errno, "cannot give up new privileges");
    }
    long rc = set_filter(FLAGS, &program);
    if (rc < 0) {
        rc = set_filter(FLAGS_OF_OLD_KERNELS, &program);
    }
    if (rc > 0) { /* the number of a thread */
        return error_set(err, ERROR_SYSTEM, "cannot filter system calls: thread %ld has a filter of its own",
                         rc);
    }
    /* The other way to the same: a filter around the process may know only this one. */
    if (rc < 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0) {
        return error_errno(err, errno, "cannot filter system calls");
    }
    return 0;
}

int sandbox_check(struct error *err)
{
    if (sandbox_programs[0].count == 0) {
        return no_program(err);
    }
    /* A kernel that can do it reads the program, which is nowhere (seccomp(2), "EFAULT"). */
    if (set_filter(FLAGS, NULL) < 0 && errno != EFAULT && set_filter(FLAGS_OF_OLD_KERNELS, NULL) < 0 &&
        errno != EFAULT && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) < 0 && errno != EFAULT) {
        return error_errno(err, errno,
                           "this kernel, or what runs the agent, lets no process filter system calls");
    }
    return 0;
}

const char *sandbox_hindrance(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) ||     \
    __has_feature(memory_sanitizer) || __has_feature(thread_sanitizer)
    return "this build has sanitizers, which make calls of their own";
#else
    const char *preloaded = getenv("LD_PRELOAD");
    return preloaded != NULL && strstr(preloaded, "/vgpreload_") != NULL
               ? "it runs under valgrind, which makes calls of its own"
               : NULL;
#endif
}
