/* server_inbox.c: the commands that wait for the own server (core/command/inbox.h). Everything accepts NULL: an agent whose server takes no
 * commands has no inbox. */
#ifndef OUTRIDER_SHELL_SERVER_INBOX_INTERNAL_H
#define OUTRIDER_SHELL_SERVER_INBOX_INTERNAL_H

#include "agent_internal.h"

#include "outrider/core/command/inbox.h"

struct line_peer;
struct registry_watch;
struct server_inbox;

/* NULL where there is no stream socket, or status.accept is empty. `agent` is borrowed; the caller owns the result. */
struct server_inbox *server_inbox_new(struct agent *agent);
void server_inbox_free(struct server_inbox *inbox);

/* Adds the inbox to the watch of the own keys, so that it costs no connection of its own; what it points to lives as long as the inbox. */
void server_inbox_add(const struct server_inbox *inbox, struct registry_watch *watch);

/* A connection begins to watch: it gets what has no result. */
void server_inbox_tell(struct server_inbox *inbox, struct line_peer *peer);

/* The server answers a command; not for NULL. */
enum inbox_verdict server_inbox_result(struct server_inbox *inbox, struct str id, bool good, struct str text);

/* What /metrics shows; NULL for NULL. */
const struct inbox *server_inbox_look(const struct server_inbox *inbox);

#endif
