/* What each command of a script does. */
#include "runner.h"

#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/codec/status/notify.h"
#include "shell/router/router_internal.h"

#include <stdio.h>
#include <stdlib.h>

static int64_t span(const struct scenario *s, const char *text)
{
    int64_t ms;
    if (duration_parse(str_of(text), &ms) < 0) {
        fail(s, "%s is not a duration", text);
    }
    return ms;
}

/* ---- time and the world ---- */

static void do_at(struct scenario *s, char **args, size_t count)
{
    (void)count;
    int64_t to = span(s, args[0]);
    if (to < s->mono) {
        fail(s, "time cannot go back");
    }
    world_advance(s, to);
}

static void do_after(struct scenario *s, char **args, size_t count)
{
    (void)count;
    world_advance(s, s->mono + span(s, args[0]));
}

/* The wall clock is set. */
static void do_wall(struct scenario *s, char **args, size_t count)
{
    (void)count;
    bool back = args[0][0] == '-';
    s->wall += (back ? -1 : 1) * span(s, args[0] + (back ? 1 : 0));
}

/* The machine sleeps: the monotonic clock stands still, the others run on. */
static void do_suspend(struct scenario *s, char **args, size_t count)
{
    (void)count;
    s->boot += span(s, args[0]);
    s->wall += span(s, args[0]);
    store_expire(&s->store, world_now(s).boot);
}

/* What the script shows depends on the wall clock: it is not stepped. */
static void do_wall_counts(struct scenario *s, char **args, size_t count)
{
    (void)args;
    (void)count;
    s->wall_steps = false;
}

static void do_set(struct scenario *s, char **args, size_t count)
{
    (void)count;
    if (s->router != NULL) {
        fail(s, "the agent runs already: change a setting by reload");
    }
    settings_set(s, s->config, args[0], args[1]);
}

static void do_ignore(struct scenario *s, char **args, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (s->ignored_count == KINDS_MAX) {
            fail(s, "too many kinds ignored");
        }
        snprintf(s->ignored[s->ignored_count++], sizeof(s->ignored[0]), "%.15s", args[i]);
    }
}

static void do_host(struct scenario *s, char **args, size_t count)
{
    s->host_unsure = strcmp(args[0], "unsure") == 0 || strcmp(args[0], "absent-unsure") == 0;
    s->no_interface = strncmp(args[0], "absent", 6) == 0;
    bool none = s->no_interface || s->host_unsure || strcmp(args[0], "none") == 0;
    snprintf(s->host, sizeof(s->host), "%.63s", none ? "" : args[0]);
    snprintf(s->no_host, sizeof(s->no_host), "%.63s", none && count > 1 ? args[1] : "");
}

/* ---- the registry ---- */

static void do_registry(struct scenario *s, char **args, size_t count)
{
    static const char *const modes[] = {[MODE_UP] = "up",
                                        [MODE_DOWN] = "down",
                                        [MODE_DENIED] = "denied",
                                        [MODE_READ_ONLY] = "read-only",
                                        [MODE_LOCKED] = "locked",
                                        [MODE_UNREADABLE] = "unreadable",
                                        [MODE_FULL] = "full",
                                        [MODE_SLOW] = "slow",
                                        [MODE_SEATS_DENIED] = "seats-denied",
                                        [MODE_SEATS_READ_ONLY] = "seats-read-only"};
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        if (strcmp(modes[i], args[0]) == 0) {
            s->mode = (enum registry_mode)i;
            return;
        }
    }
    if (strcmp(args[0], "cluster") == 0 && count == 2) {
        s->store.cluster = strtoull(args[1], NULL, 10);
    } else if (strcmp(args[0], "wiped") == 0) {
        store_wipe(&s->store);
    } else if (strcmp(args[0], "restored") == 0) {
        store_restore(&s->store);
    } else if (strcmp(args[0], "fails-over") == 0) {
        store_fail_over(&s->store, world_now(s).boot);
        watch_new_epoch(s);
        world_settle(s);
    } else if (strcmp(args[0], "like") != 0 || count != 2 || s->router != NULL ||
               !store_set_kind(&s->store, args[1])) {
        fail(s, "the registry is up, down, denied, read-only, locked, unreadable, full, slow, wiped, "
                "restored, fails-over, "
                "cluster NUMBER, or before start like etcd, redis or consul");
    }
}

