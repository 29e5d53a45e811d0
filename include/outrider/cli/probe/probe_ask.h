/* One try of each of several probes, at the same time, by the drivers of the agent; and what a person is told of it. */
#ifndef OUTRIDER_CLI_PROBE_PROBE_ASK_H
#define OUTRIDER_CLI_PROBE_PROBE_ASK_H

#include "outrider/base/attr.h"
#include "outrider/core/config/config.h"
#include "outrider/core/probe/verdict.h"
#include "outrider/probe/driver.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct error;
struct loop;
struct resolver;

/* The longest text of an answer that is shown, in bytes. */
enum { PROBE_ASK_TEXT_MAX = 256 };

/* Set `probe` and `host`, both borrowed; the rest is what was found. Texts of the server are as it sent them: they are made
 * printable where they are shown. */
struct probe_ask {
    const struct config_probe *probe;
    const char *host; /* where the probe connects */
    bool done;
    enum probe_outcome outcome;
    int64_t duration_us;
    char detail[PROBE_ASK_TEXT_MAX + 1];
    bool has_players, has_capacity; /* only what the probe may take: its `facts` */
    uint32_t players, capacity;
    char map[PROBE_ASK_TEXT_MAX + 1], version[PROBE_ASK_TEXT_MAX + 1], name[PROBE_ASK_TEXT_MAX + 1];
};

/* What tries need beside each other; {0} is closed. */
struct probe_tools {
    struct probe_context context;
    struct probe_clients clients;
    int starter; /* of programs; -1: none */
};

/* Forks the process that starts programs, where the configuration has an exec probe: before anything is open. `path` is its file.
 * Returns 0, or -1 with `err` set. */
int probe_tools_prepare(struct probe_tools *tools, const char *path, const struct config *config,
                        struct error *err) MUST_CHECK;

/* Opens what was prepared, on a loop and with a resolver that are borrowed until it is closed. */
void probe_tools_open(struct probe_tools *tools, struct loop *loop, struct resolver *resolver);

/* Ends the programs and the connections; no try may be running. Accepts one that was only prepared. */
void probe_tools_close(struct probe_tools *tools);

/* Tries all of them at the same time, and returns when each has its result: after the longest of their timeouts and a little. */
void probe_ask_all(const struct probe_tools *tools, struct probe_ask *asks, size_t count);

/* Appends what is asked and where, for a person: "minecraft localhost:25565". */
void probe_ask_target(const struct probe_ask *ask, struct buf *out);

/* Appends the result in one line: "passed in 3.2 ms, players 2/20, map harbor" or "connection refused". */
void probe_ask_result(const struct probe_ask *ask, struct buf *out);

/* Appends what to look at where it did not pass, as sentences without an end of line; nothing where it passed. */
void probe_ask_advice(const struct probe_ask *ask, struct buf *out);

/* Appends `us` in ms: "0.3 ms", "12 ms", "1240 ms". */
void probe_ask_duration(int64_t us, struct buf *out);

#endif
