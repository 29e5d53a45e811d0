#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/sign/sign.h"
#include "support/read_text.h"

#include <string.h>

#define VECTORS "docs/design/signed-record/"

static struct sign_key *private_key(const char *path)
{
    struct buf pem = {0};
    struct error err = {0};
    read_text(path, &pem);
    struct sign_key *key = sign_key_read(buf_view(&pem), &err);
    if (key == NULL) {
        fail_msg("%s: %s", path, err.text);
    }
    buf_fini(&pem);
    return key;
}

static struct sign_trust *public_key(void)
{
    struct buf pem = {0};
    struct error err = {0};
    struct sign_trust *trust = sign_trust_new();
    read_text(VECTORS "public.pem", &pem);
    assert_int_equal(sign_trust_add(trust, buf_view(&pem), &err), 0);
    buf_fini(&pem);
    return trust;
}

static void a_signature_is_verified(void **state)
{
    (void)state;
    struct sign_key *key = private_key(VECTORS "private.pem"),
                    *other = private_key(VECTORS "other-private.pem");
    struct sign_trust *trust = public_key(), *nothing = sign_trust_new();
    char text[SIGN_TEXT_SIZE + 1], again[SIGN_TEXT_SIZE + 1], foreign[SIGN_TEXT_SIZE + 1];
    sign_message(key, STR("hello"), text);
    sign_message(key, STR("hello"), again);
    sign_message(other, STR("hello"), foreign);
    assert_string_equal(text, again);
    assert_int_equal(strlen(text), SIGN_TEXT_SIZE);
    assert_true(str_starts(str_of(text), STR("21fe31df:")));
    assert_string_equal(sign_key_id(key), "21fe31df");
    assert_int_equal(sign_verify(trust, STR("hello"), str_of(text)), SIGN_GOOD);
    assert_int_equal(sign_verify(trust, STR("hellp"), str_of(text)), SIGN_WRONG);
    assert_int_equal(sign_verify(trust, STR(""), str_of(text)), SIGN_WRONG);
    assert_int_equal(sign_verify(trust, STR("hello"), str_of(foreign)), SIGN_UNKNOWN_KEY);
    assert_int_equal(sign_verify(nothing, STR("hello"), str_of(text)), SIGN_UNKNOWN_KEY);
    /* Under the id of a trusted key. */
    memcpy(foreign, text, SIGN_ID_SIZE);
    assert_int_equal(sign_verify(trust, STR("hello"), str_of(foreign)), SIGN_WRONG);
    assert_true(sign_trust_hash(trust) != sign_trust_hash(nothing));
    sign_key_free(key);
    sign_key_free(other);
    sign_trust_free(trust);
    sign_trust_free(nothing);
}

/* Every byte of a signature counts, and there is one way to write it. */
static void any_other_text_is_wrong(void **state)
{
    (void)state;
    struct sign_key *key = private_key(VECTORS "private.pem");
    struct sign_trust *trust = public_key();
    char text[SIGN_TEXT_SIZE + 1];
    sign_message(key, STR("hello"), text);
    for (size_t i = 0; i < SIGN_TEXT_SIZE; i++) {
        char kept = text[i];
        text[i] = kept == 'A' ? 'B' : 'A';
        assert_int_not_equal(sign_verify(trust, STR("hello"), str_of(text)), SIGN_GOOD);
        text[i] = kept;
        assert_int_equal(sign_verify(trust, STR("hello"), (struct str){text, i}), SIGN_WRONG);
    }
    assert_int_equal(sign_verify(trust, STR("hello"), (struct str){NULL, 0}), SIGN_WRONG);
    sign_key_free(key);
    sign_trust_free(trust);
}

static void what_is_no_key_is_refused(void **state)
{
    (void)state;
    static const char ec[] = "-----BEGIN PUBLIC KEY-----\n"
                             "MCowBQYDK2VuAyEAhSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=\n"
                             "-----END PUBLIC KEY-----\n"; /* X25519: of RFC 7748 */
    static const char locked[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
                                 "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAg=\n"
                                 "-----END ENCRYPTED PRIVATE KEY-----\n";
    const char *const rows[] = {"", "x", "-----BEGIN PRIVATE KEY-----\n", ec, locked};
    struct sign_trust *trust = sign_trust_new();
    struct error err;
    struct buf pem = {0};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_null(sign_key_read(str_of(rows[i]), &err));
        assert_int_equal(err.code, ERROR_INVALID);
        assert_int_equal(sign_trust_add(trust, str_of(rows[i]), &err), -1);
        assert_int_equal(err.code, ERROR_INVALID);
    }
    read_text(VECTORS "public.pem", &pem);
    assert_null(sign_key_read(buf_view(&pem), &err));
    buf_clear(&pem);
    read_text(VECTORS "private.pem", &pem);
    assert_int_equal(sign_trust_add(trust, buf_view(&pem), &err), -1);
    buf_fini(&pem);
    sign_trust_free(trust);
}

/* While keys change a file has the key of before and the next one. */
static void a_file_may_have_several_keys(void **state)
{
    (void)state;
    struct sign_key *key = private_key(VECTORS "private.pem");
    struct sign_trust *trust = sign_trust_new();
    struct error err;
    struct buf pem = {0};
    char text[SIGN_TEXT_SIZE + 1];
    buf_str(&pem, STR("# the next one\n-----BEGIN PUBLIC KEY-----\n"
                      "MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=\n"
                      "-----END PUBLIC KEY-----\n")); /* RFC 8032, 7.1, test 2 */
    read_text(VECTORS "public.pem", &pem);
    assert_int_equal(sign_trust_add(trust, buf_view(&pem), &err), 0);
    sign_message(key, STR("hello"), text);
    assert_int_equal(sign_verify(trust, STR("hello"), str_of(text)), SIGN_GOOD);
    buf_fini(&pem);
    sign_key_free(key);
    sign_trust_free(trust);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_is_verified),
        cmocka_unit_test(any_other_text_is_wrong),
        cmocka_unit_test(what_is_no_key_is_refused),
        cmocka_unit_test(a_file_may_have_several_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
