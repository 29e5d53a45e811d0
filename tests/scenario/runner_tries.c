/* The ports of the server, and how tries of its probes end. What is not scripted is answered at once. */
#include "runner.h"

#include <stdio.h>

static const struct {
    const char *name;
    enum probe_outcome outcome;
} outcomes[] = {
    {"pass", PROBE_PASSED},
    {"refused", PROBE_REFUSED},
    {"timed-out", PROBE_TIMED_OUT},
    {"unreachable", PROBE_UNREACHABLE},
    {"reset", PROBE_RESET},
    {"not-found", PROBE_NOT_FOUND},
    {"not-resolved", PROBE_NOT_RESOLVED},
};

/* `players=3 capacity=64 map=harbor`: what a try that passes brings. Borrows `words`. */
static struct probe_facts facts_of(struct scenario *s, struct str words)
{
    struct probe_facts facts = {0};
    while (words.size > 0) {
        struct str value, word = str_split(words, ' ', &words), name = str_split(word, '=', &value);
        struct str *text = str_eq(name, STR("map"))       ? &facts.map
                           : str_eq(name, STR("version")) ? &facts.version
                           : str_eq(name, STR("name"))    ? &facts.name
                                                          : NULL;
        uint64_t number = 0;
        bool players = str_eq(name, STR("players")), capacity = str_eq(name, STR("capacity"));
        if (text == NULL && ((!players && !capacity) || str_to_u64(value, UINT32_MAX, &number) < 0)) {
            fail(s, "no fact: %.*s", STR_ARG(word));
        }
        if (text != NULL) {
            *text = value;
        } else if (players) {
            facts.has_players = true;
            facts.players = (uint32_t)number;
        } else {
            facts.has_capacity = true;
            facts.capacity = (uint32_t)number;
        }
    }
    return facts;
}

static void answer(struct scenario *s, unsigned index, uint64_t *id, enum probe_outcome outcome,
                   const char *facts)
{
    struct instant now = world_now(s);
    struct probe_result result = {.outcome = outcome,
                                  .detail = probe_outcome_text(outcome),
                                  .duration_us = 250,
                                  .facts = facts_of(s, str_of(facts))};
    uint64_t answered = *id;
    *id = 0;
    router_tried(s->router, index, answered, &result, &now);
}

static void answer_tries(struct scenario *s, const char *name, const char *outcome, bool late,
                         const char *facts)
{
    size_t which = 0;
    while (which < COUNT_OF(outcomes) && strcmp(outcomes[which].name, outcome) != 0) {
        which++;
    }
    if (which == COUNT_OF(outcomes)) {
        fail(s, "a try has no outcome %s", outcome);
    }
    bool any = false;
    for (unsigned i = 0; i < SERVER_PROBES_MAX; i++) {
        if (s->tries[i].id != 0 && (strcmp(name, "all") == 0 || strcmp(name, s->tries[i].name) == 0)) {
            any = true;
            if (late && s->tries[i].before == 0) {
                fail(s, "no try of %s was abandoned", name);
            }
            answer(s, i, late ? &s->tries[i].before : &s->tries[i].id, outcomes[which].outcome, facts);
        }
    }
    if (!any) {
        fail(s, "no try of %s is in flight", name);
    }
    world_settle(s);
}

static const struct port *port_of(const struct scenario *s, const char *name)
{
    for (size_t i = 0; i < s->port_count; i++) {
        if (strcmp(s->ports[i].name, name) == 0) {
            return &s->ports[i];
        }
    }
    return &s->other_ports;
}

static void set_port(struct scenario *s, const char *name, const char *how, const char *facts)
{
    static const char *const modes[] = {[PORT_CLOSED] = "closed",
                                        [PORT_OPEN] = "open",
                                        [PORT_HANGS] = "hangs",
                                        [PORT_UNRESOLVED] = "unresolved",
                                        [PORT_MANUAL] = "manual"};
    size_t mode = 0;
    while (mode < COUNT_OF(modes) && strcmp(modes[mode], how) != 0) {
        mode++;
    }
    if (mode == COUNT_OF(modes)) {
        fail(s, "a port is open, closed, hangs, unresolved or manual");
    }
    if (strcmp(name, "all") == 0) {
        s->other_ports = (struct port){.mode = (enum port_mode)mode};
        snprintf(s->other_ports.facts, sizeof(s->other_ports.facts), "%s", facts);
        s->port_count = 0;
        return;
    }
    size_t at = 0;
    while (at < s->port_count && strcmp(s->ports[at].name, name) != 0) {
        at++;
    }
    if (at == PORTS_MAX) {
        fail(s, "too many ports");
    }
    s->port_count = at == s->port_count ? at + 1 : s->port_count;
    snprintf(s->ports[at].name, sizeof(s->ports[at].name), "%.63s", name);
    snprintf(s->ports[at].facts, sizeof(s->ports[at].facts), "%s", facts);
    s->ports[at].mode = (enum port_mode)mode;
}

void world_meet_try(struct scenario *s, const struct fake_call *call)
{
    struct running_try *running = &s->tries[call->index];
    *running = (struct running_try){.id = call->try_id, .before = running->id, .hangs_until = INT64_MAX};
    snprintf(running->name, sizeof(running->name), "%.63s", call->text);
    const struct port *port = port_of(s, running->name);
    switch (port->mode) {
    case PORT_CLOSED: answer(s, call->index, &running->id, PROBE_REFUSED, ""); break;
    case PORT_OPEN: answer(s, call->index, &running->id, PROBE_PASSED, port->facts); break;
    case PORT_UNRESOLVED: answer(s, call->index, &running->id, PROBE_NOT_RESOLVED, ""); break;
    case PORT_HANGS: running->hangs_until = s->mono + call->timeout_ms; break;
    case PORT_MANUAL: break;
    }
}

void world_end_try(struct scenario *s, unsigned index, enum probe_outcome outcome)
{
    answer(s, index, &s->tries[index].id, outcome, "");
}

/* ---- commands ---- */

/* The words from `first` on, with blanks between them. */
static const char *join_words(struct scenario *s, char **args, size_t first, size_t count,
                              char out[static 256])
{
    size_t size = 0;
    out[0] = '\0';
    for (size_t i = first; i < count; i++) {
        size += (size_t)snprintf(out + size, 256 - size, "%s%s", i == first ? "" : " ", args[i]);
        if (size >= 256) {
            fail(s, "too many words");
        }
    }
    return out;
}

void port_command(struct scenario *s, char **args, size_t count)
{
    char facts[256];
    set_port(s, args[0], args[1], join_words(s, args, 2, count, facts));
}

void try_command(struct scenario *s, char **args, size_t count)
{
    bool late = count > 2 && strcmp(args[2], "late") == 0;
    char facts[256];
    answer_tries(s, args[0], args[1], late, join_words(s, args, late ? 3 : 2, count, facts));
}
