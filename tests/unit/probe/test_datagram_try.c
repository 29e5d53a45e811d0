#include "try_case.h"

#include "fake_game.h"
#include "outrider/base/buf.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD "\xff\xff\xff\xff"
#define MAGIC "\x00\xff\xff\x00\xfe\xfe\xfe\xfe\xfd\xfd\xfd\xfd\x12\x34\x56\x78"

static const struct str info = STR_INIT(HEAD "I\x11Outrider\0de_dust2\0csgo\0CS\0\xda\x02\x0c\x40\x02"
                                             "dl\0\0"
                                             "1.38\0");

static struct config_probe probe_of(enum config_probe_type type, const struct fake_game *game,
                                    int64_t timeout_ms)
{
    return (struct config_probe){.type = type, .port = game->port, .timeout_ms = timeout_ms};
}

static struct try_result ask(enum config_probe_type type, fake_game_fn *fn, int64_t timeout_ms)
{
    struct fake_game game;
    fake_game_udp(&game, try_context.loop, fn, AF_INET);
    struct config_probe probe = probe_of(type, &game, timeout_ms);
    struct try_result result = try_host(&probe, "127.0.0.1");
    fake_game_close(&game);
    return result;
}

enum { LONG_MS = 60000, SHORT_MS = 40 };

/* ---- servers ---- */

static void say_info(struct fake_game *game, struct str request)
{
    (void)request;
    fake_game_say(game, info);
}

static void challenge_first(struct fake_game *game, struct str request)
{
    if (request.size == 29 && memcmp(request.data + 25, "\x0a\x08\x5e\xea", 4) == 0) {
        fake_game_say(game, info);
    } else {
        fake_game_say(game, STR(HEAD "A\x0a\x08\x5e\xea"));
    }
}

static void challenge_always(struct fake_game *game, struct str request)
{
    (void)request;
    fake_game_say(game, STR(HEAD "A\x01\x02\x03\x04"));
}

static void keep_silent(struct fake_game *game, struct str request)
{
    (void)game, (void)request;
}

static void lose_the_first(struct fake_game *game, struct str request)
{
    if (game->requests > 1) {
        say_info(game, request);
    }
}

/* A pong to the ping `request`, whose time is changed by `change`. */
static void pong(struct fake_game *game, struct str request, char change)
{
    struct str text = STR("MCPE;Bedrock server;390;1.14.60;7;10;1;Level;Survival;1;19132;19133;");
    struct buf bytes = {0};
    assert_int_equal(request.size, 33);
    buf_str(&bytes, STR("\x1c"));
    buf_add(&bytes, request.data + 1, 8);
    bytes.data[8] = (char)(bytes.data[8] ^ change);
    buf_str(&bytes, STR("serverid" MAGIC));
    *buf_extend(&bytes, 1) = '\0';
    *buf_extend(&bytes, 1) = (char)text.size;
    buf_str(&bytes, text);
    fake_game_say(game, buf_view(&bytes));
    buf_fini(&bytes);
}

static void say_pong(struct fake_game *game, struct str request)
{
    pong(game, request, 0);
}

static void say_stale_pongs(struct fake_game *game, struct str request)
{
    pong(game, request, 1);
    if (game->requests == 2) {
        pong(game, request, 2);
    }
}

static void say_foreign_then_pong(struct fake_game *game, struct str request)
{
    char giant[60000] = {0x1c};
    pong(game, request, 1);
    fake_game_say(game, STR(""));
    fake_game_say(game, (struct str){giant, sizeof(giant)});
    pong(game, request, 0);
}

/* The nonce of a request of Quake 3, NUL-terminated. */
static const char *nonce_of(struct str request, struct str word)
{
    static char nonce[64];
    assert_true(str_starts(request, word));
    snprintf(nonce, sizeof(nonce), "%.*s", (int)(request.size - word.size), request.data + word.size);
    return nonce;
}

static void say_quake3_info(struct fake_game *game, struct str request)
{
    struct buf bytes = {0};
    buf_printf(&bytes,
               HEAD "infoResponse\n\\hostname\\^1Arena\\mapname\\oa_dm1\\clients\\3\\sv_maxclients\\16"
                    "\\challenge\\%s",
               nonce_of(request, STR(HEAD "getinfo ")));
    fake_game_say(game, buf_view(&bytes));
    buf_fini(&bytes);
}

static void say_quake3_without_counts(struct fake_game *game, struct str request)
{
    struct buf bytes = {0};
    if (game->requests == 1) {
        buf_printf(&bytes, HEAD "infoResponse\n\\hostname\\Arena\\sv_maxclients\\16\\challenge\\%s",
                   nonce_of(request, STR(HEAD "getinfo ")));
        fake_game_say(game, buf_view(&bytes));
    }
    buf_fini(&bytes);
}

