/* What etcd can do (docs/design/etcd-gateway.md, "Lease ids" and "Errors"). */
#include "etcd_internal.h"

enum { REQUEST_MAX = 1536 * 1024 };

uint32_t etcd_can(const struct registry *registry)
{
    (void)registry;
    return REGISTRY_CAN_ALL;
}

void etcd_limits(const struct registry *registry, struct registry_limits *ret_limits)
{
    (void)registry;
    *ret_limits = (struct registry_limits){.ttl_min_ms = 2000,
                                           .ttl_max_ms = INT64_C(9000000000) * 1000,
                                           .ends_factor = 1,
                                           .ends_more_ms = 500,
                                           .key_max = REQUEST_MAX,
                                           .value_max = REQUEST_MAX,
                                           .page_max = REGISTRY_LIST_MAX};
}
