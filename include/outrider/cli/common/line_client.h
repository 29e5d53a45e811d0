/* One line to a status socket and its reply. */
#ifndef OUTRIDER_CLI_COMMON_LINE_CLIENT_H
#define OUTRIDER_CLI_COMMON_LINE_CLIENT_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

struct buf;
struct error;

/* Connects to the socket file at `path`, sends `line` with an LF and appends the first line that comes back,
 * without its end, to `ret_reply`. Waits at most 5 s for each step. Returns 0; or -1 with ERROR_UNREACHABLE
 * (no listener, or the connection ended), ERROR_DENIED, ERROR_TIMEOUT, ERROR_INVALID (the path),
 * ERROR_LIMIT (a reply without end) or ERROR_SYSTEM. */
int line_client_ask(const char *path, struct str line, struct error *err, struct buf *ret_reply) MUST_CHECK;

#endif
