#include "outrider/api/fleet/lists.h"

#include "outrider/base/blob.h"
#include "outrider/base/buf.h"
#include "outrider/base/mem.h"
#include "outrider/codec/history/history_json.h"
#include "outrider/codec/record/discovery_json.h"
#include "outrider/codec/record/services_json.h"
#include "outrider/core/fleet/filter.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/core/history/history_read.h"

#include <inttypes.h>
#include <stdlib.h>
#include <utlist.h>

enum { LISTS_MAX = 8, LISTS_BYTES_MAX = 32 << 20, OLD_MS = 1000 };

/* A list that has a reader, of whatever size: not kept here, but found while it is there. */
struct list {
    struct list *next;
    struct buf key;
    struct blob *blob; /* NULL when the last reader has gone */
    int64_t until_mono;
};

struct api_lists {
    struct list *read;
    struct blob *kept[LISTS_MAX]; /* some of these, for those that come later */
    size_t next;                  /* to be replaced */
    int64_t revision;             /* of all of them */
    uint64_t stamp;               /* of the cluster, and of what makes the records be served as they are */
    size_t offline;               /* how many tombstones there were: they go without a revision */
    struct buf series;            /* of the history, which does not follow the fleet but its own minutes */
    uint64_t recorded;            /* how many of those there were */
};

struct api_lists *api_lists_new(void)
{
    return mem_zalloc(sizeof(struct api_lists));
}

void api_lists_free(struct api_lists *lists)
{
    if (lists != NULL) {
        api_lists_clear(lists);
        buf_fini(&lists->series);
        free(lists);
    }
}

static void drop(struct api_lists *lists, struct list *list)
{
    if (list->blob != NULL) {
        blob_watch(list->blob, NULL);
    }
    LL_DELETE(lists->read, list);
    buf_fini(&list->key);
    free(list);
}

void api_lists_clear(struct api_lists *lists)
{
    while (lists->read != NULL) {
        drop(lists, lists->read);
    }
    for (size_t i = 0; i < LISTS_MAX; i++) {
        blob_unref(lists->kept[i]);
    }
    *lists = (struct api_lists){.series = lists->series, .recorded = lists->recorded};
}

static void follow(struct api_lists *lists, const struct view *fleet)
{
    const struct view_facts *facts = view_facts(fleet);
    if (lists->revision != facts->revision || lists->stamp != view_stamp(fleet) ||
        lists->offline != facts->tombstone_count) {
        api_lists_clear(lists);
        lists->revision = facts->revision;
        lists->stamp = view_stamp(fleet);
        lists->offline = facts->tombstone_count;
    }
}

/* A reference to the list of that key; NULL where there is none. Those without a reader are forgotten. */
static struct blob *find(struct api_lists *lists, struct str key, const struct instant *now)
{
    struct blob *found = NULL;
    struct list *each, *next;
    LL_FOREACH_SAFE(lists->read, each, next)
    {
        if (each->blob == NULL || now->mono >= each->until_mono) {
            drop(lists, each);
        } else if (str_eq(buf_view(&each->key), key)) {
            found = each->blob;
        }
    }
    return blob_ref(found);
}

/* The oldest list makes room, so that a client with a thousand filters keeps nothing for long. */
static void keep_list(struct api_lists *lists, struct blob *blob)
{
    if (blob_view(blob).size <= LISTS_BYTES_MAX / LISTS_MAX) {
        blob_unref(lists->kept[lists->next]);
        lists->kept[lists->next] = blob_ref(blob);
        lists->next = (lists->next + 1) % LISTS_MAX;
    }
}

/* Makes `text` a list that others find under `key`, which it takes over. */
static struct blob *add(struct api_lists *lists, struct buf *key, struct buf *text, int64_t until_mono)
{
    struct list *list = mem_zalloc(sizeof(*list));
    struct blob *blob = blob_take(text);
    list->key = *key;
    list->until_mono = until_mono;
    blob_watch(blob, &list->blob);
    LL_PREPEND(lists->read, list);
    *key = (struct buf){0};
    return blob;
}

/* A list tells its time, and a stale one its age, which one of a second ago may still do. */
struct blob *api_lists_get(struct api_lists *lists, const struct view *fleet, const struct filter *filter,
                           bool keep, const struct instant *now)
{
    bool stale = !view_facts(fleet)->synced;
    struct buf key = {0}, text = {0};
    follow(lists, fleet);
    buf_str(&key, stale ? STR("stale services?") : STR("services?"));
    filter_text(filter, &key);
    struct blob *list = find(lists, buf_view(&key), now);
    if (list == NULL) {
        services_json_list(fleet, filter, now, &text);
        list = add(lists, &key, &text, now->mono + OLD_MS);
        if (keep) {
            keep_list(lists, list);
        }
    }
    buf_fini(&key);
    return list;
}

struct blob *api_lists_discovery(struct api_lists *lists, const struct view *fleet,
                                 const struct discovery_local *local, const struct instant *now)
{
    struct buf key = {0}, text = {0};
    follow(lists, fleet);
    buf_printf(&key, "discovery %d %" PRId64 " %" PRId64, local->known, local->response_ms,
               local->last_check_wall);
    struct blob *list = find(lists, buf_view(&key), now);
    if (list == NULL) {
        discovery_json_services(fleet, local, &text);
        list = add(lists, &key, &text, INT64_MAX);
    }
    buf_fini(&key);
    return list;
}

struct str api_lists_series(struct api_lists *lists, const struct history *history)
{
    uint64_t recorded = history_facts(history)->recorded;
    if (lists->series.size == 0 || lists->recorded != recorded) {
        buf_clear(&lists->series);
        history_json_series(history, &lists->series);
        lists->recorded = recorded;
    }
    return buf_view(&lists->series);
}
