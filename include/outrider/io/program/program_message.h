/* What the agent and the process that starts its programs say to each other: one message each way, over a socketpair that keeps
 * their bounds (SOCK_SEQPACKET). Both are of one build, so there are no versions; but the agent may be in the hands of another, and
 * a message of any bytes is decoded or refused. */
#ifndef OUTRIDER_IO_PROGRAM_PROGRAM_MESSAGE_H
#define OUTRIDER_IO_PROGRAM_PROGRAM_MESSAGE_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

enum {
    PROGRAM_WORDS_MAX = 16,
    PROGRAM_VARIABLES_MAX = 20,
    PROGRAM_OUTPUT_MAX = 65536,  /* bytes that are kept; what follows is read and forgotten */
    PROGRAM_REQUEST_MAX = 65536, /* bytes of a request */
    PROGRAM_RESULT_MAX = PROGRAM_OUTPUT_MAX + 1024, /* bytes of a result */
    PROGRAM_TIMEOUT_MAX_MS = 3600000
};

enum program_op { PROGRAM_RUN, PROGRAM_CANCEL };

/* Texts end with NUL. Those of a decoded one are borrowed of its bytes. */
struct program_request {
    enum program_op op;
    uint64_t id; /* CANCEL has nothing else */
    int64_t timeout_ms;
    const char *user; /* "": that of the agent */
    const char *words[PROGRAM_WORDS_MAX];
    size_t word_count;                            /* at least 1 */
    const char *variables[PROGRAM_VARIABLES_MAX]; /* NAME=VALUE, added to the environment */
    size_t variable_count;
};

enum program_end { PROGRAM_EXITED, PROGRAM_KILLED, PROGRAM_TIMED_OUT, PROGRAM_NOT_STARTED };

struct program_result {
    uint64_t id;
    enum program_end end;
    int code;            /* EXITED: its status; KILLED: the signal */
    int64_t duration_us; /* since it was started */
    struct str output;   /* NOT_STARTED: why; else what it wrote, the first PROGRAM_OUTPUT_MAX bytes */
};

/* Appends the bytes. */
void program_request_encode(const struct program_request *request, struct buf *out);
void program_result_encode(const struct program_result *result, struct buf *out);

/* Any bytes. Returns 0, or -1 where they are none; the result borrows of `bytes`. */
int program_request_decode(struct str bytes, struct program_request *ret_request) MUST_CHECK;
int program_result_decode(struct str bytes, struct program_result *ret_result) MUST_CHECK;

#endif
