/* What happens to the store under test behind its backend's back. */
#ifndef OUTRIDER_TESTS_CONTRACT_SERVER_H
#define OUTRIDER_TESTS_CONTRACT_SERVER_H

#include "subject.h"

/* Forgets what was before `revision`. */
void server_compact(struct subject *subject, int64_t revision);

/* What is written from now on is lost by server_fork(): a replica that hears nothing any more is promoted, or the server comes back
 * with what it had, or memory goes back to `revision`. Of registries that do not keep what they acknowledge. */
void server_mark(struct subject *subject);
void server_fork(struct subject *subject, int64_t revision);

/* The server stands still for `ms`, or memory's clock goes on by that. */
void server_pause(struct subject *subject, int64_t ms);

/* Redis: sends a signal to the server that has the namespace. */
void server_signal(int signo);

/* Kills the node, or cuts memory's watches; and has it back, answering. */
void server_lose(struct subject *subject);
void server_find(struct subject *subject);

#endif
