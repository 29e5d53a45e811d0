#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/check/check_internal.h"
#include "outrider/base/buf.h"
#include "outrider/core/config/config.h"
#include "outrider/core/registry/registry_limits.h"

static char type[] = "world", id[] = "w1", prefix[] = "/services", control_prefix[] = "/outrider/services",
            label_name[] = "map", label_value[] = "harbor";

static const struct registry_limits wide = {
    .ttl_min_ms = 2000, .ttl_max_ms = 86400000, .key_max = 512, .value_max = 4096};

static struct config sidecar(void)
{
    return (struct config){.server = {.present = true,
                                      .type = type,
                                      .id = id,
                                      .label_count = 1,
                                      .labels = {{label_name, label_value}}},
                           .registry = {.prefix = prefix, .control_prefix = control_prefix, .ttl_ms = 10000}};
}

static void check(const struct config *config, struct registry_limits limits, bool fails, const char *says)
{
    struct buf problems = {0};
    assert_int_equal(check_limits("f.yaml", config, &limits, &problems), fails);
    assert_string_equal(buf_text(&problems), says);
    buf_fini(&problems);
}

static void what_fits_is_not_mentioned(void **state)
{
    (void)state;
    struct config config = sidecar();
    struct registry_limits limits = wide;
    check(&config, limits, false, "");
    limits.key_max = strlen("/outrider/services/control/world/w1");
    limits.ttl_min_ms = limits.ttl_max_ms = 10000;
    check(&config, limits, false, "");
}

static void keys_and_values_that_are_too_long_are_errors(void **state)
{
    (void)state;
    struct config config = sidecar();
    struct registry_limits limits = wide;
    limits.key_max = strlen("/outrider/services/control/world/w1") - 1;
    check(&config, limits, true,
          "f.yaml: registry.control_prefix: the control key has 35 bytes, and the registry takes at most 34; "
          "shorten "
          "registry.control_prefix, server.type or server.id\n");
    limits.key_max = 1;
    check(&config, limits, true,
          "f.yaml: registry.prefix: the key of the record has 18 bytes, and the registry takes at most 1; "
          "shorten "
          "registry.prefix, server.type or server.id\n"
          "f.yaml: registry.control_prefix: the control key has 35 bytes, and the registry takes at most 1; "
          "shorten "
          "registry.control_prefix, server.type or server.id\n");
    limits = wide;
    limits.value_max = 40;
    struct buf problems = {0};
    assert_true(check_limits("f.yaml", &config, &limits, &problems));
    assert_non_null(strstr(buf_text(&problems), "f.yaml: server.labels: the record has "));
    assert_non_null(strstr(buf_text(&problems), "at most 40; shorten server.labels or server.tags\n"));
    buf_fini(&problems);
}

static size_t size_of_record(const struct config *config)
{
    struct registry_limits limits = wide;
    struct buf problems = {0};
    size_t size = 0;
    for (limits.value_max = 0; check_limits("f.yaml", config, &limits, &problems); limits.value_max++) {
        size = limits.value_max + 1;
    }
    buf_fini(&problems);
    return size;
}

/* What the agent writes beside what the file says. */
static void weight_and_signature_count(void **state)
{
    (void)state;
    struct config config = sidecar();
    config.server.weight = CONFIG_WEIGHT;
    size_t plain = size_of_record(&config);
    config.server.weight = 50;
    assert_int_equal(size_of_record(&config), plain + strlen(",\"weight\":50"));
    config.record.sign_key = id;
    assert_int_equal(size_of_record(&config), plain + strlen(",\"weight\":50,\"sig\":\"12345678:\"") + 88);
}

static void another_ttl_is_a_warning(void **state)
{
    (void)state;
    struct config config = sidecar();
    struct registry_limits limits = wide;
    limits.ttl_min_ms = 15000;
    check(&config, limits, false,
          "f.yaml: registry.ttl: warning: the registry grants 15s instead of 10s, and the record of an agent "
          "that died "
          "stays for that long; set 15s or more\n");
    limits.ttl_min_ms = 1000;
    limits.ttl_max_ms = 5000;
    check(&config, limits, false,
          "f.yaml: registry.ttl: warning: the registry grants 5s instead of 10s, and the record of an agent "
          "that died "
          "stays for that long; set 5s or less\n");
}

static void an_observer_writes_nothing(void **state)
{
    (void)state;
    struct config config = sidecar();
    struct registry_limits none = {.ttl_min_ms = 90000};
    config.server.present = false;
    check(&config, none, false, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_is_not_mentioned),
        cmocka_unit_test(keys_and_values_that_are_too_long_are_errors),
        cmocka_unit_test(weight_and_signature_count),
        cmocka_unit_test(another_ttl_is_a_warning),
        cmocka_unit_test(an_observer_writes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
