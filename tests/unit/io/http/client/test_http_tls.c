#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/io/loop/loop.h"
#include "tls_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void fails(struct tls_world *world, const char *kind, const char *because)
{
    tls_ask(world, kind, "/info");
    assert_int_equal(world->outcome.result.transport, HTTP_TRANSPORT_TLS);
    assert_int_equal(world->outcome.result.status, 0);
    assert_true(tls_text_has(world, "https://127.0.0.1:"));
    assert_true(tls_text_has(world, because));
}

static void succeeds(struct tls_world *world, const char *kind)
{
    tls_ask(world, kind, "/info");
    assert_string_equal(world->outcome.text, "");
    assert_int_equal(world->outcome.result.status, 200);
}

static void test_certificate_of_the_server(void **state)
{
    struct tls_world *world = *state;
    tls_client(world, (struct http_tls){0});
    succeeds(world, "server");
    fails(world, "expired", "the server's certificate has expired");
    assert_false(world->outcome.result.sent);
    fails(world, "future", "the server's certificate is not yet valid");
    assert_false(world->outcome.result.sent);
}

static void test_unknown_authority(void **state)
{
    struct tls_world *world = *state;
    tls_client(world, (struct http_tls){.ca_file = tls_cert("stranger-ca.crt")});
    fails(world, "server", "not signed by a CA in ca_file");
    assert_true(tls_text_has(world, tls_cert("stranger-ca.crt")));
    assert_false(world->outcome.result.sent);
    http_client_free(world->client);
    world->client = http_client_new(world->loop, world->resolver, NULL);
    fails(world, "server", "not signed by a CA that this system trusts");
    assert_true(tls_text_has(world, "set ca_file"));
}

static void test_name(void **state)
{
    struct tls_world *world = *state;
    tls_client(world, (struct http_tls){0});
    fails(world, "named", "is for DNS:etcd.example, not for 127.0.0.1");
    assert_true(tls_text_has(world, "set server_name"));
    assert_false(world->outcome.result.sent);
    tls_client(world, (struct http_tls){.server_name = "other.example"});
    fails(world, "named", "is for DNS:etcd.example, not for other.example: correct server_name");
    tls_client(world, (struct http_tls){.server_name = "etcd.example"});
    for (int i = 0; i < 2; i++) {
        succeeds(world, "named");
        assert_true(tls_body_has(world, " sni=etcd.example "));
        assert_true(tls_body_has(world, " host=etcd.example:"));
    }
}

/* The password of the registry must not go to a server whose certificate has the right CommonName alone. */
static void test_common_name(void **state)
{
    struct tls_world *world = *state;
    static const char *const kinds[] = {"cn-only", "cn-mail"};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        tls_client(world, (struct http_tls){0});
        fails(world, kinds[i], "its CommonName is not used: make it with `subjectAltName = DNS:NAME`");
        assert_false(world->outcome.result.sent);
        tls_client(world, (struct http_tls){.server_name = "etcd.example"});
        fails(world, kinds[i], "its CommonName is not used");
        assert_false(world->outcome.result.sent);
        tls_client(world, (struct http_tls){.ca_file = tls_cert("stranger-ca.crt")});
        fails(world, kinds[i], "not signed by a CA in ca_file");
    }
}

static void test_environment(void **state)
{
    struct tls_world *world = *state;
    static const char *const proxies[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                          "ALL_PROXY"};
    for (size_t i = 0; i < COUNT_OF(proxies); i++) {
        setenv(proxies[i], "http://127.0.0.1:1", 1);
    }
    setenv("SSL_CERT_FILE", tls_cert("ca.crt"), 1);
    setenv("SSL_CERT_DIR", tls_cert("."), 1);
    tls_client(world, (struct http_tls){0});
    succeeds(world, "server");
    http_client_free(world->client);
    world->client = http_client_new(world->loop, world->resolver, NULL);
    fails(world, "server", "not signed by a CA that this system trusts");
    for (size_t i = 0; i < COUNT_OF(proxies); i++) {
        unsetenv(proxies[i]);
    }
    unsetenv("SSL_CERT_FILE");
    unsetenv("SSL_CERT_DIR");
}

