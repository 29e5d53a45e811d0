#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/state/state_file.h"

#include <stdlib.h>

static struct saved_state full_state(void)
{
    return (struct saved_state){
        .id = "01J",
        .boot_id = "2f1c6f2e-6d3c-4a53-9a45-9b8f3b1d2e3f",
        .lease = {.lo = UINT64_C(7587868123456789012)},
        .ttl_ms = 10000,
        .ops = {.set = true,
                .reason = "patch \"1.4\"\n",
                .by = "signal",
                .since_wall = 1795227240123,
                .deadline_wall = 1795229040123,
                .expires_wall = 1795232640123,
                .revision = 812},
        .claimed = {"p-7", "p-8"},
        .claimed_count = 2,
        .probe_has_passed = true,
        .has_message = true,
        .message = {.reported = REPORTED_READY,
                    .has_text = true,
                    .text = STR("\xed\x95\x9c"),
                    .has_players = true,
                    .players = 12,
                    .has_capacity = true,
                    .capacity = UINT32_MAX,
                    .ports = {8001, 8002},
                    .port_count = 2,
                    .labels = {{STR("map"), STR("harbor")}, {STR("mode"), STR("duel")}},
                    .label_count = 2,
                    .heartbeat = true,
                    .drain = true,
                    .reloading = true,
                    .has_watchdog = true,
                    .watchdog_ms = 20000,
                    .has_mainpid = true,
                    .mainpid = 4242,
                    .mainpid_start = 987654321},
    };
}

/* The content of the file: a change here needs a new STATE_FILE_VERSION. */
static const char golden[] =
    "{\"version\":1,\"id\":\"01J\",\"bootId\":\"2f1c6f2e-6d3c-4a53-9a45-9b8f3b1d2e3f\","
    "\"lease\":7587868123456789012,\"ttlMs\":10000,\"ops\":{\"set\":true,\"reason\":\"patch \\\"1.4\\\"\\n\","
    "\"by\":\"signal\",\"sinceMs\":1795227240123,\"deadlineMs\":1795229040123,\"expiresMs\":1795232640123,"
    "\"revision\":812},\"claimed\":[\"p-7\",\"p-8\"],\"probeHasPassed\":true,\"words\":{\"said\":\"ready\","
    "\"text\":\"\xed\x95\x9c\","
    "\"players\":12,"
    "\"capacity\":4294967295,\"ports\":[8001,8002],\"labels\":{\"map\":\"harbor\",\"mode\":\"duel\"},"
    "\"armed\":true,\"drain\":true,\"reloading\":true,"
    "\"watchdogMs\":20000,\"mainpid\":4242,\"mainpidStart\":987654321},\"crc32\":\"CRC_HERE\"}\n";

static void test_form(void **state)
{
    (void)state;
    struct saved_state full = full_state();
    struct buf out = {0};
    state_file_encode(&full, &out);
    size_t digits = sizeof(golden) - 1 - 11;
    assert_int_equal(out.size, sizeof(golden) - 1);
    assert_memory_equal(out.data, golden, digits);
    assert_string_equal(out.data + digits + 8, "\"}\n");
    buf_fini(&out);
}

/* The checksum is a common one: python3 -c 'import zlib; print(zlib.crc32(b"..."))'. */
static void test_checksum_is_crc32(void **state)
{
    (void)state;
    struct saved_state empty = {0};
    struct buf out = {0};
    state_file_encode(&empty, &out);
    assert_string_equal(buf_text(&out), "{\"version\":1,\"crc32\":\"8e75ca1f\"}\n");
    buf_fini(&out);
}

