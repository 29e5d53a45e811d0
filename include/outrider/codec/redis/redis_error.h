/* What an error reply of Redis means: whether the command was done, and where to go. By the texts that Redis 7.0 sends. */
#ifndef OUTRIDER_CODEC_REDIS_REDIS_ERROR_H
#define OUTRIDER_CODEC_REDIS_REDIS_ERROR_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum redis_error {
    /* not done, and another server or another moment would do */
    REDIS_ERROR_MOVED,       /* its slot belongs to another node */
    REDIS_ERROR_ASK,         /* its slot is on the way to another node, which has this key */
    REDIS_ERROR_TRYAGAIN,    /* its slot is on the way, and only some of its keys are */
    REDIS_ERROR_CLUSTERDOWN, /* no node serves the slot now */
    REDIS_ERROR_LOADING,     /* the server reads its data, or has none of its master's */
    REDIS_ERROR_READONLY,    /* a replica */
    REDIS_ERROR_NOSCRIPT,    /* the script is not there */
    REDIS_ERROR_NOAUTH,      /* not logged in */
    REDIS_ERROR_UNOPENED, /* a script of ours: the store is another one, or damaged, and must be opened first */
    /* not done, and it will not be soon */
    REDIS_ERROR_OVERLOADED, /* busy, out of memory, or not allowed to write for now */
    REDIS_ERROR_DENIED,     /* user, password or rights */
    REDIS_ERROR_REFUSED,    /* the command is wrong, or the key holds something else */
    /* the server is no such server as was taken for granted; not done */
    REDIS_ERROR_NO_PASSWORD, /* the server has no password, and one was sent */
    REDIS_ERROR_UNKNOWN_COMMAND,
    /* may have been done, in part at least */
    REDIS_ERROR_DENIED_HALFWAY, /* a script was refused one of its commands */
    REDIS_ERROR_OTHER
};

/* What the text of an error reply, without its '-', means. Total. */
enum redis_error redis_error_of(struct str text);

/* Whether the command was certainly not done, nor a part of it. */
bool redis_error_is_not_done(enum redis_error error);

/* Reads "MOVED SLOT HOST:PORT" or "ASK SLOT HOST:PORT". The host is borrowed from `text`; empty: the host of the server that said
 * so. Returns 0, or -1 where it is no such text. */
int redis_error_target(struct str text, uint16_t *ret_slot, struct str *ret_host,
                       uint16_t *ret_port) MUST_CHECK;

#endif
