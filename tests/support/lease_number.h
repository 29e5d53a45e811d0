/* Lease ids as the small numbers that models of a registry count with. */
#ifndef OUTRIDER_TESTS_SUPPORT_LEASE_NUMBER_H
#define OUTRIDER_TESTS_SUPPORT_LEASE_NUMBER_H

#include "outrider/core/registry/registry_request.h"

static inline struct registry_lease lease_of(int64_t number)
{
    return (struct registry_lease){.lo = (uint64_t)number};
}

static inline int64_t lease_number(struct registry_lease lease)
{
    return (int64_t)lease.lo;
}

#endif
