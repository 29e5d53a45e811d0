/* A lease is kept while writes fail, because what is published is mostly true all the same
 * (docs/design/etcd-gateway.md, "Full store"). A record that says ready for a server that is not ready sends
 * players into nothing: after a TTL of refused writes, and one more try, its lease is revoked. A revoke is no
 * write; where it is refused as well the heartbeats stop and the lease ends. */
#include "registrar_internal.h"

#include <assert.h>

static void set_state(struct stale_ready *stale, enum stale_ready_state state)
{
    static const unsigned allowed[] = {
        [STALE_READY_NONE] = 1u << STALE_READY_COUNTING,
        [STALE_READY_COUNTING] =
            1u << STALE_READY_RETRIED | 1u << STALE_READY_GIVEN_UP | 1u << STALE_READY_NONE,
        [STALE_READY_RETRIED] = 1u << STALE_READY_GIVEN_UP | 1u << STALE_READY_NONE,
        [STALE_READY_GIVEN_UP] = 1u << STALE_READY_NONE,
    };
    assert(state == stale->state || (allowed[stale->state] & 1u << state) != 0);
    stale->state = state;
}

static bool is_stale_ready(const struct registrar *registrar)
{
    const struct record_key *key = &registrar->key;
    bool differs = key->state == KEY_DIRTY || key->state == KEY_MAYBE_WRITTEN;
    return key->published != NULL && key->claim == REGISTRAR_CLAIM_READY && differs &&
           registrar->wanted.value != NULL && registrar->wanted.claim == REGISTRAR_CLAIM_DOWN &&
           !registrar->wanted.unconfirmed && registrar->stale_ready.refused_mono != 0;
}

void registrar_check_stale_ready(struct registrar *registrar, const struct instant *now,
                                 struct queue *effects)
{
    struct stale_ready *stale = &registrar->stale_ready;
    int64_t ttl_ms = registrar->lease.ttl_ms;
    if (!is_stale_ready(registrar)) {
        set_state(stale, STALE_READY_NONE);
    } else if (stale->state == STALE_READY_NONE) {
        set_state(stale, STALE_READY_COUNTING);
        stale->since_mono = now->mono;
    } else if (stale->state == STALE_READY_GIVEN_UP) {
        return;
    } else if (stale->refused_mono - stale->since_mono >= ttl_ms) {
        set_state(stale, STALE_READY_GIVEN_UP);
        char lease[REGISTRY_LEASE_TEXT_SIZE];
        registrar_note(effects, REGISTRAR_NOTE_TAKEN_BACK, "lease %s is revoked: %s",
                       registry_lease_text(registrar->lease.id, lease), registrar->key_error.text);
    } else if (stale->state == STALE_READY_COUNTING && now->mono - stale->since_mono >= ttl_ms) {
        set_state(stale, STALE_READY_RETRIED);
        registrar->key.retry_mono = 0;
    }
}
