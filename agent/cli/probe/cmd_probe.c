/* outrider probe: asks one server once, as an agent would, without a configuration. */
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/cli/probe/probe_ask.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/net/resolver.h"
#include "outrider/os/clock.h"
#include "probe_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *place_of(const struct probe_kind *kind)
{
    switch (kind->place) {
    case PROBE_PLACE_HOST: return kind->port == 0 ? "HOST:PORT" : "HOST[:PORT]";
    case PROBE_PLACE_URL: return "URL";
    case PROBE_PLACE_PATH: return "PATH";
    case PROBE_PLACE_COMMAND: break;
    }
    return "-- COMMAND";
}

static int list_types(void)
{
    printf("usage: outrider probe TYPE WHERE [--KEY VALUE]...\n\n");
    for (size_t i = 0; i < probe_kind_count; i++) {
        const struct probe_kind *kind = &probe_kinds[i];
        uint16_t port = kind->secure ? kind->secure_port : kind->port;
        printf("  %-9s %-12s %s", kind->word, place_of(kind), kind->for_what);
        if (port != 0) {
            printf("; %s port %u", kind->datagrams ? "UDP" : "TCP", port);
        }
        printf("\n");
    }
    printf("\nFor example: outrider probe minecraft localhost\n");
    return EX_DONE;
}

static bool wants_help(struct cli_args words)
{
    for (size_t i = 0; i < words.count && strcmp(words.words[i], "--") != 0; i++) {
        if (strcmp(words.words[i], "--help") == 0 || strcmp(words.words[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

/* What several tries add up to. */
struct tally {
    unsigned tries, passed;
    int64_t shortest_us, longest_us; /* of those that passed */
};

static void count_try(struct tally *tally, const struct probe_ask *ask)
{
    bool first = tally->passed == 0;
    tally->tries++;
    if (ask->outcome == PROBE_PASSED) {
        tally->passed++;
        tally->shortest_us =
            first || ask->duration_us < tally->shortest_us ? ask->duration_us : tally->shortest_us;
        tally->longest_us = ask->duration_us > tally->longest_us ? ask->duration_us : tally->longest_us;
    }
}

static void add_tally(const struct tally *tally, struct buf *out)
{
    if (tally->tries == 1) {
        return;
    }
    buf_printf(out, "%u of %u tries passed", tally->passed, tally->tries);
    if (tally->passed > 0) {
        buf_printf(out, ", in ");
        probe_ask_duration(tally->shortest_us, out);
        buf_printf(out, " to ");
        probe_ask_duration(tally->longest_us, out);
    }
    buf_printf(out, "\n");
}

static void print_try(const struct probe_line *line, const struct probe_ask *ask, const struct tally *tally)
{
    struct buf out = {0};
    bool last = tally->tries == line->count;
    if (line->json) {
        probe_json(line, ask, &out);
    } else {
        probe_text_answer(ask, &out);
    }
    if (last && !line->json) {
        add_tally(tally, &out);
        probe_text_more(line, ask, &out);
    }
    cli_print(stdout, "%s", buf_text(&out));
    fflush(stdout); /* the next try may be a while away */
    buf_fini(&out);
}

static int ask_all(const struct probe_line *line, const struct probe_tools *tools)
{
    struct tally tally = {0};
    while (tally.tries < line->count) {
        struct probe_ask ask = {.probe = &line->probe,
                                .host = line->probe.host == NULL ? "" : line->probe.host};
        int64_t due = clock_mono_us() / 1000 + line->probe.interval_ms;
        probe_ask_all(tools, &ask, 1);
        count_try(&tally, &ask);
        print_try(line, &ask, &tally);
        int64_t wait = due - clock_mono_us() / 1000;
        if (tally.tries < line->count && wait > 0) {
            cli_pause_ms(wait);
        }
    }
    return tally.passed == tally.tries ? EX_DONE : EX_FAILED;
}

/* The process that starts programs allows those of a configuration: this probe alone. */
static int prepare(struct probe_tools *tools, const struct probe_line *line, struct error *err)
{
    struct config *config = mem_zalloc(sizeof(*config));
    *config_probe_add(config) = line->probe;
    int result = probe_tools_prepare(tools, "the command line", config, err);
    free(config->probes); /* what the probe owns stays with the line */
    free(config);
    return result;
}

static int ask(const struct probe_line *line)
{
    struct probe_tools tools;
    struct error err;
    struct loop *loop = NULL;
    if (prepare(&tools, line, &err) < 0 || (loop = loop_new(&err)) == NULL) {
        probe_tools_close(&tools);
        return cli_fail(EX_FAILED, "%s", err.text);
    }
    struct resolver *resolver = resolver_new(loop, NULL);
    probe_tools_open(&tools, loop, resolver);
    int status = ask_all(line, &tools);
    probe_tools_close(&tools);
    resolver_free(resolver);
    loop_free(loop);
    return status;
}

int cmd_probe(const struct cli_line *line)
{
    struct probe_line probe;
    if (line->words.count == 0) {
        return list_types();
    }
    if (wants_help(line->words)) {
        cli_help(line->command);
        return EX_DONE;
    }
    int status = probe_line_read(line->command, line->words, &probe);
    status = status == EX_DONE ? ask(&probe) : status;
    probe_line_fini(&probe);
    return status;
}
