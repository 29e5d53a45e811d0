/* As little as it takes to answer over HTTP on connections that are kept: whatever is asked, the same bytes.
 * Nothing is parsed but the end of a request; no clock is read, no header looked at, nothing waits that does
 * not fit.
 *
 * usage: bench_floor_fixed PORT BODY_BYTES
 * ends with 0 at SIGTERM */
#include "meter.h"
#include "outrider/base/buf.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BODY_MAX = 16384, READY_AT_ONCE = 64 };

static void listen_for(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
        meter_die("epoll: %s", strerror(errno));
    }
}

static void admit(int epoll, int listener)
{
    int on = 1;
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        listen_for(epoll, fd);
    }
}

/* A request comes whole: those who ask are our own meters. */
static void answer(int fd, struct str bytes)
{
    char request[4096];
    ssize_t got = recv(fd, request, sizeof(request), 0);
    if (got > 4 && memcmp(request + got - 4, "\r\n\r\n", 4) == 0 &&
        send(fd, bytes.data, bytes.size, MSG_NOSIGNAL) == (ssize_t)bytes.size) {
        return;
    }
    close(fd);
}

/* The headers are those of an agent's answer. */
static void make_answer(int64_t body, struct buf *out)
{
    if (body > BODY_MAX) {
        meter_die("a body has at most %d bytes", BODY_MAX);
    }
    buf_printf(
        out,
        "HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2026 02:14:00 GMT\r\nContent-Type: application/json\r\n"
        "Content-Length: %lld\r\nCache-Control: no-cache\r\nETag: \"0123456789abcdef-12345\"\r\n\r\n%0*d",
        (long long)body, (int)body, 0);
}

int main(int count, char **arguments)
{
    struct buf bytes = {0};
    sigset_t term;
    if (count != 3) {
        meter_die("usage: PORT BODY_BYTES");
    }
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, NULL);
    make_answer(meter_number(arguments[2]), &bytes);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    int signals = signalfd(-1, &term, SFD_CLOEXEC);
    int listener = meter_bind_tcp((uint16_t)meter_number(arguments[1]));
    if (listen(listener, 64) < 0) {
        meter_die("listen: %s", strerror(errno));
    }
    listen_for(epoll, signals);
    listen_for(epoll, listener);
    for (;;) {
        struct epoll_event ready[READY_AT_ONCE];
        int found = epoll_wait(epoll, ready, READY_AT_ONCE, -1);
        for (int i = 0; i < found; i++) {
            int fd = ready[i].data.fd;
            if (fd == signals) {
                buf_fini(&bytes);
                return 0;
            }
            if (fd == listener) {
                admit(epoll, listener);
            } else {
                answer(fd, buf_view(&bytes));
            }
        }
    }
}
