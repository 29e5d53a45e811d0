/* A configuration from YAML text (docs/design/protocol.md, "Configuration"). */
#ifndef OUTRIDER_CODEC_CONFIG_CONFIG_YAML_H
#define OUTRIDER_CODEC_CONFIG_CONFIG_YAML_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"
#include "outrider/core/config/config.h"

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* One fault of a file. Lines and columns count from 1, columns in characters. */
struct config_problem {
    unsigned line, column;
    char *path;   /* dotted, with indexes: "probes[1].timeout"; "yaml" where the text is no document */
    char *text;   /* what is wrong, and where that helps what to write instead */
    bool warning; /* it works, but is probably a mistake */
};

/* Every fault and every warning of a file, in the order of the file. */
struct config_problems {
    char *file;
    struct config_problem *rows;
    size_t count;
};

/* Reads, checks and resolves the configuration in `text`; `file_name` is for messages only. `env` is called,
 * with `user`, for the variables that values name and those that "auto" stands for. Returns 0 and
 * `ret_config`, which the caller ends with config_fini() and in which every "auto" but server.id and
 * server.host is replaced, with warnings at most; or -1 and at least one fault. The caller ends
 * `ret_problems`, written either way, with config_problems_fini().
 *
 * A text that is no YAML document is one fault: nothing is concluded from half of it. */
int config_yaml_load(struct str file_name, struct str text, config_env_fn *env, void *user,
                     struct config *ret_config, struct config_problems *ret_problems) MUST_CHECK;

/* Frees what the problems own and zeroes them; accepts NULL and zeroed ones. */
void config_problems_fini(struct config_problems *problems);

/* Appends one line for each problem to `out`: "FILE:LINE:COLUMN: path.to.key: what is wrong\n",
 * a warning with "warning: " before the text. */
void config_problems_print(const struct config_problems *problems, struct buf *out);

#endif
