#include "seats_sweep_internal.h"

#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/record/seats_json.h"
#include "outrider/core/fleet/view_read.h"

#include <stdlib.h>
#include <string.h>

/* Between two sweeps: this, and up to as much again. A key is garbage so long after its reservation has lapsed: a claim, a release or a
 * write of the list is faster. */
enum { REST_MS = 45000, GRACE_MS = 10000 };

static void rest(struct sweep *sweep, const struct instant *now)
{
    sweep->state = SWEEP_RESTING;
    sweep->due = now->mono + REST_MS + (int64_t)random_below(&sweep->random, REST_MS);
    buf_clear(&sweep->next);
}

struct sweep *sweep_new(const char *control_prefix, uint64_t seed, const struct instant *now)
{
    struct sweep *sweep = mem_zalloc(sizeof(*sweep));
    struct buf prefix = {0};
    buf_printf(&prefix, "%s/seat-ids/", control_prefix);
    sweep->prefix = mem_strdup(buf_text(&prefix));
    sweep->end = mem_strdup(buf_text(&prefix));
    sweep->end[prefix.size - 1]++; /* "seat-ids0" is the first key behind those that begin with "seat-ids/" */
    buf_fini(&prefix);
    random_seed(&sweep->random, seed);
    rest(sweep, now);
    return sweep;
}

void sweep_free(struct sweep *sweep)
{
    if (sweep != NULL) {
        free(sweep->prefix);
        free(sweep->end);
        buf_fini(&sweep->next);
        buf_fini(&sweep->keys);
        free(sweep);
    }
}

static void add_list(struct sweep *sweep, struct str place)
{
    for (size_t i = 0; i < sweep->list_count; i++) {
        if (str_eq(str_of(sweep->lists[i]), place)) {
            return;
        }
    }
    if (sweep->list_count < SWEEP_LISTS && place.size < SWEEP_PLACE_MAX) {
        memcpy(sweep->lists[sweep->list_count], place.data, place.size);
        sweep->lists[sweep->list_count++][place.size] = '\0';
    }
}

/* Those of servers that are gone and have nothing live. */
static void find_lists(struct sweep *sweep, const struct seats *seats, const struct view *view)
{
    for (const struct seats_server *each = seats_first(seats); each != NULL; each = seats_next(each)) {
        struct str id, type = str_split(each->place, '/', &id);
        if (!each->foreign && each->reserved == 0 && view_find(view, type, id) == NULL) {
            add_list(sweep, each->place);
        }
    }
}

void sweep_begin(struct sweep *sweep, const struct seats *seats, const struct view *view,
                 const struct instant *now)
{
    if (sweep->state != SWEEP_RESTING || now->mono < sweep->due) {
        return;
    }
    if (!view_facts(view)->synced) {
        rest(sweep, now);
        return;
    }
    sweep->state = SWEEP_LISTING;
    sweep->list_count = 0;
    buf_clear(&sweep->next);
    buf_str(&sweep->next, str_of(sweep->prefix));
    find_lists(sweep, seats, view);
}

static void request_deletes(const struct sweep *sweep, struct registry_txn *txn)
{
    struct str rest = buf_view(&sweep->keys);
    for (size_t i = 0; i < sweep->count && txn->then_count < SWEEP_DELETES; i++) {
        struct str key = str_split(rest, '\0', &rest);
        if (i >= sweep->done) {
            registry_txn_if(txn, (struct registry_compare){.kind = REGISTRY_IF_REVISION,
                                                           .key = key,
                                                           .revision = sweep->revisions[i]});
            registry_txn_then(txn, (struct registry_action){.kind = REGISTRY_REMOVE, .key = key});
        }
    }
}

void sweep_request(const struct sweep *sweep, struct registry_txn *txn, struct registry_request *ret_request)
{
    *txn = (struct registry_txn){0};
    if (sweep->state == SWEEP_LISTING) {
        *ret_request = (struct registry_request){.op = REGISTRY_LIST,
                                                 .key = buf_view(&sweep->next),
                                                 .range_end = str_of(sweep->end),
                                                 .limit = SWEEP_PAGE};
        return;
    }
    request_deletes(sweep, txn);
    *ret_request = (struct registry_request){.op = REGISTRY_TXN, .txn = txn};
}

static bool is_over(const struct reservation_place *place, const struct instant *now)
{
    return place->until_wall < now->wall - RESERVATION_SKEW_MS - GRACE_MS;
}

static void judge_key(struct sweep *sweep, const struct registry_item *item, const struct seats *seats,
                      const struct instant *now)
{
    struct reservation_place place;
    struct error err;
    struct str key = {item->key.data + strlen(sweep->prefix), item->key.size - strlen(sweep->prefix)};
    struct str id, type = str_split(key, '/', &id);
    if (seat_id_decode(item->kv.value, &place, &err) < 0 || !is_over(&place, now) || !reservation_is_id(id)) {
        return;
    }
    const struct seats_server *server = seats_of(seats, type, str_of(place.server));
    if (server != NULL && reservations_find(&server->list, id) != NULL) {
        add_list(sweep, server->place); /* an entry and the key of its id go together */
        return;
    }
    sweep->revisions[sweep->count++] = item->kv.mod_revision;
    buf_add(&sweep->keys, item->key.data, item->key.size);
    buf_add(&sweep->keys, "", 1);
}

static void on_page(struct sweep *sweep, const struct registry_reply *reply, const struct seats *seats,
                    const struct instant *now)
{
    sweep->count = sweep->done = 0;
    buf_clear(&sweep->keys);
    size_t items = reply->item_count < SWEEP_PAGE ? reply->item_count : SWEEP_PAGE;
    for (size_t i = 0; i < items; i++) {
        judge_key(sweep, &reply->items[i], seats, now);
    }
    buf_clear(&sweep->next);
    if (items > 0 && reply->count > (int64_t)items) {
        buf_str(&sweep->next, reply->items[items - 1].key);
        buf_add(&sweep->next, "", 1); /* the first key behind it */
    }
}

void sweep_reply(struct sweep *sweep, const struct registry_reply *reply, const struct seats *seats,
                 const struct instant *now)
{
    bool listed = sweep->state == SWEEP_LISTING;
    if (reply->failure != REGISTRY_OK) {
        rest(sweep, now);
        return;
    }
    if (listed) {
        on_page(sweep, reply, seats, now);
    } else {
        size_t left = sweep->count - sweep->done, deletes = left < SWEEP_DELETES ? left : SWEEP_DELETES;
        sweep->done += deletes;
        sweep->swept += reply->succeeded ? deletes : 0;
    }
    if (sweep->done < sweep->count) {
        sweep->state = SWEEP_DELETING;
    } else if (sweep->next.size > 0) {
        sweep->state = SWEEP_LISTING;
    } else {
        rest(sweep, now);
    }
}
