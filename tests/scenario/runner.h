/* The scenario runner: reads a script of events and expected effects (commands: tests/scenario/README.md),
 * plays it against the real router and core under a virtual clock, and stops at the first line that does not
 * hold.
 *
 * runner.c (the script), runner_commands.c (its commands), runner_world.c (time, automatic replies),
 * runner_tries.c (how tries end), runner_server.c (what the server sends), runner_watch.c (the watch), runner_store.c (the registry),
 * runner_seats.c (the reservations), runner_settings.c (configuration), runner_expect.c (claims about effects), runner_check.c (claims about
 * state). */
#ifndef OUTRIDER_TESTS_SCENARIO_RUNNER_H
#define OUTRIDER_TESTS_SCENARIO_RUNNER_H

#include "fake/fake_effects.h"

#include "outrider/base/buf.h"
#include "outrider/codec/state/state_file.h"
#include "outrider/core/config/config.h"
#include "outrider/core/server/server.h"
#include "outrider/registry/memory/memory.h"
#include "outrider/shell/router/router.h"
#include "support/lease_number.h"

#include <stdnoreturn.h>

enum { ARGS_MAX = 24, PORTS_MAX = 8, KINDS_MAX = 16, LEASES_MAX = 8, PENDING_MAX = 8 };

/* ---- the registry: a record, a control key and a few leases, as capable as its kind ---- */

struct store_lease {
    int64_t id, ttl_ms, ends_boot;
};

struct store {
    struct store_lease leases[LEASES_MAX]; /* id 0: free */
    int64_t revision, mod_revision, create_revision, key_lease;
    int64_t changed_revision; /* when the key last changed, deletions included */
    uint64_t cluster, epoch;
    struct blob *value; /* NULL: the key is absent */
    struct blob *control;
    int64_t control_revision; /* mod revision */
    const struct memory_kind *kind;
    int64_t last_lease; /* where the registry chooses: the last id */
    struct blob *undo;  /* the record before its last write */
    int64_t undo_lease, undo_revision, undo_create;
    struct blob *seats; /* the reservations; NULL: none */
    int64_t seats_revision;
    char seat_ids[8][65];          /* ids that have a key of their own; "": none */
    struct registry_item items[2]; /* what a transaction has read, and their values */
    struct blob *item_values[2];
};

/* Hidden: never opened, nothing to claim. Manual: by the script. Auto: as the registry does. */
enum watch_mode { WATCH_HIDDEN, WATCH_MANUAL, WATCH_AUTO };

/* Denied: every request fails. Read-only: writes of a key fail. Locked: so does ending a lease that has keys.
 * Full: what needs room fails. */
enum registry_mode {
    MODE_UP,
    MODE_DOWN,
    MODE_DENIED,
    MODE_READ_ONLY,
    MODE_LOCKED,
    MODE_UNREADABLE,
    MODE_FULL,
    MODE_SEATS_DENIED,
    MODE_SEATS_READ_ONLY,
    MODE_SLOW
};

/* ---- the rest of the world ---- */

enum port_mode { PORT_CLOSED, PORT_OPEN, PORT_HANGS, PORT_UNRESOLVED, PORT_MANUAL };

struct port {
    char name[64];
    enum port_mode mode;
    char facts[256]; /* of each try that passes: `players=3 map=harbor` */
};

struct running_try {
    uint64_t id;     /* 0: none */
    uint64_t before; /* the try that this one replaced; 0: none */
    int64_t hangs_until;
    char name[64];
};

#define DUPLICATE_VALUE "{\"id\":\"w1\",\"type\":\"world\",\"host\":\"10.9.9.9\",\"status\":\"ready\"}"

/* An effect that is not claimed yet. */
struct seen {
    int64_t at;
    struct fake_call call;
};

struct scenario {
    const char *file;
    int line;
    bool wall_steps; /* the wall clock is set before each command */

    int64_t mono, boot, wall; /* ms since the start */
    struct config *config;
    struct config *configs[16]; /* all that were ever in force: the router borrows them */
    size_t config_count;

    struct effects effects;
    struct router *router;
    struct sign_key *signer;  /* of the running agent; NULL: it does not sign */
    struct buf kept;          /* the state file of the last agent */
    struct saved_state saved; /* as the running agent has read it */
    bool exited;
    uint64_t starts; /* the seed of each agent, so that no two choose the same lease ids */

    struct store store;
    enum registry_mode mode;
    bool claims_control; /* effects at the control key need claims, and replies where the registry is slow */
    enum watch_mode watch_mode;
    uint64_t watch_id; /* 0: none */
    bool watch_open, watch_stalls;
    int64_t duplicate; /* a duplicate agent writes its record under this lease after each write; 0: none */
    int64_t pending_revision;
    struct fake_call pending[PENDING_MAX];
    size_t pending_count;
    struct registry_reply served; /* of the oldest of these, done and not yet replied to; id 0: none */
    enum router_client served_client;
    struct blob *served_value;

