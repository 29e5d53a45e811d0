#include "view_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/blob.h"
#include "outrider/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_MAX = 256 };

bool world_is_record(const char *key, const char *value)
{
    unsigned slashes = 0;
    for (const char *c = key; *c != '\0'; c++) {
        slashes += *c == '/' ? 1 : 0;
    }
    return slashes == 3 && value[0] != '!';
}

static struct view_entry *entry_of(const char *key, const char *value, int64_t modified, int64_t created)
{
    static const char letters[] = "irdseu";
    struct view_entry_facts facts = {0};
    const char *letter = strchr(letters, value[0]);
    facts.status = letter == NULL ? (unsigned)STATUS_UNKNOWN : (unsigned)(letter - letters);
    struct view_place place = {
        .key = str_of(key), .prefix_size = 2, .mod_revision = modified, .create_revision = created};
    return view_entry_new(&place, str_of(value), &facts);
}

void world_begin(struct world *w, const struct view_settings *settings)
{
    *w = (struct world){.now = {.mono = 10000, .boot = 500000, .wall = 9000000},
                        .revision = 1,
                        .cluster = 0xc1,
                        .strict = true};
    w->settings = *settings;
    w->settings.can = settings->can != 0 ? settings->can : REGISTRY_CAN_ALL;
    w->settings.prefix = "/s";
    w->settings.check_ms = settings->check_ms > 0 ? settings->check_ms : 5000;
    w->settings.request_timeout_ms = 1500;
    w->view = view_new(&w->settings);
    w->events = mem_zalloc(WORLD_EVENTS_MAX * sizeof(w->events[0]));
    queue_init(&w->effects, sizeof(struct view_effect));
}

void world_start(struct world *world)
{
    world_begin(world,
                &(struct view_settings){.mode = VIEW_ALWAYS, .page = 2, .seed = 7, .tombstones_max = 4});
    world_step(world, VIEW_ON_START);
}

void world_start_mode(struct world *world, enum view_mode mode)
{
    world_begin(world, &(struct view_settings){.mode = mode,
                                               .seed = 7,
                                               .idle_ms = 60000,
                                               .save_ms = 30000,
                                               .tombstone_ms = 600000,
                                               .tombstones_max = 3});
    world_step(world, VIEW_ON_START);
}

const char *const world_two[] = {"/s/a/1", "/s/a/2", NULL};

void world_fill(struct world *world, const char *const *keys)
{
    for (; *keys != NULL; keys++) {
        world_put(world, *keys, "r1");
    }
    world_settle(world);
    assert_true(view_facts(world->view)->synced);
    world_check_equal(world);
}

void world_end(struct world *w)
{
    view_free(w->view);
    queue_fini(&w->effects);
    free(w->events);
}

/* ---- what the view does ---- */

static void read_change(struct world *w, const struct view_effect *effect)
{
    const struct view_entry *entry = effect->is != NULL ? effect->is : effect->was;
    struct world_event event = {.revision = effect->revision, .deleted = effect->is == NULL};
    struct str key = view_entry_key(entry), value = blob_view(entry->json);
    bool found;
    snprintf(event.key, sizeof(event.key), "%.*s", STR_ARG(key));
    snprintf(event.value, sizeof(event.value), "%.*s", STR_ARG(value));
    size_t at = world_find_key(&w->reader, event.key, &found);
    /* `was` must be what the subscriber got last. */
    assert_int_equal(found, effect->was != NULL);
    if (found) {
        struct str was = blob_view(effect->was->json);
        assert_true(str_eq(was, str_of(w->reader.keys[at].value)));
    }
    world_set_key(&w->reader, &event);
    w->last_clean = effect->clean;
    w->changes++;
}

static void check_reader(const struct world *w, int64_t revision)
{
    struct world_keys keys;
    size_t records = 0;
    world_at(w, revision, &keys);
    for (size_t i = 0; i < keys.count; i++) {
        if (world_is_record(keys.keys[i].key, keys.keys[i].value)) {
            assert_true(records < w->reader.count);
            assert_string_equal(w->reader.keys[records].key, keys.keys[i].key);
            assert_string_equal(w->reader.keys[records].value, keys.keys[i].value);
            records++;
        }
    }
    assert_int_equal(records, w->reader.count);
}

