/* Watches as real servers sent them, both gateway generations: each in one piece, byte by byte and in pieces
 * between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "watch_text.h"

#include "outrider/base/attr.h"

#include <string.h>

static void a_request_has_a_create_for_each_range(void **state)
{
    (void)state;
    struct buf out = {0};
    etcd_watch_encode(&two, &out);
    assert_string_equal(buf_text(&out), "{\"create_request\":{\"key\":\"dy8=\",\"range_end\":\"dzA=\","
                                        "\"watch_id\":\"1\",\"fragment\":true,\"progress_notify\":true}}"
                                        "{\"create_request\":{\"key\":\"ei9i\","
                                        "\"watch_id\":\"2\",\"fragment\":true,\"progress_notify\":true}}");
    buf_clear(&out);
    struct registry_watch later = from(under_w, 1);
    etcd_watch_encode(&later, &out);
    assert_non_null(strstr(buf_text(&out), "\"start_revision\":\"1\""));
    buf_clear(&out);
    later.from_revision = INT64_MAX;
    etcd_watch_encode(&later, &out);
    assert_string_equal(buf_text(&out), "{\"create_request\":{\"key\":\"dy8=\",\"range_end\":\"dzA=\","
                                        "\"start_revision\":\"9223372036854775807\","
                                        "\"watch_id\":\"1\",\"fragment\":true,\"progress_notify\":true}}");
    buf_fini(&out);
}

static void changes_are_emitted_as_they_arrive(void **state)
{
    (void)state;
    expect(&under_w,
           CREATED("24") EVENTS("25", PUT(A, "25", "25", "1", "MQ=="))
               EVENTS("26", "{\"kv\":{\"key\":\"dy9h\",\"create_revision\":\"25\",\"mod_revision\":\"26\","
                            "\"version\":\"2\",\"value\":\"Mg==\",\"lease\":\"4660\"},\"prev_kv\":{\"key\":"
                            "\"dy9h\",\"create_revision\":\"25\",\"mod_revision\":\"25\"}}")
                   EVENTS("27", DEL(A, "27"))
                       EVENTS("28", PUT(X, "28", "28", "1", "MQ==") "," PUT(Y, "28", "28", "1", "Mg==")),
           OPENED("24") "changed 25 +w/a=1/25@25\n"
                        "changed 26 +w/a=2/25@26!4660\n"
                        "changed 27 -w/a@27\n"
                        "changed 28 +w/x=1/28@28 +w/y=2/28@28\n");
}

/* Blanks, another order, numbers for strings, unknown keys: JSON is JSON. */
static void json_is_read_as_json(void **state)
{
    (void)state;
    expect(
        &under_w,
        " { \"news\" : [ { } ] , \"result\" : {\"created\":true, \"watch_id\":1 , \"header\":{\"revision\":24"
        ",\"cluster_id\": 7}} } \r\n\n\n"
        "{\"result\":{\"\\u0077atch_id\":\"1\",\"events\" : [ {\"kv\":{\"value\":null,\"mod_revision\":25,"
        "\"key\":\"dy9h\",\"\\\"]}\":\"\\\\\"},\"type\":0} , {\"type\":1,\"kv\":{\"key\":\"dy9h\","
        "\"mod_revision\":26}},{\"type\":\"PUT\",\"kv\":{\"key\":\"dy9i\",\"value\":\"\",\"mod_revision\":"
        "26}} ] ,\"header\":{\"revision\":30}}}\n",
        "opened 24 of 7\nchanged 26 +w/a=/0@25 -w/a@26 +w/b=/0@26\n");
}

static void a_deleted_key_has_no_value(void **state)
{
    (void)state;
    expect(&under_w,
           CREATED("24") EVENTS("25", "{\"type\":\"DELETE\",\"kv\":{\"key\":\"" A
                                      "\",\"mod_revision\":\"25\",\"value\":\"MQ==\"}}"),
           OPENED("24") "changed 25 -w/a@25\n");
}

