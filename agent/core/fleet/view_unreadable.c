#include "view_unreadable_internal.h"

#include "outrider/base/mem.h"

#include <stdlib.h>

enum { KEY_SHOWN_MAX = 256, WHY_SHOWN_MAX = 256 };

static void remove_at(struct view_unreadable *unreadable, size_t at)
{
    free(unreadable->names[at].key);
    free(unreadable->names[at].why);
    unreadable->name_count--;
    memmove(unreadable->names + at, unreadable->names + at + 1,
            (unreadable->name_count - at) * sizeof(unreadable->names[0]));
}

void view_unreadable_fini(struct view_unreadable *unreadable)
{
    while (unreadable->name_count > 0) {
        remove_at(unreadable, unreadable->name_count - 1);
    }
    unreadable->count = 0;
}

static struct str cut(struct str text, size_t max)
{
    return text.size <= max ? text : (struct str){text.data, max};
}

static bool find(const struct view_unreadable *unreadable, struct str key, size_t *ret_at)
{
    for (size_t i = 0; i < unreadable->name_count; i++) {
        if (str_eq((struct str){unreadable->names[i].key, unreadable->names[i].key_size}, key)) {
            *ret_at = i;
            return true;
        }
    }
    return false;
}

bool view_unreadable_name(struct view_unreadable *unreadable, struct str key, struct str why)
{
    size_t at;
    struct str shown = cut(key, KEY_SHOWN_MAX);
    bool known = find(unreadable, shown, &at);
    if (known) {
        remove_at(unreadable, at);
    } else if (unreadable->name_count == VIEW_NAMES_MAX) {
        remove_at(unreadable, 0);
    }
    why = cut(why, WHY_SHOWN_MAX);
    unreadable->names[unreadable->name_count++] = (struct view_unreadable_name){
        .key = mem_copy(shown.data, shown.size), .why = mem_copy(why.data, why.size), .key_size = shown.size};
    return !known;
}

void view_unreadable_forget(struct view_unreadable *unreadable, struct str key)
{
    size_t at;
    unreadable->count -= unreadable->count > 0 ? 1 : 0;
    if (find(unreadable, cut(key, KEY_SHOWN_MAX), &at)) {
        remove_at(unreadable, at);
    }
}
