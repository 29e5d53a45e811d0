/* Leases, and the clock by which they end. */
#include "memory_internal.h"

#include "outrider/base/mem.h"

/* As the script for Redis: no request moves a clock that stands between requests by more. */
enum { STEP_MS = 2000 };

static int64_t end_of(const struct memory *memory, const struct lease *lease)
{
    return memory->now_ms + lease->ttl_ms * memory->kind->limits.ends_factor;
}

static void end_those_over(struct memory *memory)
{
    for (struct lease **lease = &memory->leases; *lease != NULL;) {
        if ((*lease)->ends_ms <= memory->now_ms) {
            memory_end_lease(memory, lease);
        } else {
            lease = &(*lease)->next;
        }
    }
}

void memory_pass(struct memory *memory, int64_t ms)
{
    if (memory_can(memory, REGISTRY_CAN_END_LEASES)) {
        memory->now_ms += ms;
        end_those_over(memory);
    } else {
        memory->passed_ms += ms;
    }
}

void memory_tick(struct memory *memory)
{
    memory->now_ms += memory->passed_ms < STEP_MS ? memory->passed_ms : STEP_MS;
    memory->passed_ms = 0;
    end_those_over(memory);
}

void memory_renew_all(struct memory *memory)
{
    for (struct lease *lease = memory->leases; lease != NULL; lease = lease->next) {
        lease->ends_ms = end_of(memory, lease);
    }
}

/* Whole seconds, within the limits. */
static int64_t granted_ms(const struct memory *memory, int64_t ttl_ms)
{
    const struct registry_limits *limits = &memory->kind->limits;
    int64_t whole = (ttl_ms + 999) / 1000 * 1000;
    whole = whole < limits->ttl_min_ms ? limits->ttl_min_ms : whole;
    return whole > limits->ttl_max_ms ? limits->ttl_max_ms : whole;
}

static void grant(struct memory *memory, const struct registry_request *request, struct registry_reply *reply)
{
    struct registry_lease id = request->lease;
    if (!memory_can(memory, REGISTRY_CAN_CHOOSE_LEASE)) {
        id = (struct registry_lease){.hi = UINT64_C(0x6d656d6f7279), .lo = ++memory->last_lease};
    } else if (*memory_find_lease(memory, id) != NULL) {
        memory_fail(memory, reply, REGISTRY_LEASE_EXISTS, "lease already exists");
        return;
    }
    struct lease *lease = mem_zalloc(sizeof(*lease));
    lease->id = id;
    lease->ttl_ms = granted_ms(memory, request->ttl_ms);
    lease->ends_ms = end_of(memory, lease);
    lease->next = memory->leases;
    memory->leases = lease;
    reply->lease = id;
    reply->ttl_ms = lease->ttl_ms;
}

static void keepalive(struct memory *memory, const struct registry_request *request,
                      struct registry_reply *reply)
{
    struct lease *lease = *memory_find_lease(memory, request->lease);
    if (lease == NULL) {
        memory_fail(memory, reply, REGISTRY_LEASE_LOST, "the lease does not exist any more");
        return;
    }
    lease->ends_ms = end_of(memory, lease);
    reply->ttl_ms = lease->ttl_ms;
}

static void revoke(struct memory *memory, const struct registry_request *request)
{
    struct lease **lease = memory_find_lease(memory, request->lease);
    if (*lease != NULL) {
        memory_end_lease(memory, lease);
    }
}

static void time_to_live(const struct memory *memory, const struct lease *lease, struct registry_reply *reply)
{
    reply->ttl_known = memory_can(memory, REGISTRY_CAN_TELL_TTL);
    if (lease == NULL) {
        reply->ttl_ms = -1;
    } else if (reply->ttl_known) {
        reply->ttl_ms = (lease->ends_ms - memory->now_ms) / 1000 * 1000;
    }
}

void memory_lease(struct memory *memory, const struct registry_request *request, struct registry_reply *reply)
{
    if (request->op == REGISTRY_LEASE_TTL) {
        time_to_live(memory, *memory_find_lease(memory, request->lease), reply);
        return;
    }
    memory_tick(memory);
    if (request->op == REGISTRY_GRANT) {
        grant(memory, request, reply);
    } else if (request->op == REGISTRY_KEEPALIVE) {
        keepalive(memory, request, reply);
    } else {
        revoke(memory, request);
    }
}
