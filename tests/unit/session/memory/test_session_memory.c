/* The store in memory and its journal: what is left of a file that was cut, damaged or not ours, a full disk, and a rewrite. The
 * contract suite has what every store must do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/loop.h"
#include "outrider/os/file.h"
#include "outrider/session/memory/session_memory.h"

/* From this byte on no file can be read; -1: each can. */
static off_t unreadable_from = -1;

ssize_t pread(int fd, void *to, size_t size, off_t offset)
{
    if (unreadable_from >= 0 && offset >= unreadable_from) {
        errno = EIO;
        return -1;
    }
    bool cut = unreadable_from >= 0 && (off_t)size > unreadable_from - offset;
    return syscall(SYS_pread64, fd, to, cut ? (size_t)(unreadable_from - offset) : size, offset);
}

struct world {
    char dir[64], path[96], unread[128], fresh[128];
    struct loop *loop;
    struct session_store *store;
    struct session_client *client;
    struct instant now;
    uint64_t id;
    bool answered;
    enum session_failure failure;
    bool found;
    enum session_state state;
    char error[300];
    size_t count, orphaned, restored, ended;
};

static struct instant now_of(void *user)
{
    return ((struct world *)user)->now;
}

static void on_reply(const struct session_reply *reply, void *user)
{
    struct world *world = user;
    world->answered = reply->id == world->id || world->answered;
    world->failure = reply->failure;
    world->found = reply->found;
    world->state = reply->session.state;
    world->count = reply->count;
    snprintf(world->error, sizeof(world->error), "%.*s", STR_ARG(reply->error));
}

static void on_event(const struct session_event *event, void *user)
{
    struct world *world = user;
    world->orphaned += event->type == SESSION_ON_ORPHANED ? 1 : 0;
    world->restored += event->type == SESSION_ON_RESTORED ? 1 : 0;
    world->ended += event->type == SESSION_ON_ENDED ? 1 : 0;
}

static void open_store(struct world *world)
{
    world->store = session_memory_new(&(struct session_memory_settings){.dir = world->dir,
                                                                        .max = 100000,
                                                                        .seed = 5,
                                                                        .now = now_of,
                                                                        .now_user = world,
                                                                        .rewrite_bytes = 4096},
                                      world->loop);
    world->client = session_attach(world->store, on_reply, on_event, world);
}

static void reopen(struct world *world)
{
    session_store_free(world->store);
    open_store(world);
}

static int set_up(void **state)
{
    struct error err;
    struct world *world = mem_zalloc(sizeof(*world));
    snprintf(world->dir, sizeof(world->dir), "/tmp/outrider-memory-XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    snprintf(world->path, sizeof(world->path), "%s/sessions.journal", world->dir);
    snprintf(world->unread, sizeof(world->unread), "%s.unread", world->path);
    snprintf(world->fresh, sizeof(world->fresh), "%s.new", world->path);
    world->loop = loop_new(&err);
    world->now = (struct instant){1000000, 1000000, 1700000000000};
    open_store(world);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    session_store_free(world->store);
    loop_free(world->loop);
    unlink(world->path);
    unlink(world->unread);
    unlink(world->fresh);
    assert_int_equal(rmdir(world->dir), 0);
    free(world);
    return 0;
}

static enum session_failure ask(struct world *world, struct session_request request)
{
    request.id = ++world->id;
    world->answered = false;
    session_submit(world->client, &request);
    while (!world->answered) {
        loop_turn_once(world->loop, true);
    }
    return world->failure;
}

static struct session_request put_of(int number)
{
    static char id[16], player[16];
    snprintf(id, sizeof(id), "s%d", number);
    snprintf(player, sizeof(player), "p%d", number);
    return (struct session_request){.op = SESSION_PUT,
                                    .session = {.id = str_of(id),
                                                .player = str_of(player),
                                                .server = STR("world/w1"),
                                                .data = STR("{\"n\":1}")},
                                    .ttl_ms = 3600000};
}

static bool is_there(struct world *world, int number)
{
    struct session_request request = {.op = SESSION_GET, .session_id = put_of(number).session.id};
    assert_int_equal(ask(world, request), SESSION_OK);
    return world->found;
}

static void fill(struct world *world, int count)
{
    for (int i = 0; i < count; i++) {
        assert_int_equal(ask(world, put_of(i)), SESSION_OK);
    }
}

static uint64_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) < 0 ? 0 : (uint64_t)st.st_size;
}

