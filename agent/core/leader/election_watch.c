/* The one key that a candidate watches: that before its own, or as the leader its own. The watch begins with what
 * changes from now on, and the key is read once it is open: that needs no history of the registry. */
#include "election_internal.h"

#include "outrider/base/mem.h"

#include <stdlib.h>
#include <string.h>

void election_watch_key(struct election *election, char *key, int64_t create, int64_t mod)
{
    struct election_watched *watched = &election->watched;
    if (key != NULL && watched->key != NULL && strcmp(key, watched->key) == 0 && watched->create == create) {
        watched->mod = mod > watched->mod ? mod : watched->mod;
        free(key);
        return;
    }
    if (watched->id != 0) {
        election_emit(election, ELECTION_DO_UNWATCH)->id = watched->id;
    }
    free(watched->key);
    *watched =
        (struct election_watched){.key = key, .create = create, .mod = mod, .backoff = watched->backoff};
}

static void open_watch(struct election *election)
{
    struct election_watched *watched = &election->watched;
    watched->id = ++election->last_id;
    election_emit(election, ELECTION_DO_WATCH)->watch =
        (struct registry_watch){.id = watched->id,
                                .ranges = {{.key = str_of(watched->key)}},
                                .range_count = 1,
                                .timeout_ms = election->settings.request_timeout_ms};
}

static bool watches(const struct election *election)
{
    return election->state == ELECTION_QUEUED || election->state == ELECTION_LEADING;
}

void election_compare_soon(struct election *election)
{
    election->watched.compare_due = watches(election);
}

void election_plan_watch(struct election *election, bool may_ask)
{
    struct election_watched *watched = &election->watched;
    if (watched->id == 0 && election->now.mono >= watched->retry_mono) {
        open_watch(election);
    }
    if (!may_ask) {
        return;
    }
    if (watched->read_due) {
        watched->read_due = false;
        election_ask(election, REGISTRY_GET, ELECTION_ASK_READ)->key = str_of(watched->key);
    } else if (watched->compare_due) {
        watched->compare_due = false;
        struct registry_request *request = election_ask(election, REGISTRY_COMPARE, ELECTION_ASK_COMPARE);
        bool own = election->state == ELECTION_LEADING;
        request->key = str_of(watched->key);
        request->expect_revision = watched->mod;
        request->range_end = own ? STR("") : str_of(election->key);
        request->at_revision = own ? 0 : election->mod;
    }
}

struct window election_watch_window(const struct election *election)
{
    const struct election_watched *watched = &election->watched;
    struct window window = WINDOW_NEVER;
    if (!watches(election)) {
        return window;
    }
    if (watched->id == 0) {
        window = window_at(watched->retry_mono);
    }
    if (election->flight.id == 0 && (watched->read_due || watched->compare_due)) {
        window = window_sooner(window, window_at(election->retry_mono));
    }
    return window;
}

/* The key that is watched is as `kv` says. One that was created again is another candidate's, at the end of the queue; one
 * in other hands is none's. */
static void learn(struct election *election, const struct registry_kv *kv)
{
    struct election_watched *watched = &election->watched;
    bool stands = kv->found && kv->create_revision == watched->create &&
                  election_is_candidate(election, str_of(watched->key), kv->lease);
    if (stands) {
        watched->mod = kv->mod_revision > watched->mod ? kv->mod_revision : watched->mod;
    } else if (election->state == ELECTION_QUEUED) {
        election_place(election);
    } else if (election->state == ELECTION_LEADING) {
        election_leave(election, ELECTION_KEY_GONE);
    }
}

void election_on_read(struct election *election, const struct registry_reply *reply)
{
    learn(election, &reply->kv);
}

/* The server that answered may be behind. A candidate lists, a leader reads its key: both know it exactly. */
void election_on_compared(struct election *election, const struct registry_reply *reply)
{
    if (reply->succeeded) {
        return;
    }
    if (election->state == ELECTION_QUEUED) {
        election_place(election);
    } else {
        election->watched.read_due = true;
    }
}

static void on_changed(struct election *election, const struct registry_change *change)
{
    if (!watches(election) || change->mod_revision <= election->watched.mod ||
        !str_eq(change->key, str_of(election->watched.key))) {
        return;
    }
    learn(election, &(struct registry_kv){.found = !change->deleted,
                                          .mod_revision = change->mod_revision,
                                          .create_revision = change->create_revision,
                                          .lease = change->lease});
}

static void on_ended(struct election *election, const struct registry_watch_event *watch)
{
    struct election_watched *watched = &election->watched;
    watched->id = 0;
    if (watch->failure != REGISTRY_OK) {
        struct str error = watch->error.size > 0 ? watch->error : STR("the watch ended");
        election_fail(election, &election->watch_error,
                      &(struct registry_reply){.failure = watch->failure, .error = error});
    }
    watched->retry_mono =
        election->now.mono + retry_delay(&watched->backoff, watch->failure, &election->random);
}

void election_on_watch(struct election *election, const struct registry_watch_event *watch)
{
    struct election_watched *watched = &election->watched;
    if (!election_watches(election, watch->id)) {
        return;
    }
    switch (watch->type) {
    case REGISTRY_WATCH_OPENED:
        watched->read_due = true;
        watched->backoff.failures = 0;
        election_succeed(election, &election->watch_error);
        election_step_lease(election, (struct lease_event){.type = LEASE_ON_CLUSTER,
                                                           .cluster = watch->cluster,
                                                           .epoch = watch->epoch,
                                                           .endpoint = watch->endpoint});
        break;
    case REGISTRY_WATCH_CHANGED:
        for (size_t i = 0; i < watch->change_count && election_watches(election, watch->id); i++) {
            on_changed(election, &watch->changes[i]);
        }
        break;
    case REGISTRY_WATCH_ENDED: on_ended(election, watch); break;
    }
}
