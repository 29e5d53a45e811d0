/* The servers of the probes that are measured: each a process of its own, which answers with the same bytes each time and ends with
 * the one that started it. */
#ifndef OUTRIDER_BENCH_PROBE_PEER_H
#define OUTRIDER_BENCH_PROBE_PEER_H

#include <stdint.h>

struct peer {
    uint16_t port; /* 0: none */
    char path[64]; /* a UNIX socket, which the caller removes; "": none */
};

/* Starts the server of a type of probe, if it needs one. */
void peer_start(const char *type, struct peer *ret_peer);

#endif
