#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "watcher.h"

#include "outrider/registry/registry.h"

#include <inttypes.h>
#include <stdio.h>

/* The same for all: each watcher is a client of its own. */
enum { WATCH_ID = 1 };
enum { TIMEOUT_MS = 10000 };

static void hear_opened(struct watcher *watcher, const struct registry_watch_event *event)
{
    assert_false(watcher->opened);
    assert_true(event->revision > 0);
    assert_int_not_equal(event->cluster, 0);
    watcher->opened = true;
    watcher->opening = *event;
}

static void write_change(const struct registry_change *change, struct buf *out)
{
    if (change->deleted) {
        buf_printf(out, "-%.*s@%" PRId64 "\n", STR_ARG(change->key), change->mod_revision);
    } else {
        buf_printf(out, "+%.*s=%.*s@%" PRId64 "\n", STR_ARG(change->key), STR_ARG(change->value),
                   change->mod_revision);
    }
}

static void hear_changed(struct watcher *watcher, const struct registry_watch_event *event)
{
    assert_true(watcher->opened);
    assert_true(event->revision >= watcher->told);
    watcher->told = event->revision;
    watcher->coalesced = watcher->coalesced || event->coalesced;
    watcher->batches += event->change_count > 0;
    for (size_t i = 0; i < event->change_count; i++) {
        const struct registry_change *change = &event->changes[i];
        assert_true(i == 0 || change->mod_revision >= change[-1].mod_revision);
        assert_true(!change->deleted || change->value.size == 0);
        assert_int_equal(change->deleted, change->create_revision == 0);
        watcher->newest = change->mod_revision > watcher->newest ? change->mod_revision : watcher->newest;
        watcher->changes++;
        if (!watcher->quiet) {
            write_change(change, &watcher->text);
        }
    }
}

static void hear_ended(struct watcher *watcher, const struct registry_watch_event *event)
{
    watcher->ended = true;
    watcher->ending = *event;
    buf_str(&watcher->error, event->error);
    assert_int_equal(event->failure == REGISTRY_OK, event->error.size == 0);
}

static void on_watch(const struct registry_watch_event *event, void *user)
{
    struct watcher *watcher = user;
    assert_int_equal(event->id, WATCH_ID);
    assert_false(watcher->calling || watcher->ended || watcher->closed);
    assert_true(event->endpoint.size > 0);
    switch (event->type) {
    case REGISTRY_WATCH_OPENED: hear_opened(watcher, event); break;
    case REGISTRY_WATCH_CHANGED: hear_changed(watcher, event); break;
    case REGISTRY_WATCH_ENDED: hear_ended(watcher, event); break;
    }
    if (watcher->on_event != NULL) {
        watcher->on_event(watcher);
    }
}

void watcher_start(struct watcher *watcher, struct subject *subject, const struct registry_range *ranges,
                   size_t range_count, int64_t from_revision)
{
    struct registry_watch watch = {
        .id = WATCH_ID, .range_count = range_count, .from_revision = from_revision, .timeout_ms = TIMEOUT_MS};
    memcpy(watch.ranges, ranges, range_count * sizeof(ranges[0]));
    watcher->subject = subject;
    watcher->client = registry_attach(subject->registry, NULL, on_watch, watcher);
    watcher->calling = true;
    registry_watch(watcher->client, &watch);
    watcher->calling = false;
}

struct registry_range range_under(struct str prefix, char end[static 128])
{
    snprintf(end, 128, "%.*s", STR_ARG(prefix));
    end[prefix.size - 1]++;
    return (struct registry_range){.key = prefix, .end = {end, prefix.size}};
}

void watcher_open(struct watcher *watcher, struct subject *subject, struct str prefix, int64_t from_revision)
{
    char end[128];
    struct registry_range range = range_under(prefix, end);
    watcher_start(watcher, subject, &range, 1, from_revision);
    memset(end, 'x', sizeof(end)); /* it was copied */
    watcher_wait_opened(watcher);
}

void watcher_wait_opened(struct watcher *watcher)
{
    while (!watcher->opened && !watcher->ended) {
        subject_turn(watcher->subject);
    }
    if (!watcher->opened) {
        fail_msg("%s", buf_text(&watcher->error));
    }
}

void watcher_wait_changes(struct watcher *watcher, size_t changes)
{
    while (watcher->changes < changes && !watcher->ended) {
        subject_turn(watcher->subject);
    }
    assert_string_equal(buf_text(&watcher->error), "");
    assert_int_equal(watcher->changes, changes);
}

void watcher_wait_ended(struct watcher *watcher)
{
    while (!watcher->ended) {
        subject_turn(watcher->subject);
    }
}

void watcher_close(struct watcher *watcher)
{
    watcher->closed = true;
    registry_unwatch(watcher->client, WATCH_ID);
}

void watcher_fini(struct watcher *watcher)
{
    buf_fini(&watcher->error);
    buf_fini(&watcher->text);
}
