/* The watch of the agent's keys, as the registry serves it: opened, changes, ended. */
#include "runner.h"

#include <stdio.h>

static void say(struct scenario *s, struct registry_watch_event event)
{
    struct instant now = world_now(s);
    event.id = s->watch_id;
    event.cluster = s->store.cluster;
    event.epoch = s->store.epoch;
    event.endpoint = STR("http://store");
    router_watched(s->router, &event, &now);
}

static void open_watch(struct scenario *s)
{
    s->watch_open = true;
    s->pending_revision = s->store.revision;
    say(s, (struct registry_watch_event){.type = REGISTRY_WATCH_OPENED, .revision = s->store.revision});
}

static bool coalesces(const struct scenario *s)
{
    return (s->store.kind->can & REGISTRY_CAN_EVERY_CHANGE) == 0;
}

/* The key as it is now: the last change of it. */
static void tell(struct scenario *s)
{
    const struct store *store = &s->store;
    struct blob *value = blob_ref(store->value);
    struct registry_change change = {.deleted = value == NULL,
                                     .key = STR("/services/world/w1"),
                                     .value = blob_view(value),
                                     .mod_revision = store->changed_revision,
                                     .create_revision = store->create_revision,
                                     .lease = lease_of(store->key_lease)};
    s->pending_revision = store->changed_revision;
    say(s, (struct registry_watch_event){.type = REGISTRY_WATCH_CHANGED,
                                         .revision = store->revision,
                                         .changes = &change,
                                         .change_count = 1,
                                         .coalesced = coalesces(s)});
    blob_unref(value);
}

void watch_tell(struct scenario *s)
{
    if (s->watch_mode == WATCH_AUTO && s->watch_open && !s->watch_stalls && s->router != NULL && !s->exited &&
        s->store.changed_revision > s->pending_revision) {
        tell(s);
    }
}

/* A deletion that is older than the current value of the key. */
static void tell_old_news(struct scenario *s)
{
    struct registry_change change = {
        .deleted = true, .key = STR("/services/world/w1"), .mod_revision = s->store.changed_revision - 1};
    say(s, (struct registry_watch_event){.type = REGISTRY_WATCH_CHANGED,
                                         .revision = s->store.revision,
                                         .changes = &change,
                                         .change_count = 1,
                                         .coalesced = coalesces(s)});
}

static void end_watch(struct scenario *s, const char *how)
{
    static const struct {
        const char *name;
        enum registry_failure failure;
    } ends[] = {{"ok", REGISTRY_OK}, {"unreachable", REGISTRY_RETRY}, {"denied", REGISTRY_DENIED}};
    size_t which = 0;
    while (which < COUNT_OF(ends) && strcmp(ends[which].name, how) != 0) {
        which++;
    }
    if (which == COUNT_OF(ends)) {
        fail(s, "a watch ends ok, unreachable or denied");
    }
    s->watch_open = false;
    say(s, (struct registry_watch_event){
               .type = REGISTRY_WATCH_ENDED, .failure = ends[which].failure, .error = str_of(how)});
}

void watch_new_epoch(struct scenario *s)
{
    if (s->watch_mode == WATCH_AUTO && s->watch_open) {
        s->watch_open = false;
        say(s, (struct registry_watch_event){
                   .type = REGISTRY_WATCH_ENDED, .read_anew = true, .error = STR("another epoch began")});
    }
}

void watch_meet(struct scenario *s, const struct fake_call *call)
{
    bool asked = call->type == FAKE_WATCH;
    if (asked && s->watch_id != 0 && s->watch_open) {
        fail(s, "a second watch beside the first");
    }
    s->watch_id = asked ? call->watch_id : 0;
    s->watch_open = s->watch_stalls = false;
    if (asked && s->watch_mode == WATCH_AUTO) {
        if (s->mode != MODE_DOWN && s->mode != MODE_DENIED) {
            open_watch(s);
        } else {
            end_watch(s, s->mode == MODE_DENIED ? "denied" : "unreachable");
        }
    }
}

void watch_command(struct scenario *s, char **args, size_t count)
{
    bool auto_mode = strcmp(args[0], "auto") == 0;
    if (auto_mode || strcmp(args[0], "manual") == 0) {
        s->watch_mode = auto_mode ? WATCH_AUTO : WATCH_MANUAL;
        return;
    }
    if (s->watch_id == 0) {
        fail(s, "no watch is requested");
    }
    if (strcmp(args[0], "opened") == 0) {
        open_watch(s);
    } else if (strcmp(args[0], "changed") == 0 && s->watch_open) {
        tell(s);
    } else if (strcmp(args[0], "stale") == 0 && s->watch_open) {
        tell_old_news(s);
    } else if (strcmp(args[0], "ended") == 0) {
        end_watch(s, count > 1 ? args[1] : "ok");
    } else if (strcmp(args[0], "stalls") == 0 && s->watch_open) {
        s->watch_stalls = true;
    } else {
        fail(s, "watch auto or manual; opened, ended ok|unreachable|denied; and of an open one, changed, "
                "stale or "
                "stalls");
    }
    world_settle(s);
}
