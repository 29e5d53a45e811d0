#include "meter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

int64_t meter_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void meter_rest_us(int64_t us)
{
    struct timespec rest = {us / 1000000, us % 1000000 * 1000};
    while (nanosleep(&rest, &rest) < 0 && errno == EINTR) {
    }
}

void meter_die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

int64_t meter_number(const char *text)
{
    char *end;
    long long number = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || number < 1) {
        meter_die("%s is not a number above 0", text);
    }
    return number;
}

int meter_connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (strlen(path) >= sizeof(address.sun_path)) {
        meter_die("%s: longer than the path of a socket may be", path);
    }
    memcpy(address.sun_path, path, strlen(path));
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        meter_die("%s: %s", path, strerror(errno));
    }
    return fd;
}

void meter_write(int fd, const char *text)
{
    size_t size = strlen(text);
    if (send(fd, text, size, MSG_NOSIGNAL) != (ssize_t)size) {
        meter_die("a line could not be written: %s", strerror(errno));
    }
}

void meter_expect_ok(int fd)
{
    char reply[256];
    size_t size = 0;
    do {
        ssize_t got = recv(fd, reply + size, sizeof(reply) - 1 - size, 0);
        if (got <= 0) {
            meter_die("no reply to a line: %s",
                      got == 0 ? "the agent closed the connection" : strerror(errno));
        }
        size += (size_t)got;
    } while (reply[size - 1] != '\n');
    reply[size] = '\0';
    if (strncmp(reply, "OK", 2) != 0) {
        meter_die("a line was answered %s", reply);
    }
}

int meter_bind_tcp(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        meter_die("port %u: %s", (unsigned)port, strerror(errno));
    }
    return fd;
}
