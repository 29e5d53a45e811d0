/* The process that starts the programs of a configuration, and no others (io/program/program_starter.h). */
#ifndef OUTRIDER_SHELL_STARTER_H
#define OUTRIDER_SHELL_STARTER_H

#include "outrider/base/attr.h"

#include <stdbool.h>
#include <sys/types.h>

struct config;
struct error;

/* Whether the configuration has programs: exec probes or hooks. */
bool starter_is_needed(const struct config *config);

/* Forks it, before anything is open that it must not keep. It allows what `config` has; asked for something else, it reads the file at
 * `path` again. It keeps the capabilities to become another user where `config` names one, and no others. Errors as
 * program_starter_fork(). */
int starter_fork(const char *path, const struct config *config, struct error *err, pid_t *ret_pid) MUST_CHECK;

#endif
