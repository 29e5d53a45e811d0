/* Who is at the other end of a unix socket, as the kernel says. */
#ifndef OUTRIDER_IO_NET_CREDENTIALS_H
#define OUTRIDER_IO_NET_CREDENTIALS_H

#include <stdbool.h>
#include <sys/types.h>

struct credentials {
    bool known; /* false: the kernel did not say, and the rest means nothing */
    pid_t pid;  /* in our PID namespace; 0 when the process is not visible there */
    uid_t uid;
    gid_t gid;
};

#endif
