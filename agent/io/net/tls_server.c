#include "outrider/io/net/tls_server.h"

#include "outrider/base/attr.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/os/log.h"
#include "tls_internal.h"
#include "tls_server_internal.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

/* TICKET_S: how long a ticket resumes a session. The names of a certificate are then those of its first handshake. */
enum { CERTIFICATE, KEY, AUTHORITIES, TICKET_S = 600 };

static const char *const settings[TLS_FILES] = {"cert_file", "key_file", "client_ca_file"};

/* ---- what changed ---- */

/* Times and inode: neither a write nor a rename goes unseen. */
static void look(const struct tls_server *server, struct tls_file_mark ret_marks[static TLS_FILES])
{
    memset(ret_marks, 0, TLS_FILES * sizeof(*ret_marks)); /* padding, too: they are compared as bytes */
    for (size_t i = 0; i < TLS_FILES; i++) {
        struct stat st;
        if (server->paths[i] != NULL && stat(server->paths[i], &st) == 0) {
            ret_marks[i].device = st.st_dev;
            ret_marks[i].inode = st.st_ino;
            ret_marks[i].size = st.st_size;
            ret_marks[i].modified = st.st_mtim;
            ret_marks[i].changed = st.st_ctim;
        }
    }
}

/* ---- a context ---- */

/* A peer that offers protocols by ALPN and none of these does not mean HTTP, or a version of it that is not spoken here. */
static int choose_protocol(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_size,
                           const unsigned char *offered, unsigned size, void *user)
{
    (void)ssl, (void)user;
    static const unsigned char spoken[] = "\x08http/1.1\x08http/1.0";
    unsigned char *name = NULL;
    if (SSL_select_next_proto(&name, ret_size, spoken, sizeof(spoken) - 1, offered, size) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *ret_name = name;
    return SSL_TLSEXT_ERR_OK;
}

static int refuse(const struct tls_server *server, size_t file, const char *why, struct error *err)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    ERR_clear_error();
    return error_set(err, ERROR_INVALID, "%s: %s %s: %s", settings[file], server->paths[file], why,
                     reason == NULL ? "it cannot be read" : reason);
}

static int load(const struct tls_server *server, SSL_CTX *context, struct error *err)
{
    char *const *paths = server->paths;
    if (!tls_is_file(paths[CERTIFICATE]) ||
        SSL_CTX_use_certificate_chain_file(context, paths[CERTIFICATE]) != 1) {
        return refuse(server, CERTIFICATE, "is no certificate in PEM", err);
    }
    if (!tls_is_file(paths[KEY]) || SSL_CTX_use_PrivateKey_file(context, paths[KEY], SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1) {
        return refuse(server, KEY,
                      "is not the private key of the certificate, in PEM and without a pass phrase", err);
    }
    if (paths[AUTHORITIES] == NULL) {
        return 0;
    }
    STACK_OF(X509_NAME) *names =
        tls_is_file(paths[AUTHORITIES]) ? SSL_load_client_CA_file(paths[AUTHORITIES]) : NULL;
    SSL_CTX_set_client_CA_list(context, names);
    if (names == NULL || SSL_CTX_load_verify_locations(context, paths[AUTHORITIES], NULL) != 1) {
        return refuse(server, AUTHORITIES, "has no certificates in PEM", err);
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL); /* one that is shown must be good; none need be */
    return 0;
}

/* The session cache is of no use beside tickets, and grows. The key of the tickets is the context's: a session ends with it. */
static void set_policy(SSL_CTX *context)
{
    static const unsigned char name[] = "outrider";
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20"); /* of TLS 1.2 */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_id_context(context, name, sizeof(name) - 1);
    SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_timeout(context, TICKET_S);
    SSL_CTX_set_max_cert_list(context, TLS_CERTIFICATES_MAX);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    SSL_CTX_set_default_passwd_cb(context, tls_no_pass_phrase);
}

static SSL_CTX *make_context(const struct tls_server *server, struct error *err)
{
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL) {
        (void)error_set(err, ERROR_SYSTEM, "no TLS: %s", ERR_reason_error_string(ERR_peek_error()));
        return NULL;
    }
    set_policy(context);
    if (load(server, context, err) < 0) {
        SSL_CTX_free(context);
        return NULL;
    }
    return context;
}

/* Files of two halves are read while they change: those that cannot be used are looked at again once one of them has changed. */
SSL_CTX *tls_server_context(struct tls_server *server)
{
    struct tls_file_mark now[TLS_FILES];
    struct error err;
    look(server, now);
    if (memcmp(now, server->marks, sizeof(now)) == 0) {
        return server->context;
    }
    memcpy(server->marks, now, sizeof(now));
    SSL_CTX *fresh = make_context(server, &err);
    if (fresh == NULL) {
        server->counters.load_failures++;
        log_warn("http", "changed files of http.tls cannot be used, the former certificate stays in use",
                 LOG_RATE(LOG_SELDOM), LOG_TEXT("error", err.text));
        return server->context;
    }
    server->counters.loads++;
    log_info("http", "certificate read again", LOG_TEXT("cert_file", server->paths[CERTIFICATE]));
    SSL_CTX_free(server->context);
    server->context = fresh;
    return fresh;
}

/* ---- public ---- */

enum { STEPS_PER_TURN = 8 };

static void end_turn(void *user)
{
    struct tls_server *server = user;
    server->steps_left = STEPS_PER_TURN;
}

struct tls_server *tls_server_new(struct loop *loop, const struct tls_server_files *files, struct error *err)
{
    const char *const paths[TLS_FILES] = {files->cert_file, files->key_file, files->client_ca_file};
    struct tls_server *server = mem_zalloc(sizeof(*server));
    server->loop = loop;
    server->steps_left = STEPS_PER_TURN;
    server->turn = (struct deferred){.fn = end_turn, .user = server};
    for (size_t i = 0; i < TLS_FILES; i++) {
        server->paths[i] = mem_strdup(paths[i]);
    }
    look(server, server->marks);
    server->context = make_context(server, err);
    if (server->context == NULL) {
        tls_server_free(server);
        return NULL;
    }
    return server;
}

void tls_server_free(struct tls_server *server)
{
    if (server == NULL) {
        return;
    }
    for (size_t i = 0; i < TLS_FILES; i++) {
        free(server->paths[i]);
    }
    deferred_cancel(&server->turn);
    SSL_CTX_free(server->context);
    free(server);
}

const struct tls_server_counters *tls_server_counters(const struct tls_server *server)
{
    return &server->counters;
}
