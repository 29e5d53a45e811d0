/* The wait of `outrider drain --wait`, for people at a terminal; programs use `watch` on the status socket. */
#ifndef OUTRIDER_CLI_DRAIN_DRAIN_WAIT_INTERNAL_H
#define OUTRIDER_CLI_DRAIN_DRAIN_WAIT_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct buf;
struct client;

/* A wait for the agent's own server, or for one of the fleet, whose record shows less than the agent's document. */
struct drain_wait {
    const char *record; /* API path of the record; NULL: the agent's own server */
    int64_t deadline;   /* of the record's hold, wall ms; INT64_MAX: none */
    bool held;          /* the record has shown the hold */
    unsigned empty;     /* polls in a row in which the record had 0 players */
};

enum { DRAIN_WAIT_ON = -1 };

/* Judges a polled document. Returns DRAIN_WAIT_ON; or the exit status, and appends one line for a person, without a
 * line end: EX_DONE when the server is empty or gone, EX_FAILED when the deadline has passed or the hold was lifted. */
int drain_wait_judge(struct drain_wait *wait, const json_t *document, struct buf *ret_text);

/* Polls until the wait is over, and prints how it ended. Returns the exit status. */
int drain_wait(struct drain_wait *wait, const struct client *client);

#endif
