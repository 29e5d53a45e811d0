#include "outrider/core/keys/key_walk.h"

#include "outrider/core/registry/registry_limits.h"

#include <assert.h>
#include <string.h>

/* By how much the next page is smaller than one that was too large: few of those are read in vain. */
enum { SHRINK = 4 };

#define TO(state) (1u << KEY_WALK_##state)

bool key_walk_may_move(enum key_walk_state from, enum key_walk_state to)
{
    static const unsigned allowed[] = {
        [KEY_WALK_ASKING] = TO(DONE) | TO(FAILED),
        [KEY_WALK_DONE] = 0,
        [KEY_WALK_FAILED] = 0,
    };
    return (allowed[from] & 1u << to) != 0;
}

static void move(struct key_walk *walk, enum key_walk_state to)
{
    assert(key_walk_may_move(walk->state, to));
    walk->state = to;
}

/* The first key behind all that begin with `prefix`; one zero byte: there is none. */
static void end_of(struct str prefix, struct buf *out)
{
    while (prefix.size > 0 && (unsigned char)prefix.data[prefix.size - 1] == 0xff) {
        prefix.size--;
    }
    buf_str(out, prefix);
    if (prefix.size == 0) {
        buf_add(out, "", 1);
    } else {
        out->data[out->size - 1] = (char)((unsigned char)out->data[out->size - 1] + 1);
    }
}

static bool is_endless(struct str end)
{
    return str_eq(end, STR("\0"));
}

static void add_range(struct key_walk *walk, struct str prefix)
{
    struct buf *first = &walk->firsts[walk->range_count], *end = &walk->ends[walk->range_count++];
    buf_str(first, prefix);
    if (prefix.size == 0) {
        buf_add(first, "", 1); /* the first key that there can be */
    }
    end_of(prefix, end);
}

void key_walk_init(struct key_walk *walk, const struct key_scope *scope, struct str prefix, size_t page,
                   int64_t revision)
{
    assert(page > 0 && page <= REGISTRY_LIST_MAX);
    *walk = (struct key_walk){.page = page, .revision = revision, .pinned = revision > 0};
    if (prefix.size > 0) {
        add_range(walk, prefix);
        return;
    }
    for (size_t i = 0; i < scope->root_count; i++) {
        add_range(walk, buf_view(&scope->roots[i]));
    }
}

void key_walk_fini(struct key_walk *walk)
{
    for (size_t i = 0; i < KEY_ROOTS_MAX; i++) {
        buf_fini(&walk->firsts[i]);
        buf_fini(&walk->ends[i]);
    }
}

void key_walk_skip(struct key_walk *walk, struct str after)
{
    while (walk->range < walk->range_count) {
        struct buf *first = &walk->firsts[walk->range];
        struct str end = buf_view(&walk->ends[walk->range]);
        if (is_endless(end) || str_compare(after, end) < 0) {
            if (str_compare(after, buf_view(first)) >= 0) {
                buf_clear(first);
                buf_str(first, after);
                buf_add(first, "", 1); /* the first key behind it */
            }
            return;
        }
        walk->range++;
    }
    move(walk, KEY_WALK_DONE);
}

void key_walk_ask(const struct key_walk *walk, struct registry_request *ret_request)
{
    assert(walk->state == KEY_WALK_ASKING);
    *ret_request = (struct registry_request){.op = REGISTRY_LIST,
                                             .key = buf_view(&walk->firsts[walk->range]),
                                             .range_end = buf_view(&walk->ends[walk->range]),
                                             .limit = (int64_t)walk->page,
                                             .at_revision = walk->pinned ? walk->revision : 0};
}

void key_walk_step(struct key_walk *walk, const struct registry_reply *reply, unsigned can)
{
    if (reply->failure != REGISTRY_OK) {
        if (reply->too_large && walk->page > 1) {
            walk->page = (walk->page + SHRINK - 1) / SHRINK;
            walk->shrunk = true;
        } else {
            move(walk, KEY_WALK_FAILED);
        }
        return;
    }
    if (!walk->pinned) {
        walk->revision = reply->revision;
        walk->pinned = (can & REGISTRY_CAN_LIST_AT) != 0;
    }
    if (reply->item_count > 0 && reply->count > (int64_t)reply->item_count) {
        key_walk_skip(walk, reply->items[reply->item_count - 1].key);
    } else if (++walk->range == walk->range_count) {
        move(walk, KEY_WALK_DONE);
    }
}
