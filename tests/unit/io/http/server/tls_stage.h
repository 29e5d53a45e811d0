/* An HTTP server with TLS on a loop, and clients in the same thread, whose bytes travel when the test says so. */
#ifndef OUTRIDER_TEST_TLS_STAGE_H
#define OUTRIDER_TEST_TLS_STAGE_H

#include "unit/io/http/http_world.h"

#include <openssl/ssl.h>

struct tls_server;

struct tls_stage {
    struct world *world;
    struct tls_server *tls; /* of use.crt and use.key */
};

struct tls_peer {
    struct client client;
    SSL *ssl;
    BIO *in, *out;  /* of `ssl`; bytes from and to the socket */
    size_t at_once; /* bytes that are sent in one piece; 0: all */
    struct buf heard;
    bool failed; /* its handshake, or its connection */
};

/* For cmocka: certificates in a directory, nothing started. The group's state is not used. */
int tls_stage_certificates(void **state);
int tls_stage_no_certificates(void **state);

/* A stage whose server speaks TLS, with certificates of clients where they are shown. */
int tls_stage_set_up(void **state);
int tls_stage_tear_down(void **state);

/* Starts the server. */
void tls_stage_serve(struct tls_stage *stage, struct http_listener_options options);

/* Makes `name` (of tests/support/certs) the certificate of the server, by rename as a rotation does. */
void tls_stage_use(const char *name);
void tls_stage_use_file(const char *name, const char *kind); /* one of both: "crt", "key" */

/* A client that has not yet said anything; with the certificate `name`, or NULL. */
struct tls_peer tls_dial(struct tls_stage *stage, const char *name);
void tls_hang_up(struct tls_peer *peer);

/* One turn: what the client has written travels, the loop turns, what arrived is read. */
void tls_turn(struct tls_stage *stage, struct tls_peer *peer);

/* Turns until the handshake is done; false: it failed. */
bool tls_shake(struct tls_stage *stage, struct tls_peer *peer);

/* Writes `text`, and turns until `mark` has been heard, or the connection ended (then `failed`). */
void tls_ask(struct tls_stage *stage, struct tls_peer *peer, const char *text, const char *mark);

/* Tells the certificate that the server has shown from others. */
long tls_mark(const struct tls_peer *peer);

#endif