static void do_reply(struct scenario *s, char **args, size_t count)
{
    (void)count;
    world_reply(s, args[0]);
}

static void do_serve(struct scenario *s, char **args, size_t count)
{
    (void)args;
    (void)count;
    world_serve(s);
}

/* The control key is written or deleted, and the watch reports it, or not. */
static void change_control(struct scenario *s, const char *text, bool reported)
{
    bool deleted = strcmp(text, "deleted") == 0;
    store_control(&s->store, deleted ? NULL : text);
    struct registry_change change = {
        .deleted = deleted, .value = blob_view(s->store.control), .mod_revision = s->store.revision};
    struct instant now = world_now(s);
    if (reported) {
        router_enter(s->router, &now);
        router_control_changed(s->router, &change);
        router_pump(s->router);
        world_settle(s);
    }
}

static void do_control(struct scenario *s, char **args, size_t count)
{
    (void)count;
    change_control(s, args[0], true);
}

static void do_control_unseen(struct scenario *s, char **args, size_t count)
{
    (void)count;
    change_control(s, args[0], false);
}

/* The watch reports a previous value of the key late, at the current revision. */
static void do_control_late(struct scenario *s, char **args, size_t count)
{
    (void)count;
    struct registry_change change = {.value = str_of(args[0]), .mod_revision = s->store.revision};
    struct instant now = world_now(s);
    router_enter(s->router, &now);
    router_control_changed(s->router, &change);
    router_pump(s->router);
    world_settle(s);
}

static void do_read_back(struct scenario *s, char **args, size_t count)
{
    (void)args;
    (void)count;
    struct instant now = world_now(s);
    router_enter(s->router, &now);
    router_control_read_back(s->router);
    router_pump(s->router);
    world_settle(s);
}

static void do_claim(struct scenario *s, char **args, size_t count)
{
    (void)count;
    if (strcmp(args[0], "control") != 0) {
        fail(s, "claim control");
    }
    s->claims_control = true;
}

enum { CONFLICT_LEASE = 7777 };

static void do_key(struct scenario *s, char **args, size_t count)
{
    const char *value = count > 1 ? args[1] : "{\"id\":\"w1\",\"host\":\"10.9.9.9\"}";
    if (strcmp(args[0], "deleted") == 0) {
        store_delete(&s->store);
    } else if (strcmp(args[0], "leaseless") == 0) {
        store_put(&s->store, value, 0);
    } else if (strcmp(args[0], "edited") == 0) {
        store_put(&s->store, value, s->store.key_lease);
    } else if (strcmp(args[0], "duplicate") == 0) {
        s->duplicate = s->store.key_lease;
        store_grant(&s->store, s->store.key_lease, 600000, world_now(s).boot); /* its holder renews it */
        store_put(&s->store, DUPLICATE_VALUE, s->store.key_lease);
    } else if (strcmp(args[0], "conflict") == 0) {
        store_grant(&s->store, CONFLICT_LEASE, count > 1 ? span(s, args[1]) : 10000, world_now(s).boot);
        store_put(&s->store, "{\"id\":\"w1\",\"host\":\"10.9.9.9\"}", CONFLICT_LEASE);
    } else if (strcmp(args[0], "conflict-ends") == 0) {
        store_revoke(&s->store, CONFLICT_LEASE);
    } else {
        fail(s, "a key is deleted, leaseless, edited, duplicate, conflict or conflict-ends");
    }
    if (s->router != NULL) {
        world_settle(s);
    }
}

/* The registry loses the agent's lease; the key goes with it, or a little later. */
static void do_lease(struct scenario *s, char **args, size_t count)
{
    (void)count;
    int64_t lease = lease_number(registrar_facts(s->router->registrar).lease);
    if (strcmp(args[0], "lost") == 0) {
        store_revoke(&s->store, lease);
    } else if (strcmp(args[0], "lost-key-stays") == 0) {
        store_forget(&s->store, lease);
    } else if (strcmp(args[0], "lives") == 0 && count == 2) {
        store_grant(&s->store, lease, span(s, args[1]), world_now(s).boot);
    } else {
        fail(s, "a lease is lost or lost-key-stays, or lives SPAN");
    }
    world_settle(s);
}

/* ---- the server ---- */

