#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/access/access_file.h"

#include <stdio.h>
#include <string.h>

#define SHA_OF_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define SHA_OF_X "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"

static void a_line_is_a_name(void **state)
{
    (void)state;
    struct access_list list = {0};
    struct error err;
    unsigned char hash[ACCESS_HASH_SIZE];
    static const char text[] = "\xef\xbb\xbf# who may\r\n\n"
                               "olga operator sha256:" SHA_OF_ABC "\r\n"
                               "  lobby\tservice  cert:DNS:lobby.example cert:URI:spiffe://x/lobby  \n"
                               "\xea\xb0\x80.b_c-d@e+f viewer\n"
                               "root admin sha256:" SHA_OF_X " cert:DNS:root.example";
    assert_int_equal(access_file_read(str_of(text), &err, &list), 0);
    assert_int_equal(list.count, 4);
    access_token_hash(STR("abc"), hash);
    const struct access_entry *olga = access_list_token(&list, hash);
    assert_non_null(olga);
    assert_string_equal(olga->name, "olga");
    assert_int_equal(olga->role, ACCESS_OPERATOR);
    assert_true(access_entry_key(olga) == UINT64_C(0xba7816bf8f01cfea));
    assert_ptr_equal(access_list_name(&list, STR("olga")), olga);
    const struct access_entry *lobby = access_list_cert(&list, STR("URI:spiffe://x/lobby"));
    assert_string_equal(lobby->name, "lobby");
    assert_int_equal(lobby->role, ACCESS_SERVICE);
    assert_false(lobby->has_token);
    assert_int_equal(access_entry_key(lobby), 0);
    assert_ptr_equal(access_list_cert(&list, STR("DNS:lobby.example")), lobby);
    assert_null(access_list_cert(&list, STR("lobby.example")));
    assert_null(access_list_name(&list, STR("Olga")));
    access_token_hash(STR(""), hash);
    assert_null(access_list_token(&list, hash));
    memset(hash, 0, sizeof(hash)); /* what a name without a token has */
    assert_null(access_list_token(&list, hash));
    access_list_fini(&list);
}

static void what_is_wrong_is_named_by_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"olga", "line 1: the second word is the role"},
        {"\n# x\nolga root",
         "line 3: the second word is the role, one of viewer, service, operator and admin: `root`"},
        {"olga none", "line 1: the second word is the role"},
        {"ol:ga viewer", "line 1: a name has letters"},
        {"ol\x01ga viewer", "line 1: a name has letters"},
        {"ol\"ga viewer", "line 1: a name has letters"},
        {"ol\xe2\x80\xaega viewer", "line 1: a name has letters"},
        {"ol\xffga viewer", "line 1: a name has letters"},
        {"token viewer", "line 1: `token` is what the agent calls"},
        {"anonymous admin", "line 1: `anonymous` is what the agent calls"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa viewer",
         "line 1: a name has 1 to 64 bytes"},
        {"olga viewer sha256:abc", "line 1: sha256: want the 64"},
        {"olga viewer sha256:BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD",
         "line 1: sha256: want"},
        {"olga viewer sha256:" SHA_OF_ABC " sha256:" SHA_OF_X, "line 1: sha256: a name has one token"},
        {"olga viewer cert:CN:olga", "line 1: cert: want DNS:NAME or URI:URI"},
        {"olga viewer cert:DNS:", "line 1: cert: want"},
        {"olga viewer cert:DNS:a cert:DNS:b cert:DNS:c cert:DNS:d cert:DNS:e", "line 1: cert: more than 4"},
        {"olga viewer\nolga admin", "line 2: `olga` is there already"},
        {"olga viewer sha256:" SHA_OF_ABC "\nigor admin sha256:" SHA_OF_ABC,
         "line 2: `igor` has the token of `olga`"},
        {"olga viewer cert:DNS:a\nigor admin cert:DNS:a", "line 2: `igor` has `cert:DNS:a` of `olga`"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct access_list list = {0};
        struct error err;
        assert_int_equal(access_file_read(str_of(cases[i].text), &err, &list), -1);
        if (strncmp(err.text, cases[i].error, strlen(cases[i].error)) != 0) {
            fail_msg("%s: %s", cases[i].text, err.text);
        }
        assert_int_equal(list.count, 0);
    }
}

/* A token that was pasted in the place of its hash is in no error. */
static void a_token_is_not_shown(void **state)
{
    (void)state;
    struct access_list list = {0};
    struct error err;
    assert_int_equal(access_file_read(STR("olga viewer s3cret"), &err, &list), -1);
    assert_null(strstr(err.text, "s3cret"));
    assert_int_equal(access_file_read(STR("olga viewer sha256:s3cret"), &err, &list), -1);
    assert_null(strstr(err.text, "s3cret"));
}

static void names_have_a_limit(void **state)
{
    (void)state;
    struct buf text = {0};
    struct access_list list = {0};
    struct error err;
    for (int i = 0; i < ACCESS_LIST_MAX; i++) {
        buf_printf(&text, "n%d viewer\n", i);
    }
    assert_int_equal(access_file_read(buf_view(&text), &err, &list), 0);
    access_list_fini(&list);
    buf_printf(&text, "more viewer\n");
    assert_int_equal(access_file_read(buf_view(&text), &err, &list), -1);
    assert_string_equal(err.text, "line 1025: more than 1024 names");
    assert_int_equal(err.code, ERROR_LIMIT);
    buf_fini(&text);
}

static void a_line_is_read_as_it_was_written(void **state)
{
    (void)state;
    struct buf line = {0};
    struct access_list list = {0};
    struct error err;
    access_file_line(STR("olga"), ACCESS_ADMIN, STR("abc"), &line);
    assert_string_equal(buf_text(&line), "olga admin sha256:" SHA_OF_ABC);
    assert_int_equal(access_file_read(buf_view(&line), &err, &list), 0);
    assert_int_equal(list.entries[0].role, ACCESS_ADMIN);
    access_list_fini(&list);
    buf_fini(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_a_name),
        cmocka_unit_test(what_is_wrong_is_named_by_its_line),
        cmocka_unit_test(a_token_is_not_shown),
        cmocka_unit_test(names_have_a_limit),
        cmocka_unit_test(a_line_is_read_as_it_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
