/* ${NAME} in the values of a configuration. */
#ifndef OUTRIDER_CODEC_CONFIG_ENV_REPLACE_INTERNAL_H
#define OUTRIDER_CODEC_CONFIG_ENV_REPLACE_INTERNAL_H

#include "outrider/base/str.h"
#include "outrider/core/config/config.h"

struct buf;
struct error;

enum { ENV_REPLACED_MAX = 64 << 10 };

/* Appends `text` to `out` with ${NAME}, ${NAME:-default} and $$ replaced (docs/design/protocol.md,
 * "Configuration"). Returns 0, or
 * -1 and what is wrong; `out` then holds a part of it. */
int env_replace(struct str text, config_env_fn *env, void *user, struct buf *out,
                struct error *err) MUST_CHECK;

#endif