static void write_file(const char *path, struct str bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.data, 1, bytes.size, file), bytes.size);
    fclose(file);
}

static struct session_memory_facts facts_of(const struct world *world)
{
    struct session_memory_facts facts;
    session_memory_facts(world->store, &facts);
    return facts;
}

/* ---- what is left of a file ---- */

static void a_tail_that_was_cut_is_left_out(void **state)
{
    struct world *world = *state;
    struct buf whole = {0};
    struct error err;
    uint64_t sizes[9];
    for (int i = 0; i < 8; i++) {
        sizes[i] = size_of(world->path);
        assert_int_equal(ask(world, put_of(i)), SESSION_OK);
    }
    sizes[8] = size_of(world->path);
    assert_int_equal(file_read(world->path, 1 << 20, &err, &whole), 0);
    for (size_t cut = 0; cut <= whole.size; cut++) {
        session_store_free(world->store);
        write_file(world->path, (struct str){whole.data, cut});
        open_store(world);
        size_t left = 0;
        while (left < 8 && sizes[left + 1] <= cut) {
            left++;
        }
        for (int i = 0; i < 8; i++) {
            assert_int_equal(is_there(world, i), (size_t)i < left);
        }
        /* It goes on behind what was read. */
        assert_int_equal(ask(world, put_of(9)), SESSION_OK);
        reopen(world);
        assert_int_equal(facts_of(world).cut_bytes, 0);
        assert_true(is_there(world, 9));
        assert_int_equal(is_there(world, 0), left > 0);
    }
    buf_fini(&whole);
}

static void what_is_behind_damage_is_left_out(void **state)
{
    struct world *world = *state;
    struct buf whole = {0};
    struct error err;
    fill(world, 10);
    assert_int_equal(file_read(world->path, 1 << 20, &err, &whole), 0);
    session_store_free(world->store);
    whole.data[whole.size / 2] ^= 0x20;
    write_file(world->path, buf_view(&whole));
    open_store(world);
    struct session_memory_facts facts = facts_of(world);
    assert_true(facts.loaded > 2 && facts.loaded < 8 && facts.cut_bytes > 0);
    assert_true(is_there(world, 0));
    assert_false(is_there(world, 9));
    buf_fini(&whole);
}

static void a_file_of_another_kind_is_put_aside(void **state)
{
    struct world *world = *state;
    const char *const files[] = {"no journal, but longer than its head\n",
                                 "outrider sessions\n\x02\x00\x00\x00 of a later version"};
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        size_t size = i == 0 ? strlen(files[0]) : 18 + 4 + 19;
        session_store_free(world->store);
        write_file(world->path, (struct str){files[i], size});
        open_store(world);
        assert_false(is_there(world, 0));
        assert_int_equal(size_of(world->unread), size);
        assert_int_equal(ask(world, put_of(0)), SESSION_OK);
        reopen(world);
        assert_true(is_there(world, 0));
    }
}

/* A disk that fails for a moment costs no session: the file stays as it is, and is read later. */
static void what_cannot_be_read_now_is_read_later(void **state)
{
    struct world *world = *state;
    const off_t from[] = {0, 22, 300}; /* in its head, behind it, in a record */
    fill(world, 10);
    uint64_t size = size_of(world->path);
    for (size_t i = 0; i < COUNT_OF(from); i++) {
        session_store_free(world->store);
        unreadable_from = from[i];
        open_store(world);
        assert_int_equal(size_of(world->path), size);
        assert_int_equal(access(world->unread, F_OK), -1);
        assert_int_equal(facts_of(world).cut_bytes, 0);
        assert_int_equal(ask(world, put_of(0)), SESSION_AWAY);
        /* Where a player is, is not known: that it is nowhere would be a lie. */
        struct session_request find = {.op = SESSION_FIND, .player = STR("p9")};
        assert_int_equal(ask(world, find), SESSION_AWAY);
        assert_non_null(strstr(world->error, "sessions.journal"));
        unreadable_from = -1;
        world->now.mono += 1000;
        session_store_wake(world->store);
        for (int number = 0; number < 10; number++) {
            assert_true(is_there(world, number));
        }
        assert_int_equal(facts_of(world).loaded, 10);
    }
}

