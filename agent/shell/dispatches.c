#include "dispatches_internal.h"
#include "server_inbox_internal.h"

#include "outrider/base/blob.h"
#include "outrider/base/mem.h"
#include "outrider/codec/command/command_json.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/entropy.h"
#include "outrider/registry/registry.h"

#include <stdlib.h>

/* How long what fails is asked for again, in request timeouts. */
enum { PATIENCE = 3 };

struct sending {
    struct sending *next;
    uint64_t id; /* of the request in flight, or the last one */
    struct buf inbox, end, key;
    int64_t granted_boot; /* when the lease was asked for */
    struct dispatch dispatch;
    api_commanded_fn *done;
    void (*drop)(void *user); /* where there is no answer; NULL: the user has an owner */
    void *user;
};

struct dispatches {
    struct agent *agent;
    struct registry_client *registry;
    struct timer *timer;
    struct sending *first;
    size_t count, of[DISPATCH_OP_COUNT];
    uint64_t last_id;
    struct command_leases leases;
};

static void free_sending(struct sending *sending)
{
    buf_fini(&sending->inbox);
    buf_fini(&sending->end);
    buf_fini(&sending->key);
    dispatch_fini(&sending->dispatch);
    free(sending);
}

/* ---- counters ---- */

static bool sends(enum dispatch_op op)
{
    return op == DISPATCH_SEND || op == DISPATCH_CALL;
}

static void count_busy(struct api_commands_counters *counters, enum dispatch_op op)
{
    counters->sent[API_COMMAND_BUSY] += sends(op) ? 1 : 0;
}

static enum api_command_sent sent_of(const struct dispatch *dispatch)
{
    switch (dispatch->result) {
    case DISPATCH_SENT:
    case DISPATCH_KNOWN: return API_COMMAND_SENT;
    case DISPATCH_FULL: return API_COMMAND_FULL;
    case DISPATCH_NOT_FOUND:
    case DISPATCH_TAKEN:
    case DISPATCH_FOREIGN: return API_COMMAND_TAKEN;
    case DISPATCH_FAILED: break;
    }
    return dispatch->failure == REGISTRY_UNKNOWN ? API_COMMAND_UNKNOWN : API_COMMAND_FAILED;
}

static void count_end(struct api_commands_counters *counters, const struct dispatch *dispatch)
{
    if (sends(dispatch->op)) {
        counters->sent[sent_of(dispatch)]++;
    }
    bool waited = dispatch->op == DISPATCH_CALL || dispatch->op == DISPATCH_FOLLOW;
    if (waited && dispatch->result == DISPATCH_KNOWN) {
        counters->answers[dispatch->command.state]++;
    }
}

/* ---- requests ---- */

/* Any id that no other lease has; where the registry chooses, it is not looked at. */
static struct registry_lease new_lease(void)
{
    uint64_t lo = 0;
    while (lo == 0) {
        entropy_fill(&lo, sizeof(lo));
        lo &= INT64_MAX;
    }
    return (struct registry_lease){.lo = lo};
}

static void submit(struct dispatches *dispatches, struct sending *sending, const struct instant *now)
{
    struct dispatch *dispatch = &sending->dispatch;
    struct registry_request request = {.id = ++dispatches->last_id,
                                       .key = buf_view(&sending->key),
                                       .timeout_ms = dispatches->agent->config->registry.request_timeout_ms};
    struct buf value = {0};
    switch (dispatch->state) {
    case DISPATCH_COUNTING:
        request.op = REGISTRY_LIST;
        request.key = buf_view(&sending->inbox);
        request.range_end = buf_view(&sending->end);
        request.limit = 1;
        break;
    case DISPATCH_GRANTING:
        request.op = REGISTRY_GRANT;
        request.key = STR("");
        request.lease = new_lease();
        request.ttl_ms = dispatch->lease_ttl_ms;
        sending->granted_boot = now->boot;
        break;
    case DISPATCH_READING: request.op = REGISTRY_GET; break;
    case DISPATCH_WRITING:
    case DISPATCH_DECIDING:
        request.op = REGISTRY_PUT;
        request.lease = dispatch->lease;
        request.expect_revision = dispatch->state == DISPATCH_DECIDING ? dispatch->revision : 0;
        command_encode(&dispatch->command, &value);
        request.value = blob_take(&value);
        break;
    case DISPATCH_WAITING:
    case DISPATCH_DONE:
    case DISPATCH_STATE_COUNT: return;
    }
    sending->id = request.id;
    dispatch_asked(dispatch);
    registry_submit(dispatches->registry, &request);
    blob_unref(request.value);
}

