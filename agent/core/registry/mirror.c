/* What the follower delivers is applied, and what it asks for is passed on. */
#include "mirror_internal.h"

#include "outrider/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- life ---- */

static size_t or_default(size_t value, size_t otherwise)
{
    return value > 0 ? value : otherwise;
}

struct mirror *mirror_new(const struct mirror_settings *settings)
{
    struct mirror *mirror = mem_zalloc(sizeof(*mirror));
    size_t size = strlen(settings->prefix);
    mirror->settings = *settings;
    mirror->settings.prefix = NULL;
    mirror->settings.page = or_default(settings->page, 500);
    mirror->settings.keys_max = or_default(settings->keys_max, 10000);
    mirror->settings.bytes_max = or_default(settings->bytes_max, (size_t)4 << 20);
    mirror->first = mem_strdup(settings->prefix);
    mirror->end = mem_strdup(settings->prefix);
    mirror->end[size - 1]++; /* behind all that begins with the prefix: its last byte is '/' */
    queue_init(&mirror->follow_effects, sizeof(struct follow_effect));
    follow_init_range(&mirror->follow, &(struct follow_settings){.ranges = {{.key = str_of(mirror->first),
                                                                             .end = str_of(mirror->end)}},
                                                                 .can = settings->can,
                                                                 .page = mirror->settings.page,
                                                                 .timeout_ms = settings->timeout_ms,
                                                                 .check_ms = settings->check_ms,
                                                                 .seed = settings->seed});
    mirror->facts.last_error = mirror->follow.last_error;
    return mirror;
}

void mirror_free(struct mirror *mirror)
{
    if (mirror != NULL) {
        follow_fini(&mirror->follow);
        queue_fini(&mirror->follow_effects);
        mirror_table_fini(&mirror->table);
        mirror_table_fini(&mirror->listed);
        mirror_table_fini(&mirror->dead);
        free(mirror->lessons);
        free(mirror->first);
        free(mirror->end);
        free(mirror);
    }
}

/* ---- effects ---- */

struct mirror_effect *mirror_push(struct mirror *mirror, enum mirror_effect_type type, struct str text)
{
    struct str kept = text.size == 0 ? text : queue_copy(mirror->effects, text);
    struct mirror_effect *effect = queue_push(mirror->effects);
    effect->type = type;
    effect->text = kept;
    return effect;
}

static void push_request(struct mirror *mirror, const struct registry_request *request)
{
    const struct registry_request *kept = follow_kept_request(mirror->effects, request);
    mirror_push(mirror, MIRROR_DO_REQUEST, STR(""))->request = kept;
}

static void push_watch(struct mirror *mirror, const struct registry_watch *watch)
{
    const struct registry_watch *kept = follow_kept_watch(mirror->effects, watch);
    mirror_push(mirror, MIRROR_DO_WATCH, STR(""))->watch = kept;
}

/* ---- the past ---- */

/* With more keys left out than are known by their hash, the registry's own number is taken: then a deletion that a silent
 * watch did not deliver is not found by counting. */
static int64_t keys_known(const struct mirror *mirror)
{
    const struct mirror_table *table = &mirror->table;
    return table->left.count == MIRROR_HASHES_MAX ? mirror->store_count
                                                  : (int64_t)(table->count + table->left.count);
}

/* How many keys there were at the revision that the watch has delivered. */
static int64_t keys_delivered(const struct mirror *mirror)
{
    int64_t keys = keys_known(mirror);
    for (size_t i = 0; i < mirror->lesson_count; i++) {
        keys += (mirror->lessons[i].delivered != 0 ? 1 : 0) - (mirror->lessons[i].gone ? 0 : 1);
    }
    return keys;
}

static bool is_as_known(const struct mirror *mirror, const struct registry_item *item)
{
    const struct mirror_table *table = &mirror->table;
    const struct mirror_lesson *lesson = mirror_lesson_of(mirror, item->key);
    if (lesson != NULL) {
        return lesson->delivered == -1 || lesson->delivered == item->kv.mod_revision;
    }
    const struct mirror_key *key = mirror_table_get(table, item->key);
    if (key == NULL) {
        return mirror_hashes_has(&table->left, mirror_hash(item->key)) ||
               table->left.count == MIRROR_HASHES_MAX;
    }
    return key->mod_revision == item->kv.mod_revision && str_eq(blob_view(key->value), item->kv.value);
}

/* A registry that lost its data and was filled again keeps its cluster id, and its revision may have passed the one known:
 * what it had at that revision shows it, the number of keys and the newest change. */
