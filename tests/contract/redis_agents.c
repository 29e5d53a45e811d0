#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "redis_agents.h"

#include "outrider/base/error.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/net/resolver.h"
#include "outrider/os/clock.h"
#include "outrider/os/log.h"

#include <stdio.h>
#include <time.h>

static struct loop *loop;
static struct resolver *resolver;
struct agent agents[AGENTS];
struct buf logged;
char space[40];
struct redis_login login;

/* ---- one thing at a time ---- */

static void on_reply(const struct session_reply *reply, void *user)
{
    struct agent *agent = user;
    agent->answers++;
    agent->failures += reply->failure != SESSION_OK ? 1 : 0;
    agent->failure = reply->failure;
    agent->found = reply->found;
    agent->count = reply->count;
    snprintf(agent->id, sizeof(agent->id), "%.*s", STR_ARG(reply->session.id));
    snprintf(agent->player, sizeof(agent->player), "%.*s", STR_ARG(reply->session.player));
    snprintf(agent->server, sizeof(agent->server), "%.*s", STR_ARG(reply->session.server));
    snprintf(agent->replaced, sizeof(agent->replaced), "%.*s", STR_ARG(reply->replaced));
    snprintf(agent->error, sizeof(agent->error), "%.*s", STR_ARG(reply->error));
}

static void on_event(const struct session_event *event, void *user)
{
    struct agent *agent = user;
    buf_printf(&agent->events, "%s %.*s", session_event_name(event->type), STR_ARG(event->session.id));
    if (event->type == SESSION_ON_ENDED) {
        buf_printf(&agent->events, " %s", session_why_name(event->why));
    } else if (event->type == SESSION_ON_MOVED) {
        buf_printf(&agent->events, " from %.*s", STR_ARG(event->from));
    }
    buf_printf(&agent->events, "\n");
}

void submit(struct agent *agent, struct session_request request, int64_t timeout_ms)
{
    request.id = ++agent->last_id;
    request.timeout_ms = timeout_ms;
    session_submit(agent->client, &request);
}

void await(struct agent *agent)
{
    while (agent->answers < agent->last_id) {
        loop_turn_once(loop, true);
    }
}

void ask(struct agent *agent, struct session_request request)
{
    submit(agent, request, 5000);
    await(agent);
}

struct session_request put_of(const char *id, const char *player, const char *server)
{
    return (struct session_request){.op = SESSION_PUT,
                                    .session = {.id = str_of(id),
                                                .player = str_of(player),
                                                .server = str_of(server),
                                                .data = STR("{\"a\":1}")},
                                    .ttl_ms = HOUR_MS};
}

void must(struct agent *agent, struct session_request request)
{
    ask(agent, request);
    if (agent->failure != SESSION_OK) {
        print_error("%s\n", agent->error);
    }
    assert_int_equal(agent->failure, SESSION_OK);
}

bool has(struct agent *agent, const char *id)
{
    must(agent, (struct session_request){.op = SESSION_GET, .session_id = str_of(id)});
    return agent->found;
}

void hears(struct agent *agent, const char *text)
{
    while (strstr(buf_text(&agent->events), text) == NULL) {
        loop_turn_once(loop, true);
    }
}

void run_for(int64_t ms)
{
    int64_t end = clock_mono_ms() + ms;
    while (clock_mono_ms() < end) {
        loop_turn_once(loop, false);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

void open_agent(struct agent *agent)
{
    static uint64_t seed = 500;
    *agent = (struct agent){.store = redis_servers_store(loop, resolver, space, ++seed, &login)};
    agent->client = session_attach(agent->store, on_reply, on_event, agent);
    session_listen(agent->client, true);
}

void close_agent(struct agent *agent)
{
    session_store_free(agent->store);
    buf_fini(&agent->events);
}

static void keep_log(enum log_level level, struct str line, void *user)
{
    (void)level, (void)user;
    buf_str(&logged, line);
    buf_add(&logged, "\n", 1);
}

int setup(void **state)
{
    static unsigned spaces;
    struct error err;
    (void)state;
    loop = loop_new(&err);
    resolver = resolver_new(loop, NULL);
    snprintf(space, sizeof(space), "out-r%u", ++spaces);
    log_set_sink(keep_log, NULL);
    for (size_t i = 0; i < AGENTS; i++) {
        open_agent(&agents[i]);
    }
    return 0;
}

int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < AGENTS; i++) {
        close_agent(&agents[i]);
    }
    log_set_sink(NULL, NULL);
    buf_fini(&logged);
    resolver_free(resolver);
    loop_free(loop);
    return 0;
}
