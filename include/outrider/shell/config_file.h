/* Loads the configuration file, with ${NAME} from the environment: for the agent, its reload and the
 * commands. */
#ifndef OUTRIDER_SHELL_CONFIG_FILE_H
#define OUTRIDER_SHELL_CONFIG_FILE_H

#include "outrider/base/attr.h"

struct buf;
struct config;

/* The file to use: `given` when not NULL, else $OUTRIDER_CONFIG, else /etc/outrider/outrider.yaml. Borrowed.
 */
const char *config_file_path(const char *given);

/* Reads and checks the file at `path`. Returns the configuration, which the caller owns (config_fini, free),
 * or NULL. Appends one line for each problem to `ret_problems`: FILE:LINE:COLUMN: path.to.key: what is wrong.
 * Where a configuration is returned they are warnings. */
struct config *config_file_read(const char *path, struct buf *ret_problems) MUST_CHECK;

/* The same for a command: prints the problems to stderr where there is no configuration. Where there is one,
 * appends the warnings to `ret_warnings`, unless that is NULL. */
struct config *config_file_load(const char *path, struct buf *ret_warnings) MUST_CHECK;

#endif
