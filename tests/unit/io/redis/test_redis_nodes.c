#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/os/clock.h"
#include "redis_world.h"

#include <stdio.h>

/* ---- which server ---- */

static void be_replica(struct fake_redis *fake, struct fake_connection *connection,
                       const struct redis_reply *request)
{
    (void)fake;
    if (fake_is(request, "HELLO")) {
        fake_hello(connection, "standalone", "replica");
    } else {
        buf_printf(&connection->out, "-READONLY You can't write against a read only replica.\r\n");
    }
}

static void of_several_servers_the_master_is_used(void **state)
{
    (void)state;
    struct answer answer;
    begin(3, count_up, REDIS_SINGLE);
    fakes[0].answer = fakes[1].answer = be_replica;
    begin_client();
    ASK(&answer, 5000, "X");
    await(&answer);
    assert_int_equal(answer.outcome, REDIS_DONE);
    assert_int_equal(fakes[2].requests, 1);
    assert_int_equal(fakes[0].requests + fakes[1].requests, 0);
}

static void turn_readonly(struct fake_redis *fake, struct fake_connection *connection,
                          const struct redis_reply *request)
{
    (void)fake;
    if (fake_is(request, "HELLO")) {
        fake_hello(connection, "standalone", "master"); /* as one that is just being demoted */
    } else {
        buf_printf(&connection->out, "-READONLY You can't write against a read only replica.\r\n");
    }
}

static void a_server_that_turned_replica_is_left(void **state)
{
    (void)state;
    struct answer answer;
    begin(2, count_up, REDIS_SINGLE);
    fakes[0].answer = turn_readonly;
    begin_client();
    ASK(&answer, 5000, "X");
    await(&answer);
    assert_int_equal(answer.outcome, REDIS_DONE);
    assert_int_equal(fakes[1].requests, 1);
}

static void load(struct fake_redis *fake, struct fake_connection *connection,
                 const struct redis_reply *request)
{
    (void)fake;
    if (fake_is(request, "HELLO")) {
        fake_hello(connection, "standalone", "master"); /* which it says for as long as it loads */
    } else {
        buf_printf(&connection->out, "-LOADING Redis is loading the dataset in memory\r\n");
    }
}

static void begin_first(struct redis_command *ret_command, const struct redis_script **ret_also, void *user)
{
    static const struct str words[] = {STR_INIT("OPEN"), STR_INIT("k")};
    (void)ret_also, (void)user;
    *ret_command = (struct redis_command){.args = words, .count = 2, .key = words[1]};
}

static void ignore(const struct redis_result *result, void *user)
{
    (void)result, (void)user;
}

/* It may be a master of before that comes back; loading takes minutes. */
static void a_server_that_loads_is_left_for_another_one(void **state)
{
    (void)state;
    static const struct redis_first first = {begin_first, ignore};
    struct answer answer;
    begin(2, count_up, REDIS_SINGLE);
    fakes[0].answer = load;
    begin_client();
    redis_put_first(redis, &first, NULL);
    ASK(&answer, 2000, "X");
    await(&answer);
    assert_int_equal(answer.outcome, REDIS_DONE);
    assert_non_null(strstr(buf_text(&fakes[1].seen), "X"));
}

static uint16_t master_port;
static const char *news;

static void be_sentinel(struct fake_redis *fake, struct fake_connection *connection,
                        const struct redis_reply *request)
{
    char port[8];
    (void)fake;
    snprintf(port, sizeof(port), "%u", (unsigned)master_port);
    if (fake_is(request, "HELLO")) {
        fake_hello(connection, "sentinel", "sentinel");
    } else if (fake_is(request, "SUBSCRIBE")) {
        buf_printf(&connection->out, "*3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n");
        if (news != NULL) {
            buf_printf(&connection->out, "*3\r\n$7\r\nmessage\r\n$14\r\n+switch-master\r\n$%zu\r\n%s\r\n",
                       strlen(news), news);
        }
    } else if (master_port == 0) {
        buf_printf(&connection->out, "*-1\r\n");
    } else {
        buf_printf(&connection->out, "*2\r\n$9\r\n127.0.0.1\r\n$%zu\r\n%s\r\n", strlen(port), port);
    }
}

