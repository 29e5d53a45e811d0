#include "outrider/core/session/session_failover.h"

#include "outrider/base/hash.h"
#include "outrider/base/mem.h"

#include <string.h>

enum reconcile_state {
    RECONCILE_IDLE,    /* done, or never begun */
    RECONCILE_LISTING, /* a page is under way, or due again */
    RECONCILE_WAITING, /* servers that are missing are looked for again */
    RECONCILE_STATE_COUNT
};

enum task_state {
    TASK_MISSING, /* its server was not there when it was listed: to be looked for again */
    TASK_WAITS,   /* to be sent */
    TASK_SENT,    /* under way */
    TASK_DONE     /* orphaned: remembered for the grace, so that the server is known when it returns */
};

/* What is to be done with the sessions of one server. */
struct task {
    enum task_state state;
    enum session_op op;  /* SESSION_ORPHAN or SESSION_RESTORE: the newest */
    bool changed;        /* sent: `op` is another than that under way */
    uint64_t request_id; /* sent */
    int64_t until_mono;  /* done: forgotten then */
    UT_hash_handle hh;
    char server[];
};

struct session_failover {
    struct session_failover_settings settings;
    struct task *tasks; /* by server, in the order in which they came */
    size_t out;         /* requests under way */
    uint64_t last_id;
    bool synced, reconciled; /* reconciled: since the start */
    enum reconcile_state state;
    uint64_t list_id;    /* of the page under way; 0: none */
    char after[256];     /* of the next page */
    int64_t look_mono;   /* waiting: when; NEVER_MS */
    int64_t forget_mono; /* when a task that is done may be forgotten; NEVER_MS */
    int64_t retry_mono, retry_ms;
};

struct session_failover *session_failover_new(const struct session_failover_settings *settings)
{
    struct session_failover *failover = mem_zalloc(sizeof(*failover));
    *failover = (struct session_failover){.settings = *settings,
                                          .look_mono = NEVER_MS,
                                          .forget_mono = NEVER_MS,
                                          .retry_mono = NEVER_MS,
                                          .retry_ms = SESSION_FAILOVER_RETRY_MS};
    return failover;
}

static void remove_task(struct session_failover *failover, struct task *task)
{
    HASH_DEL(failover->tasks, task);
    free(task);
}

void session_failover_free(struct session_failover *failover)
{
    if (failover == NULL) {
        return;
    }
    struct task *task, *next;
    HASH_ITER(hh, failover->tasks, task, next)
    {
        remove_task(failover, task);
    }
    free(failover);
}

size_t session_failover_waiting(const struct session_failover *failover)
{
    size_t count = 0;
    for (const struct task *task = failover->tasks; task != NULL; task = task->hh.next) {
        count += task->state != TASK_DONE ? 1 : 0;
    }
    return count;
}

static void set_state(struct session_failover *failover, enum reconcile_state state)
{
    static const bool allowed[RECONCILE_STATE_COUNT][RECONCILE_STATE_COUNT] = {
        [RECONCILE_IDLE] = {[RECONCILE_LISTING] = true},
        [RECONCILE_LISTING] = {[RECONCILE_WAITING] = true, [RECONCILE_IDLE] = true},
        [RECONCILE_WAITING] = {[RECONCILE_IDLE] = true},
    };
    if (failover->state != state && allowed[failover->state][state]) {
        failover->state = state;
    }
}

/* ---- tasks ---- */

static struct task *find_task(struct session_failover *failover, struct str server)
{
    struct task *task;
    HASH_FIND(hh, failover->tasks, server.data, server.size, task);
    return task;
}

static struct task *make_task(struct session_failover *failover, struct str server)
{
    struct task *task = find_task(failover, server);
    if (task == NULL) {
        task = mem_zalloc(sizeof(*task) + server.size + 1);
        task->state = TASK_DONE;
        task->op = SESSION_ORPHAN;
        memcpy(task->server, server.data, server.size);
        HASH_ADD_KEYPTR(hh, failover->tasks, task->server, server.size, task);
    }
    return task;
}

static void want(struct session_failover *failover, struct str server, enum session_op op)
{
    struct task *task = make_task(failover, server);
    if (task->state == TASK_SENT) {
        task->changed = task->changed || task->op != op;
    } else {
        task->state = TASK_WAITS;
    }
    task->op = op;
}

/* Its sessions are orphaned: it is known when it returns. */
static void remember(struct session_failover *failover, struct task *task, const struct instant *now)
{
    task->state = TASK_DONE;
    task->until_mono = now->mono + failover->settings.grace_ms;
    failover->forget_mono =
        task->until_mono < failover->forget_mono ? task->until_mono : failover->forget_mono;
}

