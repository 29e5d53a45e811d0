#include "known_names_internal.h"

#include "outrider/base/mem.h"

#include <stdlib.h>
#include <string.h>

static struct known_name *find(struct known_names *known, const char *host)
{
    for (size_t i = 0; i < KNOWN_NAMES_MAX; i++) {
        if (known->names[i].host != NULL && strcmp(known->names[i].host, host) == 0) {
            return &known->names[i];
        }
    }
    return NULL;
}

static void clear(struct known_name *name)
{
    free(name->host);
    free(name->addresses);
    *name = (struct known_name){0};
}

static struct known_name *least_used(struct known_names *known)
{
    struct known_name *least = &known->names[0];
    for (size_t i = 1; i < KNOWN_NAMES_MAX; i++) {
        least = known->names[i].used < least->used ? &known->names[i] : least;
    }
    return least;
}

void known_names_store(struct known_names *known, const char *host, const struct sockaddr_storage *addresses,
                       size_t count)
{
    struct known_name *name = find(known, host);
    name = name != NULL ? name : least_used(known);
    clear(name);
    *name = (struct known_name){.host = mem_strdup(host),
                                .addresses = mem_copy(addresses, count * sizeof(addresses[0])),
                                .count = count,
                                .used = ++known->clock};
}

const struct known_name *known_names_find(struct known_names *known, const char *host)
{
    struct known_name *name = find(known, host);
    if (name != NULL) {
        name->used = ++known->clock;
    }
    return name;
}

void known_names_forget(struct known_names *known, const char *host)
{
    struct known_name *name = find(known, host);
    if (name != NULL) {
        clear(name);
    }
}

void known_names_fini(struct known_names *known)
{
    for (size_t i = 0; i < KNOWN_NAMES_MAX; i++) {
        clear(&known->names[i]);
    }
}
