/* A process on the other side of a socket, that answers as it is told: commands block, so it must be another
 * one. */
#ifndef OUTRIDER_TESTS_CLI_PEER_H
#define OUTRIDER_TESTS_CLI_PEER_H

#include "outrider/base/buf.h"

#include <sys/types.h>

struct peer {
    pid_t pid;
    int applied; /* reads what the connections sent */
    char path[108];
};

/* Listens at the socket file `path` and answers connection i with answers[i], NULL at the end, once it has
 * read `until` in what it was sent; then it ends. */
void peer_start(struct peer *peer, const char *path, const char *until, const char *const *answers);

/* Waits for its end, appends all that it was sent to `ret_heard`, removes the socket file. */
void peer_end(struct peer *peer, struct buf *ret_heard);

#endif
