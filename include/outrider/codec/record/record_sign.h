/* Signed records (docs/design/protocol.md, "Signed records"). The value of a signed record ends with the member `sig`:
 *
 *     {"id":"world-1",…,"startedAt":"…","sig":"1f9d3a77:BASE64"}
 *     \_________________ signed ________________/
 *
 * What is signed is `outrider record 1`, a line feed, the key of the record, a line feed, and the bytes of the value before
 * `,"sig":"`. To verify it no JSON has to be written again. */
#ifndef OUTRIDER_CODEC_RECORD_RECORD_SIGN_H
#define OUTRIDER_CODEC_RECORD_RECORD_SIGN_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"
#include "outrider/core/fleet/view_skip.h"

#include <stdbool.h>
#include <stddef.h>

struct blob;
struct buf;
struct error;
struct sign_key;
struct sign_trust;
struct view;
struct view_entry;
struct view_item;

/* Bytes that a signature adds to a record. */
size_t record_signature_size(void);

/* Adds the signature to the record in `json`, which is to be written to `key`. */
void record_sign(const struct sign_key *signer, struct str key, struct buf *json);

/* Whether `value` at `key` has the signature that `signer` gives it. */
bool record_is_signed(const struct sign_key *signer, struct str key, struct str value);

/* How records are checked. Everything is borrowed. */
struct record_check {
    const struct sign_trust *trust; /* NULL: signatures are not looked at */
    bool require;                   /* a record without a good one is not served */
    const struct view *known;       /* what it holds is not verified again; NULL: nothing is known */
};

/* Judges the signature of a record that was decoded, as `item->entry`: sets the `signature` of the entry, and of the item
 * `signed_wall`. Returns 0, or -1 with the reason in `item->skip` where the record is not served for it. */
int record_check(const struct record_check *check, struct view_item *item, struct error *err) MUST_CHECK;

/* Appends the record as the API shows it: its bytes, and where signatures are checked the member `signed` behind the others:
 * true, false (a wrong signature) or null (none). */
void record_write_served(const struct view_entry *entry, struct buf *out);

/* The same in a blob: the one of the record itself where signatures are not checked, so that nothing is copied. The caller owns
 * one reference. */
struct blob *record_served(const struct view_entry *entry);

#endif
