/* A view that a test steps, a hub of subscribers, an HTTP server, and readers with plain sockets. */
#ifndef OUTRIDER_TESTS_EVENTS_WORLD_H
#define OUTRIDER_TESTS_EVENTS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/api/events/events.h"
#include "outrider/base/buf.h"
#include "outrider/core/fleet/view.h"

#include <stdbool.h>

struct row {
    const char *key, *json; /* json NULL: deleted */
};

struct api_context;
struct leaders;

struct world {
    struct loop *loop;
    struct http_server *server;
    struct http_listener *listener;
    struct events *events;
    struct view *view;
    struct queue effects;
    struct instant now;
    uint64_t request, watch;
    int64_t revision;
    size_t counted, counts;
    struct leaders *leaders; /* NULL: not known */
    struct api_context *context;
    size_t gone; /* messages of WebSockets whose connection has ended before their answer */
};

struct reader {
    int fd;
    struct buf in;   /* what came after the head of the answer */
    struct buf head; /* with its empty line */
    bool ended;
};

/* A world whose view has not started; `max_pushes` 0: the default. */
void world_begin(struct world *world, size_t max_pushes, size_t changes_max);
void world_end(struct world *world);

/* The view lists the rows, at a new revision of the cluster, and is in sync. */
void world_list(struct world *world, uint64_t cluster, const struct row *rows, size_t count);

/* The watch delivers the rows, all of one new revision. */
void world_change(struct world *world, const struct row *rows, size_t count);

/* The same of one row. */
void world_put(struct world *world, const char *key, const char *json);

/* Ends the watch; with `compacted` the view has to list again, and has asked for it on return. */
void world_cut(struct world *world, bool compacted);

/* One turn of the loop, without waiting. */
void world_turn(struct world *world);

/* Requests `target` with the further header lines `headers` ("" or "Name: value\r\n"). */
struct reader reader_dial(struct world *world, const char *target, const char *headers);
void reader_hang_up(struct reader *reader);

/* Reads what has arrived; turns until `text` is in it, or until the stream ends. */
void reader_read(struct reader *reader);
void reader_hear(struct world *world, struct reader *reader, const char *text);
void reader_hear_end(struct world *world, struct reader *reader);

/* Turns until what has arrived is exactly `text`, and drops it; fails as soon as it cannot become that. */
void reader_expect(struct world *world, struct reader *reader, const char *text);

#endif
