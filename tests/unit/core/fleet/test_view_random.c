/* Random changes, failures and streams, by seed. At every revision emitted the subscriber has what the registry
 * had, and when everything is quiet the view has what the registry has. A failing seed is printed; VIEW_SEED runs it
 * alone, VIEW_SEEDS is the number of seeds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/blob.h"
#include "outrider/base/random.h"
#include "view_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEEDS = 400, STEPS = 300 };

struct chaos {
    struct world world;
    struct random random;
    bool stalled; /* the open stream delivers nothing more */
    int64_t mark;
    uint64_t mark_cluster;
    struct world_keys known;
};

static unsigned below(struct chaos *c, unsigned limit)
{
    return (unsigned)random_below(&c->random, limit);
}

static void random_key(struct chaos *c, char key[32])
{
    static const char *const types[] = {"a", "b", "map", "a/x"};
    if (below(c, 12) == 0) {
        snprintf(key, 32, "/s/foreign%u", below(c, 2));
    } else {
        snprintf(key, 32, "/s/%s/%u", types[below(c, 8) % 4 == 3 ? 3 : below(c, 3)], below(c, 6));
    }
}

static void write_something(struct chaos *c)
{
    struct world_keys keys;
    char key[32], value[32], used[4][32];
    unsigned count = below(c, 4) == 0 ? 1 + below(c, 4) : 1;
    world_at(&c->world, c->world.revision, &keys);
    c->world.revision++;
    for (unsigned i = 0; i < count; i++) {
        bool again = false;
        random_key(c, key);
        snprintf(used[i], sizeof(used[i]), "%s", key);
        for (unsigned j = 0; j < i; j++) {
            again = again || strcmp(used[j], key) == 0; /* a key is written once in a revision */
        }
        snprintf(value, sizeof(value), "%c%u", "irdseu!!"[below(c, 8)], below(c, 1000));
        if (!again) {
            world_put_same(&c->world, key, below(c, 3) == 0 ? NULL : value);
        }
    }
}

static void answer(struct chaos *c)
{
    static const enum registry_failure failures[] = {REGISTRY_RETRY, REGISTRY_UNKNOWN, REGISTRY_OVERLOADED,
                                                     REGISTRY_REFUSED, REGISTRY_DENIED};
    if (c->world.asked.id == 0) {
        return;
    }
    if (below(c, 5) == 0) {
        world_refuse(&c->world, failures[below(c, 5)], false);
    } else {
        world_answer(&c->world);
    }
}

static void stream(struct chaos *c)
{
    struct world *w = &c->world;
    if (w->watch.id == 0) {
        c->stalled = false;
    } else if (!w->opened) {
        c->stalled = below(c, 6) == 0;
        if (below(c, 6) == 0) {
            world_cut(w, below(c, 2) == 0 ? REGISTRY_RETRY : REGISTRY_DENIED);
        } else {
            world_open(w);
        }
    } else if (below(c, 25) == 0) {
        world_cut(w, below(c, 2) == 0 ? REGISTRY_OK : REGISTRY_UNKNOWN);
    } else if (!c->stalled) {
        if (w->told > 2 && below(c, 10) == 0) {
            /* The last ones twice, but whole revisions only. */
            size_t back = w->told - 1;
            while (back > 0 && w->events[back - 1].revision == w->events[back].revision) {
                back--;
            }
            w->told = back;
        }
        world_tell(w, 1 + below(c, 5));
        if (w->watch.id != 0 && w->told == w->event_count && below(c, 8) == 0) {
            world_progress(w, w->revision);
        }
        c->stalled = below(c, 40) == 0;
    }
}

static void upset(struct chaos *c)
{
    struct world *w = &c->world;
    switch (below(c, 12)) {
    case 0: w->compacted = w->revision - (int64_t)below(c, 3); break;
    case 1: w->revision += below(c, 20); break; /* other keys */
    case 2:
        /* Set back, or another cluster. The stream of before ends with it. */
        if (w->watch.id != 0) {
            world_cut(w, REGISTRY_UNKNOWN);
        }
        if (below(c, 2) == 0) {
            world_wipe(w, w->cluster + 1, 1 + below(c, 50));
        } else {
            /* What was asked before and what is asked after may add up to what never was, until it is
             * noticed. */
            w->strict = false;
            world_wipe(w, w->cluster, 1 + below(c, 200));
            if (w->asked.id != 0) {
                world_refuse(w, REGISTRY_UNKNOWN, false); /* no reply mixes the two pasts */
            }
        }
        break;
    default: world_pass(w, 1 + below(c, 4000)); break;
    }
}

