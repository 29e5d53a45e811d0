/* Handlers of keys over the registry in memory. The list of deferred requests is the test's: one request at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "small_agent.h"

#include "outrider/api/common/attempt.h"
#include "outrider/api/common/deferred.h"
#include "outrider/api/common/handlers.h"
#include "outrider/base/base64.h"
#include "outrider/base/mem.h"
#include "outrider/registry/memory/memory.h"
#include "outrider/registry/registry.h"

#include <stdio.h>
#include <string.h>

static struct world {
    struct small_agent agent;
    struct api_ops ops;
    struct registry *registry;
    struct registry_client *client;
    api_key_fn *done;
    void *user;
    uint64_t last_id;
    bool busy;
    enum registry_failure failure; /* of the next answer */
    bool answered;
    struct api_reply answer;
    struct api_attempt *attempt; /* NULL: no audit is kept */
    char told[AUDIT_TEXTS][600];
} world;

/* ---- in the place of the list ---- */

void api_deferred_answer(struct api_deferred *deferred, struct api_reply *reply)
{
    (void)deferred;
    assert_false(world.answered);
    world.answered = true;
    world.answer = *reply;
    *reply = (struct api_reply){0};
}

void api_deferred_busy(struct api_deferred *deferred, const char *message)
{
    struct api_reply reply = {0};
    api_refuse(&reply, 503, "busy", "%s", message);
    api_deferred_answer(deferred, &reply);
}

struct api_attempt *api_deferred_attempt(struct api_deferred *deferred)
{
    (void)deferred;
    return world.attempt;
}

static void on_reply(const struct registry_reply *reply, void *user)
{
    (void)user;
    struct registry_reply own = *reply;
    if (world.done == NULL) {
        return;
    }
    if (world.failure != REGISTRY_OK) {
        own = (struct registry_reply){.op = reply->op, .failure = world.failure, .error = STR("no answer")};
    }
    api_key_fn *done = world.done;
    world.done = NULL;
    done(&own, registry_can(world.registry), world.user);
}

static bool key(void *agent, const struct registry_request *request, api_key_fn *done, void *user)
{
    (void)agent;
    if (world.busy) {
        return false;
    }
    struct registry_request own = *request;
    own.id = ++world.last_id;
    own.timeout_ms = 1000;
    world.done = done;
    world.user = user;
    registry_submit(world.client, &own);
    return true;
}

static int set_up(void **state)
{
    (void)state;
    world = (struct world){.registry = memory_new(&memory_redis)};
    small_agent_init(&world.agent);
    world.agent.config.registry.control_prefix = mem_strdup("/ctl");
    world.agent.config.registry.request_timeout_ms = 1000;
    world.agent.config.http.keys = CONFIG_KEYS_OWN;
    world.ops = *world.agent.context.ops;
    world.ops.key = key;
    world.agent.context.ops = &world.ops;
    world.client = registry_attach(world.registry, on_reply, NULL, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    registry_free(world.registry);
    small_agent_fini(&world.agent);
    return 0;
}

/* ---- asking ---- */

static int64_t put(const char *name, struct registry_lease lease)
{
    struct blob *value = blob_new(STR("v"));
    struct registry_kv kv = memory_read(world.registry, str_of(name));
    registry_submit(world.client,
                    &(struct registry_request){.id = ++world.last_id,
                                               .op = REGISTRY_PUT,
                                               .key = str_of(name),
                                               .value = value,
                                               .lease = lease,
                                               .expect_revision = kv.found ? kv.mod_revision : 0,
                                               .timeout_ms = 1000});
    memory_run(world.registry);
    blob_unref(value);
    return memory_read(world.registry, str_of(name)).mod_revision;
}

static struct registry_lease grant(void)
{
    struct registry_lease lease = {.lo = 77};
    registry_submit(world.client, &(struct registry_request){.id = ++world.last_id,
                                                             .op = REGISTRY_GRANT,
                                                             .lease = lease,
                                                             .ttl_ms = 60000,
                                                             .timeout_ms = 1000});
    memory_run(world.registry);
    return lease;
}

static struct str path_name(const char *name, struct buf *out)
{
    base64url_encode(str_of(name), out);
    return buf_view(out);
}

/* The status, and `*ret_json` the body. */
static int ask(api_handler_fn *handler, struct api_request request, json_t **ret_json)
{
    struct api_call call = {.context = &world.agent.context, .request = request};
    struct api_reply reply = {0};
    api_look(&call);
    handler(&call, &reply);
    world.answered = reply.turn != API_DEFERRED;
    if (world.answered) {
        world.answer = reply;
    } else {
        reply.deferral.begin(&call, reply.deferral.state, NULL);
        for (int i = 0; i < 100 && !world.answered; i++) {
            memory_run(world.registry);
        }
        assert_true(world.answered);
        reply.deferral.free_state(reply.deferral.state);
    }
    api_call_fini(&call);
    int status = world.answer.status;
    *ret_json = small_agent_json(&world.answer);
    return status;
}

static void expect_error(api_handler_fn *handler, struct api_request request, int status, const char *code)
{
    json_t *json;
    assert_int_equal(ask(handler, request, &json), status);
    assert_string_equal(json_string_value(json_object_get(json_object_get(json, "error"), "code")), code);
    json_decref(json);
}

/* ---- tests ---- */

static void a_page_ends_at_its_limit_and_goes_on(void **state)
{
    (void)state;
    json_t *json;
    char name[64], query[256] = "limit=2";
    size_t pages = 0, keys = 0;
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), "/services/w/%d", i);
        (void)put(name, (struct registry_lease){0});
        snprintf(name, sizeof(name), "/ctl/%d", i);
        (void)put(name, (struct registry_lease){0});
    }
    (void)put("/servicesX/w/1", (struct registry_lease){0});
    for (bool more = true; more; pages++) {
        assert_int_equal(ask(api_keys, (struct api_request){.query = str_of(query)}, &json), 200);
        const char *next = json_string_value(json_object_get(json, "next"));
        keys += json_array_size(json_object_get(json, "keys"));
        assert_true(json_array_size(json_object_get(json, "keys")) <= 2);
        more = next != NULL;
        snprintf(query, sizeof(query), "limit=2&after=%s", more ? next : "");
        json_decref(json);
        assert_true(pages < 5);
    }
    assert_int_equal(keys, 6);
}

