#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/os/mapped_code.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const words[] = {"lease", "probe", "fleet"};
static int changed = 1;

/* kB of mapped files that are resident, from /proc/self/status; 0: this kernel does not say. */
static long resident_files(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    long found = 0;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "RssFile:", 8) == 0) {
            found = strtol(line + 8, NULL, 10);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return found;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What was released runs and reads as before, and what was written stays. */
static void test_release(void **state)
{
    (void)state;
    const char *sorted[] = {words[0], words[1], words[2]};
    changed = 17;
    long before = resident_files();
    size_t released = mapped_code_release();
    long after = resident_files();
    assert_in_range(released, 64 * 1024, SIZE_MAX);
    assert_true(before == 0 || after < before);
    qsort(sorted, 3, sizeof(sorted[0]), compare);
    assert_string_equal(sorted[0], "fleet");
    assert_string_equal(sorted[2], "probe");
    assert_int_equal(changed, 17);
    assert_in_range(mapped_code_release(), released, released);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_release)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
