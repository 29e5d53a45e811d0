/* What a server of Redis says of itself (INFO), as far as it matters to what is to stay there. */
#ifndef OUTRIDER_CODEC_REDIS_REDIS_INFO_H
#define OUTRIDER_CODEC_REDIS_REDIS_INFO_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* Texts are borrowed from the answer. */
struct redis_info {
    struct str run_id;   /* of the process; empty: not said */
    uint64_t memory_max; /* bytes; 0: no limit, and nothing is evicted */
    struct str policy;   /* of eviction, "noeviction" and others */
    bool appends;        /* every change is written to a file */
    uint64_t replicas;   /* that are connected */
    bool needs_replicas; /* without enough replicas that follow closely it refuses changes */
};

/* Reads the answer to INFO, of any length. What is not said is 0, false or empty. Returns 0, or -1 where it does not say how much memory
 * may be used: then it is no such answer. */
int redis_info_read(struct str text, struct redis_info *ret_info) MUST_CHECK;

/* What may end what is stored before its time: a set of these. */
enum {
    REDIS_RISK_EVICTION =
        1 << 0,                 /* when memory is full, any key with a time to live goes, or any key at all */
    REDIS_RISK_ENDING = 1 << 1, /* when memory is full, those go that would end first */
    REDIS_RISK_RESTART =
        1 << 2, /* neither a file, as far as INFO tells, nor a replica has it after a restart */
    REDIS_RISK_FAILOVER = 1 << 3 /* a master that its replicas do not reach goes on; what it takes is lost */
};

/* The risks of a server that says `info`. REDIS_RISK_RESTART is none where it writes snapshots, which INFO does not say. */
unsigned redis_info_risks(const struct redis_info *info);

#endif
