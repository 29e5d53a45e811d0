/* Who leads which scope, as the keys below `leader/` say (docs/design/protocol.md, "Leadership"): for those who watch. They
 * come from a mirror (core/registry/mirror.h), one change at a time, and when all of a step are applied, each scope whose
 * leader is another one is told of once.
 *
 * The same keys count as for the candidates themselves (election.h): one that its lease does not name stands for nothing,
 * and an unreadable value keeps its place. */
#ifndef OUTRIDER_CORE_LEADER_LEADERS_H
#define OUTRIDER_CORE_LEADER_LEADERS_H

#include "outrider/base/str.h"
#include "outrider/core/instant.h"
#include "outrider/core/leader/candidate.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct leaders;
struct mirror_key;

/* Scopes at most, and bytes of a name. */
enum { LEADERS_SCOPES_MAX = 256, LEADERS_NAME_MAX = 128 };

/* Why a key is no candidate, or one of whom nothing is known. */
enum leaders_skip {
    LEADERS_OTHER_KEY,   /* it is not SCOPE/LEASE */
    LEADERS_NO_LEASE,    /* it stands without a lease */
    LEADERS_OTHER_LEASE, /* it is not named by its lease */
    LEADERS_UNREADABLE,  /* it stands, and its value cannot be read */
    LEADERS_NO_ROOM,     /* of a scope beyond LEADERS_SCOPES_MAX */
    LEADERS_SKIP_COUNT
};

/* "other_key", "no_lease", "other_lease", "unreadable", "no_room". */
const char *leaders_skip_name(enum leaders_skip skip);

/* One scope; borrowed until the next change. */
struct leaders_scope {
    struct str name;
    size_t candidates; /* that stand, the leader included */
    int64_t token;     /* of the leader: its create revision; 0: none */
    bool named;        /* who leads is known: `who` */
    struct candidate who;
    int64_t since_wall; /* since when it leads, as seen from here, ms since 1970 */
    uint64_t elections; /* leaders that came while this agent watched */
};

/* No scopes. `prefix`, with its last '/', is copied. The caller owns the result. */
struct leaders *leaders_new(const char *prefix);

/* Accepts NULL. */
void leaders_free(struct leaders *leaders);

/* A key came (`was` is NULL), changed or went (`is` is NULL). `is` is borrowed until it is `was`. `readable`: its value says who
 * it is. */
void leaders_change(struct leaders *leaders, const struct mirror_key *was, const struct mirror_key *is,
                    bool readable);

/* The next scope whose leader is another one, or none any more, or says another thing of itself, since the last call of
 * leaders_settle() for it. `ret_value` is the value of the leader's key. NULL: no more. */
const struct leaders_scope *leaders_next(const struct leaders *leaders, struct str *ret_value);

/* Takes the leader of `scope`, the last of leaders_next(), over: `who` is what its value says, NULL: unreadable, or there is no leader.
 * `present`: it led when this agent began to watch, and has since it stood, as far as is known. */
void leaders_settle(struct leaders *leaders, const struct leaders_scope *scope, const struct candidate *who,
                    const struct instant *now, bool present);

/* The scopes in the order of their names; those that had a leader stay for their counts, as long as there is room. */
size_t leaders_count(const struct leaders *leaders);
const struct leaders_scope *leaders_at(const struct leaders *leaders, size_t index);

/* The scope of that name; NULL: there is none. */
const struct leaders_scope *leaders_find(const struct leaders *leaders, struct str name);

/* Whether the server, or whatever it is, leads at least one scope: the first of them by name; else NULL. */
const struct leaders_scope *leaders_led_by(const struct leaders *leaders, struct str type, struct str id);

/* Keys at present, of each reason. */
size_t leaders_skipped(const struct leaders *leaders, enum leaders_skip skip);

#endif
