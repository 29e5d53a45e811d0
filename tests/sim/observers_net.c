/* The way of an observer's requests, and the events of its watch. */
#include "observers.h"

#include <inttypes.h>
#include <stdlib.h>

/* Keys in one listing where no limit is asked for. */
enum { PAGE_MAX = 4 };

enum link observer_link(const struct observer *observer)
{
    const struct world *world = observer->world;
    bool own = observer->link != LINK_UP && world->now < observer->link_until && !world->calm;
    return own ? observer->link : world->etcd_link;
}

static int64_t slow(struct observer *observer)
{
    struct world *world = observer->world;
    bool is_slow = world->faulty &&
                   (observer_link(observer) == LINK_SLOW || observers_chance(world, world->weather.slow));
    return is_slow ? (int64_t)observers_below(world, 1400) : 0;
}

/* Why a request does not reach etcd, and after how long that is known; OK: it does. */
static enum registry_failure hindered(struct observer *observer, int64_t timeout, int64_t *ret_after)
{
    struct world *world = observer->world;
    enum link link = observer_link(observer);
    bool lost = world->faulty && observers_chance(world, world->weather.lost);
    *ret_after = 1;
    if (link == LINK_REFUSED) {
        return REGISTRY_RETRY;
    }
    if (link == LINK_BLACK_HOLE || lost || (world->leaderless && observers_chance(world, 500))) {
        *ret_after = timeout;
        return REGISTRY_RETRY;
    }
    if (world->denied && !world->leaderless) {
        observer->slow_retry = true;
    }
    return world->leaderless ? REGISTRY_RETRY : world->denied ? REGISTRY_DENIED : REGISTRY_OK;
}

/* ---- requests ---- */

static struct asked *find(struct observer *observer, uint64_t id)
{
    for (unsigned i = 0; i < ASKED_MAX; i++) {
        if (observer->asked[i].request.id == id) {
            return &observer->asked[i];
        }
    }
    return NULL;
}

static void let_go(struct asked *asked)
{
    for (size_t i = 0; i < asked->count; i++) {
        history_unref(&asked->items[i]);
    }
    asked->count = 0;
    asked->request.id = 0;
}

void observer_ask(struct observer *observer, const struct registry_request *request)
{
    struct world *world = observer->world;
    struct asked *asked = find(observer, 0);
    int64_t after;
    check_observer_request(observer, request);
    if (asked == NULL || request->key.size > sizeof(asked->key)) {
        violated(world, NULL, "observer %u asks for too much at once", observer->index);
        return;
    }
    *asked = (struct asked){.request = *request, .sent_at = world->now};
    memcpy(asked->key, request->key.data, request->key.size);
    asked->request.key.data = asked->key;
    asked->reply = (struct registry_reply){.id = request->id, .op = request->op};
    asked->reply.failure = hindered(observer, request->timeout_ms, &after);
    if (asked->reply.failure != REGISTRY_OK) {
        observer_at(observer, world->now + after, OBSERVER_REPLY, request->id);
        return;
    }
    asked->unanswered = world->faulty && observers_chance(world, world->weather.unanswered);
    observer_at(observer, world->now + (int64_t)observers_below(world, 3) + slow(observer), OBSERVER_ARRIVE,
                request->id);
}

static bool is_listed(const struct asked *asked, const char *name)
{
    size_t size = strlen(name) + 1; /* with the NUL, so that what follows a key is beyond it */
    struct str from = asked->request.key;
    int order = memcmp(name, from.data, size < from.size ? size : from.size);
    return order > 0 || (order == 0 && size - 1 >= from.size);
}

static bool can(const struct observer *observer, enum registry_capability capability)
{
    return etcd_can(&observer->world->etcd, capability);
}

static bool comes_before(const struct asked *asked, const struct history_key *a, const struct history_key *b)
{
    return asked->request.newest_first && a->mod_revision > b->mod_revision;
}

