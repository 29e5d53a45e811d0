/* Whether the wait of `outrider drain --wait` is over, by the agent's document. Pure. */
#ifndef OUTRIDER_CLI_DRAIN_DRAIN_WAIT_INTERNAL_H
#define OUTRIDER_CLI_DRAIN_DRAIN_WAIT_INTERNAL_H

#include <jansson.h>

struct buf;

enum drain_wait_end {
    DRAIN_WAIT_ON,    /* not over */
    DRAIN_WAIT_DONE,  /* the server is empty or gone */
    DRAIN_WAIT_FAILED /* the deadline passed, or the hold was lifted */
};

/* Whether the wait for the operator's hold is over. If so, appends one line for a person, without a line
 * end. */
enum drain_wait_end drain_wait_end(const json_t *document, struct buf *ret_text);

#endif
