/* TLS on accepted connections: a transport that makes its handshake while it is read from.
 *
 * TLS 1.2 or later, no renegotiation, tickets that end with the certificate, at most HTTP/1.1 by ALPN. Certificate and key are
 * looked at before each handshake and read again when a file has changed; what cannot be used then is logged, and the
 * former pair stays in use. Memory of one handshake: OpenSSL's state, about 50 kB, and what the peer's hello (TLS_HELLO_MAX; a second
 * one, for which OpenSSL asks where the first has no key of a common group: 128 kB) and its certificates (TLS_CERTIFICATES_MAX) take. The handshakes of one turn of the loop are few, so that a crowd of them does not stop it. */
#ifndef OUTRIDER_IO_NET_TLS_SERVER_H
#define OUTRIDER_IO_NET_TLS_SERVER_H

#include "outrider/base/attr.h"
#include "outrider/io/net/transport.h"

#include <stdbool.h>
#include <stdint.h>

struct error;
struct loop;
struct tls_server;

/* TLS_HELLO_MAX: the first message of the peer is at most so large; TLS_NAMES_MAX: names of a certificate, each of at most
 * TLS_NAME_MAX bytes without its kind. What is beyond is left out. */
enum { TLS_HELLO_MAX = 16384, TLS_CERTIFICATES_MAX = 32768, TLS_NAMES_MAX = 16, TLS_NAME_MAX = 255 };

/* PEM; borrowed. With `client_ca_file` a peer may show a certificate, which must then be of one of these authorities. */
struct tls_server_files {
    const char *cert_file, *key_file;
    const char *client_ca_file; /* NULL: peers are not asked for certificates */
};

/* Why a connection was not served. */
enum tls_refusal {
    TLS_REFUSED_PLAIN,       /* it does not speak TLS */
    TLS_REFUSED_HELLO,       /* its first message is malformed or too large */
    TLS_REFUSED_CERTIFICATE, /* that of the peer is not accepted */
    TLS_REFUSED_HANDSHAKE, /* no version, cipher or protocol in common, an alert, or the peer's end in its middle */
    TLS_REFUSALS,
};

struct tls_server_counters {
    uint64_t handshakes; /* done */
    uint64_t resumed;    /* of them, with a ticket */
    uint64_t refused[TLS_REFUSALS];
    uint64_t loads, load_failures; /* of changed files */
};

/* Reads the files. `loop` is borrowed until tls_server_free. NULL with `err` set: a file cannot be read, is no PEM, or the
 * key is of another certificate; the text names setting and path. OpenSSL is initialised by the first call. */
struct tls_server *tls_server_new(struct loop *loop, const struct tls_server_files *files,
                                  struct error *err) MUST_CHECK;

/* Frees the server; its connections have been closed. Accepts NULL. */
void tls_server_free(struct tls_server *server);

/* Borrowed as long as the server. */
const struct tls_server_counters *tls_server_counters(const struct tls_server *server);

/* A transport on the accepted TCP socket `fd`, which it takes over. recv() makes the handshake: EAGAIN until it is done, and
 * EPROTOTYPE where the peer does not speak TLS; nothing has been read from the socket then. Before it is done sendv()
 * fails with ENOTCONN. */
struct transport tls_server_accept(struct tls_server *server, int fd);

/* After EPROTOTYPE: gives the descriptor back as a plain transport, and frees the rest. */
struct transport tls_server_give_up(struct transport *transport);

/* The names in the certificate that the peer has shown and that was accepted: "DNS:NAME" in lower case and "URI:TEXT" of its
 * subjectAltName, NULL at the end; never its common name. NULL: it showed none. Borrowed until the transport is closed. */
const char *const *tls_server_names(const struct transport *transport);

#endif
