#include "session_subject.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/loop/timer.h"
#include "outrider/io/net/resolver.h"
#include "outrider/os/clock.h"
#include "outrider/session/memory/session_memory.h"
#ifdef OUTRIDER_REDIS
#include "redis_servers.h"
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the store in memory, on a clock that the test moves ---- */

static struct instant memory_now(void *user)
{
    const struct session_subject *subject = user;
    return (struct instant){1000000 + subject->offset_ms, 5000000 + subject->offset_ms,
                            INT64_C(1795227240000) + subject->offset_ms};
}

static struct session_store *open_memory(struct session_subject *subject, size_t max, bool again)
{
    (void)again;
    return session_memory_new(
        &(struct session_memory_settings){.max = max, .seed = 77, .now = memory_now, .now_user = subject},
        subject->loop);
}

static void remove_journal(struct session_subject *subject)
{
    char path[96];
    snprintf(path, sizeof(path), "%s/sessions.journal", subject->dir);
    unlink(path);
}

static struct session_store *open_memory_kept(struct session_subject *subject, size_t max, bool again)
{
    if (subject->dir[0] == '\0') {
        snprintf(subject->dir, sizeof(subject->dir), "/tmp/outrider-sessions-XXXXXX");
        assert_non_null(mkdtemp(subject->dir));
    }
    if (!again) {
        remove_journal(subject);
    }
    return session_memory_new(&(struct session_memory_settings){.dir = subject->dir,
                                                                .max = max,
                                                                .seed = 78,
                                                                .now = memory_now,
                                                                .now_user = subject,
                                                                .rewrite_bytes = 2000},
                              subject->loop);
}

static void close_memory_kept(struct session_subject *subject)
{
    remove_journal(subject);
    rmdir(subject->dir);
}

static void pass_memory(struct session_subject *subject, int64_t ms)
{
    subject->offset_ms += ms + 128;
    session_store_wake(subject->store);
}

/* ---- Redis: the servers that tests/support/with-redis started ---- */

#ifdef OUTRIDER_REDIS

/* Every store that is to be empty has a namespace of its own. */
static struct session_store *open_redis(struct session_subject *subject, size_t max, bool again)
{
    static unsigned spaces;
    char space[40];
    (void)max;
    spaces += again ? 0 : 1;
    snprintf(space, sizeof(space), "out%d-%u", (int)getpid(), spaces);
    if (subject->own == NULL) {
        subject->own = resolver_new(subject->loop, NULL);
    }
    return redis_servers_store(subject->loop, subject->own, space, 1000 + (uint64_t)spaces, NULL);
}

static void close_redis(struct session_subject *subject)
{
    resolver_free(subject->own);
}

#endif

static const struct session_kind session_kinds[] = {
#ifdef OUTRIDER_REDIS
    {.name = "redis", .open = open_redis, .close = close_redis},
#endif
    {.name = "memory", .open = open_memory, .pass = pass_memory},
    {.name = "memory_kept", .open = open_memory_kept, .pass = pass_memory, .close = close_memory_kept},
};

/* ---- any store ---- */

static const struct session_kind *chosen;

bool session_subject_chosen(int argc, char **argv)
{
    for (size_t i = 0; i < COUNT_OF(session_kinds) && argc == 2; i++) {
        if (strcmp(argv[1], session_kinds[i].name) == 0) {
            chosen = &session_kinds[i];
        }
    }
    if (chosen == NULL) {
        fprintf(stderr, "usage: %s KIND, one of session_kinds\n", argv[0]);
    }
    return chosen != NULL;
}

static void on_pause(void *user)
{
    ((struct session_subject *)user)->paused = true;
}

static struct str keep(struct buf *texts, struct str text)
{
    const char *at = texts->data + texts->size;
    buf_str(texts, text);
    return (struct str){at, text.size};
}

static size_t size_of(const struct session *session)
{
    return session->id.size + session->player.size + session->server.size + session->data.size;
}

