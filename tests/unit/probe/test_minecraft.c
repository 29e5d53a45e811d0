#include "try_case.h"

#include "fake_game.h"
#include "outrider/base/buf.h"

#include <unistd.h>

#define JSON                                                                                                 \
    "{\"players\":{\"max\":20,\"online\":7},\"version\":{\"name\":\"1.21\",\"protocol\":767},"               \
    "\"description\":\"A\"}"
static const struct str status = STR_INIT("\x5e\x00\x5c" JSON);
_Static_assert(sizeof(JSON) - 1 == 0x5c, "the lengths before it");

enum { LONG_MS = 60000, SHORT_MS = 40 };

static struct try_result ask(fake_game_fn *fn, int64_t timeout_ms)
{
    struct fake_game game;
    fake_game_tcp(&game, try_context.loop, fn);
    struct config_probe probe = {.type = CONFIG_PROBE_MINECRAFT, .port = game.port, .timeout_ms = timeout_ms};
    struct try_result result = try_host(&probe, "localhost");
    fake_game_close(&game);
    return result;
}

static void say_status(struct fake_game *game, struct str request)
{
    struct buf expected = {0};
    buf_str(&expected, STR("\x0f\x00\x2f\x09localhost"));
    *buf_extend(&expected, 1) = (char)(game->port >> 8);
    *buf_extend(&expected, 1) = (char)game->port;
    buf_str(&expected, STR("\x01\x01\x00"));
    assert_true(str_eq(request, buf_view(&expected)));
    buf_fini(&expected);
    fake_game_say(game, status);
}

static void say_in_pieces(struct fake_game *game, struct str request)
{
    (void)request;
    fake_game_say_slowly(game, status, 1);
}

static void say_too_slowly(struct fake_game *game, struct str request)
{
    (void)request;
    fake_game_say_slowly(game, status, 10);
}

/* A status of 65532 bytes that is never one. */
static void say_without_end(struct fake_game *game, struct str request)
{
    static char bytes[4096];
    (void)request;
    memset(bytes, ' ', sizeof(bytes));
    fake_game_say(game, STR("\x80\x80\x04\x00\xfc\xff\x03"));
    fake_game_say_forever(game, (struct str){bytes, sizeof(bytes)});
}

static void say_too_much(struct fake_game *game, struct str request)
{
    (void)request;
    fake_game_say(game, STR("\x81\x80\x04"));
}

static void keep_silent(struct fake_game *game, struct str request)
{
    (void)game, (void)request;
}

static void say_half_and_close(struct fake_game *game, struct str request)
{
    (void)request;
    fake_game_say(game, (struct str){status.data, 40});
    fake_game_hang_up(game, false);
}

static void reset(struct fake_game *game, struct str request)
{
    (void)request;
    fake_game_hang_up(game, true);
}

static void a_status_passes_with_its_facts(void **state)
{
    (void)state;
    struct try_result result = ask(say_status, LONG_MS);
    assert_passed(&result, 7, 20);
    assert_string_equal(result.version, "1.21");
    assert_string_equal(result.name, "A");
    result = ask(say_in_pieces, LONG_MS);
    assert_passed(&result, 7, 20);
}

static void a_slow_or_silent_server_times_out(void **state)
{
    (void)state;
    struct try_result result = ask(say_too_slowly, SHORT_MS);
    assert_failed(&result, PROBE_TIMED_OUT, "timed out after 40ms");
    assert_true(result.duration_us >= SHORT_MS * 1000);
    result = ask(keep_silent, SHORT_MS);
    assert_failed(&result, PROBE_TIMED_OUT, "timed out after 40ms");
}

static void an_endless_answer_is_cut_at_the_limit(void **state)
{
    (void)state;
    struct try_result result = ask(say_without_end, LONG_MS);
    assert_failed(&result, PROBE_FAILED, "status is not JSON");
    result = ask(say_too_much, LONG_MS);
    assert_failed(&result, PROBE_FAILED,
                  "no Minecraft status: a packet of more than 65536 bytes was announced");
}

static void a_connection_that_ends_early_fails(void **state)
{
    (void)state;
    struct try_result result = ask(say_half_and_close, LONG_MS);
    assert_failed(&result, PROBE_FAILED, "connection closed after 40 bytes of an answer");
    result = ask(reset, LONG_MS);
    assert_failed(&result, PROBE_RESET, "connection reset");
}

static void a_closed_port_is_refused(void **state)
{
    (void)state;
    struct fake_game game;
    fake_game_tcp(&game, try_context.loop, keep_silent);
    struct config_probe probe = {.type = CONFIG_PROBE_MINECRAFT, .port = game.port, .timeout_ms = LONG_MS};
    fake_game_close(&game);
    struct try_result result = try_host(&probe, "127.0.0.1");
    assert_failed(&result, PROBE_REFUSED, "connection refused");
    result = try_host(&probe, "game..invalid");
    assert_failed(&result, PROBE_NOT_RESOLVED, "name not resolved: no such name");
}

static void a_cancelled_attempt_makes_no_callback(void **state)
{
    (void)state;
    struct fake_game game;
    fake_game_tcp(&game, try_context.loop, keep_silent);
    struct config_probe probe = {.type = CONFIG_PROBE_MINECRAFT, .port = game.port, .timeout_ms = 10};
    struct try_result result = {0};
    const struct probe_driver *driver = probe_driver_for(CONFIG_PROBE_MINECRAFT);
    driver->cancel(NULL);
    driver->cancel(driver->start(&try_context, "127.0.0.1", &probe, try_done, &result));
    struct probe_try *attempt = driver->start(&try_context, "127.0.0.1", &probe, try_done, &result);
    while (game.requests == 0) {
        loop_turn_once(try_context.loop, true);
    }
    driver->cancel(attempt);
    loop_turn_once(try_context.loop, false);
    assert_int_equal(result.calls, 0);
    fake_game_close(&game);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_status_passes_with_its_facts, try_setup, try_teardown),
        cmocka_unit_test_setup_teardown(a_slow_or_silent_server_times_out, try_setup, try_teardown),
        cmocka_unit_test_setup_teardown(an_endless_answer_is_cut_at_the_limit, try_setup, try_teardown),
        cmocka_unit_test_setup_teardown(a_connection_that_ends_early_fails, try_setup, try_teardown),
        cmocka_unit_test_setup_teardown(a_closed_port_is_refused, try_setup, try_teardown),
        cmocka_unit_test_setup_teardown(a_cancelled_attempt_makes_no_callback, try_setup, try_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
