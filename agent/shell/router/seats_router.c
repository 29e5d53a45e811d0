#include "outrider/shell/router/seats_router.h"

#include "seats_txn_internal.h"

#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/record/seats_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* Servers whose reservations are known, and the bytes of them all. */
enum { MIRROR_KEYS_MAX = 20000, MIRROR_BYTES_MAX = 64 << 20 };

/* One change under way. */
struct op {
    struct op *prev, *next;
    bool allocates; /* `allocate` is used, else `amend` */
    struct allocate allocate;
    struct amend amend;
    char type[ALLOCATE_PLACE_MAX];
    char turn[ALLOCATE_PLACE_MAX]; /* the turn that it has; "": none */
    uint64_t request;              /* the id of the request in flight; 0: none */
    struct seats_txn txn;          /* of that request */
    seats_allocated_fn *allocated;
    seats_amended_fn *amended;
    void *user;
};

struct seats_router {
    struct seats_owner *owner;
    struct seats_router_settings settings;
    char *prefix, *control_prefix, *mirror_prefix;
    struct mirror *mirror;
    struct seats *seats;
    struct turns turns;
    struct placement *placement; /* NULL: not known yet, as the view */
    const struct view *view;
    struct queue mirrored, told; /* struct mirror_effect, struct seats_effect */
    struct op *ops;              /* in the order in which they began */
    bool stepping;               /* the list is being gone through */
    uint64_t last_request;
    struct allocate_counters counters;
};

struct seats_router *seats_router_new(const struct seats_router_settings *settings, struct seats_owner *owner)
{
    struct seats_router *router = mem_zalloc(sizeof(*router));
    struct buf prefix = {0};
    buf_printf(&prefix, "%s/seats/", settings->control_prefix);
    router->owner = owner;
    router->settings = *settings;
    router->prefix = mem_strdup(settings->prefix);
    router->control_prefix = mem_strdup(settings->control_prefix);
    router->mirror_prefix = mem_strdup(buf_text(&prefix));
    buf_fini(&prefix);
    router->mirror = mirror_new(&(struct mirror_settings){.prefix = router->mirror_prefix,
                                                          .timeout_ms = settings->timeout_ms,
                                                          .check_ms = settings->check_ms,
                                                          .seed = settings->seed,
                                                          .can = settings->can,
                                                          .keys_max = MIRROR_KEYS_MAX,
                                                          .bytes_max = MIRROR_BYTES_MAX});
    router->seats = seats_new();
    queue_init(&router->mirrored, sizeof(struct mirror_effect));
    queue_init(&router->told, sizeof(struct seats_effect));
    return router;
}

static void free_op(struct seats_router *router, struct op *op)
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

void seats_router_free(struct seats_router *router)
{
    if (router == NULL) {
        return;
    }
    while (router->ops != NULL) {
        free_op(router, router->ops);
    }
    turns_fini(&router->turns);
    queue_fini(&router->mirrored);
    queue_fini(&router->told);
    mirror_free(router->mirror);
    seats_free(router->seats);
    free(router->prefix);
    free(router->control_prefix);
    free(router->mirror_prefix);
    free(router);
}

const struct seats *seats_router_seats(const struct seats_router *router)
{
    return router->seats;
}

void seats_router_place(struct seats_router *router, struct placement *placement, const struct view *view)
{
    router->placement = placement;
    router->view = view;
}

/* ---- what is reserved ---- */

static void tell(struct seats_router *router, const struct instant *now)
{
    struct seats_effect effect;
    while (queue_take(&router->told, &effect)) {
        struct str id, type = str_split(effect.place, '/', &id);
        if (router->placement != NULL) {
            placement_reserved(router->placement, type, id, now);
        }
    }
}

static void step_seats(struct seats_router *router, const struct seats_event *event)
{
    seats_step(router->seats, event, &router->told);
    tell(router, &event->now);
}

/* TYPE/SERVER, each one segment of what can be a record's key. */
static bool is_place(struct str place)
{
    struct str id, type = str_split(place, '/', &id);
    return type.size > 0 && id.size > 0 && id.size <= RESERVATION_SERVER_MAX &&
           place.size < ALLOCATE_PLACE_MAX && memchr(id.data, '/', id.size) == NULL;
}

static void on_changed(struct seats_router *router, const struct mirror_effect *effect,
                       const struct instant *now)
{
    struct str key = effect->is != NULL ? effect->is->key : effect->was->key;
    size_t skip = strlen(router->mirror_prefix);
    struct seats_event event = {
        .type = SEATS_ON_CHANGED, .now = *now, .place = {key.data + skip, key.size - skip}};
    struct reservations list = {0};
    struct error err;
    if (!is_place(event.place)) {
        return; /* below the prefix, and of no server */
    }
    if (effect->is != NULL) {
        const struct seats_server *before = seats_find(router->seats, event.place);
        event.revision = effect->is->mod_revision;
        event.foreign = seats_decode(blob_view(effect->is->value), &list, &err) < 0;
        event.list = event.foreign ? NULL : &list;
        if (event.foreign && (before == NULL || !before->foreign)) {
            seats_skipped(router->owner, key, err.text);
        }
    }
    step_seats(router, &event);
    reservations_fini(&list);
}

