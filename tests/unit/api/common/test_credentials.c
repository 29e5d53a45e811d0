#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/api/common/credentials.h"
#include "outrider/api/common/guard.h"
#include "outrider/api/common/reply.h"
#include "outrider/api/common/request.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/access/access_file.h"
#include "outrider/codec/access/cookie.h"
#include "outrider/os/clock.h"
#include "outrider/os/file.h"
#include "support/temp_dir.h"
#include "unit/api/small_agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CHANGE = API_CHECK_HOST | API_CHECK_ORIGIN | API_CHECK_TYPE };

/* An agent with an access file: olga, an operator; viv, a viewer; and lobby, known by a certificate. */
struct world {
    struct small_agent agent;
    struct temp_dir dir;
    struct api_policy policy;
    char cookie[512]; /* of the last answer that set one: NAME=VALUE */
};

static void write_file(struct world *w, const char *name, const char *text)
{
    struct error err;
    assert_int_equal(file_replace(w->dir.path, name, str_of(text), 0600, true, &err), 0);
}

/* Lines for names with tokens of their own: NAME's is the token "NAME-token". */
static void write_names(struct world *w, const char *const *names, const char *more)
{
    struct buf text = {0};
    for (; *names != NULL; names += 2) {
        char token[80];
        snprintf(token, sizeof(token), "%s-token", names[0]);
        enum access_role role;
        assert_int_equal(access_role_of(str_of(names[1]), &role), 0);
        access_file_line(str_of(names[0]), role, str_of(token), &text);
        buf_printf(&text, "\n");
    }
    buf_printf(&text, "%s\n", more);
    write_file(w, "access", buf_text(&text));
    buf_fini(&text);
}

static int set_up(void **state)
{
    static struct world w;
    w = (struct world){0};
    small_agent_init(&w.agent);
    assert_int_equal(temp_dir_init(&w.dir), 0);
    w.agent.config.http.access_file = mem_strdup(temp_path(&w.dir, "access"));
    free(w.agent.config.http.session_key_file);
    w.agent.config.http.session_key_file = mem_strdup(temp_path(&w.dir, "session.key"));
    w.policy = (struct api_policy){.address = w.agent.config.http.listen[0],
                                   .check_host = true,
                                   .need_token = true,
                                   .cookie = "outrider-7117"};
    write_names(&w, (const char *[]){"olga", "operator", "viv", "viewer", NULL},
                "lobby service cert:DNS:lobby.example");
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    small_agent_fini(&w->agent);
    return temp_dir_fini(&w->dir);
}

static void keep_cookie(struct world *w, const struct api_reply *reply)
{
    static const char begin[] = "Set-Cookie: ";
    const char *text = buf_text(&reply->set_cookie);
    assert_int_equal(strncmp(text, begin, sizeof(begin) - 1), 0);
    text += sizeof(begin) - 1;
    snprintf(w->cookie, sizeof(w->cookie), "%.*s", (int)strcspn(text, ";"), text);
}

/* Passes the guard, or is refused with `status`, maybe with `code`. Returns who it is from. */
static struct access_identity pass(struct world *w, struct api_request request, enum access_role takes,
                                   unsigned checks, int status)
{
    struct api_call call = {.context = &w->agent.context, .request = request};
    struct api_reply reply = {0};
    call.request.policy = &w->policy;
    bool passed = api_guard(&call, takes, checks, &reply);
    if (passed != (status == 0) || reply.status != status) {
        fail_msg("%d: %s", reply.status, buf_text(&reply.body));
    }
    if (reply.set_cookie.size > 0) {
        keep_cookie(w, &reply);
    }
    api_reply_fini(&reply);
    return call.request.who;
}

static struct api_request with_token(const char *token)
{
    static char text[100];
    snprintf(text, sizeof(text), "Bearer %s", token);
    return (struct api_request){.method = STR("POST"),
                                .host = STR("127.0.0.1:7117"),
                                .content_type = STR("application/json"),
                                .authorization = str_of(text)};
}

static struct api_request with_cookie(const struct world *w)
{
    return (struct api_request){.method = STR("POST"),
                                .host = STR("127.0.0.1:7117"),
                                .content_type = STR("application/json"),
                                .cookie = str_of(w->cookie),
                                .origin = STR("http://127.0.0.1:7117"),
                                .x_outrider = STR("1")};
}

