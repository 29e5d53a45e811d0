#include "outrider/core/keys/key_removal.h"

#include "outrider/base/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TO(state) (1u << KEY_REMOVAL_##state)

bool key_removal_may_move(enum key_removal_state from, enum key_removal_state to)
{
    static const unsigned allowed[] = {
        [KEY_REMOVAL_COUNTING] = TO(LISTING) | TO(ENDED),
        [KEY_REMOVAL_LISTING] = TO(REMOVING) | TO(ENDED),
        [KEY_REMOVAL_REMOVING] = TO(LISTING) | TO(ENDED),
        [KEY_REMOVAL_ENDED] = 0,
    };
    return (allowed[from] & 1u << to) != 0;
}

static void move(struct key_removal *removal, enum key_removal_state to)
{
    assert(key_removal_may_move(removal->state, to));
    removal->state = to;
}

static void finish(struct key_removal *removal, enum key_removal_result result)
{
    removal->result = result;
    move(removal, KEY_REMOVAL_ENDED);
}

void key_removal_init(struct key_removal *removal, const struct key_scope *scope, struct str prefix,
                      struct str expected)
{
    *removal = (struct key_removal){.scope = scope, .txn = mem_zalloc(sizeof(*removal->txn))};
    buf_str(&removal->prefix, prefix);
    snprintf(removal->expected, sizeof(removal->expected), "%.*s", STR_ARG(expected));
    key_walk_init(&removal->walk, scope, prefix, REGISTRY_LIST_MAX, 0);
}

void key_removal_fini(struct key_removal *removal)
{
    buf_fini(&removal->prefix);
    key_walk_fini(&removal->walk);
    free(removal->txn);
}

void key_removal_ask(const struct key_removal *removal, struct registry_request *ret_request)
{
    if (removal->state == KEY_REMOVAL_REMOVING) {
        *ret_request = (struct registry_request){.op = REGISTRY_TXN, .txn = removal->txn};
    } else {
        key_walk_ask(&removal->walk, ret_request);
    }
}

/* ---- counting ---- */

static void count(struct key_removal *removal, const struct registry_reply *reply)
{
    for (size_t i = 0; i < reply->item_count; i++) {
        const struct registry_item *item = &reply->items[i];
        char revision[24];
        int size = snprintf(revision, sizeof(revision), "%" PRId64, item->kv.mod_revision);
        removal->hash = str_hash(item->key, removal->hash);
        removal->hash = str_hash((struct str){revision, (size_t)size}, removal->hash);
    }
    removal->count += reply->item_count;
}

static void counted(struct key_removal *removal)
{
    snprintf(removal->plan, sizeof(removal->plan), "%zu-%016" PRIx64, removal->count, removal->hash);
    if (removal->expected[0] == '\0') {
        finish(removal, KEY_REMOVAL_COUNTED);
    } else if (!str_eq(str_of(removal->expected), str_of(removal->plan))) {
        finish(removal, KEY_REMOVAL_REPLACED);
    } else if (removal->count == 0) {
        finish(removal, KEY_REMOVAL_REMOVED);
    } else {
        int64_t revision = removal->walk.revision;
        key_walk_fini(&removal->walk);
        key_walk_init(&removal->walk, removal->scope, buf_view(&removal->prefix), KEY_REMOVAL_BATCH,
                      revision);
        move(removal, KEY_REMOVAL_LISTING);
    }
}

static void on_counting(struct key_removal *removal, const struct registry_reply *reply)
{
    if (reply->failure == REGISTRY_OK) {
        count(removal, reply);
    }
    if (removal->count > KEY_REMOVAL_MAX) {
        finish(removal, KEY_REMOVAL_TOO_MANY);
    } else if (removal->walk.state == KEY_WALK_DONE) {
        counted(removal);
    }
}

/* ---- removing ---- */

/* A key that was written since the count is not in the plan: only a registry that lists as it is now shows it. */
static bool is_planned(const struct key_removal *removal, const struct registry_item *item)
{
    return item->kv.mod_revision <= removal->walk.revision;
}

static void on_listing(struct key_removal *removal, const struct registry_reply *reply)
{
    *removal->txn = (struct registry_txn){0};
    for (size_t i = 0; i < reply->item_count; i++) {
        const struct registry_item *item = &reply->items[i];
        if (!is_planned(removal, item)) {
            finish(removal, KEY_REMOVAL_CHANGED);
            return;
        }
        registry_txn_if(removal->txn, (struct registry_compare){.kind = REGISTRY_IF_REVISION,
                                                                .key = item->key,
                                                                .revision = item->kv.mod_revision});
        registry_txn_then(removal->txn, (struct registry_action){.kind = REGISTRY_REMOVE, .key = item->key});
    }
    removal->batch = reply->item_count;
    if (removal->batch > 0) {
        move(removal, KEY_REMOVAL_REMOVING);
    } else if (removal->walk.state == KEY_WALK_DONE) {
        finish(removal, KEY_REMOVAL_REMOVED);
    }
}

static void on_removing(struct key_removal *removal, const struct registry_reply *reply)
{
    if (reply->failure != REGISTRY_OK) {
        finish(removal, KEY_REMOVAL_FAILED);
    } else if (!reply->succeeded) {
        finish(removal, KEY_REMOVAL_CHANGED);
    } else {
        removal->removed += removal->batch;
        if (removal->walk.state == KEY_WALK_DONE) {
            finish(removal, KEY_REMOVAL_REMOVED);
        } else {
            move(removal, KEY_REMOVAL_LISTING);
        }
    }
}

void key_removal_step(struct key_removal *removal, const struct registry_reply *reply, unsigned can)
{
    if (removal->state == KEY_REMOVAL_REMOVING) {
        on_removing(removal, reply);
        return;
    }
    key_walk_step(&removal->walk, reply, can);
    if (removal->walk.state == KEY_WALK_FAILED) {
        finish(removal, KEY_REMOVAL_FAILED);
    } else if (removal->state == KEY_REMOVAL_COUNTING) {
        on_counting(removal, reply);
    } else if (reply->failure == REGISTRY_OK) { /* else a smaller page is asked */
        on_listing(removal, reply);
    }
}
