#include "tls_stage.h"

#include "outrider/base/error.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/net/tls_server.h"
#include "support/temp_dir.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct temp_dir certificates;

int tls_stage_certificates(void **state)
{
    (void)state;
    char command[160];
    signal(SIGPIPE, SIG_IGN); /* as the agent does */
    if (temp_dir_init(&certificates) < 0) {
        return -1;
    }
    snprintf(command, sizeof(command), "tests/support/certs %s", certificates.path);
    return system(command) == 0 ? 0 : -1;
}

int tls_stage_no_certificates(void **state)
{
    (void)state;
    temp_dir_fini(&certificates);
    return 0;
}

static void path_of(char path[static 160], const char *name, const char *kind)
{
    snprintf(path, 160, "%s/%s.%s", certificates.path, name, kind);
}

void tls_stage_use_file(const char *name, const char *kind)
{
    char command[900], from[160], to[160];
    path_of(from, name, kind);
    path_of(to, "use", kind);
    snprintf(command, sizeof(command), "cp %s %s.new && mv %s.new %s", from, to, to, to);
    assert_int_equal(system(command), 0);
}

void tls_stage_use(const char *name)
{
    tls_stage_use_file(name, "crt");
    tls_stage_use_file(name, "key");
}

int tls_stage_set_up(void **state)
{
    struct tls_stage *stage = calloc(1, sizeof(*stage));
    struct error err = {0};
    char cert[160], key[160], ca[160];
    void *world = NULL;
    world_set_up(&world);
    stage->world = world;
    tls_stage_use("server");
    path_of(cert, "use", "crt");
    path_of(key, "use", "key");
    path_of(ca, "ca", "crt");
    stage->tls = tls_server_new(stage->world->loop, &(struct tls_server_files){cert, key, ca}, &err);
    assert_string_equal(err.text, "");
    *state = stage;
    return 0;
}

int tls_stage_tear_down(void **state)
{
    struct tls_stage *stage = *state;
    void *world = stage->world;
    http_server_free(stage->world->server);
    stage->world->server = NULL;
    tls_server_free(stage->tls);
    world_tear_down(&world);
    free(stage);
    return 0;
}

void tls_stage_serve(struct tls_stage *stage, struct http_listener_options options)
{
    options.tls = stage->tls;
    world_start(stage->world, options);
}

struct tls_peer tls_dial(struct tls_stage *stage, const char *name)
{
    struct tls_peer peer = {.client = client_dial(stage->world), .in = BIO_new(BIO_s_mem())};
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    char path[160];
    peer.out = BIO_new(BIO_s_mem());
    if (name != NULL) {
        path_of(path, name, "crt");
        assert_int_equal(SSL_CTX_use_certificate_chain_file(context, path), 1);
        path_of(path, name, "key");
        assert_int_equal(SSL_CTX_use_PrivateKey_file(context, path, SSL_FILETYPE_PEM), 1);
    }
    path_of(path, "ca", "crt");
    assert_int_equal(SSL_CTX_load_verify_locations(context, path, NULL), 1);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    peer.ssl = SSL_new(context);
    SSL_CTX_free(context);
    SSL_set_bio(peer.ssl, peer.in, peer.out);
    SSL_set_connect_state(peer.ssl);
    return peer;
}

void tls_hang_up(struct tls_peer *peer)
{
    SSL_free(peer->ssl);
    client_hang_up(&peer->client);
    buf_fini(&peer->heard);
}

static void send_written(struct tls_peer *peer)
{
    char bytes[65536];
    size_t most = peer->at_once == 0 ? sizeof(bytes) : peer->at_once;
    int got = BIO_read(peer->out, bytes, (int)most);
    if (got > 0) {
        peer->failed = send(peer->client.fd, bytes, (size_t)got, MSG_NOSIGNAL) != got || peer->failed;
    }
}

void tls_turn(struct tls_stage *stage, struct tls_peer *peer)
{
    char bytes[65536];
    int got;
    send_written(peer);
    world_turn(stage->world);
    client_read(&peer->client);
    if (peer->client.in.size > 0) {
        BIO_write(peer->in, peer->client.in.data, (int)peer->client.in.size);
        buf_clear(&peer->client.in);
    }
    ERR_clear_error();
    while (SSL_is_init_finished(peer->ssl) && (got = SSL_read(peer->ssl, bytes, sizeof(bytes))) > 0) {
        buf_add(&peer->heard, bytes, (size_t)got);
    }
}

bool tls_shake(struct tls_stage *stage, struct tls_peer *peer)
{
    while (!peer->failed) {
        ERR_clear_error();
        int done = SSL_do_handshake(peer->ssl);
        if (done == 1) {
            return true;
        }
        peer->failed = SSL_get_error(peer->ssl, done) != SSL_ERROR_WANT_READ ||
                       (peer->client.ended && BIO_pending(peer->in) == 0);
        tls_turn(stage, peer);
    }
    return false;
}

void tls_ask(struct tls_stage *stage, struct tls_peer *peer, const char *text, const char *mark)
{
    if (text[0] != '\0') {
        assert_int_equal(SSL_write(peer->ssl, text, (int)strlen(text)), strlen(text));
    }
    while (!peer->failed && strstr(buf_text(&peer->heard), mark) == NULL) {
        peer->failed = peer->client.ended;
        tls_turn(stage, peer);
    }
}

long tls_mark(const struct tls_peer *peer)
{
    X509 *certificate = SSL_get1_peer_certificate(peer->ssl);
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned size = sizeof(hash);
    long mark;
    assert_int_equal(X509_digest(certificate, EVP_sha256(), hash, &size), 1);
    memcpy(&mark, hash, sizeof(mark));
    X509_free(certificate);
    return mark;
}
