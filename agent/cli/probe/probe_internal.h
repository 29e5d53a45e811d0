/* `outrider probe`: the types of probes as people type them, the command line, and what is printed. */
#ifndef OUTRIDER_CLI_PROBE_PROBE_INTERNAL_H
#define OUTRIDER_CLI_PROBE_PROBE_INTERNAL_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"
#include "outrider/cli/common/cli.h"
#include "outrider/core/config/config.h"

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct error;
struct probe_ask;

/* What follows the type on the command line. */
enum probe_place { PROBE_PLACE_HOST, PROBE_PLACE_URL, PROBE_PLACE_PATH, PROBE_PLACE_COMMAND };

/* One word for a type: all that this command knows of it. */
struct probe_kind {
    const char *word;
    enum config_probe_type type;
    enum probe_place place;
    bool secure;             /* `https`: the scheme is set */
    bool datagrams;          /* UDP */
    uint16_t port;           /* where none is given; 0: it must be given */
    uint16_t secure_port;    /* the same with scheme: https; 0: `port` */
    const char *for_what;    /* one line of the list */
    const char *look_at;     /* a sentence: where to look when nothing answers; NULL: none */
    const char *when_failed; /* the same when something answers that does not pass; NULL: the common one */
};

/* The kinds, in the order of the list; the first of each type is that of the type. */
extern const struct probe_kind probe_kinds[];
extern const size_t probe_kind_count;

/* NULL: none has this word. */
const struct probe_kind *probe_kind_of(const char *word);
const struct probe_kind *probe_kind_of_type(enum config_probe_type type);

/* What an address gives; borrowed from it. Empty and 0: it does not say. */
struct probe_place_parts {
    struct str host, path;
    uint16_t port;
    bool secure; /* https:// */
};

/* Takes apart what a person typed: HOST, HOST:PORT, [V6], [V6]:PORT, V6, PORT or :PORT; for http each of these with a path, and a
 * URL; or a path. Returns 0, or -1 with `err` saying what is wrong. */
int probe_place_read(enum probe_place place, struct str text, struct probe_place_parts *ret_parts,
                     struct error *err) MUST_CHECK;

enum { PROBE_COUNT_MAX = 1000000 };

/* The command line once it is read. */
struct probe_line {
    const struct probe_kind *kind;
    struct config_probe probe; /* as tried: with the host, and with `timeout` as it counts for this command */
    bool timeout_given, interval_given, name_given;
    bool json;
    unsigned count;
};

/* Reads the words behind the name of the command: a type, where, and options, one for each key of the type. Returns EX_DONE, or
 * EX_USAGE with the error printed. probe_line_fini() either way. */
int probe_line_read(const struct command *command, struct cli_args words,
                    struct probe_line *ret_line) MUST_CHECK;
void probe_line_fini(struct probe_line *line);

/* Appends the block for the file of the agent, "probes:\n  - {...}\n": what was given, and a timeout that fits a try of `took_us`.
 * The file gives the same probe again. */
void probe_block(const struct probe_line *line, int64_t took_us, struct buf *out);

/* Appends `value` as YAML: plain where that is safe, else in quotes, with `$$` for a dollar sign. */
void probe_block_text(struct str value, struct buf *out);

/* Appends the answer to a person's question in one line: "yes: ..." or "no: ...". */
void probe_text_answer(const struct probe_ask *ask, struct buf *out);

/* Appends what follows it: what was learned and the block, or what to look at. */
void probe_text_more(const struct probe_line *line, const struct probe_ask *ask, struct buf *out);

/* Appends all of it as one line of JSON. */
void probe_json(const struct probe_line *line, const struct probe_ask *ask, struct buf *out);

#endif
