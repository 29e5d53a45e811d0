#include "outrider/os/sd_notify.h"

#include "outrider/base/error.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int sd_notify_send(struct str text, struct error *err)
{
    const char *name = getenv("NOTIFY_SOCKET");
    if (name == NULL || name[0] == '\0') {
        return 0;
    }
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    if ((name[0] != '/' && name[0] != '@') || length >= sizeof(address.sun_path)) {
        return error_set(err, ERROR_INVALID,
                         "cannot notify the service manager: NOTIFY_SOCKET=%s is not a socket path", name);
    }
    memcpy(address.sun_path, name, length);
    if (name[0] == '@') {
        address.sun_path[0] = '\0';
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return error_errno(err, errno, "cannot notify the service manager");
    }
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (name[0] == '@' ? 0 : 1));
    ssize_t sent = sendto(fd, text.data, text.size, MSG_NOSIGNAL, (const struct sockaddr *)&address, size);
    int errnum = errno;
    close(fd);
    return sent < 0 ? error_errno(err, errnum, "cannot notify the service manager on %s", name) : 0;
}

/* Returns 0 also when the variable is not set or empty; then `ret_number` is as it was. */
static int read_number(const char *name, struct error *err, uint64_t *ret_number)
{
    const char *text = getenv(name);
    if (text == NULL || text[0] == '\0' || str_to_u64(str_of(text), UINT64_MAX, ret_number) == 0) {
        return 0;
    }
    return error_set(err, ERROR_INVALID, "%s=%s is not a number", name, text);
}

int sd_notify_watchdog(struct error *err, int64_t *ret_us)
{
    uint64_t us = 0, pid = (uint64_t)getpid();
    if (read_number("WATCHDOG_USEC", err, &us) < 0 || read_number("WATCHDOG_PID", err, &pid) < 0) {
        return -1;
    }
    bool waits = pid == (uint64_t)getpid() && us <= INT64_MAX; /* systemd writes "infinity" as UINT64_MAX */
    *ret_us = waits ? (int64_t)us : 0;
    return 0;
}