static void the_master_is_the_one_that_the_sentinel_names(void **state)
{
    (void)state;
    struct answer answer;
    begin(3, count_up, REDIS_AUTO);
    options.endpoint_count = 1;
    fakes[0].answer = be_sentinel;
    fakes[1].answer = be_replica; /* named first, as by a sentinel that is behind */
    master_port = fakes[1].port;
    news = NULL;
    begin_client();
    ASK(&answer, 20000, "X");
    while (fakes[1].accepted == 0) {
        step();
    }
    assert_int_equal(answer.calls, 0);
    master_port = fakes[2].port;
    await(&answer);
    assert_int_equal(answer.outcome, REDIS_DONE);
    assert_int_equal(fakes[2].requests, 1);
    assert_int_equal(redis_facts(redis).mode, REDIS_SENTINEL);
}

static void a_master_that_is_named_no_more_is_left_though_it_answers(void **state)
{
    (void)state;
    struct answer answer;
    char text[100];
    begin(3, count_up, REDIS_SENTINEL);
    options.endpoint_count = 1;
    fakes[0].answer = be_sentinel;
    master_port = fakes[1].port;
    news = NULL;
    begin_client();
    ASK(&answer, 5000, "X");
    await(&answer);
    assert_int_equal(fakes[1].requests, 1);
    /* the sentinel tells of it, and only then names it when it is asked */
    snprintf(text, sizeof(text), "mm 127.0.0.1 %u 127.0.0.1 %u", fakes[1].port, fakes[2].port);
    news = text;
    master_port = fakes[2].port;
    fake_redis_drop(&fakes[0]);
    while (fakes[2].accepted == 0) {
        step();
    }
    ASK(&answer, 5000, "X");
    await(&answer);
    assert_int_equal(answer.outcome, REDIS_DONE);
    assert_int_equal(fakes[1].requests, 1);
    assert_int_equal(fakes[2].requests, 1);
}

static void a_name_that_no_sentinel_knows_is_an_error_that_says_so(void **state)
{
    (void)state;
    struct answer answer;
    begin(1, be_sentinel, REDIS_SENTINEL);
    master_port = 0;
    begin_client();
    ASK(&answer, 400, "X");
    await(&answer);
    assert_int_equal(answer.outcome, REDIS_RETRY);
    assert_non_null(strstr(answer.why, "knows no master with the name mm"));
}

static size_t count_of(const struct fake_redis *fake, const char *request)
{
    size_t count = 0;
    for (const char *at = buf_text(&fake->seen); (at = strstr(at, request)) != NULL; at++) {
        count++;
    }
    return count;
}

static void sentinels_that_know_no_master_are_asked_less_and_less(void **state)
{
    (void)state;
    struct answer answer;
    begin(1, be_sentinel, REDIS_SENTINEL);
    master_port = 0;
    begin_client();
    ASK(&answer, 1500, "X");
    await(&answer);
    assert_in_range(count_of(&fakes[0], "GET-MASTER-ADDR-BY-NAME"), 2, 16);
}

static void refuse_news(struct fake_redis *fake, struct fake_connection *connection,
                        const struct redis_reply *request)
{
    if (fake_is(request, "SUBSCRIBE")) {
        buf_printf(&connection->out, "-NOPERM this user has no permissions to run the command\r\n");
    } else {
        be_sentinel(fake, connection, request);
    }
}

