/* Bytes become events of one candidate, from a registry that answers whatever it likes. After each of them it must not lead
 * without having said so, not be stuck, and not ask for a step that does nothing. */
#include "outrider/core/leader/election.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define PREFIX "/c/leader/world/"

enum { OPEN_MAX = 8, ITEMS_MAX = 4 };

struct world {
    struct election election;
    struct queue effects;
    struct instant now;
    struct registry_request open[OPEN_MAX];
    unsigned count; /* of the requests without an answer */
    uint64_t watch; /* the last opened; 0: none */
    bool believes;
    unsigned did; /* effects of the latest step */
    char keys[ITEMS_MAX][64];
};

static void take(struct world *w, const struct election_effect *effect)
{
    w->did++;
    switch (effect->type) {
    case ELECTION_DO_REQUEST:
        assert(effect->request.op != REGISTRY_REVOKE || !w->believes);
        assert(w->count < OPEN_MAX && effect->request.timeout_ms > 0);
        w->open[w->count++] = effect->request;
        break;
    case ELECTION_DO_WATCH: w->watch = effect->watch.id; break;
    case ELECTION_DO_UNWATCH: w->watch = w->watch == effect->id ? 0 : w->watch; break;
    case ELECTION_DO_GAINED:
        assert(!w->believes);
        w->believes = true;
        break;
    case ELECTION_DO_LOST:
        assert(w->believes);
        w->believes = false;
        break;
    case ELECTION_DO_QUEUED:
    case ELECTION_DO_GONE:
    case ELECTION_DO_FAILED:
    case ELECTION_DO_RECOVERED:
    case ELECTION_DO_NOTE: break;
    }
}

/* Requests that the machine does not wait for any more get no answer here: it would not look at it. */
static void forget(struct world *w)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < w->count; i++) {
        if (election_awaits(&w->election, w->open[i].id)) {
            w->open[kept++] = w->open[i];
        }
    }
    w->count = kept;
}

static void check(const struct world *w)
{
    const struct election *election = &w->election;
    assert(!election_leads(election, &w->now, NULL) || w->believes);
    assert(w->believes == (election->state == ELECTION_LEADING));
    bool waits = w->count > 0 || w->watch != 0 || election->state == ELECTION_OFF;
    assert(waits || election_deadline(election).latest != NEVER_MS);
    assert(election->state != ELECTION_LEAVING || election->lease.state != LEASE_NONE);
}

static void step(struct world *w, struct election_event event)
{
    struct election_effect effect;
    event.now = w->now;
    w->did = 0;
    election_step(&w->election, &event, &w->effects);
    while (queue_take(&w->effects, &effect)) {
        take(w, &effect);
    }
    forget(w);
    check(w);
}

/* A step at its deadline does something, or is not needed again at once. */
static void tick(struct world *w)
{
    step(w, (struct election_event){.type = ELECTION_ON_TICK});
    assert(w->did > 0 || election_deadline(&w->election).latest > w->now.mono);
}

/* ---- what the registry says ---- */

static struct registry_kv kv_of(struct world *w, uint8_t a, uint8_t b)
{
    struct registry_lease own = w->election.lease.id, other = {.lo = 1 + b % 3};
    return (struct registry_kv){.found = (a & 1) != 0,
                                .lease = (a & 2) != 0   ? own
                                         : (a & 4) != 0 ? other
                                                        : (struct registry_lease){0},
                                .create_revision = (a & 8) != 0 ? w->election.create : b,
                                .mod_revision = (a & 16) != 0 ? w->election.mod : b};
}

static size_t items_of(struct world *w, uint8_t a, uint8_t b, struct registry_item items[ITEMS_MAX])
{
    size_t count = a % (ITEMS_MAX + 1);
    for (size_t i = 0; i < count; i++) {
        char text[REGISTRY_LEASE_TEXT_SIZE];
        struct registry_kv kv = kv_of(w, (uint8_t)(a * 7 + i * 13), (uint8_t)(b + i * 5));
        snprintf(w->keys[i], sizeof(w->keys[i]), "%s%s", (b & 64) != 0 && i == 1 ? "/else/" : PREFIX,
                 registry_lease_text(kv.lease, text));
        items[i] = (struct registry_item){.key = str_of(w->keys[i]), .kv = kv};
    }
    return count;
}

