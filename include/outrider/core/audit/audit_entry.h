/* An entry of the audit: one attempt to change something, by whom, from where, and what became of it. */
#ifndef OUTRIDER_CORE_AUDIT_AUDIT_ENTRY_H
#define OUTRIDER_CORE_AUDIT_AUDIT_ENTRY_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"
#include "outrider/base/ulid.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum audit_outcome {
    AUDIT_OK,
    AUDIT_REFUSED, /* nothing was done: not allowed, or the request was wrong */
    AUDIT_FAILED,  /* allowed, and not done, or it is not known whether it was */
    AUDIT_OUTCOME_COUNT
};

/* "ok", "refused", "failed". */
extern const char *const audit_outcome_names[AUDIT_OUTCOME_COUNT];

/* The outcome that a status of HTTP stands for. */
enum audit_outcome audit_outcome_of(int http_status);

/* The texts of an entry, in the order in which they are written. */
enum audit_text {
    AUDIT_WHO,     /* the name; empty: none is known */
    AUDIT_ROLE,    /* what the name may do */
    AUDIT_HOW,     /* how the name was shown: token, cookie, certificate ... */
    AUDIT_FROM,    /* the address of the peer */
    AUDIT_SESSION, /* of the browser */
    AUDIT_AGENT,   /* the agent that was asked */
    AUDIT_WHAT,    /* the action: `drain` */
    AUDIT_TARGET,  /* what it was to change: TYPE/ID of a server, the id of a wave */
    AUDIT_REASON,  /* as the operator gave it */
    AUDIT_BEFORE,  /* what the target was, and what it became, in a few words */
    AUDIT_AFTER,
    AUDIT_CODE,    /* of the error; empty: there was none */
    AUDIT_REQUEST, /* the id of the request */
    AUDIT_TEXTS
};

/* The name of each text in JSON, CSV and parameters, and how many bytes of it are kept. */
struct audit_text_row {
    const char *name;
    size_t max;
};
extern const struct audit_text_row audit_text_rows[AUDIT_TEXTS];

/* Texts are borrowed. */
struct audit_entry {
    char id[ULID_LENGTH + 1]; /* text order is the order in which one agent wrote them */
    int64_t when_wall;        /* ms since 1970 */
    enum audit_outcome outcome;
    uint64_t
        count; /* attempts that it stands for: more than one only where no name is known, and for players' traffic */
    struct str texts[AUDIT_TEXTS];
};

/* Which entries are wanted; an empty text and 0 want any. Texts are borrowed. */
struct audit_filter {
    struct str who;
    struct str what, target; /* one with '*' at its end: whatever begins with the rest */
    bool has_outcome;
    enum audit_outcome outcome;
    int64_t from_wall, to_wall; /* from the first on, and before the second */
};

/* Whether the filter wants the entry. */
bool audit_wants(const struct audit_filter *filter, const struct audit_entry *entry);

/* Reads the name of an outcome. Returns 0, or -1 where there is none of that name. */
int audit_outcome_parse(struct str name, enum audit_outcome *ret_outcome) MUST_CHECK;

/* The ids of one agent's entries: each is larger than the one before, whatever the clock does. {.last = ""} is before the first. */
struct audit_ids {
    char last[ULID_LENGTH + 1];
    int64_t last_wall;
    uint8_t entropy[10];
};

/* Goes on behind the id `last`, of before a restart. */
void audit_ids_resume(struct audit_ids *ids, const char *last);

/* Writes the next id, of `wall_ms` or of the time of the one before where that is later. `entropy` is random. */
void audit_ids_next(struct audit_ids *ids, int64_t wall_ms, const uint8_t entropy[static 10],
                    char out[static ULID_LENGTH + 1]);

/* The least id of a time, ms since 1970: entries of it and of later ones are not before it. */
void audit_id_floor(int64_t wall_ms, char out[static ULID_LENGTH + 1]);

#endif
