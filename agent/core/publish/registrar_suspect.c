/* When what was known does not count any more: the key vanished, time passed without us, another cluster
 * answers. */
#include "registrar_internal.h"

#include "outrider/base/duration.h"

#include <inttypes.h>

/* A key that is deleted while its lease seems to live was mostly deleted with it. A heartbeat asks that
 * first: it passes etcd's leader by its memory alone, while a write under a lease that is gone is agreed upon
 * by all members and synced to their disks before it is refused, by every agent of the fleet when all leases
 * went at once. */
void registrar_suspect_lease(struct registrar *registrar, const struct instant *now)
{
    if (registrar->lease_state == LEASE_HELD) {
        registrar->lease_suspect = true;
        registrar->heartbeat = window_at(now->mono);
    }
}

/* After a time in which we could not act that was longer than the TTL the lease is taken for lost
 * (docs/design/protocol.md, "Gap"). It is asked about before a new one is granted, because it may live: a new
 * leader gives every lease its whole TTL again, or the registry slept with us; then the record stands, and no
 * watcher sees it go and come. What an answer from before the gap says of the lease is over with it. Under
 * whichever lease, nothing is written before the server has been probed and has said what it is now (the next
 * offer). */
void registrar_on_gap(struct registrar *registrar, int64_t gap_ms, const struct instant *now,
                      struct queue *effects)
{
    char span[32];
    registrar->unconfirmed = registrar->wanted != NULL;
    if (registry_lease_is_none(registrar->lease) || registrar->leaving || registrar->withdrawing ||
        registrar->lease_state == LEASE_TRYING) {
        return;
    }
    char lease[REGISTRY_LEASE_TEXT_SIZE];
    registrar_note(
        effects, REGISTRAR_NOTE_GAP,
        "%s in which nothing could be done (the machine slept, or the process was stopped): lease %s"
        " is taken for lost until the registry has answered, and the server is probed anew",
        duration_human(gap_ms, span), registry_lease_text(registrar->lease, lease));
    registrar_flight_clear(&registrar->lease_flight);
    registrar->lease_state = registrar->lease_state == LEASE_HELD ? LEASE_TRYING : registrar->lease_state;
    registrar->lease_retry = 0;
    registrar->lease_suspect = false;
    registrar->verify = registrar->verify || registrar->published != NULL;
    registrar->verify_after = now->mono;
}

void registrar_meet_cluster(struct registrar *registrar, uint64_t cluster, struct str endpoint,
                            bool about_lease, const struct instant *now, struct queue *effects)
{
    uint64_t before = registrar->cluster;
    if (cluster == 0 || cluster == before) {
        return;
    }
    registrar->cluster = cluster;
    if (before == 0) {
        return;
    }
    /* One that lost its data comes back as another each time; the same two in turn are a wrong list of
     * endpoints. */
    bool again =
        cluster == registrar->cluster_before && now->mono - registrar->cluster_mono < CLUSTER_STEADY_MS;
    registrar->cluster_turns = again ? registrar->cluster_turns + 1 : 0;
    registrar->cluster_mono = now->mono;
    registrar->cluster_before = before;
    if (!again) {
        backoff_reset(&registrar->cluster_backoff);
    }
    if (registrar->cluster_turns <= 1) {
        registrar_note(
            effects, REGISTRAR_NOTE_CLUSTER, "cluster %" PRIx64 " answers at %.*s, where %" PRIx64 " did%s",
            cluster, STR_ARG(endpoint), before,
            again ? ": the endpoints belong to different clusters, and the record can only be in one" : "");
    }
    /* Revisions of one cluster mean nothing in another: compared there, an old one may fit somebody else's
     * key. */
    registrar_forget_key(registrar);
    if (!about_lease) {
        registrar_suspect_lease(registrar, now);
    }
}

bool registrar_is_of_cluster_before(const struct registrar *registrar, const struct registry_reply *reply,
                                    const struct flight *flight)
{
    return reply->cluster != 0 && reply->cluster == registrar->cluster_before &&
           flight->sent_mono < registrar->cluster_mono;
}

int64_t registrar_cluster_pause(struct registrar *registrar, const struct instant *now)
{
    bool in_turn = registrar->cluster_turns > 0 && now->mono - registrar->cluster_mono < CLUSTER_STEADY_MS;
    return in_turn ? backoff_next(&registrar->cluster_backoff, &registrar->random) : 0;
}

static bool is_stale_ready(const struct registrar *registrar)
{
    return registrar->published != NULL && registrar->published_claim == REGISTRAR_CLAIM_READY &&
           registrar->wanted != NULL && registrar->wanted_claim == REGISTRAR_CLAIM_DOWN &&
           !registrar->unconfirmed && registrar_dirty(registrar) && registrar->refused_mono != 0;
}

/* The lease is kept where writes fail (docs/design/etcd-gateway.md, "Full store"), for what is published is
 * mostly true all the same. It is given up where it keeps a lie alive: to revoke is no write, and where that
 * is refused, too, the heartbeats stop and it ends. Before that the write is tried once more. */
void registrar_check_stale_ready(struct registrar *registrar, const struct instant *now,
                                 struct queue *effects)
{
    if (!is_stale_ready(registrar)) {
        registrar->stale_ready_since = 0;
        registrar->stale_ready_logged = registrar->stale_ready_tried = false;
    } else if (registrar->stale_ready_since == 0) {
        registrar->stale_ready_since = now->mono;
    } else if (registrar_takes_back(registrar)) {
        if (!registrar->stale_ready_logged) {
            char lease[REGISTRY_LEASE_TEXT_SIZE];
            registrar_note(effects, REGISTRAR_NOTE_TAKEN_BACK, "lease %s is given up: %s",
                           registry_lease_text(registrar->lease, lease), registrar->key_last_error.text);
        }
        registrar->stale_ready_logged = true;
    } else if (now->mono - registrar->stale_ready_since >= registrar->granted_ms &&
               !registrar->stale_ready_tried) {
        registrar->stale_ready_tried = true;
        registrar->key_retry = 0;
    }
}

bool registrar_takes_back(const struct registrar *registrar)
{
    return registrar->stale_ready_since != 0 &&
           registrar->refused_mono - registrar->stale_ready_since >= registrar->granted_ms;
}
