/* One probe of the configuration: its facts, the statuses that pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "outrider/base/error.h"
#include "outrider/core/config/config.h"
#include "outrider/core/config/settings.h"

static const struct setting *row_of(const char *path)
{
    for (size_t i = 0; i < settings_of_probe.count; i++) {
        if (strcmp(settings_of_probe.rows[i].path, path) == 0) {
            return &settings_of_probe.rows[i];
        }
    }
    fail_msg("no row %s", path);
    return NULL;
}

static void set(struct config_probe *probe, const char *path, const char *text)
{
    struct error err;
    assert_return_code(setting_parse(row_of(path), probe, str_of(text), &err), 0);
}

static bool takes(const struct config_probe *probe, enum config_fact fact)
{
    const char *pointer;
    return config_probe_takes(probe, fact, &pointer);
}

static void test_facts(void **state)
{
    struct config_probe probe = {0};
    struct error err;
    const char *pointer;
    (void)state;
    config_probe_default(&probe, 8001);
    assert_true(takes(&probe, CONFIG_FACT_PLAYERS) && takes(&probe, CONFIG_FACT_NAME));
    set(&probe, "facts", "false");
    assert_false(takes(&probe, CONFIG_FACT_PLAYERS) || takes(&probe, CONFIG_FACT_NAME));
    set(&probe, "facts", "players, map");
    assert_true(takes(&probe, CONFIG_FACT_PLAYERS) && takes(&probe, CONFIG_FACT_MAP));
    assert_false(takes(&probe, CONFIG_FACT_CAPACITY));
    set(&probe, "facts", "true");
    assert_true(takes(&probe, CONFIG_FACT_CAPACITY));
    setting_list_begin(row_of("facts"), &probe);
    assert_return_code(setting_label_add(row_of("facts"), &probe, STR("players"), STR("/online"), &err), 0);
    assert_true(config_probe_takes(&probe, CONFIG_FACT_PLAYERS, &pointer));
    assert_string_equal(pointer, "/online");
    assert_false(config_probe_takes(&probe, CONFIG_FACT_MAP, &pointer));
    assert_string_equal(pointer, "");
    config_probe_fini(&probe);
}

static void test_statuses(void **state)
{
    struct config_probe probe = {0};
    (void)state;
    config_probe_default(&probe, 8001);
    assert_true(config_probe_status_passes(&probe, 200) && config_probe_status_passes(&probe, 399));
    assert_false(config_probe_status_passes(&probe, 199) || config_probe_status_passes(&probe, 400));
    set(&probe, "status", "204, 300-301");
    assert_true(config_probe_status_passes(&probe, 204) && config_probe_status_passes(&probe, 301));
    assert_false(config_probe_status_passes(&probe, 200) || config_probe_status_passes(&probe, 302));
    config_probe_fini(&probe);
}

/* A program may have an argument twice; a status is listed once. */
static void test_repeats(void **state)
{
    struct config_probe probe = {0};
    struct error err;
    (void)state;
    config_probe_default(&probe, 8001);
    set(&probe, "command", "/bin/check, -v, -v");
    assert_int_equal(probe.command_count, 3);
    assert_int_equal(setting_parse(row_of("status"), &probe, STR("204, 204"), &err), -1);
    config_probe_fini(&probe);
}

static void test_types(void **state)
{
    (void)state;
    assert_true(config_probe_has_port(CONFIG_PROBE_RAKNET));
    assert_false(config_probe_has_port(CONFIG_PROBE_EXEC) || config_probe_has_port(CONFIG_PROBE_UNIX));
    assert_string_equal(config_probe_type_name(CONFIG_PROBE_EXEC), "exec");
}

/* `tls: {}` turns TLS on and changes no key below it. */
static void test_a_section_that_is_given(void **state)
{
    struct config_probe probe = {0}, copy = {0}, plain = {0};
    (void)state;
    settings_defaults(&settings_of_probe, &probe);
    settings_defaults(&settings_of_probe, &plain);
    settings_note_section(&settings_of_probe, STR("tl"), &probe);
    settings_note_section(&settings_of_file, STR("tls"), &probe);
    assert_false(probe.tls.given);
    settings_note_section(&settings_of_probe, STR("tls"), &probe);
    assert_true(probe.tls.given);
    settings_copy(&settings_of_probe, &probe, &copy);
    assert_true(copy.tls.given);
    assert_true(settings_equal(&settings_of_probe, &probe, &copy) && config_probe_equal(&probe, &copy));
    assert_false(settings_equal(&settings_of_probe, &probe, &plain) || config_probe_equal(&probe, &plain));
    settings_copy(&settings_of_probe, &plain, &copy);
    assert_false(copy.tls.given);
    settings_clear(&settings_of_probe, &probe);
    assert_false(probe.tls.given);
    config_probe_fini(&probe);
    config_probe_fini(&copy);
    config_probe_fini(&plain);
}

/* A reload that only turns TLS on is a change. */
static void test_a_section_is_a_difference(void **state)
{
    struct config *a = calloc(1, sizeof(*a)), *b = calloc(1, sizeof(*b));
    const struct setting *rows[SETTINGS_MAX];
    (void)state;
    a->probes_given = b->probes_given = true;
    config_probe_default(config_probe_add(a), 50051);
    config_probe_default(config_probe_add(b), 50051);
    assert_int_equal(config_diff(a, b, rows), 0);
    settings_note_section(&settings_of_probe, STR("tls"), &b->probes[0]);
    assert_int_equal(config_diff(a, b, rows), 1);
    assert_string_equal(rows[0]->path, "probes");
    config_fini(a);
    config_fini(b);
    free(a);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_facts),
                                       cmocka_unit_test(test_statuses),
                                       cmocka_unit_test(test_repeats),
                                       cmocka_unit_test(test_types),
                                       cmocka_unit_test(test_a_section_that_is_given),
                                       cmocka_unit_test(test_a_section_is_a_difference)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
