/* The process at the other end of a unix socket, as reported by the kernel. */
#ifndef OUTRIDER_IO_NET_CREDENTIALS_H
#define OUTRIDER_IO_NET_CREDENTIALS_H

#include <stdbool.h>
#include <sys/types.h>

struct credentials {
    bool known; /* false: the kernel reported nothing, and the other members mean nothing */
    pid_t pid;  /* in our PID namespace; 0 when the process is not visible there */
    uid_t uid;
    gid_t gid;
};

#endif
