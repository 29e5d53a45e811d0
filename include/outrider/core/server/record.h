/* The record of one server as the registry keeps it (docs/design/protocol.md, "Record"). */
#ifndef OUTRIDER_CORE_SERVER_RECORD_H
#define OUTRIDER_CORE_SERVER_RECORD_H

#include "outrider/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum status {
    STATUS_INITIALIZING,
    STATUS_READY,
    STATUS_DRAINING,
    STATUS_SHUTTING_DOWN,
    STATUS_ERROR,
    STATUS_COUNT
};

/* "initializing", "ready", "draining", "shutting_down" or "error". */
const char *status_name(enum status status);

/* The status of that name. Returns 0, or -1 for any other word, which a reader must take for not ready. */
int status_parse(struct str name, enum status *ret_status) MUST_CHECK;

enum { RECORD_PORTS_MAX = 64, RECORD_LABELS_MAX = 64, RECORD_TAGS_MAX = 64 };

struct record_label {
    char *name;
    char *value;
};

struct record_drain {
    bool set;              /* any hold is set */
    char *holds;           /* names separated by commas, e.g. "ops,self" */
    char *by, *reason;     /* of the first hold; NULL: absent */
    char *operation;       /* of the drain of many servers that the ops hold is part of; NULL: absent */
    int64_t since_wall;    /* ms */
    int64_t deadline_wall; /* ms; 0: absent */
};

/* NULL strings, zero counts and false `has_` fields are absent from the JSON. The struct owns its strings. */
struct record {
    char *id, *type, *host;
    uint16_t ports[RECORD_PORTS_MAX];
    size_t port_count;
    enum status status;
    int64_t updated_wall; /* ms */
    char *custom_state, *reason;
    char *region, *zone, *group, *version;
    char *tags[RECORD_TAGS_MAX];
    size_t tag_count;
    struct record_label labels[RECORD_LABELS_MAX]; /* sorted by name */
    size_t label_count;
    bool has_players, has_capacity, has_weight;
    uint32_t players, capacity;
    uint32_t weight; /* its share in placements, 0 to 100; absent: 1 */
    struct record_drain drain;
    int64_t started_wall; /* ms; 0: absent */
};

/* Frees what the record owns and zeroes it; accepts NULL. */
void record_fini(struct record *record);

/* Makes `ret_copy` (not yet initialised) a copy of `record`, which the caller ends with record_fini. */
void record_copy(const struct record *record, struct record *ret_copy);

/* Whether both are equal, `updated_wall` aside. */
bool record_equal(const struct record *a, const struct record *b);

/* Whether they differ in status, holds or address (id, host, ports), which is written at once; other changes
 * may wait for min_publish_interval. */
bool record_urgent(const struct record *a, const struct record *b);

#endif
