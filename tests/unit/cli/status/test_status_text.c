/* Golden screens: tests/unit/cli/status/NAME.json has the differences from ready.json, NAME.txt the
 * screen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/status/status_internal.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/os/file.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const screens[] = {"ready",
                                      "failing_probe",
                                      "loading",
                                      "refused",
                                      "refused_before",
                                      "crash",
                                      "draining",
                                      "registry_failing",
                                      "withheld_in_an_outage",
                                      "older_agent",
                                      "withdrawn",
                                      "conflict",
                                      "conflict_unknown",
                                      "no_address",
                                      "status_missing",
                                      "stopping",
                                      "shut_down",
                                      "ports_missing",
                                      "control_pending",
                                      "control_unreadable",
                                      "one_player",
                                      "facts",
                                      "endpoint_failed",
                                      "observer_endpoint_failed",
                                      "sandbox_off"};

static void read_golden(const char *name, const char *suffix, struct buf *ret_text)
{
    char path[128];
    struct error err;
    snprintf(path, sizeof(path), "tests/unit/cli/status/%s.%s", name, suffix);
    if (file_read(path, 1 << 16, &err, ret_text) < 0) {
        fail_msg("%s", err.text);
    }
}

static void write_golden(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof(path), "tests/unit/cli/status/%s.txt", name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static json_t *read_json(const char *name)
{
    struct buf text = {0};
    json_error_t where;
    read_golden(name, "json", &text);
    json_t *root = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES, &where);
    if (root == NULL) {
        fail_msg("%s: line %d: %s", name, where.line, where.text);
    }
    buf_fini(&text);
    return root;
}

static void merge(json_t *into, json_t *from)
{
    for (void *at = json_object_iter(from); at != NULL; at = json_object_iter_next(from, at)) {
        const char *key = json_object_iter_key(at);
        json_t *value = json_object_iter_value(at), *old = json_object_get(into, key);
        if (json_is_object(value) && json_is_object(old)) {
            merge(old, value);
        } else {
            json_object_set(into, key, value);
        }
    }
}

static json_t *document(const char *name)
{
    json_t *root = read_json("ready"), *rest = read_json(name);
    merge(root, rest);
    json_decref(rest);
    return root;
}

static void screens_match_their_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(screens); i++) {
        struct buf screen = {0}, golden = {0};
        json_t *root = document(screens[i]);
        status_text(root, false, &screen);
        if (getenv("OUTRIDER_REWRITE") != NULL) {
            write_golden(screens[i], buf_text(&screen));
        }
        read_golden(screens[i], "txt", &golden);
        if (!str_eq(buf_view(&screen), buf_view(&golden))) {
            fail_msg("%s:\n%s", screens[i], buf_text(&screen));
        }
        json_decref(root);
        buf_fini(&screen);
        buf_fini(&golden);
    }
}

static void colour_is_on_the_status_alone(void **state)
{
    (void)state;
    struct buf screen = {0};
    json_t *root = document("failing_probe");
    status_text(root, true, &screen);
    assert_non_null(strstr(buf_text(&screen), "  \033[1;31merror\033[0m since"));
    assert_null(strstr(strchr(buf_text(&screen), '\n'), "\033"));
    json_decref(root);
    buf_fini(&screen);
}

/* A green "ready" would say that players come. */
static void a_record_that_is_not_published_is_red(void **state)
{
    (void)state;
    struct buf screen = {0};
    json_t *root = document("conflict");
    status_text(root, true, &screen);
    assert_non_null(strstr(buf_text(&screen), "  \033[1;31mready, NOT PUBLISHED\033[0m: key held"));
    assert_null(strstr(strchr(buf_text(&screen), '\n'), "\033"));
    json_decref(root);
    buf_fini(&screen);
}

