/* Lists for those that take gzip: compressed once for each revision and filter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/api/common/packs.h"
#include "outrider/base/blob.h"
#include "outrider/base/error.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/io/loop/loop.h"
#include "support/inflate.h"
#include "unit/api/fleet/small_fleet.h"

#include <stdio.h>
#include <string.h>

enum { RECORDS = 400 };

static void write_record(struct buf *key, struct buf *value, size_t i, int players)
{
    buf_printf(key, "/services/%s/w%zu", i % 40 == 0 ? "lobby" : "world", i);
    buf_printf(value,
               "{\"id\":\"w%zu\",\"type\":\"%s\",\"host\":\"h\",\"ports\":[80],\"status\":\"ready\","
               "\"players\":%d}",
               i, i % 40 == 0 ? "lobby" : "world", players);
}

static void know(struct small_fleet *fleet)
{
    static struct buf keys[RECORDS], values[RECORDS];
    static struct registry_item listed[RECORDS];
    for (size_t i = 0; i < RECORDS; i++) {
        write_record(&keys[i], &values[i], i, 0);
        listed[i] = (struct registry_item){.key = buf_view(&keys[i]), .kv.value = buf_view(&values[i])};
    }
    small_fleet_list(fleet, listed, RECORDS, 10);
    for (size_t i = 0; i < RECORDS; i++) {
        buf_fini(&keys[i]);
        buf_fini(&values[i]);
    }
}

static void change(struct small_fleet *fleet, int64_t revision)
{
    struct buf key = {0}, value = {0};
    write_record(&key, &value, 1, (int)revision);
    small_fleet_change(fleet, buf_view(&key), buf_view(&value), revision);
    buf_fini(&key);
    buf_fini(&value);
}

static int set_up(void **state)
{
    static struct small_fleet fleet;
    struct error err;
    small_fleet_begin(&fleet);
    fleet.loop = loop_new(&err);
    fleet.agent.context.packs = api_packs_new(fleet.loop);
    know(&fleet);
    *state = &fleet;
    return 0;
}

static int tear_down(void **state)
{
    struct small_fleet *fleet = *state;
    struct api_packs *packs = fleet->agent.context.packs;
    small_fleet_end(fleet);
    api_packs_free(packs);
    loop_free(fleet->loop);
    return 0;
}

static struct api_reply ask(struct small_fleet *fleet, bool gzip, const char *query, const char *etag)
{
    struct api_reply reply =
        small_agent_ask(&fleet->agent, &(struct api_request){.method = STR("GET"),
                                                             .path = STR("/api/services"),
                                                             .query = str_of(query),
                                                             .host = STR("localhost"),
                                                             .gzip = gzip,
                                                             .if_none_match = str_of(etag)});
    assert_true(reply.varies);
    return reply;
}

static void end(struct api_reply *reply)
{
    api_reply_fini(reply);
}

static void finish(struct small_fleet *fleet, const struct api_pack *pack)
{
    while (api_pack_done(pack) == NULL) {
        loop_turn_once(fleet->loop, false);
    }
}

static const struct api_packs_counters *counters(const struct small_fleet *fleet)
{
    return api_packs_counters(fleet->agent.context.packs);
}

static void one_compression_for_a_revision(void **state)
{
    struct small_fleet *fleet = *state;
    struct api_reply first = ask(fleet, true, "", ""), second = ask(fleet, true, "", "");
    struct api_reply plain = ask(fleet, false, "", "");
    assert_non_null(first.pack);
    assert_ptr_equal(first.pack, second.pack);
    assert_null(plain.pack);
    assert_ptr_equal(first.blob, plain.blob);
    finish(fleet, first.pack);
    struct api_reply third = ask(fleet, true, "", ""), other = ask(fleet, true, "type=world", "");
    assert_ptr_equal(third.pack, first.pack);
    assert_null(third.blob);
    assert_ptr_not_equal(other.pack, first.pack);
    struct buf back = {0};
    assert_int_equal(inflate_text(blob_view(api_pack_done(third.pack)), &back), 1);
    assert_true(str_eq(buf_view(&back), blob_view(plain.blob)));
    buf_fini(&back);
    assert_string_equal(first.etag, plain.etag); /* the head makes it a weak one */
    end(&first);
    end(&second);
    end(&third);
    end(&other);
    end(&plain);
}

