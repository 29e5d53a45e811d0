#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/blob.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/record/record_sign.h"
#include "outrider/codec/record/view_item.h"
#include "outrider/codec/sign/sign.h"
#include "support/read_text.h"

#include <stdio.h>
#include <string.h>

#define VECTORS "docs/design/signed-record/"
#define KEY "/services/world/world-1"

struct keys {
    struct sign_key *signer, *other;
    struct sign_trust *trust;
    struct buf value; /* the signed record of the vectors */
};

static int setup(void **state)
{
    static struct keys keys;
    struct buf pem = {0};
    struct error err;
    keys = (struct keys){.trust = sign_trust_new()};
    read_text(VECTORS "private.pem", &pem);
    keys.signer = sign_key_read(buf_view(&pem), &err);
    buf_clear(&pem);
    read_text(VECTORS "other-private.pem", &pem);
    keys.other = sign_key_read(buf_view(&pem), &err);
    buf_clear(&pem);
    read_text(VECTORS "public.pem", &pem);
    assert_int_equal(sign_trust_add(keys.trust, buf_view(&pem), &err), 0);
    buf_fini(&pem);
    read_text(VECTORS "value.json", &keys.value);
    *state = &keys;
    return 0;
}

static int teardown(void **state)
{
    struct keys *keys = *state;
    sign_key_free(keys->signer);
    sign_key_free(keys->other);
    sign_trust_free(keys->trust);
    buf_fini(&keys->value);
    return 0;
}

/* One value of a listing, judged. The caller ends `items`. */
static const struct view_item *judge(const struct keys *keys, const char *key, struct str value, bool require,
                                     struct view_items *items)
{
    static struct record_check check;
    struct registry_item listed = {.key = str_of(key), .kv = {.found = true, .value = value}};
    check = (struct record_check){.trust = keys->trust, .require = require};
    *items = (struct view_items){.check = &check};
    view_items_listed(items, STR("/services"), &listed, 1);
    return &items->items[0];
}

static enum view_signature signature_of(const struct keys *keys, const char *key, struct str value)
{
    struct view_items items;
    const struct view_item *item = judge(keys, key, value, false, &items);
    if (item->entry == NULL) {
        fail_msg("%.*s: %.*s", STR_ARG(value), STR_ARG(item->why));
    }
    enum view_signature signature = item->entry->signature;
    view_items_fini(&items);
    return signature;
}

static enum view_skip skip_of(const struct keys *keys, const char *key, struct str value)
{
    struct view_items items;
    enum view_skip skip = judge(keys, key, value, true, &items)->skip;
    view_items_fini(&items);
    return skip;
}

/* Written by another program, from the definition alone. */
static void the_vector_is_signed_and_verified(void **state)
{
    const struct keys *keys = *state;
    struct buf message = {0}, json = {0};
    char text[SIGN_TEXT_SIZE + 1];
    read_text(VECTORS "message.bin", &message);
    sign_message(keys->signer, buf_view(&message), text);
    assert_non_null(strstr(buf_text(&keys->value), text));
    struct str value = buf_view(&keys->value);
    struct str part = {value.data, value.size - strlen(",\"sig\":\"\"}") - SIGN_TEXT_SIZE};
    buf_str(&json, part);
    buf_str(&json, STR("}"));
    assert_true(signature_of(keys, KEY, buf_view(&json)) == VIEW_SIGNATURE_NONE);
    record_sign(keys->signer, STR(KEY), &json);
    assert_true(str_eq(buf_view(&json), value));
    assert_true(record_is_signed(keys->signer, STR(KEY), value));
    assert_false(record_is_signed(keys->other, STR(KEY), value));
    struct view_items items;
    const struct view_item *item = judge(keys, KEY, value, true, &items);
    assert_true(item->entry != NULL && item->entry->signature == VIEW_SIGNATURE_GOOD);
    assert_true(item->signed_wall == INT64_C(1795227240123));
    view_items_fini(&items);
    buf_fini(&message);
    buf_fini(&json);
}

/* Each byte but one in the form that JSON leaves free. */
static void every_byte_counts(void **state)
{
    struct keys *keys = *state;
    for (size_t i = 0; i < keys->value.size; i++) {
        struct view_items items;
        keys->value.data[i] = (char)(keys->value.data[i] ^ 1);
        const struct view_item *item = judge(keys, KEY, buf_view(&keys->value), true, &items);
        if (item->entry != NULL) {
            fail_msg("served with byte %d changed: %s", (int)i, buf_text(&keys->value));
        }
        view_items_fini(&items);
        keys->value.data[i] = (char)(keys->value.data[i] ^ 1);
    }
}

static void sign_at(const struct sign_key *signer, const char *key, const char *json, struct buf *out)
{
    buf_clear(out);
    buf_str(out, str_of(json));
    record_sign(signer, str_of(key), out);
}

