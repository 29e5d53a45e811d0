/* The lease of a candidate, what its changes mean for the place, and what is said of an outage. */
#include "election_internal.h"

/* A key that stood for so long had no trouble: the next entry is not delayed by those before. */
enum { STEADY_MS = 60000 };

/* ---- outages ---- */

void election_fail(struct election *election, struct last_error *error, const struct registry_reply *reply)
{
    outage_fail(&election->outage, error, reply, &election->now);
    if (!outage_log_once(&election->outage, reply->failure)) {
        return;
    }
    struct str text = queue_copy(election->effects, str_of(error->text));
    struct election_effect *effect = election_emit(election, ELECTION_DO_FAILED);
    effect->failure = reply->failure;
    effect->text = text;
}

void election_succeed(struct election *election, struct last_error *error)
{
    if (outage_end(&election->outage, error)) {
        char summary[80];
        struct str text =
            queue_copy(election->effects, str_of(outage_summary(&election->outage, &election->now, summary)));
        election_emit(election, ELECTION_DO_RECOVERED)->text = text;
    }
}

/* ---- the lease ---- */

void election_leave(struct election *election, enum election_reason reason)
{
    election_lose(election, reason);
    if (reason != ELECTION_RESIGNED) {
        bool steady = election->create != 0 && election->now.mono - election->stood_mono > STEADY_MS;
        election->again.failures = steady ? 0 : election->again.failures;
        election->enter_mono = election->now.mono + backoff_next(&election->again, &election->random);
    }
    election_set_state(election, ELECTION_LEAVING);
    election_step_lease(
        election, (struct lease_event){.type = LEASE_ON_GOAL,
                                       .goal = election->leaving ? LEASE_GOAL_LEAVE : LEASE_GOAL_RELEASE});
}

static void on_lease_none(struct election *election)
{
    if (election->state == ELECTION_LEAVING) {
        election_set_state(election, election->wanted ? ELECTION_ENTERING : ELECTION_OFF);
        if (!election->wanted) {
            (void)election_emit(election, ELECTION_DO_GONE);
        }
    } else if (election->state != ELECTION_OFF && election->state != ELECTION_ENTERING) {
        election_lose(election, ELECTION_LEASE_LOST);
        election_set_state(election, ELECTION_ENTERING);
    } else if (election->state == ELECTION_ENTERING) {
        election_forget_key(election); /* it names the lease that is gone */
    }
}

static void on_lease_failed(struct election *election, const struct lease_effect *effect)
{
    election_fail(
        election, &election->lease_error,
        &(struct registry_reply){.op = effect->op, .failure = effect->failure, .error = effect->text});
}

static void on_lease_effect(struct election *election, const struct lease_effect *effect)
{
    switch (effect->type) {
    case LEASE_DO_REQUEST: election_emit(election, ELECTION_DO_REQUEST)->request = effect->request; break;
    case LEASE_DO_MOVED:
        if (effect->to == LEASE_NONE) {
            on_lease_none(election);
        }
        break;
    case LEASE_DO_RENEWED: election_compare_soon(election); break;
    case LEASE_DO_ANSWERED: election_succeed(election, &election->lease_error); break;
    case LEASE_DO_FAILED: on_lease_failed(election, effect); break;
    case LEASE_DO_CLUSTER:
        if (effect->text.size > 0) {
            struct str text = queue_copy(election->effects, effect->text);
            election_emit(election, ELECTION_DO_NOTE)->text = text;
        }
        if (election->state != ELECTION_OFF && election->state != ELECTION_LEAVING) {
            election_leave(election, ELECTION_OTHER_REGISTRY);
        }
        break;
    case LEASE_DO_SAVE: /* after a restart it stands again */
    case LEASE_DO_SHORTENED: /* of the configuration: checked there */ break;
    }
}

/* May be called from an effect of the lease: what that adds to the queue is taken by the outer call. */
void election_step_lease(struct election *election, struct lease_event event)
{
    event.now = election->now;
    bool outer = !election->lease_busy;
    election->lease_busy = true;
    lease_step(&election->lease, &event, &election->lease_effects);
    struct lease_effect effect;
    while (outer && queue_take(&election->lease_effects, &effect)) {
        on_lease_effect(election, &effect);
    }
    election->lease_busy = outer ? false : election->lease_busy;
}