static void end(struct dispatches *dispatches, struct sending *sending)
{
    struct sending **at = &dispatches->first;
    while (*at != sending) {
        at = &(*at)->next;
    }
    *at = sending->next;
    dispatches->count--;
    dispatches->of[sending->dispatch.op]--;
    count_end(&dispatches->agent->counters.commands, &sending->dispatch);
    sending->done(&sending->dispatch, sending->user);
    free_sending(sending);
}

/* What the state asks for, now or later. True: it has ended. */
static bool go_on(struct dispatches *dispatches, struct sending *sending, const struct instant *now)
{
    struct dispatch *dispatch = &sending->dispatch;
    dispatch_tick(dispatch, now);
    if (dispatch->state == DISPATCH_GRANTING && dispatch_wants(dispatch, now)) {
        struct registry_lease lease = command_leases_find(&dispatches->leases, buf_view(&sending->inbox),
                                                          dispatch_lease_need(&dispatch->command, now), now);
        if (!registry_lease_is_none(lease)) {
            dispatch_use_lease(dispatch, lease);
        }
    }
    if (dispatch_wants(dispatch, now)) {
        submit(dispatches, sending, now);
    }
    if (dispatch->state == DISPATCH_DONE) {
        end(dispatches, sending);
        return true;
    }
    return false;
}

static void rearm(struct dispatches *dispatches)
{
    int64_t due = NEVER_MS;
    for (struct sending *each = dispatches->first; each != NULL; each = each->next) {
        int64_t of = dispatch_due(&each->dispatch);
        due = of < due ? of : due;
    }
    timer_arm_at_ms(dispatches->timer, due);
}

static void on_timer(void *user)
{
    struct dispatches *dispatches = user;
    struct instant now = agent_now();
    for (struct sending *each = dispatches->first, *next; each != NULL; each = next) {
        next = each->next;
        (void)go_on(dispatches, each, &now);
    }
    rearm(dispatches);
}

/* ---- replies ---- */

static void on_reply(const struct registry_reply *reply, void *user)
{
    struct dispatches *dispatches = user;
    struct sending *sending = dispatches->first;
    while (sending != NULL && sending->id != reply->id) {
        sending = sending->next;
    }
    if (sending == NULL) {
        return;
    }
    struct dispatch *dispatch = &sending->dispatch;
    struct instant now = agent_now();
    struct server_command command = {0};
    struct error err;
    bool found = reply->kv.found, lost = false, granted = dispatch->state == DISPATCH_GRANTING;
    bool is_command =
        found && command_decode(str_of(dispatch->command.id), reply->kv.value, &command, &err) == 0;
    struct registry_lease lease = dispatch->lease;
    dispatch_reply(dispatch,
                   &(struct dispatch_reply){.failure = reply->failure,
                                            .error = reply->error,
                                            .succeeded = reply->succeeded,
                                            .revision = found ? reply->kv.mod_revision : reply->revision,
                                            .count = reply->count,
                                            .lease = granted ? reply->lease : reply->kv.lease,
                                            .found = found,
                                            .command = is_command ? &command : NULL},
                   &now, &lost);
    if (lost) {
        command_leases_drop(&dispatches->leases, lease);
    } else if (granted && dispatch->state == DISPATCH_WRITING) {
        command_leases_keep(&dispatches->leases, buf_view(&sending->inbox), dispatch->lease,
                            sending->granted_boot, dispatch->lease_ttl_ms);
    }
    command_fini(&command);
    (void)go_on(dispatches, sending, &now);
    rearm(dispatches);
}

