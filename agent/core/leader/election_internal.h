/* What the files of the candidate share: election.c (states, requests), election_lease.c, election_place.c (who is before it),
 * election_watch.c (the one key that is watched). */
#ifndef OUTRIDER_CORE_LEADER_ELECTION_INTERNAL_H
#define OUTRIDER_CORE_LEADER_ELECTION_INTERNAL_H

#include "outrider/core/leader/election.h"

/* Appends an effect, zeroed but for its type. */
struct election_effect *election_emit(struct election *election, enum election_effect_type type);

/* A request of its own, to be filled in; its reply comes as `ask`. */
struct registry_request *election_ask(struct election *election, enum registry_op op, enum election_ask ask);

/* Changes the state; the reply to what was asked in another one is not waited for any more. */
void election_set_state(struct election *election, enum election_state state);

/* The own key does not stand, and a request about it is not waited for any more. */
void election_forget_key(struct election *election);

/* Says that it does not lead any more, where it did. */
void election_lose(struct election *election, enum election_reason reason);

/* Whether the lease is good enough to lead under it now. */
bool election_believes(const struct election *election);

/* Whether the key `name` is that of a candidate: under the lease that names it. */
bool election_is_candidate(const struct election *election, struct str name, struct registry_lease lease);

/* The key stands at these revisions, and who is before it is to be found. */
void election_place(struct election *election);

/* What the listing said: no key is before its own; or `before` (taken) is. */
void election_lead(struct election *election);
void election_queue(struct election *election, char *before, int64_t create, int64_t mod);

/* ---- election_lease.c ---- */

/* One event of the lease, and what follows from it. What is stepped within an effect of the lease is followed up by the
 * outer call. */
void election_step_lease(struct election *election, struct lease_event event);

/* Gives the place up: the lease is revoked, and the key goes with it. */
void election_leave(struct election *election, enum election_reason reason);

/* A request of the kind of `error` failed, or succeeded. */
void election_fail(struct election *election, struct last_error *error, const struct registry_reply *reply);
void election_succeed(struct election *election, struct last_error *error);

/* ---- election_place.c ---- */

/* Begins a listing and asks for its first page; the reply to a page. */
void election_list(struct election *election);
void election_on_list(struct election *election, const struct registry_reply *reply);

/* What a failure of a page changes for the next one. */
void election_list_failed(struct election *election, const struct registry_reply *reply);

/* Frees what a listing keeps. */
void election_list_end(struct election *election);

/* ---- election_watch.c ---- */

/* Watches `key` (taken) from now on instead of what it watched; NULL: nothing. */
void election_watch_key(struct election *election, char *key, int64_t create, int64_t mod);

/* Opens the watch, reads or compares the key: whatever is due. `may_ask`: no request is in flight or waited for. */
void election_plan_watch(struct election *election, bool may_ask);

/* A keepalive has worked: whether the watch has missed something is asked beside it. */
void election_compare_soon(struct election *election);

/* When election_plan_watch() is needed although nothing happens. */
struct window election_watch_window(const struct election *election);

void election_on_watch(struct election *election, const struct registry_watch_event *event);
void election_on_read(struct election *election, const struct registry_reply *reply);
void election_on_compared(struct election *election, const struct registry_reply *reply);

#endif
