/* The stream of /api/subscribe as a live table. */
#include "cmd_services.h"

#include "cli.h"
#include "client.h"
#include "document.h"
#include "outrider/base/buf.h"
#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/os/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* A line is one record: no value in etcd is larger than 1.5 MiB. */
enum { LINE_MAX_BYTES = 4 << 20, FRAME_MS = 100, LOOK_MS = 5000, AGAIN_S = 1 };

struct watching {
    const struct client *client;
    bool json, screen, colour;
    struct buf line, event;
    json_t *services; /* key "TYPE/ID": record, as of the last synced and what came since */
    json_t *incoming; /* likewise, of a stream that has not synced yet; else NULL */
    bool synced, changed, refused;
    int64_t drawn, looked; /* clock_mono_ms */
    int64_t stale_ms;      /* the agent's view; -1: it is not */
    struct buf trouble;    /* why there is no stream */
    struct buf answer;     /* of an agent that refuses */
};

/* ---- showing ---- */

static int by_key(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static json_t *sorted(json_t *services)
{
    size_t count = json_object_size(services), used = 0;
    const char **keys = calloc(count + 1, sizeof(keys[0]));
    json_t *list = json_array();
    for (void *at = json_object_iter(services); keys != NULL && at != NULL;
         at = json_object_iter_next(services, at)) {
        keys[used++] = json_object_iter_key(at);
    }
    if (keys != NULL) {
        qsort(keys, used, sizeof(keys[0]), by_key);
    }
    for (size_t i = 0; i < used; i++) {
        json_array_append(list, json_object_get(services, keys[i]));
    }
    free(keys);
    return list;
}

static void add_notice(const struct watching *watching, struct buf *screen)
{
    char age[32];
    buf_printf(screen, "%zu servers", json_object_size(watching->services));
    if (watching->trouble.size > 0) {
        buf_printf(screen, "; STALE: %s; trying again", buf_text(&watching->trouble));
    } else if (!watching->synced) {
        buf_str(screen, STR("; waiting for the agent to know the fleet"));
    } else if (watching->stale_ms >= 0) {
        buf_printf(screen, "; STALE: the registry was last heard %s ago",
                   duration_human(watching->stale_ms, age));
    }
}

/* The screen is written from its top without being cleared before: nothing flickers. */
static void draw(struct watching *watching)
{
    struct winsize size = {0};
    struct buf table = {0}, screen = {0};
    size_t rows = 24, width = 80;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 3 && size.ws_col > 0) {
        rows = size.ws_row;
        width = size.ws_col;
    }
    json_t *list = sorted(watching->services);
    services_table(list, rows - 2, width, watching->colour, &table);
    add_notice(watching, &table);
    json_decref(list);
    buf_str(&screen, STR("\033[H"));
    struct str rest = buf_view(&table);
    while (rest.size > 0) {
        bool last = memchr(rest.data, '\n', rest.size) == NULL;
        buf_str(&screen, str_split(rest, '\n', &rest));
        buf_str(&screen, last ? STR("\033[K") : STR("\033[K\n"));
    }
    buf_str(&screen, STR("\033[J"));
    fputs(buf_text(&screen), stdout);
    fflush(stdout);
    buf_fini(&table);
    buf_fini(&screen);
    watching->drawn = clock_mono_ms();
    watching->changed = false;
}

static void print_change(const struct watching *watching, const char *event, json_t *record)
{
    char time_text[32];
    if (watching->json) {
        json_t *line = json_pack("{s:s, s:O}", "event", event, "data", record);
        if (line != NULL) {
            json_dumpf(line, stdout, JSON_COMPACT);
            putchar('\n');
        }
        json_decref(line);
    } else {
        struct buf row = {0};
        json_t *one = json_pack("[O]", record);
        services_table(one, 0, 0, false, &row);
        struct str text = buf_view(&row);
        (void)str_split(text, '\n', &text); /* the head */
        printf("%s %-6s %.*s", timestamp_format(clock_wall_ms(), time_text), event, STR_ARG(text));
        json_decref(one);
        buf_fini(&row);
    }
    fflush(stdout);
}

/* ---- reading ---- */

/* A stream that begins anew tells everything; who reads lines is told what is different. */
static void tell_gone(const struct watching *watching)
{
    const char *key;
    json_t *record;
    json_object_foreach(watching->services, key, record)
    {
        if (json_object_get(watching->incoming, key) == NULL) {
            print_change(watching, "remove", record);
        }
    }
}

static void take_synced(struct watching *watching, const json_t *data)
{
    if (watching->incoming != NULL) {
        if (!watching->screen) {
            tell_gone(watching);
        }
        json_decref(watching->services);
        watching->services = watching->incoming;
        watching->incoming = NULL;
    }
    watching->synced = true;
    watching->stale_ms = document_true(data, "stale") ? document_number_or(data, "ageMs", 0) : -1;
}

