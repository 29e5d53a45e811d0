/* The history of servers and of the fleet as the API shows it (docs/http-api.md, "History"). */
#ifndef OUTRIDER_CODEC_HISTORY_HISTORY_JSON_H
#define OUTRIDER_CODEC_HISTORY_HISTORY_JSON_H

#include "outrider/base/str.h"
#include "outrider/core/instant.h"

#include <stddef.h>
#include <stdint.h>

struct buf;
struct history;
struct history_server;

/* Appends {"type","id","online","status","record","goneAt","why","transitions":[...],"lives":[...],"players":{...},"stale","now"}:
 * transitions and lives the oldest first, `record` as it stands in the registry or null. */
void history_json_server(const struct history *history, const struct history_server *server,
                         const struct instant *now, struct buf *out);

/* Appends all of history_json_fleet() that is the same until the next minute is recorded: its beginning. */
void history_json_series(const struct history *history, struct buf *out);

/* Appends {"minutes":1440,"step":60,"until","types":{"TYPE":{"players":[...],"seats":[...],"servers":{"ready":[...],...}}},"now"}.
 * `series`: of history_json_series(). Each list has one number for each minute, the oldest first, null where it is not known; the last is of `until`. Minutes before
 * the first that any type knows are left out. */
void history_json_fleet(const struct history *history, struct str series, const struct instant *now,
                        struct buf *out);

/* Appends {"servers":[{"type","id","status","goneAt","why","record"}],"total","now"}: the last that went first, at most `limit`. */
void history_json_offline(const struct history *history, size_t limit, const struct instant *now,
                          struct buf *out);

/* Appends {"transitions":[...],"next","now"}: the newest with a lower seq than `before` first, at most `limit`; `next` is the
 * `before` of the page that follows, or null. */
void history_json_activity(const struct history *history, uint64_t before, size_t limit,
                           const struct instant *now, struct buf *out);

/* Appends the data of the event `offline`: {"type","id","status","goneAt","why","record"}. */
void history_json_gone(const struct history_server *server, struct buf *out);

#endif
