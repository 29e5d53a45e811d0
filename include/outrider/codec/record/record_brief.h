/* What the history of a server needs of its record, without a copy of the rest. */
#ifndef OUTRIDER_CODEC_RECORD_RECORD_BRIEF_H
#define OUTRIDER_CODEC_RECORD_RECORD_BRIEF_H

#include "outrider/base/str.h"
#include "outrider/base/ulid.h"

#include <stdbool.h>
#include <stdint.h>

/* In bytes, without the NUL. A longer text is cut after a word. */
enum { RECORD_BRIEF_MAX = 200 };

/* Absent texts are "". */
struct record_brief {
    char reason[RECORD_BRIEF_MAX + 1];
    bool drained;
    char holds[RECORD_BRIEF_MAX + 1], by[RECORD_BRIEF_MAX + 1], drain_reason[RECORD_BRIEF_MAX + 1];
    char operation[ULID_LENGTH + 1]; /* of the drain; "" as well where it is no ULID */
    int64_t started_wall;            /* ms since 1970; 0: absent */
};

/* Reads a record of the view, which was decoded before. What is none after all gives an empty brief. */
void record_brief(struct str json, struct record_brief *ret_brief);

#endif
