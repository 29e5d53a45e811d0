/* The configuration file with the process's environment: what agent, reload and every command share. */
#ifndef OUTRIDER_SHELL_CONFIG_FILE_H
#define OUTRIDER_SHELL_CONFIG_FILE_H

#include "outrider/base/attr.h"

struct buf;
struct config;

/* The file to use: `given` when not NULL, else $OUTRIDER_CONFIG, else /etc/outrider/outrider.yaml. Borrowed.
 */
const char *config_file_path(const char *given);

/* Reads and checks the file at `path`. Returns the configuration, which the caller owns (config_fini, free);
 * or NULL with every problem appended to `ret_problems`, a line each, FILE:LINE:COLUMN: path.to.key: what is
 * wrong. */
struct config *config_file_read(const char *path, struct buf *ret_problems) MUST_CHECK;

/* The same, with the problems printed to stderr. */
struct config *config_file_load(const char *path) MUST_CHECK;

#endif
