/* Many status lines a second: every one is answered, few are written, the last one wins.
 *
 * usage: bench_flood ENDPOINT KEY STATUS_SOCKET players|status|mix SECONDS LINES_PER_SECOND SETTLE_MS
 * prints "sent N", "ok N", "last 0|1", and for each write to the key "write US" (since the first line) */
#include "etcd_watch.h"
#include "meter.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

struct bench {
    struct etcd_watch watch;
    int line_fd;
    const char *kind;
    int64_t start_us, sent, answered;
    bool last_seen;
    char last[96]; /* what the record must contain in the end */
};

static void say(struct bench *bench, int64_t i)
{
    char line[128];
    const char *word = i % 3 == 0 ? "initializing" : i % 3 == 1 ? "ready" : "error";
    if (strcmp(bench->kind, "players") == 0) {
        snprintf(line, sizeof(line), "players=%" PRId64 "\n", i + 1);
        snprintf(bench->last, sizeof(bench->last), "\"players\":%" PRId64, i + 1);
    } else if (strcmp(bench->kind, "status") == 0) {
        snprintf(line, sizeof(line), "%s # line %" PRId64 "\n", word, i + 1);
        snprintf(bench->last, sizeof(bench->last), "\"customState\":\"line %" PRId64 "\"", i + 1);
    } else {
        snprintf(line, sizeof(line), "%s players=%" PRId64 "\n", i % 2 == 0 ? word : "", i + 1);
        memmove(line, line + (line[0] == ' '), strlen(line) + (line[0] != ' '));
        snprintf(bench->last, sizeof(bench->last), "\"players\":%" PRId64, i + 1);
    }
    meter_write(bench->line_fd, line);
    bench->sent++;
}

static void count_replies(struct bench *bench)
{
    char bytes[4096];
    ssize_t got;
    while ((got = recv(bench->line_fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
        for (ssize_t i = 0; i < got; i++) {
            bench->answered += bytes[i] == '\n';
        }
        if (memmem(bytes, (size_t)got, "ERR", 3) != NULL) {
            meter_die("a good line was answered ERR");
        }
    }
    if (got == 0) {
        meter_die("the agent closed the connection");
    }
}

static void note_writes(struct bench *bench)
{
    const struct etcd_event *event;
    while ((event = etcd_watch_next(&bench->watch, 0)) != NULL) {
        printf("write %" PRId64 "\n", event->at_us - bench->start_us);
        bench->last_seen = strstr(buf_text(&event->value), bench->last) != NULL;
    }
}

/* Takes what comes until `until_us`. */
static void attend(struct bench *bench, int64_t until_us)
{
    for (int64_t left; (left = until_us - meter_now_us()) > 0;) {
        struct pollfd fds[] = {{.fd = bench->line_fd, .events = POLLIN},
                               {.fd = bench->watch.wire.fd, .events = POLLIN}};
        struct timespec wait = {left / 1000000, left % 1000000 * 1000};
        if (ppoll(fds, 2, &wait, NULL) < 0 && errno != EINTR) {
            meter_die("ppoll: %s", strerror(errno));
        }
        count_replies(bench);
        note_writes(bench);
    }
}

int main(int argc, char **argv)
{
    if (argc != 8) {
        fprintf(stderr,
                "usage: bench_flood ENDPOINT KEY STATUS_SOCKET players|status|mix SECONDS LINES_PER_SECOND "
                "SETTLE_MS\n");
        return 64;
    }
    struct bench bench = {.kind = argv[4]};
    int64_t rate = meter_number(argv[6]);
    int64_t lines = meter_number(argv[5]) * rate;
    etcd_watch_open(&bench.watch, argv[1], argv[2], false);
    bench.line_fd = meter_connect_unix(argv[3]);
    bench.start_us = meter_now_us();
    for (int64_t i = 0; i < lines; i++) {
        say(&bench, i);
        attend(&bench, bench.start_us + (i + 1) * 1000000 / rate);
    }
    attend(&bench, meter_now_us() + meter_number(argv[7]) * 1000);
    printf("sent %" PRId64 "\nok %" PRId64 "\nlast %d\n", bench.sent, bench.answered, bench.last_seen);
    return 0;
}