/* A subscriber that knew everything at a revision resumes from it, or needs a snapshot. */
static void check_resume(struct chaos *c)
{
    struct world *w = &c->world;
    uint64_t cursor;
    const struct view_change *change;
    if (c->mark > 0 && view_resume(w->view, c->mark, c->mark_cluster, &cursor) == 0) {
        struct world replay = {.reader = c->known};
        while ((change = view_log_next(view_facts(w->view)->log, &cursor)) != NULL) {
            const struct view_entry *entry = change->is != NULL ? change->is : change->was;
            size_t at = 0;
            struct str key = view_entry_key(entry);
            while (at < replay.reader.count && !str_eq(key, str_of(replay.reader.keys[at].key))) {
                at++;
            }
            struct world_key *slot = &replay.reader.keys[at];
            if (change->is == NULL && at < replay.reader.count) {
                *slot = replay.reader.keys[--replay.reader.count];
            } else if (change->is != NULL) {
                replay.reader.count += at == replay.reader.count ? 1 : 0;
                snprintf(slot->key, sizeof(slot->key), "%.*s", STR_ARG(key));
                snprintf(slot->value, sizeof(slot->value), "%.*s", STR_ARG(blob_view(change->is->json)));
            }
        }
        assert_int_equal(replay.reader.count, w->reader.count);
        for (size_t i = 0; i < replay.reader.count; i++) {
            size_t at = 0;
            while (at < w->reader.count && strcmp(w->reader.keys[at].key, replay.reader.keys[i].key) != 0) {
                at++;
            }
            assert_true(at < w->reader.count);
            assert_string_equal(w->reader.keys[at].value, replay.reader.keys[i].value);
        }
    }
    if (below(c, 5) == 0 && view_facts(w->view)->known) {
        c->mark = view_facts(w->view)->revision;
        c->mark_cluster = view_facts(w->view)->cluster;
        c->known = w->reader;
    }
}

static void act(struct chaos *c)
{
    switch (below(c, 8)) {
    case 0:
    case 1: write_something(c); break;
    case 2:
    case 3: answer(c); break;
    case 4:
    case 5:
    case 6: stream(c); break;
    case 7: upset(c); break;
    }
    check_resume(c);
}

static void quiet(struct chaos *c)
{
    struct world *w = &c->world;
    for (unsigned i = 0; i < 20; i++) {
        world_settle(w);
        world_pass(w, 5000);
    }
    world_settle(w);
    assert_true(view_facts(w->view)->synced);
    assert_int_equal(view_facts(w->view)->cluster, w->cluster);
    world_check_equal(w);
    w->strict = true;
}

static void run(uint64_t seed)
{
    struct chaos c = {0};
    random_seed(&c.random, seed);
    world_begin(&c.world, &(struct view_settings){.mode = VIEW_ALWAYS,
                                                  .page = 1 + below(&c, 5),
                                                  .seed = seed,
                                                  .tombstones_max = 3,
                                                  .changes_max = 20 + below(&c, 50)});
    world_step(&c.world, VIEW_ON_START);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < STEPS; i++) {
            act(&c);
        }
        quiet(&c);
    }
    world_end(&c.world);
}

static void whatever_happens_the_view_is_the_registry(void **state)
{
    (void)state;
    const char *one = getenv("VIEW_SEED"), *many = getenv("VIEW_SEEDS");
    uint64_t seeds = many == NULL ? SEEDS : strtoull(many, NULL, 10);
    for (uint64_t seed = 1; seed <= seeds && one == NULL; seed++) {
        print_message("%s", seed % 100 == 0 ? "." : "");
        char text[32];
        snprintf(text, sizeof(text), "%llu", (unsigned long long)seed);
        setenv("VIEW_SEED_RUNNING", text, 1);
        run(seed);
    }
    if (one != NULL) {
        run(strtoull(one, NULL, 10));
    }
}

static int tell_seed(void **state)
{
    (void)state;
    print_message("last seed: %s\n", getenv("VIEW_SEED_RUNNING"));
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(whatever_happens_the_view_is_the_registry, tell_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