#define W1 "{\"id\":\"w1\",\"type\":\"world\",\"status\":\"ready\"}"
#define AT_W1 "/services/world/w1"

static void another_key_another_place_and_another_form_are_wrong(void **state)
{
    const struct keys *keys = *state;
    struct buf json = {0};
    sign_at(keys->signer, AT_W1, W1, &json);
    assert_true(signature_of(keys, AT_W1, buf_view(&json)) == VIEW_SIGNATURE_GOOD);
    assert_int_equal(skip_of(keys, AT_W1, buf_view(&json)), VIEW_SKIP_NONE);
    buf_str(&json, STR("\n")); /* no agent signs it so */
    assert_true(signature_of(keys, AT_W1, buf_view(&json)) == VIEW_SIGNATURE_BAD);
    assert_int_equal(skip_of(keys, AT_W1, buf_view(&json)), VIEW_SKIP_BAD_SIG);
    sign_at(keys->other, AT_W1, W1, &json);
    assert_int_equal(skip_of(keys, AT_W1, buf_view(&json)), VIEW_SKIP_BAD_SIG);
    sign_at(keys->signer, "/staging/world/w1", W1, &json);
    assert_int_equal(skip_of(keys, AT_W1, buf_view(&json)), VIEW_SKIP_BAD_SIG);
    assert_int_equal(skip_of(keys, AT_W1, STR(W1)), VIEW_SKIP_UNSIGNED);
    assert_int_equal(
        skip_of(keys, AT_W1, STR("{\"sig\":\"x\",\"id\":\"w1\",\"type\":\"world\",\"status\":\"ready\"}")),
        VIEW_SKIP_BAD_SIG);
    buf_fini(&json);
}

/* A signed record inside of another one, or with members behind the signature. */
static void a_signature_does_not_cover_what_it_does_not_end(void **state)
{
    const struct keys *keys = *state;
    struct buf json = {0}, trick = {0};
    sign_at(keys->signer, AT_W1, W1, &json);
    buf_printf(&trick,
               "{\"id\":\"w1\",\"type\":\"world\",\"status\":\"ready\",\"host\":\"10.6.6.6\",\"x\":%s}",
               buf_text(&json));
    assert_int_equal(skip_of(keys, AT_W1, buf_view(&trick)), VIEW_SKIP_UNSIGNED);
    buf_clear(&trick);
    buf_printf(&trick, "%.*s,\"host\":\"10.6.6.6\"}", (int)json.size - 1, json.data);
    assert_int_equal(skip_of(keys, AT_W1, buf_view(&trick)), VIEW_SKIP_BAD_SIG);
    buf_clear(&trick);
    buf_printf(&trick, "{\"status\":\"error\",%s", buf_text(&json) + 1);
    assert_int_equal(skip_of(keys, AT_W1, buf_view(&trick)), VIEW_SKIP_KIND);
    buf_fini(&json);
    buf_fini(&trick);
}

static void the_api_says_what_a_signature_is_worth(void **state)
{
    const struct keys *keys = *state;
    struct view_items items;
    struct buf out = {0}, json = {0};
    record_write_served(judge(keys, AT_W1, STR(W1 "\n"), false, &items)->entry, &out);
    assert_string_equal(buf_text(&out),
                        "{\"id\":\"w1\",\"type\":\"world\",\"status\":\"ready\",\"signed\":null}");
    view_items_fini(&items);
    sign_at(keys->other, AT_W1, W1, &json);
    buf_clear(&out);
    record_write_served(judge(keys, AT_W1, buf_view(&json), false, &items)->entry, &out);
    assert_non_null(strstr(buf_text(&out), "==\",\"signed\":false}"));
    view_items_fini(&items);
    sign_at(keys->signer, AT_W1, W1, &json);
    buf_clear(&out);
    record_write_served(judge(keys, AT_W1, buf_view(&json), false, &items)->entry, &out);
    assert_non_null(strstr(buf_text(&out), "==\",\"signed\":true}"));
    view_items_fini(&items);
    /* Where no key is trusted nothing is judged, and the bytes are those of the registry. */
    struct view_place place = {.key = STR(AT_W1)};
    struct view_entry *entry;
    struct error err;
    assert_int_equal(view_record_decode(STR("/services"), &place, buf_view(&json), &entry, &err), 0);
    buf_clear(&out);
    record_write_served(entry, &out);
    assert_true(str_eq(buf_view(&out), buf_view(&json)));
    view_entry_unref(entry);
    buf_fini(&out);
    buf_fini(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vector_is_signed_and_verified),
        cmocka_unit_test(every_byte_counts),
        cmocka_unit_test(another_key_another_place_and_another_form_are_wrong),
        cmocka_unit_test(a_signature_does_not_cover_what_it_does_not_end),
        cmocka_unit_test(the_api_says_what_a_signature_is_worth),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
