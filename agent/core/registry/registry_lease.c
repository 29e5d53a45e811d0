#include "outrider/core/registry/registry_lease.h"

#include <inttypes.h>
#include <stdio.h>

const char *registry_lease_text(struct registry_lease lease, char text[static REGISTRY_LEASE_TEXT_SIZE])
{
    if (lease.hi != 0) {
        snprintf(text, REGISTRY_LEASE_TEXT_SIZE, "%" PRIx64 "%016" PRIx64, lease.hi, lease.lo);
    } else {
        snprintf(text, REGISTRY_LEASE_TEXT_SIZE, "%" PRIx64, lease.lo);
    }
    return text;
}

int registry_lease_parse(struct str text, struct registry_lease *ret_lease)
{
    struct registry_lease lease = {0};
    if (text.size == 0 || text.size >= REGISTRY_LEASE_TEXT_SIZE) {
        return -1;
    }
    for (size_t i = 0; i < text.size; i++) {
        int digit = hex_value(text.data[i]);
        if (digit < 0) {
            return -1;
        }
        lease.hi = lease.hi << 4 | lease.lo >> 60;
        lease.lo = lease.lo << 4 | (uint64_t)digit;
    }
    if (registry_lease_is_none(lease)) {
        return -1;
    }
    *ret_lease = lease;
    return 0;
}
