#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/os/clock.h"
#include "redis_world.h"

#include <stdio.h>

/* ---- what comes back ---- */

static void commands_are_answered_in_their_order_over_one_connection(void **state)
{
    (void)state;
    struct answer answers[200];
    begin(1, count_up, REDIS_AUTO);
    begin_client();
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        ASK(&answers[i], 5000, "X");
    }
    await(&answers[COUNT_OF(answers) - 1]);
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        assert_int_equal(answers[i].outcome, REDIS_DONE);
        assert_int_equal(answers[i].integer, i + 1);
    }
    assert_int_equal(fakes[0].accepted, 1);
    assert_int_equal(redis_facts(redis).waiting, 0);
    assert_int_equal(redis_facts(redis).waiting_bytes, 0);
    assert_int_equal(redis_facts(redis).mode, REDIS_SINGLE);
}

static enum redis_outcome outcome_of(const char *text, int64_t timeout_ms, struct answer *ret_answer)
{
    canned = text;
    ASK(ret_answer, timeout_ms, "X");
    await(ret_answer);
    return ret_answer->outcome;
}

static void an_error_is_told_for_what_it_means(void **state)
{
    (void)state;
    struct answer answer;
    begin(1, say_canned, REDIS_SINGLE);
    begin_client();
    assert_int_equal(outcome_of("+OK\r\n", 5000, &answer), REDIS_DONE);
    assert_int_equal(outcome_of("-OOM command not allowed\r\n", 5000, &answer), REDIS_OVERLOADED);
    assert_non_null(strstr(answer.why, "OOM command"));
    assert_non_null(strstr(answer.why, "127.0.0.1:"));
    assert_int_equal(outcome_of("-NOPERM no\r\n", 5000, &answer), REDIS_DENIED);
    assert_int_equal(outcome_of("-WRONGTYPE no\r\n", 5000, &answer), REDIS_REFUSED);
    assert_int_equal(outcome_of("-MOVED 1 127.0.0.1:1\r\n", 5000, &answer), REDIS_REFUSED);
    assert_int_equal(outcome_of("-ERR who knows\r\n", 5000, &answer), REDIS_UNKNOWN);
    assert_int_equal(outcome_of("-ERR The user executing the script can't run this\r\n", 5000, &answer),
                     REDIS_DENIED);
    assert_int_equal(outcome_of("-LOADING Redis is\r\n", 300, &answer), REDIS_RETRY);
    assert_non_null(strstr(answer.why, "LOADING"));
    assert_true(redis_facts(redis).retries > 0);
    assert_int_equal(fakes[0].accepted, 1);
}

static void what_is_not_done_is_tried_again_until_it_is(void **state)
{
    (void)state;
    struct answer answer;
    begin(1, say_canned, REDIS_SINGLE);
    begin_client();
    canned = "-TRYAGAIN Multiple keys request during rehashing of slot\r\n";
    ASK(&answer, 5000, "X");
    while (fakes[0].requests < 3) {
        step();
    }
    assert_int_equal(answer.calls, 0);
    canned = "+OK\r\n";
    await(&answer);
    assert_int_equal(answer.outcome, REDIS_DONE);
}

static void refuse_names_of_scripts(struct fake_redis *fake, struct fake_connection *connection,
                                    const struct redis_reply *request)
{
    (void)fake;
    if (fake_is(request, "HELLO")) {
        fake_hello(connection, "standalone", "master");
    } else if (fake_is(request, "EVALSHA")) {
        buf_printf(&connection->out, "-NOSCRIPT No matching script. Please use EVAL.\r\n");
    } else {
        buf_printf(&connection->out, "+OK\r\n");
    }
}

