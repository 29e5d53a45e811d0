/* The replies of one connection to the status socket. A line that claims reservations is answered once the registry has decided that;
 * what is said to the lines behind it, which are applied at once, is held back meanwhile: the replies come in the order of the lines. */
#ifndef OUTRIDER_SHELL_STATUS_REPLIES_INTERNAL_H
#define OUTRIDER_SHELL_STATUS_REPLIES_INTERNAL_H

#include "outrider/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct line_peer;
struct status_answer;

/* {0}: nothing is held back. */
struct status_replies {
    struct status_answer *first;
};

/* To be called before a line with `claims` claims is applied. `ticket`, never 0, is what status_replies_claimed() is called with. */
void status_replies_expect(struct status_replies *replies, uint64_t ticket, size_t claims);

/* The reply to a line: to that of `ticket`, which counts if all of its claims end well; 0: to one without claims. It is sent at once where
 * nothing holds it back. Beyond 4 KiB nothing waits any more: the claims count as not known. */
void status_replies_say(struct status_replies *replies, struct line_peer *peer, uint64_t ticket,
                        struct str text);

/* A claim of the line of `ticket` ended: `good`, or that of reservation `id` did not, as status_line_claim_reply() says it. Returns whether
 * the line waits for it, which may be one of another connection. */
bool status_replies_claimed(struct status_replies *replies, struct line_peer *peer, uint64_t ticket,
                            bool good, struct str id, struct str why);

/* Frees what waits. */
void status_replies_fini(struct status_replies *replies);

#endif
