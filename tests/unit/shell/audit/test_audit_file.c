#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/error.h"
#include "outrider/core/audit/audit_page.h"
#include "outrider/io/loop/loop.h"
#include "outrider/os/log.h"
#include "shell/audit/audit_file_internal.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_MS (24 * INT64_C(3600000))

struct world {
    char dir[64];
    struct loop *loop;
    struct audit_file *file;
    int64_t wall;
    unsigned synced, unsynced;
};

static void path_of(const struct world *w, unsigned number, char path[static 96])
{
    snprintf(path, 96, number == 0 ? "%s/audit.jsonl" : "%s/audit.%u.jsonl", w->dir, number);
}

static void open_it(struct world *w, uint64_t rotate_bytes)
{
    w->file = audit_file_new(w->dir, 30 * DAY_MS, rotate_bytes, w->loop);
}

static int set_up(void **state)
{
    static struct world world;
    struct error err;
    struct world *w = *state = &world;
    *w = (struct world){.dir = "/tmp/outrider-audit-XXXXXX", .wall = 1795227240123};
    assert_non_null(mkdtemp(w->dir));
    w->loop = loop_new(&err);
    open_it(w, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    audit_file_free(w->file);
    loop_free(w->loop);
    for (unsigned i = 0; i <= AUDIT_FILES_MAX; i++) {
        char path[96];
        path_of(w, i, path);
        unlink(path);
    }
    return rmdir(w->dir);
}

static void on_synced(bool synced, void *user)
{
    struct world *w = user;
    w->synced += synced ? 1 : 0;
    w->unsynced += synced ? 0 : 1;
}

static int add(struct world *w, const char *target, struct error *err)
{
    struct audit_entry entry = {.when_wall = w->wall, .count = 1};
    entry.texts[AUDIT_WHO] = STR("olga");
    entry.texts[AUDIT_WHAT] = STR("drain");
    entry.texts[AUDIT_TARGET] = str_of(target);
    return audit_file_append(w->file, &entry, on_synced, w, err);
}

static void add_some(struct world *w, unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++) {
        char target[32];
        struct error err;
        snprintf(target, sizeof(target), "world/%u", i);
        assert_int_equal(audit_file_room(w->file, w->wall, &err), 0);
        assert_int_equal(add(w, target, &err), 0);
        w->wall++;
    }
    while (w->synced + w->unsynced < first + count) {
        loop_turn_once(w->loop, true);
    }
}

static struct audit_page *find(struct world *w, const char *before, size_t limit, int64_t from)
{
    struct audit_query query = {.limit = limit, .filter.from_wall = from};
    struct audit_file_search search;
    snprintf(query.before, sizeof(query.before), "%s", before);
    struct audit_page *page = audit_page_new(&query);
    audit_file_search_begin(&search, w->file, page);
    while (audit_file_search_slice(&search)) {
    }
    audit_file_search_end(&search);
    return page;
}

/* Goes through all pages: `count` entries, the newest first, each once. */
static void assert_all(struct world *w, unsigned count, size_t limit)
{
    struct audit_result result = {.count = 0};
    char last[ULID_LENGTH + 1] = "~";
    unsigned seen = 0;
    do {
        struct audit_page *page = find(w, result.next, limit, 0);
        audit_page_result(page, &result);
        assert_true(result.count <= limit);
        for (size_t i = 0; i < result.count; i++) {
            char target[32];
            const struct audit_entry *entry = audit_page_at(page, i);
            snprintf(target, sizeof(target), "world/%u", count - 1 - seen++);
            assert_true(str_eq(entry->texts[AUDIT_TARGET], str_of(target)));
            assert_true(strcmp(entry->id, last) < 0);
            snprintf(last, sizeof(last), "%s", entry->id);
        }
        audit_page_free(page);
    } while (result.next[0] != '\0');
    assert_int_equal(seen, count);
}

static void told_once_it_is_on_the_disk(void **state)
{
    struct world *w = *state;
    struct error err;
    struct audit_file_facts facts;
    assert_int_equal(audit_file_room(w->file, w->wall, &err), 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(add(w, "world/w1", &err), 0);
        assert_int_equal(w->synced, 0);
    }
    while (w->synced == 0) {
        loop_turn_once(w->loop, true);
    }
    assert_int_equal(w->synced, 1); /* the others were written after that sync began */
    while (w->synced < 5) {
        loop_turn_once(w->loop, true);
    }
    audit_file_look(w->file, &facts);
    assert_int_equal(facts.entries, 5);
    assert_string_equal(facts.last_error, "");
    assert_true(facts.bytes > 400);
}

static void pages_go_through_all_files(void **state)
{
    struct world *w = *state;
    struct audit_file_facts facts;
    audit_file_free(w->file);
    open_it(w, 20000);
    add_some(w, 0, 700);
    audit_file_look(w->file, &facts);
    assert_in_range(facts.rotations, 3, 10);
    assert_all(w, 700, 1000);
    assert_all(w, 700, 64);
    assert_all(w, 700, 7);
}