static void a_script_is_sent_whole_where_it_is_not_known(void **state)
{
    (void)state;
    struct answer answer = {0};
    struct redis_script script;
    redis_script_init(&script, STR("return 1"));
    begin(1, refuse_names_of_scripts, REDIS_SINGLE);
    begin_client();
    struct redis_command command = {.args = (const struct str[]){STR("1"), STR("k"), STR("arg")},
                                    .count = 3,
                                    .script = &script,
                                    .key = STR("k"),
                                    .timeout_ms = 5000};
    redis_submit(redis, &command, told, &answer);
    await(&answer);
    assert_int_equal(answer.outcome, REDIS_DONE);
    assert_string_equal(buf_text(&fakes[0].seen), "EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 1 k arg\n"
                                                  "EVAL return 1 1 k arg\n");
}

/* ---- what a server may do to us ---- */

static void nonsense_ends_the_connection_and_the_outcome_is_unknown(void **state)
{
    (void)state;
    static const char *const nonsense[] = {"HTTP/1.1 400 Bad Request\r\n\r\n", "*2147483647\r\n",
                                           "$99999999999999\r\n", ":1\r\n:2\r\n", "*1\r\n$-5\r\n"};
    struct answer answer;
    begin(1, say_canned, REDIS_SINGLE);
    begin_client();
    for (size_t i = 0; i < COUNT_OF(nonsense); i++) {
        size_t accepted = fakes[0].accepted;
        enum redis_outcome outcome = outcome_of(nonsense[i], 300, &answer);
        assert_true(outcome == REDIS_UNKNOWN ||
                    outcome == REDIS_DONE); /* done: the second reply is the nonsense */
        assert_int_equal(outcome_of("+OK\r\n", 5000, &answer), REDIS_DONE);
        assert_true(fakes[0].accepted > accepted);
    }
}

static void an_error_before_any_request_ends_the_connection(void **state)
{
    (void)state;
    struct answer answer;
    begin(1, count_up, REDIS_SINGLE);
    options.patience_ms = 100;
    fakes[0].greeting = "-ERR max number of clients reached\r\n";
    begin_client();
    ASK(&answer, 5000, "X");
    await(&answer);
    assert_int_equal(answer.outcome, REDIS_RETRY);
    assert_non_null(strstr(answer.why, "max number of clients reached"));
    ASK(&answer, 5000, "X"); /* at once, while no server answers */
    int64_t before = clock_mono_ms();
    await(&answer);
    assert_true(clock_mono_ms() - before < 1000);
    assert_int_equal(fakes[0].requests, 0);
}

static void send_endless(struct fake_redis *fake, struct fake_connection *connection,
                         const struct redis_reply *request)
{
    (void)fake;
    if (fake_is(request, "HELLO")) {
        fake_hello(connection, "standalone", "master");
        return;
    }
    buf_printf(&connection->out, "$100000000\r\n");
    memset(buf_extend(&connection->out, 8 << 20), 'x', 8 << 20);
}

static void an_endless_reply_is_cut_off_at_its_limit(void **state)
{
    (void)state;
    struct answer answer;
    begin(1, send_endless, REDIS_SINGLE);
    options.reply_max = 100000;
    begin_client();
    ASK(&answer, 5000, "X");
    await(&answer);
    assert_int_equal(answer.outcome, REDIS_UNKNOWN);
    assert_non_null(strstr(answer.why, "larger than 100000 bytes"));
}

static void slow_bytes_are_put_together(void **state)
{
    (void)state;
    struct answer answer;
    begin(1, say_canned, REDIS_SINGLE);
    fakes[0].write_at_once = 1;
    begin_client();
    assert_int_equal(outcome_of("$11\r\nhello\r\nworl\r\n", 20000, &answer), REDIS_DONE);
    assert_string_equal(answer.text, "hello\r\nworl");
}

static void fall_silent(struct fake_redis *fake, struct fake_connection *connection,
                        const struct redis_reply *request)
{
    if (fake->accepted > 1 || fake->requests < 2) {
        count_up(fake, connection, request);
    }
}

static void a_silent_server_is_left_and_what_was_sent_is_unknown(void **state)
{
    (void)state;
    struct answer sent, later;
    begin(1, fall_silent, REDIS_SINGLE);
    begin_client();
    ASK(&later, 5000, "X");
    await(&later);
    ASK(&sent, 200, "X");
    ask_for(&later, 5000, true, "k", 1, (const char *[]){"X"});
    await(&sent);
    assert_int_equal(sent.outcome, REDIS_UNKNOWN);
    assert_non_null(strstr(sent.why, "no answer in time"));
    await(&later);
    assert_int_equal(later.outcome, REDIS_DONE); /* another connection */
}

