/* Readers and invariants: the view at a revision equals the registry at that revision; a reader that applies
 * the differences has the view; one that resumes misses and repeats nothing; a view that is not certain is
 * marked stale; after the storm it is certain again. */
#include "observers.h"

#include "outrider/core/registry/retry.h"

#include <inttypes.h>
#include <stdlib.h>

enum { SLOW_MS = 30000, TTL_MS = 10000, COST_MS = 700, BURST = 40, SPINS = 200, SLACK_MS = 1000 };
enum {
    STALE_MS = 2 * OBSERVER_CHECK_MS + 3 * OBSERVER_TIMEOUT_MS + SLACK_MS,
    CUT_MS = OBSERVER_CHECK_MS + OBSERVER_TIMEOUT_MS + PULSE_MS + SLACK_MS,
    SYNC_MS = RETRY_CAP_MS + TTL_MS + 2 * OBSERVER_TIMEOUT_MS
};

static unsigned number_of(const struct view_entry *entry)
{
    struct str id = view_entry_id(entry);
    uint64_t number = 0;
    for (size_t i = 1; i < id.size; i++) {
        number = number * 10 + (uint64_t)(id.data[i] - '0');
    }
    return number < RECORDS_MAX ? (unsigned)number : 0;
}

static bool same(const struct view_entry *a, const struct view_entry *b)
{
    return a == b || (a != NULL && b != NULL && blob_eq(a->json, b->json));
}

static void put(struct reader *reader, unsigned key, struct view_entry *entry)
{
    view_entry_unref(reader->has[key]);
    reader->has[key] = view_entry_ref(entry);
}

void reader_clear(struct reader *reader)
{
    for (unsigned i = 0; i < RECORDS_MAX; i++) {
        put(reader, i, NULL);
    }
}

static void copy(struct reader *to, const struct reader *from)
{
    for (unsigned i = 0; i < RECORDS_MAX; i++) {
        put(to, i, from->has[i]);
    }
}

/* A difference must apply to what the reader has. */
static void apply(struct observer *observer, struct reader *reader, struct view_entry *was,
                  struct view_entry *is, const char *who)
{
    unsigned key = number_of(is != NULL ? is : was);
    if (!same(reader->has[key], was)) {
        violated(observer->world, NULL, "observer %u delivers to %s a change of w%u that does not apply",
                 observer->index, who, key);
    }
    put(reader, key, is);
}

void reader_take(struct observer *observer, const struct view_effect *effect)
{
    if (observer->expected++ > 0 && effect->revision != observer->expected_revision) {
        violated(observer->world, NULL, "observer %u delivers revision %" PRId64 " before all of %" PRId64,
                 observer->index, effect->revision, observer->expected_revision);
    }
    observer->expected_revision = effect->revision;
    if (observer->watched && effect->was != NULL && effect->is != NULL &&
        effect->is->mod_revision < effect->was->mod_revision) {
        violated(observer->world, NULL,
                 "observer %u goes back from revision %" PRId64 " to %" PRId64 " of w%u", observer->index,
                 effect->was->mod_revision, effect->is->mod_revision, number_of(effect->is));
    }
    apply(observer, &observer->follower, effect->was, effect->is, "its follower");
}

void reader_revision(struct observer *observer, int64_t revision)
{
    struct world *world = observer->world;
    const struct history *history = &world->observers->history;
    struct content content;
    observer->expected = 0;
    if (observer->loading || revision < history->base_revision) {
        return;
    }
    if (view_facts(observer->view)->cluster != history->cluster) {
        violated(world, NULL, "observer %u completes a revision of another cluster", observer->index);
        return;
    }
    world->stats.views++;
    if (!etcd_can(&world->etcd, REGISTRY_CAN_LIST_AT)) {
        return; /* a listing or a difference is of several revisions: checked when it is in sync */
    }
    history_at(history, revision, &content);
    for (unsigned i = 0; i < world->observers->keys; i++) {
        if (!same(content.keys[i]->entry, observer->follower.has[i])) {
            violated(world, NULL,
                     "at revision %" PRId64 " observer %u %s w%u, and the registry does not agree", revision,
                     observer->index, observer->follower.has[i] != NULL ? "has" : "has not", i);
            return;
        }
    }
}

