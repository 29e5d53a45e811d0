/* The id of a lease. It is 128 bits wide because some registries name a lease by a UUID; etcd uses `lo` alone. */
#ifndef OUTRIDER_CORE_REGISTRY_REGISTRY_LEASE_H
#define OUTRIDER_CORE_REGISTRY_REGISTRY_LEASE_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct registry_lease {
    uint64_t hi, lo; /* 0, 0: no lease */
};

/* Whether it is no lease. */
static inline bool registry_lease_is_none(struct registry_lease lease)
{
    return lease.hi == 0 && lease.lo == 0;
}

/* Whether both are the same lease, or none. */
static inline bool registry_lease_eq(struct registry_lease a, struct registry_lease b)
{
    return a.hi == b.hi && a.lo == b.lo;
}

enum { REGISTRY_LEASE_TEXT_SIZE = 2 * 16 + 1 };

/* Writes the id in hexadecimal, without leading zeros, and returns `text`. */
const char *registry_lease_text(struct registry_lease lease, char text[static REGISTRY_LEASE_TEXT_SIZE]);

/* Reads what registry_lease_text writes; leading zeros and capitals are accepted. Returns 0, or -1 when it is no
 * hexadecimal number, wider than 128 bits, or 0. */
int registry_lease_parse(struct str text, struct registry_lease *ret_lease) MUST_CHECK;

#endif