static void reply(struct world *w, uint8_t how, uint8_t a, uint8_t b)
{
    if (w->count == 0) {
        return;
    }
    struct registry_item items[ITEMS_MAX];
    struct registry_request request = w->open[how % w->count];
    struct registry_reply answer = {
        .id = request.id,
        .op = request.op,
        .failure = (how & 128) != 0 ? (enum registry_failure)(a % REGISTRY_FAILURE_COUNT) : REGISTRY_OK,
        .revision = b,
        .cluster = (how & 64) != 0 ? 1 + a % 2 : 1,
        .epoch = (how & 32) != 0 ? b % 3 : 0,
        .lease = {.lo = 1 + b},
        .ttl_ms = (how & 16) != 0 ? a * 10 : 10000,
        .succeeded = (a & 1) == 0,
        .kv = kv_of(w, a, b),
        .too_large = (a & 32) != 0,
        .revision_gone = (a & 64) != 0};
    answer.item_count = request.op == REGISTRY_LIST ? items_of(w, a, b, items) : 0;
    answer.items = items;
    answer.count = b % 8;
    step(w, (struct election_event){.type = ELECTION_ON_REPLY, .reply = &answer});
}

static void watched(struct world *w, uint8_t how, uint8_t a, uint8_t b)
{
    if (w->watch == 0) {
        return;
    }
    const char *key = w->election.watched.key;
    struct registry_kv kv = kv_of(w, a, b);
    struct registry_change change = {.deleted = (how & 64) != 0,
                                     .key = key == NULL ? STR("x") : str_of(key),
                                     .mod_revision = kv.mod_revision + 1,
                                     .create_revision = kv.create_revision,
                                     .lease = kv.lease};
    struct registry_watch_event event = {.id = w->watch,
                                         .type = (enum registry_watch_event_type)(how % 3),
                                         .revision = b,
                                         .cluster = (how & 32) != 0 ? 1 + a % 2 : 1,
                                         .failure = (enum registry_failure)(a % REGISTRY_FAILURE_COUNT),
                                         .changes = &change};
    event.change_count = event.type == REGISTRY_WATCH_CHANGED ? 1 : 0;
    w->watch = event.type == REGISTRY_WATCH_ENDED ? 0 : w->watch;
    step(w, (struct election_event){.type = ELECTION_ON_WATCH, .watch = &event});
}

/* ---- time ---- */

static void pass(struct world *w, int64_t mono, int64_t slept)
{
    w->now.mono += mono;
    w->now.boot += mono + slept;
    w->now.wall += mono + slept;
}

static void to_deadline(struct world *w)
{
    int64_t latest = election_deadline(&w->election).latest;
    if (latest != NEVER_MS) {
        pass(w, latest > w->now.mono ? latest - w->now.mono : 0, 0);
        tick(w);
    }
}

static void play(struct world *w, const uint8_t *bytes)
{
    static const enum election_event_type orders[] = {ELECTION_ON_STAND, ELECTION_ON_STAND,
                                                      ELECTION_ON_RESIGN, ELECTION_ON_LEAVE};
    uint8_t what = bytes[0], how = bytes[1], a = bytes[2], b = bytes[3];
    switch (what % 8) {
    case 0:
    case 1:
    case 2: reply(w, how, a, b); break;
    case 3: watched(w, how, a, b); break;
    case 4:
    case 5: to_deadline(w); break;
    case 6:
        pass(w, how * 100, (a & 1) != 0 ? b * 1000 : 0);
        step(w, (struct election_event){.type = ELECTION_ON_TICK});
        break;
    default:
        if ((how & 15) != 3 || (a & 7) == 0) { /* not for good too often */
            step(w, (struct election_event){.type = orders[how % 4]});
        }
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {.now = {.mono = 1000, .boot = 9000, .wall = 1795227240000}};
    if (size < 2) {
        return 0;
    }
    queue_init(&w.effects, sizeof(struct election_effect));
    uint32_t can = (uint32_t)(data[0] | data[1] << 8) & REGISTRY_CAN_ALL;
    election_init(
        &w.election,
        &(struct election_settings){
            .prefix = STR(PREFIX), .ttl_ms = 10000, .request_timeout_ms = 1600, .can = can, .seed = size});
    step(&w, (struct election_event){.type = ELECTION_ON_STAND});
    for (size_t at = 2; at + 4 <= size; at += 4) {
        play(&w, data + at);
    }
    election_fini(&w.election);
    queue_fini(&w.effects);
    return 0;
}