static void a_link_is_not_followed(void **state)
{
    struct world *world = *state;
    session_store_free(world->store);
    unlink(world->path);
    assert_int_equal(symlink("/dev/null", world->path), 0);
    open_store(world);
    assert_int_equal(ask(world, put_of(0)), SESSION_AWAY);
    assert_non_null(strstr(world->error, "sessions.journal"));
    struct session_request get = {.op = SESSION_GET, .session_id = STR("s0")};
    assert_int_equal(ask(world, get), SESSION_AWAY);
    /* It is looked at again, and read then. */
    unlink(world->path);
    world->now.mono += 1000;
    session_store_wake(world->store);
    assert_int_equal(ask(world, put_of(1)), SESSION_OK);
    reopen(world);
    assert_true(is_there(world, 1));
}

/* ---- a disk that is full ---- */

static void limit_files(uint64_t bytes)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes == 0 ? limit.rlim_max : bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_is_said_and_made_up_for(void **state)
{
    struct world *world = *state;
    struct session_facts facts;
    fill(world, 3);
    limit_files(size_of(world->path) + 20);
    assert_int_equal(ask(world, put_of(3)), SESSION_AWAY); /* in memory alone; a part of it is in the file */
    limit_files(0);
    assert_non_null(strstr(world->error, "File too large"));
    session_facts(world->store, &facts);
    assert_false(facts.up);
    assert_non_null(strstr(facts.error, "sessions.journal"));
    assert_true(is_there(world, 0));
    limit_files(1);
    world->now.mono += 1000;
    session_store_wake(world->store); /* tried, and still full */
    limit_files(0);
    session_facts(world->store, &facts);
    assert_false(facts.up);
    world->now.mono += 1000;
    session_store_wake(world->store);
    session_facts(world->store, &facts);
    assert_true(facts.up);
    assert_string_equal(facts.error, "");
    assert_int_equal(ask(world, put_of(4)), SESSION_OK);
    reopen(world);
    assert_int_equal(facts_of(world).cut_bytes, 0);
    for (int i = 0; i < 5; i++) {
        assert_true(is_there(world, i));
    }
}

static void what_waits_for_the_disk_has_a_limit(void **state)
{
    struct world *world = *state;
    static char data[SESSION_DATA_MAX];
    memset(data, ' ', sizeof(data));
    data[0] = '{';
    data[sizeof(data) - 1] = '}';
    limit_files(1);
    for (int i = 0; i < 1500; i++) {
        struct session_request request = put_of(i);
        request.session.data = (struct str){data, sizeof(data)};
        assert_int_equal(ask(world, request), SESSION_AWAY);
    }
    limit_files(0);
    struct session_facts facts;
    session_facts(world->store, &facts);
    assert_in_range(facts.sessions[SESSION_ACTIVE], 900, 1100); /* 4 MiB of them, the others were not made */
    world->now.mono += 1000;
    session_store_wake(world->store);
    assert_int_equal(ask(world, put_of(1499)), SESSION_OK);
}

/* ---- a rewrite ---- */