static void assert_same_words(const struct status_message *a, const struct status_message *b)
{
    assert_int_equal(a->reported, b->reported);
    assert_int_equal(a->has_text, b->has_text);
    assert_true(str_eq(a->text, b->text));
    assert_int_equal(a->has_players, b->has_players);
    assert_true(a->players == b->players && a->capacity == b->capacity);
    assert_int_equal(a->has_capacity, b->has_capacity);
    assert_int_equal(a->port_count, b->port_count);
    assert_memory_equal(a->ports, b->ports, sizeof(a->ports));
    assert_int_equal(a->label_count, b->label_count);
    for (size_t i = 0; i < a->label_count; i++) {
        assert_true(str_eq(a->labels[i].name, b->labels[i].name));
        assert_true(str_eq(a->labels[i].value, b->labels[i].value));
    }
    assert_int_equal(a->heartbeat, b->heartbeat);
    assert_int_equal(a->drain, b->drain);
    assert_int_equal(a->reloading, b->reloading);
    assert_int_equal(a->has_watchdog, b->has_watchdog);
    assert_true(a->watchdog_ms == b->watchdog_ms);
    assert_int_equal(a->has_mainpid, b->has_mainpid);
    assert_true(a->mainpid == b->mainpid && a->mainpid_start == b->mainpid_start);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct saved_state full = full_state(), back;
    struct buf out = {0}, again = {0};
    struct error err;
    full.ops.operation = "01JZZZZZZZ0000000000000001"; /* a member that older versions pass over */
    state_file_encode(&full, &out);
    assert_int_equal(state_file_decode(buf_view(&out), &back, &err), 0);
    state_file_encode(&back, &again);
    assert_string_equal(buf_text(&out), buf_text(&again));
    buf_fini(&out); /* the decoded state owns its strings */
    assert_string_equal(back.id, full.id);
    assert_string_equal(back.boot_id, full.boot_id);
    assert_true(registry_lease_eq(back.lease, full.lease) && back.ttl_ms == full.ttl_ms);
    assert_true(back.probe_has_passed && back.has_message && back.ops.set);
    assert_string_equal(back.ops.reason, full.ops.reason);
    assert_string_equal(back.ops.by, full.ops.by);
    assert_string_equal(back.ops.operation, full.ops.operation);
    assert_true(back.ops.since_wall == full.ops.since_wall &&
                back.ops.deadline_wall == full.ops.deadline_wall);
    assert_true(back.ops.expires_wall == full.ops.expires_wall && back.ops.revision == full.ops.revision);
    assert_same_words(&back.message, &full.message);
    assert_int_equal(back.claimed_count, 2);
    assert_string_equal(back.claimed[1], "p-8");
    saved_state_fini(&back);
    assert_null(back.id);
    saved_state_fini(&back);
    saved_state_fini(NULL);
    buf_fini(&again);
}

static void test_attached(void **state)
{
    (void)state;
    struct saved_state full = full_state(), back;
    struct buf out = {0};
    struct error err;
    full.message.attach = true;
    state_file_encode(&full, &out);
    assert_non_null(strstr(buf_text(&out), ",\"attached\":true,"));
    assert_int_equal(state_file_decode(buf_view(&out), &back, &err), 0);
    assert_true(back.message.attach);
    assert_same_words(&back.message, &full.message);
    saved_state_fini(&back);
    buf_fini(&out);
}

static void test_sparse(void **state)
{
    (void)state;
    struct saved_state sparse = {.id = "01J", .ops = {.revision = 5}, .has_message = true}, back;
    struct buf out = {0};
    state_file_encode(&sparse, &out);
    assert_int_equal(state_file_decode(buf_view(&out), &back, NULL), 0);
    assert_false(back.ops.set);
    assert_int_equal(back.ops.revision, 5);
    assert_true(back.has_message && back.message.reported == REPORTED_NOTHING && !back.message.has_text);
    assert_null(back.boot_id);
    saved_state_fini(&back);
    buf_fini(&out);
}

