/* The operations and the control keys, as their mirrors have them. */
#include "waves_internal.h"

#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/record/control_json.h"
#include "outrider/codec/wave/wave_json.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- operations ---- */

/* The index of the first whose id is not before `id`. */
static size_t position(const struct waves *waves, struct str id)
{
    size_t at = 0;
    while (at < waves->count && str_compare(str_of(waves->operations[at].wave.id), id) < 0) {
        at++;
    }
    return at;
}

struct waves_operation *waves_find_operation(const struct waves *waves, struct str id)
{
    size_t at = position(waves, id);
    bool found = at < waves->count && str_eq(str_of(waves->operations[at].wave.id), id);
    return found ? &waves->operations[at] : NULL;
}

static void note_unreadable(struct waves *waves, struct str key, const char *why)
{
    char text[400];
    snprintf(text, sizeof(text), "key %.*s: %s", (int)(key.size < 200 ? key.size : 200), key.data, why);
    waves_carry_out(waves->owner, &(struct waves_effect){.type = WAVES_DO_NOTE, .text = str_of(text)});
}

/* Reads the value of `key`. */
static int read_operation(struct waves *waves, const struct mirror_key *key, struct wave *ret_wave)
{
    struct error err;
    size_t skip = strlen(waves->drains);
    if (wave_decode(blob_view(key->value), ret_wave, &err) < 0) {
        note_unreadable(waves, key->key, err.text);
        return -1;
    }
    if (!str_eq((struct str){key->key.data + skip, key->key.size - skip}, str_of(ret_wave->id))) {
        note_unreadable(waves, key->key, "its id is that of another key");
        wave_fini(ret_wave);
        return -1;
    }
    return 0;
}

static void remove_operation(struct waves *waves, struct waves_operation *operation)
{
    size_t at = (size_t)(operation - waves->operations);
    wave_fini(&operation->wave);
    waves->count--;
    memmove(operation, operation + 1, (waves->count - at) * sizeof(*operation));
}

static void change_operation(struct waves *waves, const struct mirror_key *was, const struct mirror_key *is)
{
    size_t skip = strlen(waves->drains);
    struct str key = was != NULL ? was->key : is->key;
    struct str id = {key.data + skip, key.size - skip};
    struct waves_operation *present = waves_find_operation(waves, id);
    struct wave read;
    bool readable = is != NULL && read_operation(waves, is, &read) == 0;
    waves->unreadable -= was != NULL && present == NULL ? 1 : 0;
    waves->unreadable += is != NULL && !readable ? 1 : 0;
    if (!readable) {
        if (present != NULL) {
            waves_carry_out(
                waves->owner,
                &(struct waves_effect){.type = WAVES_DO_CHANGED, .wave = &present->wave, .gone = true});
            remove_operation(waves, present);
        }
        return;
    }
    if (present == NULL) {
        size_t at = position(waves, id);
        waves->operations =
            mem_grow(waves->operations, waves->count, &waves->capacity, sizeof(waves->operations[0]));
        present = &waves->operations[at];
        memmove(present + 1, present, (waves->count - at) * sizeof(*present));
        waves->count++;
    } else {
        wave_remember(&read, &present->wave);
        wave_fini(&present->wave);
    }
    *present = (struct waves_operation){.wave = read, .revision = is->mod_revision};
    waves_carry_out(waves->owner, &(struct waves_effect){.type = WAVES_DO_CHANGED, .wave = &present->wave});
}

/* ---- control keys ---- */

static size_t control_position(const struct waves *waves, struct str place)
{
    size_t low = 0, high = waves->control_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        bool before = str_compare(waves->controls[middle].place, place) < 0;
        low = before ? middle + 1 : low;
        high = before ? high : middle;
    }
    return low;
}

