#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/page/page_internal.h"
#include "outrider/base/blob.h"
#include "outrider/base/buf.h"
#include "small_agent.h"

/* "<!doctype html>\n", a thousand letters, and the same cut off, with a byte changed, and with a byte behind it. */
#define INDEX                                                                                                \
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xb3\x51\x4c\xc9\x4f\x2e\xa9\x2c\x48\x55\xc8\x28\xc9\xcd\xb1"   \
    "\xe3\x02\x00\xdd\x76\x57\x4a\x10\x00\x00\x00"
#define LETTERS                                                                                              \
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x4b\x4c\x1c\x05\xa3\x60\x14\x0c\x77\x00\x00\x03\xda\x38\x9a"   \
    "\xe8\x03\x00\x00"
#define BYTES(literal) .bytes = (const unsigned char *)(literal), .size = sizeof(literal) - 1

static const struct page_file list[] = {
    {"/", "text/html; charset=utf-8", BYTES(INDEX), .inflated = 16, .hash = "0123456789abcdef"},
    {"/assets/a-0123abcd.js", "text/javascript; charset=utf-8", BYTES(LETTERS), .inflated = 1000,
     .hash = "aaaaaaaaaaaaaaaa", .immutable = true},
    {"/assets/b-0123abcd.js", "text/javascript; charset=utf-8", BYTES("no gzip"), .inflated = 1000,
     .hash = "bbbbbbbbbbbbbbbb", .immutable = true},
    {"/icon.svg", "image/svg+xml", BYTES(LETTERS), .inflated = 1000, .hash = "cccccccccccccccc"},
};
static const struct page_files files = {list, COUNT_OF(list)};

static void a_path_is_found_or_not(void **state)
{
    (void)state;
    for (size_t count = 0; count <= COUNT_OF(list); count++) {
        const struct page_files some = {list, count};
        for (size_t i = 0; i < COUNT_OF(list); i++) {
            assert_ptr_equal(page_find(&some, str_of(list[i].path)), i < count ? &list[i] : NULL);
        }
    }
    static const char *const others[] = {
        "", "/ass", "/assets/a-0123abcd.j", "/assets/a-0123abcd.jsx", "/zzz", "/ICON.SVG", "/assets/b", "//"};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        assert_null(page_find(&files, str_of(others[i])));
    }
}

static void only_gzip_of_that_size_is_inflated(void **state)
{
    (void)state;
    const struct page_file *whole = &list[1];
    struct buf out = {0};
    buf_str(&out, STR("x"));
    assert_int_equal(page_inflate(whole, &out), 0);
    assert_int_equal(out.size, 1001);
    assert_memory_equal(out.data, "xaaa", 4);
    const struct page_file wrong[] = {
        {.bytes = whole->bytes, .size = whole->size, .inflated = 999},
        {.bytes = whole->bytes, .size = whole->size, .inflated = 1001},
        {.bytes = whole->bytes, .size = whole->size - 1, .inflated = 1000},
        {BYTES(LETTERS "x"), .inflated = 1000},
        {BYTES("no gzip"), .inflated = 7},
        {.bytes = whole->bytes, .size = 0, .inflated = 0},
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_int_equal(page_inflate(&wrong[i], &out), -1);
        assert_int_equal(out.size, 1001);
    }
    buf_fini(&out);
}

/* ---- over the routes ---- */

static int set_up(void **state)
{
    (void)small_agent_set_up(state);
    struct small_agent *agent = *state;
    agent->config.server.present = false;
    agent->context.page = page_new(&files);
    assert_non_null(agent->context.page);
    return 0;
}

static int tear_down(void **state)
{
    struct small_agent *agent = *state;
    api_page_free(agent->context.page);
    return small_agent_tear_down(state);
}

static struct api_reply ask(struct small_agent *agent, const char *path, bool gzip, const char *known)
{
    return small_agent_ask(agent, &(struct api_request){.method = STR("GET"),
                                                        .path = str_of(path),
                                                        .query = STR("q=status:error&%zz"),
                                                        .host = STR("127.0.0.1:7117"),
                                                        .gzip = gzip,
                                                        .if_none_match = str_of(known)});
}

static void every_path_of_the_page_is_the_index(void **state)
{
    struct small_agent *agent = *state;
    static const char *const paths[] = {"/",       "/server/world/w1", "/server/w%2F1/a/b//c",
                                        "/drains", "/drains/x",        "/activity",
                                        "/audit",  "/sessions",        "/keys",
                                        "/about"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct api_reply reply = ask(agent, paths[i], true, NULL);
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply.content_type, "text/html; charset=utf-8");
        assert_string_equal(reply.etag, "\"0123456789abcdef-gzip\"");
        assert_string_equal(reply.cache, "no-cache");
        assert_string_equal(reply.encoding, "gzip");
        assert_true(reply.varies);
        assert_true(str_eq(reply.fixed, STR(INDEX)));
        assert_true(str_starts(reply.content_policy, STR("default-src 'none'; script-src 'self'; ")));
        assert_int_equal(reply.set_cookie.size, 0);
        api_reply_fini(&reply);
        reply = ask(agent, paths[i], true, "\"0123456789abcdef-gzip\"");
        assert_int_equal(reply.status, 304);
        assert_null(reply.content_type);
        assert_int_equal(reply.fixed.size, 0);
        assert_true(reply.content_policy.size > 0); /* else the browser has another from then on */
        api_reply_fini(&reply);
    }
    assert_int_equal(agent->wants, 0);
}