static bool has_same_past(const struct mirror *mirror, const struct registry_reply *reply)
{
    const struct mirror_table *table = &mirror->table;
    const struct registry_item *newest = reply->item_count == 0 ? NULL : &reply->items[0];
    int64_t last = newest == NULL ? 0 : newest->kv.mod_revision;
    if (reply->count != keys_delivered(mirror) || (newest != NULL && !is_as_known(mirror, newest))) {
        return false;
    }
    for (size_t i = 0; i < table->count; i++) {
        int64_t revision = table->keys[i]->mod_revision;
        if (revision > last && revision <= mirror->follow.delivered) {
            return false;
        }
    }
    return true;
}

/* ---- steps ---- */

/* The listing that follows has what lessons said so far, or is of a registry that never heard of it. */
static void mark_past(struct mirror *mirror, enum follow_cause cause)
{
    mirror->lesson_count = 0;
    mirror->other_past = mirror->other_past || cause == FOLLOW_OTHER_CLUSTER || cause == FOLLOW_SET_BACK ||
                         cause == FOLLOW_OTHER_PAST;
}

static void carry_out(struct mirror *mirror, const struct follow_effect *effect,
                      const struct registry_reply *reply)
{
    static const enum mirror_note notes[] = {[FOLLOW_NOTE_OUTAGE] = MIRROR_NOTE_OUTAGE,
                                             [FOLLOW_NOTE_SILENT] = MIRROR_NOTE_STALLED,
                                             [FOLLOW_NOTE_RECOVERED] = MIRROR_NOTE_RECOVERED,
                                             [FOLLOW_NOTE_READ_ANEW] = MIRROR_NOTE_RELIST};
    switch (effect->type) {
    case FOLLOW_DO_REQUEST: push_request(mirror, &effect->request); break;
    case FOLLOW_DO_WATCH: push_watch(mirror, &effect->watch); break;
    case FOLLOW_DO_UNWATCH: mirror_push(mirror, MIRROR_DO_UNWATCH, STR(""))->id = effect->id; break;
    case FOLLOW_DO_PAGE:
        for (size_t i = 0; i < reply->item_count; i++) {
            mirror_gather(mirror, &reply->items[i]);
        }
        break;
    case FOLLOW_DO_FORGET: mirror_table_fini(&mirror->listed); break;
    case FOLLOW_DO_LISTED: mirror_complete(mirror, effect); break;
    case FOLLOW_DO_OPENED:
    case FOLLOW_DO_READ_BACK:
    case FOLLOW_DO_FAILED: break;
    case FOLLOW_DO_CONFIRM: mirror->true_boot = mirror->now.boot; break;
    case FOLLOW_DO_SYNCED: mirror_push(mirror, MIRROR_DO_SYNCED, STR("")); break;
    case FOLLOW_DO_STALE: mirror_push(mirror, MIRROR_DO_STALE, effect->text); break;
    case FOLLOW_DO_READ_ANEW: mark_past(mirror, effect->cause); break;
    case FOLLOW_DO_NOTE: mirror_push(mirror, MIRROR_DO_NOTE, effect->text)->note = notes[effect->note]; break;
    }
}

static void follow_on(struct mirror *mirror, struct follow_event step)
{
    struct follow_effect effect;
    step.now = mirror->now;
    step.keys = keys_known(mirror);
    follow_step(&mirror->follow, &step, &mirror->follow_effects);
    while (queue_take(&mirror->follow_effects, &effect)) {
        carry_out(mirror, &effect, step.reply);
    }
}

static void on_reply(struct mirror *mirror, const struct registry_reply *reply)
{
    if (!follow_awaits(&mirror->follow, reply->id)) {
        return;
    }
    struct follow_event step = {.type = FOLLOW_ON_REPLY, .reply = reply, .listed = reply->item_count};
    for (size_t i = 0; i < reply->item_count; i++) {
        int64_t revision = reply->items[i].kv.mod_revision;
        step.last_key = reply->items[i].key;
        step.newest = revision > step.newest ? revision : step.newest;
    }
    if (reply->op == REGISTRY_LIST && reply->failure == REGISTRY_OK) {
        mirror->store_count = reply->count;
    }
    step.same_past = mirror->follow.state == FOLLOW_RESUMING && has_same_past(mirror, reply);
    follow_on(mirror, step);
}

