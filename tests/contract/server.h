/* What happens to the store under test behind its backend's back. */
#ifndef OUTRIDER_TESTS_CONTRACT_SERVER_H
#define OUTRIDER_TESTS_CONTRACT_SERVER_H

#include "subject.h"

/* Forgets what was before `revision`. */
void server_compact(struct subject *subject, int64_t revision);

/* Kills the node, or cuts memory's watches; and has it back, answering. */
void server_lose(struct subject *subject);
void server_find(struct subject *subject);

#endif
