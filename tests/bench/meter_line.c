/* A line on the status socket -> an event at an etcd watcher, in turn with a bare transaction -> an event
 * at the same kind of watcher, each after the same rest. The floors' body is what the agent sends, down to
 * the record's bytes. "floor" sends it by libcurl on libevent, "wire" by one send() of prepared bytes. The
 * agent watches its own key, so that etcd tells every change of it to two; the floors' keys have an owner who
 * does that, too. "alone" is "wire" on a key that only this meter watches.
 *
 * usage: bench_line ENDPOINT KEY STATUS_SOCKET players|status N REST_US
 * prints "floor US", "wire US", "alone US" and "subject US" N times each, and "lost COUNT" */
#include "etcd_watch.h"
#include "floor_bare_curl.h"
#include "meter.h"
#include "outrider/base/base64.h"

#include <event2/event.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { WARM_UP = 20, EVENT_TIMEOUT_MS = 5000, FIRST_PLAYERS = 1000 };

struct floor {
    const char *name;
    char key[256];
    int64_t revision;
    struct etcd_watch watch;
};

struct bench {
    struct event_base *base;
    struct bare_curl *curl; /* of `floor` */
    struct etcd_wire wire;  /* of the others */
    struct floor floor, on_wire, alone;
    struct etcd_watch subject;
    int line_fd;
    bool status_words;
    int64_t lease, rest_us, lost;
    struct buf record, body, request;
};

/* What line `i` says, and what the record then contains. The agent is ready before the first. */
static void line_text(const struct bench *bench, int64_t i, char line[static 64], char sign[static 64])
{
    if (bench->status_words) {
        const char *word = i % 2 == 0 ? "error" : "ready";
        snprintf(line, 64, "%s\n", word);
        snprintf(sign, 64, "\"status\":\"%s\"", word);
    } else {
        snprintf(line, 64, "players=%" PRId64 "\n", FIRST_PLAYERS + i % 9000);
        snprintf(sign, 64, "\"players\":%" PRId64, FIRST_PLAYERS + i % 9000);
    }
}

static void add_base64(struct buf *out, const char *before, struct str text, const char *after)
{
    buf_str(out, str_of(before));
    base64_encode(text, out);
    buf_str(out, str_of(after));
}

/* Watches `key` as its agent would, until the parent ends. */
static void start_owner(const char *endpoint, const char *key)
{
    pid_t owner = fork();
    if (owner < 0) {
        meter_die("no process for the owner of the floor's key");
    }
    if (owner == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        struct etcd_watch watch;
        etcd_watch_open(&watch, endpoint, key, false);
        for (;;) {
            etcd_watch_next(&watch, -1);
        }
    }
}

static void floor_open(struct floor *floor, const char *name, const char *endpoint, const char *subject)
{
    floor->name = name;
    snprintf(floor->key, sizeof(floor->key), "%s-%s", subject, name);
    etcd_watch_open(&floor->watch, endpoint, floor->key, false);
}

/* The agent's transaction (codec/etcd/etcd_request.c) for the floor's key. */
static void floor_body(struct bench *bench, const struct floor *floor)
{
    struct str key = str_of(floor->key);
    struct buf *out = &bench->body;
    buf_clear(out);
    add_base64(out, "{\"compare\":[{\"key\":\"", key, "\",\"result\":\"EQUAL\",\"target\":");
    if (floor->revision == 0) {
        buf_str(out, STR("\"CREATE\",\"create_revision\":\"0\""));
    } else {
        buf_printf(out, "\"MOD\",\"mod_revision\":\"%" PRId64 "\"", floor->revision);
    }
    add_base64(out, "}],\"success\":[{\"request_put\":{\"key\":\"", key, "\"");
    add_base64(out, ",\"value\":\"", buf_view(&bench->record), "\"");
    buf_printf(out, ",\"lease\":\"%" PRId64 "\"}}", bench->lease);
    add_base64(out, "],\"failure\":[{\"request_range\":{\"key\":\"", key, "\"}}]}");
}

static void note_answer(void *user)
{
    *(bool *)user = true;
}

static void finish_curl(struct bench *bench, const bool *answered)
{
    while (!*answered) {
        event_base_loop(bench->base, EVLOOP_ONCE);
    }
}

