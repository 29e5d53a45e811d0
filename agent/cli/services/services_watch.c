/* The stream of /api/subscribe as a live table. */
#include "services_internal.h"

#include "outrider/base/buf.h"
#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/cli/common/cli.h"
#include "outrider/cli/common/client.h"
#include "outrider/cli/common/document.h"
#include "outrider/codec/text/sse_read.h"
#include "outrider/os/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An event is one record: no value in etcd is larger than 1.5 MiB. */
enum { EVENT_MAX_BYTES = 4 << 20, FRAME_MS = 100, LOOK_MS = 5000, AGAIN_MS = 1000 };

struct watching {
    const struct client *client;
    bool json, screen;
    struct services_screen terminal; /* where screen */
    size_t widths[SERVICES_COLUMNS]; /* of the lines, where not */
    struct sse_reader reader;        /* its last_id is where a new stream resumes */
    json_t *services;                /* "TYPE/ID": record, as of the last synced and the changes since */
    json_t *incoming;                /* the same of a stream that begins with init, until synced; else NULL */
    bool begun;                      /* the current stream has sent an event */
    bool synced, changed, refused;
    int64_t looked;        /* clock_mono_ms */
    int64_t stale_ms;      /* age of the agent's stale view; -1: not stale */
    struct buf last_error; /* why the stream is lost; empty: it is not */
    int answered;          /* HTTP status of an error answer; 0: none */
    struct buf answer;     /* its body */
};

/* ---- showing ---- */