/* A power cut leaves any beginning of the file, a bad block changes any byte: all are refused. */
static void test_any_damage_is_seen(void **state)
{
    (void)state;
    struct saved_state full = full_state(), back;
    struct buf out = {0};
    struct error err;
    state_file_encode(&full, &out);
    for (size_t size = 0; size < out.size - 1; size++) {
        assert_int_equal(state_file_decode((struct str){out.data, size}, &back, &err), -1);
        assert_int_equal(err.code, ERROR_INVALID);
        assert_non_null(strstr(err.text, "state file: damaged"));
    }
    for (size_t at = 0; at < out.size - 1; at++) {
        out.data[at] = (char)(out.data[at] ^ 4);
        assert_int_equal(state_file_decode(buf_view(&out), &back, &err), -1);
        assert_non_null(strstr(err.text, "state file: damaged"));
        out.data[at] = (char)(out.data[at] ^ 4);
    }
    buf_str(&out, STR("x"));
    assert_int_equal(state_file_decode(buf_view(&out), &back, &err), -1);
    buf_fini(&out);
}

/* Edited content with a valid checksum. */
static void seal(struct buf *out, const char *body)
{
    uint32_t crc = UINT32_MAX;
    for (const char *p = body; *p != '\0'; p++) {
        crc ^= (unsigned char)*p;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (0xedb88320u & (0 - (crc & 1)));
        }
    }
    buf_clear(out);
    buf_printf(out, "%s,\"crc32\":\"%08x\"}", body, ~crc);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        enum error_code code;
        const char *what;
    } rows[] = {
        {"{\"version\":[]", ERROR_INVALID, "version: not a whole number"},
        {"{\"version\":2", ERROR_NOT_FOUND, "another version"},
        {"{\"id\":\"x\"", ERROR_NOT_FOUND, "another version"},
        {"{\"version\":\"1\"", ERROR_INVALID, "version: not a whole number"},
        {"{\"version\":1,", ERROR_INVALID, "not JSON"},
        {"{\"version\":1,\"version\":1", ERROR_INVALID, "not JSON"},
        {"{\"version\":1,\"id\":5", ERROR_INVALID, "id: not a string"},
        {"{\"version\":1,\"bootId\":5", ERROR_INVALID, "bootId: not a string"},
        {"{\"version\":1,\"lease\":-1", ERROR_LIMIT, "lease: -1"},
        {"{\"version\":1,\"lease\":\"1\"", ERROR_INVALID, "lease: not a whole number"},
        {"{\"version\":1,\"ttlMs\":1.5", ERROR_INVALID, "ttlMs: not a whole number"},
        {"{\"version\":1,\"probeHasPassed\":1", ERROR_INVALID, "probeHasPassed: neither true nor false"},
        {"{\"version\":1,\"ops\":[]", ERROR_INVALID, "ops: not an object"},
        {"{\"version\":1,\"ops\":{\"set\":\"yes\"}", ERROR_INVALID, "ops: set: neither"},
        {"{\"version\":1,\"ops\":{\"reason\":1}", ERROR_INVALID, "ops: reason"},
        {"{\"version\":1,\"ops\":{\"by\":1}", ERROR_INVALID, "ops: by"},
        {"{\"version\":1,\"ops\":{\"sinceMs\":-1}", ERROR_LIMIT, "ops: sinceMs"},
        {"{\"version\":1,\"ops\":{\"deadlineMs\":true}", ERROR_INVALID, "ops: deadlineMs"},
        {"{\"version\":1,\"ops\":{\"expiresMs\":true}", ERROR_INVALID, "ops: expiresMs"},
        {"{\"version\":1,\"ops\":{\"sinceMs\":253402300800000}", ERROR_LIMIT, "ops: sinceMs"},
        {"{\"version\":1,\"ops\":{\"deadlineMs\":9223372036854775807}", ERROR_LIMIT, "ops: deadlineMs"},
        {"{\"version\":1,\"ops\":{\"expiresMs\":9223372036854775807}", ERROR_LIMIT, "ops: expiresMs"},
        {"{\"version\":1,\"ops\":{\"sentMs\":9223372036854775807}", ERROR_LIMIT, "ops: sentMs"},
        {"{\"version\":1,\"ops\":{\"revision\":4611686018427387904}", ERROR_LIMIT, "ops: revision"},
        {"{\"version\":1,\"ttlMs\":9223372036854775807", ERROR_LIMIT, "ttlMs"},
        {"{\"version\":1,\"ops\":{\"revision\":true}", ERROR_INVALID, "ops: revision"},
        {"{\"version\":1,\"claimed\":[1]", ERROR_INVALID, "claimed: no list"},
        {"{\"version\":1,\"claimed\":[\"a b\"]", ERROR_INVALID, "claimed: no list"},
        {"{\"version\":1,\"words\":true", ERROR_INVALID, "words: not an object"},
        {"{\"version\":1,\"words\":{\"said\":\"busy\"}", ERROR_INVALID, "words: said: busy"},
        {"{\"version\":1,\"words\":{\"said\":1}", ERROR_INVALID, "words: said: not a string"},
        {"{\"version\":1,\"words\":{\"text\":1}", ERROR_INVALID, "words: text"},
        {"{\"version\":1,\"words\":{\"players\":-1}", ERROR_LIMIT, "words: players"},
        {"{\"version\":1,\"words\":{\"capacity\":true}", ERROR_INVALID, "words: capacity"},
        {"{\"version\":1,\"words\":{\"ports\":[0]}", ERROR_LIMIT, "words: ports"},
        {"{\"version\":1,\"words\":{\"labels\":[]}", ERROR_INVALID, "words: labels"},
        {"{\"version\":1,\"words\":{\"labels\":{\"a\":1}}", ERROR_INVALID, "words: labels: a"},
        {"{\"version\":1,\"words\":{\"armed\":1}", ERROR_INVALID, "words: armed"},
        {"{\"version\":1,\"words\":{\"watchdogMs\":-5}", ERROR_LIMIT, "words: watchdogMs"},
        {"{\"version\":1,\"words\":{\"mainpid\":0}", ERROR_LIMIT, "words: mainpid"},
        {"{\"version\":1,\"words\":{\"mainpidStart\":-1}", ERROR_LIMIT, "words: mainpidStart"},
    };
    struct buf buf = {0};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct saved_state back = {.lease = {.lo = 4711}};
        struct error err = {0};
        seal(&buf, rows[i].body);
        if (state_file_decode(buf_view(&buf), &back, &err) == 0) {
            fail_msg("accepted: %s", rows[i].body);
        }
        if (err.code != rows[i].code || strstr(err.text, rows[i].what) == NULL) {
            fail_msg("%s gave code %d: \"%s\"", rows[i].body, (int)err.code, err.text);
        }
        assert_int_equal(back.lease.lo, 4711);
    }
    /* A newer agent with the same format may save more. */
    struct saved_state back;
    seal(&buf, "{\"version\":1,\"later\":[1],\"ops\":null,\"words\":{\"later\":{}}");
    assert_int_equal(state_file_decode(buf_view(&buf), &back, NULL), 0);
    saved_state_fini(&back);
    buf_fini(&buf);
}

static void test_too_long(void **state)
{
    (void)state;
    char *bytes = mem_zalloc(STATE_FILE_MAX + 1);
    struct saved_state back;
    struct error err;
    assert_int_equal(state_file_decode((struct str){bytes, STATE_FILE_MAX + 1}, &back, &err), -1);
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_int_equal(state_file_decode((struct str){NULL, 0}, &back, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    free(bytes);
}

static void a_lease_of_128_bits_is_kept(void **state)
{
    (void)state;
    const struct registry_lease leases[] = {
        {0, UINT64_MAX}, {1, 0}, {0x0123456789abcdef, 0xfedcba9876543210}};
    for (size_t i = 0; i < COUNT_OF(leases); i++) {
        struct saved_state wide = {.lease = leases[i], .ttl_ms = 10000}, back;
        struct buf out = {0};
        struct error err;
        state_file_encode(&wide, &out);
        assert_int_equal(state_file_decode(buf_view(&out), &back, &err), 0);
        assert_true(registry_lease_eq(back.lease, leases[i]));
        saved_state_fini(&back);
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attached),
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_checksum_is_crc32),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(a_lease_of_128_bits_is_kept),
        cmocka_unit_test(test_sparse),
        cmocka_unit_test(test_any_damage_is_seen),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
