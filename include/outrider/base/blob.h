/* Immutable bytes with a reference count: the bytes of a record are stored once and shared by lists, streams and disk. */
#ifndef OUTRIDER_BASE_BLOB_H
#define OUTRIDER_BASE_BLOB_H

#include "outrider/base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct blob;

/* A new blob holding a copy of `text`; the caller owns one reference. */
struct blob *blob_new(struct str text);

/* A new blob with the bytes of `text`, which is emptied. Not copied: the memory of a long text is not needed twice. The
 * caller owns one reference. */
struct blob *blob_take(struct buf *text);

/* One more reference to the same blob; returns it. NULL gives NULL. */
struct blob *blob_ref(struct blob *blob);

/* Gives one reference back; the last one frees. Accepts NULL. */
void blob_unref(struct blob *blob);

/* The bytes, borrowed as long as a reference is held; empty for NULL. */
struct str blob_view(const struct blob *blob);

/* Whether both hold the same bytes; NULL equals only NULL. */
bool blob_eq(const struct blob *a, const struct blob *b);

/* A reference that keeps nothing: `*place` becomes the blob, and NULL when its last reference is given back. A blob has
 * one such place at a time; NULL for `place` ends it. */
void blob_watch(struct blob *blob, struct blob **place);

/* Counts those that the bytes wait for, so that what many wait for counts once. blob_wait() returns whether it is the
 * first, blob_waited() whether it was the last. For one server: only one may count. */
bool blob_wait(struct blob *blob);
bool blob_waited(struct blob *blob);

#endif