/* The view equals what its readers have; it is never partial. */
void check_view(struct observer *observer)
{
    const struct view *view = observer->view;
    unsigned expected = 0;
    int64_t moment = observer->world->now;
    observer->steps = observer->stepped_at == moment ? observer->steps + 1 : 0;
    observer->stepped_at = moment;
    if (observer->steps > SPINS) {
        violated(observer->world, NULL, "observer %u spins", observer->index);
    }
    for (unsigned i = 0; i < RECORDS_MAX; i++) {
        expected += observer->follower.has[i] != NULL ? 1 : 0;
    }
    if (observer->expected != 0) {
        violated(observer->world, NULL, "observer %u delivers half a revision", observer->index);
    }
    if (view_facts(view)->count != expected) {
        violated(observer->world, NULL, "observer %u holds %zu records, its follower %u", observer->index,
                 view_facts(view)->count, expected);
        return;
    }
    for (size_t i = 0; i < expected; i++) {
        const struct view_entry *entry = view_facts(view)->entries[i];
        if (!same(entry, observer->follower.has[number_of(entry)])) {
            violated(observer->world, NULL, "observer %u holds a w%u that its reader does not have",
                     observer->index, number_of(entry));
        }
    }
    if (observer->known && !view_facts(view)->known) {
        violated(observer->world, NULL, "observer %u knows the fleet no longer", observer->index);
    }
    observer->known = view_facts(view)->known;
}

void check_observer_request(struct observer *observer, const struct registry_request *request)
{
    int64_t now = observer->world->now;
    /* A listing here may have pages of one key, which an agent never asks for: it is its begin that counts. */
    bool goes_on =
        request != NULL && request->op == REGISTRY_LIST && request->key.size > strlen("/services/");
    observer->tat = (observer->tat > now ? observer->tat : now) + (goes_on ? COST_MS / 4 : COST_MS);
    if (observer->tat > now + (int64_t)BURST * COST_MS) {
        violated(observer->world, NULL, "observer %u asks again and again", observer->index);
    }
}

/* ---- certain or not ---- */

static bool agrees(const struct observer *observer, const struct content *content)
{
    for (unsigned i = 0; i < observer->world->observers->keys; i++) {
        if (!same(content->keys[i]->entry, observer->follower.has[i])) {
            return false;
        }
    }
    return true;
}

/* Whether the registry equalled the view at some moment of the last `ms`. A key that came and went before the
 * stream delivered it leaves no trace. */
static bool was_true_within(const struct observer *observer, int64_t ms)
{
    const struct world *world = observer->world;
    const struct history *history = &world->observers->history;
    struct content content;
    size_t at = history->count;
    history_at(history, world->etcd.revision, &content);
    bool fine = agrees(observer, &content);
    while (!fine && at > 0 && history->events[at - 1].at >= world->now - ms) {
        at--;
        history_at(history, history->events[at].revision - 1, &content);
        fine = agrees(observer, &content);
    }
    return fine;
}

static void check_certain(struct observer *observer)
{
    struct world *world = observer->world;
    const struct history *history = &world->observers->history;
    const struct view *view = observer->view;
    int64_t behind = -1;
    if (view_facts(view)->cluster != history->cluster) {
        behind = world->now - world->wiped_at;
    } else {
        uint64_t next = history_after(history, view_facts(view)->revision);
        if (next < history->dropped + history->count) {
            behind = world->now - history->events[next - history->dropped].at;
        }
    }
    if (behind > STALE_MS && !was_true_within(observer, STALE_MS)) {
        violated(world, NULL, "observer %u is behind by %" PRId64 " ms and says that it is not",
                 observer->index, behind);
    }
    if (observer->cut_since >= 0 && world->now - observer->cut_since > CUT_MS) {
        violated(world, NULL, "observer %u has not reached etcd for %" PRId64 " ms and is certain",
                 observer->index, world->now - observer->cut_since);
    }
    if (behind < 0) {
        struct content content;
        size_t unreadable = 0;
        history_at(history, world->etcd.revision, &content);
        if (world->wiped_at > 0 && world->now - world->wiped_at <= STALE_MS) {
            return;
        }
        if (!agrees(observer, &content)) {
            violated(world, NULL, "observer %u is in sync and does not agree with the registry",
                     observer->index);
        }
        for (unsigned i = 0; i < world->observers->keys; i++) {
            unreadable += content.keys[i]->there && content.keys[i]->entry == NULL ? 1 : 0;
        }
        if (view_facts(view)->unreadable != unreadable) {
            violated(world, NULL, "observer %u counts %zu keys that are no records, and there are %zu",
                     observer->index, view_facts(view)->unreadable, unreadable);
        }
    }
}

