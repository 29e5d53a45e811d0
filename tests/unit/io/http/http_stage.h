/* An HTTP server that pushes to each client of /push, and what became of the pushes. */
#ifndef OUTRIDER_TEST_HTTP_STAGE_H
#define OUTRIDER_TEST_HTTP_STAGE_H

#include "http_world.h"

enum { PEERS_MAX = 64, SMALL = 512 };

struct http_push;

/* The state of a handler that pushes; the world's own handler is not used. */
struct stage {
    struct world *world;
    struct http_push *pushes[PEERS_MAX];
    size_t count, declined, drained, closed, behind, shut, for_room;
    bool ends_when_closed, refuses;
    struct blob *small;
};

/* For cmocka: a stage without a server in *state. */
int stage_set_up(void **state);
int stage_tear_down(void **state);

/* Starts the server. */
void stage_serve(struct stage *stage, struct http_listener_options options);

/* A client whose request has become the next push; from 127.0.0.1, or from `source`. */
struct client stage_subscribe(struct stage *stage, const char *request);
struct client stage_subscribe_from(struct stage *stage, const char *source, const char *request);

/* Pushes `text`. */
void stage_send(struct http_push *push, const char *text);

const struct http_server_counters *stage_counters(const struct stage *stage);

#endif
