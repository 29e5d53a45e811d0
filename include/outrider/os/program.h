/* A program that is started without a shell. The caller does not stall with its size: its memory is not copied (vfork(2)). */
#ifndef OUTRIDER_OS_PROGRAM_H
#define OUTRIDER_OS_PROGRAM_H

#include "outrider/base/attr.h"

#include <stdbool.h>
#include <sys/types.h>

struct error;

enum { PROGRAM_GROUPS_MAX = 64 };

/* A user as the password file has it. */
struct program_user {
    uid_t uid;
    gid_t gid;
    gid_t groups[PROGRAM_GROUPS_MAX];
    int group_count;
    char name[64], home[256];
};

/* Looks up `name`, a name or the number of a user; NULL: the user of this process. May ask servers of names (nsswitch.conf), and
 * wait for them. Returns 0; or -1 with ERROR_NOT_FOUND or, for more groups than fit, ERROR_LIMIT. */
int program_user_find(const char *name, struct error *err, struct program_user *ret_user) MUST_CHECK;

/* What is started. The program has no signal blocked; signals that this process handles or ignores are as they were, but SIGPIPE
 * and SIGCHLD are not ignored. It is killed when the thread that starts it ends. */
struct program {
    char *const *words;              /* ended by NULL: the file and the arguments */
    char *const *environment;        /* likewise; NULL: that of this process */
    const char *directory;           /* NULL: that of this process */
    const struct program_user *user; /* NULL: that of this process; else it has no capability either */
    int output;  /* becomes its standard output and its standard error; -1: those of this process */
    bool search; /* a first word without a slash is looked up in $PATH */
    bool group;  /* it leads a process group of its own */
};

/* Starts it and returns once it runs. Returns 0; or -1 with ERROR_NOT_FOUND (no such file) or ERROR_SYSTEM (also: not
 * executable, or this process may not become that user). The caller waits for the child. */
int program_start(const struct program *program, struct error *err, pid_t *ret_pid) MUST_CHECK;

#endif