static void sign_in(struct world *w, const char *name)
{
    struct api_call call = {.context = &w->agent.context};
    struct api_reply reply = {0};
    char token[80];
    snprintf(token, sizeof(token), "%s-token", name);
    call.request.policy = &w->policy;
    assert_true(api_prove_token(&call, str_of(token), &reply));
    assert_true(api_sign_in(&call, &reply));
    assert_string_equal(call.request.who.name, name);
    keep_cookie(w, &reply);
    assert_non_null(strstr(buf_text(&reply.set_cookie), "; Path=/; Max-Age=43"));
    assert_non_null(strstr(buf_text(&reply.set_cookie), "; HttpOnly; SameSite=Strict"));
    assert_true((strstr(buf_text(&reply.set_cookie), "; Secure") != NULL) == w->policy.secure);
    api_reply_fini(&reply);
}

/* Whether a stream of `who` goes on, as the first look after a change finds it, and the next one, for which nothing has changed. */
static bool may_go_on(struct world *w, const struct access_identity *who, int64_t now_wall)
{
    struct api_standing standing =
        api_credentials_look(w->agent.context.credentials, &w->agent.config, now_wall);
    bool first = api_may_go_on(&standing, who);
    standing = api_credentials_look(w->agent.context.credentials, &w->agent.config, now_wall);
    assert_false(standing.changed);
    return first && api_may_go_on(&standing, who);
}

static void a_token_has_the_role_of_the_file(void **state)
{
    struct world *w = *state;
    struct access_identity who = pass(w, with_token("olga-token"), ACCESS_OPERATOR, CHANGE, 0);
    assert_string_equal(who.name, "olga");
    assert_int_equal(who.role, ACCESS_OPERATOR);
    assert_int_equal(who.proof, ACCESS_TOKEN);
    pass(w, with_token("olga-token"), ACCESS_ADMIN, CHANGE, 403);
    pass(w, with_token("viv-token"), ACCESS_VIEWER, API_CHECK_HOST, 0);
    pass(w, with_token("viv-token"), ACCESS_SERVICE, CHANGE, 403);
    pass(w, with_token("lobby-token"), ACCESS_VIEWER, API_CHECK_HOST, 401);
    pass(w, with_token(""), ACCESS_VIEWER, API_CHECK_HOST, 401);
    /* The file is read again; one with a mistake leaves the names. */
    write_names(w, (const char *[]){"viv", "admin", NULL}, "");
    pass(w, with_token("olga-token"), ACCESS_VIEWER, API_CHECK_HOST, 401);
    pass(w, with_token("viv-token"), ACCESS_ADMIN, CHANGE, 0);
    write_file(w, "access", "viv root\n");
    pass(w, with_token("viv-token"), ACCESS_ADMIN, CHANGE, 0);
    assert_int_equal(remove(temp_path(&w->dir, "access")), 0);
    pass(w, with_token("viv-token"), ACCESS_ADMIN, CHANGE, 0);
    write_file(w, "access", "");
    pass(w, with_token("viv-token"), ACCESS_VIEWER, API_CHECK_HOST, 401);
}

static void who_may_read_without_a_name(void **state)
{
    struct world *w = *state;
    struct api_request plain = {.method = STR("GET"), .host = STR("127.0.0.1:7117")};
    pass(w, plain, ACCESS_VIEWER, API_CHECK_HOST, 401);
    w->agent.config.http.read = CONFIG_READ_OPEN;
    assert_string_equal(pass(w, plain, ACCESS_VIEWER, API_CHECK_HOST, 0).name, "");
    pass(w, plain, ACCESS_SERVICE, API_CHECK_HOST, 401);
    pass(w, with_token("wrong"), ACCESS_VIEWER, API_CHECK_HOST, 401); /* one that is sent is judged */
    plain.is_unix = true;
    snprintf(plain.who.from, sizeof(plain.who.from), "pid 17 uid 1000");
    w->policy.check_host = false;
    assert_string_equal(pass(w, plain, ACCESS_OPERATOR, CHANGE & ~(unsigned)API_CHECK_TYPE, 0).name,
                        "uid 1000");
    pass(w, plain, ACCESS_ADMIN, API_CHECK_HOST, 403);
    struct api_request named = with_token("viv-token"); /* a name is taken at its word */
    named.is_unix = true;
    pass(w, named, ACCESS_OPERATOR, CHANGE, 403);
}

