/* What a registry can do and how far it goes. A machine asks for the bit, not for the name, and
 * where it is absent relies on the weaker promise that stands beside it. */
#ifndef OUTRIDER_CORE_REGISTRY_REGISTRY_LIMITS_H
#define OUTRIDER_CORE_REGISTRY_REGISTRY_LIMITS_H

#include <stddef.h>
#include <stdint.h>

enum registry_capability {
    /* The client chooses the id of a lease. Absent: reply.lease has the registry's, and a grant is not repeatable. */
    REGISTRY_CAN_CHOOSE_LEASE = 1 << 0,
    /* lease_ttl says how long. Absent: only whether the lease lives; ttl_known is false. */
    REGISTRY_CAN_TELL_TTL = 1 << 1,
    /* A listing is of `at_revision`. Absent: it is of now, so later pages may be newer than the first. */
    REGISTRY_CAN_LIST_AT = 1 << 2,
    /* A listing respects `limit`. Absent: it is the whole range. */
    REGISTRY_CAN_PAGE = 1 << 3,
    /* A listing respects `newest_first`. Absent: it is in the order of the keys; and either it is whole, or a watch
     * delivers every revision of the store, those of other keys as events without changes. */
    REGISTRY_CAN_NEWEST_FIRST = 1 << 4,
    /* A watch begins at an older revision. Absent: only where nothing changed since; else it ends with read_anew. */
    REGISTRY_CAN_HISTORY = 1 << 5,
    /* A watch delivers every change. Absent: changes are coalesced, each key is delivered as it is last. */
    REGISTRY_CAN_EVERY_CHANGE = 1 << 6,
    /* Every put is a new revision. Absent: the same value under the same lease succeeds at the old one, and so
     * does not fence off an earlier put that is still on its way. */
    REGISTRY_CAN_REVISE_SAME = 1 << 7,
    /* What was acknowledged is kept. Absent: it may be undone, and then reply.epoch is another one. */
    REGISTRY_CAN_KEEP = 1 << 8,
    /* Leases end by themselves. Absent: with the next keepalive, grant or put of any client, or while one watches. */
    REGISTRY_CAN_END_LEASES = 1 << 9,
    /* Access rights per key. Absent: a client that may write one key may write all. */
    REGISTRY_CAN_ISOLATE = 1 << 10,
    /* Keys are any bytes. Absent: they are UTF-8, others are refused. */
    REGISTRY_CAN_ANY_BYTES = 1 << 11
};

#define REGISTRY_CAN_ALL UINT32_C(0xfff)

struct registry_limits {
    int64_t ttl_min_ms, ttl_max_ms;    /* a grant of less, or more, is granted the limit */
    int64_t ends_factor, ends_more_ms; /* a lease ends within factor × TTL + more after the last keepalive */
    size_t key_max, value_max;         /* bytes */
    int64_t page_max;                  /* keys in one listing; 0: no limit */
};

/* Within how many ms after the last keepalive a lease of `ttl_ms` has ended. */
static inline int64_t registry_ends_within_ms(const struct registry_limits *limits, int64_t ttl_ms)
{
    return limits->ends_factor * ttl_ms + limits->ends_more_ms;
}

#endif
