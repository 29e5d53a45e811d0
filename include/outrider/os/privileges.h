/* What a process may do beyond its user: capabilities(7), and the debuggers and core files that see its memory. */
#ifndef OUTRIDER_OS_PRIVILEGES_H
#define OUTRIDER_OS_PRIVILEGES_H

#include "outrider/base/attr.h"

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct error;

/* A set of capabilities, bit N for the one with number N; those that an agent may need after its start. */
enum {
    PRIVILEGE_CHOWN = 1 << 0,
    PRIVILEGE_DAC_OVERRIDE = 1 << 1,
    PRIVILEGE_DAC_READ_SEARCH = 1 << 2,
    PRIVILEGE_KILL = 1 << 5,
    PRIVILEGE_SETGID = 1 << 6,
    PRIVILEGE_SETUID = 1 << 7
};

/* The capabilities that this process has or could take; 0 for a usual user. */
uint64_t privileges_held(void);

/* Whether `path` can be used as `how` says (R_OK, W_OK, X_OK, access(2)) without any capability. What is not there can. */
bool privileges_reach(const char *path, int how);

/* Gives up every capability but those of `keep`, for good: also those that a program could get by exec, with
 * PR_SET_NO_NEW_PRIVS. Returns 0, or -1 with ERROR_SYSTEM, when some may be left. */
int privileges_drop(uint64_t keep, struct error *err) MUST_CHECK;

/* Gives up every capability. For a child before exec: calls the kernel alone, and allocates nothing. Returns 0, or -1 with errno. */
int privileges_give_up_all(void) MUST_CHECK;

/* Appends the names of the capabilities of `set`, separated by commas: "cap_chown,cap_kill". */
void privileges_names(uint64_t set, struct buf *out);

/* From now on no process of the same user can read the memory of this one, and no core file of it is written. Root with
 * CAP_SYS_PTRACE still can. */
void privileges_hide_memory(void);

#endif
