/* The one reader of record JSON: record_json.c copies its result into a struct record, view_item.c into an entry of the fleet
 * view. Both therefore accept the same records: what the fleet view lists, a takeover can continue. */
#ifndef OUTRIDER_CODEC_RECORD_RECORD_SCAN_INTERNAL_H
#define OUTRIDER_CODEC_RECORD_RECORD_SCAN_INTERNAL_H

#include "outrider/base/attr.h"
#include "outrider/codec/json/json_scan.h"
#include "outrider/core/fleet/view_entry.h"
#include "outrider/core/fleet/view_skip.h"

enum { RECORD_HOLDS_MAX = 16, RECORD_HOLD_NAME_MAX = 64 };

/* Members that only a takeover reads. Their kinds are checked like those of all others; a text longer than VIEW_TEXT_MAX counts as
 * absent. Times in wall ms; 0: absent. */
struct record_details {
    struct str custom_state, reason;
    int64_t updated_wall, started_wall;
    bool drain;
    struct str holds[RECORD_HOLDS_MAX];
    size_t hold_count;
    struct str drain_by, drain_reason, drain_operation;
    int64_t drain_since_wall, drain_deadline_wall;
};

/* Zero before use; ends with json_scan_fini() of `scan`. Texts are borrowed from the JSON, or from `scan` where it has escapes. */
struct record_scan {
    struct json_scan scan;
    struct view_entry_facts facts;
    struct str type, id;
    uint16_t ports[RECORD_PORTS_MAX];
    size_t port_count;
    struct record_details details;
    struct str sig;            /* the signature, as it was written; no data: absent */
    uint32_t seen, seen_drain; /* one bit for each member that was there, of the record and of its drain */
    uint64_t *others;          /* hashes of the names of unknown members; NULL after record_scan() */
    size_t other_count, other_capacity;
    enum view_skip skip; /* why it is no record */
};

/* Reads the whole of `json`. The members id, type and status are there and not empty on success; `facts.status` is
 * STATUS_UNKNOWN for a status of another version. Returns 0, or -1 with ERROR_LIMIT (too long, too many, too deep) or
 * ERROR_INVALID (not a record), and `skip` set. Total on any bytes; memory is bounded by the size of `json`. */
int record_scan(struct record_scan *record, struct str json, struct error *err) MUST_CHECK;

#endif
