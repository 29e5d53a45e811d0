/* One attempt of a driver on the loop of the test. */
#ifndef OUTRIDER_TESTS_TRY_CASE_H
#define OUTRIDER_TESTS_TRY_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/io/loop/loop.h"
#include "outrider/io/net/resolver.h"
#include "outrider/probe/driver.h"

/* A loop and a resolver: setup and teardown of a test. */
extern struct probe_context try_context;
int try_setup(void **state);
int try_teardown(void **state);

/* What an attempt found; texts are copies. */
struct try_result {
    int calls;
    enum probe_outcome outcome;
    char detail[256], map[257], version[257], name[257];
    int64_t players, capacity; /* -1: unknown */
    int64_t duration_us;
};

/* The probe_try_fn of such a result. */
void try_done(const struct probe_result *found, void *user);

/* Makes one attempt and turns the loop until it has ended. */
struct try_result try_host(const struct config_probe *probe, const char *host);

void assert_passed(const struct try_result *result, int64_t players, int64_t capacity);
void assert_failed(const struct try_result *result, enum probe_outcome outcome, const char *detail);

#endif