static void history_begins_at_the_revision_asked_for(void **state)
{
    (void)state;
    struct registry_watch watch = from(under_w, 26);
    expect(&watch,
           CREATED("28") EVENTS(
               "28", PUT(A, "25", "25", "1", "MQ==") "," PUT(A, "25", "26", "2", "Mg==") "," DEL(A, "27")),
           OPENED("28") "changed 27 +w/a=2/25@26 -w/a@27\n");
    /* the header of a batch is ahead of the batch */
    expect(&watch, CREATED("2515") EVENTS("2515", DEL(A, "1015")) EVENTS("2515", DEL(A, "2015")),
           OPENED("2515") "changed 1015 -w/a@1015\nchanged 2015 -w/a@2015\n");
}

static void fragments_are_emitted_by_whole_revisions(void **state)
{
    (void)state;
    struct registry_watch watch = from(under_w, 20);
    expect(&watch,
           CREATED("40") FRAGMENT("40", PUT(A, "21", "21", "1", "MQ==") "," PUT(A, "21", "22", "2", "Mg=="))
               FRAGMENT("40", PUT(B, "22", "22", "1", "MQ=="))
                   FRAGMENT("40", PUT(X, "22", "22", "1", "MQ==") "," PUT(X, "22", "23", "2", "Mg=="))
                       EVENTS("40", PUT(Y, "23", "23", "1", "MQ==")),
           OPENED("40") "changed 21 +w/a=1/21@21\n"
                        "changed 22 +w/a=2/21@22 +w/b=1/22@22 +w/x=1/22@22\n"
                        "changed 23 +w/x=2/22@23 +w/y=1/23@23\n");
    /* what is not whole when it ends is not emitted */
    expect_at_end(&watch, 200, CREATED("40") FRAGMENT("40", DEL(A, "21") "," DEL(A, "22")),
                  OPENED("40") "changed 21 -w/a@21\nended ok: \n");
}

/* The watches of one stream have batches and fragments of their own. */
static void several_ranges_share_a_stream(void **state)
{
    (void)state;
    struct registry_watch watch = from(two, 31);
    expect(&watch,
           CREATED2("33") FRAGMENT("33", DEL(A, "31")) CREATED("34") EVENTS2("33", DEL(ZB, "33"))
               EVENTS("35", DEL(B, "31")) EVENTS("35", DEL(A, "32")),
           OPENED("34") "changed 30 -z/b@33\nchanged 31 -w/a@31 -w/b@31\nchanged 32 -w/a@32\n");
    expect(&watch, CREATED2("33"), "");
    expect(&watch, CREATED2("35") CREATED("34"), OPENED("35"));
}

/* Each range is watched from its own revision on, and a client reads at the one of OPENED. */
static void what_was_before_the_watch_is_left_to_the_reader(void **state)
{
    (void)state;
    expect(&two,
           CREATED("31") EVENTS("32", DEL(A, "32")) EVENTS("34", DEL(A, "34")) CREATED2("33")
               EVENTS2("35", DEL(ZB, "35")) EVENTS("36", DEL(B, "36")),
           OPENED("33") "changed 33 -w/a@34\nchanged 34 -z/b@35\nchanged 35 -w/b@36\n");
}

static void no_revision_is_emitted_twice(void **state)
{
    (void)state;
    expect(&under_w,
           CREATED("24") EVENTS("24", DEL(A, "24")) EVENTS("25", DEL(A, "25") "," DEL(B, "25"))
               EVENTS("26", DEL(A, "25") "," DEL(A, "26")) EVENTS("26", DEL(A, "26")),
           OPENED("24") "changed 25 -w/a@25 -w/b@25\nchanged 26 -w/a@26\n");
}

