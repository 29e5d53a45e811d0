/* The signature of a record whose members were just read. */
#ifndef OUTRIDER_CODEC_RECORD_RECORD_CHECK_INTERNAL_H
#define OUTRIDER_CODEC_RECORD_RECORD_CHECK_INTERNAL_H

#include "outrider/base/attr.h"

struct error;
struct record_check;
struct record_scan;
struct view_item;

/* record_check() of an `item->entry` that was made from `record`: its JSON is not read a second time. `check` may be NULL. */
int record_check_scanned(const struct record_check *check, const struct record_scan *record,
                         struct view_item *item, struct error *err) MUST_CHECK;

#endif
