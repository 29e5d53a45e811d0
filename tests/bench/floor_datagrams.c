/* As little as it takes to answer datagrams: each with so many bytes, of which the first two are its own. Nothing is read of it.
 *
 * usage: bench_floor_datagrams PORT ANSWER_BYTES BATCH
 *   BATCH 1: recvfrom(2) and sendto(2) for each; more: so many at once by recvmmsg(2) and sendmmsg(2)
 * ends with 0 at SIGTERM */
#include "meter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH_MAX = 64, SIZE_MAX_BYTES = 1500 };

static char in[BATCH_MAX][SIZE_MAX_BYTES], out[BATCH_MAX][SIZE_MAX_BYTES];
static struct sockaddr_in from[BATCH_MAX];

static void answer_one(int fd, size_t size)
{
    socklen_t length = sizeof(from[0]);
    if (recvfrom(fd, in[0], sizeof(in[0]), 0, (struct sockaddr *)&from[0], &length) >= 2) {
        memcpy(out[0], in[0], 2);
        (void)!sendto(fd, out[0], size, 0, (struct sockaddr *)&from[0], length);
    }
}

static void answer_many(int fd, size_t size, unsigned batch)
{
    static struct mmsghdr messages[BATCH_MAX];
    static struct iovec parts[BATCH_MAX];
    for (unsigned i = 0; i < batch; i++) {
        parts[i] = (struct iovec){in[i], sizeof(in[i])};
        messages[i].msg_hdr = (struct msghdr){
            .msg_name = &from[i], .msg_namelen = sizeof(from[i]), .msg_iov = &parts[i], .msg_iovlen = 1};
    }
    int count = recvmmsg(fd, messages, batch, MSG_WAITFORONE, NULL);
    for (int i = 0; i < count; i++) {
        memcpy(out[i], in[i], 2);
        parts[i] = (struct iovec){out[i], size};
    }
    if (count > 0) {
        (void)!sendmmsg(fd, messages, (unsigned)count, 0);
    }
}

static void on_term(int signo)
{
    (void)signo;
    _exit(0);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        meter_die("usage: bench_floor_datagrams PORT ANSWER_BYTES BATCH");
    }
    size_t size = (size_t)meter_number(argv[2]);
    unsigned batch = (unsigned)meter_number(argv[3]);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)meter_number(argv[1])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (size > SIZE_MAX_BYTES || batch > BATCH_MAX ||
        bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        meter_die("bind: %s", strerror(errno));
    }
    signal(SIGTERM, on_term);
    while (1) {
        if (batch == 1) {
            answer_one(fd, size);
        } else {
            answer_many(fd, size, batch);
        }
    }
}
