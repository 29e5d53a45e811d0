#include "mirror_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

enum { QUIET_STEPS = 400 };

void mirror_world_key_name(unsigned number, char out[TEXT_SIZE])
{
    snprintf(out, TEXT_SIZE, "/control/leader/k%u", number);
}

static void on_change(struct world *world, const struct mirror_effect *effect)
{
    const struct mirror_key *key = effect->is != NULL ? effect->is : effect->was;
    unsigned number = (unsigned)(key->key.data[key->key.size - 1] - '0');
    struct reader_key *known = &world->reader_keys[number];
    world->changes++;
    assert_true(number < KEYS);
    assert_int_equal(known->there, effect->was != NULL);
    if (effect->was != NULL) {
        assert_true(str_eq(blob_view(effect->was->value), str_of(known->value)));
    }
    if (effect->is != NULL && !world->may_undo && world->settings.keys_max == 0) {
        if (effect->is->mod_revision <= known->revision) {
            fail_msg("seed %llu: k%u went back from revision %lld to %lld", (unsigned long long)world->seed,
                     number, (long long)known->revision, (long long)effect->is->mod_revision);
        }
    }
    known->there = effect->is != NULL;
    if (effect->is != NULL) {
        known->revision = effect->is->mod_revision;
        snprintf(known->value, sizeof(known->value), "%.*s", STR_ARG(blob_view(effect->is->value)));
    }
}

static void take(struct world *world)
{
    struct mirror_effect effect;
    while (queue_take(&world->effects, &effect)) {
        switch (effect.type) {
        case MIRROR_DO_REQUEST: registry_submit(world->reader, effect.request); break;
        case MIRROR_DO_WATCH: registry_watch(world->reader, effect.watch); break;
        case MIRROR_DO_UNWATCH: registry_unwatch(world->reader, effect.id); break;
        case MIRROR_DO_CHANGED: on_change(world, &effect); break;
        case MIRROR_DO_SYNCED: world->synced++; break;
        case MIRROR_DO_STALE: world->stale++; break;
        case MIRROR_DO_NOTE: world->notes[effect.note]++; break;
        }
    }
}

void mirror_world_step(struct world *world, struct mirror_event event)
{
    event.now = world->now;
    mirror_step(world->mirror, &event, &world->effects);
    take(world);
}

static void on_reply(const struct registry_reply *reply, void *user)
{
    mirror_world_step(user, (struct mirror_event){.type = MIRROR_ON_REPLY, .reply = reply});
}

static void on_watch(const struct registry_watch_event *event, void *user)
{
    mirror_world_step(user, (struct mirror_event){.type = MIRROR_ON_WATCH, .watch = event});
}

/* What was written, or read: the mirror learns what is read. */
static void on_written(const struct registry_reply *reply, void *user)
{
    struct world *world = user;
    world->revision = reply->revision;
    if (reply->op == REGISTRY_GET && reply->failure == REGISTRY_OK) {
        struct str key = str_of(world->asked_key);
        unsigned number = (unsigned)(key.data[key.size - 1] - '0');
        mirror_learn(world->mirror, key, &reply->kv, reply->revision, &world->effects);
        take(world);
        if (!reply->kv.found && mirror_facts(world->mirror)->known && !world->may_undo) {
            assert_false(world->reader_keys[number].there &&
                         world->reader_keys[number].revision <= reply->revision &&
                         mirror_facts(world->mirror)->revision < reply->revision);
        }
    }
}

/* ---- what happens ---- */

void mirror_world_write_key(struct world *world, const char *key, const char *value)
{
    struct blob *blob = value == NULL ? NULL : blob_new(str_of(value));
    struct registry_txn txn = {0};
    registry_txn_then(&txn, (struct registry_action){.kind = value == NULL ? REGISTRY_REMOVE : REGISTRY_WRITE,
                                                     .key = str_of(key),
                                                     .value = blob});
    registry_submit(world->writer,
                    &(struct registry_request){
                        .id = ++world->last_write, .op = REGISTRY_TXN, .txn = &txn, .timeout_ms = 1000});
    blob_unref(blob);
}

void mirror_world_read_key(struct world *world, const char *key)
{
    snprintf(world->asked_key, sizeof(world->asked_key), "%s", key);
    registry_submit(world->writer, &(struct registry_request){.id = ++world->last_write,
                                                              .op = REGISTRY_GET,
                                                              .key = str_of(key),
                                                              .timeout_ms = 1000});
}