static void take_record(struct watching *watching, const char *event, json_t *data)
{
    const char *type = document_text(data, "type"), *id = document_text(data, "id");
    json_t *into = watching->incoming != NULL ? watching->incoming : watching->services;
    struct buf key = {0};
    buf_printf(&key, "%s/%s", type == NULL ? "" : type, id == NULL ? "" : id);
    json_t *before = json_object_get(watching->services, buf_text(&key));
    if (!watching->screen && !(before != NULL && json_equal(before, data))) {
        print_change(watching, event, data);
    }
    if (strcmp(event, "remove") == 0) {
        json_object_del(into, buf_text(&key));
    } else {
        json_object_set(into, buf_text(&key), data);
    }
    buf_fini(&key);
}

static void take_event(struct watching *watching, const char *event, json_t *data)
{
    if (strcmp(event, "synced") == 0) {
        take_synced(watching, data);
    } else {
        take_record(watching, event, data);
    }
    watching->changed = true;
}

static void take_line(struct watching *watching, struct str line)
{
    line.size -= line.size > 0 && line.data[line.size - 1] == '\r' ? 1 : 0;
    if (str_starts(line, STR("event: "))) {
        buf_clear(&watching->event);
        buf_str(&watching->event, (struct str){line.data + 7, line.size - 7});
    } else if (str_starts(line, STR("data: ")) && watching->event.size > 0) {
        json_error_t ignored;
        json_t *data = json_loadb(line.data + 6, line.size - 6, JSON_ALLOW_NUL, &ignored);
        if (json_is_object(data)) {
            take_event(watching, buf_text(&watching->event), data);
        }
        json_decref(data);
    }
}

static bool on_data(int status, struct str bytes, void *user)
{
    struct watching *watching = user;
    if (status != 200) {
        watching->refused = status >= 400 && status < 500;
        buf_str(&watching->answer, bytes);
        return watching->answer.size < LINE_MAX_BYTES;
    }
    buf_clear(&watching->trouble);
    buf_str(&watching->line, bytes);
    struct str rest = buf_view(&watching->line);
    while (rest.size > 0 && memchr(rest.data, '\n', rest.size) != NULL) {
        take_line(watching, str_split(rest, '\n', &rest));
    }
    buf_consume(&watching->line, watching->line.size - rest.size);
    if (watching->screen && watching->synced && clock_mono_ms() - watching->drawn >= FRAME_MS) {
        draw(watching);
    }
    return watching->line.size < LINE_MAX_BYTES && !ferror(stdout);
}

/* While its view is stale an agent sends nothing: it is asked. */
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
    if (watching->changed && clock_mono_ms() - watching->drawn >= FRAME_MS) {
        draw(watching);
    }
}

static void refuse(const struct watching *watching, struct error *err)
{
    json_error_t ignored;
    json_t *document = json_loadb(buf_text(&watching->answer), watching->answer.size, 0, &ignored);
    const char *message = document_text(document, "error.message");
    (void)error_set(err, ERROR_INVALID, "the agent refused: %s",
                    message == NULL ? "no reason given" : message);
    json_decref(document);
}

static int stream(struct watching *watching, const char *path, struct error *err)
{
    json_decref(watching->incoming);
    watching->incoming = json_object();
    buf_clear(&watching->line);
    buf_clear(&watching->event);
    buf_clear(&watching->answer);
    watching->refused = false;
    int status = client_follow(watching->client, path, on_data, on_tick, watching, err);
    if (watching->answer.size > 0) {
        refuse(watching, err);
    }
    return watching->refused ? EX_FAILED : status;
}

static void show_trouble(struct watching *watching, const struct error *err)
{
    bool known = watching->trouble.size > 0;
    buf_clear(&watching->trouble);
    buf_str(&watching->trouble, str_of(err->text));
    if (watching->screen) {
        draw(watching);
    } else if (!known) {
        fprintf(stderr, "outrider: %s: trying again\n", err->text);
    }
}

/* What never began has an end; what did is tried again until somebody interrupts it. */
static int follow(struct watching *watching, const char *path)
{
    for (;;) {
        struct error err;
        int status = stream(watching, path, &err);
        if (ferror(stdout)) {
            return EX_FAILED; /* nobody reads any more */
        }
        if (watching->refused || !watching->synced) {
            return cli_fail(status, "%s", err.text);
        }
        show_trouble(watching, &err);
        nanosleep(&(struct timespec){.tv_sec = AGAIN_S}, NULL);
    }
}

int services_watch(const struct client *client, const char *path, bool json)
{
    struct watching watching = {.client = client,
                                .json = json,
                                .screen = isatty(STDOUT_FILENO) && !json,
                                .colour = cli_colour(),
                                .stale_ms = -1,
                                .services = json_object()};
    if (watching.screen) {
        fputs("\033[H\033[2J", stdout);
    }
    int status = follow(&watching, path);
    json_decref(watching.services);
    json_decref(watching.incoming);
    buf_fini(&watching.line);
    buf_fini(&watching.event);
    buf_fini(&watching.trouble);
    buf_fini(&watching.answer);
    return status;
}
