/* Commands on the status socket (docs/status-protocol.md, "Commands"): the lines of a server, and the events that it gets. */
#ifndef OUTRIDER_CODEC_COMMAND_COMMAND_LINE_H
#define OUTRIDER_CODEC_COMMAND_COMMAND_LINE_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdbool.h>

struct buf;
struct server_command;
struct error;

enum command_line_kind { COMMAND_LINE_NONE, COMMAND_LINE_RESULT, COMMAND_LINE_CALL };

/* A line of the server; all is borrowed from it. */
struct command_line {
    enum command_line_kind kind;
    struct str id;                 /* result */
    bool good;                     /* result: ok, else error */
    struct str text;               /* result: TEXT; call: ARGS */
    struct str type, server, name; /* call */
};

/* Reads `result ID ok|error TEXT` or `call TYPE/ID NAME ARGS`; NONE: the line is neither. Returns 0, or -1 with what is wrong, and the
 * kind set. */
int command_line_parse(struct str line, struct command_line *ret_line, struct error *err) MUST_CHECK;

/* Appends `EVENT command id=ID name=NAME from=WHO args=JSON`. The arguments are one JSON string in which no character is left that ends
 * a line for any reader, or acts on a terminal. */
void command_event(const struct server_command *command, struct buf *out);

/* Appends `EVENT result id=ID ok|error TEXT`. */
void command_result_event(struct str id, bool good, struct str text, struct buf *out);

#endif
