/* Changes of reservations under way, each with the turn of its server while it writes; and the sweep. */
#include "seats_router_internal.h"

#include "outrider/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

/* The time of a change other than an allocation, in request timeouts: it may have to find out what became of one. */
enum { AMEND_REQUESTS = 2 };

void seats_change_free(struct seats_router *router, struct op *op)
{
    DL_DELETE(router->ops, op);
    router->counters.changes--;
    seats_txn_fini(&op->txn);
    if (op->allocates) {
        allocate_fini(&op->allocate);
    } else {
        amend_fini(&op->amend);
    }
    free(op);
}

/* ---- what replies teach ---- */

static void learn(struct seats_router *router, struct str key, const struct registry_kv *kv, int64_t revision,
                  const struct instant *now)
{
    mirror_learn(router->mirror, key, kv, revision, &router->mirrored);
    seats_mirror_carry_out(router, now);
}

/* A list that was just written. */
static void learn_written(struct seats_router *router, struct str key, const struct blob *value,
                          int64_t revision, const struct instant *now)
{
    const struct mirror_key *before = mirror_find(router->mirror, key);
    const struct registry_kv kv = {.found = value != NULL,
                                   .value = value == NULL ? (struct str){NULL, 0} : blob_view(value),
                                   .mod_revision = revision,
                                   .create_revision = before == NULL ? revision : before->create_revision};
    learn(router, key, &kv, revision, now);
}

static void learn_answer(struct seats_router *router, const struct op *op, const struct registry_reply *reply,
                         const struct instant *now)
{
    const struct seats_txn *txn = &op->txn;
    if (reply->failure != REGISTRY_OK || txn->of_key.size == 0) {
        return;
    }
    if (reply->item_count > 0) {
        learn(router, txn->of_key, &reply->items[0].kv, reply->revision, now);
    } else if (reply->succeeded && !txn->reads) {
        learn_written(router, txn->of_key, txn->of, reply->revision, now);
        if (txn->former_key.size > 0) {
            learn_written(router, txn->former_key, txn->former, reply->revision, now);
        }
    }
}

/* ---- changes ---- */

static void give_turn_back(struct seats_router *router, struct op *op)
{
    if (op->turn[0] != '\0') {
        turns_give_back(&router->turns, str_of(op->turn));
        op->turn[0] = '\0';
    }
}

static void take_turn(struct seats_router *router, struct op *op, const char *server)
{
    give_turn_back(router, op);
    struct buf place = {0};
    buf_printf(&place, "%s/%s", op->type, server);
    seats_text(op->turn, sizeof(op->turn), buf_view(&place));
    turns_take(&router->turns, str_of(op->turn));
    buf_fini(&place);
}

/* A read goes at once; a change with those that wait as well. */
static void submit(struct seats_router *router, struct op *op, const struct seats_change *change)
{
    seats_txn_fini(&op->txn);
    seats_txn_make(&op->txn, router->prefix, router->control_prefix, str_of(op->type), change);
    op->in_flight = true;
    op->pending = !change->reads;
    op->spoiled = 0;
    if (change->reads) {
        op->request = ++router->last_request;
        seats_submit(router->owner, &(struct registry_request){.id = op->request,
                                                               .op = REGISTRY_TXN,
                                                               .txn = &op->txn.txn,
                                                               .timeout_ms = router->settings.timeout_ms});
    }
}

static void end_allocate(struct seats_router *router, struct op *op)
{
    op->allocated(&op->allocate, op->user);
    seats_change_free(router, op);
}

static void end_amend(struct seats_router *router, struct op *op)
{
    const struct amend *amend = &op->amend;
    router->counters.released += amend->op == AMEND_RELEASE && amend->result == AMEND_OK;
    router->counters.extended += amend->op == AMEND_EXTEND && amend->result == AMEND_OK;
    op->amended(amend, op->user);
    seats_change_free(router, op);
}

/* After a step of an allocation: what its state asks for. */
static void stepped_allocate(struct seats_router *router, struct op *op)
{
    switch (op->allocate.state) {
    case ALLOCATE_WRITING:
        take_turn(router, op, op->allocate.change.of.server);
        submit(router, op, &op->allocate.change);
        break;
    case ALLOCATE_READING:
        give_turn_back(router, op);
        submit(router, op, &op->allocate.change);
        break;
    case ALLOCATE_WAITING: give_turn_back(router, op); break;
    case ALLOCATE_DONE:
        give_turn_back(router, op);
        end_allocate(router, op);
        break;
    }
}

static void stepped_amend(struct seats_router *router, struct op *op)
{
    if (op->amend.state == AMEND_DONE) {
        give_turn_back(router, op);
        end_amend(router, op);
    } else {
        submit(router, op, &op->amend.change);
    }
}

static struct allocate_world world_of(const struct seats_router *router)
{
    return (struct allocate_world){.placement = router->placement,
                                   .view = router->view,
                                   .seats = router->seats,
                                   .turns = &router->turns};
}

/* Begins or goes on, where it waits and may. */
static void go(struct seats_router *router, struct op *op, const struct instant *now)
{
    if (op->in_flight) {
        return;
    }
    if (op->allocates) {
        const struct allocate_world world = world_of(router);
        allocate_go(&op->allocate, &world, now);
        if (op->allocate.state != ALLOCATE_WAITING) {
            stepped_allocate(router, op);
        }
        return;
    }
    if (now->mono >= op->amend.ends) {
        amend_late(&op->amend);
        stepped_amend(router, op);
        return;
    }
    char place[ALLOCATE_PLACE_MAX + RESERVATION_SERVER_MAX + 2];
    snprintf(place, sizeof(place), "%s/%s", op->type, op->amend.change.of.server);
    if (!turns_taken(&router->turns, str_of(place))) {
        take_turn(router, op, op->amend.change.of.server);
        stepped_amend(router, op);
    }
}

