/* The clocks of the machine. Only os and what stands above it may ask for the time; the core is told. */
#ifndef OUTRIDER_OS_CLOCK_H
#define OUTRIDER_OS_CLOCK_H

#include <stdint.h>

/* Milliseconds of CLOCK_MONOTONIC: stands still while the machine sleeps. */
int64_t clock_mono_ms(void);

/* Microseconds of CLOCK_MONOTONIC, for durations. */
int64_t clock_mono_us(void);

/* Milliseconds of CLOCK_BOOTTIME: runs on while the machine sleeps, as leases do. */
int64_t clock_boot_ms(void);

/* Milliseconds since 1970, only ever to be shown: it may jump. */
int64_t clock_wall_ms(void);

#endif
