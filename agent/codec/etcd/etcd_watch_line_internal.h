/* A line of a watch can hold a hundred thousand events: they are cut out as text and parsed one at a time, so
 * that no tree of all of them is ever built. */
#ifndef OUTRIDER_CODEC_ETCD_ETCD_WATCH_LINE_INTERNAL_H
#define OUTRIDER_CODEC_ETCD_ETCD_WATCH_LINE_INTERNAL_H

#include "outrider/base/buf.h"

/* Writes to `frame` the line with an empty array in place of its result's events, for a JSON parser to read
 * and to judge. Returns the events, between their brackets, borrowed from `line`; empty when there are none
 * or the line is no such object. */
struct str etcd_watch_line_split(struct str line, struct buf *frame);

/* Takes the next event off `events`. Returns 1 with its text (an object by its first byte, complete by its
 * brackets; what it holds is for a parser to judge), 0 at the end, -1 when what is there is no list of
 * objects. */
int etcd_watch_line_next(struct str *events, struct str *ret_event) MUST_CHECK;

#endif
