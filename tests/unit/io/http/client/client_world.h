/* A client on a loop and a server, both stepped by the test, and the outcome of a call. */
#ifndef OUTRIDER_TEST_CLIENT_WORLD_H
#define OUTRIDER_TEST_CLIENT_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/io/http/client/http_client.h"
#include "unit/io/raw_server.h"

struct loop;
struct resolver;

struct outcome {
    struct http_result result; /* its pointers are no longer valid */
    char text[256], body[256], content_type[64];
    size_t calls;
};

struct client_world {
    struct loop *loop;
    struct resolver *resolver;
    struct http_client *client;
    struct raw_server server;
    struct outcome outcome;
};

/* For cmocka: a client_world in *state. */
int client_world_set_up(void **state);
int client_world_tear_down(void **state);

/* Notes a result in the struct outcome `user`. */
void note(const struct http_result *result, void *user);

/* A POST of {"a":1} to the server: two headers, a minute's timeout, at most 200 bytes of body. */
struct http_call call_to(struct client_world *world);

/* Starts a call whose result goes to world->outcome, and checks that it does not come at once. */
struct http_request_handle *post(struct client_world *world, const struct http_call *call);

/* One step of the server and a turn of the loop. */
void step(struct client_world *world);

/* Steps until the outcome is there. */
void settle(struct client_world *world);

/* call_to, post and settle. */
void request(struct client_world *world);

/* Sends `bytes` on a connection of the server, 0 being the oldest, and lets the client read them. */
void server_sends_on(struct client_world *world, size_t connection, const char *bytes, size_t size);

/* server_sends_on the newest connection. */
void server_sends(struct client_world *world, const char *bytes, size_t size);

#endif
