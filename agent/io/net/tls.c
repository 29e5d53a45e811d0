#include "outrider/io/net/tls.h"

#include "outrider/base/brief.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/loop/timer.h"
#include "tls_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tls_attempt {
    struct loop *loop;
    tls_fn *fn;
    void *user;
    int fd;
    SSL *ssl;
    struct event event;
    bool waiting;
    struct timer *timeout;
    struct deferred done;
    char why[256]; /* "" while nothing failed */
};

/* ---- the transport ---- */

/* OpenSSL keeps errors in a queue of the thread; what an earlier call left there would be taken for this one's. */
static ssize_t result_of(SSL *ssl, int done)
{
    if (done > 0) {
        return done;
    }
    int error = SSL_get_error(ssl, done);
    if (error == SSL_ERROR_ZERO_RETURN) {
        return 0;
    }
    bool later = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
    int errnum = error == SSL_ERROR_SYSCALL && errno != 0 ? errno : ECONNRESET;
    errno = later ? EAGAIN : errnum;
    return -1;
}

static ssize_t tls_recv(struct transport *transport, void *ret_bytes, size_t size)
{
    ERR_clear_error();
    errno = 0;
    return result_of(transport->state, SSL_read(transport->state, ret_bytes, tls_int_size(size)));
}

/* One part at a time: each becomes a record, and the caller comes again for the rest. */
static ssize_t tls_sendv(struct transport *transport, const struct iovec *parts, size_t count)
{
    ssize_t sent = 0;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].iov_len == 0) {
            continue;
        }
        ERR_clear_error();
        errno = 0;
        int size = tls_int_size(parts[i].iov_len);
        ssize_t done = result_of(transport->state, SSL_write(transport->state, parts[i].iov_base, size));
        if (done <= 0) {
            errno = done == 0 ? EPIPE : errno;
            return sent > 0 ? sent : -1;
        }
        sent += done;
        if ((size_t)done < parts[i].iov_len) {
            break;
        }
    }
    return sent;
}

static int tls_finish(struct transport *transport)
{
    ERR_clear_error();
    return SSL_shutdown(transport->state) < 0 ? -1 : 0;
}

static void tls_close(struct transport *transport)
{
    ERR_clear_error();
    SSL_shutdown(transport->state); /* tells the peer; its answer is not waited for */
    SSL_free(transport->state);
    close(transport->fd);
}

static const struct transport_ops tls_ops = {tls_recv, tls_sendv, tls_finish, tls_close, NULL, NULL};

/* ---- what went wrong ---- */

static void fail(struct tls_attempt *attempt, const char *what)
{
    unsigned long code = ERR_peek_error();
    long verified = attempt->ssl == NULL ? X509_V_OK : SSL_get_verify_result(attempt->ssl);
    const char *reason = ERR_reason_error_string(code);
    if (verified != X509_V_OK) {
        brief_format(attempt->why, sizeof(attempt->why), "the server's certificate is not accepted: %s",
                     X509_verify_cert_error_string(verified));
    } else if (reason != NULL) {
        brief_format(attempt->why, sizeof(attempt->why), "%s: %s", what, reason);
    } else {
        brief_format(attempt->why, sizeof(attempt->why), "%s: the server ended the connection", what);
    }
    ERR_clear_error();
}

static int load_file(struct tls_attempt *attempt, const char *setting, const char *path, int loaded)
{
    if (loaded != 1) {
        char what[160];
        snprintf(what, sizeof(what), "%s %s cannot be used", setting, path);
        fail(attempt, what);
    }
    return loaded;
}

static int load_files(struct tls_attempt *attempt, SSL_CTX *context, const struct tls_settings *settings)
{
    const char *ca = settings->ca_file, *cert = settings->cert_file, *key = settings->key_file;
    SSL_CTX_set_default_passwd_cb(context, tls_no_pass_phrase);
    int ok = ca == NULL ? SSL_CTX_set_default_verify_paths(context)
                        : load_file(attempt, "ca_file", ca,
                                    tls_is_file(ca) ? SSL_CTX_load_verify_locations(context, ca, NULL) : 0);
    if (ok == 1 && cert != NULL) {
        ok = load_file(attempt, "cert_file", cert,
                       tls_is_file(cert) ? SSL_CTX_use_certificate_chain_file(context, cert) : 0);
    }
    if (ok == 1 && key != NULL) {
        ok = load_file(attempt, "key_file", key,
                       tls_is_file(key) ? SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) : 0);
    }
    return ok == 1 ? 0 : -1;
}

