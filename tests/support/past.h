/* A history in the hands of a test: servers come, change and go, and time passes, as the test says. */
#ifndef OUTRIDER_TESTS_PAST_H
#define OUTRIDER_TESTS_PAST_H

#include "outrider/base/queue.h"
#include "outrider/core/history/history_read.h"

#include <stdio.h>

struct past {
    struct history *history;
    struct queue effects;
    struct instant now;
    unsigned offline, saves;
    char last_offline[HISTORY_NAME_MAX + 1];
};

/* What a record says; zero: nothing. `players` and `seats` count where they are above 0, -1 stands for 0. */
struct past_record {
    const char *reason, *holds, *by, *why;
    int64_t started_wall;
    int players, seats;
    bool unleased;
};

static inline void past_step(struct past *past, struct history_event event)
{
    struct history_effect effect;
    event.now = past->now;
    history_step(past->history, &event, &past->effects);
    while (queue_take(&past->effects, &effect)) {
        past->saves += effect.type == HISTORY_DO_SAVE ? 1 : 0;
        if (effect.type == HISTORY_DO_OFFLINE) {
            past->offline++;
            snprintf(past->last_offline, sizeof(past->last_offline), "%.*s", effect.name_size, effect.name);
        }
    }
}

static inline void past_on(struct past *past, enum history_event_type type)
{
    past_step(past, (struct history_event){.type = type});
}

static inline void past_begin(struct past *past, const struct history_settings *settings)
{
    *past = (struct past){.history = history_new(settings),
                          .now = {.mono = 1000, .boot = 1000, .wall = 1795227240000}}; /* a full minute */
    queue_init(&past->effects, sizeof(struct history_effect));
}

static inline void past_end(struct past *past)
{
    history_free(past->history);
    queue_fini(&past->effects);
}

static inline void past_pass(struct past *past, int64_t ms)
{
    past->now.mono += ms;
    past->now.boot += ms;
    past->now.wall += ms;
}

/* The minutes pass one by one, each with its tick. */
static inline void past_minutes(struct past *past, int count)
{
    for (int i = 0; i < count; i++) {
        past_pass(past, 60000);
        past_on(past, HISTORY_ON_TICK);
    }
}

static inline struct view_entry *past_entry(const char *name, enum status status,
                                            const struct past_record *record)
{
    char key[256], json[400];
    const char *id = strchr(name, '/') + 1;
    snprintf(key, sizeof(key), "/services/%s", name);
    snprintf(json, sizeof(json), "{\"id\":\"%s\",\"type\":\"%.*s\",\"status\":\"%s\"}", id,
             (int)(id - name - 1), name, status_name(status));
    struct view_entry_facts facts = {
        .status = status,
        .players = {record->players != 0, record->players > 0 ? (uint32_t)record->players : 0},
        .capacity = {record->seats != 0, record->seats > 0 ? (uint32_t)record->seats : 0}};
    struct view_place place = {.key = str_of(key),
                               .prefix_size = 9,
                               .mod_revision = 7,
                               .create_revision = 5,
                               .leased = !record->unleased};
    return view_entry_new(&place, str_of(json), &facts);
}

static inline void past_put(struct past *past, const char *name, enum status status,
                            struct past_record record)
{
    struct view_entry *entry = past_entry(name, status, &record);
    struct history_sight sight = {.entry = entry,
                                  .reason = str_of(record.reason),
                                  .drained = record.holds != NULL,
                                  .holds = str_of(record.holds),
                                  .drain_by = str_of(record.by),
                                  .drain_reason = str_of(record.why),
                                  .started_wall = record.started_wall};
    past_step(past, (struct history_event){.type = HISTORY_ON_SIGHTED, .sight = &sight});
    view_entry_unref(entry);
}

static inline void past_drop(struct past *past, const char *name, bool clean, bool unleased)
{
    struct view_entry *entry = past_entry(name, STATUS_READY, &(struct past_record){.unleased = unleased});
    past_step(past, (struct history_event){.type = HISTORY_ON_GONE, .entry = entry, .clean = clean});
    view_entry_unref(entry);
}

static inline const struct history_server *past_find(const struct past *past, const char *name)
{
    struct str id, type = str_split(str_of(name), '/', &id);
    return history_find(past->history, type, id);
}

/* Invariants of every history, whatever happened: counts, order, and what is where. */
static inline void past_check(const struct past *past)
{
    const struct history_facts *facts = history_facts(past->history);
    size_t there = 0, gone = 0, transitions = 0, seen = 0;
    for (const struct history_server *each = facts->servers; each != NULL; each = each->hh.next) {
        there += each->gone ? 0 : 1;
        gone += each->gone ? 1 : 0;
        uint64_t last = 0;
        size_t own = 0;
        for (const struct history_transition *t = each->first; t != NULL; t = t->next, own++) {
            assert_true(t->seq > last && t->server == each);
            last = t->seq;
        }
        assert_int_equal(own, each->transition_count);
        assert_true(own <= HISTORY_TRANSITIONS_MAX && each->life_count <= HISTORY_LIVES_MAX);
        transitions += own;
        for (size_t i = 0; i < each->life_count; i++) {
            bool lasts = each->lives[i].end == HISTORY_STILL;
            assert_true(lasts == (each->lives[i].ended_wall == 0));
            assert_true(!lasts || (i + 1 == each->life_count && !each->gone));
        }
    }
    assert_int_equal(there, facts->there);
    assert_int_equal(gone, facts->gone);
    assert_int_equal(transitions, facts->transitions);
    uint64_t before = UINT64_MAX;
    for (const struct history_transition *t; (t = history_before(past->history, before)) != NULL; seen++) {
        assert_true(t->seq < before);
        before = t->seq;
    }
    assert_int_equal(seen, transitions);
    size_t list = 0;
    for (const struct history_server *each = facts->oldest_gone; each != NULL; each = each->next, list++) {
        assert_true(each->gone);
    }
    assert_int_equal(list, gone);
}

/* A fixture: a past with one server that is ready, a/1, from before the history began. */
static inline int past_set_up(void **state)
{
    static struct past past;
    past_begin(&past, &(struct history_settings){0});
    past_on(&past, HISTORY_ON_TICK);
    past_put(&past, "a/1", STATUS_READY, ((struct past_record){0}));
    past_on(&past, HISTORY_ON_SYNCED);
    *state = &past;
    return 0;
}

static inline int past_tear_down(void **state)
{
    past_check(*state);
    past_end(*state);
    return 0;
}

#endif