static void what_is_off_or_outside_is_refused(void **state)
{
    (void)state;
    struct buf id = {0};
    struct api_request request = {.id = path_name("/servicesX/w", &id), .query = STR(""), .body = STR("{}")};
    expect_error(api_key, request, 403, "key_outside");
    expect_error(api_key_put, request, 403, "key_outside");
    expect_error(api_key_delete, request, 403, "key_outside");
    expect_error(api_keys, (struct api_request){.query = STR("prefix=/services")}, 403, "key_outside");
    expect_error(api_keys_remove,
                 (struct api_request){.query = STR("preview"), .body = STR("{\"prefix\":\"/services\"}")},
                 403, "key_outside");
    world.agent.config.http.keys = CONFIG_KEYS_OFF;
    static api_handler_fn *const handlers[] = {api_keys, api_key, api_key_put, api_key_delete,
                                               api_keys_remove};
    for (size_t i = 0; i < COUNT_OF(handlers); i++) {
        expect_error(handlers[i], request, 404, "keys_off");
    }
    buf_fini(&id);
}

static void a_change_needs_its_condition_and_keeps_the_lease(void **state)
{
    (void)state;
    json_t *json;
    struct buf id = {0};
    char tag[32];
    int64_t revision = put("/services/w/1", grant());
    struct api_request request = {.id = path_name("/services/w/1", &id), .body = STR("{\"value\":\"new\"}")};
    expect_error(api_key_put, request, 428, "condition_required");
    expect_error(api_key_delete, request, 428, "condition_required");
    request.if_none_match = STR("*");
    expect_error(api_key_put, request, 412, "revision_mismatch");
    expect_error(api_key_delete, request, 400, "bad_condition");
    request.if_none_match = (struct str){0};
    request.if_match = STR("\"1000\"");
    expect_error(api_key_put, request, 412, "revision_mismatch");
    expect_error(api_key_delete, request, 412, "revision_mismatch");
    snprintf(tag, sizeof(tag), "\"%lld\"", (long long)revision);
    request.if_match = str_of(tag);
    assert_int_equal(ask(api_key_put, request, &json), 200);
    json_decref(json);
    struct registry_kv kv = memory_read(world.registry, STR("/services/w/1"));
    assert_true(str_eq(kv.value, STR("new")));
    assert_int_equal(kv.lease.lo, 77);
    expect_error(api_key_delete, request, 412, "revision_mismatch"); /* it was of the value before */
    snprintf(tag, sizeof(tag), "\"%lld\"", (long long)kv.mod_revision);
    request.if_match = str_of(tag);
    assert_int_equal(ask(api_key_delete, request, &json), 200);
    json_decref(json);
    assert_false(memory_read(world.registry, STR("/services/w/1")).found);
    buf_fini(&id);
}

