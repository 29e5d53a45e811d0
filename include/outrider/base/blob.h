/* Immutable bytes with a reference count: the bytes of a record are stored once and shared by lists, streams and disk. */
#ifndef OUTRIDER_BASE_BLOB_H
#define OUTRIDER_BASE_BLOB_H

#include "outrider/base/str.h"

#include <stddef.h>

struct blob;

/* A new blob holding a copy of `text`; the caller owns one reference. */
struct blob *blob_new(struct str text);

/* One more reference to the same blob; returns it. NULL gives NULL. */
struct blob *blob_ref(struct blob *blob);

/* Gives one reference back; the last one frees. Accepts NULL. */
void blob_unref(struct blob *blob);

/* The bytes, borrowed as long as a reference is held; empty for NULL. */
struct str blob_view(const struct blob *blob);

/* Whether both hold the same bytes; NULL equals only NULL. */
bool blob_eq(const struct blob *a, const struct blob *b);

#endif
