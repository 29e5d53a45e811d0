#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/base/mem.h"
#include "outrider/codec/consul/consul_diff.h"

#include <inttypes.h>
#include <stdlib.h>

/* "a@3" or "a@3+5": a key with create and mod index, separated by blanks. */
static void make(const char *text, struct consul_kvs *kvs)
{
    struct buf body = {0};
    char *copy = mem_strdup(text), *rest = copy;
    buf_str(&body, STR("["));
    for (char *one; (one = strsep(&rest, " ")) != NULL;) {
        char *at = strchr(one, '@');
        if (at != NULL) {
            char *plus = strchr(at, '+');
            *at = '\0';
            buf_printf(&body, "%s{\"Key\":\"%s\",\"Value\":null,\"CreateIndex\":%ld,\"ModifyIndex\":%ld}",
                       body.size > 1 ? "," : "", one, strtol(at + 1, NULL, 10),
                       strtol((plus == NULL ? at : plus) + 1, NULL, 10));
        }
    }
    buf_str(&body, STR("]"));
    assert_int_equal(consul_kvs_decode(buf_view(&body), kvs), 0);
    buf_fini(&body);
    free(copy);
}

static const struct registry_range all = {.key = {"", 0}, .end = {"\0", 1}};

struct asked {
    struct registry_range range;
    int64_t before, now, known; /* indexes */
};

/* The difference as text: "+a@5" a put, "-a@7" a deletion, "!" where the store was set back. */
static void expect(const char *before, const char *now, struct asked asked, const char *difference)
{
    struct consul_kvs old = {0}, new = {0};
    struct consul_listing listing = {0};
    struct consul_changes changes = {0};
    struct buf text = {0};
    make(before, &old);
    make(now, &new);
    consul_listing_keep(&listing, &old, asked.range, asked.before);
    consul_diff(&listing, &new, asked.range, asked.now, asked.known, &changes);
    consul_changes_sort(&changes);
    for (size_t i = 0; i < changes.count; i++) {
        const struct registry_change *change = &changes.list[i];
        buf_printf(&text, "%s%c%.*s@%" PRId64, i == 0 ? "" : " ", change->deleted ? '-' : '+',
                   STR_ARG(change->key), change->mod_revision);
        assert_true(str_starts(consul_slashed(change->key, true), STR("/")));
    }
    if (changes.set_back) {
        buf_str(&text, STR("!"));
    }
    assert_string_equal(buf_text(&text), difference);
    buf_fini(&text);
    consul_changes_fini(&changes);
    consul_listing_fini(&listing);
    consul_kvs_fini(&old);
    consul_kvs_fini(&new);
}

static void what_differs_is_told_in_the_order_of_revisions(void **state)
{
    (void)state;
    struct asked asked = {all, 10, 20, 0};
    expect("a@3 b@4", "a@3 b@4", asked, "");
    expect("a@3 b@4", "a@3+15 b@4+12 c@11", asked, "+c@11 +b@12 +a@15");
    expect("a@3 b@4", "", asked, "-a@20 -b@20");
    expect("b@4", "a@13", asked, "+a@13 -b@20");
    expect("", "a@13", asked, "+a@13");
}

static void a_key_made_again_was_deleted_before(void **state)
{
    (void)state;
    expect("a@3", "a@15", (struct asked){all, 10, 20, 0}, "-a@14 +a@15");
    expect("a@3", "a@12+15", (struct asked){all, 10, 20, 0}, "-a@11 +a@15");
}

static void what_the_client_knows_is_left_out(void **state)
{
    (void)state;
    expect("a@3", "a@3+12 b@14 c@15", (struct asked){all, 10, 20, 14}, "+c@15");
    expect("a@3", "a@11+16", (struct asked){all, 10, 20, 14}, "+a@16");
}

static void keys_outside_of_the_range_are_none(void **state)
{
    (void)state;
    struct registry_range range = {.key = STR("b"), .end = STR("d")};
    expect("a@3 b@4 d@5", "a@11 c@12 d@13 e@14", (struct asked){range, 10, 20, 0}, "+c@12 -b@20");
    range = (struct registry_range){.key = STR("b")};
    expect("b@4 bb@5", "bb@12", (struct asked){range, 10, 20, 0}, "-b@20");
}

/* What cannot be if the index only goes up. */
static void a_store_that_was_set_back_is_found(void **state)
{
    (void)state;
    struct asked asked = {all, 10, 20, 0};
    expect("a@3+9", "a@3+5", asked, "+a@5!");
    expect("a@3", "a@3 b@7", asked, "+b@7!");
    expect("a@3 b@8", "a@3", (struct asked){all, 10, 6, 0}, "-b@6!");
    expect("a@3", "a@3", (struct asked){all, 10, 6, 0}, ""); /* a deletion from long ago is forgotten */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_differs_is_told_in_the_order_of_revisions),
        cmocka_unit_test(a_key_made_again_was_deleted_before),
        cmocka_unit_test(what_the_client_knows_is_left_out),
        cmocka_unit_test(keys_outside_of_the_range_are_none),
        cmocka_unit_test(a_store_that_was_set_back_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
