/* What `outrider check` compares with the registry and with this machine. */
#ifndef OUTRIDER_CLI_CHECK_CHECK_INTERNAL_H
#define OUTRIDER_CLI_CHECK_CHECK_INTERNAL_H

#include "outrider/base/attr.h"

#include <stdbool.h>

struct buf;
struct config;
struct registry_access;
struct probe_tools;
struct registry_limits;

/* Appends the line of a warning to `problems`: the file, the setting, and what is wrong and what to do, cut at 1023 bytes. */
void PRINTF_LIKE(4, 5)
    check_warn(const char *file, struct buf *problems, const char *setting, const char *format, ...);

/* Appends the two keys that the agent of `config` writes: the record and the control key. Returns whether their id is
 * random, because server.id is auto and no id is stored yet. */
bool check_keys(const struct config *config, struct buf *ret_record, struct buf *ret_control);

/* Appends to `problems` one line for each limit of the registry that the configuration in `file` does not keep: the file, the
 * setting, what is wrong and what to do. Returns whether one is an error; the others are warnings, because the registry
 * grants another TTL then. An observer writes nothing, so it keeps every limit. */
bool check_limits(const char *file, const struct config *config, const struct registry_limits *limits,
                  struct buf *problems);

/* Appends to `problems` a warning for each file, directory and group that the agent of `config` needs at its start and that is
 * missing or of no use on this machine. */
void check_local(const char *file, const struct config *config, struct buf *problems);

/* Appends to `problems` an error for each file of a secret that the agent refuses, and a warning for each secret that can be
 * guessed or that others can read, and for sockets and directories that are too open. Returns whether one is an error. */
bool check_access(const char *file, const struct config *config, struct buf *problems);

/* Appends to `problems` a warning where server.host comes to nothing on this machine: an interface that does not exist yet,
 * a name that is not resolved, `auto` without a route; and for each host of probes that is not resolved. Asks name servers
 * at most. */
void check_host(const char *file, const struct config *config, const struct registry_access *access,
                struct buf *problems);

/* Appends the host that the agent would publish; nothing where there is none yet. */
void check_find_host(const struct config *config, const struct registry_access *access, struct buf *ret_host);

/* For `outrider check --live`: tries each probe once, all at the same time, and prints what it learned, a line to stdout each. One that
 * passed on a port that players are told is tried at the published address as well: a server that listens on loopback only is
 * ready and cannot be reached. */
void check_probes(const struct config *config, const struct registry_access *access,
                  const struct probe_tools *tools);

/* For `outrider check --live` where sessions are in Redis: makes a session there, finds it, and ends it, as the agent does, and prints one
 * line to stdout. Returns EX_DONE, or EX_TEMPFAIL where that does not work. */
int check_sessions(const struct config *config, const struct registry_access *access);

/* For `outrider check --live` where sessions are in Redis: prints one line to stdout for each thing that may end sessions there before
 * their time: eviction, no file and no replica, a failover; or that it could not be checked. Changes nothing. */
void check_redis(const struct config *config, const struct registry_access *access);

/* `outrider check --live`: asks each endpoint, logs in, reads what an agent reads, and tests the permission to write its own
 * two keys, with the agent's timeouts. Writes nothing. Prints one line per test to stdout. Returns EX_DONE; EX_TEMPFAIL
 * when no endpoint answers; EX_FAILED for any other failure. An endpoint that fails while another answers is
 * shown and does not count: the agent would run. */
int check_live(const char *file, const struct config *config);

#endif