    struct port ports[PORTS_MAX];
    size_t port_count;
    struct port other_ports;
    struct running_try tries[SERVER_PROBES_MAX];
    char host[64], no_host[64];
    bool no_interface, host_unsure;
    uint64_t attached[8];
    size_t attached_count;

    struct seen *seen;
    size_t seen_count, seen_capacity;
    char ignored[KINDS_MAX][16];
    size_t ignored_count;
};

/* Ends the program with file:line and a message; lists the unclaimed effects. */
noreturn void fail(const struct scenario *s, const char *format, ...) PRINTF_LIKE(2, 3);

/* runner_commands.c */
struct command {
    const char *name;
    void (*run)(struct scenario *s, char **args, size_t count);
    size_t least; /* arguments */
    bool raw;     /* the rest of the line is one argument */
    bool claims;  /* may look at unclaimed effects */
    bool early;   /* may come before start */
};
const struct command *command_find(struct str name);

/* runner_settings.c: the default configuration; one setting; a copy to be changed. */
struct config *settings_first(struct scenario *s);
void settings_set(struct scenario *s, struct config *config, const char *path, const char *value);
struct config *settings_clone(struct scenario *s, const struct config *config);

/* runner_world.c */
struct instant world_now(const struct scenario *s);
void world_settle(struct scenario *s);
void world_advance(struct scenario *s, int64_t to);
void world_reply(struct scenario *s, const char *how);
/* Does the oldest waiting request; its reply comes with `world_reply`. */
void world_serve(struct scenario *s);
void world_start(struct scenario *s, const struct restore *restore);
void world_restart(struct scenario *s, const char *how);
void world_end(struct scenario *s);

/* runner_tries.c: a try begins; one ends; the commands. */
void world_meet_try(struct scenario *s, const struct fake_call *call);
void world_end_try(struct scenario *s, unsigned index, enum probe_outcome outcome);
void port_command(struct scenario *s, char **args, size_t count);
void try_command(struct scenario *s, char **args, size_t count);

/* runner_server.c: the server sends a message, a line, a line that cannot be applied. */
void world_message(struct scenario *s, const struct status_message *message);
void world_line(struct scenario *s, const char *text);
void world_line_refused(struct scenario *s, const char *text);

/* runner_watch.c: the agent opens or ends a watch; the automatic events; a failover ends it; the command. */
void watch_meet(struct scenario *s, const struct fake_call *call);
void watch_tell(struct scenario *s);
void watch_new_epoch(struct scenario *s);
void watch_command(struct scenario *s, char **args, size_t count);

/* runner_store.c: makes the empty store like "etcd", "redis" or "consul"; false: it knows no such kind. */
bool store_set_kind(struct store *store, const char *name);
/* Does `request` and fills in the true reply. `store_expire` ends expired leases. */
void store_apply(struct store *store, const struct fake_call *call, int64_t boot,
                 struct registry_reply *ret_reply);
void store_expire(struct store *store, int64_t boot);
void store_put(struct store *store, const char *text, int64_t lease);
void store_delete(struct store *store);
/* The control key by hand; `text` NULL: deleted. */
void store_control(struct store *store, const char *text);
/* The reservations by hand; NULL: deleted. Takes the reference. */
void store_seats(struct store *store, struct blob *value);
void store_grant(struct store *store, int64_t lease, int64_t ttl_ms, int64_t boot);
void store_revoke(struct store *store, int64_t lease);
void store_forget(struct store *store, int64_t lease);
void store_wipe(struct store *store);
/* A failover to a replica that had not got the last write of the record: a new epoch, and leases start over. */
void store_fail_over(struct store *store, int64_t boot);
/* Restores a backup: the same cluster and lease, an old key and revision. */
void store_restore(struct store *store);
void store_fini(struct store *store);

/* runner_seats.c: the command, and what is checked. */
void seats_command(struct scenario *s, char **args, size_t count);
void seats_check(struct scenario *s, char **args, size_t count);

/* runner_expect.c */
const char *kind_of(const struct fake_call *call);
void describe(const struct fake_call *call, char out[static 512]);
void expect_effect(struct scenario *s, char **args, size_t count);
void expect_no(struct scenario *s, const char *kind);
void expect_all_claimed(struct scenario *s);
void forget_seen(struct scenario *s);

/* runner_check.c */
void check_state(struct scenario *s, char **args, size_t count);
/* Whether the JSON text has the member of "path=value" (or lacks that of "!path"); otherwise `ret_actual` is
 * what it has. */
bool json_has(struct str json, const char *claim, char ret_actual[static 256]);
/* Whether "path=value" is a timestamp, which differs where the wall clock steps. */
bool claims_moment(const char *claim);

#endif
