/* What the server sends. */
#include "runner.h"

#include "outrider/codec/status/status_line.h"

void world_message(struct scenario *s, const struct status_message *message)
{
    struct server_refusal refusal;
    if (server_accepts(s->router->server, message, &refusal) < 0) {
        fail(s, "refused: %s%.*s", refusal.fixed_ports ? "ports are fixed" : "label ",
             STR_ARG(refusal.label));
    }
    struct instant now = world_now(s);
    router_server_event(s->router,
                        &(struct server_event){.type = SERVER_ON_MESSAGE, .now = now, .message = message});
    if (message->attach && s->attached_count < COUNT_OF(s->attached)) {
        s->attached[s->attached_count++] = server_facts(s->router->server).life_number;
    }
    world_settle(s);
}

static void parse(struct scenario *s, const char *text, struct status_message *ret_message)
{
    struct status_line_error error;
    if (status_line_parse(str_of(text), ret_message, &error) < 0) {
        fail(s, "ERR %s %s", status_line_fault_name(error.fault), error.detail);
    }
}

void world_line(struct scenario *s, const char *text)
{
    struct status_message message;
    parse(s, text, &message);
    world_message(s, &message);
}

void world_line_refused(struct scenario *s, const char *text)
{
    struct status_message message;
    struct server_refusal refusal;
    parse(s, text, &message);
    if (server_accepts(s->router->server, &message, &refusal) == 0) {
        fail(s, "accepted");
    }
}