static void take_effect(struct world *w, const struct view_effect *effect)
{
    switch (effect->type) {
    case VIEW_DO_REQUEST:
        w->asked = *effect->request;
        assert_true(effect->request->key.size < sizeof(w->asked_key));
        memcpy(w->asked_key, effect->request->key.data, effect->request->key.size);
        w->asked.key.data = w->asked_key;
        w->requests++;
        break;
    case VIEW_DO_WATCH:
        w->watch = *effect->watch;
        w->opened = false;
        w->watches++;
        break;
    case VIEW_DO_UNWATCH:
        assert_int_equal(effect->id, w->watch.id);
        w->watch.id = 0;
        w->unwatches++;
        break;
    case VIEW_DO_CHANGED: read_change(w, effect); break;
    case VIEW_DO_REVISION:
        w->revisions++;
        if (w->strict) {
            check_reader(w, effect->revision);
        }
        break;
    case VIEW_DO_SYNCED: w->synced++; break;
    case VIEW_DO_STALE: w->stale++; break;
    case VIEW_DO_SAVE: w->saves++; break;
    case VIEW_DO_NOTE:
        w->notes[effect->note]++;
        snprintf(w->note, sizeof(w->note), "%.*s", STR_ARG(effect->text));
        break;
    }
}

void world_event(struct world *w, struct view_event event)
{
    struct view_effect effect;
    event.now = w->now;
    view_step(w->view, &event, &w->effects);
    while (queue_take(&w->effects, &effect)) {
        take_effect(w, &effect);
        view_effect_fini(&effect);
    }
}

void world_step(struct world *w, enum view_event_type type)
{
    world_event(w, (struct view_event){.type = type});
}

void world_pass(struct world *w, int64_t ms)
{
    int64_t until = w->now.mono + ms;
    while (w->now.mono < until) {
        int64_t next = view_deadline(w->view).latest;
        int64_t to = next > until ? until : next <= w->now.mono ? w->now.mono + 1 : next;
        w->now.boot += to - w->now.mono;
        w->now.wall += to - w->now.mono;
        w->now.mono = to;
        world_step(w, VIEW_ON_TICK);
    }
}

/* ---- answers ---- */

static int newest_first(const void *a, const void *b)
{
    const struct world_key *left = a, *right = b;
    return (left->modified < right->modified) - (left->modified > right->modified);
}

static void fill_item(const char *key, const char *value, int64_t modified, int64_t created,
                      struct view_item *item)
{
    *item = (struct view_item){.key = str_of(key), .mod_revision = modified, .create_revision = created};
    if (world_is_record(key, value)) {
        item->entry = entry_of(key, value, modified, created);
    } else {
        item->why = STR("no record");
    }
}

static void send_reply(struct world *w, struct registry_reply *reply, const struct view_item *items,
                       size_t count)
{
    reply->id = w->asked.id;
    reply->op = w->asked.op;
    w->asked.id = 0;
    struct view_event event = {.type = VIEW_ON_REPLY, .reply = reply, .items = items, .item_count = count};
    world_event(w, event);
}

static void answer_list(struct world *w)
{
    struct world_keys keys;
    struct view_item items[WORLD_KEYS_MAX];
    size_t count = 0;
    int64_t at = w->asked.at_revision == 0 ? w->revision : w->asked.at_revision;
    if (at < w->compacted || at > w->revision) {
        world_refuse(w, REGISTRY_REFUSED, true);
        return;
    }
    struct registry_reply reply = {.revision = w->revision, .cluster = w->cluster};
    world_at(w, at, &keys);
    if (w->asked.newest_first) {
        qsort(keys.keys, keys.count, sizeof(keys.keys[0]), newest_first);
    }
    for (size_t i = 0; i < keys.count; i++) {
        const struct world_key *key = &keys.keys[i];
        size_t size = strlen(key->key) + 1; /* with the NUL, so that what follows a key is beyond it */
        size_t common = size < w->asked.key.size ? size : w->asked.key.size;
        int order = memcmp(key->key, w->asked.key.data, common);
        if (order < 0 || (order == 0 && size - 1 < w->asked.key.size)) {
            continue;
        }
        reply.count++;
        if (count < (size_t)w->asked.limit) {
            fill_item(key->key, key->value, key->modified, key->created, &items[count++]);
        }
    }
    send_reply(w, &reply, items, count);
    for (size_t i = 0; i < count; i++) {
        view_entry_unref(items[i].entry);
    }
}

void world_answer(struct world *w)
{
    assert_int_not_equal(w->asked.id, 0);
    if (w->asked.op == REGISTRY_GET) {
        struct registry_reply reply = {.revision = w->revision, .cluster = w->cluster};
        send_reply(w, &reply, NULL, 0);
    } else {
        answer_list(w);
    }
}

void world_refuse(struct world *w, enum registry_failure failure, bool revision_gone)
{
    assert_int_not_equal(w->asked.id, 0);
    struct registry_reply reply = {
        .failure = failure, .error = STR("it went wrong"), .revision_gone = revision_gone};
    send_reply(w, &reply, NULL, 0);
}

void world_refuse_size(struct world *w)
{
    assert_int_not_equal(w->asked.id, 0);
    struct registry_reply reply = {
        .failure = REGISTRY_REFUSED, .error = STR("it is too large"), .too_large = true};
    send_reply(w, &reply, NULL, 0);
}

