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
 * or NULL. Every problem is appended to `ret_problems` either way, a line each, FILE:LINE:COLUMN: path.to.key:
 * what is wrong: with a configuration they are all warnings. */
struct config *config_file_read(const char *path, struct buf *ret_problems) MUST_CHECK;

/* The same for who only wants the configuration: the problems are printed to stderr if there is none. */
struct config *config_file_load(const char *path) MUST_CHECK;

#endif