static void see_entry(void *agent, const struct audit_entry *entry, void (*done)(bool written, void *user),
                      void *user)
{
    (void)agent, (void)done, (void)user;
    for (size_t i = 0; i < AUDIT_TEXTS; i++) {
        snprintf(world.told[i], sizeof(world.told[i]), "%.*s", STR_ARG(entry->texts[i]));
    }
}

/* Asks, and reads what the audit was told. */
static int ask_audited(api_handler_fn *handler, struct api_request request, const char *before,
                       const char *after, json_t **ret_json)
{
    struct api_call call = {.context = &world.agent.context, .request = request};
    request.who = (struct access_identity){.name = "root", .role = ACCESS_ADMIN, .proof = ACCESS_TOKEN};
    world.agent.config.state_dir = (char[]){"/var/lib/outrider"};
    world.agent.config.audit.file = CONFIG_AUDIT_ON;
    world.ops.audit = see_entry;
    world.attempt = api_attempt_new(&call, "key.put", API_KEEPS_ALL);
    int status = ask(handler, request, ret_json);
    api_attempt_end(world.attempt, call.context, &request, &(struct api_reply){.status = status}, NULL, NULL);
    api_attempt_free(world.attempt);
    world.attempt = NULL;
    world.agent.config.state_dir = NULL;
    assert_string_equal(world.told[AUDIT_BEFORE], before);
    assert_string_equal(world.told[AUDIT_AFTER], after);
    return status;
}

static void change_audited(api_handler_fn *handler, const char *name, const char *body, const char *before,
                           const char *after)
{
    struct buf id = {0};
    char tag[32];
    json_t *json;
    struct registry_kv kv = memory_read(world.registry, str_of(name));
    struct api_request request = {.id = path_name(name, &id), .body = str_of(body)};
    snprintf(tag, sizeof(tag), "\"%lld\"", (long long)kv.mod_revision);
    *(kv.found ? &request.if_match : &request.if_none_match) = kv.found ? str_of(tag) : STR("*");
    assert_int_equal(ask_audited(handler, request, before, after, &json), 200);
    assert_string_equal(world.told[AUDIT_TARGET], name);
    json_decref(json);
    buf_fini(&id);
}

/* What is beyond the own prefixes is maybe a secret of others, who can read what the audit has in the registry. */
static void the_audit_is_told_what_a_key_was_and_became(void **state)
{
    (void)state;
    world.agent.config.http.keys = CONFIG_KEYS_ALL;
    change_audited(api_key_put, "/ctl/motd", "{\"value\":\"hello\"}", "no such key", "hello");
    change_audited(api_key_put, "/ctl/motd", "{\"value\":\"bye\"}", "hello", "bye");
    change_audited(api_key_put, "/ctl/motd", "{\"valueBase64\":\"/wA=\"}", "bye", "2 bytes");
    change_audited(api_key_delete, "/ctl/motd", "", "2 bytes", "no such key");
    change_audited(api_key_put, "/other/password", "{\"value\":\"hunter2\"}", "no such key", "7 bytes");
    change_audited(api_key_delete, "/other/password", "", "7 bytes", "no such key");
    json_t *json;
    struct buf id = {0};
    (void)put("/ctl/motd", (struct registry_lease){0});
    struct api_request request = {
        .id = path_name("/ctl/motd", &id), .if_match = STR("\"1\""), .body = STR("{\"value\":\"x\"}")};
    assert_int_equal(ask_audited(api_key_put, request, "v", "", &json), 412);
    json_decref(json);
    buf_fini(&id);
}

static void the_audit_is_told_how_many_keys_were_removed(void **state)
{
    (void)state;
    json_t *json;
    char body[128];
    (void)put("/ctl/old/1", (struct registry_lease){0});
    (void)put("/ctl/old/2", (struct registry_lease){0});
    struct api_request request = {.query = STR("preview"), .body = STR("{\"prefix\":\"/ctl/old/\"}")};
    assert_int_equal(ask_audited(api_keys_remove, request, "2 keys", "as before, this was a preview", &json),
                     200);
    assert_string_equal(world.told[AUDIT_TARGET], "/ctl/old/");
    snprintf(body, sizeof(body), "{\"prefix\":\"/ctl/old/\",\"plan\":\"%s\"}",
             json_string_value(json_object_get(json, "plan")));
    json_decref(json);
    request = (struct api_request){.body = str_of(body)};
    assert_int_equal(ask_audited(api_keys_remove, request, "2 keys", "2 of them removed", &json), 200);
    json_decref(json);
}