static void a_journal_does_not_grow_without_end(void **state)
{
    struct world *world = *state;
    fill(world, 20);
    uint64_t largest = 0;
    for (int i = 0; i < 2000; i++) {
        struct session_request touch = {
            .op = SESSION_TOUCH, .session_id = put_of(i % 20).session.id, .ttl_ms = 3600000};
        assert_int_equal(ask(world, touch), SESSION_OK);
        largest = size_of(world->path) > largest ? size_of(world->path) : largest;
    }
    assert_true(facts_of(world).rewrites >= 5);
    assert_true(largest < 4096 + 20 * 2 * 200 + 1000);
    assert_int_equal(size_of(world->path), facts_of(world).bytes);
    assert_int_equal(size_of(world->fresh), 0);
    reopen(world);
    for (int i = 0; i < 20; i++) {
        assert_true(is_there(world, i));
    }
}

static void a_rewrite_takes_turns_and_misses_nothing(void **state)
{
    enum { MANY = 9000 };
    struct world *world = *state;
    fill(world, MANY);
    for (int i = 0; facts_of(world).rewrites < 3; i++) {
        /* Changes of every place, before and behind the one where the rewrite is; a hundred between two of its slices. */
        int number = i * 7919 % MANY;
        struct session_request request = put_of(number);
        request.session.server = STR("world/w2");
        if ((i / MANY + number) % 3 == 1) { /* others in each round, so that they are there */
            request = (struct session_request){.op = SESSION_END, .session_id = put_of(number).session.id};
        }
        if (i % 100 < 99) {
            request.id = ++world->id;
            session_submit(world->client, &request);
        } else {
            assert_int_equal(ask(world, request), SESSION_OK);
        }
        assert_true(i < 200000);
    }
    bool *were = mem_zalloc(MANY * sizeof(*were));
    for (int i = 0; i < MANY; i++) {
        were[i] = is_there(world, i);
    }
    reopen(world);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(is_there(world, i), were[i]);
    }
    free(were);
}

static void what_a_killed_agent_was_rewriting_is_dropped(void **state)
{
    struct world *world = *state;
    fill(world, 2);
    session_store_free(world->store);
    write_file(world->fresh, STR("half of a journal"));
    open_store(world);
    assert_int_equal(access(world->fresh, F_OK), -1);
    assert_true(is_there(world, 1));
}

/* ---- many sessions of one server ---- */

static void all_are_told_in_turns(void **state)
{
    enum { MANY = 3000 };
    struct world *world = *state;
    fill(world, MANY);
    session_listen(world->client, true);
    struct session_request request = {.op = SESSION_ORPHAN, .server = STR("world/w1"), .ttl_ms = 5000};
    assert_int_equal(ask(world, request), SESSION_OK);
    assert_int_equal(world->count, MANY);
    assert_true(world->orphaned < MANY); /* the loop is not held up */
    while (world->orphaned < MANY) {
        loop_turn_once(world->loop, true);
    }
    request.op = SESSION_RESTORE;
    assert_int_equal(ask(world, request), SESSION_OK);
    while (world->restored < MANY) {
        loop_turn_once(world->loop, true);
    }
    request.op = SESSION_ORPHAN;
    assert_int_equal(ask(world, request), SESSION_OK);
    world->now.mono += 5000;
    world->now.boot += 5000;
    world->now.wall += 5000;
    session_store_wake(world->store);
    assert_true(world->ended < MANY);
    assert_false(is_there(world, MANY - 1)); /* over, whether it was told or not */
    while (world->ended < MANY) {
        loop_turn_once(world->loop, true);
    }
    struct session_facts facts;
    session_facts(world->store, &facts);
    assert_int_equal(facts.sessions[SESSION_ACTIVE] + facts.sessions[SESSION_ORPHANED], 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_tail_that_was_cut_is_left_out),
        TEST(what_is_behind_damage_is_left_out),
        TEST(a_file_of_another_kind_is_put_aside),
        TEST(what_cannot_be_read_now_is_read_later),
        TEST(a_link_is_not_followed),
        TEST(a_full_disk_is_said_and_made_up_for),
        TEST(what_waits_for_the_disk_has_a_limit),
        TEST(a_journal_does_not_grow_without_end),
        TEST(a_rewrite_takes_turns_and_misses_nothing),
        TEST(what_a_killed_agent_was_rewriting_is_dropped),
        TEST(all_are_told_in_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