static void say_quake3_status(struct fake_game *game, struct str request)
{
    struct buf bytes = {0};
    say_quake3_without_counts(game, request);
    if (game->requests == 2) {
        buf_printf(&bytes, HEAD "statusResponse\n\\sv_maxclients\\16\\challenge\\%s\n1 2 \"a\"\n3 4 \"b\"\n",
                   nonce_of(request, STR(HEAD "getstatus ")));
        fake_game_say(game, buf_view(&bytes));
    }
    buf_fini(&bytes);
}

static void say_info_by_another_socket(struct fake_game *game, struct str request)
{
    (void)request;
    int other = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sendto(other, info.data, info.size, 0, (struct sockaddr *)&game->client, game->client_size);
    close(other);
}

static void say_half(struct fake_game *game, struct str request)
{
    (void)request;
    fake_game_say(game, (struct str){info.data, 20});
}

static void die(struct fake_game *game, struct str request)
{
    (void)request;
    fake_game_close(game);
}

/* As fast as it can, at each wake-up. */
static void flood(struct fake_game *game, struct str request)
{
    (void)request;
    for (int i = 0; i < 100; i++) {
        fake_game_say(game, STR("flood"));
    }
}

/* ---- tests ---- */

static void each_protocol_passes_with_its_facts(void **state)
{
    (void)state;
    struct try_result result = ask(CONFIG_PROBE_A2S, say_info, LONG_MS);
    assert_passed(&result, 12, 64);
    assert_string_equal(result.name, "Outrider");
    assert_string_equal(result.map, "de_dust2");
    assert_string_equal(result.version, "1.38");
    result = ask(CONFIG_PROBE_A2S, challenge_first, LONG_MS);
    assert_passed(&result, 12, 64);
    result = ask(CONFIG_PROBE_RAKNET, say_pong, LONG_MS);
    assert_passed(&result, 7, 10);
    assert_string_equal(result.name, "Bedrock server");
    result = ask(CONFIG_PROBE_QUAKE3, say_quake3_info, LONG_MS);
    assert_passed(&result, 3, 16);
    assert_string_equal(result.name, "Arena");
    result = ask(CONFIG_PROBE_QUAKE3, say_quake3_status, LONG_MS);
    assert_passed(&result, 2, 16);
}

static void bots_are_excluded_where_the_probe_says_so(void **state)
{
    (void)state;
    struct fake_game game;
    fake_game_udp(&game, try_context.loop, say_info, AF_INET);
    struct config_probe probe = probe_of(CONFIG_PROBE_A2S, &game, LONG_MS);
    probe.bots = CONFIG_PROBE_BOTS_EXCLUDE;
    struct try_result result = try_host(&probe, "127.0.0.1");
    assert_passed(&result, 10, 64);
    fake_game_close(&game);
}

static void a_closed_port_is_refused_at_once(void **state)
{
    (void)state;
    struct fake_game game;
    fake_game_udp(&game, try_context.loop, keep_silent, AF_INET);
    struct config_probe probe = probe_of(CONFIG_PROBE_RAKNET, &game, LONG_MS);
    fake_game_close(&game);
    struct try_result result = try_host(&probe, "127.0.0.1");
    assert_failed(&result, PROBE_REFUSED, "connection refused");
    result = try_host(&probe, "localhost"); /* both of its addresses */
    assert_failed(&result, PROBE_REFUSED, "connection refused");
}

static void the_next_address_is_asked_when_one_refuses(void **state)
{
    (void)state;
    struct fake_game game;
    fake_game_udp(&game, try_context.loop, challenge_first, AF_INET6);
    struct config_probe probe = probe_of(CONFIG_PROBE_A2S, &game, LONG_MS);
    struct try_result result = try_host(&probe, "localhost");
    assert_passed(&result, 12, 64);
    assert_int_equal(game.requests, 2);
    fake_game_close(&game);
}

static void a_silent_server_is_asked_twice_and_times_out(void **state)
{
    (void)state;
    struct fake_game game;
    fake_game_udp(&game, try_context.loop, keep_silent, AF_INET);
    struct config_probe probe = probe_of(CONFIG_PROBE_A2S, &game, SHORT_MS);
    struct try_result result = try_host(&probe, "127.0.0.1");
    assert_failed(&result, PROBE_TIMED_OUT, "timed out after 40ms");
    assert_true(result.duration_us >= SHORT_MS * 1000);
    assert_int_equal(game.requests, 2);
    fake_game_close(&game);
}

static void a_lost_request_is_repeated(void **state)
{
    (void)state;
    struct try_result result = ask(CONFIG_PROBE_A2S, lose_the_first, 200);
    assert_passed(&result, 12, 64);
    assert_true(result.duration_us >= 100000);
}