static int by_key(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static json_t *sorted(json_t *services)
{
    size_t used = 0;
    const char **keys = mem_zalloc(json_object_size(services) * sizeof(keys[0])), *key;
    json_t *list = json_array(), *record;
    json_object_foreach(services, key, record)
    {
        keys[used++] = key;
    }
    qsort(keys, used, sizeof(keys[0]), by_key);
    for (size_t i = 0; i < used; i++) {
        json_array_append(list, json_object_get(services, keys[i]));
    }
    free(keys);
    return list;
}

static void add_notice(const struct watching *watching, struct buf *screen)
{
    bool lost = watching->last_error.size > 0;
    struct services_counts counts = {.total = (int64_t)json_object_size(watching->services),
                                     .stale_ms = lost || !watching->synced ? -1 : watching->stale_ms};
    const char *key;
    json_t *record;
    json_object_foreach(watching->services, key, record)
    {
        counts.ready += document_is(record, "status", "ready") ? 1 : 0;
    }
    services_footer(&counts, screen);
    if (lost) {
        buf_printf(screen, "; STALE: stream lost: %s; reconnecting", buf_text(&watching->last_error));
    } else if (!watching->synced) {
        buf_str(screen, STR("; waiting until the agent has loaded the fleet"));
    }
}

static void draw(struct watching *watching)
{
    struct buf notice = {0};
    json_t *list = sorted(watching->services);
    add_notice(watching, &notice);
    services_screen_draw(&watching->terminal, list, buf_text(&notice));
    json_decref(list);
    buf_fini(&notice);
    watching->changed = false;
}

static void print_change(struct watching *watching, const char *event, json_t *record)
{
    char time_text[32];
    if (watching->json) {
        json_t *line = json_pack("{s:s, s:O}", "event", event, "data", record);
        if (line != NULL) {
            (void)document_print(line, JSON_COMPACT);
        }
        json_decref(line);
    } else {
        struct buf row = {0};
        services_line(record, watching->widths, &row);
        printf("%s %-6s %s", timestamp_format(clock_wall_ms(), time_text), event, buf_text(&row));
        buf_fini(&row);
    }
    fflush(stdout);
}

/* ---- reading ---- */

/* A stream that begins with init sends every record, but not what is gone: as lines only the differences are
 * printed. */
static void print_gone(struct watching *watching)
{
    const char *key;
    json_t *record;
    json_object_foreach(watching->services, key, record)
    {
        if (json_object_get(watching->incoming, key) == NULL) {
            json_t *gone = json_pack("{s:O?, s:O?}", "type", json_object_get(record, "type"), "id",
                                     json_object_get(record, "id"));
            print_change(watching, "remove", gone);
            json_decref(gone);
        }
    }
}

static void take_synced(struct watching *watching, const json_t *data)
{
    if (watching->incoming != NULL) {
        if (!watching->screen) {
            print_gone(watching);
        }
        json_decref(watching->services);
        watching->services = watching->incoming;
        watching->incoming = NULL;
    }
    watching->synced = true;
    watching->stale_ms = document_true(data, "stale") ? document_number_or(data, "ageMs", 0) : -1;
}

/* If the connection broke inside a revision, the events before the break are sent again. */
static bool is_known(const json_t *before, const char *event, const json_t *data)
{
    return strcmp(event, "remove") == 0 ? before == NULL : before != NULL && json_equal(before, data);
}

static void take_record(struct watching *watching, const char *event, json_t *data)
{
    const char *type = document_text(data, "type"), *id = document_text(data, "id");
    json_t *into = watching->incoming != NULL ? watching->incoming : watching->services;
    struct buf key = {0};
    buf_printf(&key, "%s/%s", type == NULL ? "" : type, id == NULL ? "" : id);
    if (!watching->screen && !is_known(json_object_get(watching->services, buf_text(&key)), event, data)) {
        print_change(watching, event, data);
    }
    if (strcmp(event, "remove") == 0) {
        json_object_del(into, buf_text(&key));
    } else {
        json_object_set(into, buf_text(&key), data);
    }
    buf_fini(&key);
}

static void take_message(struct watching *watching, const char *event, json_t *data)
{
    /* A stream that cannot resume begins with init, or with synced where the fleet is empty. */
    bool synced = strcmp(event, "synced") == 0;
    if (!watching->begun && (synced || strcmp(event, "init") == 0)) {
        json_decref(watching->incoming);
        watching->incoming = json_object();
    }
    watching->begun = watching->changed = true;
    if (synced) {
        take_synced(watching, data);
    } else {
        take_record(watching, event, data);
    }
}

static void take_bytes(struct watching *watching, struct str bytes, int *ret_more)
{
    static const char *const events[] = {"init", "synced", "update", "remove"};
    struct sse_message message;
    sse_reader_feed(&watching->reader, bytes);
    while ((*ret_more = sse_reader_next(&watching->reader, &message)) > 0) {
        json_t *data = document_parse(message.data);
        for (size_t i = 0; json_is_object(data) && i < COUNT_OF(events); i++) {
            if (str_eq(message.name, str_of(events[i]))) {
                take_message(watching, events[i], data);
            }
        }
        json_decref(data);
    }
}

static bool draws_now(const struct watching *watching)
{
    return watching->changed && clock_mono_ms() - watching->terminal.drawn >= FRAME_MS;
}

static bool on_data(int status, struct str bytes, void *user)
{
    struct watching *watching = user;
    int more;
    if (status != 200) {
        watching->answered = status;
        watching->refused = status >= 400 && status < 500;
        buf_str(&watching->answer, bytes);
        return watching->answer.size < EVENT_MAX_BYTES;
    }
    if (watching->last_error.size > 0 && !watching->screen) {
        fputs("outrider: stream restored\n", stderr);
    }
    watching->changed = watching->changed || watching->last_error.size > 0;
    buf_clear(&watching->last_error);
    take_bytes(watching, bytes, &more);
    if (watching->screen && watching->synced && draws_now(watching)) {
        draw(watching);
    }
    return more == 0 && !ferror(stdout);
}

/* While its view is stale an agent sends no events, so the age is polled. */
static void look(struct watching *watching)
{
    struct error err;
    json_t *agent = NULL;
    watching->looked = clock_mono_ms();
    if (client_read(watching->client, "/api/services?type=-", &err, &agent) == 0) {
        int64_t before = watching->stale_ms;
        watching->stale_ms = document_true(agent, "stale") ? document_number_or(agent, "ageMs", 0) : -1;
        watching->changed = watching->changed || watching->stale_ms != before;
    }
    json_decref(agent);
}

static void on_tick(void *user)
{
    struct watching *watching = user;
    if (!watching->screen) {
        return;
    }
    if (clock_mono_ms() - watching->looked >= LOOK_MS) {
        look(watching);
    }
    bool old = services_screen_is_old(&watching->terminal);
    if (old || draws_now(watching)) {
        draw(watching);
    }
}

static int stream(struct watching *watching, const char *path, struct error *err)
{
    json_decref(watching->incoming);
    watching->incoming = NULL;
    sse_reader_begin_anew(&watching->reader);
    buf_clear(&watching->answer);
    watching->refused = watching->begun = false;
    watching->answered = 0;
    int status = client_follow(watching->client, path, buf_text(&watching->reader.last_id), on_data, on_tick,
                               watching, err);
    if (watching->answered != 0) {
        status = client_refusal(watching->answered, buf_view(&watching->answer), err);
    }
    return status;
}

/* A stream that never synced ends the command with its error. After that it is retried until an interrupt. */
static int follow(struct watching *watching, const char *path)
{
    for (;;) {
        struct error err;
        int status = stream(watching, path, &err);
        if (ferror(stdout)) {
            return EX_FAILED; /* the reader of the output is gone */
        }
        if (watching->refused || !watching->synced) {
            services_screen_end(&watching->terminal);
            return cli_fail(status, "%s", err.text);
        }
        if (!watching->screen && watching->last_error.size == 0) {
            cli_print(stderr, "outrider: stream lost: %s; reconnecting\n", err.text);
        }
        buf_clear(&watching->last_error);
        buf_str(&watching->last_error, str_of(err.text));
        if (watching->screen) {
            draw(watching);
        }
        cli_pause_ms(AGAIN_MS);
    }
}

int services_watch(const struct client *client, const char *path, bool json)
{
    struct watching watching = {.client = client,
                                .json = json,
                                .screen = isatty(STDOUT_FILENO) && !json,
                                .reader.max = EVENT_MAX_BYTES,
                                .stale_ms = -1,
                                .services = json_object()};
    if (watching.screen) {
        services_screen_begin(&watching.terminal);
    }
    int status = follow(&watching, path);
    json_decref(watching.services);
    json_decref(watching.incoming);
    sse_reader_fini(&watching.reader);
    buf_fini(&watching.last_error);
    buf_fini(&watching.answer);
    return status;
}
