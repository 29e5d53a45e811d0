/* What the files of io share and nobody else sees. */
#ifndef OUTRIDER_IO_LOOP_LOOP_BASE_H
#define OUTRIDER_IO_LOOP_LOOP_BASE_H

#include <stdint.h>

struct event_base;
struct loop;

/* libevent's base, borrowed as long as the loop lives. */
struct event_base *loop_base(struct loop *loop);

/* Remembers that a timer ran `late_us` after it was due. */
void loop_note_lag(struct loop *loop, int64_t late_us);

#endif
