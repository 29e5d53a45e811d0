/* A key that is written -> the last of many subscribers has read the event, at an observer and at the floor
 * in turn. With STALLED there are also subscribers of the observer who never read.
 *
 * usage: bench_push ENDPOINT PREFIX SUBJECT_PORT SUBJECT_PID FLOOR_PREFIX FLOOR_PORT FLOOR_PID SUBSCRIBERS N
 *                   PAYLOAD STALLED REST_US [sockets]
 * With `sockets` those of the observer are WebSockets.
 * prints "floor US" and "subject US" N times each, and as often "floor-cpu NS" and "subject-cpu NS": what the
 * process took, from the write to the last read */
#include "etcd_wire.h"
#include "meter.h"
#include "outrider/base/base64.h"
#include "subscribers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { WARM_UP = 10, TIMEOUT_MS = 10000 };

struct side {
    const char *name, *prefix;
    int64_t pid;
    struct subscribers subscribers;
    uint64_t events; /* each had */
};

struct bench {
    struct etcd_wire wire;
    struct buf record, body, key;
    size_t payload;
};

static void write_key(struct bench *bench, const char *prefix, int64_t i)
{
    buf_clear(&bench->record);
    buf_clear(&bench->body);
    buf_clear(&bench->key);
    buf_printf(&bench->key, "%s/bench/push", prefix);
    buf_printf(&bench->record,
               "{\"id\":\"push\",\"type\":\"bench\",\"host\":\"10.0.0.5\",\"ports\":[8001,8002],\"status\":"
               "\"ready\","
               "\"updatedAt\":\"2026-11-21T02:14:00.123Z\",\"region\":\"kr\",\"players\":%" PRId64
               ",\"capacity\":5000,\"customState\":\"%0*d\"}",
               i, (int)bench->payload, 0);
    buf_str(&bench->body, STR("{\"key\":\""));
    base64_encode(buf_view(&bench->key), &bench->body);
    buf_str(&bench->body, STR("\",\"value\":\""));
    base64_encode(buf_view(&bench->record), &bench->body);
    buf_str(&bench->body, STR("\"}"));
    etcd_wire_post(&bench->wire, "/v3/kv/put", &bench->body, NULL);
}

static void measure(struct bench *bench, struct side *side, int64_t i, bool count)
{
    int64_t cpu = process_cpu_ns(side->pid), start = meter_now_us();
    write_key(bench, side->prefix, i);
    subscribers_await(&side->subscribers, ++side->events, TIMEOUT_MS);
    int64_t took = meter_now_us() - start;
    meter_rest_us(1000); /* until it sleeps, so that its time is booked */
    if (count) {
        printf("%s %" PRId64 "\n%s-cpu %" PRId64 "\n", side->name, took, side->name,
               process_cpu_ns(side->pid) - cpu);
    }
}

int main(int count, char **arguments)
{
    static struct bench bench;
    struct side subject = {.name = "subject"}, floor = {.name = "floor"};
    bool sockets = count == 14 && strcmp(arguments[13], "sockets") == 0;
    if (count != 13 && !sockets) {
        meter_die(
            "usage: ENDPOINT PREFIX SUBJECT_PORT SUBJECT_PID FLOOR_PREFIX FLOOR_PORT FLOOR_PID SUBSCRIBERS "
            "N PAYLOAD STALLED REST_US [sockets]");
    }
    size_t subscribers = (size_t)meter_number(arguments[8]);
    int64_t rounds = meter_number(arguments[9]), rest = meter_number(arguments[12]);
    size_t stalled = (size_t)meter_number(arguments[11]) - 1;
    bench.payload = (size_t)meter_number(arguments[10]);
    subject.prefix = arguments[2];
    subject.pid = meter_number(arguments[4]);
    floor.prefix = arguments[5];
    floor.pid = meter_number(arguments[7]);
    etcd_wire_open(&bench.wire, arguments[1]);
    (sockets ? subscribers_open_sockets
             : subscribers_open)(&subject.subscribers, (uint16_t)meter_number(arguments[3]), subscribers);
    subscribers_open(&floor.subscribers, (uint16_t)meter_number(arguments[6]), subscribers);
    for (size_t i = 0; i < stalled; i++) {
        (void)subscriber_that_stalls((uint16_t)meter_number(arguments[3]));
    }
    subject.events = floor.events = 1;
    for (int64_t i = 0; i < rounds + WARM_UP; i++) {
        measure(&bench, &floor, i, i >= WARM_UP);
        meter_rest_us(rest);
        measure(&bench, &subject, i, i >= WARM_UP);
        meter_rest_us(rest);
    }
    return 0;
}
