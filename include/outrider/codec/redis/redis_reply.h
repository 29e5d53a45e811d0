/* The protocol of Redis (RESP2): replies from bytes by hiredis' reader, commands to bytes. Nothing else of that library is used: its
 * connections know neither limits nor time-outs, and its formatter leaves a copy of each command, passwords included, in memory that
 * it frees.
 *
 * What a reply may hold is limited: its bytes, its items and its depth, and the length of a line. The reader itself waits for
 * whatever a server announces. */
#ifndef OUTRIDER_CODEC_REDIS_REDIS_REPLY_H
#define OUTRIDER_CODEC_REDIS_REDIS_REPLY_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stddef.h>
#include <stdint.h>

struct buf;
struct error;
struct redis_decoder;

/* A line (a status, an error, a number, a length) is never longer than this, whatever the limit of a reply. */
enum { REDIS_LINE_MAX = 65536 };

/* Arrays within arrays. */
enum { REDIS_DEPTH_MAX = 7 };

enum redis_reply_type {
    REDIS_IS_NIL,
    REDIS_IS_STRING,
    REDIS_IS_STATUS, /* "OK", "PONG" */
    REDIS_IS_ERROR,
    REDIS_IS_INTEGER,
    REDIS_IS_ARRAY
};

struct redis_reply {
    enum redis_reply_type type;
    struct str text; /* string, status, error; NUL-terminated beyond its end */
    int64_t integer;
    struct redis_reply *items; /* array: `count` of them */
    size_t count;
    void *memory; /* the decoder's, of text or items */
};

/* A decoder of the replies of one connection, owned by the caller. A reply takes at most `max` bytes of memory, its items
 * included. */
struct redis_decoder *redis_decoder_new(size_t max);

/* Accepts NULL. */
void redis_decoder_free(struct redis_decoder *decoder);

/* Adds bytes received. All replies are to be taken before more is added. */
void redis_decoder_feed(struct redis_decoder *decoder, struct str bytes);

/* Takes the next reply. Returns 1; 0 when more bytes are needed; or -1 with ERROR_PROTOCOL or ERROR_LIMIT where the bytes are no
 * reply or a larger one than allowed: nothing follows then. The reply is borrowed until the next call for this decoder. */
int redis_decoder_next(struct redis_decoder *decoder, struct error *err,
                       const struct redis_reply **ret_reply) MUST_CHECK;

/* Appends the command of `count` arguments, at least one, of any bytes. */
void redis_command_add(struct buf *out, const struct str *args, size_t count);

/* The item `index` where `reply` is an array that has it, else a nil. */
const struct redis_reply *redis_item(const struct redis_reply *reply, size_t index);

/* The text of a string or status, empty for anything else. */
struct str redis_text(const struct redis_reply *reply);

enum { REDIS_SHA_SIZE = 41 };

/* The name of a script, as EVALSHA takes it: SHA-1 of its source in hexadecimal, which is written and returned. */
const char *redis_script_sha(struct str source, char ret_sha[static REDIS_SHA_SIZE]);

#endif