/* Until the mirror knows the keys, allocations wait: what they learn would be forgotten. */
static bool may_go(const struct seats_router *router, const struct op *op, const struct instant *now)
{
    return !op->allocates || mirror_facts(router->mirror)->known || now->mono >= op->allocate.ends;
}

void seats_changes_go(struct seats_router *router, const struct instant *now)
{
    if (router->stepping) {
        return;
    }
    router->stepping = true;
    for (struct op *op = router->ops, *next; op != NULL; op = next) {
        next = op->next;
        if (may_go(router, op, now)) {
            go(router, op, now);
        }
    }
    router->stepping = false;
    seats_batches_flush(router);
}

/* ---- sweeping ---- */

static void ignore(const struct amend *result, void *user)
{
    (void)result;
    (void)user;
}

static void clean_lists(struct seats_router *router, const struct instant *now)
{
    for (size_t i = 0; i < router->sweep->list_count; i++) {
        struct str server, type = str_split(str_of(router->sweep->lists[i]), '/', &server);
        (void)seats_router_amend(router, AMEND_CLEAN, type, server, STR(""), 0, now, ignore, NULL);
    }
    router->sweep->list_count = 0;
}

/* Asks for what the state of the sweep needs. */
static void ask_for_sweep(struct seats_router *router, const struct instant *now)
{
    struct registry_txn txn;
    struct registry_request request;
    if (router->sweep->state == SWEEP_RESTING) {
        clean_lists(router, now);
        return;
    }
    sweep_request(router->sweep, &txn, &request);
    request.id = router->sweep_request = ++router->last_request;
    request.timeout_ms = router->settings.timeout_ms;
    seats_submit(router->owner, &request);
}

void seats_changes_sweep(struct seats_router *router, const struct instant *now)
{
    if (router->sweep == NULL || router->sweep_request != 0 || !mirror_facts(router->mirror)->synced) {
        return;
    }
    sweep_begin(router->sweep, router->seats, router->view, now);
    if (router->sweep->state != SWEEP_RESTING) {
        ask_for_sweep(router, now);
    }
}

static void on_swept(struct seats_router *router, const struct registry_reply *reply,
                     const struct instant *now)
{
    router->sweep_request = 0;
    sweep_reply(router->sweep, reply, router->seats, now);
    router->counters.swept = router->sweep->swept;
    ask_for_sweep(router, now);
}

void seats_change_answered(struct seats_router *router, struct op *op, const struct registry_reply *reply,
                           const struct seats_reply *answer, const struct instant *now)
{
    learn_answer(router, op, reply, now);
    router->counters.conflicts += reply->failure == REGISTRY_OK && !reply->succeeded;
    op->request = 0;
    op->in_flight = false;
    if (op->allocates) {
        const struct allocate_world world = world_of(router);
        allocate_reply(&op->allocate, &world, answer, now);
        stepped_allocate(router, op);
    } else {
        amend_reply(&op->amend, answer, now);
        stepped_amend(router, op);
    }
}

static void on_read(struct seats_router *router, const struct registry_reply *reply,
                    const struct instant *now)
{
    struct op *op = router->ops;
    while (op != NULL && op->request != reply->id) {
        op = op->next;
    }
    if (op != NULL && op->rereads) {
        seats_batches_reread(router, op, reply, now);
    } else if (op != NULL) {
        struct seats_reply answer;
        seats_txn_answer(&op->txn, reply, &answer);
        seats_change_answered(router, op, reply, &answer, now);
        reservations_fini(&answer.list);
    }
}

void seats_router_replied(struct seats_router *router, const struct registry_reply *reply,
                          const struct instant *now)
{
    if (reply->id == router->sweep_request) {
        on_swept(router, reply, now);
    } else if (!seats_batches_replied(router, reply, now)) {
        on_read(router, reply, now);
    }
    seats_changes_go(router, now);
}

static struct op *add_op(struct seats_router *router, struct str type)
{
    if (router->counters.changes >= SEATS_CHANGES_MAX) {
        return NULL;
    }
    struct op *op = mem_zalloc(sizeof(*op));
    seats_text(op->type, sizeof(op->type), type);
    DL_APPEND(router->ops, op);
    router->counters.changes++;
    return op;
}

bool seats_router_allocate(struct seats_router *router, const struct allocate_settings *settings,
                           const struct instant *now, seats_allocated_fn *done, void *user)
{
    struct op *op = add_op(router, settings->query->type);
    if (op == NULL) {
        return false;
    }
    op->allocates = true;
    op->allocated = done;
    op->user = user;
    allocate_init(&op->allocate, settings, now);
    return true;
}

bool seats_router_amend(struct seats_router *router, enum amend_op which, struct str type, struct str server,
                        struct str id, int64_t ttl_ms, const struct instant *now, seats_amended_fn *done,
                        void *user)
{
    struct op *op = add_op(router, type);
    if (op == NULL) {
        return false;
    }
    op->amended = done;
    op->user = user;
    amend_init(&op->amend, which, server, id, ttl_ms,
               now->mono + AMEND_REQUESTS * router->settings.timeout_ms);
    return true;
}
