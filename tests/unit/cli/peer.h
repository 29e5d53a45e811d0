/* A process at the other end of a socket that sends prepared answers. It is a process because commands
 * block. */
#ifndef OUTRIDER_TESTS_CLI_PEER_H
#define OUTRIDER_TESTS_CLI_PEER_H

#include "outrider/base/buf.h"

#include <sys/types.h>

struct peer {
    pid_t pid;
    int received; /* reads what the connections sent */
    char path[108];
};

/* Listens at the socket file `path`. Answers connection i with answers[i] (NULL at the end) once it has
 * received `until`, then ends. */
void peer_start(struct peer *peer, const char *path, const char *until, const char *const *answers);

/* Waits for its end, appends everything it received to `ret_received`, removes the socket file. */
void peer_end(struct peer *peer, struct buf *ret_received);

#endif
