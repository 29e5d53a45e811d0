/* Which content coding a peer wants (Accept-Encoding, RFC 9110, 12.5.3): gzip or none. Pure, and total on any input: an element
 * that is malformed counts as if it were not there. */
#ifndef OUTRIDER_IO_HTTP_HTTP_CODING_H
#define OUTRIDER_IO_HTTP_HTTP_CODING_H

#include "outrider/base/str.h"

#include <stdbool.h>

struct http_head;

enum { HTTP_CODING_UNNAMED = -1, HTTP_CODING_WEIGHT_MAX = 1000 };

/* What is named, in thousandths. Of one that is named several times the lowest weight counts: no peer gets what it refuses. */
struct http_codings {
    int gzip, identity, any;
};

/* Nothing is named yet. */
#define HTTP_CODINGS_NONE                                                                                    \
    (struct http_codings)                                                                                    \
    {                                                                                                        \
        HTTP_CODING_UNNAMED, HTTP_CODING_UNNAMED, HTTP_CODING_UNNAMED                                        \
    }

/* Adds what the value of one header names. A header that is repeated is one list. */
void http_codings_add(struct http_codings *codings, struct str value);

/* Whether gzip is to be sent: it is named with a weight above 0, and is no less wanted than bytes as they are (`identity`), where those
 * are named; `*` names either where it is not named by itself. A peer that names nothing, or refuses both, gets bytes as they are. */
bool http_codings_gzip(const struct http_codings *codings);

/* The same of the head of a request. */
bool http_wants_gzip(const struct http_head *head);

#endif