static void a_wrong_token_is_answered_late_and_a_right_one_never(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 10; i++) {
        char wrong[24];
        snprintf(wrong, sizeof(wrong), "wrong-%d", i);
        struct api_call call = {.context = &w->agent.context, .request = with_token(wrong)};
        struct api_reply reply = {0};
        call.request.policy = &w->policy;
        assert_false(api_guard(&call, ACCESS_VIEWER, API_CHECK_HOST, &reply));
        assert_int_equal(reply.delay_ms, i < 6 ? 100 << i : 5000);
        api_reply_fini(&reply);
        reply = (struct api_reply){0};
        call = (struct api_call){.context = &w->agent.context, .request = with_token("olga-token")};
        call.request.policy = &w->policy;
        assert_true(api_guard(&call, ACCESS_VIEWER, API_CHECK_HOST, &reply));
        assert_int_equal(reply.delay_ms, 0);
        api_reply_fini(&reply);
    }
    /* Asking who one is guesses no faster. */
    struct api_call call = {.context = &w->agent.context, .request = with_token("wrong")};
    struct api_reply reply = {0};
    call.request.policy = &w->policy;
    assert_true(api_guard(&call, ACCESS_NONE, API_CHECK_HOST | API_CHECK_WHO, &reply));
    assert_int_equal(reply.delay_ms, 5000);
    assert_string_equal(call.request.who.name, "");
    assert_int_equal(api_credentials_failures(w->agent.context.credentials), 11);
    api_reply_fini(&reply);
}

