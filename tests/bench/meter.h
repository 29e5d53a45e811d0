/* What the measuring programs share. They print one sample a line ("NAME MICROSECONDS") for tests/bench/run
 * to read, and end with 1 and a sentence on stderr when something did not work. */
#ifndef OUTRIDER_BENCH_METER_H
#define OUTRIDER_BENCH_METER_H

#include "outrider/base/attr.h"

#include <stdint.h>
#include <sys/types.h>

/* CLOCK_MONOTONIC in microseconds, not cut to milliseconds as the agent's is. */
int64_t meter_now_us(void);

/* Sleeps that long, whatever signal comes. */
void meter_rest_us(int64_t us);

/* Prints what went wrong and ends the process with 1. */
_Noreturn void meter_die(const char *format, ...) PRINTF_LIKE(1, 2);

/* The whole number in `text`; ends the process when it is none or below 1. */
int64_t meter_number(const char *text);

/* A connection to the stream socket at `path`, blocking. */
int meter_connect_unix(const char *path);

/* Writes all of `text` in one call. */
void meter_write(int fd, const char *text);

/* Reads until a line has ended; ends the process when it does not begin with "OK". */
void meter_expect_ok(int fd);

/* A TCP socket on 127.0.0.1:port that does not listen yet. */
int meter_bind_tcp(uint16_t port);

#endif