/* ---- the handshake ---- */

static int expect_name(SSL *ssl, const char *name)
{
    unsigned char address[sizeof(struct in6_addr)];
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
                                               X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1) {
        return X509_VERIFY_PARAM_set1_ip_asc(param, name);
    }
    return SSL_set_tlsext_host_name(ssl, name) == 1 ? X509_VERIFY_PARAM_set1_host(param, name, 0) : 0;
}

static int prepare(struct tls_attempt *attempt, const struct tls_settings *settings, const char *host)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    const char *name = settings->server_name != NULL ? settings->server_name : host;
    int rc = -1;
    if (context == NULL) {
        fail(attempt, "no TLS");
        return -1;
    }
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    if (load_files(attempt, context, settings) == 0) {
        attempt->ssl = SSL_new(context);
        if (attempt->ssl == NULL || expect_name(attempt->ssl, name) != 1 ||
            SSL_set_fd(attempt->ssl, attempt->fd) != 1) {
            fail(attempt, "no TLS");
        } else {
            rc = 0;
        }
    }
    SSL_CTX_free(context); /* the connection holds its own reference */
    return rc;
}

static void wait_for(struct tls_attempt *attempt, short what);

static void finish(struct tls_attempt *attempt)
{
    timer_free(attempt->timeout);
    attempt->timeout = NULL;
    loop_defer(attempt->loop, &attempt->done);
}

static void advance(struct tls_attempt *attempt)
{
    ERR_clear_error();
    errno = 0;
    int done = SSL_connect(attempt->ssl);
    int error = done == 1 ? SSL_ERROR_NONE : SSL_get_error(attempt->ssl, done);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        wait_for(attempt, error == SSL_ERROR_WANT_READ ? EV_READ : EV_WRITE);
        return;
    }
    if (error != SSL_ERROR_NONE) {
        fail(attempt, "no secure connection");
    }
    finish(attempt);
}

static void on_ready(evutil_socket_t fd, short what, void *user)
{
    (void)fd, (void)what;
    struct tls_attempt *attempt = user;
    attempt->waiting = false;
    advance(attempt);
}

static void wait_for(struct tls_attempt *attempt, short what)
{
    event_assign(&attempt->event, loop_base(attempt->loop), attempt->fd, what, on_ready, attempt);
    event_add(&attempt->event, NULL);
    attempt->waiting = true;
}

static void on_timeout(void *user)
{
    struct tls_attempt *attempt = user;
    if (attempt->waiting) {
        event_del(&attempt->event);
        attempt->waiting = false;
    }
    brief_copy(attempt->why, sizeof(attempt->why), STR("no secure connection: timed out"));
    finish(attempt);
}

static void deliver(void *user)
{
    struct tls_attempt *attempt = user;
    struct transport transport = {.ops = &tls_ops, .fd = attempt->fd, .state = attempt->ssl};
    bool ok = attempt->why[0] == '\0';
    if (ok) {
        attempt->fd = -1;
        attempt->ssl = NULL;
    }
    attempt->fn(ok ? &transport : NULL, attempt->why, attempt->user);
    tls_cancel(attempt);
}

struct tls_attempt *tls_start(struct loop *loop, int fd, const struct tls_settings *settings,
                              const char *host, int64_t timeout_ms, tls_fn *fn, void *user)
{
    struct tls_attempt *attempt = mem_zalloc(sizeof(*attempt));
    *attempt = (struct tls_attempt){.loop = loop, .fn = fn, .user = user, .fd = fd};
    attempt->done = (struct deferred){.fn = deliver, .user = attempt};
    attempt->timeout = timer_new(loop, on_timeout, attempt);
    timer_arm_ms(attempt->timeout, timeout_ms);
    if (prepare(attempt, settings, host) < 0) {
        finish(attempt);
    } else {
        advance(attempt);
    }
    return attempt;
}

void tls_cancel(struct tls_attempt *attempt)
{
    if (attempt == NULL) {
        return;
    }
    if (attempt->waiting) {
        event_del(&attempt->event);
    }
    timer_free(attempt->timeout);
    deferred_cancel(&attempt->done);
    SSL_free(attempt->ssl);
    if (attempt->fd >= 0) {
        close(attempt->fd);
    }
    free(attempt);
}