static void check_uncertain(struct observer *observer)
{
    struct world *world = observer->world;
    struct instant now = observer_now(observer);
    bool wanted = observer->mode == VIEW_ALWAYS || observer->wanted_until > world->now;
    int64_t since = world->calm ? world->calm_since : world->now;
    since = observer->started_at > since ? observer->started_at : since;
    since = observer->found_at > since ? observer->found_at : since;
    since = observer->mode == VIEW_AUTO && observer->wanted_since > since ? observer->wanted_since : since;
    if (wanted && world->now - since > SYNC_MS + (observer->slow_retry ? SLOW_MS : 0)) {
        violated(world, NULL, "the storm is long over, and observer %u is not in sync (%s): %s",
                 observer->index, view_facts(observer->view)->state, view_facts(observer->view)->last_error);
    }
    if (view_facts(observer->view)->known && view_age(observer->view, &now) < 0) {
        violated(world, NULL, "observer %u is stale and has no age", observer->index);
    }
}

void check_pulse(struct observer *observer)
{
    struct world *world = observer->world;
    enum link link = observer_link(observer);
    bool cut = link == LINK_REFUSED || link == LINK_BLACK_HOLE || world->leaderless;
    observer->cut_since = !cut ? -1 : observer->cut_since < 0 ? world->now : observer->cut_since;
    if (view_facts(observer->view)->synced) {
        observer->slow_retry = observer->slow_retry && !world->calm;
        check_certain(observer);
    } else {
        check_uncertain(observer);
    }
    bool idle = observer->mode == VIEW_AUTO && observer->wanted_until + 2 * PULSE_MS < world->now;
    if ((idle || strcmp(view_facts(observer->view)->state, "off") == 0) &&
        observer->flow.state != FLOW_NONE) {
        violated(world, NULL, "observer %u watches without a reader", observer->index);
    }
}

/* ---- who goes away and comes back ---- */

static void come_back(struct observer *observer)
{
    struct comer *comer = &observer->comer;
    const struct view *view = observer->view;
    const struct view_change *change;
    uint64_t cursor;
    if (view_resume(view, comer->revision, comer->cluster, &cursor) < 0) {
        /* A listing of several revisions is not what was held at the first of them. */
        bool one_revision = etcd_can(&observer->world->etcd, REGISTRY_CAN_LIST_AT);
        if (one_revision && comer->life == observer->life && comer->listings == view_facts(view)->listings &&
            !observer->forgetful) {
            violated(observer->world, NULL, "observer %u refuses to resume from revision %" PRId64,
                     observer->index, comer->revision);
        }
        return;
    }
    observer->world->stats.resumed++;
    while ((change = view_log_next(view_facts(view)->log, &cursor)) != NULL) {
        apply(observer, &comer->reader, change->was, change->is, "who comes back");
    }
    for (unsigned i = 0; i < RECORDS_MAX; i++) {
        if (!same(comer->reader.has[i], observer->follower.has[i])) {
            violated(observer->world, NULL, "who went on from revision %" PRId64 " of observer %u missed w%u",
                     comer->revision, observer->index, i);
        }
    }
}

void comer_turn(struct observer *observer)
{
    struct comer *comer = &observer->comer;
    if (comer->away) {
        come_back(observer);
        comer->away = false;
    } else if (view_facts(observer->view)->known) {
        comer->away = true;
        copy(&comer->reader, &observer->follower);
        comer->revision = view_facts(observer->view)->revision;
        comer->cluster = view_facts(observer->view)->cluster;
        comer->listings = view_facts(observer->view)->listings;
        comer->life = observer->life;
    }
}
