#include "outrider/core/registry/registry_request.h"

#include "outrider/base/attr.h"

const char *registry_op_name(enum registry_op op)
{
    static const char *const names[REGISTRY_OP_COUNT] = {
        [REGISTRY_GRANT] = "grant",   [REGISTRY_KEEPALIVE] = "keepalive",
        [REGISTRY_REVOKE] = "revoke", [REGISTRY_LEASE_TTL] = "lease_ttl",
        [REGISTRY_GET] = "get",       [REGISTRY_PUT] = "put",
        [REGISTRY_DELETE] = "delete", [REGISTRY_LIST] = "list",
        [REGISTRY_PROVE] = "prove",   [REGISTRY_COMPARE] = "compare",
        [REGISTRY_TXN] = "txn",
    };
    return (size_t)op < COUNT_OF(names) ? names[op] : "unknown";
}

const char *registry_failure_name(enum registry_failure failure)
{
    static const char *const names[REGISTRY_FAILURE_COUNT] = {
        [REGISTRY_OK] = "ok",
        [REGISTRY_RETRY] = "retry",
        [REGISTRY_UNKNOWN] = "unknown",
        [REGISTRY_LEASE_LOST] = "lease_lost",
        [REGISTRY_LEASE_EXISTS] = "lease_exists",
        [REGISTRY_OVERLOADED] = "overloaded",
        [REGISTRY_DENIED] = "denied",
        [REGISTRY_REFUSED] = "refused",
    };
    return (size_t)failure < COUNT_OF(names) ? names[failure] : "invalid";
}
