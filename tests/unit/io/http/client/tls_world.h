/* A TLS server (tests/support/tls-server) with every kind of certificate, and a client. The server is started
 * once per test program, the client once per test. */
#ifndef OUTRIDER_TEST_TLS_WORLD_H
#define OUTRIDER_TEST_TLS_WORLD_H

#include "outrider/io/http/client/http_client.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct loop;
struct resolver;

struct tls_outcome {
    struct http_result result; /* its pointers are no longer valid */
    char text[640], body[256], content_type[64];
    size_t calls;
};

struct tls_world {
    struct loop *loop;
    struct resolver *resolver;
    struct http_client *client; /* NULL until tls_client */
    struct tls_outcome outcome;
    char url[96];
};

/* cmocka's group fixtures: make the certificates and start the server; stop it. */
int tls_group_setup(void **state);
int tls_group_teardown(void **state);

/* cmocka's test fixtures: a world in *state, without a client. */
int tls_setup(void **state);
int tls_teardown(void **state);

/* The file `name` among the certificates; valid until the 32nd call after this one. */
const char *tls_cert(const char *name);

/* A new client; where `tls` has no ca_file, the CA of the server's certificates. */
void tls_client(struct tls_world *world, struct http_tls tls);

/* "https://127.0.0.1:PORT/PATH" for the port of `kind`; valid until the next call. */
const char *tls_url(struct tls_world *world, const char *kind, const char *path);

/* A call there, with the body "hello". */
struct http_call tls_call(struct tls_world *world, const char *kind, const char *path);

/* An http_result_fn: `user` is a struct tls_outcome. */
void tls_note(const struct http_result *result, void *user);

/* Makes the call and turns the loop until it has ended. */
void tls_ask(struct tls_world *world, const char *kind, const char *path);

/* A number from the last answer of /info, -1 where it has none of that name. */
long tls_info(const struct tls_world *world, const char *name);

/* Whether the last text has `part`; prints the text when not. */
bool tls_text_has(const struct tls_world *world, const char *part);

/* Likewise for the last body. */
bool tls_body_has(const struct tls_world *world, const char *part);

#endif