static void progress_moves_the_revision(void **state)
{
    (void)state;
    expect(&under_w,
           CREATED("24") HDR("24") ",\"watch_id\":\"1\"}}\n" HDR("30") ",\"watch_id\":\"1\"}}\n" EVENTS(
               "31", DEL(A, "30") "," DEL(A, "31")),
           OPENED("24") "changed 30\nchanged 31 -w/a@31\n");
    expect(&under_w, /* and never back */
           CREATED("24") EVENTS("30", DEL(A, "30"))
               HDR("25") ",\"watch_id\":\"1\"}}\n" EVENTS("30", DEL(A, "30")),
           OPENED("24") "changed 30 -w/a@30\n");
    expect(&two,
           CREATED("24") CREATED2("24")
               HDR("30") ",\"watch_id\":\"1\"}}\n" HDR("29") ",\"watch_id\":\"2\"}}\n",
           OPENED("24") "changed 29\n");
}

static void a_compacted_start_ends_with_the_oldest_revision(void **state)
{
    (void)state;
    struct registry_watch watch = from(under_w, 12);
    expect(&watch,
           CREATED("34") "{\"result\":{\"header\":{\"cluster_id\":\"" CLUSTER34
                         "\",\"member_id\":\"7287767319371570540\","
                         "\"raft_term\":\"2\"},\"watch_id\":\"1\",\"canceled\":true,\"compact_revision\":"
                         "\"34\"}}\n" EVENTS("35", DEL(A, "35")),
           OPENED("34") "ended retry 34: revision 12 is compacted, 34 is the oldest there is\n");
}

#define IS_MALFORMED(text) expect_begins(CREATED("24") text, OPENED("24") "ended retry elsewhere: ")

static void expect_begins(const char *bytes, const char *begins)
{
    struct buf out = {0};
    decode(&under_w, 200, str_of(bytes), SIZE_MAX, false, &out);
    if (strncmp(buf_text(&out), begins, strlen(begins)) != 0) {
        fail_msg("%s: %s", bytes, buf_text(&out));
    }
    buf_fini(&out);
}

/* Sums and differences with a larger number overflow. */
static void a_revision_that_no_registry_reaches_ends_it(void **state)
{
    (void)state;
    expect(&under_w,
           CREATED("24") EVENTS("4611686018427387903", PUT(A, "25", "4611686018427387903", "1", "MQ==")),
           OPENED("24") "changed 4611686018427387903 +w/a=1/25@4611686018427387903\n");
    IS_MALFORMED(EVENTS("25", PUT(A, "25", "4611686018427387904", "1", "MQ==")));
    IS_MALFORMED(EVENTS("25", PUT(A, "25", "9223372036854775807", "1", "MQ==")));
    IS_MALFORMED(EVENTS("25", PUT(A, "9223372036854775807", "25", "1", "MQ==")));
    IS_MALFORMED(EVENTS("25", PUT(A, "-1", "25", "1", "MQ==")));
    IS_MALFORMED(EVENTS("9223372036854775807", DEL(A, "25")));
    IS_MALFORMED(HDR("9223372036854775807") ",\"watch_id\":\"1\"}}\n");
    IS_MALFORMED(
        HDR("24") ",\"watch_id\":\"1\",\"canceled\":true,\"compact_revision\":\"9223372036854775807\"}}\n");
    IS_MALFORMED(HDR("24") ",\"watch_id\":\"1\",\"canceled\":true,\"compact_revision\":\"-3\"}}\n");
}

#define REFUSED(reason)                                                                                      \
    HDR("3") ",\"watch_id\":\"-1\",\"created\":true,\"canceled\":true,\"cancel_reason\":\"" reason "\"}}\n"

