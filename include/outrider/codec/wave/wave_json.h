/* Operations on waves of servers as JSON (docs/design/protocol.md, "Waves"): the value of their key below `drains/`, what the API
 * shows of them, and the members of a request. */
#ifndef OUTRIDER_CODEC_WAVE_WAVE_JSON_H
#define OUTRIDER_CODEC_WAVE_WAVE_JSON_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <jansson.h>

struct buf;
struct error;
struct json_writer;
struct wave;
struct wave_plan;
struct wave_spec;
struct wave_wait;

/* The longest value that is accepted, in bytes: all servers with all their texts fit. */
enum { WAVE_VALUE_MAX = 512 << 10 };

/* What a document is for. */
enum wave_json_kind {
    WAVE_JSON_STORED,
    WAVE_JSON_SHOWN, /* with what follows from it, and without what only drivers need */
    WAVE_JSON_BRIEF  /* the same without its servers */
};

/* Appends the operation as one object. */
void wave_encode(const struct wave *wave, enum wave_json_kind kind, struct buf *out);

/* The same, SHOWN, with what it waits for as the member `waitsFor`. */
void wave_encode_waiting(const struct wave_wait *wait, struct buf *out);

/* Reads a stored value. The caller ends `ret_wave` with wave_fini(). Returns 0, or -1 with ERROR_LIMIT (longer than WAVE_VALUE_MAX,
 * too many servers, a text too long) or ERROR_INVALID. */
int wave_decode(struct str text, struct wave *ret_wave, struct error *err) MUST_CHECK;

/* The spec of a request that says nothing. */
void wave_spec_default(struct wave_spec *ret_spec);

/* Takes a member of a spec. Returns 0, -1 with `err` (ERROR_INVALID, ERROR_LIMIT), or 1 for a name that it does not know. */
int wave_spec_member(struct wave_spec *spec, const char *name, const json_t *value,
                     struct error *err) MUST_CHECK;

/* What wave_spec_member() knows, for an error about another name. */
#define WAVE_SPEC_MEMBERS                                                                                    \
    "reason, wave, maxDraining, freeSeats, keepOne, pause, settle, deadline, onError and then"

/* Writes a preview as members of an open object: planHash, servers, waves, warnings. */
void wave_plan_members(struct json_writer *json, const struct wave_plan *plan);

#endif
