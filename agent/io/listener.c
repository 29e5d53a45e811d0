#include "outrider/io/listener.h"

#include "outrider/base/error.h"
#include "outrider/base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 128 };

static int fill_path(struct sockaddr_un *address, const char *path, struct error *err)
{
    size_t size = strlen(path);
    if (size == 0) {
        return error_set(err, ERROR_INVALID, "a unix socket needs a path");
    }
    if (size >= sizeof(address->sun_path)) {
        return error_set(err, ERROR_INVALID,
                         "socket path %s has %zu bytes; the system allows %zu: choose a shorter one", path,
                         size, sizeof(address->sun_path) - 1);
    }
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, path, size + 1);
    return 0;
}

/* Only a refused connection shows that nobody has the file open: a full backlog (EAGAIN) or a socket of the
 * other type (EPROTOTYPE) is somebody. */
static int remove_stale(const struct sockaddr_un *address, int type, struct error *err)
{
    const char *path = address->sun_path;
    struct stat status;
    if (lstat(path, &status) < 0) {
        return errno == ENOENT ? 0 : error_errno(err, errno, "cannot look at %s", path);
    }
    if (!S_ISSOCK(status.st_mode)) {
        return error_set(err, ERROR_INVALID,
                         "%s exists and is not a socket: remove it or choose another path", path);
    }
    int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return error_errno(err, errno, "cannot make a unix socket");
    }
    int result = connect(fd, (const struct sockaddr *)address, sizeof(*address));
    int problem = result < 0 ? errno : 0;
    close(fd);
    if (problem == EACCES || problem == EPERM) {
        return error_errno(err, problem, "cannot tell whether %s is in use", path);
    }
    if (problem != ECONNREFUSED && problem != ENOENT) {
        return error_set(err, ERROR_BUSY, "%s is in use: another process answers on it", path);
    }
    if (problem == ECONNREFUSED && unlink(path) < 0 && errno != ENOENT) {
        return error_errno(err, errno, "cannot remove the stale socket %s", path);
    }
    return 0;
}

/* The file takes the mode of the unbound socket (Linux, unix(7)), so it is never open to more than its owner,
 * and the process-wide umask stays as it is. */
static int bind_file(int fd, const struct sockaddr_un *address, int type, mode_t mode, gid_t gid,
                     struct error *err)
{
    const char *path = address->sun_path;
    if (fchmod(fd, S_IRUSR | S_IWUSR) < 0 ||
        bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0) {
        enum error_code code = errno == EADDRINUSE ? ERROR_BUSY : ERROR_SYSTEM;
        error_errno(err, errno, "cannot bind %s", path);
        if (err != NULL) {
            err->code = code;
        }
        return -1;
    }
    int problem = 0;
    if (gid != (gid_t)-1 && lchown(path, (uid_t)-1, gid) < 0) {
        problem = error_errno(err, errno, "cannot give %s to group %ld", path, (long)gid);
    } else if (chmod(path, mode) < 0) {
        problem = error_errno(err, errno, "cannot set mode %03o on %s", (unsigned int)mode, path);
    } else if (type == SOCK_STREAM && listen(fd, BACKLOG) < 0) {
        problem = error_errno(err, errno, "cannot listen on %s", path);
    }
    if (problem < 0) {
        unlink(path);
    }
    return problem;
}

int unix_socket_bind(const char *path, int type, mode_t mode, gid_t gid, struct error *err,
                     struct unix_socket *ret_socket)
{
    struct sockaddr_un address;
    if (fill_path(&address, path, err) < 0 || remove_stale(&address, type, err) < 0) {
        return -1;
    }
    int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return error_errno(err, errno, "cannot make a unix socket");
    }
    struct stat status = {0};
    if (bind_file(fd, &address, type, mode, gid, err) < 0) {
        close(fd);
        return -1;
    }
    bool known = lstat(path, &status) == 0;
    *ret_socket = (struct unix_socket){
        .fd = fd,
        .path = known ? mem_strdup(path) : NULL,
        .device = status.st_dev,
        .inode = status.st_ino,
    };
    return 0;
}

void unix_socket_close(struct unix_socket *socket)
{
    if (socket == NULL || socket->fd < 0) {
        return;
    }
    struct stat status;
    if (socket->path != NULL && lstat(socket->path, &status) == 0 && status.st_dev == socket->device &&
        status.st_ino == socket->inode) {
        unlink(socket->path);
    }
    close(socket->fd);
    free(socket->path);
    *socket = (struct unix_socket){.fd = -1};
}

static int parse_address(const char *host, uint16_t port, struct sockaddr_storage *ret_address,
                         socklen_t *ret_size)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &v4.sin_addr) == 1) {
        memcpy(ret_address, &v4, sizeof(v4));
        *ret_size = sizeof(v4);
        return 0;
    }
    if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1) {
        memcpy(ret_address, &v6, sizeof(v6));
        *ret_size = sizeof(v6);
        return 0;
    }
    return -1;
}

static uint16_t bound_port(int fd)
{
    union {
        struct sockaddr_storage any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.any = {0}};
    socklen_t size = sizeof(address);
    getsockname(fd, (struct sockaddr *)&address, &size);
    return ntohs(address.any.ss_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

int tcp_listen(const char *host, uint16_t port, struct error *err, int *ret_fd, uint16_t *ret_port)
{
    struct sockaddr_storage address = {0};
    socklen_t size = 0;
    if (parse_address(host, port, &address, &size) < 0) {
        return error_set(err, ERROR_INVALID, "cannot listen on %s: not an IP address", host);
    }
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return error_errno(err, errno, "cannot listen on %s port %u", host, port);
    }
    int on = 1;
    int off = 0;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address.ss_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    }
    if (bind(fd, (const struct sockaddr *)&address, size) < 0 || listen(fd, BACKLOG) < 0) {
        int problem = errno;
        close(fd);
        if (problem == EADDRINUSE) {
            return error_set(err, ERROR_BUSY, "cannot listen on %s port %u: the address is in use", host,
                             port);
        }
        return error_errno(err, problem, "cannot listen on %s port %u", host, port);
    }
    *ret_fd = fd;
    *ret_port = bound_port(fd);
    return 0;
}
