/* The values of the keys of reservations (docs/design/protocol.md, "Reservations").
 *
 *     CONTROL_PREFIX/seats/TYPE/SERVER   {"reservations":[{"id":"p-7","seats":4,"until":"2026-11-21T02:14:00.123Z","by":"obs-1"}]}
 *     CONTROL_PREFIX/seat-ids/TYPE/ID    {"server":"w1","seats":4,"until":"2026-11-21T02:14:00.123Z"}
 *
 * An entry may have "key", 16 hexadecimal digits. Strict: a value with a member that is not known is not read, so that no agent
 * of this version writes it without what a later one has put in it. */
#ifndef OUTRIDER_CODEC_RECORD_SEATS_JSON_H
#define OUTRIDER_CODEC_RECORD_SEATS_JSON_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

struct buf;
struct error;
struct reservation_place;
struct reservations;

/* The longest values that are accepted, in bytes. Any list of RESERVATIONS_MAX entries is shorter. */
enum { SEATS_JSON_MAX = 393216, SEAT_ID_JSON_MAX = 1024 };

/* Appends the value of a server's key. */
void seats_encode(const struct reservations *list, struct buf *out);

/* Reads one; `ret_list` is empty before, and the caller's to end with reservations_fini(). Returns 0, or -1 with ERROR_LIMIT or
 * ERROR_INVALID, and `ret_list` empty. */
int seats_decode(struct str text, struct reservations *ret_list, struct error *err) MUST_CHECK;

/* Appends the value of the key of an id. */
void seat_id_encode(const struct reservation_place *place, struct buf *out);

/* Reads one. Returns 0, or -1 as above, with `ret_place` unchanged. */
int seat_id_decode(struct str text, struct reservation_place *ret_place, struct error *err) MUST_CHECK;

#endif
