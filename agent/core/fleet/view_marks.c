#include "view_internal.h"

#include "outrider/base/mem.h"

#include <stdlib.h>

/* A clock that runs ahead by more must not shut its server out for longer once it is set right. */
enum { AHEAD_MAX_MS = 5 * 60 * 1000 };

static struct view_mark_node *find(const struct view_marks *marks, uint64_t hash)
{
    struct view_mark_node *found;
    HASH_FIND(hh, marks->oldest, &hash, sizeof(hash), found);
    return found;
}

static void drop(struct view_marks *marks, struct view_mark_node *node)
{
    HASH_DEL(marks->oldest, node);
    free(node);
}

void view_marks_fini(struct view_marks *marks)
{
    while (marks->oldest != NULL) {
        drop(marks, marks->oldest);
    }
}

bool view_marks_is_older(const struct view_marks *marks, const struct view_item *item)
{
    const struct view_mark_node *node = find(marks, str_hash(item->key, 0));
    return node != NULL && item->signed_wall < node->mark.wall;
}

void view_marks_add(struct view_marks *marks, struct view_mark mark, size_t max)
{
    struct view_mark_node *node = find(marks, mark.key_hash);
    if (node != NULL) {
        mark.wall = node->mark.wall > mark.wall ? node->mark.wall : mark.wall;
        drop(marks, node);
    } else if (HASH_COUNT(marks->oldest) >= max) {
        drop(marks, marks->oldest);
    }
    node = mem_zalloc(sizeof(*node));
    node->mark = mark;
    HASH_ADD(hh, marks->oldest, mark.key_hash, sizeof(mark.key_hash), node);
}

void view_marks_set(struct view_marks *marks, const struct view_item *item, size_t max, int64_t now_wall)
{
    int64_t latest = now_wall + AHEAD_MAX_MS;
    int64_t wall = item->signed_wall < latest ? item->signed_wall : latest;
    view_marks_add(marks, (struct view_mark){str_hash(item->key, 0), wall}, max);
}
