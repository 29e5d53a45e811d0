#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/io/loop/loop.h"
#include "outrider/os/log.h"
#include "shell/state_store_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct world {
    char dir[64], path[96];
    struct loop *loop;
    struct state_store *store;
    const char *content;
};

static void fill(void *user, struct buf *out)
{
    const struct world *w = user;
    buf_str(out, str_of(w->content));
}

static void begin(struct world *w)
{
    struct error err;
    *w = (struct world){.dir = "/tmp/outrider-state-XXXXXX", .content = "one"};
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->path, sizeof(w->path), "%s/state.json", w->dir);
    w->loop = loop_new(&err);
    w->store = state_store_open(w->dir, 0, &err);
    assert_non_null(w->loop);
    assert_non_null(w->store);
    state_store_start(w->store, w->loop, fill, w);
}

static void finish(struct world *w)
{
    char lock[96];
    state_store_free(w->store);
    loop_free(w->loop);
    snprintf(lock, sizeof(lock), "%s/lock", w->dir);
    unlink(lock);
    unlink(w->path);
    rmdir(w->dir);
}

static void assert_kept(struct world *w, const char *content)
{
    struct buf bytes = {0};
    struct error err;
    assert_int_equal(state_store_load(w->store, &err, &bytes), 0);
    assert_string_equal(buf_text(&bytes), content);
    buf_fini(&bytes);
}

static uint64_t writes(const struct world *w)
{
    return state_store_log(w->store)->writes;
}

static void keep_line(enum log_level level, struct str line, void *user)
{
    (void)level;
    buf_str(user, line);
    buf_str(user, STR("\n"));
}

/* It says so when it begins to wait, once, and not only when it gives up. */
static void test_a_second_one_says_that_it_waits(void **state)
{
    (void)state;
    struct world w;
    struct buf log = {0};
    struct error err;
    char says[64];
    begin(&w);
    log_set_sink(keep_line, &log);
    assert_null(state_store_open(w.dir, 0, &err));
    assert_int_equal(log.size, 0);
    assert_null(state_store_open(w.dir, 60, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    log_set_sink(NULL, NULL);
    const char *line =
        strstr(buf_text(&log), "msg=\"state_dir used by another agent, waiting for it to end\"");
    assert_non_null(line);
    snprintf(says, sizeof(says), "pid=%d at_most=60ms\n", (int)getpid());
    assert_non_null(strstr(line, says));
    assert_null(strchr(strchr(line, '\n') + 1, '\n'));
    buf_fini(&log);
    finish(&w);
}

static void test_written_before_a_request(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    state_store_save(w.store, EFFECTS_SAVE_BEFORE_GRANT);
    assert_kept(&w, "one");
    state_store_save(w.store, EFFECTS_SAVE_BEFORE_GRANT);
    assert_int_equal(writes(&w), 1);
    w.content = "two";
    state_store_save(w.store, EFFECTS_SAVE_BEFORE_GRANT); /* whatever the time since the last one */
    assert_kept(&w, "two");
    finish(&w);
}

static void test_written_where_it_is_due(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    state_store_save(w.store, EFFECTS_SAVE_BEFORE_WRITE); /* nothing changed */
    assert_int_equal(writes(&w), 0);
    state_store_save(w.store, EFFECTS_SAVE_SOON);
    state_store_save(w.store, EFFECTS_SAVE_BEFORE_WRITE);
    assert_kept(&w, "one");
    /* A burst costs one write a second. */
    for (int i = 0; i < 100; i++) {
        w.content = "two";
        state_store_save(w.store, EFFECTS_SAVE_SOON);
        state_store_save(w.store, EFFECTS_SAVE_BEFORE_WRITE);
    }
    assert_int_equal(writes(&w), 1);
    while (writes(&w) == 1) {
        loop_turn_once(w.loop, true);
    }
    assert_kept(&w, "two");
    finish(&w);
}

static void test_synced_after_it_was_written(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    state_store_save(w.store, EFFECTS_SAVE_BEFORE_GRANT);
    assert_int_equal(writes(&w), 1);
    state_store_save(w.store, EFFECTS_SAVE_NOW); /* the same bytes are synced, not written again */
    assert_int_equal(writes(&w), 1);
    assert_string_equal(state_store_log(w.store)->last_error, "");
    state_store_save(w.store, EFFECTS_SAVE_NOW);
    assert_int_equal(writes(&w), 1);
    /* A file that went away cannot be synced: the retry writes it. */
    w.content = "two";
    state_store_save(w.store, EFFECTS_SAVE_BEFORE_GRANT);
    assert_int_equal(unlink(w.path), 0);
    state_store_save(w.store, EFFECTS_SAVE_NOW);
    assert_string_not_equal(state_store_log(w.store)->last_error, "");
    state_store_save(w.store, EFFECTS_SAVE_NOW);
    assert_string_equal(state_store_log(w.store)->last_error, "");
    assert_kept(&w, "two");
    finish(&w);
}

static void test_what_was_removed_comes_back(void **state)
{
    (void)state;
    struct world w;
    struct error err;
    char lock[96];
    begin(&w);
    snprintf(lock, sizeof(lock), "%s/lock", w.dir);
    state_store_check(w.store);
    assert_int_equal(writes(&w), 0); /* nothing was there yet */
    state_store_save(w.store, EFFECTS_SAVE_NOW);
    state_store_check(w.store);
    assert_int_equal(writes(&w), 1);
    assert_int_equal(unlink(w.path) + unlink(lock), 0);
    state_store_check(w.store);
    assert_kept(&w, "one");
    assert_int_equal(writes(&w), 2);
    assert_null(state_store_open(w.dir, 0, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    assert_non_null(strstr(err.text, "; each agent needs its own"));
    /* Another agent came first: that is reported, and the lock stays its own. */
    assert_int_equal(unlink(lock), 0);
    struct state_store *other = state_store_open(w.dir, 0, &err);
    assert_non_null(other);
    state_store_check(w.store);
    state_store_check(w.store);
    state_store_free(other);
    state_store_check(w.store);
    assert_null(state_store_open(w.dir, 0, &err));
    finish(&w);
}

static void test_failure_is_reported(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    assert_int_equal(mkdir(w.path, 0700), 0); /* a file cannot take the place of a directory */
    state_store_save(w.store, EFFECTS_SAVE_BEFORE_GRANT);
    assert_string_not_equal(state_store_log(w.store)->last_error, "");
    assert_int_equal(rmdir(w.path), 0);
    state_store_save(w.store, EFFECTS_SAVE_SOON);
    state_store_save(w.store, EFFECTS_SAVE_BEFORE_GRANT);
    assert_string_equal(state_store_log(w.store)->last_error, "");
    assert_kept(&w, "one");
    finish(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_second_one_says_that_it_waits),
        cmocka_unit_test(test_written_before_a_request),
        cmocka_unit_test(test_written_where_it_is_due),
        cmocka_unit_test(test_synced_after_it_was_written),
        cmocka_unit_test(test_what_was_removed_comes_back),
        cmocka_unit_test(test_failure_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
