/* The const accessors of the registrar. */
#include "registrar_internal.h"

enum lease_state registrar_lease_state(const struct registrar *registrar)
{
    return registrar->lease.state;
}

struct registry_lease registrar_lease(const struct registrar *registrar)
{
    return registrar->lease.id;
}

int64_t registrar_ttl(const struct registrar *registrar)
{
    return registrar->lease.ttl_ms;
}

int64_t registrar_lease_deadline(const struct registrar *registrar)
{
    return registrar->lease.deadline_boot;
}

bool registrar_is_leased(const struct registrar *registrar)
{
    return lease_is_held(registrar->lease.state) || registrar->lease.state == LEASE_RECOVERING;
}

enum registrar_goal registrar_goal(const struct registrar *registrar)
{
    return registrar->goal;
}

enum key_state registrar_key_state(const struct registrar *registrar)
{
    return registrar->key.state;
}

bool registrar_in_sync(const struct registrar *registrar)
{
    if (registrar->wanted.value == NULL) {
        return registry_lease_is_none(registrar->lease.id);
    }
    /* What is on its way may be older than what is wanted now. */
    return registrar->key.state == KEY_SYNCED && registrar->key.flight.op != REGISTRY_PUT;
}

bool registrar_visible(const struct registrar *registrar)
{
    const struct record_key *key = &registrar->key;
    return key->published != NULL || key->flight.op == REGISTRY_PUT || key->state == KEY_UNKNOWN ||
           key->state == KEY_MAYBE_WRITTEN;
}

bool registrar_settled(const struct registrar *registrar)
{
    return registrar->settled;
}

int64_t registrar_revision(const struct registrar *registrar)
{
    return registrar->key.revision;
}

int64_t registrar_written_wall(const struct registrar *registrar)
{
    return registrar->written_wall;
}

uint64_t registrar_registrations(const struct registrar *registrar)
{
    return registrar->registrations;
}

static const struct last_error *last_error(const struct registrar *registrar)
{
    return registrar->lease_error.failing ? &registrar->lease_error : &registrar->key_error;
}

const char *registrar_last_error(const struct registrar *registrar)
{
    return last_error(registrar)->text;
}

int64_t registrar_last_error_since(const struct registrar *registrar)
{
    return last_error(registrar)->since_wall;
}

uint64_t registrar_cluster(const struct registrar *registrar)
{
    return registrar->lease.cluster.id;
}

uint64_t registrar_cluster_before(const struct registrar *registrar)
{
    return registrar->lease.cluster.before;
}

struct registry_lease registrar_conflict_lease(const struct registrar *registrar)
{
    return registrar->conflict.lease;
}

int64_t registrar_conflict_left(const struct registrar *registrar)
{
    return registrar->conflict.left_ms;
}

struct str registrar_conflict_value(const struct registrar *registrar)
{
    return blob_view(registrar->conflict.value);
}