static void list(struct observer *observer, struct asked *asked)
{
    const struct observers *observers = observer->world->observers;
    const struct history *history = &observers->history;
    int64_t at = can(observer, REGISTRY_CAN_LIST_AT) ? asked->request.at_revision : 0;
    int64_t revision = observer->world->etcd.revision;
    size_t asked_for = asked->request.limit > 0 ? (size_t)asked->request.limit : PAGE_MAX;
    size_t limit = can(observer, REGISTRY_CAN_PAGE) ? asked_for : RECORDS_MAX;
    struct content content;
    asked->request.newest_first = asked->request.newest_first && can(observer, REGISTRY_CAN_NEWEST_FIRST);
    if (at != 0 && (at < history->compacted || at > revision)) {
        asked->reply.failure = REGISTRY_REFUSED;
        asked->reply.revision_gone = true;
        return;
    }
    history_at(history, at == 0 ? revision : at, &content);
    for (unsigned i = 0; i < observers->keys; i++) {
        const struct history_key *key = content.keys[i];
        if (!key->there || !is_listed(asked, observers->names[i])) {
            continue;
        }
        size_t place = asked->count++;
        for (; place > 0 && comes_before(asked, key, &asked->items[place - 1]); place--) {
            asked->items[place] = asked->items[place - 1];
            asked->names[place] = asked->names[place - 1];
        }
        asked->items[place] = *key;
        asked->names[place] = i;
        history_ref(key);
    }
    asked->reply.count = (int64_t)asked->count;
    while (asked->count > limit) {
        history_unref(&asked->items[--asked->count]);
    }
}

void observer_arrive(struct observer *observer, uint64_t id)
{
    struct world *world = observer->world;
    struct asked *asked = find(observer, id);
    if (asked == NULL || asked->reply.failure != REGISTRY_OK) {
        return;
    }
    int64_t after;
    int64_t at = world->now + (world->faulty ? (int64_t)observers_below(world, 4) : 0);
    asked->reply.failure =
        hindered(observer, asked->sent_at + asked->request.timeout_ms - world->now, &after);
    if (asked->reply.failure != REGISTRY_OK) {
        observer_at(observer, world->now + after, OBSERVER_REPLY, id);
        return;
    }
    if (asked->request.op == REGISTRY_LIST) {
        list(observer, asked);
    } else if (asked->request.op != REGISTRY_GET) {
        violated(world, NULL, "observer %u asks for %s", observer->index,
                 registry_op_name(asked->request.op));
    }
    asked->reply.revision = world->etcd.revision;
    asked->reply.cluster = world->etcd.cluster;
    asked->reply.epoch = world->etcd.epoch;
    if (asked->unanswered) {
        asked->reply.failure = REGISTRY_RETRY;
        at = asked->sent_at + asked->request.timeout_ms;
    }
    observer_at(observer, at, OBSERVER_REPLY, id);
}

void observer_reply(struct observer *observer, uint64_t id)
{
    const struct observers *observers = observer->world->observers;
    struct asked *asked = find(observer, id);
    if (asked == NULL) {
        return;
    }
    struct registry_item items[RECORDS_MAX];
    struct registry_reply reply = asked->reply;
    bool fine = reply.failure == REGISTRY_OK;
    for (size_t i = 0; i < asked->count; i++) {
        const struct history_key *key = &asked->items[i];
        items[i] = (struct registry_item){.key = str_of(observers->names[asked->names[i]]),
                                          .kv = {.found = true,
                                                 .value = blob_view(key->value),
                                                 .mod_revision = key->mod_revision,
                                                 .create_revision = key->create_revision}};
    }
    reply.items = items;
    reply.item_count = fine ? asked->count : 0;
    observer->cut_since = fine ? -1 : observer->cut_since;
    reply.error = fine ? STR("") : str_of(registry_failure_name(reply.failure));
    struct asked done = *asked;
    asked->request.id = 0; /* the answer may cause another request */
    asked->count = 0;
    narrate(observer->world, NULL,
            "observer %u is delivered %s: %s, %zu of %" PRId64 " keys, revision %" PRId64, observer->index,
            registry_op_name(reply.op), registry_failure_name(reply.failure), done.count, reply.count,
            reply.revision);
    struct instant now = observer_now(observer);
    (void)fleet_router_replied(&observer->router, &reply, &now);
    observer_stepped(observer);
    let_go(&done);
}

/* ---- the watch ---- */

static void plan(struct observer *observer, int64_t after)
{
    observer->flow.planned = true;
    observer_at(observer, observer->world->now + after, OBSERVER_STREAM, observer->flow.id);
}

