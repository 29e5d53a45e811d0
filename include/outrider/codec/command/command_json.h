/* The value of the key of a command (docs/design/protocol.md, "Commands to servers"):
 *
 *     CONTROL_PREFIX/inbox/TYPE/SERVER/ID
 *       {"name":"say","args":"restart in 5","from":"op:olga","at":"2026-11-21T02:14:00.123Z","until":"…","state":"queued"}
 *
 * and with "text" what the server answered. Strict: a value with a member that is not known is not read, as the agent of the server
 * writes it again. */
#ifndef OUTRIDER_CODEC_COMMAND_COMMAND_JSON_H
#define OUTRIDER_CODEC_COMMAND_COMMAND_JSON_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

struct buf;
struct server_command;
struct error;

/* The longest value that is accepted, in bytes; what command_encode() writes is shorter. */
enum { COMMAND_JSON_MAX = 65536 };

/* Appends the value. */
void command_encode(const struct server_command *command, struct buf *out);

/* Reads one; its `id` is that of `id`, the last part of its key. `ret_command` is the caller's, for command_fini(). Returns 0, or -1 with
 * ERROR_LIMIT or ERROR_INVALID and `ret_command` unchanged. */
int command_decode(struct str id, struct str text, struct server_command *ret_command,
                   struct error *err) MUST_CHECK;

#endif
