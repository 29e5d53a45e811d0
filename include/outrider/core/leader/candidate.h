/* Who stands in a scope: what the value of its key says. */
#ifndef OUTRIDER_CORE_LEADER_CANDIDATE_H
#define OUTRIDER_CORE_LEADER_CANDIDATE_H

#include <stdint.h>

/* Longest type, id and host, in bytes. */
enum { CANDIDATE_TEXT_MAX = 255 };

struct candidate {
    char type[CANDIDATE_TEXT_MAX + 1],
        id[CANDIDATE_TEXT_MAX + 1];    /* of the server, or of an observer: never empty */
    char host[CANDIDATE_TEXT_MAX + 1]; /* "": unknown */
    int64_t since_wall;                /* since when it stands, by its own clock, ms since 1970; 0: unknown */
};

#endif