static void forget(struct session_failover *failover, const struct instant *now)
{
    struct task *task, *next;
    failover->forget_mono = NEVER_MS;
    HASH_ITER(hh, failover->tasks, task, next)
    {
        if (task->state == TASK_DONE && task->until_mono <= now->mono) {
            remove_task(failover, task);
        } else if (task->state == TASK_DONE && task->until_mono < failover->forget_mono) {
            failover->forget_mono = task->until_mono;
        }
    }
}

static uint64_t send(struct session_failover *failover, struct queue *effects, struct session_request request)
{
    request.id = ++failover->last_id;
    request.timeout_ms = SESSION_FAILOVER_TIMEOUT_MS;
    struct session_failover_effect *effect = queue_push(effects);
    effect->type = FAILOVER_DO_REQUEST;
    effect->request = request;
    effect->request.server = queue_copy(effects, request.server);
    effect->request.after = queue_copy(effects, request.after);
    return request.id;
}

/* Sends what waits and may be sent. */
static void send_all(struct session_failover *failover, const struct instant *now, struct queue *effects)
{
    if (failover->retry_mono > now->mono && failover->retry_mono != NEVER_MS) {
        return;
    }
    failover->retry_mono = NEVER_MS;
    struct task *task, *next;
    HASH_ITER(hh, failover->tasks, task, next)
    {
        if (failover->out == SESSION_FAILOVER_OUT_MAX) {
            return;
        }
        if (task->state != TASK_WAITS) {
            continue;
        }
        task->state = TASK_SENT;
        bool orphan = task->op == SESSION_ORPHAN;
        task->request_id = send(failover, effects,
                                (struct session_request){.op = task->op,
                                                         .server = str_of(task->server),
                                                         .ttl_ms = orphan ? failover->settings.grace_ms
                                                                          : failover->settings.ttl_ms});
        failover->out++;
    }
    if (failover->state == RECONCILE_LISTING && failover->list_id == 0) {
        failover->list_id =
            send(failover, effects,
                 (struct session_request){.op = SESSION_LIST, .after = str_of(failover->after)});
    }
}

static void note(struct queue *effects, const struct session_reply *reply, struct str server)
{
    struct session_failover_effect *effect = queue_push(effects);
    *effect =
        (struct session_failover_effect){.type = FAILOVER_DO_NOTE, .op = reply->op, .count = reply->count};
    effect->server = queue_copy(effects, server);
    effect->error = queue_copy(effects, reply->error);
}

static void failed(struct session_failover *failover, const struct instant *now)
{
    if (failover->retry_mono == NEVER_MS) {
        failover->retry_mono = now->mono + failover->retry_ms;
        failover->retry_ms *= 2;
        if (failover->retry_ms > SESSION_FAILOVER_RETRY_MAX_MS) {
            failover->retry_ms = SESSION_FAILOVER_RETRY_MAX_MS;
        }
    }
}

/* A request that was refused is not made again: it would be refused again. */
static void task_replied(struct session_failover *failover, struct task *task,
                         const struct session_reply *reply, const struct instant *now, struct queue *effects)
{
    failover->out--;
    bool away = reply->failure == SESSION_AWAY || reply->failure == SESSION_FULL;
    if (reply->failure != SESSION_OK || reply->count > 0) {
        note(effects, reply, str_of(task->server));
    }
    if (away) {
        failed(failover, now);
    } else {
        failover->retry_ms = SESSION_FAILOVER_RETRY_MS;
    }
    if (away || task->changed) {
        task->state = TASK_WAITS;
        task->changed = false;
    } else if (task->op == SESSION_ORPHAN) {
        remember(failover, task, now);
    } else {
        remove_task(failover, task);
    }
}

/* ---- comparing with the view ---- */

static void begin_listing(struct session_failover *failover)
{
    failover->after[0] = '\0';
    set_state(failover, RECONCILE_LISTING);
}

/* What it has found so far counts no more: the view is to be synced, and all listed, again. */
static void drop_reconcile(struct session_failover *failover)
{
    struct task *task, *next;
    HASH_ITER(hh, failover->tasks, task, next)
    {
        if (task->state == TASK_MISSING) {
            remove_task(failover, task);
        }
    }
    failover->list_id = 0;
    failover->look_mono = NEVER_MS;
    set_state(failover, RECONCILE_IDLE);
}

