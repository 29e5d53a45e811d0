/* Encodes Server-Sent Events (WHATWG HTML, "Server-sent events"), and the event ids with which a client resumes. */
#ifndef OUTRIDER_CODEC_TEXT_SSE_H
#define OUTRIDER_CODEC_TEXT_SSE_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct view_entry;

/* "REVISION-CLUSTER": the revision in decimal, the cluster's id in hexadecimal as etcdctl prints it, without leading zeros. */
struct sse_id {
    int64_t revision;
    uint64_t cluster;
};

/* Parses a Last-Event-ID. Returns 0, or -1 for anything that sse_event() does not write. */
int sse_id_parse(struct str text, struct sse_id *ret_id) MUST_CHECK;

/* Appends one event. `name` may be empty (a plain message). `data` must not be empty, or clients ignore the
 * event; line ends of any kind in it reach the client as LF. `id` may be NULL: the client keeps the id before. */
void sse_event(struct buf *out, struct str name, struct str data, const struct sse_id *id);

/* Appends a comment, which clients ignore, to keep the connection open. `text` is one line. */
void sse_comment(struct buf *out, struct str text);

/* The text of an id, NUL included. */
enum { SSE_ID_SIZE = 40 };

/* Writes the text of an id. */
void sse_id_text(const struct sse_id *id, char ret_text[static SSE_ID_SIZE]);

/* Appends the event "remove" for the last known record: {"key","type","id","clean"}. */
void sse_remove(struct buf *out, const struct view_entry *was, bool clean, const struct sse_id *id);

/* Appends the event "synced", which ends the initial records: {"total":N,"revision":R,"stale":false}. */
void sse_synced(struct buf *out, size_t total, bool stale, const struct sse_id *id);

/* Append their data alone. */
void sse_remove_data(struct buf *out, const struct view_entry *was, bool clean);
void sse_synced_data(struct buf *out, size_t total, bool stale, const struct sse_id *id);

#endif
