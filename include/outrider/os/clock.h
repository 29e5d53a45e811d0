/* The clocks of the machine. The core is given the time with each event and does not read them. */
#ifndef OUTRIDER_OS_CLOCK_H
#define OUTRIDER_OS_CLOCK_H

#include <stdint.h>

/* Milliseconds of CLOCK_MONOTONIC, which stops while the machine sleeps. */
int64_t clock_mono_ms(void);

/* Microseconds of CLOCK_MONOTONIC, for durations. */
int64_t clock_mono_us(void);

/* Milliseconds of CLOCK_BOOTTIME, which goes on while the machine sleeps, as leases do. */
int64_t clock_boot_ms(void);

/* Milliseconds since 1970, for display only: the clock may jump. */
int64_t clock_wall_ms(void);

#endif
