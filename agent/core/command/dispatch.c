#include "outrider/core/command/dispatch.h"

#include "outrider/base/attr.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* An answer is looked for soon at first, as most servers answer at once, and less often later. */
enum { WAIT_FIRST_MS = 100, WAIT_MAX_MS = 1000, WAIT_FOLLOW_MAX_MS = 5000 };

const char *dispatch_state_name(enum dispatch_state state)
{
    static const char *const names[DISPATCH_STATE_COUNT] = {
        [DISPATCH_COUNTING] = "counting", [DISPATCH_GRANTING] = "granting", [DISPATCH_WRITING] = "writing",
        [DISPATCH_WAITING] = "waiting",   [DISPATCH_READING] = "reading",   [DISPATCH_DECIDING] = "deciding",
        [DISPATCH_DONE] = "done",
    };
    return names[state];
}

#define TO(state) (1u << DISPATCH_##state)

bool dispatch_may_move(enum dispatch_state from, enum dispatch_state to)
{
    static const unsigned allowed[DISPATCH_STATE_COUNT] = {
        [DISPATCH_COUNTING] = TO(GRANTING) | TO(WRITING) | TO(DONE),
        [DISPATCH_GRANTING] = TO(WRITING) | TO(DONE),
        [DISPATCH_WRITING] = TO(GRANTING) | TO(WAITING) | TO(DECIDING) | TO(DONE),
        [DISPATCH_WAITING] = TO(READING),
        [DISPATCH_READING] = TO(WAITING) | TO(DECIDING) | TO(DONE),
        [DISPATCH_DECIDING] = TO(WAITING) | TO(DONE),
        [DISPATCH_DONE] = 0,
    };
    return (allowed[from] & 1u << to) != 0;
}

static void move(struct dispatch *dispatch, enum dispatch_state to)
{
    assert(dispatch_may_move(dispatch->state, to));
    dispatch->state = to;
    dispatch->due = 0;
    dispatch->wait_ms = 0;
}

static void finish(struct dispatch *dispatch, enum dispatch_result result)
{
    dispatch->result = result;
    move(dispatch, DISPATCH_DONE);
}

static int64_t next_wait(struct dispatch *dispatch)
{
    int64_t wait = dispatch->wait_ms == 0 ? WAIT_FIRST_MS : 2 * dispatch->wait_ms;
    int64_t max = dispatch->op == DISPATCH_FOLLOW ? WAIT_FOLLOW_MAX_MS : WAIT_MAX_MS;
    dispatch->wait_ms = wait < max ? wait : max;
    return dispatch->wait_ms;
}

void dispatch_init(struct dispatch *dispatch, enum dispatch_op op, const struct server_command *command,
                   int64_t patience_ms, const struct instant *now)
{
    static const enum dispatch_state begins[] = {[DISPATCH_SEND] = DISPATCH_COUNTING,
                                                 [DISPATCH_CALL] = DISPATCH_COUNTING,
                                                 [DISPATCH_FOLLOW] = DISPATCH_WAITING,
                                                 [DISPATCH_READ] = DISPATCH_READING};
    *dispatch = (struct dispatch){
        .op = op, .state = begins[op], .command = *command, .ends = now->mono + patience_ms};
    if (op == DISPATCH_FOLLOW) {
        dispatch->due = now->mono + next_wait(dispatch);
    }
}

void dispatch_fini(struct dispatch *dispatch)
{
    command_fini(&dispatch->command);
}

int64_t dispatch_lease_need(const struct server_command *command, const struct instant *now)
{
    int64_t left = command->until_wall - now->wall;
    return (left < 0 ? 0 : left) + COMMAND_SKEW_MS + COMMAND_LATE_MS + COMMAND_KEEP_MS;
}

bool dispatch_wants(const struct dispatch *dispatch, const struct instant *now)
{
    bool asks = dispatch->state != DISPATCH_WAITING && dispatch->state != DISPATCH_DONE;
    return asks && !dispatch->asked && dispatch->due <= now->mono;
}

void dispatch_asked(struct dispatch *dispatch)
{
    dispatch->asked = true;
}

void dispatch_use_lease(struct dispatch *dispatch, struct registry_lease lease)
{
    dispatch->lease = lease;
    move(dispatch, DISPATCH_WRITING);
}