static void answers_to_something_else_are_ignored(void **state)
{
    (void)state;
    struct try_result result = ask(CONFIG_PROBE_RAKNET, say_foreign_then_pong, LONG_MS);
    assert_passed(&result, 7, 10);
    result = ask(CONFIG_PROBE_RAKNET, say_stale_pongs, SHORT_MS);
    assert_failed(&result, PROBE_TIMED_OUT, "timed out after 40ms, 3 datagrams were no answer");
    result = ask(CONFIG_PROBE_A2S, say_info_by_another_socket, SHORT_MS);
    assert_failed(&result, PROBE_TIMED_OUT, "timed out after 40ms");
}

static void a_flood_ends_at_the_timeout(void **state)
{
    (void)state;
    struct try_result result = ask(CONFIG_PROBE_QUAKE3, flood, SHORT_MS);
    assert_int_equal(result.outcome, PROBE_TIMED_OUT);
    assert_non_null(strstr(result.detail, "datagrams were no answer"));
}

static void a_bad_answer_fails_with_its_reason(void **state)
{
    (void)state;
    struct try_result result = ask(CONFIG_PROBE_A2S, say_half, LONG_MS);
    assert_failed(&result, PROBE_FAILED, "A2S_INFO cut short");
    result = ask(CONFIG_PROBE_A2S, challenge_always, LONG_MS);
    assert_failed(&result, PROBE_FAILED, "A2S challenge repeated without an answer, 3 times");
}

static void a_server_that_answered_is_up_without_its_second_answer(void **state)
{
    (void)state;
    struct try_result result = ask(CONFIG_PROBE_QUAKE3, say_quake3_without_counts, SHORT_MS);
    assert_passed(&result, -1, 16);
    assert_string_equal(result.name, "Arena");
    assert_true(result.duration_us >= SHORT_MS * 1000);
}

static void a_server_that_dies_is_found_by_the_second_request(void **state)
{
    (void)state;
    struct try_result result = ask(CONFIG_PROBE_A2S, die, 100);
    assert_failed(&result, PROBE_REFUSED, "connection refused");
}

static void a_host_that_is_not_resolved_is_undecided(void **state)
{
    (void)state;
    struct config_probe probe = {.type = CONFIG_PROBE_A2S, .port = 27015, .timeout_ms = 1000};
    struct try_result result = try_host(&probe, "game..invalid");
    assert_failed(&result, PROBE_NOT_RESOLVED, "name not resolved: no such name");
}

static void a_cancelled_attempt_makes_no_callback(void **state)
{
    (void)state;
    struct fake_game game;
    fake_game_udp(&game, try_context.loop, say_info, AF_INET);
    struct config_probe probe = probe_of(CONFIG_PROBE_A2S, &game, 10);
    struct try_result result = {0};
    const struct probe_driver *driver = probe_driver_for(CONFIG_PROBE_A2S);
    driver->cancel(NULL);
    driver->cancel(driver->start(&try_context, "127.0.0.1", &probe, try_done, &result));
    driver->cancel(driver->start(&try_context, "game.invalid", &probe, try_done, &result));
    loop_turn_once(try_context.loop, false);
    assert_int_equal(result.calls, 0);
    fake_game_close(&game);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_protocol_passes_with_its_facts, try_setup, try_teardown),
        cmocka_unit_test_setup_teardown(bots_are_excluded_where_the_probe_says_so, try_setup, try_teardown),
        cmocka_unit_test_setup_teardown(a_closed_port_is_refused_at_once, try_setup, try_teardown),
        cmocka_unit_test_setup_teardown(the_next_address_is_asked_when_one_refuses, try_setup, try_teardown),
        cmocka_unit_test_setup_teardown(a_silent_server_is_asked_twice_and_times_out, try_setup,
                                        try_teardown),
        cmocka_unit_test_setup_teardown(a_lost_request_is_repeated, try_setup, try_teardown),
        cmocka_unit_test_setup_teardown(answers_to_something_else_are_ignored, try_setup, try_teardown),
        cmocka_unit_test_setup_teardown(a_flood_ends_at_the_timeout, try_setup, try_teardown),
        cmocka_unit_test_setup_teardown(a_bad_answer_fails_with_its_reason, try_setup, try_teardown),
        cmocka_unit_test_setup_teardown(a_server_that_answered_is_up_without_its_second_answer, try_setup,
                                        try_teardown),
        cmocka_unit_test_setup_teardown(a_server_that_dies_is_found_by_the_second_request, try_setup,
                                        try_teardown),
        cmocka_unit_test_setup_teardown(a_host_that_is_not_resolved_is_undecided, try_setup, try_teardown),
        cmocka_unit_test_setup_teardown(a_cancelled_attempt_makes_no_callback, try_setup, try_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
