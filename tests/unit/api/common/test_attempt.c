/* What is told the audit of a request, and when its answer goes out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/api/common/attempt.h"
#include "outrider/api/common/context.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/error.h"
#include "outrider/core/config/config.h"

#include <stdio.h>
#include <string.h>

struct world {
    struct config config;
    struct api_context context;
    struct api_call call;
    struct api_reply reply;
    bool full;
    unsigned rooms, entries, counts;
    struct audit_entry last;
    char texts[AUDIT_TEXTS][600];
    void (*done)(bool written, void *user);
};

static void see(struct world *w, const struct audit_entry *entry)
{
    w->last = *entry;
    for (size_t i = 0; i < AUDIT_TEXTS; i++) {
        snprintf(w->texts[i], sizeof(w->texts[i]), "%.*s", STR_ARG(entry->texts[i]));
    }
}

static int room(void *agent, struct error *err)
{
    struct world *w = agent;
    w->rooms++;
    return w->full ? error_set(err, ERROR_LIMIT, "no room") : 0;
}

static void audit(void *agent, const struct audit_entry *entry, void (*done)(bool written, void *user),
                  void *user)
{
    struct world *w = agent;
    (void)user;
    w->entries++;
    w->done = done;
    see(w, entry);
}

static void count(void *agent, const struct audit_entry *attempt)
{
    struct world *w = agent;
    w->counts++;
    see(w, attempt);
}

static const struct api_ops ops = {.audit_room = room, .audit = audit, .audit_count = count};

static int set_up(void **state)
{
    static struct world world;
    static char dir[] = "/var/lib/outrider";
    struct world *w = *state = &world;
    memset(w, 0, sizeof(*w));
    w->config.state_dir = dir;
    w->context = (struct api_context){.config = &w->config, .ops = &ops, .agent = w};
    w->call = (struct api_call){.context = &w->context,
                                .request = {.type = STR("world"),
                                            .id = STR("w1"),
                                            .who = {.name = "olga",
                                                    .role = ACCESS_OPERATOR,
                                                    .proof = ACCESS_TOKEN,
                                                    .from = "10.0.0.9:4001"}}};
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    api_reply_fini(&w->reply);
    api_attempt_free(w->call.attempt);
    return 0;
}

static bool passes(struct world *w, enum api_kept kept)
{
    w->call.attempt = api_attempt_new(&w->call, "drain", kept);
    return api_attempt_passes(w->call.attempt, &w->call, true, &w->reply);
}

static void end(struct world *w)
{
    api_attempt_end(w->call.attempt, &w->context, &w->call.request, &w->reply, NULL, NULL);
}

static void an_entry_has_it_all(void **state)
{
    struct world *w = *state;
    assert_true(passes(w, API_KEEPS_ALL));
    api_attempt_tell(w->call.attempt, AUDIT_REASON, STR("patch"));
    api_attempt_tell(w->call.attempt, AUDIT_BEFORE, STR("ready"));
    api_attempt_tell(w->call.attempt, AUDIT_REASON, STR("patch 1.4"));
    assert_true(api_attempt_has_entry(w->call.attempt, &w->call.request));
    api_refuse(&w->reply, 409, "conflict", "again");
    end(w);
    assert_int_equal(w->entries, 1);
    assert_int_equal(w->counts, 0);
    assert_int_equal(w->last.outcome, AUDIT_REFUSED);
    static const char *const wanted[AUDIT_TEXTS] = {"olga", "operator", "token",    "10.0.0.9:4001", "",
                                                    "",     "drain",    "world/w1", "patch 1.4",     "ready",
                                                    "",     "conflict", ""};
    for (size_t i = 0; i < AUDIT_TEXTS; i++) {
        assert_string_equal(w->texts[i], wanted[i]);
    }
}

/* Nothing is changed of which no trace can be kept; but a drain may not wait for a disk. */
static void while_the_disk_is_full(void **state)
{
    struct world *w = *state;
    w->full = true;
    assert_false(passes(w, API_KEEPS_ALL));
    assert_int_equal(w->reply.status, 503);
    assert_string_equal(w->reply.code, "audit_full");
    assert_non_null(strstr(buf_text(&w->reply.body), "no room"));
    api_attempt_free(w->call.attempt);
    assert_true(passes(w, API_KEEPS_URGENT));
    api_attempt_free(w->call.attempt);
    assert_int_equal(w->rooms, 2);
    assert_true(passes(w, API_KEEPS_COUNTS));
    assert_int_equal(w->rooms, 2);
}

static void without_a_name_it_is_counted(void **state)
{
    struct world *w = *state;
    w->full = true;
    w->call.request.who = (struct access_identity){
        .name = "anonymous", .role = ACCESS_OPERATOR, .proof = ACCESS_UNPROVED, .from = "10.0.0.9:1"};
    assert_true(passes(w, API_KEEPS_ALL));
    assert_int_equal(w->rooms, 0);
    assert_false(api_attempt_has_entry(w->call.attempt, &w->call.request));
    w->reply.status = 200;
    end(w);
    assert_true(w->entries == 0 && w->counts == 1);
    assert_string_equal(w->texts[AUDIT_WHO], "");
    assert_string_equal(w->texts[AUDIT_FROM], "10.0.0.9:1");
    assert_int_equal(w->last.outcome, AUDIT_OK);
}

