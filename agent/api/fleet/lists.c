#include "outrider/api/fleet/lists.h"

#include "outrider/base/blob.h"
#include "outrider/base/buf.h"
#include "outrider/base/mem.h"
#include "outrider/codec/record/services_json.h"
#include "outrider/core/fleet/filter.h"
#include "outrider/core/fleet/view_read.h"

#include <stdlib.h>

enum { LISTS_MAX = 8, LISTS_BYTES_MAX = 32 << 20 };

struct api_lists {
    struct {
        struct buf filter;
        struct blob *list;
    } kept[LISTS_MAX];
    size_t next;      /* to be replaced */
    int64_t revision; /* of all of them */
    uint64_t cluster;
};

struct api_lists *api_lists_new(void)
{
    return mem_zalloc(sizeof(struct api_lists));
}

void api_lists_free(struct api_lists *lists)
{
    if (lists != NULL) {
        api_lists_clear(lists);
        free(lists);
    }
}

void api_lists_clear(struct api_lists *lists)
{
    for (size_t i = 0; i < LISTS_MAX; i++) {
        buf_fini(&lists->kept[i].filter);
        blob_unref(lists->kept[i].list);
    }
    *lists = (struct api_lists){0};
}

static struct blob *find(const struct api_lists *lists, struct str filter)
{
    for (size_t i = 0; i < LISTS_MAX; i++) {
        if (lists->kept[i].list != NULL && str_eq(buf_view(&lists->kept[i].filter), filter)) {
            return lists->kept[i].list;
        }
    }
    return NULL;
}

/* The oldest list makes room, so that a client with a thousand filters keeps nothing for long. */
static void keep_list(struct api_lists *lists, struct str filter, struct blob *list)
{
    if (blob_view(list).size > LISTS_BYTES_MAX / LISTS_MAX) {
        return;
    }
    size_t at = lists->next;
    blob_unref(lists->kept[at].list);
    lists->kept[at].list = blob_ref(list);
    buf_clear(&lists->kept[at].filter);
    buf_str(&lists->kept[at].filter, filter);
    lists->next = (at + 1) % LISTS_MAX;
}

struct blob *api_lists_get(struct api_lists *lists, const struct view *fleet, const struct filter *filter,
                           bool keep, const struct instant *now)
{
    const struct view_facts *facts = view_facts(fleet);
    if (lists->revision != facts->revision || lists->cluster != facts->cluster) {
        api_lists_clear(lists);
        lists->revision = facts->revision;
        lists->cluster = facts->cluster;
    }
    struct buf text = {0}, bytes = {0};
    filter_text(filter, &text);
    struct blob *list = keep ? blob_ref(find(lists, buf_view(&text))) : NULL;
    if (list == NULL) {
        services_json_list(fleet, filter, now, &bytes);
        list = blob_new(buf_view(&bytes));
        if (keep) {
            keep_list(lists, buf_view(&text), list);
        }
    }
    buf_fini(&text);
    buf_fini(&bytes);
    return list;
}