/* Text of a server, a probe or an operator must not control the terminal. */
static void untrusted_text_does_not_control_the_terminal(void **state)
{
    (void)state;
    static const char *const paths[] = {"cause", "type", "id", "status", "withheld", "stateLastError"};
    struct buf screen = {0};
    json_t *root = document("draining");
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        json_object_set_new(root, paths[i],
                            json_string("a\033[2Jb\r\n\xc2\x9b"
                                        "c"));
    }
    json_object_set_new(json_object_get(root, "life"), "text", json_string("\033]0;x\007"));
    json_object_set_new(json_object_get(root, "life"), "reported", json_string("\033[2J"));
    json_object_set_new(json_object_get(root, "lease"), "id", json_string("\033[2J"));
    json_object_set_new(json_object_get(root, "registry"), "endpoint", json_string("\033[2J"));
    json_t *hold = json_array_get(json_object_get(root, "holds"), 0);
    json_object_set_new(hold, "reason", json_string("\033[2J"));
    json_object_set_new(hold, "kind", json_string("\033[2J"));
    json_object_set_new(hold, "outcome", json_string("\033[2J"));
    json_object_set_new(hold, "since", json_string("2026-11-21T\033[2J12345678"));
    json_t *probe = json_array_get(json_object_get(root, "probes"), 0);
    json_object_set_new(probe, "name", json_string("\033[2J"));
    json_object_set_new(probe, "passesNeeded", json_integer(1));
    status_text(root, false, &screen);
    assert_null(strpbrk(buf_text(&screen), "\033\r\007"));
    assert_null(strstr(buf_text(&screen), "\xc2\x9b"));
    assert_non_null(strstr(buf_text(&screen), "a?[2Jb???c"));
    json_decref(root);
    buf_fini(&screen);
}

static void the_record_of_another_holder_does_neither(void **state)
{
    (void)state;
    struct buf screen = {0};
    json_t *root = document("conflict");
    json_t *conflict = json_object_get(json_object_get(root, "registry"), "conflict");
    json_object_set_new(json_object_get(root, "registry"), "notPublished",
                        json_string("key held by another agent at \033[2J (lease ends in 8.2 s)"));
    json_object_set_new(conflict, "lease", json_string("\033[2J"));
    status_text(root, false, &screen);
    assert_null(strpbrk(buf_text(&screen), "\033\r\007"));
    assert_non_null(strstr(buf_text(&screen), "another agent at ?[2J (lease"));
    json_decref(root);
    buf_fini(&screen);
}

/* A document of another version, or of another program. */
static void every_document_has_a_screen(void **state)
{
    (void)state;
    static const char *const documents[] = {
        "{}",
        "{\"now\":1,\"since\":{},\"status\":[],\"life\":\"x\",\"probes\":{},\"holds\":\"y\",\"registry\":7,"
        "\"lease\":null}",
        "{\"status\":\"resting\",\"probes\":[1,null,{}],\"holds\":[null,{}],\"life\":{\"state\":\"alive\","
        "\"ports\":1}}",
        "{\"status\":\"error\",\"probes\":[{\"passesNeeded\":1e300}],\"now\":\"2026\",\"since\":\"2026\"}",
        "{\"status\":\"error\",\"withdrawnInMs\":-9223372036854775807,\"lease\":{\"id\":\"a\",\"leftMs\":"
        "1e18}}",
        "{\"status\":\"initializing\",\"graceLeftMs\":9223372036854775807,\"probes\":[{}]}",
    };
    for (size_t i = 0; i < COUNT_OF(documents); i++) {
        struct buf screen = {0};
        json_t *root = json_loads(documents[i], 0, NULL);
        assert_non_null(root);
        status_text(root, i % 2 == 0, &screen);
        assert_non_null(strstr(buf_text(&screen), "  registry  "));
        json_decref(root);
        buf_fini(&screen);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(screens_match_their_files),
        cmocka_unit_test(colour_is_on_the_status_alone),
        cmocka_unit_test(a_record_that_is_not_published_is_red),
        cmocka_unit_test(untrusted_text_does_not_control_the_terminal),
        cmocka_unit_test(the_record_of_another_holder_does_neither),
        cmocka_unit_test(every_document_has_a_screen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
