/* Changes that are to be made at once share transactions: a registry carries out a transaction of twenty changes almost as fast as one
 * of a single change. A change that finds nothing before it goes alone, and at once.
 *
 * A transaction is made as a whole or not at all. Where it is not, since others have changed something, each change has its keys read
 * to learn whether it was the reason; so the transaction itself reads nothing. A change that was not the reason is sent again. The more
 * others write, the more often one change spoils it for all: after a transaction that was not made the next ones are half as large, and
 * grow by one with each that is made. What the registry refuses, perhaps as too large for it, is sent again one by one. */
#include "seats_router_internal.h"

#include <string.h>

/* A change that others have spoiled so often goes alone. */
enum { SPOILED_MAX = 2 };

/* ---- sending ---- */

/* Whether the answer to a transaction of several cannot say what became of it, or it was spoiled too often. */
static bool must_go_alone(const struct op *op)
{
    return op->txn.former_key.size > 0 || op->spoiled >= SPOILED_MAX;
}

/* Takes changes that are pending, the first of them for certain. */
static void gather(struct seats_router *router, struct batch *batch, struct registry_txn *ret_txn)
{
    batch->count = 0;
    *ret_txn = (struct registry_txn){0};
    for (struct op *op = router->ops; op != NULL && batch->count < router->share; op = op->next) {
        bool alone = op->pending && must_go_alone(op);
        if (!op->pending || (alone && batch->count > 0) || !registry_txn_join(ret_txn, &op->txn.txn)) {
            continue;
        }
        op->pending = false;
        batch->ops[batch->count++] = op;
        if (alone) {
            return;
        }
    }
}

/* False: no change is pending. */
static bool send(struct seats_router *router, struct batch *batch)
{
    struct registry_txn txn;
    gather(router, batch, &txn);
    if (batch->count == 0) {
        return false;
    }
    batch->request = ++router->last_request;
    router->counters.transactions++;
    seats_submit(router->owner, &(struct registry_request){.id = batch->request,
                                                           .op = REGISTRY_TXN,
                                                           .txn = &txn,
                                                           .timeout_ms = router->settings.timeout_ms});
    return true;
}

void seats_batches_flush(struct seats_router *router)
{
    bool more = true;
    for (size_t i = 0; i < SEATS_BATCHES && more; i++) {
        more = router->batches[i].request != 0 || send(router, &router->batches[i]);
    }
}

/* ---- answers ---- */

static void judge_share(struct seats_router *router, const struct batch *batch, bool is_made)
{
    if (is_made) {
        router->share += router->share < SEATS_BATCH_MAX;
    } else if (batch->count > 1) {
        router->share = batch->count / 2;
    }
}

/* Whether something that the change compares is not as it expected. */
static bool is_conflict(const struct op *op, const struct seats_reply *answer)
{
    const struct seats_change *change = op->allocates ? &op->allocate.change : &op->amend.change;
    return answer->failure != REGISTRY_OK || answer->seats.revision != change->of.revision ||
           (change->record_revision != 0 && answer->record.revision != change->record_revision) ||
           (change->id_action != SEATS_ID_KEEP && answer->id.revision != change->id_revision);
}

/* Has the keys of a change read, as its transaction was not made. */
static void read_again(struct seats_router *router, struct op *op)
{
    struct registry_txn txn = {0};
    for (size_t i = 0; i < op->txn.txn.otherwise_count; i++) {
        registry_txn_then(&txn, op->txn.txn.otherwise[i]);
    }
    op->rereads = true;
    op->request = ++router->last_request;
    seats_submit(router->owner, &(struct registry_request){.id = op->request,
                                                           .op = REGISTRY_TXN,
                                                           .txn = &txn,
                                                           .timeout_ms = router->settings.timeout_ms});
}

void seats_batches_reread(struct seats_router *router, struct op *op, const struct registry_reply *reply,
                          const struct instant *now)
{
    struct registry_reply not_made = *reply;
    struct seats_reply answer;
    op->rereads = false;
    op->request = 0;
    not_made.succeeded = false;
    /* Whatever became of the read, the change was not made. */
    not_made.failure = reply->failure == REGISTRY_UNKNOWN ? REGISTRY_RETRY : reply->failure;
    seats_txn_answer(&op->txn, &not_made, &answer);
    if (is_conflict(op, &answer) || must_go_alone(op)) {
        seats_change_answered(router, op, &not_made, &answer, now);
    } else {
        op->spoiled++;
        op->pending = true;
    }
    reservations_fini(&answer.list);
}

static void answer_change(struct seats_router *router, struct op *op, const struct registry_reply *reply,
                          const struct instant *now)
{
    struct seats_reply answer;
    seats_txn_answer(&op->txn, reply, &answer);
    seats_change_answered(router, op, reply, &answer, now);
}

bool seats_batches_replied(struct seats_router *router, const struct registry_reply *reply,
                           const struct instant *now)
{
    size_t number = 0;
    while (number < SEATS_BATCHES && router->batches[number].request != reply->id) {
        number++;
    }
    if (number == SEATS_BATCHES) {
        return false;
    }
    const struct batch batch = router->batches[number];
    router->batches[number] = (struct batch){0};
    bool is_made = reply->failure == REGISTRY_OK && reply->succeeded;
    bool is_spoiled = reply->failure == REGISTRY_OK && !reply->succeeded;
    bool is_refused = reply->failure == REGISTRY_REFUSED && batch.count > 1;
    if (is_made || is_spoiled || is_refused) {
        judge_share(router, &batch, is_made);
    }
    for (size_t i = 0; i < batch.count; i++) {
        if (is_spoiled) {
            read_again(router, batch.ops[i]);
        } else if (is_refused) {
            batch.ops[i]->spoiled = SPOILED_MAX;
            batch.ops[i]->pending = true;
        } else {
            answer_change(router, batch.ops[i], reply, now);
        }
    }
    return true;
}
