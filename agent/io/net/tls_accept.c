/* One accepted connection: its hello is looked at before OpenSSL has any state for it, then the handshake, then records. */
#include "outrider/base/buf.h"
#include "outrider/base/mem.h"
#include "tls_internal.h"
#include "tls_server_internal.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* HELLO_BYTES: the header of a record, and that of a handshake message. */
enum {
    RECORD_HEADER = 5,
    HELLO_BYTES = 9,
    RECORD_HANDSHAKE = 22,
    MAJOR_VERSION = 3,
    CLIENT_HELLO = 1,
    HANDSHAKE_HEADER = 4
};

/* HELLO -> SHAKING -> OPEN; any -> FAILED. */
enum tls_state { TLS_HELLO, TLS_SHAKING, TLS_OPEN, TLS_FAILED };

static const unsigned allowed[] = {
    [TLS_HELLO] = 1U << TLS_SHAKING | 1U << TLS_FAILED,
    [TLS_SHAKING] = 1U << TLS_OPEN | 1U << TLS_FAILED,
    [TLS_OPEN] = 1U << TLS_FAILED,
    [TLS_FAILED] = 0,
};

struct tls_connection {
    struct tls_server *server;
    enum tls_state state;
    SSL *ssl;     /* NULL in HELLO */
    char **names; /* see tls_server_names() */
};

static void enter_tls(struct tls_connection *connection, enum tls_state state)
{
    if ((allowed[connection->state] & 1U << state) == 0) {
        abort();
    }
    connection->state = state;
}

static ssize_t fail(struct tls_connection *connection, int errnum)
{
    if (connection->state != TLS_FAILED) {
        enter_tls(connection, TLS_FAILED);
    }
    ERR_clear_error();
    errno = errnum;
    return -1;
}

static ssize_t refuse(struct tls_connection *connection, enum tls_refusal why, int errnum)
{
    connection->server->counters.refused[why]++;
    return fail(connection, errnum);
}

/* ---- the hello ---- */

static void wake_at(int fd, int bytes)
{
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
}

static bool has_ended(int fd)
{
    struct pollfd state = {.fd = fd, .events = POLLRDHUP};
    return poll(&state, 1, 0) > 0 && (state.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

static size_t record_size(const unsigned char *head)
{
    return (size_t)head[3] << 8 | head[4];
}

static bool is_hello(const unsigned char *head)
{
    size_t record = record_size(head);
    size_t message = (size_t)head[6] << 16 | (size_t)head[7] << 8 | head[8];
    return head[1] == MAJOR_VERSION && head[5] == CLIENT_HELLO && record >= HANDSHAKE_HEADER &&
           record <= TLS_HELLO_MAX && message <= TLS_HELLO_MAX;
}

/* Whether so many bytes can be read. If not, the socket becomes readable once they can, or at the end of the stream. */
static bool has_arrived(int fd, size_t bytes)
{
    int waiting = 0;
    if (ioctl(fd, FIONREAD, &waiting) == 0 && waiting >= (int)bytes) {
        return true;
    }
    wake_at(fd, (int)bytes);
    return false;
}

/* Returns 1 once the hello may be read, 0 at the end of the stream, or -1 with errno. */
static ssize_t await_hello(struct tls_connection *connection, int fd)
{
    unsigned char head[HELLO_BYTES];
    ssize_t got = recv(fd, head, sizeof(head), MSG_PEEK | MSG_DONTWAIT);
    if (got <= 0) {
        return got;
    }
    if (head[0] != RECORD_HANDSHAKE) {
        return refuse(connection, TLS_REFUSED_PLAIN, EPROTOTYPE);
    }
    if (got == HELLO_BYTES && !is_hello(head)) {
        return refuse(connection, TLS_REFUSED_HELLO, EPROTO);
    }
    /* a part of it costs nothing but the place */
    if (got < HELLO_BYTES || !has_arrived(fd, RECORD_HEADER + record_size(head))) {
        errno = EAGAIN;
        return has_ended(fd) ? refuse(connection, TLS_REFUSED_HANDSHAKE, EPROTO) : -1;
    }
    if (has_ended(fd)) { /* else a flood of hellos, each cut off, would cost a signature each */
        return refuse(connection, TLS_REFUSED_HANDSHAKE, EPROTO);
    }
    wake_at(fd, 1);
    SSL *ssl = SSL_new(tls_server_context(connection->server));
    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        return fail(connection, ENOMEM);
    }
    SSL_set_accept_state(ssl);
    connection->ssl = ssl;
    enter_tls(connection, TLS_SHAKING);
    return 1;
}

/* ---- names of a certificate ---- */

/* A NUL within a name, or a byte that no name has, is a trick: such a name is none. */
static bool is_sound(struct str text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~') {
            return false;
        }
    }
    return text.size > 0 && text.size <= TLS_NAME_MAX;
}

