/* One-shot timers. A timer never fires early: its callback runs when clock_mono_ms() has advanced by the
 * delay. */
#ifndef OUTRIDER_IO_LOOP_TIMER_H
#define OUTRIDER_IO_LOOP_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct timer;

/* Called from the loop. May arm the timer again, and may free it. */
typedef void timer_fn(void *user);

/* An unarmed timer on `loop` (borrowed until timer_free). The caller owns it. */
struct timer *timer_new(struct loop *loop, timer_fn *fn, void *user);

/* Cancels and frees the timer; no callback follows. Accepts NULL. */
void timer_free(struct timer *timer);

/* Arms the timer to fire once in `delay_ms` (0 or less: in the next turn). An armed timer is moved. Costs no
 * system call. */
void timer_arm_ms(struct timer *timer, int64_t delay_ms);

/* Likewise, in microseconds. */
void timer_arm_us(struct timer *timer, int64_t delay_us);

/* Likewise, when clock_mono_ms() reaches `mono_ms`; INT64_MAX cancels. */
void timer_arm_at_ms(struct timer *timer, int64_t mono_ms);

/* Disarms the timer. No effect when it is not armed. */
void timer_cancel(struct timer *timer);

/* Whether the timer is armed. */
bool timer_is_armed(const struct timer *timer);

#endif