/* As the rights of its user may say. The sentinel is asked all the same. */
static void a_sentinel_that_tells_no_news_is_not_connected_to_without_pause(void **state)
{
    (void)state;
    struct answer answer;
    begin(2, count_up, REDIS_SENTINEL);
    options.endpoint_count = 1;
    fakes[0].answer = refuse_news;
    master_port = fakes[1].port;
    int64_t begin_ms = clock_mono_ms();
    begin_client();
    ASK(&answer, 20000, "X");
    await(&answer);
    assert_int_equal(answer.outcome, REDIS_DONE);
    while (clock_mono_ms() < begin_ms + 300) {
        step();
    }
    size_t most = 1 + (size_t)(clock_mono_ms() - begin_ms) / 1000;
    assert_in_range(count_of(&fakes[0], "SUBSCRIBE"), 1, most);
}

/* Where every restart gives a server another address. */
static void tell_many_masters(struct fake_redis *fake, struct fake_connection *connection,
                              const struct redis_reply *request)
{
    enum { SWITCHES = REDIS_NODES_MAX + 6 };
    be_sentinel(fake, connection, request);
    for (unsigned i = 1; fake_is(request, "SUBSCRIBE") && i <= SWITCHES; i++) {
        char text[100];
        master_port = fakes[1].port;
        snprintf(text, sizeof(text), "mm 127.0.0.1 1 127.0.0.1 %u", i < SWITCHES ? i : fakes[1].port);
        buf_printf(&connection->out, "*3\r\n$7\r\nmessage\r\n$14\r\n+switch-master\r\n$%zu\r\n%s\r\n",
                   strlen(text), text);
    }
}

static void masters_of_before_leave_room_for_the_next_one(void **state)
{
    (void)state;
    struct answer answer;
    begin(3, count_up, REDIS_SENTINEL);
    options.endpoint_count = 1;
    fakes[0].answer = tell_many_masters;
    fakes[2].answer = be_replica;
    master_port = fakes[2].port;
    news = NULL;
    begin_client();
    ASK(&answer, 5000, "X");
    await(&answer);
    assert_int_equal(answer.outcome, REDIS_DONE);
    assert_int_equal(fakes[1].requests, 1);
}

static unsigned owner; /* of every slot */
static unsigned asked_owner;
static bool is_moving;

/* All slots belong to one of the nodes; `is_moving`: to the next one as far as keys go. */
static void be_node(struct fake_redis *fake, struct fake_connection *connection,
                    const struct redis_reply *request)
{
    unsigned me = (unsigned)(fake - fakes);
    if (fake_is(request, "HELLO")) {
        fake_hello(connection, "cluster", "master");
    } else if (fake_is(request, "CLUSTER")) {
        buf_printf(&connection->out, "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:%u\r\n",
                   fakes[asked_owner].port);
    } else if (fake_is(request, "ASKING")) {
        buf_printf(&connection->out, "+OK\r\n");
    } else if (me == owner && is_moving) {
        buf_printf(&connection->out, "-ASK 7629 127.0.0.1:%u\r\n", fakes[(owner + 1) % 3].port);
    } else if (me == owner || is_moving) {
        buf_printf(&connection->out, ":%u\r\n", me);
    } else {
        buf_printf(&connection->out, "-MOVED 7629 :%u\r\n", fakes[owner].port);
    }
}

static void moved_and_ask_are_followed(void **state)
{
    (void)state;
    struct answer answer;
    begin(3, be_node, REDIS_CLUSTER);
    owner = asked_owner = 0;
    is_moving = false;
    begin_client();
    ASK(&answer, 5000, "GET", "k");
    await(&answer);
    assert_int_equal(answer.integer, 0);
    owner = 2; /* the map is old */
    ASK(&answer, 5000, "GET", "k");
    await(&answer);
    assert_int_equal(answer.outcome, REDIS_DONE);
    assert_int_equal(answer.integer, 2);
    is_moving = true;
    ASK(&answer, 5000, "GET", "k");
    await(&answer);
    assert_int_equal(answer.outcome, REDIS_DONE);
    assert_int_equal(answer.integer, 0); /* the one after 2 */
    assert_non_null(strstr(buf_text(&fakes[0].seen), "ASKING\nGET k\n"));
}