/* TLS 1.2 refuses within the handshake, 1.3 after it: then the refusal races with the request. */
static void test_mutual(void **state)
{
    struct tls_world *world = *state;
    static const char *const kinds[] = {"mutual", "mutual12"};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        tls_client(world, (struct http_tls){0});
        fails(world, kinds[i], "client certificate");
        assert_true(tls_text_has(world, "set cert_file and key_file"));
        tls_client(world, (struct http_tls){.cert_file = tls_cert("stranger.crt"),
                                            .key_file = tls_cert("stranger.key")});
        fails(world, kinds[i], "our certificate (cert_file ");
        assert_true(tls_text_has(world, tls_cert("stranger.crt")));
        tls_client(world, (struct http_tls){.cert_file = tls_cert("client.crt"),
                                            .key_file = tls_cert("client.key")});
        succeeds(world, kinds[i]);
        assert_true(tls_body_has(world, " client=agents "));
    }
}

static void test_files(void **state)
{
    struct tls_world *world = *state;
    static const struct {
        const char *ca, *cert, *key, *says;
    } rows[] = {
        {"missing", NULL, NULL, "missing cannot be read: No such file"},
        {"server.key", NULL, NULL, "server.key has no certificate in PEM form"},
        {".", NULL, NULL, "cannot be read: Is a directory"},
        {NULL, "missing", "client.key", "missing cannot be read: No such file"},
        {NULL, "client.key", "client.key", "client.key has no certificate in PEM form"},
        {NULL, "client.crt", "missing", "missing cannot be read: No such file"},
        {NULL, "client.crt", "server.key",
         "server.key does not have the private key that belongs to cert_file"},
        {NULL, "client.crt", "encrypted.key", "encrypted.key does not have the private key"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_tls tls = {0};
        tls.ca_file = rows[i].ca == NULL ? NULL : tls_cert(rows[i].ca);
        tls.cert_file = rows[i].cert == NULL ? NULL : tls_cert(rows[i].cert);
        tls.key_file = rows[i].key == NULL ? NULL : tls_cert(rows[i].key);
        tls_client(world, tls);
        fails(world, "server", rows[i].says);
        assert_false(world->outcome.result.sent);
    }
}

static void put(const char *from, const char *to)
{
    char temporary[160];
    snprintf(temporary, sizeof(temporary), "%s.new", to);
    unlink(temporary);
    assert_int_equal(link(from, temporary), 0);
    assert_int_equal(rename(temporary, to), 0);
    unlink(temporary); /* rename does nothing where both are the same file */
}

static void test_files_are_read_at_each_handshake(void **state)
{
    struct tls_world *world = *state;
    const char *ca = tls_cert("our-ca"), *crt = tls_cert("our-crt"), *key = tls_cert("our-key");
    put(tls_cert("stranger-ca.crt"), ca);
    put(tls_cert("stranger.crt"), crt);
    put(tls_cert("stranger.key"), key);
    tls_client(world, (struct http_tls){.ca_file = ca, .cert_file = crt, .key_file = key});
    fails(world, "mutual", "not signed by a CA in ca_file");
    put(tls_cert("ca.crt"), ca);
    fails(world, "mutual", "our certificate (cert_file ");
    put(tls_cert("client.crt"), crt);
    put(tls_cert("client.key"), key);
    succeeds(world, "mutual");
    put(tls_cert("stranger-ca.crt"), ca);
    succeeds(world, "mutual"); /* on the connection that stands */
    tls_ask(world, "mutual", "/close");
    fails(world, "mutual", "not signed by a CA in ca_file");
    put(tls_cert("ca.crt"), ca);
    succeeds(world, "mutual");
    tls_ask(world, "mutual", "/close");
    put(tls_cert("stranger.crt"), crt);
    put(tls_cert("stranger.key"), key);
    fails(world, "mutual", "our certificate (cert_file ");
}

static void test_protocol(void **state)
{
    struct tls_world *world = *state;
    tls_client(world, (struct http_tls){0});
    fails(world, "old", "no TLS 1.2 or later");
    assert_false(world->outcome.result.sent);
    fails(world, "plain", "does not speak TLS on this port");
    assert_false(world->outcome.result.sent);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, tls_setup, tls_teardown)
    const struct CMUnitTest tests[] = {
        T(test_certificate_of_the_server),
        T(test_unknown_authority),
        T(test_name),
        T(test_common_name),
        T(test_environment),
        T(test_mutual),
        T(test_files),
        T(test_files_are_read_at_each_handshake),
        T(test_protocol),
    };
    return cmocka_run_group_tests(tests, tls_group_setup, tls_group_teardown);
}
