#include "outrider/cli/common/line_client.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { STEP_SECONDS = 5, REPLY_MAX = 1 << 20 };

static int fail(struct error *err, const char *doing, const char *path)
{
    int errnum = errno;
    if (errnum == EAGAIN) {
        return error_set(err, ERROR_TIMEOUT, "cannot %s %s: no answer for %d s", doing, path, STEP_SECONDS);
    }
    (void)error_errno(err, errnum, "cannot %s %s", doing, path);
    if (err != NULL &&
        (errnum == ENOENT || errnum == ECONNREFUSED || errnum == EPIPE || errnum == ECONNRESET)) {
        err->code = ERROR_UNREACHABLE;
    } else if (err != NULL && (errnum == EACCES || errnum == EPERM)) {
        err->code = ERROR_DENIED;
    }
    return -1;
}

static int connect_to(int fd, const char *path, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path)) {
        return error_set(err, ERROR_INVALID, "%s: the path of a socket has at most %zu bytes", path,
                         sizeof(address.sun_path) - 1);
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    struct timeval patience = {.tv_sec = STEP_SECONDS};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0) {
        return fail(err, "prepare", path);
    }
    const struct sockaddr *generic = (const struct sockaddr *)(const void *)&address;
    return connect(fd, generic, sizeof(address)) < 0 ? fail(err, "connect to", path) : 0;
}

static int send_all(int fd, const char *path, struct str bytes, struct error *err)
{
    while (bytes.size > 0) {
        ssize_t sent = send(fd, bytes.data, bytes.size, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) {
            return fail(err, "write to", path);
        }
        if (sent > 0) {
            bytes.data += sent;
            bytes.size -= (size_t)sent;
        }
    }
    return 0;
}

static int read_line(int fd, const char *path, struct error *err, struct buf *reply)
{
    char block[4096];
    while (reply->size < REPLY_MAX) {
        ssize_t got = recv(fd, block, sizeof(block), 0);
        if (got == 0) {
            return error_set(err, ERROR_UNREACHABLE, "%s closed the connection without a reply", path);
        }
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fail(err, "read from", path);
        }
        const char *end = memchr(block, '\n', (size_t)got);
        buf_add(reply, block, end == NULL ? (size_t)got : (size_t)(end - block));
        if (end != NULL) {
            return 0;
        }
    }
    return error_set(err, ERROR_LIMIT, "%s sends a reply without end", path);
}

int line_client_ask(const char *path, struct str line, struct error *err, struct buf *ret_reply)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return fail(err, "open a socket for", path);
    }
    struct buf bytes = {0}, reply = {0};
    buf_str(&bytes, line);
    buf_str(&bytes, STR("\n"));
    int rc = connect_to(fd, path, err);
    rc = rc < 0 ? rc : send_all(fd, path, buf_view(&bytes), err);
    rc = rc < 0 ? rc : read_line(fd, path, err, &reply);
    if (rc == 0) {
        buf_str(ret_reply, buf_view(&reply));
    }
    buf_fini(&bytes);
    buf_fini(&reply);
    close(fd);
    return rc;
}