static void another_revision_is_another_list(void **state)
{
    struct small_fleet *fleet = *state;
    struct api_reply before = ask(fleet, true, "", "");
    change(fleet, 11);
    struct api_reply after = ask(fleet, true, "", "");
    assert_ptr_not_equal(before.pack, after.pack);
    assert_string_not_equal(before.etag, after.etag);
    assert_int_equal(counters(fleet)->running, 2);
    finish(fleet, after.pack);
    assert_non_null(api_pack_done(before.pack)); /* who asked before it gets what there was */
    end(&before);
    end(&after);
    before = ask(fleet, true, "", "");
    end(&before);
    change(fleet, 12);
    after = ask(fleet, true, "", "");
    assert_int_equal(counters(fleet)->running, 1); /* no request waited for the one before */
    end(&after);
}

/* It tells its time. */
static void a_list_gets_old(void **state)
{
    struct small_fleet *fleet = *state;
    struct api_reply before = ask(fleet, true, "", "");
    finish(fleet, before.pack);
    fleet->agent.now.mono += 999;
    struct api_reply after = ask(fleet, true, "", "");
    assert_ptr_equal(before.pack, after.pack);
    end(&after);
    fleet->agent.now.mono += 1;
    after = ask(fleet, true, "", "");
    assert_ptr_not_equal(before.pack, after.pack);
    end(&before);
    end(&after);
}

static void what_is_short_stays_as_it_is(void **state)
{
    struct small_fleet *fleet = *state;
    struct api_reply reply = ask(fleet, true, "limit=3", "");
    assert_true(blob_view(reply.blob).size < API_PACK_BYTES_MIN);
    assert_null(reply.pack);
    end(&reply);
    reply = ask(fleet, true, "type=lobby", ""); /* ten */
    assert_true((blob_view(reply.blob).size >= API_PACK_BYTES_MIN) == (reply.pack != NULL));
    end(&reply);
}

static void either_form_is_not_modified(void **state)
{
    struct small_fleet *fleet = *state;
    struct api_reply reply = ask(fleet, true, "", "");
    char etag[SERVICES_ETAG_MAX], weak[SERVICES_ETAG_MAX + 16];
    memcpy(etag, reply.etag, sizeof(etag));
    snprintf(weak, sizeof(weak), "\"x\", W/%s", etag);
    end(&reply);
    for (int gzip = 0; gzip < 2; gzip++) {
        reply = ask(fleet, gzip == 1, "", etag);
        assert_int_equal(reply.status, 304);
        assert_false(reply.is_weak);
        assert_null(reply.pack);
        end(&reply);
        reply = ask(fleet, gzip == 1, "", weak);
        assert_int_equal(reply.status, 304);
        assert_true(reply.is_weak);
        assert_string_equal(reply.etag, etag);
        end(&reply);
    }
    change(fleet, 11);
    reply = ask(fleet, true, "", weak);
    assert_int_equal(reply.status, 200);
    assert_false(reply.is_weak);
    end(&reply);
}

/* Of a thousand filters few compressions are under way. */
static void filters_evict_one_another(void **state)
{
    struct small_fleet *fleet = *state;
    char query[32];
    struct api_reply kept = {0};
    for (int i = 0; i < 1000; i++) {
        snprintf(query, sizeof(query), "limit=%d", 50 + i);
        struct api_reply reply = ask(fleet, true, query, "");
        assert_true(reply.pack != NULL || reply.blob != NULL);
        assert_true(counters(fleet)->running <= API_PACKS_MAX);
        if (i == 0) {
            kept = reply;
        } else {
            end(&reply);
        }
    }
    end(&kept);
}

/* Asks for the list of the filter until it is compressed; how many compressions that took. */
static uint64_t compressions(struct small_fleet *fleet, int filter)
{
    char query[32];
    uint64_t before = counters(fleet)->packed;
    snprintf(query, sizeof(query), "limit=%d", filter);
    struct api_reply reply = ask(fleet, true, query, "");
    finish(fleet, reply.pack);
    end(&reply);
    return counters(fleet)->packed - before;
}

static void the_newest_compressed_lists_are_kept(void **state)
{
    struct small_fleet *fleet = *state;
    for (int i = 100; i < 120; i++) {
        assert_int_equal(compressions(fleet, i), 1);
    }
    for (int i = 112; i < 120; i++) {
        assert_int_equal(compressions(fleet, i), 0);
    }
    for (int i = 100; i < 112; i++) {
        assert_int_equal(compressions(fleet, i), 1);
    }
}

#define WITH_FLEET(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FLEET(one_compression_for_a_revision),
        WITH_FLEET(another_revision_is_another_list),
        WITH_FLEET(a_list_gets_old),
        WITH_FLEET(what_is_short_stays_as_it_is),
        WITH_FLEET(either_form_is_not_modified),
        WITH_FLEET(filters_evict_one_another),
        WITH_FLEET(the_newest_compressed_lists_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