static void on_watch(struct mirror *mirror, const struct registry_watch_event *watch)
{
    if (watch->type == REGISTRY_WATCH_CHANGED && follow_watches(&mirror->follow, watch->id)) {
        mirror_apply_watch(mirror, watch);
        if (mirror->follow.synced) {
            mirror->true_boot = mirror->now.boot;
        }
    }
    follow_on(mirror, (struct follow_event){.type = FOLLOW_ON_WATCH, .watch = watch});
}

static void note_full(struct mirror *mirror)
{
    size_t left = mirror->table.left.count;
    char text[96];
    if (left > 0 && !mirror->full) {
        snprintf(text, sizeof(text), "left_out=%zu keys=%zu bytes=%zu", left, mirror->table.count,
                 mirror->table.bytes);
        mirror_push(mirror, MIRROR_DO_NOTE, str_of(text))->note = MIRROR_NOTE_FULL;
    }
    mirror->full = left > 0;
}

static void begin(struct mirror *mirror, struct queue *effects)
{
    mirror->effects = effects;
    mirror_free_dead(mirror);
}

static void end(struct mirror *mirror)
{
    struct mirror_facts *facts = &mirror->facts;
    mirror_forget_lessons(mirror);
    mirror->store = mirror->follow.store;
    note_full(mirror);
    facts->following = mirror->follow.state != FOLLOW_OFF;
    facts->synced = mirror->follow.synced;
    facts->waking = facts->waking && !facts->synced && mirror->follow.state != FOLLOW_WAITING &&
                    mirror->follow.state != FOLLOW_OFF;
    facts->revision = mirror->facts.known ? mirror->follow.delivered : 0;
    facts->keys = mirror->table.count;
    facts->bytes = mirror->table.bytes;
    facts->left_out = mirror->table.left.count;
}

void mirror_step(struct mirror *mirror, const struct mirror_event *event, struct queue *effects)
{
    begin(mirror, effects);
    mirror->now = event->now;
    switch (event->type) {
    case MIRROR_ON_TICK: follow_on(mirror, (struct follow_event){.type = FOLLOW_ON_TICK}); break;
    case MIRROR_ON_START:
        mirror->facts.waking = mirror->facts.waking || mirror->follow.state == FOLLOW_OFF;
        follow_on(mirror, (struct follow_event){.type = FOLLOW_ON_START});
        break;
    case MIRROR_ON_STOP: follow_on(mirror, (struct follow_event){.type = FOLLOW_ON_STOP}); break;
    case MIRROR_ON_REPLY: on_reply(mirror, event->reply); break;
    case MIRROR_ON_WATCH: on_watch(mirror, event->watch); break;
    }
    end(mirror);
}

struct window mirror_deadline(const struct mirror *mirror)
{
    return follow_deadline(&mirror->follow);
}

void mirror_learn(struct mirror *mirror, struct str key, const struct registry_kv *kv, int64_t revision,
                  struct queue *effects)
{
    struct registry_change change = {.deleted = !kv->found,
                                     .key = key,
                                     .value = kv->value,
                                     .mod_revision = kv->found ? kv->mod_revision : revision,
                                     .create_revision = kv->create_revision,
                                     .lease = kv->lease};
    begin(mirror, effects);
    const struct mirror_lesson *known = mirror_lesson_of(mirror, key);
    if (mirror->facts.known && !mirror->other_past && str_starts(key, str_of(mirror->first)) &&
        change.mod_revision > mirror->follow.delivered &&
        (known == NULL || change.mod_revision > known->revision) &&
        mirror_remember(mirror, key, change.mod_revision, change.deleted)) {
        mirror_apply(mirror, &change);
    }
    end(mirror);
}

/* ---- what can be asked ---- */

const struct mirror_facts *mirror_facts(const struct mirror *mirror)
{
    return &mirror->facts;
}

int64_t mirror_age_ms(const struct mirror *mirror, const struct instant *now)
{
    if (!mirror->facts.known) {
        return INT64_MAX;
    }
    return mirror->follow.synced || now->boot < mirror->true_boot ? 0 : now->boot - mirror->true_boot;
}

const struct mirror_key *mirror_find(const struct mirror *mirror, struct str key)
{
    return mirror_table_get(&mirror->table, key);
}

const struct mirror_key *mirror_at(const struct mirror *mirror, size_t index)
{
    return mirror->table.keys[index];
}

size_t mirror_from(const struct mirror *mirror, struct str key)
{
    size_t at;
    (void)mirror_table_find(&mirror->table, key, &at);
    return at;
}