void observer_watch(struct observer *observer, const struct registry_watch *watch)
{
    int64_t after;
    check_observer_request(observer, NULL);
    if (observer->flow.state != FLOW_NONE) {
        violated(observer->world, NULL, "observer %u opens a second watch", observer->index);
    }
    observer->flow =
        (struct flow){.state = FLOW_OPENS, .id = watch->id, .from_revision = watch->from_revision};
    observer->flow.failure = hindered(observer, watch->timeout_ms, &after);
    if (observer->flow.failure != REGISTRY_OK) {
        observer->flow.state = FLOW_ENDS;
    }
    plan(observer, after + (int64_t)observers_below(observer->world, 3));
}

static void send(struct observer *observer, struct registry_watch_event *delivered)
{
    struct instant now = observer_now(observer);
    delivered->id = observer->flow.id;
    if (delivered->type == REGISTRY_WATCH_ENDED) {
        observer->flow = (struct flow){.state = FLOW_NONE};
        delivered->error = delivered->failure == REGISTRY_OK ? STR("") : STR("connection reset");
    } else {
        observer->cut_since = -1;
    }
    observer->watched = delivered->type == REGISTRY_WATCH_CHANGED;
    (void)fleet_router_watched(&observer->router, delivered, &now);
    observer->watched = false;
    observer_stepped(observer);
}

void observer_cut(struct observer *observer, enum registry_failure failure)
{
    struct flow *flow = &observer->flow;
    if (flow->state != FLOW_NONE && flow->state != FLOW_ENDS) {
        flow->state = FLOW_ENDS;
        flow->failure = failure;
        plan(observer, 1);
    }
}

static void compacted(struct observer *observer)
{
    send(observer, &(struct registry_watch_event){.type = REGISTRY_WATCH_ENDED,
                                                  .read_anew = true,
                                                  .oldest = observer->world->observers->history.compacted});
}

static void opens(struct observer *observer)
{
    struct world *world = observer->world;
    struct flow *flow = &observer->flow;
    const struct history *history = &world->observers->history;
    bool changed = !can(observer, REGISTRY_CAN_HISTORY) && history_changed_from(history, flow->from_revision);
    if (flow->from_revision <= history->compacted || changed) {
        compacted(observer);
        return;
    }
    flow->state = FLOW_OPEN;
    flow->next = history_after(history, flow->from_revision - 1);
    flow->stalls = world->faulty && observers_chance(world, 60);
    if (flow->next < history->dropped + history->count && !flow->stalls) {
        plan(observer, 1);
    }
    send(observer, &(struct registry_watch_event){.type = REGISTRY_WATCH_OPENED,
                                                  .revision = world->etcd.revision,
                                                  .cluster = world->etcd.cluster,
                                                  .epoch = world->etcd.epoch});
}

/* Whole revisions, perhaps not all. */
static size_t gather(struct observer *observer, struct registry_change changes[static HISTORY_MAX])
{
    struct world *world = observer->world;
    const struct observers *observers = world->observers;
    const struct history *history = &observers->history;
    size_t at = (size_t)(observer->flow.next - history->dropped), count = 0;
    size_t enough = world->faulty ? 1 + (size_t)observers_below(world, 6) : HISTORY_MAX;
    while (at < history->count &&
           (count < enough || history->events[at].revision == history->events[at - 1].revision)) {
        const struct history_event *event = &history->events[at++];
        changes[count++] = (struct registry_change){.key = str_of(observers->names[event->key]),
                                                    .deleted = !event->now.there,
                                                    .value = blob_view(event->now.value),
                                                    .mod_revision = event->revision,
                                                    .create_revision = event->now.create_revision};
    }
    observer->flow.next = history->dropped + at;
    return count;
}

static int by_revision(const void *a, const void *b)
{
    int64_t left = ((const struct registry_change *)a)->mod_revision;
    int64_t right = ((const struct registry_change *)b)->mod_revision;
    return (left > right) - (left < right);
}