static void page_replied(struct session_failover *failover, const struct session_failover_event *event,
                         struct queue *effects)
{
    const struct session_reply *reply = event->reply;
    failover->list_id = 0;
    if (reply->failure == SESSION_AWAY) {
        note(effects, reply, STR(""));
        failed(failover, &event->now);
        return;
    }
    for (size_t i = 0; i < reply->count; i++) {
        const struct session *session = &reply->sessions[i];
        if (event->present[i] && session->state == SESSION_ORPHANED) {
            want(failover, session->server, SESSION_RESTORE);
        } else if (!event->present[i] && find_task(failover, session->server) == NULL) {
            struct task *task = make_task(failover, session->server);
            remember(failover, task, &event->now);
            task->state = session->state == SESSION_ACTIVE ? TASK_MISSING : TASK_DONE;
        }
    }
    /* A cursor that the store no longer takes, or that is longer than any of ours: from the beginning once more. */
    if (reply->failure != SESSION_OK || reply->next.size >= sizeof(failover->after)) {
        failover->after[0] = '\0';
        failed(failover, &event->now);
        return;
    }
    if (reply->next.size > 0) {
        memcpy(failover->after, reply->next.data, reply->next.size);
    }
    failover->after[reply->next.size] = '\0';
    if (reply->next.size == 0) {
        set_state(failover, RECONCILE_WAITING);
        failover->look_mono = event->now.mono + SESSION_FAILOVER_LOOK_MS;
    }
}

static void look(struct session_failover *failover, struct queue *effects)
{
    struct task *task, *next;
    HASH_ITER(hh, failover->tasks, task, next)
    {
        if (task->state == TASK_MISSING) {
            struct session_failover_effect *effect = queue_push(effects);
            effect->type = FAILOVER_DO_LOOK;
            effect->server = queue_copy(effects, str_of(task->server));
        }
    }
    failover->look_mono = NEVER_MS;
    failover->reconciled = true;
    set_state(failover, RECONCILE_IDLE);
}

static void looked(struct session_failover *failover, struct str server, bool present)
{
    struct task *task = find_task(failover, server);
    if (task == NULL || task->state != TASK_MISSING) {
        return;
    }
    if (present || !failover->synced) {
        remove_task(failover, task);
    } else {
        task->state = TASK_WAITS;
    }
}

/* ---- events ---- */

static void replied(struct session_failover *failover, const struct session_failover_event *event,
                    struct queue *effects)
{
    const struct session_reply *reply = event->reply;
    struct task *task, *next;
    if (reply->op == SESSION_LIST) {
        if (reply->id == failover->list_id) {
            page_replied(failover, event, effects);
        }
        return;
    }
    HASH_ITER(hh, failover->tasks, task, next)
    {
        if (task->state == TASK_SENT && task->request_id == reply->id) {
            task_replied(failover, task, reply, &event->now, effects);
            return;
        }
    }
}

void session_failover_step(struct session_failover *failover, const struct session_failover_event *event,
                           struct queue *effects)
{
    switch (event->type) {
    case FAILOVER_ON_TICK: break;
    case FAILOVER_ON_RELOAD: failover->settings = event->settings; break;
    case FAILOVER_ON_SYNCED:
        failover->synced = true;
        if (!failover->reconciled && failover->state == RECONCILE_IDLE) {
            begin_listing(failover);
        }
        break;
    case FAILOVER_ON_STALE:
        failover->synced = false;
        drop_reconcile(failover);
        break;
    case FAILOVER_ON_GONE: want(failover, event->server, SESSION_ORPHAN); break;
    case FAILOVER_ON_THERE:
        /* Of one that was not seen to go nothing is orphaned, or the comparison finds it. */
        if (find_task(failover, event->server) != NULL) {
            want(failover, event->server, SESSION_RESTORE);
        }
        break;
    case FAILOVER_ON_REPLY: replied(failover, event, effects); break;
    case FAILOVER_ON_LOOKED: looked(failover, event->server, event->present[0]); break;
    }
    if (failover->forget_mono <= event->now.mono) {
        forget(failover, &event->now);
    }
    if (failover->state == RECONCILE_WAITING && failover->look_mono <= event->now.mono) {
        look(failover, effects);
    }
    send_all(failover, &event->now, effects);
}

int64_t session_failover_due(const struct session_failover *failover)
{
    const int64_t dues[] = {failover->retry_mono, failover->look_mono, failover->forget_mono};
    int64_t soonest = NEVER_MS;
    for (size_t i = 0; i < COUNT_OF(dues); i++) {
        soonest = dues[i] < soonest ? dues[i] : soonest;
    }
    return soonest;
}