static void never_here(struct fake_redis *fake, struct fake_connection *connection,
                       const struct redis_reply *request)
{
    unsigned me = (unsigned)(fake - fakes);
    if (fake_is(request, "HELLO") || fake_is(request, "CLUSTER")) {
        be_node(fake, connection, request);
    } else {
        buf_printf(&connection->out, "-MOVED 7629 127.0.0.1:%u\r\n", fakes[(me + 1) % 3].port);
    }
}

static void redirections_without_end_are_ended(void **state)
{
    (void)state;
    struct answer answer;
    begin(3, never_here, REDIS_CLUSTER);
    asked_owner = 0;
    begin_client();
    ASK(&answer, 5000, "GET", "k");
    await(&answer);
    assert_int_equal(answer.outcome, REDIS_RETRY);
    size_t gets = 0;
    for (size_t i = 0; i < 3; i++) {
        for (const char *at = buf_text(&fakes[i].seen); (at = strstr(at, "GET k\n")) != NULL; at++) {
            gets++;
        }
    }
    assert_int_equal(gets, REDIS_REDIRECTIONS_MAX + 1);
}

static void a_server_of_another_kind_is_named(void **state)
{
    (void)state;
    struct answer answer;
    begin(1, be_node, REDIS_SINGLE);
    begin_client();
    ASK(&answer, 300, "GET", "k");
    await(&answer);
    assert_int_equal(answer.outcome, REDIS_RETRY);
    assert_non_null(strstr(answer.why, "set mode to cluster"));
}

/* ---- messages ---- */

struct ear {
    int opened, lost;
    char heard[200];
};

static void on_heard(enum redis_heard heard, struct str text, void *user)
{
    struct ear *ear = user;
    size_t length = strlen(ear->heard);
    ear->opened += heard == REDIS_HEARD_OPEN ? 1 : 0;
    ear->lost += heard == REDIS_HEARD_LOST ? 1 : 0;
    if (heard == REDIS_HEARD_MESSAGE) {
        snprintf(ear->heard + length, sizeof(ear->heard) - length, "%.*s;", STR_ARG(text));
    }
}

static void tell_two(struct fake_redis *fake, struct fake_connection *connection,
                     const struct redis_reply *request)
{
    if (fake_is(request, "SUBSCRIBE")) {
        buf_printf(&connection->out, "*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n"
                                     "*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$3\r\none\r\n"
                                     "*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$3\r\ntwo\r\n");
    } else {
        count_up(fake, connection, request);
    }
}

static void messages_are_heard_and_their_loss_is_told(void **state)
{
    (void)state;
    struct ear ear = {0};
    begin(1, tell_two, REDIS_SINGLE);
    begin_client();
    redis_subscribe(redis, STR("ch"), on_heard, &ear);
    while (strcmp(ear.heard, "one;two;") != 0) {
        step();
    }
    assert_int_equal(ear.opened, 1);
    assert_int_equal(ear.lost, 0);
    fake_redis_drop(&fakes[0]);
    while (ear.opened < 2) {
        step();
    }
    assert_int_equal(ear.lost, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(of_several_servers_the_master_is_used),
        TEST(a_server_that_turned_replica_is_left),
        TEST(a_server_that_loads_is_left_for_another_one),
        TEST(the_master_is_the_one_that_the_sentinel_names),
        TEST(a_master_that_is_named_no_more_is_left_though_it_answers),
        TEST(a_name_that_no_sentinel_knows_is_an_error_that_says_so),
        TEST(sentinels_that_know_no_master_are_asked_less_and_less),
        TEST(a_sentinel_that_tells_no_news_is_not_connected_to_without_pause),
        TEST(masters_of_before_leave_room_for_the_next_one),
        TEST(moved_and_ask_are_followed),
        TEST(redirections_without_end_are_ended),
        TEST(a_server_of_another_kind_is_named),
        TEST(messages_are_heard_and_their_loss_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