static void send_watch(struct world *w, struct registry_watch_event *told, const struct view_item *items,
                       size_t count)
{
    told->id = w->watch.id;
    w->watch.id = told->type == REGISTRY_WATCH_ENDED ? 0 : w->watch.id;
    struct view_event event = {.type = VIEW_ON_WATCH, .watch = told, .items = items, .item_count = count};
    world_event(w, event);
}

void world_open(struct world *w)
{
    struct registry_watch_event told = {
        .type = REGISTRY_WATCH_OPENED, .revision = w->revision, .cluster = w->cluster};
    assert_int_not_equal(w->watch.id, 0);
    if (w->watch.from_revision <= w->compacted) {
        told.type = REGISTRY_WATCH_ENDED;
        told.read_anew = w->compacted > 0;
        told.oldest = w->compacted;
    }
    for (w->told = 0; w->told < w->event_count && w->events[w->told].revision < w->watch.from_revision;) {
        w->told++;
    }
    w->opened = true;
    send_watch(w, &told, NULL, 0);
}

void world_tell(struct world *w, size_t count)
{
    struct view_item items[BATCH_MAX];
    size_t size = 0;
    int64_t last = 0;
    assert_true(w->opened && w->watch.id != 0);
    /* All of a revision comes together. */
    while (w->told < w->event_count && size < BATCH_MAX &&
           (size < count || w->events[w->told].revision == last)) {
        const struct world_event *event = &w->events[w->told++];
        last = event->revision;
        if (event->deleted) {
            items[size++] =
                (struct view_item){.key = str_of(event->key), .deleted = true, .mod_revision = last};
        } else {
            fill_item(event->key, event->value, last, event->created, &items[size++]);
        }
    }
    struct registry_watch_event told = {.type = REGISTRY_WATCH_CHANGED, .revision = last};
    if (size > 0) {
        send_watch(w, &told, items, size);
    }
    for (size_t i = 0; i < size; i++) {
        view_entry_unref(items[i].entry);
    }
}

void world_progress(struct world *w, int64_t revision)
{
    struct registry_watch_event told = {.type = REGISTRY_WATCH_CHANGED, .revision = revision};
    send_watch(w, &told, NULL, 0);
}

void world_cut(struct world *w, enum registry_failure failure)
{
    assert_int_not_equal(w->watch.id, 0);
    struct registry_watch_event told = {
        .type = REGISTRY_WATCH_ENDED, .failure = failure, .error = STR("connection reset")};
    send_watch(w, &told, NULL, 0);
}

void world_cut_and_check(struct world *w, enum registry_failure failure)
{
    world_cut(w, failure);
    world_pass(w, 300);
    world_answer(w);
}

void world_settle(struct world *w)
{
    for (unsigned i = 0; i < 10000; i++) {
        if (w->asked.id != 0) {
            world_answer(w);
        } else if (w->watch.id != 0 && !w->opened) {
            world_open(w);
        } else if (w->watch.id != 0 && w->told < w->event_count) {
            world_tell(w, BATCH_MAX);
        } else {
            return;
        }
    }
    fail_msg("it never settles");
}

void world_check_equal(const struct world *w)
{
    struct world_keys keys;
    size_t records = 0, unreadable = 0, statuses = 0;
    world_at(w, w->revision, &keys);
    check_reader(w, w->revision);
    for (size_t i = 0; i < keys.count; i++) {
        const struct world_key *key = &keys.keys[i];
        if (!world_is_record(key->key, key->value)) {
            unreadable++;
            continue;
        }
        const struct view_entry *entry = view_facts(w->view)->entries[records++];
        assert_non_null(entry);
        assert_true(str_eq(view_entry_key(entry), str_of(key->key)));
        assert_true(str_eq(blob_view(entry->json), str_of(key->value)));
        assert_int_equal(entry->mod_revision, key->modified);
    }
    assert_int_equal(view_facts(w->view)->count, records);
    assert_int_equal(view_facts(w->view)->unreadable, unreadable);
    for (unsigned status = 0; status < VIEW_STATUS_COUNT; status++) {
        statuses += view_facts(w->view)->servers[status];
    }
    assert_int_equal(statuses, records);
}

void world_live(struct world *w, int64_t ms)
{
    for (int64_t until = w->now.mono + ms; w->now.mono < until;) {
        int64_t left = until - w->now.mono;
        world_pass(w, left < 1000 ? left : 1000);
        world_settle(w);
    }
}

void world_check_synced(struct world *world)
{
    world_settle(world);
    assert_true(view_facts(world->view)->synced);
    world_check_equal(world);
}

/* ---- fixtures ---- */

int world_set_up(void **state)
{
    static struct world world;
    world_start(&world);
    *state = &world;
    return 0;
}

int world_set_up_synced(void **state)
{
    world_set_up(state);
    world_fill(*state, world_two);
    return 0;
}

int world_tear_down(void **state)
{
    world_end(*state);
    return 0;
}
