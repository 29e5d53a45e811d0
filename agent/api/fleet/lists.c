#include "outrider/api/fleet/lists.h"

#include "outrider/api/common/packs.h"
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

/* A list that has a reader, of whatever size: not kept here, but found while it is there. Its compressed form is kept, of
 * LISTS_MAX of them. */
struct list {
    struct list *next;
    struct buf key;
    struct blob *blob;     /* NULL when the last reader has gone */
    struct api_pack *pack; /* its compressed form, a reference; NULL: none asked for it, or it was given up */
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
    api_pack_unref(list->pack);
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

/* The list of that key, which is taken over; a new one lasts until `until_mono`. Those of which nothing is there are forgotten. */
static struct list *find_or_add(struct api_lists *lists, struct buf *key, int64_t now_mono,
                                int64_t until_mono)
{
    struct list *found = NULL, *each, *next;
    LL_FOREACH_SAFE(lists->read, each, next)
    {
        if ((each->blob == NULL && each->pack == NULL) || now_mono >= each->until_mono) {
            drop(lists, each);
        } else if (str_eq(buf_view(&each->key), buf_view(key))) {
            found = each;
        }
    }
    if (found == NULL) {
        found = mem_zalloc(sizeof(*found));
        *found = (struct list){.key = *key, .until_mono = until_mono};
        LL_PREPEND(lists->read, found);
        *key = (struct buf){0};
    }
    buf_fini(key);
    return found;
}

/* Makes `text` the plain form, of which the caller owns the one reference. */
static struct blob *fill(struct list *list, struct buf *text)
{
    struct blob *blob = blob_take(text);
    blob_watch(blob, &list->blob);
    return blob;
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

/* The oldest compressed lists make room, and large ones: those who wait for one still get it. */
static void trim_packs(struct api_lists *lists)
{
    size_t count = 0;
    struct list *each;
    LL_FOREACH(lists->read, each)
    {
        struct blob *packed = each->pack == NULL ? NULL : api_pack_done(each->pack);
        count += each->pack == NULL ? 0 : 1;
        if (count > LISTS_MAX || blob_view(packed).size > LISTS_BYTES_MAX / LISTS_MAX) {
            api_pack_unref(each->pack);
            each->pack = NULL;
        }
    }
}

/* A reference to the compressed form of a list, which begins to be made where there is none; NULL: it has none. */
static struct api_pack *pack_of(struct api_lists *lists, struct list *list, struct api_packs *packs,
                                struct blob *plain)
{
    if (blob_view(plain).size < API_PACK_BYTES_MIN) {
        return NULL;
    }
    list->pack = list->pack != NULL ? list->pack : api_packs_begin(packs, plain);
    struct api_pack *pack = api_pack_ref(list->pack);
    trim_packs(lists);
    return pack;
}

/* A list tells its time, and a stale one its age, which one of a second ago may still do. */
struct blob *api_lists_get(struct api_lists *lists, const struct view *fleet, const struct filter *filter,
                           bool keep, const struct instant *now, struct api_packs *packs,
                           struct api_pack **ret_pack)
{
    bool stale = !view_facts(fleet)->synced;
    struct buf key = {0}, text = {0};
    follow(lists, fleet);
    buf_str(&key, stale ? STR("stale services?") : STR("services?"));
    filter_text(filter, &key);
    struct list *list = find_or_add(lists, &key, now->mono, now->mono + OLD_MS);
    if (packs != NULL && list->pack != NULL && api_pack_done(list->pack) != NULL) {
        *ret_pack = api_pack_ref(list->pack);
        return NULL;
    }
    struct blob *blob = blob_ref(list->blob);
    if (blob == NULL) {
        services_json_list(fleet, filter, now, &text);
        blob = fill(list, &text);
        if (keep) {
            keep_list(lists, blob);
        }
    }
    *ret_pack = packs == NULL ? NULL : pack_of(lists, list, packs, blob);
    return blob;
}

struct blob *api_lists_discovery(struct api_lists *lists, const struct view *fleet,
                                 const struct discovery_local *local, const struct instant *now)
{
    struct buf key = {0}, text = {0};
    follow(lists, fleet);
    buf_printf(&key, "discovery %d %" PRId64 " %" PRId64, local->known, local->response_ms,
               local->last_check_wall);
    struct list *list = find_or_add(lists, &key, now->mono, INT64_MAX);
    if (list->blob != NULL) {
        return blob_ref(list->blob);
    }
    discovery_json_services(fleet, local, &text);
    return fill(list, &text);
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
