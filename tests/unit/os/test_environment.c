#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/os/environment.h"

#include <stdlib.h>

static void test_clean(void **state)
{
    (void)state;
    const char *names[ENVIRONMENT_REMOVED_MAX];
    static const char *const kept[] = {"CARES_HOSTS",  "RES_OPTIONS", "OPENSSL_CONF", "SSL_CERT_FILE",
                                       "SSL_CERT_DIR", "https_proxy", "NO_PROXY",     "PATH"};
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        setenv(kept[i], "/kept", 1);
    }
    setenv("SSLKEYLOGFILE", "/tmp/keys", 1);
    setenv("HOSTALIASES", "", 1); /* set, though empty */
    setenv("LOCALDOMAIN", "evil.example", 1);
    setenv("CURL_SSL_BACKEND", "gnutls", 1);
    assert_int_equal(environment_clean(names), 4);
    assert_string_equal(names[0], "SSLKEYLOGFILE");
    assert_null(getenv("SSLKEYLOGFILE"));
    assert_null(getenv("HOSTALIASES"));
    assert_null(getenv("LOCALDOMAIN"));
    assert_null(getenv("CURL_SSL_BACKEND"));
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        assert_string_equal(getenv(kept[i]), "/kept");
    }
    assert_int_equal(environment_clean(names), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_clean)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