static void do_line(struct scenario *s, char **args, size_t count)
{
    (void)count;
    world_line(s, args[0]);
}

/* A well-formed line that cannot be applied. */
static void do_refused(struct scenario *s, char **args, size_t count)
{
    (void)count;
    world_line_refused(s, args[0]);
}

/* Deadlines on the way are not met, because the process was stopped or had no time. The arguments are lines
 * that have queued meanwhile and are read before the timer runs. */
static void do_stall(struct scenario *s, char **args, size_t count)
{
    s->mono += span(s, args[0]);
    s->boot += span(s, args[0]);
    s->wall += span(s, args[0]);
    store_expire(&s->store, world_now(s).boot);
    for (size_t i = 1; i < count; i++) {
        world_line(s, args[i]);
    }
}

/* Assignments separated by blanks, each a line of the datagram. */
static void do_notify(struct scenario *s, char **args, size_t count)
{
    char datagram[1024] = "";
    size_t used = 0;
    for (size_t i = 0; i < count && used < sizeof(datagram); i++) {
        used +=
            (size_t)snprintf(datagram + used, sizeof(datagram) - used, "%s%s", i > 0 ? "\n" : "", args[i]);
    }
    struct status_message message;
    struct error err;
    if (notify_parse(str_of(datagram), &message, &err) < 0) {
        fail(s, "%s", err.text);
    }
    message.mainpid_start = (uint64_t)message.mainpid * 10;
    world_message(s, &message);
}

/* The oldest attached connection closes, or ends with its process; or one closes that never attached. */
static void do_detach(struct scenario *s, char **args, size_t count)
{
    const char *how = count > 0 ? args[0] : "";
    struct instant now = world_now(s);
    if (strcmp(how, "unattached") == 0) {
        router_hint(s->router, &now);
    } else if (s->attached_count == 0) {
        fail(s, "no connection is attached");
    } else {
        struct server_event event = {.type = SERVER_ON_DETACH, .now = now, .life = s->attached[0]};
        event.by_us = strcmp(how, "expelled") == 0;
        event.exited = strcmp(how, "exited") == 0;
        memmove(s->attached, s->attached + 1, --s->attached_count * sizeof(s->attached[0]));
        router_server_event(s->router, &event);
    }
    world_settle(s);
}

static void do_exit(struct scenario *s, char **args, size_t count)
{
    (void)count;
    struct instant now = world_now(s);
    router_server_event(
        s->router,
        &(struct server_event){.type = SERVER_ON_EXIT, .now = now, .pid = (pid_t)strtol(args[0], NULL, 10)});
    world_settle(s);
}

/* ---- the operator and the process ---- */

static void do_drain(struct scenario *s, char **args, size_t count)
{
    struct instant now = world_now(s);
    router_server_event(s->router, &(struct server_event){.type = SERVER_ON_HOLD,
                                                          .now = now,
                                                          .kind = HOLD_OPS,
                                                          .reason = args[0],
                                                          .by = "tester",
                                                          .deadline_ms = count > 1 ? span(s, args[1]) : 0,
                                                          .expires_ms = count > 2 ? span(s, args[2]) : 0});
    world_settle(s);
}

static void do_undrain(struct scenario *s, char **args, size_t count)
{
    (void)args;
    (void)count;
    struct instant now = world_now(s);
    router_server_event(s->router,
                        &(struct server_event){.type = SERVER_ON_UNHOLD, .now = now, .kind = HOLD_OPS});
    world_settle(s);
}

static void do_unflap(struct scenario *s, char **args, size_t count)
{
    (void)args;
    (void)count;
    router_server_event(s->router, &(struct server_event){.type = SERVER_ON_UNFLAP, .now = world_now(s)});
    world_settle(s);
}

static void stop(struct scenario *s, enum shutdown_event_type how, bool state_kept)
{
    struct instant now = world_now(s);
    router_stop(s->router, how, state_kept, &now);
    world_settle(s);
}

static void do_signal(struct scenario *s, char **args, size_t count)
{
    bool state_dir = count < 2 || strcmp(args[1], "without-state") != 0;
    if (strcmp(args[0], "term") == 0) {
        stop(s, SHUTDOWN_ON_TERM, false);
    } else if (strcmp(args[0], "int") == 0) {
        stop(s, SHUTDOWN_ON_INT, false);
    } else if (strcmp(args[0], "quit") == 0) {
        stop(s, SHUTDOWN_ON_QUIT, state_dir);
    } else {
        fail(s, "signal term, int or quit");
    }
}