static void what_was_sent_is_repeated_only_where_that_is_allowed(void **state)
{
    (void)state;
    struct answer first, once, again;
    begin(1, count_up, REDIS_SINGLE);
    begin_client();
    ASK(&first, 5000, "X");
    await(&first);
    ask_for(&once, 5000, false, "k", 1, (const char *[]){"NOTHING"});
    ask_for(&again, 5000, true, "k", 2, (const char *[]){"NOTHING", "twice"});
    while (fakes[0].requests < 3) {
        step();
    }
    fakes[0].answer = say_canned;
    canned = "+OK\r\n";
    fake_redis_drop(&fakes[0]);
    await(&once);
    assert_int_equal(once.outcome, REDIS_UNKNOWN);
    assert_non_null(strstr(once.why, "ended"));
    await(&again);
    assert_int_equal(again.outcome, REDIS_DONE);
    assert_non_null(strstr(buf_text(&fakes[0].seen), "NOTHING twice\nNOTHING twice\n"));
}

static void a_server_that_is_not_there_costs_no_more_than_the_time_allowed(void **state)
{
    (void)state;
    struct answer answer;
    begin(1, count_up, REDIS_SINGLE);
    fake_redis_fini(&fakes[0]);
    fakes[0].answer = NULL;
    begin_client();
    ASK(&answer, 200, "X");
    await(&answer);
    assert_int_equal(answer.outcome, REDIS_RETRY);
    assert_non_null(strstr(answer.why, "connection refused"));
    assert_false(redis_facts(redis).connected);
}

static void what_waits_is_bounded(void **state)
{
    (void)state;
    struct answer answers[20];
    begin(1, count_up, REDIS_SINGLE);
    options.waiting_max = 10;
    begin_client();
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        ASK(&answers[i], 5000, "X");
    }
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        await(&answers[i]);
        assert_int_equal(answers[i].outcome, i < 10 ? REDIS_DONE : REDIS_OVERLOADED);
    }
    assert_int_equal(fakes[0].requests, 10);
}

static void keep_silent(struct fake_redis *fake, struct fake_connection *connection,
                        const struct redis_reply *request)
{
    (void)fake;
    if (fake_is(request, "HELLO")) {
        fake_hello(connection, "standalone", "master");
    }
}

static void answer_some(size_t requests, size_t answers)
{
    while (fakes[0].requests < requests) {
        step();
    }
    for (size_t i = 0; i < answers; i++) {
        buf_printf(&fakes[0].connections[0].out, ":1\r\n");
    }
}

/* A server that is slower than what is asked of it: a command whose caller waits no more still takes its room. */
static void commands_whose_time_is_up_count_until_they_are_answered(void **state)
{
    (void)state;
    struct answer answers[10], more[3];
    begin(1, keep_silent, REDIS_SINGLE);
    options.waiting_max = 10;
    begin_client();
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        ASK(&answers[i], 300, "X");
    }
    answer_some(10, 1);
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        await(&answers[i]);
        assert_int_equal(answers[i].outcome, i == 0 ? REDIS_DONE : REDIS_UNKNOWN);
    }
    assert_int_equal(redis_facts(redis).waiting, 9);
    for (size_t i = 0; i < COUNT_OF(more); i++) {
        ASK(&more[i], 5000, "X");
    }
    answer_some(11, 10);
    for (size_t i = 0; i < COUNT_OF(more); i++) {
        await(&more[i]);
        assert_int_equal(more[i].outcome, i == 0 ? REDIS_DONE : REDIS_OVERLOADED);
    }
    assert_int_equal(redis_facts(redis).waiting, 0);
    assert_int_equal(redis_facts(redis).waiting_bytes, 0);
}