/* ---- life ---- */

struct dispatches *dispatches_new(struct agent *agent)
{
    struct dispatches *dispatches = mem_zalloc(sizeof(*dispatches));
    dispatches->agent = agent;
    dispatches->registry = registry_attach(agent->registry, on_reply, NULL, dispatches);
    dispatches->timer = timer_new(agent->loop, on_timer, dispatches);
    return dispatches;
}

void dispatches_free(struct dispatches *dispatches)
{
    if (dispatches == NULL) {
        return;
    }
    registry_detach(dispatches->registry);
    timer_free(dispatches->timer);
    while (dispatches->first != NULL) {
        struct sending *sending = dispatches->first;
        dispatches->first = sending->next;
        if (sending->drop != NULL) {
            sending->drop(sending->user);
        }
        free_sending(sending);
    }
    free(dispatches);
}

static bool has_room(const struct dispatches *dispatches, enum dispatch_op op)
{
    static const size_t limits[DISPATCH_OP_COUNT] = {[DISPATCH_SEND] = DISPATCHES_MAX,
                                                     [DISPATCH_READ] = DISPATCHES_MAX,
                                                     [DISPATCH_CALL] = DISPATCHES_CALLS_MAX,
                                                     [DISPATCH_FOLLOW] = DISPATCHES_FOLLOWS_MAX};
    return dispatches->count < DISPATCHES_MAX && dispatches->of[op] < limits[op];
}

/* `command` is taken over. */
static void begin(struct dispatches *dispatches, enum dispatch_op op, struct str type, struct str server,
                  struct server_command *command, const struct sending *told)
{
    const struct config *config = dispatches->agent->config;
    struct sending *sending = mem_zalloc(sizeof(*sending));
    struct instant now = agent_now();
    buf_printf(&sending->inbox, "%s/inbox/%.*s/%.*s", config->registry.control_prefix, STR_ARG(type),
               STR_ARG(server));
    buf_str(&sending->end, buf_view(&sending->inbox));
    buf_add(&sending->inbox, "/", 1);
    buf_add(&sending->end, "0", 1); /* the byte behind '/' */
    buf_printf(&sending->key, "%s%s", buf_text(&sending->inbox), command->id);
    sending->done = told->done;
    sending->drop = told->drop;
    sending->user = told->user;
    dispatch_init(&sending->dispatch, op, command, PATIENCE * config->registry.request_timeout_ms, &now);
    sending->next = dispatches->first;
    dispatches->first = sending;
    dispatches->count++;
    dispatches->of[op]++;
    (void)go_on(dispatches, sending, &now); /* only submits: nothing has ended yet */
    rearm(dispatches);
}

bool dispatches_begin(struct dispatches *dispatches, enum dispatch_op op, struct str type, struct str server,
                      struct server_command *command, api_commanded_fn *done, void *user)
{
    if (!has_room(dispatches, op)) {
        count_busy(&dispatches->agent->counters.commands, op);
        command_fini(command);
        return false;
    }
    begin(dispatches, op, type, server, command, &(struct sending){.done = done, .user = user});
    return true;
}

bool dispatches_follow(struct dispatches *dispatches, struct str type, struct str server,
                       const struct server_command *command, api_commanded_fn *done, void (*drop)(void *user),
                       void *user)
{
    struct server_command copy;
    if (!has_room(dispatches, DISPATCH_FOLLOW)) {
        return false;
    }
    command_copy(command, &copy);
    begin(dispatches, DISPATCH_FOLLOW, type, server, &copy,
          &(struct sending){.done = done, .drop = drop, .user = user});
    return true;
}

void commands_start(struct agent *agent)
{
    agent->inbox = server_inbox_new(agent);
}

void commands_end(struct agent *agent)
{
    server_inbox_free(agent->inbox);
    dispatches_free(agent->dispatches);
}
