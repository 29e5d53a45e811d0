/* A thousand agents and a registry outage: how soon every record is right again, and how many requests that
 * costs, against limits. Every probe passes, so that only the registrars act. */
#include "sim.h"

#include "outrider/base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEADY_FROM = 60000, OUTAGE_FROM = 120000, SETTLED_MS = 30000, SECONDS_MAX = 600 };
/* limits: seconds at the median and at most; requests per agent after the outage; times the steady rate */
enum { MEDIAN_MS = 3000, WORST_MS = 8000, REQUESTS_MAX = 3, PEAK_TIMES = 5 };

struct member {
    int64_t contact, well; /* 0: not yet */
    unsigned requests;     /* from the end of the outage until the record is right */
};

struct herd {
    unsigned agents;
    struct member *members;
    int64_t back; /* the end of the outage */
    unsigned per_100ms[SECONDS_MAX * 10];
};

struct herd_outage {
    const char *name;
    enum link link;
    int64_t lasts;
};

void herd_sent(struct world *world, struct node *node)
{
    struct herd *herd = world->herd_user;
    struct member *member = &herd->members[node->index];
    herd->per_100ms[world->now / 100 % (SECONDS_MAX * 10)]++;
    if (world->now >= herd->back && member->well == 0) {
        member->requests++;
    }
}

/* A record is right when etcd has it as wanted, under a lease that the agent renews. */
void herd_answered(struct world *world, struct node *node, const struct packet *packet)
{
    struct herd *herd = world->herd_user;
    struct member *member = &herd->members[node->index];
    bool reached = packet->reply.failure != REGISTRY_RETRY && packet->reply.failure != REGISTRY_UNKNOWN;
    if (world->now < herd->back || member->well != 0 || packet->sent_at < herd->back || !reached) {
        return;
    }
    const struct registrar *registrar = node->router->registrar;
    const struct key *key = &world->etcd.keys[node->key];
    member->contact = member->contact == 0 ? world->now : member->contact;
    if (registrar_facts(registrar).in_sync && key->value != NULL &&
        key->lease == lease_number(registrar_facts(registrar).lease) &&
        etcd_lease(&world->etcd, key->lease) != NULL && record_says(blob_view(key->value), "ready")) {
        member->well = world->now;
    }
}

/* ---- one run ---- */

static struct world *herd_world(struct herd *herd, uint64_t seed)
{
    struct world *world = mem_zalloc(sizeof(*world));
    world->seed = seed;
    world->herd = true;
    world->herd_user = herd;
    world->calm = true;
    random_seed(&world->random, seed);
    world->count = herd->agents;
    world->nodes = mem_zalloc(world->count * sizeof(world->nodes[0]));
    world->weather.game_every = 100000000;
    etcd_init(&world->etcd, &memory_etcd, 2 * world->count);
    world->etcd.on_change = streams_changed;
    world->etcd.user = world;
    for (unsigned i = 0; i < world->count; i++) {
        struct node *node = &world->nodes[i];
        node_init(node, world, i);
        world_at(world, (int64_t)world_below(world, 10000), EVENT_START, node, PLAIN);
    }
    return world;
}

static unsigned peak_second(const struct herd *herd, int64_t from, int64_t to)
{
    unsigned most = 0;
    for (int64_t at = from / 100; at + 10 <= to / 100; at++) {
        unsigned sum = 0;
        for (int64_t i = 0; i < 10; i++) {
            sum += herd->per_100ms[at + i];
        }
        most = sum > most ? sum : most;
    }
    return most;
}

static double rate(const struct herd *herd, int64_t from, int64_t to)
{
    unsigned sum = 0;
    for (int64_t at = from / 100; at < to / 100; at++) {
        sum += herd->per_100ms[at];
    }
    return (double)sum * 1000.0 / (double)(to - from);
}

static int by_size(const void *a, const void *b)
{
    const int64_t *left = a, *right = b;
    return *left < *right ? -1 : *left > *right;
}

static bool report(const struct herd *herd, const struct herd_outage *outage, const struct world *world)
{
    int64_t *times = mem_zalloc(herd->agents * sizeof(times[0]));
    unsigned most = 0;
    bool all = true;
    for (unsigned i = 0; i < herd->agents; i++) {
        const struct member *member = &herd->members[i];
        times[i] = member->well - herd->back;
        all = all && member->well != 0;
        most = member->requests > most ? member->requests : most;
    }
    qsort(times, herd->agents, sizeof(times[0]), by_size);
    int64_t median = times[herd->agents / 2], worst = times[herd->agents - 1];
    double steady = rate(herd, STEADY_FROM, OUTAGE_FROM);
    unsigned peak = peak_second(herd, OUTAGE_FROM, herd->back + SETTLED_MS);
    bool fine = all && !world->failed && median <= MEDIAN_MS && worst <= WORST_MS && most <= REQUESTS_MAX &&
                peak <= steady * PEAK_TIMES;
    printf("%-28s %6.2f s %6.2f s %9u %9.0f/s %6u/s %6.1f   %s\n", outage->name, (double)median / 1000,
           (double)worst / 1000, most, steady, peak, peak / steady,
           !all   ? "NOT ALL CAME BACK"
           : fine ? "ok"
                  : "OVER A LIMIT");
    free(times);
    return fine;
}

static bool suffer(unsigned agents, uint64_t seed, const struct herd_outage *outage)
{
    struct herd *herd = mem_zalloc(sizeof(*herd));
    herd->agents = agents;
    herd->members = mem_zalloc(agents * sizeof(herd->members[0]));
    herd->back = OUTAGE_FROM + outage->lasts;
    struct world *world = herd_world(herd, seed);
    world->end = OUTAGE_FROM;
    world_run(world);
    world->now = OUTAGE_FROM;
    world->etcd_link = outage->link;
    for (unsigned i = 0; i < world->count && outage->link == LINK_BLACK_HOLE; i++) {
        stream_lost(&world->nodes[i]);
    }
    if (outage->link == LINK_REFUSED) {
        streams_cut(world, "etcd is down", 1000);
    }
    world_at(world, herd->back, EVENT_HEAL_ETCD, NULL, PLAIN);
    world->end = herd->back + SETTLED_MS + 1000;
    world_run(world);
    bool fine = report(herd, outage, world);
    world_free(world);
    free(herd->members);
    free(herd);
    return fine;
}

bool herd_run(unsigned agents, uint64_t seed)
{
    static const struct herd_outage outages[] = {
        {"refused for 5 s", LINK_REFUSED, 5000},           {"refused for 60 s", LINK_REFUSED, 60000},
        {"black hole for 5 s", LINK_BLACK_HOLE, 5000},     {"black hole for 60 s", LINK_BLACK_HOLE, 60000},
        {"black hole for 5 min", LINK_BLACK_HOLE, 300000},
    };
    bool fine = true;
    agents = agents < KEYS_MAX * 10 ? agents : KEYS_MAX * 10;
    printf("%u agents, etcd away:         median    worst  requests      steady    peak  times\n", agents);
    for (size_t i = 0; i < COUNT_OF(outages); i++) {
        fine = suffer(agents, seed, &outages[i]) && fine;
    }
    return fine;
}