static void a_server_that_falls_silent_with_a_full_line_is_left(void **state)
{
    (void)state;
    struct answer answers[10], after;
    begin(1, keep_silent, REDIS_SINGLE);
    options.waiting_max = 10;
    options.patience_ms = 200;
    begin_client();
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        ASK(&answers[i], 200, "X");
    }
    answer_some(10, 1);
    while (fakes[0].accepted < 2) {
        step();
    }
    assert_int_equal(redis_facts(redis).waiting, 0);
    fakes[0].answer = count_up;
    ASK(&after, 5000, "X");
    await(&after);
    assert_int_equal(after.outcome, REDIS_DONE);
}

/* ---- login ---- */

static void want_password(struct fake_redis *fake, struct fake_connection *connection,
                          const struct redis_reply *request)
{
    bool right = str_eq(redis_text(redis_item(request, 3)), STR("agent")) &&
                 str_eq(redis_text(redis_item(request, 4)), STR("s3cret-of-test"));
    if (fake_is(request, "HELLO") && right) {
        fake_hello(connection, "standalone", "master");
    } else if (fake_is(request, "HELLO")) {
        buf_printf(&connection->out, "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    } else {
        buf_printf(&connection->out, ":%zu\r\n", fake->requests);
    }
}

static void use_password(const char *text)
{
    const char *path = temp_path(&dir, "password");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    options.username = "agent";
    options.password_file = path;
}

static void the_password_is_read_at_each_login(void **state)
{
    (void)state;
    struct answer answer;
    begin(1, want_password, REDIS_SINGLE);
    use_password("wrong-of-test\n");
    begin_client();
    ASK(&answer, 300, "X");
    await(&answer);
    assert_int_equal(answer.outcome, REDIS_DENIED);
    assert_non_null(strstr(answer.why, "WRONGPASS"));
    assert_null(strstr(answer.why, "of-test"));
    use_password("s3cret-of-test\n");
    ASK(&answer, 5000, "X");
    await(&answer);
    assert_int_equal(answer.outcome, REDIS_DONE);
}

static void before_hello(struct fake_redis *fake, struct fake_connection *connection,
                         const struct redis_reply *request)
{
    if (fake_is(request, "HELLO")) {
        buf_printf(&connection->out, "-ERR unknown command 'HELLO', with args beginning with: '2'\r\n");
    } else if (fake_is(request, "AUTH")) {
        bool right = request->count == 3 && str_eq(redis_text(redis_item(request, 2)), STR("s3cret-of-test"));
        buf_printf(&connection->out, right ? "+OK\r\n" : "-ERR invalid password\r\n");
    } else {
        buf_printf(&connection->out, ":%zu\r\n", fake->requests);
    }
}

static void a_server_that_knows_no_hello_is_logged_in_to_by_auth(void **state)
{
    (void)state;
    struct answer answer;
    begin(1, before_hello, REDIS_AUTO);
    use_password("s3cret-of-test");
    begin_client();
    ASK(&answer, 5000, "X");
    await(&answer);
    assert_int_equal(answer.outcome, REDIS_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(commands_are_answered_in_their_order_over_one_connection),
        TEST(an_error_is_told_for_what_it_means),
        TEST(what_is_not_done_is_tried_again_until_it_is),
        TEST(a_script_is_sent_whole_where_it_is_not_known),
        TEST(nonsense_ends_the_connection_and_the_outcome_is_unknown),
        TEST(an_error_before_any_request_ends_the_connection),
        TEST(an_endless_reply_is_cut_off_at_its_limit),
        TEST(slow_bytes_are_put_together),
        TEST(a_silent_server_is_left_and_what_was_sent_is_unknown),
        TEST(what_was_sent_is_repeated_only_where_that_is_allowed),
        TEST(a_server_that_is_not_there_costs_no_more_than_the_time_allowed),
        TEST(what_waits_is_bounded),
        TEST(commands_whose_time_is_up_count_until_they_are_answered),
        TEST(a_server_that_falls_silent_with_a_full_line_is_left),
        TEST(the_password_is_read_at_each_login),
        TEST(a_server_that_knows_no_hello_is_logged_in_to_by_auth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