/* ---- failures ---- */

static void fail(struct dispatch *dispatch, enum registry_failure failure, struct str error)
{
    /* What may have been written once may have been written, however the last try ended. */
    dispatch->failure = dispatch->maybe_written ? REGISTRY_UNKNOWN : failure;
    snprintf(dispatch->error, sizeof(dispatch->error), "%.*s", (int)(error.size < 255 ? error.size : 255),
             error.size == 0 ? "" : error.data);
    finish(dispatch, DISPATCH_FAILED);
}

/* Another try later, or none any more. */
static void try_again(struct dispatch *dispatch, const struct dispatch_reply *reply,
                      const struct instant *now)
{
    int64_t due = now->mono + next_wait(dispatch);
    bool hopeless = reply->failure == REGISTRY_DENIED || reply->failure == REGISTRY_REFUSED;
    if (hopeless || due > dispatch->ends) {
        fail(dispatch, reply->failure, reply->error);
        return;
    }
    dispatch->due = due;
}

/* ---- answers ---- */

static bool has_lapsed(const struct server_command *command, const struct instant *now)
{
    return now->wall >= command->until_wall + COMMAND_SKEW_MS;
}

static void wait(struct dispatch *dispatch, const struct instant *now)
{
    int64_t waited = dispatch->wait_ms;
    move(dispatch, DISPATCH_WAITING);
    dispatch->wait_ms = waited;
    int64_t left = dispatch->command.until_wall + COMMAND_SKEW_MS - now->wall, due = next_wait(dispatch);
    dispatch->due = now->mono + (left > 0 && left < due ? left : due);
}

/* The key as it was found: what its command says is what counts. */
static void take(struct dispatch *dispatch, const struct dispatch_reply *reply, const struct instant *now)
{
    if (reply->command == NULL) {
        finish(dispatch, DISPATCH_FOREIGN);
        return;
    }
    struct server_command seen;
    command_copy(reply->command, &seen);
    command_fini(&dispatch->command);
    dispatch->command = seen;
    dispatch->lease = reply->lease;
    dispatch->revision = reply->revision;
    bool final = command_is_final(seen.state);
    if (dispatch->op == DISPATCH_SEND) {
        dispatch->fresh = dispatch->maybe_written;
        finish(dispatch, DISPATCH_SENT);
    } else if (final) {
        finish(dispatch, DISPATCH_KNOWN);
    } else if (has_lapsed(&seen, now)) {
        command_move(&dispatch->command, COMMAND_EXPIRED, STR("no answer in time"));
        if (dispatch->state != DISPATCH_DECIDING) {
            move(dispatch, DISPATCH_DECIDING);
        }
    } else if (dispatch->op == DISPATCH_READ) {
        finish(dispatch, DISPATCH_KNOWN);
    } else {
        wait(dispatch, now);
    }
}

static void on_counted(struct dispatch *dispatch, const struct dispatch_reply *reply,
                       const struct instant *now)
{
    if (reply->count >= COMMAND_INBOX_MAX) {
        finish(dispatch, DISPATCH_FULL);
        return;
    }
    move(dispatch, DISPATCH_GRANTING);
    dispatch->lease_ttl_ms = dispatch_lease_need(&dispatch->command, now) + COMMAND_LEASE_SHARE_MS;
}

static void on_written(struct dispatch *dispatch, const struct dispatch_reply *reply,
                       const struct instant *now)
{
    if (reply->succeeded) {
        dispatch->revision = reply->revision;
        if (dispatch->op == DISPATCH_SEND) {
            dispatch->fresh = true;
            finish(dispatch, DISPATCH_SENT);
        } else {
            wait(dispatch, now);
        }
    } else if (reply->found && reply->command != NULL &&
               !command_is_same(reply->command, &dispatch->command)) {
        finish(dispatch, DISPATCH_TAKEN);
    } else if (reply->found) {
        take(dispatch, reply, now);
    } else {
        fail(dispatch, REGISTRY_RETRY, STR("the key changed in between"));
    }
}

static void on_read(struct dispatch *dispatch, const struct dispatch_reply *reply, const struct instant *now)
{
    if (reply->found) {
        take(dispatch, reply, now);
    } else if (dispatch->op == DISPATCH_READ) {
        finish(dispatch, DISPATCH_NOT_FOUND);
    } else {
        command_move(&dispatch->command, COMMAND_EXPIRED, STR("the registry has it no more"));
        finish(dispatch, DISPATCH_KNOWN);
    }
}