static void a_refusal_is_one_though_the_status_is_200(void **state)
{
    (void)state;
    static const struct {
        const char *reason, *begins;
    } rows[] = {
        {"rpc error: code = PermissionDenied desc = etcdserver: permission denied",
         "ended denied: etcdserver: permission denied"},
        {"rpc error: code = Unauthenticated desc = etcdserver: invalid auth token",
         "ended denied token: etcdserver: invalid auth token"},
        {"rpc error: code = InvalidArgument desc = etcdserver: user name is empty",
         "ended denied token: etcdserver: user name is empty"},
        {"rpc error: code = InvalidArgument desc = etcdserver: revision of auth store is old",
         "ended denied token: etcdserver: revision of auth store is old"},
        {"rpc error: code = Unavailable desc = etcdserver: no leader",
         "ended retry elsewhere: etcdserver: no leader"},
        {"etcdserver: no leader", "ended retry elsewhere: etcdserver: no leader"},
        {"mvcc: duplicate watch ID provided on the WatchStream",
         "ended retry elsewhere: mvcc: duplicate watch ID provided on the WatchStream"},
    };
    struct buf out = {0}, bytes = {0};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        buf_clear(&bytes);
        buf_printf(&bytes, REFUSED("%s"), rows[i].reason);
        decode(&under_w, 200, buf_view(&bytes), SIZE_MAX, false, &out);
        assert_memory_equal(buf_text(&out), rows[i].begins, strlen(rows[i].begins));
    }
    buf_fini(&out);
    buf_fini(&bytes);
    expect(&under_w, REFUSED("\\n "),
           "ended retry elsewhere: etcd cancelled the watch and does not say why\n");
    expect(&under_w, CREATED("3") HDR("3") ",\"watch_id\":\"1\",\"canceled\":true}}\n",
           OPENED("3") "ended retry elsewhere: etcd cancelled the watch and does not say why\n");
}

static void an_error_line_ends_it(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "{\"error\":{\"grpc_code\":14,\"http_code\":503,\"message\":\"etcdserver: no leader\","
        "\"http_status\":\"Service Unavailable\"}}", /* 3.4: no LF */
        "{\"error\":{\"code\":14,\"message\":\"etcdserver: no leader\"}}\n",
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct buf bytes = {0};
        buf_printf(&bytes, CREATED("3") "%s", lines[i]);
        expect_at_end(&under_w, 200, buf_text(&bytes),
                      OPENED("3") "ended retry elsewhere: etcdserver: no leader\n");
        expect_at_end(&under_w, 503, lines[i], "ended retry elsewhere: etcdserver: no leader\n");
        buf_fini(&bytes);
    }
    expect_at_end(&under_w, 500,
                  "{\"error\":\"illegal base64 data at input byte 0\",\"message\":\"illegal base64 data at "
                  "input byte 0\",\"code\":2}",
                  "ended retry elsewhere: illegal base64 data at input byte 0\n");
    expect_at_end(&under_w, 404, "404 page not found\n",
                  "ended refused elsewhere: HTTP 404, not JSON: is it etcd?\n");
}

static void an_end_in_good_order_is_no_error(void **state)
{
    (void)state;
    expect_at_end(&under_w, 200, CREATED("3"), OPENED("3") "ended ok: \n");
    expect_at_end(&under_w, 200, "", "ended retry elsewhere: the answer ended before the watch began\n");
    expect_at_end(&under_w, 200, CREATED("3") "{\"result\":{\"head",
                  OPENED("3") "ended retry elsewhere: the answer ended in the middle of a line\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_has_a_create_for_each_range),
        cmocka_unit_test(changes_are_emitted_as_they_arrive),
        cmocka_unit_test(json_is_read_as_json),
        cmocka_unit_test(a_deleted_key_has_no_value),
        cmocka_unit_test(history_begins_at_the_revision_asked_for),
        cmocka_unit_test(fragments_are_emitted_by_whole_revisions),
        cmocka_unit_test(several_ranges_share_a_stream),
        cmocka_unit_test(what_was_before_the_watch_is_left_to_the_reader),
        cmocka_unit_test(no_revision_is_emitted_twice),
        cmocka_unit_test(progress_moves_the_revision),
        cmocka_unit_test(a_compacted_start_ends_with_the_oldest_revision),
        cmocka_unit_test(a_revision_that_no_registry_reaches_ends_it),
        cmocka_unit_test(a_refusal_is_one_though_the_status_is_200),
        cmocka_unit_test(an_error_line_ends_it),
        cmocka_unit_test(an_end_in_good_order_is_no_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
