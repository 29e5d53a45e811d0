#include "outrider/session/memory/session_memory.h"

#include "journal_internal.h"

#include "outrider/base/mem.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"
#include "outrider/session/backend.h"

#include <stdlib.h>

/* Requests carried out in one turn of the loop, and sessions that end or are told of in one: some ms at most. */
enum { REQUESTS_A_TURN = 256, SESSIONS_A_TURN = 500 };

/* Clocks that are read one after the other and cut to ms differ now and then: the wall clock is followed in steps, so that the
 * times of a session do not change by a ms each time it is looked at. */
enum { WALL_STEP_MS = 50 };

/* A request under way, with the texts that it points to. */
struct waiting {
    struct waiting *next;
    struct session_request request;
    struct buf texts;
};

struct memory {
    struct session_store store;
    struct session_memory_settings settings;
    struct loop *loop;
    struct session_table *table;
    struct journal journal;
    struct waiting *first, **last;
    struct deferred deferred;
    struct timer *timer;
    struct queue events;
    int64_t wall_boot;   /* wall minus boot clock */
    int64_t failed_wall; /* since when the journal cannot be written; 0: it can */
};

static struct instant now_of(struct memory *memory)
{
    if (memory->settings.now != NULL) {
        return memory->settings.now(memory->settings.now_user);
    }
    struct instant now = {.mono = clock_mono_ms(), .boot = clock_boot_ms(), .wall = clock_wall_ms()};
    int64_t step = now.wall - now.boot - memory->wall_boot;
    memory->wall_boot += step > WALL_STEP_MS || step < -WALL_STEP_MS ? step : 0;
    now.wall = now.boot + memory->wall_boot;
    return now;
}

/* A clock of a test stands while the loop waits: the timer then is of no use, and session_store_wake takes its place. */
static void rearm(struct memory *memory, const struct instant *now, bool at_once)
{
    int64_t due = session_table_due(memory->table, now), journal = journal_due(&memory->journal);
    due = journal < due ? journal : due;
    timer_arm_at_ms(memory->timer, at_once || due <= now->mono ? clock_mono_ms()
                                   : due == NEVER_MS           ? NEVER_MS
                                                               : clock_mono_ms() + (due - now->mono));
}

static void deliver_events(struct memory *memory)
{
    struct session_event event;
    while (queue_take(&memory->events, &event)) {
        session_deliver_event(&memory->store, &event);
    }
}

/* ---- requests ---- */

static void free_waiting(struct waiting *waiting)
{
    buf_fini(&waiting->texts);
    free(waiting);
}

static bool changes(enum session_op op)
{
    return op != SESSION_GET && op != SESSION_FIND && op != SESSION_LIST;
}

static void answer(struct memory *memory, struct session_request *request, const struct instant *now)
{
    char problem[SESSION_PROBLEM_SIZE];
    struct error err;
    struct session_reply reply = {.id = request->id, .op = request->op};
    struct session_change change = {.kind = SESSION_CHANGE_NONE};
    const char *wrong = session_request_problem(request, problem);
    if (wrong != NULL) {
        reply.failure = SESSION_INVALID;
        reply.error = str_of(wrong);
    } else if (changes(request->op) ? !journal_takes(&memory->journal) : !journal_is_read(&memory->journal)) {
        reply.failure = SESSION_AWAY;
        reply.error = str_of(memory->journal.error);
    } else {
        session_table_request(memory->table, request, now, &reply, &change, &memory->events);
    }
    if (journal_append(&memory->journal, &change, now, &err) < 0) {
        reply = (struct session_reply){
            .id = request->id, .op = request->op, .failure = SESSION_AWAY, .error = str_of(err.text)};
    }
    deliver_events(memory);
    session_deliver(&memory->store, &reply);
}

static void run(struct memory *memory)
{
    struct instant now = now_of(memory);
    session_table_run(memory->table, &now, SESSIONS_A_TURN, &memory->events);
    deliver_events(memory);
    bool more = journal_run(&memory->journal, memory->table, &now);
    bool fails = memory->journal.error[0] != '\0';
    memory->failed_wall = !fails ? 0 : memory->failed_wall != 0 ? memory->failed_wall : now.wall;
    rearm(memory, &now, more);
}