static struct session copy_of(struct buf *texts, const struct session *session)
{
    struct session copy = *session;
    copy.id = keep(texts, session->id);
    copy.player = keep(texts, session->player);
    copy.server = keep(texts, session->server);
    copy.data = keep(texts, session->data);
    copy.type = session_type_of(copy.server);
    assert_true(str_eq(copy.type, session->type));
    return copy;
}

/* Room for all texts at once, so that none moves when the next one is added. */
static void make_room(struct buf *texts, size_t size)
{
    buf_clear(texts);
    (void)buf_extend(texts, size + 1);
    texts->size = 0;
}

static void on_reply(const struct session_reply *reply, void *user)
{
    struct session_subject *subject = user;
    assert_false(subject->submitting);
    struct buf swap = subject->texts[1];
    subject->texts[1] = subject->texts[0];
    subject->texts[0] = swap;
    struct buf *texts = &subject->texts[0];
    size_t size = reply->error.size + reply->replaced.size + reply->next.size + size_of(&reply->session);
    for (size_t i = 0; i < reply->count && reply->op == SESSION_LIST; i++) {
        size += size_of(&reply->sessions[i]);
    }
    make_room(texts, size);
    subject->reply = *reply;
    subject->reply.error = keep(texts, reply->error);
    subject->reply.replaced = keep(texts, reply->replaced);
    subject->reply.next = keep(texts, reply->next);
    subject->reply.session = copy_of(texts, &reply->session);
    for (size_t i = 0; i < reply->count && reply->op == SESSION_LIST; i++) {
        assert_true(i < SESSION_PAGE_MAX);
        subject->listed[i] = copy_of(texts, &reply->sessions[i]);
    }
    subject->reply.sessions = subject->listed;
    subject->answers++;
}

static void on_event(const struct session_event *event, void *user)
{
    struct session_subject *subject = user;
    assert_false(subject->submitting);
    if (event->type == SESSION_ON_GAP) {
        return;
    }
    assert_true(subject->event_count < SESSION_SUBJECT_EVENTS);
    size_t at = subject->event_count++;
    if (subject->event_texts[at] == NULL) {
        subject->event_texts[at] = mem_zalloc(sizeof(struct buf));
    }
    make_room(subject->event_texts[at], size_of(&event->session) + event->from.size);
    subject->events[at] = *event;
    subject->events[at].session = copy_of(subject->event_texts[at], &event->session);
    subject->events[at].from = keep(subject->event_texts[at], event->from);
}

static void open_store(struct session_subject *subject, size_t max, bool again)
{
    subject->store = subject->kind->open(subject, max, again);
    subject->client = session_attach(subject->store, on_reply, on_event, subject);
    session_listen(subject->client, true);
}

int session_subject_set_up(void **state)
{
    struct error err;
    struct session_subject *subject = mem_zalloc(sizeof(*subject));
    subject->kind = chosen;
    subject->loop = loop_new(&err);
    subject->pause = timer_new(subject->loop, on_pause, subject);
    open_store(subject, 1000000, false);
    *state = subject;
    return 0;
}

int session_subject_tear_down(void **state)
{
    struct session_subject *subject = *state;
    session_store_free(subject->store);
    if (subject->kind->close != NULL) {
        subject->kind->close(subject);
    }
    timer_free(subject->pause);
    loop_free(subject->loop);
    buf_fini(&subject->texts[0]);
    buf_fini(&subject->texts[1]);
    for (size_t i = 0; i < SESSION_SUBJECT_EVENTS; i++) {
        buf_fini(subject->event_texts[i]);
        free(subject->event_texts[i]);
    }
    free(subject);
    return 0;
}

void session_subject_reopen(struct session_subject *subject, size_t max, bool again)
{
    session_store_free(subject->store);
    open_store(subject, max, again);
}

void session_subject_need(const struct session_subject *subject, enum session_capability capability)
{
    if ((session_can(subject->store) & (uint32_t)capability) == 0) {
        skip();
    }
}

