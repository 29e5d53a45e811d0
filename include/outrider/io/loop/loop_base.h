/* The loop as the other folders of io see it. */
#ifndef OUTRIDER_IO_LOOP_LOOP_BASE_H
#define OUTRIDER_IO_LOOP_LOOP_BASE_H

#include <stdint.h>

struct event_base;
struct loop;

/* libevent's base, borrowed for the life of the loop. */
struct event_base *loop_base(struct loop *loop);

/* Records that a timer ran `late_us` after it was due. */
void loop_note_lag(struct loop *loop, int64_t late_us);

#endif