static void a_cookie_is_a_session(void **state)
{
    struct world *w = *state;
    struct stat st;
    sign_in(w, "olga");
    assert_int_equal(stat(temp_path(&w->dir, "session.key"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    struct access_identity who = pass(w, with_cookie(w), ACCESS_OPERATOR, CHANGE, 0);
    assert_string_equal(who.name, "olga");
    assert_int_equal(who.proof, ACCESS_COOKIE);
    assert_int_not_equal(who.session, 0);
    assert_true(who.expires_wall > clock_wall_ms());
    assert_true(may_go_on(w, &who, clock_wall_ms()));
    assert_false(may_go_on(w, &who, who.expires_wall));
    /* After a restart as well, and at another agent with the key. */
    api_credentials_free(w->agent.context.credentials);
    w->agent.context.credentials = api_credentials_new();
    pass(w, with_cookie(w), ACCESS_OPERATOR, CHANGE, 0);
    /* The role is the file's, also a lower one. */
    write_names(w, (const char *[]){"olga", "viewer", NULL}, "");
    pass(w, with_cookie(w), ACCESS_OPERATOR, CHANGE, 403);
    /* A stream has what its route takes, or ends. */
    assert_int_equal(who.takes, ACCESS_OPERATOR);
    assert_false(may_go_on(w, &who, clock_wall_ms()));
    write_names(w, (const char *[]){"olga", "service", NULL}, "");
    who = pass(w, with_cookie(w), ACCESS_VIEWER, API_CHECK_HOST, 0);
    assert_int_equal(who.takes, ACCESS_VIEWER);
    assert_true(may_go_on(w, &who, clock_wall_ms()));
    /* Another token, no name, another key: it ends. */
    write_file(w, "access",
               "olga operator sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    pass(w, with_cookie(w), ACCESS_VIEWER, API_CHECK_HOST, 401);
    assert_false(may_go_on(w, &who, clock_wall_ms()));
    write_file(w, "access", "olga operator");
    pass(w, with_cookie(w), ACCESS_VIEWER, API_CHECK_HOST, 401);
    write_names(w, (const char *[]){"olga", "viewer", NULL}, "");
    pass(w, with_cookie(w), ACCESS_VIEWER, API_CHECK_HOST, 0);
    write_file(w, "session.key", "0123456789abcdef0123456789abcdef");
    pass(w, with_cookie(w), ACCESS_VIEWER, API_CHECK_HOST, 401);
    write_file(w, "session.key", "too short to be one");
    pass(w, with_cookie(w), ACCESS_VIEWER, API_CHECK_HOST, 401);
}

static void one_that_signed_out_is_over(void **state)
{
    struct world *w = *state;
    sign_in(w, "olga");
    struct api_call call = {.context = &w->agent.context, .request = with_cookie(w)};
    struct api_reply reply = {0};
    call.request.policy = &w->policy;
    assert_true(api_guard(&call, ACCESS_NONE, CHANGE, &reply));
    assert_true(may_go_on(w, &call.request.who, clock_wall_ms())); /* the next look is for what changes now */
    api_sign_out(&call, &reply);
    assert_string_equal(buf_text(&reply.set_cookie),
                        "Set-Cookie: outrider-7117=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
    api_reply_fini(&reply);
    pass(w, with_cookie(w), ACCESS_VIEWER, API_CHECK_HOST, 401);
    assert_false(may_go_on(w, &call.request.who, clock_wall_ms()));
}

static void an_older_cookie_is_renewed_and_none_outlives_its_time(void **state)
{
    struct world *w = *state;
    struct buf key = {0}, value = {0};
    struct error err;
    int64_t now = clock_wall_ms();
    sign_in(w, "olga");
    struct access_identity who = pass(w, with_cookie(w), ACCESS_VIEWER, API_CHECK_HOST, 0);
    assert_int_equal(file_read(temp_path(&w->dir, "session.key"), 4096, &err, &key), 0);
    static const struct {
        int64_t age, left;
        int status;
        bool renewed;
    } cases[] = {
        {2 * 3600000, 10 * 3600000, 0, true},
        {60000, 12 * 3600000 - 60000, 0, false},
        {12 * 3600000, -1, 401, false},
        {ACCESS_SESSION_MOST_MS + 1, 3600000, 401, false},
        {ACCESS_SESSION_MOST_MS - 60000, 60000, 0, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct access_session session = access_session_begin("olga", who.key, now - cases[i].age);
        session.expires_wall = now + cases[i].left;
        buf_clear(&value);
        cookie_write(&session, str_of(w->policy.cookie), buf_view(&key), &value);
        char sent[512];
        snprintf(sent, sizeof(sent), "a=b; %s=%s", w->policy.cookie, buf_text(&value));
        snprintf(w->cookie, sizeof(w->cookie), "%s", sent);
        pass(w, with_cookie(w), ACCESS_VIEWER, API_CHECK_HOST, cases[i].status);
        assert_true((strcmp(w->cookie, sent) != 0) == cases[i].renewed);
    }
    buf_fini(&key);
    buf_fini(&value);
}

static void a_change_by_cookie_is_by_a_page_of_ours(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *origin, *site, *header;
        int status;
    } cases[] = {
        {"http://127.0.0.1:7117", NULL, "1", 0},
        {"http://127.0.0.1:7117", "same-origin", "1", 0},
        {NULL, "same-origin", "1", 0},
        {NULL, NULL, "1", 403},
        {NULL, "none", "1", 403},
        {NULL, "same-site", "1", 403},
        {NULL, "cross-site", "1", 403},
        {"http://127.0.0.1:7117", "cross-site", "1", 403},
        {"http://127.0.0.1:7117", "same-site", "1", 403},
        {"http://127.0.0.1:7117", NULL, "", 403},
        {"http://127.0.0.1:7117", NULL, NULL, 403},
        {"http://127.0.0.1:7117", NULL, "0", 403},
        {"http://127.0.0.1:7118", NULL, "1", 403},
        {"null", "same-origin", "1", 403},
    };
    sign_in(w, "olga");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct api_request request = with_cookie(w);
        request.origin = str_of(cases[i].origin);
        request.fetch_site = str_of(cases[i].site);
        request.x_outrider = str_of(cases[i].header);
        pass(w, request, ACCESS_OPERATOR, CHANGE, cases[i].status);
        pass(w, request, ACCESS_OPERATOR, API_CHECK_HOST, 0); /* reading needs none of it */
        request.authorization = STR("Bearer olga-token");     /* nor does what no browser sends by itself */
        if (cases[i].origin == NULL || strcmp(cases[i].origin, "http://127.0.0.1:7117") == 0) {
            pass(w, request, ACCESS_OPERATOR, CHANGE, 0);
        }
    }
}

/* No page can send X-Outrider with one, and none chooses its Origin. */
static void a_websocket_by_cookie_is_of_a_page_of_ours(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *origin, *site;
        int status;
    } cases[] = {
        {"http://127.0.0.1:7117", NULL, 0},
        {"http://127.0.0.1:7117", "same-origin", 0},
        {NULL, NULL, 403},
        {NULL, "same-origin", 403},
        {"", NULL, 403},
        {"null", NULL, 403},
        {"http://127.0.0.1:7118", NULL, 403},
        {"https://evil.example", NULL, 403},
        {"http://127.0.0.1:7117.evil.example", NULL, 403},
    };
    const unsigned checks = API_CHECK_HOST | API_CHECK_ORIGIN | API_CHECK_SOCKET;
    sign_in(w, "olga");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct api_request request = with_cookie(w);
        request.x_outrider = (struct str){NULL, 0};
        request.origin = cases[i].origin == NULL ? (struct str){NULL, 0} : str_of(cases[i].origin);
        request.fetch_site = str_of(cases[i].site);
        pass(w, request, ACCESS_VIEWER, checks, cases[i].status);
        request.authorization = STR(
            "Bearer olga-token"); /* a token is sent by no page unasked, and a foreign one is refused all the same */
        pass(w, request, ACCESS_VIEWER, checks, cases[i].origin == NULL ? 0 : cases[i].status);
    }
}

static void a_cookie_is_of_one_listener(void **state)
{
    struct world *w = *state;
    sign_in(w, "olga");
    snprintf(w->policy.cookie, sizeof(w->policy.cookie), "outrider-7118");
    pass(w, with_cookie(w), ACCESS_VIEWER, API_CHECK_HOST, 401);
    char renamed[512];
    snprintf(renamed, sizeof(renamed), "outrider-7118%s", strchr(w->cookie, '='));
    snprintf(w->cookie, sizeof(w->cookie), "%s", renamed);
    pass(w, with_cookie(w), ACCESS_VIEWER, API_CHECK_HOST, 401);
    w->policy.secure = true;
    sign_in(w, "viv");
    pass(w, with_cookie(w), ACCESS_VIEWER, API_CHECK_HOST, 0);
}

static void a_monitor_with_a_token_may_use_any_name(void **state)
{
    struct world *w = *state;
    struct api_request request = with_token("viv-token");
    request.host = STR("metrics.internal:7117");
    pass(w, request, ACCESS_VIEWER, API_CHECK_HOST_OR_TOKEN, 0);
    pass(w, request, ACCESS_VIEWER, API_CHECK_HOST, 403);
    request = with_token("wrong");
    request.host = STR("metrics.internal:7117");
    pass(w, request, ACCESS_VIEWER, API_CHECK_HOST_OR_TOKEN, 401);
    sign_in(w, "viv");
    request = with_cookie(w);
    request.host = STR("metrics.internal:7117");
    pass(w, request, ACCESS_VIEWER, API_CHECK_HOST_OR_TOKEN, 403);
}

static void a_certificate_is_a_name(void **state)
{
    struct world *w = *state;
    struct api_call call = {.context = &w->agent.context};
    assert_false(api_prove_name(&call, STR("DNS:other.example"), ACCESS_CERTIFICATE));
    assert_false(api_prove_name(&call, STR("lobby"), ACCESS_CERTIFICATE));
    assert_true(api_prove_name(&call, STR("DNS:lobby.example"), ACCESS_CERTIFICATE));
    assert_string_equal(call.request.who.name, "lobby");
    assert_int_equal(call.request.who.role, ACCESS_SERVICE);
    assert_false(api_prove_name(&call, STR("DNS:lobby.example"), ACCESS_PROXY));
    assert_true(api_prove_name(&call, STR("viv"), ACCESS_PROXY));
    assert_int_equal(call.request.who.proof, ACCESS_PROXY);
}

static void the_start_refuses_a_file_that_is_wrong(void **state)
{
    struct world *w = *state;
    struct error err;
    struct api_credentials *credentials = api_credentials_new();
    assert_int_equal(api_credentials_check(credentials, &w->agent.config, &err), 0);
    write_file(w, "access", "\nolga root");
    assert_int_equal(api_credentials_check(credentials, &w->agent.config, &err), -1);
    assert_non_null(strstr(err.text, "http.access_file: "));
    assert_non_null(strstr(err.text, "access: line 2: the second word is the role"));
    api_credentials_free(credentials);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(a_token_has_the_role_of_the_file),
        WITH_WORLD(who_may_read_without_a_name),
        WITH_WORLD(a_wrong_token_is_answered_late_and_a_right_one_never),
        WITH_WORLD(a_cookie_is_a_session),
        WITH_WORLD(one_that_signed_out_is_over),
        WITH_WORLD(an_older_cookie_is_renewed_and_none_outlives_its_time),
        WITH_WORLD(a_change_by_cookie_is_by_a_page_of_ours),
        WITH_WORLD(a_websocket_by_cookie_is_of_a_page_of_ours),
        WITH_WORLD(a_cookie_is_of_one_listener),
        WITH_WORLD(a_monitor_with_a_token_may_use_any_name),
        WITH_WORLD(a_certificate_is_a_name),
        WITH_WORLD(the_start_refuses_a_file_that_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
