#include "outrider/os/privileges.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif

_Static_assert(PRIVILEGE_CHOWN == 1 << CAP_CHOWN, "a bit for each number");
_Static_assert(PRIVILEGE_DAC_OVERRIDE == 1 << CAP_DAC_OVERRIDE, "a bit for each number");
_Static_assert(PRIVILEGE_DAC_READ_SEARCH == 1 << CAP_DAC_READ_SEARCH, "a bit for each number");
_Static_assert(PRIVILEGE_KILL == 1 << CAP_KILL, "a bit for each number");
_Static_assert(PRIVILEGE_SETGID == 1 << CAP_SETGID, "a bit for each number");
_Static_assert(PRIVILEGE_SETUID == 1 << CAP_SETUID, "a bit for each number");

/* glibc has no wrappers; libcap is not needed for two calls. */
struct capabilities {
    struct __user_cap_data_struct words[_LINUX_CAPABILITY_U32S_3];
};

static int caps_get(struct capabilities *ret_set)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    return (int)syscall(SYS_capget, &header, ret_set->words);
}

static int caps_set(const struct capabilities *caps)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    return (int)syscall(SYS_capset, &header, caps->words);
}

uint64_t privileges_held(void)
{
    struct capabilities now = {0};
    return caps_get(&now) < 0 ? 0 : (uint64_t)now.words[1].permitted << 32 | now.words[0].permitted;
}

bool privileges_reach(const char *path, int how)
{
    struct capabilities now, none;
    if (caps_get(&now) < 0) {
        return true; /* a kernel without capabilities */
    }
    none = now;
    none.words[0].effective = none.words[1].effective = 0;
    if (caps_set(&none) < 0) {
        return false;
    }
    /* By number: the library's own replacement, before Linux 5.8, believes that root may do everything. */
    int rc = (int)syscall(SYS_faccessat2, AT_FDCWD, path, how, AT_EACCESS);
    bool reached = rc == 0 || errno == ENOENT;
    return caps_set(&now) == 0 && reached;
}

/* What exec could give: not with PR_SET_NO_NEW_PRIVS, nor from an empty bounding set. Without CAP_SETPCAP the bounding set
 * stays, as it is in a process that had nothing to give up. */
static int drop_of_exec(uint64_t keep)
{
    for (int cap = 0; cap < 64 && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
        if ((keep >> cap & 1U) == 0) {
            (void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
        }
    }
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

int privileges_drop(uint64_t keep, struct error *err)
{
    uint64_t left = privileges_held() & keep;
    struct capabilities fewer = {0};
    if (drop_of_exec(keep) < 0) {
        return error_errno(err, errno, "cannot give up new privileges by exec");
    }
    for (int word = 0; word < _LINUX_CAPABILITY_U32S_3; word++) {
        fewer.words[word].permitted = fewer.words[word].effective = (uint32_t)(left >> (32 * word));
    }
    /* A process without any may not be let to ask (SystemCallFilter= of the units). */
    if (privileges_held() != 0 && caps_set(&fewer) < 0) {
        return error_errno(err, errno, "cannot give up capabilities");
    }
    return 0;
}

int privileges_give_up_all(void)
{
    static const struct capabilities none;
    return privileges_held() == 0 ? 0 : caps_set(&none);
}

/* In the order of their numbers. */
static const char *const names[] = {"cap_chown",
                                    "cap_dac_override",
                                    "cap_dac_read_search",
                                    "cap_fowner",
                                    "cap_fsetid",
                                    "cap_kill",
                                    "cap_setgid",
                                    "cap_setuid",
                                    "cap_setpcap",
                                    "cap_linux_immutable",
                                    "cap_net_bind_service",
                                    "cap_net_broadcast",
                                    "cap_net_admin",
                                    "cap_net_raw",
                                    "cap_ipc_lock",
                                    "cap_ipc_owner",
                                    "cap_sys_module",
                                    "cap_sys_rawio",
                                    "cap_sys_chroot",
                                    "cap_sys_ptrace",
                                    "cap_sys_pacct",
                                    "cap_sys_admin",
                                    "cap_sys_boot",
                                    "cap_sys_nice",
                                    "cap_sys_resource",
                                    "cap_sys_time",
                                    "cap_sys_tty_config",
                                    "cap_mknod",
                                    "cap_lease",
                                    "cap_audit_write",
                                    "cap_audit_control",
                                    "cap_setfcap",
                                    "cap_mac_override",
                                    "cap_mac_admin",
                                    "cap_syslog",
                                    "cap_wake_alarm",
                                    "cap_block_suspend",
                                    "cap_audit_read",
                                    "cap_perfmon",
                                    "cap_bpf",
                                    "cap_checkpoint_restore"};

void privileges_names(uint64_t set, struct buf *out)
{
    const char *comma = "";
    for (unsigned cap = 0; cap < 64; cap++) {
        if ((set >> cap & 1U) == 0) {
            continue;
        }
        if (cap < COUNT_OF(names)) {
            buf_printf(out, "%s%s", comma, names[cap]);
        } else {
            buf_printf(out, "%s%u", comma, cap);
        }
        comma = ",";
    }
}

void privileges_hide_memory(void)
{
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0});
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