static void a_time_ends_the_search(void **state)
{
    struct world *w = *state;
    struct audit_result result;
    int64_t begun = w->wall;
    add_some(w, 0, 30);
    struct audit_page *page = find(w, "", 100, begun + 25);
    audit_page_result(page, &result);
    assert_int_equal(result.count, 5);
    assert_string_equal(result.next, "");
    audit_page_free(page);
}

/* A crash in the middle of a line: what is whole stays, and what follows is a line of its own. */
static void a_torn_line_is_cut(void **state)
{
    struct world *w = *state;
    struct audit_file_facts facts;
    char path[96];
    add_some(w, 0, 3);
    audit_file_free(w->file);
    path_of(w, 0, path);
    int fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "{\"id\":\"01HGW2BBG0ZZZ", 20), 20);
    close(fd);
    open_it(w, 1 << 20);
    add_some(w, 3, 2);
    audit_file_look(w->file, &facts);
    assert_int_equal(facts.cut_bytes, 20);
    assert_all(w, 5, 100);
}

static void a_file_of_garbage_is_begun_again(void **state)
{
    struct world *w = *state;
    static char zeros[100000];
    char path[96];
    add_some(w, 0, 2);
    audit_file_free(w->file);
    path_of(w, 0, path);
    int fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, zeros, sizeof(zeros)), sizeof(zeros));
    close(fd);
    open_it(w, 1 << 20);
    add_some(w, 2, 1);
    assert_all(w, 3, 100);
}

/* Whatever the clock does after a restart, ids go on behind the last one. */
static void ids_go_on_after_a_restart(void **state)
{
    struct world *w = *state;
    add_some(w, 0, 3);
    audit_file_free(w->file);
    open_it(w, 1 << 20);
    w->wall -= DAY_MS;
    add_some(w, 3, 3);
    assert_all(w, 6, 2);
}

static void a_file_that_is_gone_is_made_again(void **state)
{
    struct world *w = *state;
    char path[96];
    add_some(w, 0, 1);
    path_of(w, 0, path);
    assert_int_equal(unlink(path), 0);
    add_some(w, 1, 1);
    assert_int_equal(access(path, R_OK), 0);
}

static void old_files_are_forgotten(void **state)
{
    struct world *w = *state;
    char path[96];
    audit_file_free(w->file);
    open_it(w, 200);
    add_some(w, 0, 4);
    path_of(w, 1, path);
    assert_int_equal(access(path, R_OK), 0);
    w->wall += 31 * DAY_MS;
    add_some(w, 4, 1);
    path_of(w, 2, path);
    assert_int_equal(access(path, R_OK), -1);
    struct audit_result result;
    struct audit_page *page = find(w, "", 10, 0);
    audit_page_result(page, &result);
    assert_int_equal(result.count, 3); /* the file that is put aside only now is still there */
    audit_page_free(page);
}

static void there_are_only_so_many_files(void **state)
{
    struct world *w = *state;
    struct audit_file_facts facts;
    audit_file_free(w->file);
    open_it(w, 10);
    add_some(w, 0, AUDIT_FILES_MAX + 20);
    audit_file_look(w->file, &facts);
    assert_true(facts.rotations > AUDIT_FILES_MAX + 10);
    char path[96];
    snprintf(path, sizeof(path), "%s/audit.%d.jsonl", w->dir, AUDIT_FILES_MAX + 1);
    assert_int_equal(access(path, R_OK), -1);
}

static void where_there_is_no_room_it_is_said_before(void **state)
{
    struct world *w = *state;
    struct error err = {0};
    struct rlimit limit, before;
    struct audit_file_facts facts;
    add_some(w, 0, 2);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    limit = before;
    audit_file_look(w->file, &facts);
    limit.rlim_cur = facts.bytes + 20; /* a part of a line fits */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(audit_file_room(w->file, w->wall, &err), -1);
    assert_int_equal(err.code, ERROR_LIMIT);
    /* One that is written all the same, as a drain is: what does not fit leaves no part of a line. */
    assert_int_equal(add(w, "world/beyond-the-limit", &err), -1);
    assert_int_equal(add(w, "world/beyond-the-limit", &err), -1);
    audit_file_look(w->file, &facts);
    assert_string_not_equal(facts.last_error, "");
    assert_int_equal(facts.failures, 3);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    add_some(w, 2, 1);
    audit_file_look(w->file, &facts);
    assert_string_equal(facts.last_error, "");
    assert_all(w, 3, 10);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT, open("/dev/null", O_WRONLY | O_CLOEXEC));
    const struct CMUnitTest tests[] = {
        TEST(told_once_it_is_on_the_disk),
        TEST(pages_go_through_all_files),
        TEST(a_time_ends_the_search),
        TEST(a_torn_line_is_cut),
        TEST(a_file_of_garbage_is_begun_again),
        TEST(ids_go_on_after_a_restart),
        TEST(a_file_that_is_gone_is_made_again),
        TEST(old_files_are_forgotten),
        TEST(there_are_only_so_many_files),
        TEST(where_there_is_no_room_it_is_said_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