/* The difference between what there was and what there is. */
static size_t gather_difference(struct observer *observer, struct registry_change changes[static HISTORY_MAX])
{
    const struct world *world = observer->world;
    const struct observers *observers = world->observers;
    const struct history *history = &observers->history;
    size_t from = (size_t)(observer->flow.next - history->dropped), count = 0;
    int64_t before = from == 0 ? history->base_revision : history->events[from - 1].revision;
    struct content was, is;
    history_at(history, before, &was);
    history_at(history, world->etcd.revision, &is);
    for (unsigned i = 0; i < observers->keys; i++) {
        const struct history_key *key = is.keys[i];
        if (key == was.keys[i] || (!key->there && !was.keys[i]->there)) {
            continue;
        }
        changes[count++] =
            (struct registry_change){.key = str_of(observers->names[i]),
                                     .deleted = !key->there,
                                     .value = blob_view(key->value),
                                     .mod_revision = key->there ? key->mod_revision : world->etcd.revision,
                                     .create_revision = key->create_revision};
    }
    qsort(changes, count, sizeof(changes[0]), by_revision);
    observer->flow.next = history->dropped + history->count;
    return count;
}

bool observers_deliver_all_revisions(const struct world *world)
{
    return etcd_can(&world->etcd, REGISTRY_CAN_PAGE) && !etcd_can(&world->etcd, REGISTRY_CAN_NEWEST_FIRST);
}

static void deliver(struct observer *observer)
{
    struct world *world = observer->world;
    struct flow *flow = &observer->flow;
    const struct history *history = &world->observers->history;
    struct registry_change changes[HISTORY_MAX];
    if (flow->next < history->dropped) {
        compacted(observer);
        return;
    }
    bool every = can(observer, REGISTRY_CAN_EVERY_CHANGE);
    size_t count = every ? gather(observer, changes) : gather_difference(observer, changes);
    bool progress = observers_deliver_all_revisions(world);
    if (count == 0 && !progress) {
        return;
    }
    struct registry_watch_event delivered = {.type = REGISTRY_WATCH_CHANGED,
                                             .revision = count == 0 ? world->etcd.revision
                                                                    : changes[count - 1].mod_revision,
                                             .coalesced = !every};
    bool all = flow->next == history->dropped + history->count;
    if (!all) {
        plan(observer, 1 + slow(observer));
    } else if (progress || observers_chance(world, 100)) {
        delivered.revision = world->etcd.revision; /* with a progress notification */
    }
    if (count > 0 && every && world->faulty && observers_chance(world, 20)) {
        flow->next =
            history_after(history, changes[0].mod_revision - 1); /* all of it is delivered once more */
        if (!flow->planned) {
            plan(observer, 1);
        }
    }
    delivered.changes = changes;
    delivered.change_count = count;
    send(observer, &delivered);
}

void observer_stream(struct observer *observer, uint64_t id)
{
    struct flow *flow = &observer->flow;
    if (flow->id != id || !flow->planned || flow->state == FLOW_NONE) {
        return;
    }
    if (flow->state == FLOW_ENDS) {
        send(observer,
             &(struct registry_watch_event){.type = REGISTRY_WATCH_ENDED, .failure = flow->failure});
        return;
    }
    if (observer_link(observer) == LINK_BLACK_HOLE) {
        plan(observer, 200); /* delayed by retransmissions */
        return;
    }
    flow->planned = false;
    if (flow->state == FLOW_OPENS) {
        opens(observer);
    } else if (!flow->stalls) {
        deliver(observer);
    }
}

void observer_changed(struct observer *observer)
{
    struct flow *flow = &observer->flow;
    if (flow->state == FLOW_OPEN && !flow->planned && !flow->stalls) {
        plan(observer, (int64_t)observers_below(observer->world, 4) + slow(observer));
    }
}

void observer_forget(struct observer *observer)
{
    for (unsigned i = 0; i < ASKED_MAX; i++) {
        let_go(&observer->asked[i]);
    }
    observer->flow = (struct flow){.state = FLOW_NONE};
}

void observer_wiped(struct observer *observer)
{
    for (unsigned i = 0; i < ASKED_MAX; i++) {
        struct asked *asked = &observer->asked[i];
        if (asked->request.id != 0 && asked->reply.failure == REGISTRY_OK) {
            asked->reply.failure = REGISTRY_RETRY; /* the endpoint is gone */
            observer_at(observer, observer->world->now + 1, OBSERVER_REPLY, asked->request.id);
        }
    }
    observer->tat = 0; /* every page has to be asked for again */
    observer_cut(observer, REGISTRY_RETRY);
}
