/* Claims about state: the accessors of the machines, and the content of the registry. */
#include "runner.h"

#include "outrider/base/duration.h"
#include "outrider/core/server/flapping.h"

#include <stdio.h>
#include <stdlib.h>

static const char *yes(bool value)
{
    return value ? "yes" : "no";
}

static const char *settings_of_hold(const struct hold *hold)
{
    return hold->set ? drain_outcome_name(hold->outcome) : "off";
}

/* As in `3 (probe game)`; for what is not known, `unknown`. */
static void say_fact(const struct scenario *s, enum config_fact fact, char out[static 64])
{
    struct server_value value = server_value(s->router->server, fact);
    static const char *const sources[] = {[SERVER_SOURCE_CONFIGURATION] = "configuration",
                                          [SERVER_SOURCE_PROBE] = "probe ",
                                          [SERVER_SOURCE_REPORTED] = "server"};
    const char *probe = value.source == SERVER_SOURCE_PROBE ? value.probe : "";
    char number[16];
    snprintf(number, sizeof(number), "%u", value.number);
    if (value.source == SERVER_SOURCE_NONE) {
        snprintf(out, 64, "unknown");
    } else {
        snprintf(out, 64, "%.24s (%s%.24s)", fact <= CONFIG_FACT_CAPACITY ? number : value.text,
                 sources[value.source], probe);
    }
}

/* The value of one item as a word or text; NULL: no such item. */
static const char *actual_state(const struct scenario *s, const char *what, char out[static 64])
{
    const struct server_facts facts = server_facts(s->router->server);
    const struct server_report *reported = facts.reported;
    const struct registrar *registrar = s->router->registrar;
    const struct intent *intent = s->router->intent;
    if (strcmp(what, "status") == 0) {
        return status_name(facts.status);
    } else if (strcmp(what, "cause") == 0) {
        return facts.cause;
    } else if (strcmp(what, "life") == 0) {
        return life_name(facts.life);
    } else if (strcmp(what, "reported") == 0) {
        return reported_status_name(reported->status);
    } else if (strcmp(what, "text") == 0) {
        return reported->text == NULL ? "" : reported->text;
    } else if (strcmp(what, "withheld") == 0) {
        return facts.withheld;
    } else if (strcmp(what, "lease") == 0) {
        return lease_state_name(registrar_facts(registrar).lease_state);
    } else if (strcmp(what, "in-sync") == 0) {
        return yes(registrar_facts(registrar).in_sync);
    } else if (strcmp(what, "visible") == 0) {
        return yes(registrar_facts(registrar).visible);
    } else if (strcmp(what, "published") == 0) {
        return yes(registrar_facts(registrar).published);
    } else if (strcmp(what, "settled") == 0) {
        return yes(registrar_facts(registrar).settled);
    } else if (strcmp(what, "last-error") == 0) {
        return registrar_facts(registrar).last_error;
    } else if (strcmp(what, "conflict") == 0) {
        return yes(!registry_lease_is_none(registrar_facts(registrar).conflict_lease));
    } else if (strcmp(what, "phase") == 0) {
        return shutdown_phase_name(s->router->shutdown.phase);
    } else if (strcmp(what, "watchdog") == 0) {
        return reported->watchdog_due == NEVER_MS ? "off" : "armed";
    } else if (strcmp(what, "ops") == 0) {
        return settings_of_hold(&facts.holds[HOLD_OPS]);
    } else if (strcmp(what, "self") == 0) {
        return settings_of_hold(&facts.holds[HOLD_SELF]);
    } else if (strcmp(what, "idle") == 0) {
        return settings_of_hold(&facts.holds[HOLD_IDLE]);
    } else if (strcmp(what, "reload") == 0) {
        return settings_of_hold(&facts.holds[HOLD_RELOAD]);
    } else if (strcmp(what, "control-sync") == 0) {
        return yes(intent_facts(intent).in_sync);
    } else if (strcmp(what, "control-pending") == 0) {
        return yes(intent_facts(intent).pending);
    } else if (strcmp(what, "control-last-error") == 0) {
        return intent_facts(intent).last_error;
    } else if (strcmp(what, "control-unreadable") == 0) {
        return intent_facts(intent).unreadable;
    } else if (strcmp(what, "ops-reason") == 0) {
        return facts.holds[HOLD_OPS].reason;
    } else if (strcmp(what, "ops-by") == 0) {
        return facts.holds[HOLD_OPS].by;
    } else if (strcmp(what, "life-number") == 0) {
        snprintf(out, 64, "%llu", (unsigned long long)facts.life_number);
    } else if (strcmp(what, "registrations") == 0) {
        snprintf(out, 64, "%llu", (unsigned long long)registrar_facts(registrar).registrations);
    } else if (strcmp(what, "mainpid") == 0) {
        snprintf(out, 64, "%d", (int)reported->mainpid);
    } else if (strcmp(what, "attached") == 0) {
        snprintf(out, 64, "%u", reported->attached);
    } else if (strcmp(what, "players") == 0) {
        struct server_value value = server_value(s->router->server, CONFIG_FACT_PLAYERS);
        snprintf(out, 64, value.source == SERVER_SOURCE_NONE ? "unknown" : "%u", value.number);
    } else if (strncmp(what, "fact-", 5) == 0) {
        enum config_fact fact = 0;
        while (fact < CONFIG_FACT_COUNT && strcmp(what + 5, config_fact_name(fact)) != 0) {
            fact++;
        }
        if (fact == CONFIG_FACT_COUNT) {
            return NULL;
        }
        say_fact(s, fact, out);
    } else if (strcmp(what, "flapping") == 0) {
        const struct flapping *flapping = server_flapping(s->router->server);
        snprintf(out, 64, flapping->state == FLAPPING_ON ? "on" : "%u", flapping->changes);
    } else if (strcmp(what, "probes") == 0) {
        snprintf(out, 64, "%zu", s->router->probe_count);
    } else if (strcmp(what, "transitions") == 0) {
        snprintf(out, 64, "%zu", facts.transition_count);
    } else {
        return NULL;
    }
    return out;
}

