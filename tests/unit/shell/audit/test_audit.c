/* Entries, copies and pages together, on a file and a registry in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/error.h"
#include "outrider/io/loop/loop.h"
#include "outrider/os/clock.h"
#include "outrider/os/log.h"
#include "outrider/registry/memory/memory.h"
#include "outrider/shell/audit/audit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { AGENTS = 2 };

struct world {
    char dirs[AGENTS][64];
    struct loop *loop;
    struct registry *registry;
    struct audit *audits[AGENTS];
    unsigned written, unwritten, pages;
    size_t count;
    char missing[100], targets[400], next[ULID_LENGTH + 1];
};

static void open_it(struct world *w, int agent, bool copies)
{
    static const char *const names[AGENTS] = {"obs-a", "obs-b"};
    w->audits[agent] = audit_new(&(struct audit_settings){.dir = w->dirs[agent],
                                                          .agent = names[agent],
                                                          .keep_ms = 3600000,
                                                          .registry = copies ? w->registry : NULL,
                                                          .control_prefix = "/outrider/services",
                                                          .request_timeout_ms = 1000},
                                 w->loop);
}

static int set_up(void **state)
{
    static struct world world;
    struct error err;
    struct world *w = *state = &world;
    *w = (struct world){.pages = 0};
    w->loop = loop_new(&err);
    w->registry = memory_new(&memory_etcd);
    for (int i = 0; i < AGENTS; i++) {
        snprintf(w->dirs[i], sizeof(w->dirs[i]), "/tmp/outrider-audit-XXXXXX");
        assert_non_null(mkdtemp(w->dirs[i]));
        open_it(w, i, true);
    }
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < AGENTS; i++) {
        char path[96];
        audit_free(w->audits[i]);
        snprintf(path, sizeof(path), "%s/audit.jsonl", w->dirs[i]);
        unlink(path);
        rmdir(w->dirs[i]);
    }
    registry_free(w->registry);
    loop_free(w->loop);
    return 0;
}

static void on_written(bool written, void *user)
{
    struct world *w = user;
    w->written += written ? 1 : 0;
    w->unwritten += written ? 0 : 1;
}

static void add(struct world *w, int agent, const char *target)
{
    struct audit_entry entry = {.outcome = AUDIT_OK};
    entry.texts[AUDIT_WHO] = STR("olga");
    entry.texts[AUDIT_TARGET] = str_of(target);
    unsigned before = w->written;
    for (int64_t begun = clock_wall_ms(); clock_wall_ms() == begun;) {
        /* ids of two agents are in the order of their ms alone */
    }
    audit_add(w->audits[agent], &entry, on_written, w);
    assert_int_equal(w->written, before);
    while (w->written == before && w->unwritten == 0) {
        loop_turn_once(w->loop, true);
    }
}

static void on_page(struct audit_page *page, void *user)
{
    struct world *w = user;
    struct audit_result result;
    audit_page_result(page, &result);
    w->pages++;
    w->count = result.count;
    w->targets[0] = '\0';
    snprintf(w->missing, sizeof(w->missing), "%s", result.missing);
    snprintf(w->next, sizeof(w->next), "%s", result.next);
    for (size_t i = 0; i < result.count; i++) {
        const struct audit_entry *entry = audit_page_at(page, i);
        size_t size = strlen(w->targets);
        snprintf(w->targets + size, sizeof(w->targets) - size, "%.*s@%.*s ",
                 STR_ARG(entry->texts[AUDIT_TARGET]), STR_ARG(entry->texts[AUDIT_AGENT]));
    }
}

static void find(struct world *w, int agent, size_t limit, const char *before)
{
    struct audit_query query = {.limit = limit};
    unsigned pages = w->pages;
    snprintf(query.before, sizeof(query.before), "%s", before);
    assert_true(audit_find(w->audits[agent], &query, on_page, w));
    assert_int_equal(w->pages, pages);
    while (w->pages == pages) {
        loop_turn_once(w->loop, false);
        memory_run(w->registry);
    }
}

/* Each observer shows the entries of both, its own and those of the other. */
static void every_observer_shows_all(void **state)
{
    struct world *w = *state;
    add(w, 0, "w1");
    add(w, 1, "w2");
    add(w, 0, "w3");
    while (memory_run(w->registry) > 0) {
    }
    for (int i = 0; i < AGENTS; i++) {
        find(w, i, 100, "");
        assert_string_equal(w->targets, "w3@obs-a w2@obs-b w1@obs-a ");
        assert_string_equal(w->missing, "");
        assert_string_equal(w->next, "");
    }
    find(w, 0, 2, "");
    assert_string_equal(w->targets, "w3@obs-a w2@obs-b ");
    find(w, 0, 2, w->next);
    assert_string_equal(w->targets, "w1@obs-a ");
}

/* What is not copied yet is in the own file alone. */
static void the_own_entries_are_there_at_once(void **state)
{
    struct world *w = *state;
    struct audit_facts facts;
    add(w, 0, "w1");
    audit_look(w->audits[0], &facts);
    assert_true(facts.has_copies && facts.waiting == 1 && facts.copied == 0 && facts.entries == 1);
    find(w, 0, 100, "");
    assert_string_equal(w->targets, "w1@obs-a ");
    while (memory_run(w->registry) > 0) {
    }
    audit_look(w->audits[0], &facts);
    assert_true(facts.waiting == 0 && facts.copied == 1);
}