static void on_deferred(void *user)
{
    struct memory *memory = user;
    struct instant now = now_of(memory);
    for (int i = 0; memory->first != NULL && i < REQUESTS_A_TURN; i++) {
        struct waiting *waiting = memory->first;
        memory->first = waiting->next;
        memory->last = memory->first == NULL ? &memory->first : memory->last;
        answer(memory, &waiting->request, &now);
        free_waiting(waiting);
    }
    run(memory);
    if (memory->first != NULL) {
        loop_defer(memory->loop, &memory->deferred);
    }
}

static void on_timer(void *user)
{
    run(user);
}

static void memory_submit(struct session_store *store, const struct session_request *request)
{
    struct memory *memory = (struct memory *)store;
    struct waiting *waiting = mem_zalloc(sizeof(*waiting));
    waiting->request = *request;
    session_request_keep(&waiting->request, &waiting->texts);
    *memory->last = waiting;
    memory->last = &waiting->next;
    loop_defer(memory->loop, &memory->deferred);
}

static void memory_listen(struct session_store *store, bool listens)
{
    session_table_listen(((struct memory *)store)->table, listens);
}

static void memory_wake(struct session_store *store)
{
    run((struct memory *)store);
}

static void memory_facts(const struct session_store *store, struct session_facts *ret_facts)
{
    const struct memory *memory = (const struct memory *)store;
    const struct session_table_facts *facts = session_table_facts(memory->table);
    *ret_facts = (struct session_facts){
        .kind = "memory",
        .up = memory->journal.error[0] == '\0',
        .place = memory->journal.path == NULL ? "" : memory->journal.path,
        .error = memory->journal.error,
        .since_wall = memory->failed_wall,
        .counted = true,
        .sessions = {[SESSION_ACTIVE] = facts->count - facts->orphaned, [SESSION_ORPHANED] = facts->orphaned},
        .max = memory->settings.max};
}

static void memory_free(struct session_store *store)
{
    struct memory *memory = (struct memory *)store;
    deferred_cancel(&memory->deferred);
    timer_free(memory->timer);
    while (memory->first != NULL) {
        struct waiting *waiting = memory->first;
        memory->first = waiting->next;
        free_waiting(waiting);
    }
    journal_close(&memory->journal);
    session_table_free(memory->table);
    queue_fini(&memory->events);
    session_store_fini(store);
    free(memory);
}

struct session_store *session_memory_new(const struct session_memory_settings *settings, struct loop *loop)
{
    static const struct session_backend backend = {.submit = memory_submit,
                                                   .listen = memory_listen,
                                                   .wake = memory_wake,
                                                   .facts = memory_facts,
                                                   .free = memory_free};
    struct memory *memory = mem_zalloc(sizeof(*memory));
    session_store_init(&memory->store, &backend);
    memory->store.can = SESSION_CAN_ALL;
    memory->settings = *settings;
    memory->loop = loop;
    memory->last = &memory->first;
    memory->deferred.fn = on_deferred;
    memory->deferred.user = memory;
    memory->timer = timer_new(loop, on_timer, memory);
    memory->table =
        session_table_new(&(struct session_table_settings){.max = settings->max, .seed = settings->seed});
    queue_init(&memory->events, sizeof(struct session_event));
    memory->journal.rewrite_bytes =
        settings->rewrite_bytes == 0 ? UINT64_C(1) << 20 : settings->rewrite_bytes;
    struct instant now = now_of(memory);
    journal_open(&memory->journal, settings->dir, memory->table, &now);
    run(memory);
    return &memory->store;
}

void session_memory_set_max(struct session_store *store, size_t max)
{
    struct memory *memory = (struct memory *)store;
    memory->settings.max = max;
    session_table_set_max(memory->table, max);
}

void session_memory_facts(const struct session_store *store, struct session_memory_facts *ret_facts)
{
    const struct journal *journal = &((const struct memory *)store)->journal;
    *ret_facts = (struct session_memory_facts){.bytes = journal->file.size,
                                               .appends = journal->appends,
                                               .rewrites = journal->rewrites,
                                               .failures = journal->failures,
                                               .loaded = journal->loaded,
                                               .cut_bytes = journal->cut_bytes};
}