static void do_reload(struct scenario *s, char **args, size_t count)
{
    struct config *fresh = settings_clone(s, s->config);
    for (size_t i = 0; i < count; i++) {
        char *equals = strchr(args[i], '=');
        if (equals == NULL) {
            fail(s, "reload takes setting=value");
        }
        *equals = '\0';
        settings_set(s, fresh, args[i], equals + 1);
    }
    struct instant now = world_now(s);
    s->config = fresh;
    router_reload(s->router, fresh, &now);
    world_advance(s, s->mono);
    world_settle(s);
}

static void do_start(struct scenario *s, char **args, size_t count)
{
    bool ready = count > 0 && strcmp(args[0], "ready") == 0;
    if (ready) {
        s->other_ports.mode = PORT_OPEN;
    }
    world_start(s, NULL);
    if (ready) {
        if (server_facts(s->router->server).status != STATUS_READY ||
            !registrar_facts(s->router->registrar).in_sync) {
            fail(s, "the server does not start ready and registered");
        }
        forget_seen(s);
    }
}

static void do_restart(struct scenario *s, char **args, size_t count)
{
    (void)count;
    world_restart(s, args[0]);
}

/* ---- claims ---- */

static void do_expect(struct scenario *s, char **args, size_t count)
{
    if (strcmp(args[0], "nothing") == 0) {
        expect_all_claimed(s);
    } else if (strcmp(args[0], "no") == 0 && count == 4 && strcmp(args[2], "until") == 0) {
        world_advance(s, span(s, args[3]));
        expect_no(s, args[1]);
    } else if (strcmp(args[0], "no") == 0 && count == 2) {
        expect_no(s, args[1]);
    } else {
        expect_effect(s, args, count);
    }
}

static void do_forget(struct scenario *s, char **args, size_t count)
{
    (void)args;
    (void)count;
    forget_seen(s);
}

static const struct command commands[] = {
    {"at", do_at, 1, false, false, false},
    {"after", do_after, 1, false, false, false},
    {"stall", do_stall, 1, false, false, false},
    {"forget", do_forget, 0, false, true, false},
    {"wall", do_wall, 1, false, false, false},
    {"watch", watch_command, 1, false, true, true},
    {"suspend", do_suspend, 1, false, false, false},
    {"set", do_set, 2, false, false, true},
    {"ignore", do_ignore, 1, false, true, true},
    {"port", port_command, 2, false, true, true},
    {"try", try_command, 2, false, false, false},
    {"host", do_host, 1, false, true, true},
    {"registry", do_registry, 1, false, true, true},
    {"reply", do_reply, 1, false, false, false},
    {"serve", do_serve, 0, false, false, false},
    {"key", do_key, 1, false, true, true},
    {"lease", do_lease, 1, false, true, false},
    {"line", do_line, 1, true, false, false},
    {"refused", do_refused, 1, true, false, false},
    {"notify", do_notify, 1, false, false, false},
    {"detach", do_detach, 0, false, false, false},
    {"exit", do_exit, 1, false, false, false},
    {"drain", do_drain, 1, false, false, false},
    {"undrain", do_undrain, 0, false, false, false},
    {"unflap", do_unflap, 0, false, false, false},
    {"signal", do_signal, 1, false, false, false},
    {"reload", do_reload, 0, false, false, false},
    {"start", do_start, 0, false, false, true},
    {"restart", do_restart, 1, false, false, false},
    {"claim", do_claim, 1, false, true, true},
    {"control", do_control, 1, true, false, false},
    {"seats", seats_command, 1, false, true, true},
    {"wall-counts", do_wall_counts, 0, false, true, true},
    {"read-back", do_read_back, 0, false, false, false},
    {"control-late", do_control_late, 1, true, false, false},
    {"control-unseen", do_control_unseen, 1, true, false, true},
    {"expect", do_expect, 1, false, true, false},
    {"check", check_state, 1, false, true, false},
};

const struct command *command_find(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (str_eq(str_of(commands[i].name), name)) {
            return &commands[i];
        }
    }
    return NULL;
}