static void without_copies_nothing_is_asked(void **state)
{
    struct world *w = *state;
    audit_free(w->audits[0]);
    open_it(w, 0, false);
    add(w, 0, "w1");
    add(w, 1, "w2");
    while (memory_run(w->registry) > 0) {
    }
    find(w, 0, 100, "");
    assert_string_equal(w->targets, "w1@obs-a ");
    find(w, 1, 100, "");
    assert_string_equal(w->targets, "w2@obs-b ");
}

/* What is counted is written at the end, and is in no registry. */
static void counted_attempts_are_written(void **state)
{
    struct world *w = *state;
    struct audit_entry attempt = {.outcome = AUDIT_REFUSED};
    attempt.texts[AUDIT_FROM] = STR("10.0.0.9:1");
    for (int i = 0; i < 1000; i++) {
        audit_count(w->audits[0], &attempt);
    }
    audit_free(w->audits[0]);
    open_it(w, 0, true);
    assert_int_equal(memory_run(w->registry), 0);
    find(w, 0, 100, "");
    assert_int_equal(w->count, 1);
    find(w, 1, 100, "");
    assert_int_equal(w->count, 0);
}

/* What is refused costs its sender nothing: beyond some of it, it is counted. */
static void a_flood_of_refusals_is_counted(void **state)
{
    struct world *w = *state;
    struct audit_facts facts;
    struct audit_entry entry = {.outcome = AUDIT_REFUSED};
    entry.texts[AUDIT_WHO] = STR("tom");
    for (int i = 0; i < 2000; i++) {
        audit_add(w->audits[0], &entry, on_written, w);
    }
    while (w->written + w->unwritten < 2000) { /* each is answered all the same */
        loop_turn_once(w->loop, true);
    }
    audit_look(w->audits[0], &facts);
    assert_in_range(facts.entries, 200, 300);
    assert_true(facts.counted == 2000 - facts.entries);
    add(w, 0, "done");
    audit_look(w->audits[0], &facts);
    assert_in_range(facts.entries, 201, 301);
}

/* A directory that cannot be written: it is said before, and a change that is allowed all the same gets its answer. */
static void what_cannot_be_written_is_told(void **state)
{
    struct world *w = *state;
    struct error err = {0};
    struct audit_facts facts;
    audit_free(w->audits[0]);
    rmdir(w->dirs[0]);
    open_it(w, 0, true);
    assert_int_equal(audit_room(w->audits[0], &err), -1);
    assert_non_null(strstr(err.text, "audit.jsonl"));
    add(w, 0, "w1");
    assert_int_equal(w->unwritten, 1);
    assert_int_equal(w->written, 0);
    audit_look(w->audits[0], &facts);
    assert_true(facts.entries == 0 && facts.failures == 2);
    assert_string_not_equal(facts.last_error, "");
}

/* The registry was away, or the agent was killed: the next one copies what is new, and nothing twice. */
static void what_was_not_copied_is_after_a_restart(void **state)
{
    struct world *w = *state;
    struct audit_facts facts;
    add(w, 0, "w1");
    while (memory_run(w->registry) > 0) {
    }
    add(w, 0, "w2"); /* its request is under way, and is carried out */
    add(w, 0, "w3");
    struct audit_entry attempt = {.outcome = AUDIT_REFUSED};
    audit_count(w->audits[0], &attempt);
    audit_free(w->audits[0]);
    w->audits[0] = NULL;
    find(w, 1, 100, "");
    assert_string_equal(w->targets, "w2@obs-a w1@obs-a ");
    open_it(w, 0, true);
    while (memory_run(w->registry) > 0) {
    }
    find(w, 1, 100, "");
    assert_string_equal(w->targets, "w3@obs-a w2@obs-a w1@obs-a ");
    audit_look(w->audits[0], &facts);
    assert_int_equal(facts.waiting, 0);
    assert_int_equal(facts.copy_failures, 0);
}

static void only_so_many_look_ups(void **state)
{
    struct world *w = *state;
    struct audit_query query = {.limit = 1};
    for (int i = 0; i < AUDIT_LOOKUPS_MAX; i++) {
        assert_true(audit_find(w->audits[0], &query, on_page, w));
    }
    assert_false(audit_find(w->audits[0], &query, on_page, w));
    while (w->pages < AUDIT_LOOKUPS_MAX) {
        loop_turn_once(w->loop, false);
        memory_run(w->registry);
    }
    assert_true(audit_find(w->audits[0], &query, on_page, w)); /* and ends with the audit */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT, open("/dev/null", O_WRONLY | O_CLOEXEC));
    const struct CMUnitTest tests[] = {
        TEST(every_observer_shows_all),        TEST(the_own_entries_are_there_at_once),
        TEST(without_copies_nothing_is_asked), TEST(counted_attempts_are_written),
        TEST(a_flood_of_refusals_is_counted),  TEST(what_was_not_copied_is_after_a_restart),
        TEST(what_cannot_be_written_is_told),  TEST(only_so_many_look_ups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