static char *name_of(const GENERAL_NAME *name)
{
    bool is_dns = name->type == GEN_DNS;
    if (!is_dns && name->type != GEN_URI) {
        return NULL;
    }
    const ASN1_IA5STRING *value = is_dns ? name->d.dNSName : name->d.uniformResourceIdentifier;
    struct str text = {(const char *)ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)};
    if (!is_sound(text)) {
        return NULL;
    }
    struct buf out = {0};
    buf_printf(&out, "%s%.*s", is_dns ? "DNS:" : "URI:", STR_ARG(text));
    for (size_t i = 4; is_dns && i < out.size; i++) {
        out.data[i] = (char)tolower((unsigned char)out.data[i]);
    }
    char *copy = mem_strdup(buf_text(&out));
    buf_fini(&out);
    return copy;
}

static void take_names(struct tls_connection *connection)
{
    X509 *certificate = SSL_get1_peer_certificate(connection->ssl);
    if (certificate == NULL || SSL_get_verify_result(connection->ssl) != X509_V_OK) {
        X509_free(certificate);
        return;
    }
    GENERAL_NAMES *all = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    size_t count = 0;
    connection->names = mem_zalloc((TLS_NAMES_MAX + 1) * sizeof(*connection->names));
    for (int i = 0; i < sk_GENERAL_NAME_num(all) && count < TLS_NAMES_MAX; i++) {
        char *name = name_of(sk_GENERAL_NAME_value(all, i));
        if (name != NULL) {
            connection->names[count++] = name;
        }
    }
    GENERAL_NAMES_free(all);
    X509_free(certificate);
}

/* ---- the handshake ---- */

static bool may_step(struct tls_server *server)
{
    if (server->steps_left == 0) {
        return false; /* the socket stays readable: the next turn comes here again */
    }
    server->steps_left--;
    loop_defer(server->loop, &server->turn);
    return true;
}

/* Its own answers to the peer always fit: the socket is new. So one that has to wait until it may write is ended. */
static ssize_t shake(struct tls_connection *connection)
{
    if (!may_step(connection->server)) {
        errno = EAGAIN;
        return -1;
    }
    ERR_clear_error();
    int done = SSL_accept(connection->ssl);
    if (done == 1) {
        enter_tls(connection, TLS_OPEN);
        connection->server->counters.handshakes++;
        connection->server->counters.resumed += SSL_session_reused(connection->ssl) ? 1 : 0;
        take_names(connection);
        return 1;
    }
    if (SSL_get_error(connection->ssl, done) == SSL_ERROR_WANT_READ) {
        errno = EAGAIN;
        return -1;
    }
    bool judged = SSL_get_verify_result(connection->ssl) != X509_V_OK;
    return refuse(connection, judged ? TLS_REFUSED_CERTIFICATE : TLS_REFUSED_HANDSHAKE, EPROTO);
}

/* ---- the transport ---- */

/* `later` is what may have to wait: a read that has to write is of a peer that asks for new keys and takes nothing, and
 * would be tried for ever. */
static ssize_t result_of(struct tls_connection *connection, int done, int later)
{
    if (done > 0) {
        return done;
    }
    int errnum = errno;
    int error = SSL_get_error(connection->ssl, done);
    if (error == SSL_ERROR_ZERO_RETURN) {
        return 0;
    }
    if (error == later) {
        errno = EAGAIN;
        return -1;
    }
    return fail(connection, error == SSL_ERROR_SYSCALL && errnum != 0 ? errnum : ECONNRESET);
}

