#include "outrider/registry/endpoints/endpoints.h"

#include "outrider/base/attr.h"
#include "outrider/base/brief.h"
#include "outrider/base/mem.h"
#include "outrider/os/clock.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

static_assert(CONFIG_ENDPOINTS_MAX <= 32, "an endpoint_set has a bit for each");

void endpoints_init(struct endpoints *endpoints, const struct config_registry *config, const char *agent)
{
    assert(config->endpoint_count > 0 && config->endpoint_count <= CONFIG_ENDPOINTS_MAX);
    *endpoints = (struct endpoints){.count = config->endpoint_count};
    for (size_t i = 0; i < config->endpoint_count; i++) {
        struct endpoint *endpoint = &endpoints->list[i];
        endpoint->name = mem_strdup(config->endpoints[i]);
        /* Each agent ranks each endpoint (rendezvous hashing): a list that grows or shrinks moves few agents. */
        endpoint->rank = agent == NULL ? i : str_hash(str_of(endpoint->name), str_hash(str_of(agent), 0));
    }
}

void endpoints_fini(struct endpoints *endpoints)
{
    for (size_t i = 0; i < endpoints->count; i++) {
        free(endpoints->list[i].name);
    }
    *endpoints = (struct endpoints){0};
}

endpoint_set endpoints_with(endpoint_set asked, size_t index)
{
    return asked | (endpoint_set)1 << index;
}

static bool comes_before(const struct endpoint *a, const struct endpoint *b)
{
    return a->failed != b->failed ? a->failed < b->failed : a->rank < b->rank;
}

size_t endpoints_next(const struct endpoints *endpoints, endpoint_set asked)
{
    size_t best = endpoints->count;
    for (size_t i = 0; i < endpoints->count; i++) {
        bool open = endpoints_with(asked, i) != asked;
        if (open && (best == endpoints->count || comes_before(&endpoints->list[i], &endpoints->list[best]))) {
            best = i;
        }
    }
    return best;
}

void endpoints_answered(struct endpoints *endpoints, size_t index, uint64_t cluster)
{
    struct endpoint *endpoint = &endpoints->list[index];
    endpoint->healthy_mono = endpoint->failed != 0 ? clock_mono_ms() : endpoint->healthy_mono;
    endpoint->failed = 0;
    endpoint->last_error[0] = '\0';
    endpoint->cluster = cluster != 0 ? cluster : endpoint->cluster;
}

void endpoints_failed(struct endpoints *endpoints, size_t index, const char *why)
{
    struct endpoint *endpoint = &endpoints->list[index];
    endpoint->failed = ++endpoints->failures;
    endpoint->failed_wall = clock_wall_ms();
    brief_copy(endpoint->last_error, sizeof(endpoint->last_error), str_of(why));
}

bool endpoints_describe(const struct endpoints *endpoints, size_t index,
                        struct registry_endpoint *ret_endpoint)
{
    if (index >= endpoints->count) {
        return false;
    }
    const struct endpoint *endpoint = &endpoints->list[index];
    *ret_endpoint = (struct registry_endpoint){.name = endpoint->name,
                                               .in_use = index == endpoints_next(endpoints, 0),
                                               .last_error = endpoint->last_error,
                                               .failed_wall = endpoint->failed_wall};
    return true;
}

static size_t of_other_cluster(const struct endpoints *endpoints, size_t index)
{
    uint64_t ours = endpoints->list[index].cluster;
    size_t other = 0;
    while (other < endpoints->count &&
           (ours == 0 || endpoints->list[other].cluster == 0 || endpoints->list[other].cluster == ours)) {
        other++;
    }
    return other;
}

void endpoints_note_clusters(const struct endpoints *endpoints, size_t index, struct buf *note)
{
    size_t other = of_other_cluster(endpoints, index);
    if (other < endpoints->count) {
        const struct endpoint *first = &endpoints->list[other < index ? other : index];
        const struct endpoint *second = &endpoints->list[other < index ? index : other];
        buf_printf(note,
                   "%s belonged to cluster %" PRIx64 " and %s to cluster %" PRIx64 " when they answered last",
                   first->name, first->cluster, second->name, second->cluster);
    }
}

int64_t endpoints_share(const struct endpoints *endpoints, endpoint_set asked, int64_t left_ms)
{
    size_t first = endpoints_next(endpoints, asked);
    bool others = first < endpoints->count &&
                  endpoints_next(endpoints, endpoints_with(asked, first)) < endpoints->count;
    int64_t share = others ? left_ms / 2 : left_ms;
    return share > 1 ? share : 1;
}