void session_subject_submit(struct session_subject *subject, struct session_request request)
{
    request.id = ++subject->last_id;
    request.timeout_ms = 5000;
    subject->submitting = true;
    session_submit(subject->client, &request);
    subject->submitting = false;
}

void session_subject_run_until(struct session_subject *subject, size_t answers)
{
    while (subject->answers < answers) {
        loop_turn_once(subject->loop, true);
    }
}

const struct session_reply *session_subject_ask(struct session_subject *subject,
                                                struct session_request request)
{
    session_subject_submit(subject, request);
    session_subject_run_until(subject, subject->answers + 1);
    assert_int_equal(subject->reply.id, subject->last_id);
    assert_int_equal(subject->reply.op, request.op);
    assert_int_equal(subject->reply.failure == SESSION_OK, subject->reply.error.size == 0);
    return &subject->reply;
}

const struct session_reply *session_subject_do(struct session_subject *subject,
                                               struct session_request request)
{
    const struct session_reply *reply = session_subject_ask(subject, request);
    if (reply->failure != SESSION_OK) {
        print_error("%s: %.*s\n", session_op_name(request.op), STR_ARG(reply->error));
    }
    assert_int_equal(reply->failure, SESSION_OK);
    return reply;
}

void session_subject_pass(struct session_subject *subject, int64_t ms)
{
    if (subject->kind->pass != NULL) {
        subject->kind->pass(subject, ms);
        return;
    }
    subject->paused = false;
    timer_arm_ms(subject->pause, ms + 20);
    while (!subject->paused) {
        loop_turn_once(subject->loop, true);
    }
}

void session_subject_events(struct session_subject *subject, size_t count)
{
    while (subject->event_count < count) {
        loop_turn_once(subject->loop, true);
    }
    assert_int_equal(subject->event_count, count);
    subject->event_count = 0;
}

struct session_request session_put_of(const char *id, const char *player, const char *server)
{
    return (struct session_request){
        .op = SESSION_PUT,
        .session = {.id = str_of(id), .player = str_of(player), .server = str_of(server)},
        .ttl_ms = SESSION_HOUR_MS};
}

/* ---- what the suites say often ---- */

const struct session_reply *put(struct session_subject *s, const char *id, const char *player,
                                const char *server)
{
    return session_subject_do(s, session_put_of(id, player, server));
}

const struct session_reply *by_id(struct session_subject *s, enum session_op op, const char *id)
{
    return session_subject_do(
        s, (struct session_request){
               .op = op, .session_id = str_of(id), .ttl_ms = SESSION_HOUR_MS, .why = SESSION_DELETED});
}

bool is_there(struct session_subject *s, const char *id)
{
    return by_id(s, SESSION_GET, id)->found;
}

const struct session_reply *find(struct session_subject *s, const char *player, const char *type)
{
    return session_subject_do(
        s, (struct session_request){.op = SESSION_FIND, .player = str_of(player), .type = str_of(type)});
}

size_t sweep(struct session_subject *s, enum session_op op, const char *server, int64_t ms)
{
    return session_subject_do(s, (struct session_request){.op = op, .server = str_of(server), .ttl_ms = ms})
        ->count;
}

void is(struct str text, const char *wanted)
{
    if (!str_eq(text, str_of(wanted))) {
        print_error("\"%.*s\" is not \"%s\"\n", STR_ARG(text), wanted);
    }
    assert_true(str_eq(text, str_of(wanted)));
}

/* Event `at` of those that session_subject_events found. */
void event_is(const struct session_subject *s, size_t at, enum session_event_type type, const char *id)
{
    is(str_of(session_event_name(s->events[at].type)), session_event_name(type));
    is(s->events[at].session.id, id);
}

void ended(const struct session_subject *s, size_t at, const char *id, enum session_why why)
{
    event_is(s, at, SESSION_ON_ENDED, id);
    is(str_of(session_why_name(s->events[at].why)), session_why_name(why));
}
