/* TLS on a connection, as its client: the handshake, and a transport afterwards. TLS 1.2 or later; the certificate of the server
 * must be for its name, by subjectAltName alone. The files are read for each handshake. */
#ifndef OUTRIDER_IO_NET_TLS_H
#define OUTRIDER_IO_NET_TLS_H

#include "outrider/io/net/transport.h"

#include <stdint.h>

struct loop;
struct tls_attempt;

/* Borrowed. NULL: the system's trust store, no client certificate, the name of the host that is connected to. */
struct tls_settings {
    const char *ca_file, *cert_file, *key_file;
    const char *server_name;
};

/* Called from the loop exactly once per attempt that is not cancelled, never from within tls_start. `transport` belongs to the
 * callee; NULL: there is none, because of `why`, text for a person. Both are borrowed. */
typedef void tls_fn(const struct transport *transport, const char *why, void *user);

/* Starts the handshake on the connected socket `fd`, which it takes over, with the server that was reached as `host`. It ends
 * within `timeout_ms`. The handle is borrowed: valid until `fn` is entered or tls_cancel. */
struct tls_attempt *tls_start(struct loop *loop, int fd, const struct tls_settings *settings,
                              const char *host, int64_t timeout_ms, tls_fn *fn, void *user);

/* Ends the attempt and closes the connection, without a callback. Accepts NULL. */
void tls_cancel(struct tls_attempt *attempt);

#endif