static ssize_t tls_recv(struct transport *transport, void *ret_bytes, size_t size)
{
    struct tls_connection *connection = transport->state;
    ssize_t ready = 1;
    if (connection->state == TLS_HELLO) {
        ready = await_hello(connection, transport->fd);
    }
    if (ready == 1 && connection->state == TLS_SHAKING) {
        ready = shake(connection);
    }
    if (ready != 1) {
        return ready;
    }
    if (connection->state != TLS_OPEN) {
        errno = ECONNRESET;
        return -1;
    }
    ERR_clear_error();
    errno = 0;
    return result_of(connection, SSL_read(connection->ssl, ret_bytes, tls_int_size(size)),
                     SSL_ERROR_WANT_READ);
}

/* Copies parts until a record is full. Small ones are then sent together, in one call and with the cost of one record. */
static size_t gather(struct tls_server *server, const struct iovec *parts, size_t count, size_t skip)
{
    size_t filled = 0;
    for (size_t i = 0; i < count && filled < sizeof(server->gather); i++) {
        if (skip >= parts[i].iov_len) {
            skip -= parts[i].iov_len;
            continue;
        }
        size_t room = sizeof(server->gather) - filled, size = parts[i].iov_len - skip;
        size = size < room ? size : room;
        memcpy(server->gather + filled, (const char *)parts[i].iov_base + skip, size);
        filled += size;
        skip = 0;
    }
    return filled;
}

static ssize_t tls_sendv(struct transport *transport, const struct iovec *parts, size_t count)
{
    struct tls_connection *connection = transport->state;
    size_t sent = 0, size;
    if (connection->state != TLS_OPEN) {
        errno = ENOTCONN;
        return -1;
    }
    while ((size = gather(connection->server, parts, count, sent)) > 0) {
        ERR_clear_error();
        errno = 0;
        ssize_t done =
            result_of(connection, SSL_write(connection->ssl, connection->server->gather, (int)size),
                      SSL_ERROR_WANT_WRITE);
        if (done <= 0) {
            errno = done == 0 ? EPIPE : errno;
            return sent > 0 ? (ssize_t)sent : -1;
        }
        sent += (size_t)done;
    }
    return (ssize_t)sent;
}

static void say_goodbye(struct tls_connection *connection)
{
    if (connection->state == TLS_OPEN) {
        ERR_clear_error();
        SSL_shutdown(connection->ssl);
        ERR_clear_error();
    }
}

static int tls_finish(struct transport *transport)
{
    say_goodbye(transport->state);
    return shutdown(transport->fd, SHUT_WR);
}

static void free_connection(struct tls_connection *connection)
{
    for (char **name = connection->names; name != NULL && *name != NULL; name++) {
        free(*name);
    }
    free(connection->names);
    SSL_free(connection->ssl);
    free(connection);
}

static void tls_close(struct transport *transport)
{
    say_goodbye(transport->state);
    free_connection(transport->state);
    close(transport->fd);
}

static bool tls_ahead(const struct transport *transport)
{
    const struct tls_connection *connection = transport->state;
    return connection->state == TLS_OPEN && SSL_pending(connection->ssl) > 0;
}

static uint64_t tls_written(const struct transport *transport)
{
    const struct tls_connection *connection = transport->state;
    return connection->ssl == NULL ? 0 : BIO_number_written(SSL_get_wbio(connection->ssl));
}

static const struct transport_ops tls_ops = {tls_recv,  tls_sendv, tls_finish,
                                             tls_close, tls_ahead, tls_written};

/* ---- public ---- */

struct transport tls_server_accept(struct tls_server *server, int fd)
{
    struct tls_connection *connection = mem_zalloc(sizeof(*connection));
    connection->server = server;
    wake_at(fd, HELLO_BYTES);
    return (struct transport){.ops = &tls_ops, .fd = fd, .state = connection};
}

struct transport tls_server_give_up(struct transport *transport)
{
    int fd = transport->fd;
    free_connection(transport->state);
    *transport = (struct transport){.fd = -1};
    wake_at(fd, 1);
    return transport_plain(fd);
}

const char *const *tls_server_names(const struct transport *transport)
{
    if (transport->fd < 0 || transport->ops != &tls_ops) {
        return NULL;
    }
    const struct tls_connection *connection = transport->state;
    return (const char *const *)connection->names;
}