static void carry_out(struct seats_router *router, const struct instant *now)
{
    struct mirror_effect effect;
    while (queue_take(&router->mirrored, &effect)) {
        if (effect.type == MIRROR_DO_CHANGED) {
            on_changed(router, &effect, now);
        } else {
            seats_carry_out(router->owner, &effect);
        }
    }
}

static void step_mirror(struct seats_router *router, struct mirror_event event)
{
    mirror_step(router->mirror, &event, &router->mirrored);
    carry_out(router, &event.now);
}

static void learn(struct seats_router *router, struct str key, const struct registry_kv *kv, int64_t revision,
                  const struct instant *now)
{
    mirror_learn(router->mirror, key, kv, revision, &router->mirrored);
    carry_out(router, now);
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

static void submit(struct seats_router *router, struct op *op, const struct seats_change *change)
{
    seats_txn_fini(&op->txn);
    seats_txn_make(&op->txn, router->prefix, router->control_prefix, str_of(op->type), change);
    op->request = ++router->last_request;
    router->counters.transactions += !change->reads;
    seats_submit(router->owner, &(struct registry_request){.id = op->request,
                                                           .op = REGISTRY_TXN,
                                                           .txn = &op->txn.txn,
                                                           .timeout_ms = router->settings.timeout_ms});
}

static void end_allocate(struct seats_router *router, struct op *op)
{
    const struct allocate *allocate = &op->allocate;
    router->counters.placements[allocate->query.strategy][allocate->result]++;
    op->allocated(allocate, op->user);
    free_op(router, op);
}

static void end_amend(struct seats_router *router, struct op *op)
{
    const struct amend *amend = &op->amend;
    router->counters.released += amend->op == AMEND_RELEASE && amend->result == AMEND_OK;
    router->counters.extended += amend->op == AMEND_EXTEND && amend->result == AMEND_OK;
    op->amended(amend, op->user);
    free_op(router, op);
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
    if (op->request != 0) {
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

static void go_all(struct seats_router *router, const struct instant *now)
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
}

void seats_router_replied(struct seats_router *router, const struct registry_reply *reply,
                          const struct instant *now)
{
    struct op *op = router->ops;
    while (op != NULL && op->request != reply->id) {
        op = op->next;
    }
    if (op == NULL) {
        return;
    }
    struct seats_reply answer;
    seats_txn_answer(&op->txn, reply, &answer);
    learn_answer(router, op, reply, now);
    router->counters.conflicts += reply->failure == REGISTRY_OK && !reply->succeeded;
    op->request = 0;
    if (op->allocates) {
        const struct allocate_world world = world_of(router);
        allocate_reply(&op->allocate, &world, &answer, now);
        stepped_allocate(router, op);
    } else {
        amend_reply(&op->amend, &answer, now);
        stepped_amend(router, op);
    }
    reservations_fini(&answer.list);
    go_all(router, now);
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
                        struct str id, int64_t ttl_ms, seats_amended_fn *done, void *user)
{
    struct op *op = add_op(router, type);
    if (op == NULL) {
        return false;
    }
    op->amended = done;
    op->user = user;
    amend_init(&op->amend, which, server, id, ttl_ms);
    return true;
}

/* ---- events ---- */

void seats_router_follow(struct seats_router *router, bool on, const struct instant *now)
{
    step_mirror(router, (struct mirror_event){.type = on ? MIRROR_ON_START : MIRROR_ON_STOP, .now = *now});
}

void seats_router_mirrored(struct seats_router *router, const struct registry_reply *reply,
                           const struct instant *now)
{
    step_mirror(router, (struct mirror_event){.type = MIRROR_ON_REPLY, .now = *now, .reply = reply});
    go_all(router, now);
}

void seats_router_watched(struct seats_router *router, const struct registry_watch_event *event,
                          const struct instant *now)
{
    step_mirror(router, (struct mirror_event){.type = MIRROR_ON_WATCH, .now = *now, .watch = event});
}

void seats_router_tick(struct seats_router *router, const struct instant *now)
{
    step_mirror(router, (struct mirror_event){.type = MIRROR_ON_TICK, .now = *now});
    step_seats(router, &(struct seats_event){.type = SEATS_ON_TICK, .now = *now});
    go_all(router, now);
}

struct window seats_router_deadline(const struct seats_router *router)
{
    struct window window = window_sooner(mirror_deadline(router->mirror), seats_deadline(router->seats));
    bool known = mirror_facts(router->mirror)->known;
    for (const struct op *op = router->ops; op != NULL; op = op->next) {
        if (op->allocates && op->allocate.state == ALLOCATE_WAITING) {
            window = window_sooner(window, window_at(known ? op->allocate.due : op->allocate.ends));
        }
    }
    return window;
}

const struct mirror_facts *seats_router_mirror(const struct seats_router *router)
{
    return mirror_facts(router->mirror);
}

const struct allocate_counters *seats_router_counters(const struct seats_router *router)
{
    return &router->counters;
}