static void players_traffic_is_counted_at_the_guard(void **state)
{
    struct world *w = *state;
    assert_true(passes(w, API_KEEPS_COUNTS));
    assert_int_equal(w->counts, 1);
    assert_int_equal(w->last.outcome, AUDIT_OK);
    w->reply.status = 503;
    end(w);
    assert_true(w->entries == 0 && w->counts == 1);
    api_refuse(&w->reply, 403, "role", "no");
    assert_false(api_attempt_passes(w->call.attempt, &w->call, false, &w->reply));
    assert_int_equal(w->counts, 2);
    assert_int_equal(w->last.outcome, AUDIT_REFUSED);
    assert_string_equal(w->texts[AUDIT_CODE], "role");
    assert_string_equal(w->texts[AUDIT_WHO], "olga");
}

static void one_that_is_refused_stays_refused(void **state)
{
    struct world *w = *state;
    w->full = true;
    w->call.attempt = api_attempt_new(&w->call, "drain", API_KEEPS_ALL);
    api_refuse(&w->reply, 403, "role", "no");
    assert_false(api_attempt_passes(w->call.attempt, &w->call, false, &w->reply));
    assert_string_equal(w->reply.code, "role");
    assert_int_equal(w->rooms, 0);
}

static void what_became_of_it_later_is_an_entry_of_its_own(void **state)
{
    struct world *w = *state;
    assert_true(passes(w, API_KEEPS_ALL));
    api_attempt_tell(w->call.attempt, AUDIT_BEFORE, STR("say hello"));
    struct api_attempt *sequel = api_attempt_sequel(w->call.attempt, "command.answer");
    api_attempt_tell(w->call.attempt, AUDIT_AFTER, STR("queued"));
    api_attempt_tell(sequel, AUDIT_AFTER, STR("ok"));
    w->reply.status = 202;
    end(w);
    assert_string_equal(w->texts[AUDIT_WHAT], "drain");
    assert_string_equal(w->texts[AUDIT_AFTER], "queued");
    api_attempt_end(sequel, &w->context, &w->call.request, &w->reply, NULL, NULL);
    assert_int_equal(w->entries, 2);
    assert_string_equal(w->texts[AUDIT_WHAT], "command.answer");
    assert_string_equal(w->texts[AUDIT_TARGET], "world/w1");
    assert_string_equal(w->texts[AUDIT_BEFORE], "say hello");
    assert_string_equal(w->texts[AUDIT_AFTER], "ok");
    api_attempt_free(sequel);
    assert_null(api_attempt_sequel(NULL, "command.answer"));
}

static void giant_texts_are_cut(void **state)
{
    struct world *w = *state;
    static char giant[100000];
    memset(giant, 'x', sizeof(giant));
    assert_true(passes(w, API_KEEPS_ALL));
    for (size_t i = 0; i < 3; i++) {
        api_attempt_tell(w->call.attempt, AUDIT_REASON, (struct str){giant, sizeof(giant)});
    }
    /* a character of two bytes at the limit is left out as a whole */
    memcpy(giant + audit_text_rows[AUDIT_BEFORE].max - 1, "\xc3\xa9", 2);
    api_attempt_tell(w->call.attempt, AUDIT_BEFORE, (struct str){giant, sizeof(giant)});
    struct api_attempt *copy = api_attempt_copy(w->call.attempt);
    api_attempt_free(w->call.attempt);
    w->call.attempt = copy;
    end(w);
    assert_int_equal(strlen(w->texts[AUDIT_REASON]), audit_text_rows[AUDIT_REASON].max);
    assert_int_equal(strlen(w->texts[AUDIT_BEFORE]), audit_text_rows[AUDIT_BEFORE].max - 1);
    assert_string_equal(w->texts[AUDIT_TARGET], "world/w1");
}

static void without_an_audit_nothing_is_kept(void **state)
{
    struct world *w = *state;
    w->config.state_dir = NULL;
    w->full = true;
    assert_true(passes(w, API_KEEPS_ALL));
    assert_null(w->call.attempt);
    assert_null(api_attempt_copy(NULL));
    assert_false(api_attempt_has_entry(NULL, &w->call.request));
    api_attempt_tell(NULL, AUDIT_REASON, STR("x"));
    end(w);
    assert_true(w->rooms == 0 && w->entries == 0 && w->counts == 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_entry_has_it_all),
        TEST(while_the_disk_is_full),
        TEST(without_a_name_it_is_counted),
        TEST(players_traffic_is_counted_at_the_guard),
        TEST(one_that_is_refused_stays_refused),
        TEST(giant_texts_are_cut),
        TEST(what_became_of_it_later_is_an_entry_of_its_own),
        TEST(without_an_audit_nothing_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
