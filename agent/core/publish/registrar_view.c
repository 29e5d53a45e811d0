/* The const accessors of the registrar. */
#include "registrar_internal.h"

const char *lease_state_name(enum lease_state state)
{
    static const char *const names[] = {[LEASE_NONE] = "none",
                                        [LEASE_TRYING] = "trying",
                                        [LEASE_GRANTING] = "granting",
                                        [LEASE_HELD] = "held"};
    return names[state];
}

enum lease_state registrar_lease_state(const struct registrar *registrar)
{
    return registrar->lease_state;
}

struct registry_lease registrar_lease(const struct registrar *registrar)
{
    return registrar->lease;
}

int64_t registrar_ttl(const struct registrar *registrar)
{
    return registrar->granted_ms;
}

int64_t registrar_lease_deadline(const struct registrar *registrar)
{
    return registrar->lease_deadline_boot;
}

bool registrar_in_sync(const struct registrar *registrar)
{
    if (registrar->wanted == NULL) {
        return registry_lease_is_none(registrar->lease);
    }
    /* What is on its way may be older than what is wanted now. */
    return !registrar_dirty(registrar) && registrar->key_flight.op != REGISTRY_PUT;
}

bool registrar_visible(const struct registrar *registrar)
{
    return registrar->published != NULL || registrar->key_flight.op == REGISTRY_PUT || registrar->adopting ||
           registrar->key_last_error.text[0] != '\0';
}

bool registrar_settled(const struct registrar *registrar)
{
    return registrar->ever_settled;
}

int64_t registrar_revision(const struct registrar *registrar)
{
    return registrar->revision;
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
    return registrar->lease_last_error.text[0] != '\0' ? &registrar->lease_last_error
                                                       : &registrar->key_last_error;
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
    return registrar->cluster;
}

uint64_t registrar_cluster_before(const struct registrar *registrar)
{
    return registrar->cluster_before;
}

struct registry_lease registrar_conflict_lease(const struct registrar *registrar)
{
    return registrar->conflict_lease;
}

int64_t registrar_conflict_left(const struct registrar *registrar)
{
    return registrar->conflict_left;
}

struct str registrar_conflict_value(const struct registrar *registrar)
{
    return blob_view(registrar->conflict_value);
}