/* The connection is kept, so that one turn of the loop sends the request. Without one, as at first, the answer is
 * waited for. */
static void run_curl(struct bench *bench, struct floor *floor, bool count)
{
    bool answered = false;
    floor_body(bench, floor);
    meter_rest_us(bench->rest_us);
    int64_t start = meter_now_us();
    bare_curl_post(bench->curl, "/v3/kv/txn", &bench->body, note_answer, &answered);
    event_base_loop(bench->base, EVLOOP_ONCE);
    if (floor->revision == 0) {
        finish_curl(bench, &answered);
    }
    const struct etcd_event *event = etcd_watch_next(&floor->watch, EVENT_TIMEOUT_MS);
    if (event == NULL) {
        meter_die("the floor's own transaction was not seen");
    }
    int64_t took = event->at_us - start;
    floor->revision = event->revision;
    finish_curl(bench, &answered);
    if (count) {
        printf("%s %" PRId64 "\n", floor->name, took);
    }
}

static void run_wire(struct bench *bench, struct floor *floor, bool count)
{
    floor_body(bench, floor);
    etcd_wire_request(&bench->wire, "/v3/kv/txn", &bench->body, &bench->request);
    meter_rest_us(bench->rest_us);
    int64_t start = meter_now_us();
    etcd_wire_send(&bench->wire, &bench->request);
    const struct etcd_event *event = etcd_watch_next(&floor->watch, EVENT_TIMEOUT_MS);
    if (event == NULL) {
        meter_die("the wire's own transaction was not seen");
    }
    int64_t took = event->at_us - start;
    floor->revision = event->revision;
    etcd_wire_answer(&bench->wire, NULL);
    if (count) {
        printf("%s %" PRId64 "\n", floor->name, took);
    }
}

static void run_subject(struct bench *bench, int64_t i, bool count)
{
    char line[64], sign[64];
    line_text(bench, i, line, sign);
    meter_rest_us(bench->rest_us);
    int64_t start = meter_now_us();
    meter_write(bench->line_fd, line);
    const struct etcd_event *event;
    do {
        event = etcd_watch_next(&bench->subject, EVENT_TIMEOUT_MS);
    } while (event != NULL && strstr(buf_text(&event->value), sign) == NULL);
    meter_expect_ok(bench->line_fd);
    if (event == NULL) {
        bench->lost++;
    } else {
        buf_clear(&bench->record);
        buf_str(&bench->record, buf_view(&event->value));
        if (count) {
            printf("subject %" PRId64 "\n", event->at_us - start);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fprintf(stderr, "usage: bench_line ENDPOINT KEY STATUS_SOCKET players|status N REST_US\n");
        return 64;
    }
    struct bench bench = {.status_words = strcmp(argv[4], "status") == 0};
    int64_t n = meter_number(argv[5]);
    bench.rest_us = meter_number(argv[6]);
    bench.lease = ((int64_t)getpid() << 20) + meter_now_us() % (1 << 20) + 1;
    floor_open(&bench.floor, "floor", argv[1], argv[2]);
    floor_open(&bench.on_wire, "wire", argv[1], argv[2]);
    floor_open(&bench.alone, "alone", argv[1], argv[2]);
    start_owner(argv[1], bench.floor.key);
    start_owner(argv[1], bench.on_wire.key);
    bench.base = event_base_new();
    bench.curl = bare_curl_new(bench.base, argv[1]);
    etcd_wire_open(&bench.wire, argv[1]);
    etcd_wire_grant(&bench.wire, bench.lease, 600);
    etcd_watch_open(&bench.subject, argv[1], argv[2], false);
    bench.line_fd = meter_connect_unix(argv[3]);
    int64_t warm_up = bench.status_words ? 1 : WARM_UP;
    for (int64_t i = 0; i < n + warm_up; i++) {
        run_subject(&bench, i, i >= warm_up);
        run_curl(&bench, &bench.floor, i >= warm_up);
        run_wire(&bench, &bench.on_wire, i >= warm_up);
        run_wire(&bench, &bench.alone, i >= warm_up);
    }
    printf("lost %" PRId64 "\n", bench.lost);
    return 0;
}
