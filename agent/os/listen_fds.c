#include "outrider/os/listen_fds.h"

#include "outrider/base/str.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* SD_LISTEN_FDS_START of sd_listen_fds(3) */
enum { FIRST_FD = 3, MOST_FDS = 256 };

static int socket_option(int fd, int option)
{
    int value = -1;
    socklen_t size = sizeof(value);
    return getsockopt(fd, SOL_SOCKET, option, &value, &size) < 0 ? -1 : value;
}

static enum listen_fd_kind kind_of(int fd)
{
    int domain = socket_option(fd, SO_DOMAIN);
    int type = socket_option(fd, SO_TYPE);
    bool listening = socket_option(fd, SO_ACCEPTCONN) == 1;
    if (domain == AF_UNIX && type == SOCK_DGRAM) {
        return LISTEN_FD_UNIX_DATAGRAM;
    }
    if (type != SOCK_STREAM || !listening) {
        return LISTEN_FD_OTHER;
    }
    return domain == AF_UNIX                         ? LISTEN_FD_UNIX_STREAM
           : domain == AF_INET || domain == AF_INET6 ? LISTEN_FD_INET_STREAM
                                                     : LISTEN_FD_OTHER;
}

static void get_path(struct listen_fd *entry)
{
    struct sockaddr_un address = {.sun_family = AF_UNSPEC};
    socklen_t size = sizeof(address);
    bool has = getsockname(entry->fd, (struct sockaddr *)&address, &size) == 0 &&
               address.sun_family == AF_UNIX && address.sun_path[0] == '/';
    snprintf(entry->path, sizeof(entry->path), "%.*s", has ? (int)sizeof(address.sun_path) : 0,
             address.sun_path);
}

/* One that came through execve is open and not close-on-exec. Those of this process are: where LISTEN_FDS names more than there
 * are, the next ones are the loop's. */
static bool is_inherited(int fd)
{
    int flags = fcntl(fd, F_GETFD);
    return flags >= 0 && (flags & FD_CLOEXEC) == 0;
}

size_t listen_fds_take(struct listen_fd *ret_fds, size_t max)
{
    uint64_t pid = 0, count = 0;
    struct str names = str_of(getenv("LISTEN_FDNAMES"));
    bool ours = str_to_u64(str_of(getenv("LISTEN_PID")), INT32_MAX, &pid) == 0 && (pid_t)pid == getpid() &&
                str_to_u64(str_of(getenv("LISTEN_FDS")), MOST_FDS, &count) == 0;
    size_t taken = 0;
    for (int fd = FIRST_FD; ours && fd < FIRST_FD + (int)count; fd++) {
        struct str name = str_split(names, ':', &names);
        if (!is_inherited(fd)) {
            continue;
        }
        if (taken == max) {
            close(fd);
            continue;
        }
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        struct listen_fd *entry = &ret_fds[taken++];
        *entry = (struct listen_fd){.fd = fd, .kind = kind_of(fd)};
        snprintf(entry->name, sizeof(entry->name), "%.*s", STR_ARG(name));
        get_path(entry);
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return taken;
}