/* The texts in one piece of memory, which `place` begins. */
static struct wave_control make_control(struct str place, const struct mirror_key *key)
{
    struct hold hold = {.set = false};
    struct error err;
    bool held = control_decode(blob_view(key->value), &hold, &err) == 0 && hold.set;
    struct str operation = str_of(hold.operation), by = str_of(hold.by);
    char *texts = mem_zalloc(place.size + operation.size + by.size + 1);
    memcpy(texts, place.data, place.size);
    memcpy(texts + place.size, operation.data, operation.size);
    memcpy(texts + place.size + operation.size, by.data, by.size);
    return (struct wave_control){.place = {texts, place.size},
                                 .revision = key->mod_revision,
                                 .held = held,
                                 .operation = {texts + place.size, operation.size},
                                 .by = {texts + place.size + operation.size, by.size}};
}

static void free_texts(struct wave_control *control)
{
    free((void *)(uintptr_t)control->place.data);
}

static void change_control(struct waves *waves, const struct mirror_key *was, const struct mirror_key *is)
{
    size_t skip = strlen(waves->controls_prefix);
    struct str key = was != NULL ? was->key : is->key;
    struct str place = {key.data + skip, key.size - skip};
    size_t at = control_position(waves, place);
    struct wave_control *control = &waves->controls[at];
    bool present = at < waves->control_count && str_eq(control->place, place);
    if (is == NULL) {
        if (present) {
            free_texts(control);
            waves->control_count--;
            memmove(control, control + 1, (waves->control_count - at) * sizeof(*control));
        }
        return;
    }
    if (present) {
        free_texts(control);
    } else {
        waves->controls =
            mem_grow(waves->controls, waves->control_count, &waves->control_capacity, sizeof(*control));
        control = &waves->controls[at];
        memmove(control + 1, control, (waves->control_count - at) * sizeof(*control));
        waves->control_count++;
    }
    *control = make_control(place, is);
}

/* ---- mirrors ---- */

static void carry_out(struct waves *waves, enum waves_client client, const struct mirror_effect *effect)
{
    struct waves_effect out = {.client = client, .id = effect->id, .text = effect->text};
    switch (effect->type) {
    case MIRROR_DO_REQUEST:
        out.type = WAVES_DO_REQUEST;
        out.request = effect->request;
        break;
    case MIRROR_DO_WATCH:
        out.type = WAVES_DO_WATCH;
        out.watch = effect->watch;
        break;
    case MIRROR_DO_UNWATCH: out.type = WAVES_DO_UNWATCH; break;
    case MIRROR_DO_CHANGED:
        (client == WAVES_OPERATIONS ? change_operation : change_control)(waves, effect->was, effect->is);
        return;
    case MIRROR_DO_SYNCED:
    case MIRROR_DO_STALE: return;
    case MIRROR_DO_NOTE:
        out.type = WAVES_DO_NOTE;
        out.good = effect->note == MIRROR_NOTE_RECOVERED;
        break;
    }
    waves_carry_out(waves->owner, &out);
}

static void carry_out_all(struct waves *waves, enum waves_client client)
{
    struct mirror_effect effect;
    while (queue_take(&waves->mirror_effects, &effect)) {
        carry_out(waves, client, &effect);
    }
}

static struct mirror *mirror_of(const struct waves *waves, enum waves_client client)
{
    return client == WAVES_OPERATIONS ? waves->operations_mirror : waves->controls_mirror;
}

void waves_step_mirror(struct waves *waves, enum waves_client client, struct mirror_event event)
{
    mirror_step(mirror_of(waves, client), &event, &waves->mirror_effects);
    carry_out_all(waves, client);
}

void waves_learn(struct waves *waves, const char *key, bool is_control, const struct registry_kv *kv,
                 int64_t revision)
{
    enum waves_client client = is_control ? WAVES_CONTROLS : WAVES_OPERATIONS;
    mirror_learn(mirror_of(waves, client), str_of(key), kv, revision, &waves->mirror_effects);
    carry_out_all(waves, client);
}

void waves_free_lists(struct waves *waves)
{
    for (size_t i = 0; i < waves->count; i++) {
        wave_fini(&waves->operations[i].wave);
    }
    for (size_t i = 0; i < waves->control_count; i++) {
        free_texts(&waves->controls[i]);
    }
    free(waves->operations);
    free(waves->controls);
}