static void a_file_is_its_own_and_kept(void **state)
{
    struct small_agent *agent = *state;
    struct api_reply reply = ask(agent, "/assets/a-0123abcd.js", true, "\"0123456789abcdef-gzip\"");
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.content_type, "text/javascript; charset=utf-8");
    assert_string_equal(reply.cache, "public, max-age=31536000, immutable");
    assert_int_equal(reply.content_policy.size, 0);
    api_reply_fini(&reply);
    reply = ask(agent, "/icon.svg", true, NULL);
    assert_string_equal(reply.cache, "no-cache"); /* no hash in its name */
    api_reply_fini(&reply);
    small_agent_refused(ask(agent, "/assets/c-0123abcd.js", true, NULL), 404, "not_found");
    small_agent_refused(ask(agent, "/assets/a-0123abcd.js/x", true, NULL), 404, "not_found");
    small_agent_refused(ask(agent, "/assets/..%2f..%2fetc%2fpasswd", true, NULL), 404, "not_found");
    small_agent_refused(ask(agent, "/assets/../icon.svg", true, NULL), 400, "bad_request");
    small_agent_refused(ask(agent, "/manifest.webmanifest", true, NULL), 404, "not_found");
}

static void a_client_without_gzip_gets_the_content(void **state)
{
    struct small_agent *agent = *state;
    struct blob *first = NULL;
    for (int i = 0; i < 3; i++) {
        struct api_reply reply = ask(agent, "/icon.svg", false, "\"cccccccccccccccc-gzip\"");
        assert_int_equal(reply.status, 200);
        assert_null(reply.encoding);
        assert_true(reply.varies);
        assert_string_equal(reply.etag, "\"cccccccccccccccc\"");
        assert_int_equal(blob_view(reply.blob).size, 1000);
        first = first == NULL ? blob_ref(reply.blob) : first;
        assert_ptr_equal(reply.blob, first); /* inflated once */
        api_reply_fini(&reply);
    }
    blob_unref(first);
    small_agent_refused(ask(agent, "/assets/b-0123abcd.js", false, NULL), 500, "damaged");
}

/* Who asks is not looked at, so that nothing that a cache keeps is for one alone, and a wrong token still leads to the sign-in. */
static void no_name_is_needed(void **state)
{
    struct small_agent *agent = *state;
    struct api_request request = {.method = STR("GET"),
                                  .path = STR("/"),
                                  .host = STR("127.0.0.1:7117"),
                                  .authorization = STR("Bearer wrong"),
                                  .cookie = STR("outrider-7117=1.61.1.2.3.4"),
                                  .proxy_user = STR("stranger")};
    agent->config.http.access_file = strdup("/nonexistent/access");
    struct api_reply reply = small_agent_ask(agent, &request);
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.set_cookie.size, 0);
    assert_int_equal(reply.delay_ms, 0);
    api_reply_fini(&reply);
    request.host = STR("evil.example");
    small_agent_refused(small_agent_ask(agent, &request), 403, "foreign_host");
}

static void an_agent_without_fleet_or_page_says_what_to_do(void **state)
{
    struct small_agent *agent = *state;
    static const char *const paths[] = {"/", "/server/a/b", "/assets/a-0123abcd.js", "/icon.svg"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        agent->config.server.present = true;
        agent->config.view.mode = CONFIG_VIEW_AUTO;
        struct api_reply reply = ask(agent, paths[i], true, NULL);
        assert_non_null(strstr(buf_text(&reply.body), "observer"));
        small_agent_refused(reply, 404, "no_page");
        agent->config.view.mode = CONFIG_VIEW_ALWAYS;
        reply = ask(agent, paths[i], true, NULL);
        assert_int_equal(reply.status, 200);
        api_reply_fini(&reply);
        agent->config.server.present = false;
        agent->config.view.mode = CONFIG_VIEW_OFF;
        small_agent_refused(ask(agent, paths[i], true, NULL), 404, "no_page");
        agent->config.view.mode = CONFIG_VIEW_AUTO;
        struct api_page *page = agent->context.page;
        agent->context.page = NULL;
        reply = ask(agent, paths[i], true, NULL);
        assert_non_null(strstr(buf_text(&reply.body), "-DOUTRIDER_DASHBOARD=ON"));
        small_agent_refused(reply, 404, "no_page");
        agent->context.page = page;
    }
    assert_null(page_new(&(struct page_files){list, 0}));
}

/* What this build has. */
static void what_is_embedded_is_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < page_embedded.count; i++) {
        const struct page_file *file = &page_embedded.list[i];
        struct buf out = {0};
        assert_int_equal(page_inflate(file, &out), 0);
        assert_ptr_equal(page_find(&page_embedded, str_of(file->path)), file);
        assert_true(strlen(file->hash) == 16);
        assert_int_equal(file->bytes[4] | file->bytes[5] | file->bytes[6] | file->bytes[7], 0); /* no time */
        buf_fini(&out);
    }
    struct api_page *page = api_page_new();
    assert_int_equal(page != NULL, page_embedded.count > 0);
    api_page_free(page);
}

#define WITH_PAGE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_is_found_or_not),
        cmocka_unit_test(only_gzip_of_that_size_is_inflated),
        WITH_PAGE(every_path_of_the_page_is_the_index),
        WITH_PAGE(a_file_is_its_own_and_kept),
        WITH_PAGE(a_client_without_gzip_gets_the_content),
        WITH_PAGE(no_name_is_needed),
        WITH_PAGE(an_agent_without_fleet_or_page_says_what_to_do),
        cmocka_unit_test(what_is_embedded_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
