/* What the files of io share and nobody else sees. */
#ifndef OUTRIDER_IO_LOOP_LOOP_BASE_H
#define OUTRIDER_IO_LOOP_LOOP_BASE_H

#include <stdint.h>

struct event_base;
struct loop;
struct resolver;

/* libevent's base, borrowed as long as the loop lives. */
struct event_base *loop_base(struct loop *loop);

/* Remembers that a timer ran `late_us` after it was due. */
void loop_note_lag(struct loop *loop, int64_t late_us);

/* The resolver of this loop: resolve.c's, zero until it is used. */
struct resolver *loop_resolver(struct loop *loop);

#endif