static void check_key(struct scenario *s, const struct blob *key, char **args, size_t count)
{
    bool wants_none = count == 2 && strcmp(args[1], "absent") == 0;
    struct str value = blob_view(key);
    if (wants_none != (key == NULL)) {
        fail(s, "the key is %s: %.*s", key == NULL ? "absent" : "there", STR_ARG(value));
    }
    for (size_t i = 1; i < count && !wants_none; i++) {
        char actual[256];
        bool meant = !s->wall_steps || !claims_moment(args[i]);
        if (meant && !json_has(value, args[i], actual)) {
            fail(s, "the key should have %s, but has %s", args[i], actual);
        }
    }
}

/* `what`: verdict or evidence. */
static void check_probe(struct scenario *s, const char *what, const char *name, const char *wanted)
{
    char evidence[128];
    for (size_t i = 0; i < s->router->probe_count; i++) {
        if (strcmp(s->router->probe_configs[i].name, name) == 0) {
            const struct probe *probe = &s->router->probes[i];
            const char *actual = what[0] == 'v' ? verdict_name(health_verdict(&probe->health))
                                                : probe_evidence(probe, evidence);
            if (strcmp(actual, wanted) != 0) {
                fail(s, "%s of probe %s should be \"%s\", but is \"%s\"", what, name, wanted, actual);
            }
            return;
        }
    }
    fail(s, "there is no probe %s", name);
}

void check_state(struct scenario *s, char **args, size_t count)
{
    char out[64];
    if (strcmp(args[0], "key") == 0) {
        check_key(s, s->store.value, args, count);
        return;
    }
    if (strncmp(args[0], "seat", 4) == 0 && count > 1) {
        seats_check(s, args, count);
        return;
    }
    if (strcmp(args[0], "control") == 0) {
        check_key(s, s->store.control, args, count);
        return;
    }
    if (count == 3 && (strcmp(args[0], "verdict") == 0 || strcmp(args[0], "evidence") == 0)) {
        check_probe(s, args[0], args[1], args[2]);
        return;
    }
    const char *actual = actual_state(s, args[0], out);
    if (actual == NULL || count != 2) {
        fail(s, "there is no state %s, or it takes one word", args[0]);
    }
    if (strcmp(actual, args[1]) != 0) {
        fail(s, "%s should be \"%s\", but is \"%s\"", args[0], args[1], actual);
    }
}