static void on_decided(struct dispatch *dispatch, const struct dispatch_reply *reply,
                       const struct instant *now)
{
    if (reply->succeeded || !reply->found) {
        finish(dispatch, DISPATCH_KNOWN); /* gone: its lease has ended, and so has its time */
    } else {
        take(dispatch, reply, now);
    }
}

void dispatch_reply(struct dispatch *dispatch, const struct dispatch_reply *reply, const struct instant *now,
                    bool *ret_lost_lease)
{
    *ret_lost_lease = false;
    if (!dispatch->asked) {
        return;
    }
    dispatch->asked = false;
    bool writing = dispatch->state == DISPATCH_WRITING;
    if (reply->failure == REGISTRY_LEASE_LOST && writing) {
        *ret_lost_lease = true;
        move(dispatch, DISPATCH_GRANTING);
        return;
    }
    if (reply->failure == REGISTRY_LEASE_LOST && dispatch->state == DISPATCH_DECIDING) {
        finish(dispatch, DISPATCH_KNOWN);
        return;
    }
    if (reply->failure != REGISTRY_OK) {
        dispatch->maybe_written = dispatch->maybe_written || (writing && reply->failure == REGISTRY_UNKNOWN);
        try_again(dispatch, reply, now);
        return;
    }
    switch (dispatch->state) {
    case DISPATCH_COUNTING: on_counted(dispatch, reply, now); break;
    case DISPATCH_GRANTING: dispatch_use_lease(dispatch, reply->lease); break;
    case DISPATCH_WRITING: on_written(dispatch, reply, now); break;
    case DISPATCH_READING: on_read(dispatch, reply, now); break;
    case DISPATCH_DECIDING: on_decided(dispatch, reply, now); break;
    case DISPATCH_WAITING:
    case DISPATCH_DONE:
    case DISPATCH_STATE_COUNT: break;
    }
}

void dispatch_tick(struct dispatch *dispatch, const struct instant *now)
{
    if (dispatch->state == DISPATCH_WAITING && dispatch->due <= now->mono) {
        int64_t waited = dispatch->wait_ms;
        move(dispatch, DISPATCH_READING);
        dispatch->wait_ms = waited;
        /* While the registry is away the answer is looked for as long as it may be there. */
        dispatch->ends = now->mono + dispatch_lease_need(&dispatch->command, now);
    }
}

int64_t dispatch_due(const struct dispatch *dispatch)
{
    return dispatch->asked || dispatch->state == DISPATCH_DONE ? NEVER_MS : dispatch->due;
}

/* ---- leases ---- */

struct registry_lease command_leases_find(const struct command_leases *leases, struct str inbox,
                                          int64_t need_ms, const struct instant *now)
{
    uint64_t hash = str_hash(inbox, 0);
    for (size_t i = 0; i < COUNT_OF(leases->items); i++) {
        int64_t left = leases->items[i].until_boot - now->boot;
        bool same = !registry_lease_is_none(leases->items[i].lease) && leases->items[i].inbox == hash;
        if (same && left >= need_ms && left <= need_ms + COMMAND_LEASE_SHARE_MS) {
            return leases->items[i].lease;
        }
    }
    return (struct registry_lease){0};
}

void command_leases_keep(struct command_leases *leases, struct str inbox, struct registry_lease lease,
                         int64_t asked_boot, int64_t ttl_ms)
{
    size_t first = 0;
    for (size_t i = 1; i < COUNT_OF(leases->items); i++) {
        first = leases->items[i].until_boot < leases->items[first].until_boot ? i : first;
    }
    leases->items[first].inbox = str_hash(inbox, 0);
    leases->items[first].lease = lease;
    leases->items[first].until_boot = asked_boot + ttl_ms;
}

void command_leases_drop(struct command_leases *leases, struct registry_lease lease)
{
    for (size_t i = 0; i < COUNT_OF(leases->items); i++) {
        if (registry_lease_eq(leases->items[i].lease, lease)) {
            memset(&leases->items[i], 0, sizeof(leases->items[i]));
        }
    }
}