void mirror_world_learn(struct world *world, const char *key, const char *value, int64_t mod, int64_t at)
{
    struct registry_kv kv = {
        .found = value != NULL, .value = str_of(value), .mod_revision = mod, .create_revision = mod};
    mirror_learn(world->mirror, str_of(key), &kv, at, &world->effects);
    take(world);
}

void mirror_world_pass(struct world *world, int64_t ms)
{
    world->now.mono += ms;
    world->now.boot += ms;
    world->now.wall += ms;
    memory_advance(world->registry, ms);
    mirror_world_step(world, (struct mirror_event){.type = MIRROR_ON_TICK});
}

/* ---- what must come of it ---- */

static bool is_equal(struct world *world, char why[static 200])
{
    const struct mirror_facts *facts = mirror_facts(world->mirror);
    size_t there = 0, held = 0, bytes = 0;
    for (unsigned i = 0; i < KEYS; i++) {
        char name[TEXT_SIZE];
        mirror_world_key_name(i, name);
        struct registry_kv kv = memory_read(world->registry, str_of(name));
        const struct mirror_key *key = mirror_find(world->mirror, str_of(name));
        there += kv.found ? 1 : 0;
        held += key != NULL ? 1 : 0;
        bytes += key != NULL ? key->key.size + blob_view(key->value).size : 0;
        bool same = kv.found == (key != NULL) || (kv.found && world->settings.keys_max > 0);
        same = same && (key == NULL ||
                        (key->mod_revision == kv.mod_revision && key->create_revision == kv.create_revision &&
                         str_eq(blob_view(key->value), kv.value)));
        if (!same || (key != NULL) != world->reader_keys[i].there) {
            snprintf(why, 200, "%s: there=%d held=%d told=%d", name, kv.found, key != NULL,
                     world->reader_keys[i].there);
            return false;
        }
    }
    snprintf(why, 200, "there=%zu held=%zu keys=%zu left_out=%zu", there, held, facts->keys, facts->left_out);
    return facts->keys == held && facts->bytes == bytes && there == held + facts->left_out &&
           (world->settings.keys_max == 0 || held <= world->settings.keys_max);
}

void mirror_world_settle(struct world *world)
{
    char why[200] = "not in sync";
    mirror_world_step(world, (struct mirror_event){.type = MIRROR_ON_START});
    for (int i = 0; i < QUIET_STEPS; i++) {
        while (memory_run(world->registry) > 0) {
        }
        if (mirror_facts(world->mirror)->synced && is_equal(world, why)) {
            assert_int_equal(mirror_age_ms(world->mirror, &world->now), 0);
            return;
        }
        struct window next = mirror_deadline(world->mirror);
        mirror_world_pass(world, next.latest == NEVER_MS || next.latest <= world->now.mono
                                     ? 100
                                     : next.latest - world->now.mono);
    }
    fail_msg("seed %llu: never quiet: %s", (unsigned long long)world->seed, why);
}

void mirror_world_attach(struct world *world)
{
    world->reader = registry_attach(world->registry, on_reply, on_watch, world);
    world->writer = registry_attach(world->registry, on_written, NULL, world);
}

void mirror_world_begin(struct world *world, const struct memory_kind *kind,
                        const struct mirror_settings *settings)
{
    *world = (struct world){.now = {.mono = 10000, .boot = 20000, .wall = 9000000}, .seed = settings->seed};
    random_seed(&world->random, settings->seed);
    world->registry = memory_new(kind);
    mirror_world_attach(world);
    world->settings = *settings;
    world->settings.prefix = "/control/leader/";
    world->settings.timeout_ms = 1500;
    world->settings.check_ms = 5000;
    world->settings.can = registry_can(world->registry);
    world->mirror = mirror_new(&world->settings);
    queue_init(&world->effects, sizeof(struct mirror_effect));
}

void mirror_world_end(struct world *world)
{
    mirror_free(world->mirror);
    queue_fini(&world->effects);
    registry_free(world->registry);
}

void mirror_world_start_with(struct world *world, const struct mirror_settings *settings, unsigned keys)
{
    mirror_world_begin(world, &memory_etcd, settings);
    for (unsigned i = 0; i < keys; i++) {
        char key[TEXT_SIZE];
        mirror_world_key_name(i, key);
        mirror_world_write_key(world, key, "v");
    }
    (void)memory_run(world->registry);
    mirror_world_settle(world);
}
