/* The kinds a store in memory can be of. */
#include "outrider/registry/memory/memory.h"

enum { MIB = 1024 * 1024, KIB = 1024 };

const struct memory_kind memory_etcd = {.name = "etcd",
                                        .can = REGISTRY_CAN_ALL,
                                        .limits = {.ttl_min_ms = 2000,
                                                   .ttl_max_ms = INT64_C(9000000000) * 1000,
                                                   .ends_factor = 1,
                                                   .key_max = MIB * 3 / 2,
                                                   .value_max = MIB * 3 / 2,
                                                   .page_max = REGISTRY_LIST_MAX}};

const struct memory_kind memory_redis = {
    .name = "redis",
    .can = REGISTRY_CAN_ALL & ~(uint32_t)(REGISTRY_CAN_LIST_AT | REGISTRY_CAN_NEWEST_FIRST |
                                          REGISTRY_CAN_KEEP | REGISTRY_CAN_END_LEASES | REGISTRY_CAN_ISOLATE),
    .limits = {.ttl_min_ms = 2000,
               .ttl_max_ms = INT64_C(1) << 40,
               .ends_factor = 1,
               .ends_more_ms = 1000,
               .key_max = 64 * KIB,
               .value_max = MIB * 3 / 2,
               .page_max = 500}};

const struct memory_kind memory_consul = {.name = "consul",
                                          .can = REGISTRY_CAN_KEEP | REGISTRY_CAN_END_LEASES |
                                                 REGISTRY_CAN_ISOLATE,
                                          .limits = {.ttl_min_ms = 10000,
                                                     .ttl_max_ms = 86400000,
                                                     .ends_factor = 2,
                                                     .key_max = 512,
                                                     .value_max = MIB * 3 / 2}};