static void the_audit_is_only_shown(void **state)
{
    (void)state;
    json_t *json;
    struct buf id = {0};
    (void)put("/ctl/audit/1", (struct registry_lease){0});
    struct api_request request = {
        .id = path_name("/ctl/audit/1", &id), .if_match = STR("\"1\""), .body = STR("{\"value\":\"new\"}")};
    assert_int_equal(ask(api_key, request, &json), 200);
    json_decref(json);
    expect_error(api_key_put, request, 403, "read_only");
    expect_error(api_key_delete, request, 403, "read_only");
    static const char *const bodies[] = {"{\"prefix\":\"/ctl/\"}", "{\"prefix\":\"/ctl/audit/1\"}",
                                         "{\"prefix\":\"/ctl/aud\"}"};
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        expect_error(api_keys_remove,
                     (struct api_request){.query = STR("preview"), .body = str_of(bodies[i])}, 403,
                     "read_only");
    }
    buf_fini(&id);
}

static void a_removal_takes_the_plan_of_its_preview(void **state)
{
    (void)state;
    json_t *json;
    char body[128];
    (void)put("/ctl/old/1", (struct registry_lease){0});
    (void)put("/ctl/old/2", (struct registry_lease){0});
    struct api_request request = {.query = STR("preview"), .body = STR("{\"prefix\":\"/ctl/old/\"}")};
    assert_int_equal(ask(api_keys_remove, request, &json), 200);
    snprintf(body, sizeof(body), "{\"prefix\":\"/ctl/old/\",\"plan\":\"%s\"}",
             json_string_value(json_object_get(json, "plan")));
    assert_true(memory_read(world.registry, STR("/ctl/old/1")).found);
    json_decref(json);
    request.query = STR("");
    expect_error(api_keys_remove, request, 428, "plan_required");
    request.body = str_of(body);
    (void)put("/ctl/old/2", (struct registry_lease){0});
    expect_error(api_keys_remove, request, 409, "plan_changed");
    assert_true(memory_read(world.registry, STR("/ctl/old/1")).found);
    request = (struct api_request){.query = STR("preview=true"), .body = STR("{\"prefix\":\"/ctl/old/\"}")};
    assert_int_equal(ask(api_keys_remove, request, &json), 200);
    snprintf(body, sizeof(body), "{\"prefix\":\"/ctl/old/\",\"plan\":\"%s\"}",
             json_string_value(json_object_get(json, "plan")));
    json_decref(json);
    assert_int_equal(ask(api_keys_remove, (struct api_request){.body = str_of(body)}, &json), 200);
    assert_int_equal(json_integer_value(json_object_get(json, "removed")), 2);
    json_decref(json);
    assert_false(memory_read(world.registry, STR("/ctl/old/1")).found);
}

static void failures_say_what_was_done(void **state)
{
    (void)state;
    struct buf id = {0};
    struct api_request request = {
        .id = path_name("/services/w/1", &id), .if_match = STR("\"1\""), .body = STR("{\"value\":\"new\"}")};
    static const struct {
        enum registry_failure failure;
        int status;
        const char *code;
    } cases[] = {{REGISTRY_RETRY, 503, "registry_away"},      {REGISTRY_UNKNOWN, 503, "registry_away"},
                 {REGISTRY_OVERLOADED, 503, "registry_away"}, {REGISTRY_DENIED, 502, "registry_denied"},
                 {REGISTRY_REFUSED, 502, "registry_refused"}, {REGISTRY_OK, 503, "busy"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        world.failure = cases[i].failure;
        world.busy = cases[i].failure == REGISTRY_OK;
        expect_error(api_key, request, cases[i].status, cases[i].code);
        expect_error(api_key_put, request, cases[i].status, cases[i].code);
        expect_error(api_key_delete, request, cases[i].status, cases[i].code);
        expect_error(api_keys, (struct api_request){.query = STR("")}, cases[i].status, cases[i].code);
        expect_error(api_keys_remove,
                     (struct api_request){.query = STR("preview"), .body = STR("{\"prefix\":\"/ctl/old/\"}")},
                     cases[i].status, cases[i].code);
    }
    buf_fini(&id);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(a_page_ends_at_its_limit_and_goes_on),
        WITH_WORLD(what_is_off_or_outside_is_refused),
        WITH_WORLD(a_change_needs_its_condition_and_keeps_the_lease),
        WITH_WORLD(the_audit_is_told_what_a_key_was_and_became),
        WITH_WORLD(the_audit_is_told_how_many_keys_were_removed),
        WITH_WORLD(the_audit_is_only_shown),
        WITH_WORLD(a_removal_takes_the_plan_of_its_preview),
        WITH_WORLD(failures_say_what_was_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
