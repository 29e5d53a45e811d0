#include "outrider/cli/probe/probe_ask.h"

#include "outrider/base/buf.h"
#include "outrider/codec/text/printable.h"
#include "outrider/io/loop/loop.h"
#include "probe_internal.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- asking ---- */

static bool takes(const struct probe_ask *ask, enum config_fact fact)
{
    const char *pointer;
    return config_probe_takes(ask->probe, fact, &pointer);
}

/* As in a record: a text that is longer, or not UTF-8, is left out. */
static void keep_text(struct probe_ask *ask, enum config_fact fact, struct str text,
                      char out[static PROBE_ASK_TEXT_MAX + 1])
{
    bool fits = takes(ask, fact) && text.size <= PROBE_ASK_TEXT_MAX && str_is_utf8(text);
    snprintf(out, PROBE_ASK_TEXT_MAX + 1, "%.*s", fits ? (int)text.size : 0,
             text.data == NULL ? "" : text.data);
}

static void on_result(const struct probe_result *result, void *user)
{
    struct probe_ask *ask = user;
    const struct probe_facts *facts = &result->facts;
    bool passed = result->outcome == PROBE_PASSED;
    ask->done = true;
    ask->outcome = result->outcome;
    ask->duration_us = result->duration_us;
    snprintf(ask->detail, sizeof(ask->detail), "%s", result->detail);
    ask->has_players = passed && facts->has_players && takes(ask, CONFIG_FACT_PLAYERS);
    ask->has_capacity = passed && facts->has_capacity && takes(ask, CONFIG_FACT_CAPACITY);
    ask->players = ask->has_players ? facts->players : 0;
    ask->capacity = ask->has_capacity ? facts->capacity : 0;
    keep_text(ask, CONFIG_FACT_MAP, passed ? facts->map : STR(""), ask->map);
    keep_text(ask, CONFIG_FACT_VERSION, passed ? facts->version : STR(""), ask->version);
    keep_text(ask, CONFIG_FACT_NAME, passed ? facts->name : STR(""), ask->name);
}

void probe_ask_all(const struct probe_tools *tools, struct probe_ask *asks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        asks[i].done = false;
        (void)!probe_driver_for(asks[i].probe->type)
            ->start(&tools->context, asks[i].host, asks[i].probe, on_result, &asks[i]);
    }
    for (size_t i = 0; i < count; i++) {
        while (!asks[i].done) {
            loop_turn_once(tools->context.loop, true);
        }
    }
}

/* ---- saying ---- */

static void add_text(struct buf *out, const char *text)
{
    printable_add(out, str_of(text), PROBE_ASK_TEXT_MAX, '?');
}

void probe_ask_target(const struct probe_ask *ask, struct buf *out)
{
    buf_printf(out, "%s ", config_probe_type_name(ask->probe->type));
    probe_driver_for(ask->probe->type)->describe(ask->host, ask->probe, out);
}

void probe_ask_duration(int64_t us, struct buf *out)
{
    if (us < 1000) {
        buf_printf(out, "0.%02" PRId64 " ms", us / 10);
    } else if (us < 10000) {
        buf_printf(out, "%" PRId64 ".%" PRId64 " ms", us / 1000, us % 1000 / 100);
    } else {
        buf_printf(out, "%" PRId64 " ms", us / 1000);
    }
}

static void add_counts(const struct probe_ask *ask, struct buf *out)
{
    if (ask->has_players) {
        buf_printf(out, ", players %u", ask->players);
    } else if (ask->has_capacity) {
        buf_printf(out, ", players unknown");
    }
    if (ask->has_capacity) {
        buf_printf(out, " of %u", ask->capacity);
    }
}

void probe_ask_result(const struct probe_ask *ask, struct buf *out)
{
    if (ask->outcome != PROBE_PASSED) {
        add_text(out, ask->detail[0] == '\0' ? probe_outcome_text(ask->outcome) : ask->detail);
        return;
    }
    const char *const texts[][2] = {{"map", ask->map}, {"version", ask->version}, {"name", ask->name}};
    buf_printf(out, "passed in ");
    probe_ask_duration(ask->duration_us, out);
    add_counts(ask, out);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (texts[i][1][0] != '\0') {
            buf_printf(out, ", %s ", texts[i][0]);
            add_text(out, texts[i][1]);
        }
    }
}

/* "UDP port 27015 of localhost", or the target where there is no port. */
static void add_port(const struct probe_ask *ask, const struct probe_kind *kind, struct buf *out)
{
    if (config_probe_has_port(ask->probe->type)) {
        buf_printf(out, "%s port %u of %s", kind->datagrams ? "UDP" : "TCP", ask->probe->port, ask->host);
    } else {
        probe_driver_for(ask->probe->type)->describe(ask->host, ask->probe, out);
    }
}

static void add_timed_out(const struct probe_ask *ask, const struct probe_kind *kind, struct buf *out)
{
    if (ask->probe->type == CONFIG_PROBE_EXEC) {
        buf_printf(out, "The program did not end in time: give it longer with `timeout`.");
        return;
    }
    add_port(ask, kind, out);
    buf_printf(
        out, " gave no answer: a firewall drops the request, the port is another one, or what listens there "
             "speaks another protocol. A server that is slow or far away needs a longer `timeout`.");
    if (!kind->datagrams && kind->port != 0) {
        buf_printf(out, " The type tcp finds out whether anything listens there.");
    }
}

static void add_sentence(struct buf *out, const char *sentence)
{
    if (sentence != NULL) {
        buf_printf(out, "%s%s", out->size == 0 ? "" : " ", sentence);
    }
}

void probe_ask_advice(const struct probe_ask *ask, struct buf *out)
{
    const struct probe_kind *kind = probe_kind_of_type(ask->probe->type);
    switch (ask->outcome) {
    case PROBE_PASSED: break;
    case PROBE_REFUSED:
        buf_printf(out, "Nothing listens on ");
        add_port(ask, kind, out);
        buf_printf(out, ": does the server run, and is this its port?");
        add_sentence(out, kind->look_at);
        break;
    case PROBE_TIMED_OUT:
        add_timed_out(ask, kind, out);
        add_sentence(out, kind->look_at);
        break;
    case PROBE_UNREACHABLE:
        buf_printf(
            out, "There is no way to %s from here: is the address right, and is this machine in its network?",
            ask->host);
        break;
    case PROBE_RESET:
        buf_printf(out, "Something listens there and hung up: does it speak %s?", kind->word);
        add_sentence(out, kind->when_failed);
        break;
    case PROBE_NOT_FOUND:
        buf_printf(out, "There is no such file: is the path right, and does the server run?");
        break;
    case PROBE_NOT_RESOLVED:
        buf_printf(out, "Is the name %s right, and does a name server answer?", ask->host);
        break;
    case PROBE_FAILED:
        if (kind->when_failed == NULL) {
            buf_printf(
                out,
                "There was an answer, and not one that passes: is this the port, and is %s its protocol?",
                kind->word);
        }
        add_sentence(out, kind->when_failed);
        break;
    }
}
