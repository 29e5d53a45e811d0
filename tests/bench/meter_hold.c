/* Many subscribers through a time of many changes: are all of them still there, and has each had every one?
 *
 * usage: bench_hold ENDPOINT PREFIX PORT PID SUBSCRIBERS RATE SECONDS
 * prints "memory-without KB" before they come, "memory-with KB" when they are there, "memory KB" each second
 * of the changes, "closed COUNT", "sent COUNT" (changes), "behind COUNT" (subscribers without the last one at
 * the end), "late US" (the last write -> its last reader), "cpu NS" */
#include "etcd_wire.h"
#include "meter.h"
#include "outrider/base/base64.h"
#include "subscribers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILL = 11000, FILL_RATE = 1000000 };

static int64_t private_kb(int64_t pid)
{
    char path[64], line[256];
    int64_t kb = 0, found;
    snprintf(path, sizeof(path), "/proc/%" PRId64 "/smaps_rollup", pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "Private_Dirty: %" SCNd64, &found) == 1) {
            kb = found;
        }
    }
    if (file == NULL) {
        meter_die("%s cannot be read", path);
    }
    fclose(file);
    return kb;
}

/* A process of its own, so that reading does not slow the writing. */
static _Noreturn void write_changes(const char *endpoint, const char *prefix, int64_t rate, int64_t total)
{
    struct etcd_wire wire;
    struct buf key = {0}, record = {0}, body = {0};
    prctl(PR_SET_PDEATHSIG, 9);
    etcd_wire_open(&wire, endpoint);
    int64_t start = meter_now_us();
    for (int64_t i = 0; i < total; i++) {
        buf_clear(&key);
        buf_clear(&record);
        buf_clear(&body);
        buf_printf(&key, "%s/bench/h%" PRId64, prefix, i % 100);
        buf_printf(&record,
                   "{\"id\":\"h%" PRId64 "\",\"type\":\"bench\",\"host\":\"10.0.0.5\",\"ports\":[8001],"
                   "\"status\":\"ready\",\"updatedAt\":\"2026-11-21T02:14:00.123Z\",\"players\":%" PRId64
                   ",\"capacity\":500}",
                   i % 100, i);
        buf_str(&body, STR("{\"key\":\""));
        base64_encode(buf_view(&key), &body);
        buf_str(&body, STR("\",\"value\":\""));
        base64_encode(buf_view(&record), &body);
        buf_str(&body, STR("\"}"));
        etcd_wire_post(&wire, "/v3/kv/put", &body, NULL);
        int64_t due = start + (i + 1) * 1000000 / rate, now = meter_now_us();
        meter_rest_us(due > now ? due - now : 0);
    }
    _exit(0);
}

int main(int count, char **arguments)
{
    struct subscribers all;
    if (count != 8) {
        meter_die("usage: ENDPOINT PREFIX PORT PID SUBSCRIBERS RATE SECONDS");
    }
    int64_t pid = meter_number(arguments[4]), rate = meter_number(arguments[6]);
    int64_t total = rate * meter_number(arguments[7]);
    /* What the observer keeps of past changes is bounded: it is full before anything is compared. */
    pid_t filler = fork();
    if (filler == 0) {
        write_changes(arguments[1], arguments[2], FILL_RATE, FILL);
    }
    waitpid(filler, NULL, 0);
    meter_rest_us(1000000);
    printf("memory-without %" PRId64 "\n", private_kb(pid));
    subscribers_open(&all, (uint16_t)meter_number(arguments[3]), (size_t)meter_number(arguments[5]));
    printf("memory-with %" PRId64 "\n", private_kb(pid));
    int64_t cpu = process_cpu_ns(pid), next = meter_now_us() + 1000000, ended = 0;
    uint64_t wanted = all.events + (uint64_t)total * all.count;
    pid_t writer = fork();
    if (writer == 0) {
        write_changes(arguments[1], arguments[2], rate, total);
    }
    while (all.events < wanted && all.closed < all.count) {
        subscribers_read(&all, 100);
        int64_t now = meter_now_us();
        if (now >= next) {
            printf("memory %" PRId64 "\n", private_kb(pid));
            next += 1000000;
        }
        if (ended == 0 && waitpid(writer, NULL, WNOHANG) == writer) {
            ended = now;
        }
        if (ended != 0 && now - ended > 20000000) {
            break;
        }
    }
    uint64_t behind = 0;
    for (size_t i = 0; i < all.count; i++) {
        behind += all.list[i].events < 1 + (uint64_t)total ? 1 : 0;
    }
    printf("closed %zu\nsent %" PRId64 "\nbehind %" PRIu64 "\nlate %" PRId64 "\ncpu %" PRId64 "\n",
           all.closed, total, behind, ended == 0 ? 0 : meter_now_us() - ended, process_cpu_ns(pid) - cpu);
    return 0;
}
