/* How many questions a second servers of DNS answer, in turn: so many are under way at once, and each answer is followed by the next
 * question. An answer that does not come in 50 ms was lost, and is asked for again.
 *
 * usage: bench_datagrams ROUNDS QUESTIONS WINDOW TYPE NAME SERVER=PORT=PID...
 *   TYPE: the number of the type that is asked for; PID: of the server
 * prints for each round and server "SERVER NS" for one question, "SERVER-cpu NS" of the server for it, and once "SERVER-bytes N" of an
 * answer */
#include "meter.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { BATCH = 32, MESSAGE_MAX = 1500 };

struct bench {
    int fd;
    char question[MESSAGE_MAX];
    size_t size, answered_bytes;
};

static size_t add_name(char *out, const char *name)
{
    size_t at = 0;
    while (*name != '\0') {
        size_t label = strcspn(name, ".");
        out[at] = (char)label;
        memcpy(out + at + 1, name, label);
        at += 1 + label;
        name += label + (name[label] == '.' ? 1 : 0);
    }
    out[at] = '\0';
    return at + 1;
}

static void make_question(struct bench *bench, unsigned type, const char *name)
{
    static const char head[] = "\0\0\1\0\0\1\0\0\0\0\0\1", opt[] = "\0\0\x29\x04\xd0\0\0\0\0\0\0";
    char *out = bench->question;
    memcpy(out, head, 12);
    size_t at = 12 + add_name(out + 12, name);
    const char tail[] = {(char)(type >> 8), (char)type, 0, 1};
    memcpy(out + at, tail, sizeof(tail));
    memcpy(out + at + sizeof(tail), opt, sizeof(opt) - 1);
    bench->size = at + sizeof(tail) + sizeof(opt) - 1;
}

static void ask(struct bench *bench, int64_t count)
{
    struct mmsghdr messages[BATCH] = {0};
    struct iovec part = {bench->question, bench->size};
    for (int64_t sent = 0; sent < count;) {
        unsigned some = (unsigned)(count - sent < BATCH ? count - sent : BATCH);
        for (unsigned i = 0; i < some; i++) {
            messages[i].msg_hdr.msg_iov = &part;
            messages[i].msg_hdr.msg_iovlen = 1;
        }
        int taken = sendmmsg(bench->fd, messages, some, 0);
        if (taken < 0 && errno != ECONNREFUSED) {
            meter_die("sendmmsg: %s", strerror(errno));
        }
        sent += taken > 0 ? taken : 0;
    }
}

/* Returns how many came; 0: none in 50 ms. */
static int64_t take(struct bench *bench)
{
    static char bytes[BATCH][MESSAGE_MAX];
    struct mmsghdr messages[BATCH] = {0};
    struct iovec parts[BATCH];
    for (int i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){bytes[i], MESSAGE_MAX};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    int count = recvmmsg(bench->fd, messages, BATCH, MSG_WAITFORONE, NULL);
    if (count > 0) {
        bench->answered_bytes = messages[0].msg_len;
    }
    return count > 0 ? count : 0;
}

/* The processor time of a process so far, in ns: that of all its threads. */
static int64_t processor_ns(const char *pid)
{
    char path[300];
    int64_t total = 0, ns;
    snprintf(path, sizeof(path), "/proc/%.20s/task", pid);
    DIR *threads = opendir(path);
    struct dirent *thread;
    if (threads == NULL) {
        meter_die("%s: %s", path, strerror(errno));
    }
    while ((thread = readdir(threads)) != NULL) {
        snprintf(path, sizeof(path), "/proc/%.20s/task/%.20s/schedstat", pid, thread->d_name);
        FILE *file = thread->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (file != NULL) {
            total += fscanf(file, "%" SCNd64, &ns) == 1 ? ns : 0;
            fclose(file);
        }
    }
    closedir(threads);
    return total;
}

static void connect_to(struct bench *bench, const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)meter_number(port)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_usec = 50000};
    bench->fd = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(bench->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (connect(bench->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        meter_die("connect: %s", strerror(errno));
    }
}

static void run(struct bench *bench, int64_t questions, int64_t window)
{
    int64_t answered = 0, lost = 0;
    ask(bench, window);
    while (answered < questions) {
        int64_t some = take(bench);
        answered += some;
        lost = some > 0 ? 0 : lost + 1;
        if (lost == 100) {
            meter_die("no answer");
        }
        ask(bench, some > 0 ? some : window);
    }
}

/* `server` is NAME=PORT=PID; it is written to. */
static void play(struct bench *bench, char *server, int64_t questions, int64_t window, bool first)
{
    char *rest, *name = strtok_r(server, "=", &rest), *port = strtok_r(NULL, "=", &rest);
    if (port == NULL || *rest == '\0') {
        meter_die("%s: not SERVER=PORT=PID", name);
    }
    connect_to(bench, port);
    int64_t began = meter_now_us(), spent = processor_ns(rest);
    run(bench, questions, window);
    printf("%s %" PRId64 "\n", name, (meter_now_us() - began) * 1000 / questions);
    printf("%s-cpu %" PRId64 "\n", name, (processor_ns(rest) - spent) / questions);
    if (first) {
        printf("%s-bytes %zu\n", name, bench->answered_bytes);
    }
    close(bench->fd);
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    if (argc < 7) {
        meter_die("usage: bench_datagrams ROUNDS QUESTIONS WINDOW TYPE NAME SERVER=PORT=PID...");
    }
    int64_t rounds = meter_number(argv[1]), questions = meter_number(argv[2]), window = meter_number(argv[3]);
    make_question(&bench, (unsigned)meter_number(argv[4]), argv[5]);
    for (int64_t round = 0; round < rounds; round++) {
        for (int i = 6; i < argc; i++) {
            char server[64];
            snprintf(server, sizeof(server), "%s", argv[i]);
            play(&bench, server, questions, window, round == 0);
        }
    }
    return 0;
}
