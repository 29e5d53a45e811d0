#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/base/buf.h"
#include "outrider/codec/text/prometheus.h"

#include <math.h>

static void test_families(void **state)
{
    (void)state;
    struct buf out = {0};
    prometheus_family(&out, "outrider_status_lines_total", PROMETHEUS_COUNTER, "Lines heard.");
    prometheus_family(&out, "outrider_cluster_size", PROMETHEUS_GAUGE, "a \\ b \"c\"\nd");
    prometheus_family(&out, "h", PROMETHEUS_HISTOGRAM, "");
    assert_string_equal(buf_text(&out), "# HELP outrider_status_lines_total Lines heard.\n"
                                        "# TYPE outrider_status_lines_total counter\n"
                                        "# HELP outrider_cluster_size a \\\\ b \"c\"\\nd\n"
                                        "# TYPE outrider_cluster_size gauge\n"
                                        "# HELP h \n"
                                        "# TYPE h histogram\n");
    buf_fini(&out);
}

static void test_samples(void **state)
{
    (void)state;
    const struct prometheus_label labels[] = {{"from", STR("ready")}, {"to", STR("a\"b\\c\nd")}};
    struct buf out = {0};
    prometheus_int(&out, "n", NULL, 0, INT64_MIN);
    prometheus_int(&out, "n", labels, 1, 7);
    prometheus_double(&out, "n", labels, 2, 0.5);
    assert_string_equal(buf_text(&out), "n -9223372036854775808\n"
                                        "n{from=\"ready\"} 7\n"
                                        "n{from=\"ready\",to=\"a\\\"b\\\\c\\nd\"} 0.5\n");
    buf_fini(&out);
}

static void test_doubles(void **state)
{
    (void)state;
    const struct {
        double value;
        const char *text;
    } rows[] = {
        {0, "x 0\n"},
        {0.1, "x 0.1\n"},
        {1e-3, "x 0.001\n"},
        {NAN, "x NaN\n"},
        {INFINITY, "x +Inf\n"},
        {-INFINITY, "x -Inf\n"},
        {1e300, "x 1e+300\n"},
        {1.0 / 3, "x 0.3333333333333333\n"},
        {0.1 + 0.2, "x 0.30000000000000004\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf out = {0};
        prometheus_double(&out, "x", NULL, 0, rows[i].value);
        assert_string_equal(buf_text(&out), rows[i].text);
        buf_fini(&out);
    }
}

static void test_histogram(void **state)
{
    (void)state;
    const double bounds[] = {0.001, 0.01, 1};
    const uint64_t counts[] = {2, 1, 2, 2};
    struct prometheus_histogram histogram = {
        .bounds = bounds, .bound_count = 3, .counts = counts, .sum = 33.0035};
    const struct prometheus_label label = {"probe", STR("game")};
    struct buf out = {0};
    prometheus_histogram(&out, "d", &label, 1, &histogram);
    assert_string_equal(buf_text(&out), "d_bucket{probe=\"game\",le=\"0.001\"} 2\n"
                                        "d_bucket{probe=\"game\",le=\"0.01\"} 3\n"
                                        "d_bucket{probe=\"game\",le=\"1\"} 5\n"
                                        "d_bucket{probe=\"game\",le=\"+Inf\"} 7\n"
                                        "d_sum{probe=\"game\"} 33.0035\n"
                                        "d_count{probe=\"game\"} 7\n");
    buf_clear(&out);
    const struct prometheus_histogram bare = {.counts = (const uint64_t[]){3}, .sum = 1};
    prometheus_histogram(&out, "d", NULL, 0, &bare);
    assert_string_equal(buf_text(&out), "d_bucket{le=\"+Inf\"} 3\nd_sum 1\nd_count 3\n");
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_histogram),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
