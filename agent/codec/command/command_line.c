#include "outrider/codec/command/command_line.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/core/command/command.h"

static int parse_result(struct str rest, struct command_line *line, struct error *err)
{
    line->id = str_split(rest, ' ', &rest);
    struct str how = str_split(rest, ' ', &line->text);
    line->good = str_eq(how, STR("ok"));
    if (!ulid_valid(line->id)) {
        return error_set(err, ERROR_INVALID, "result ID ok|error TEXT: ID is that of the event");
    }
    if (!line->good && !str_eq(how, STR("error"))) {
        return error_set(err, ERROR_INVALID, "result ID ok|error TEXT: behind ID comes `ok` or `error`");
    }
    if (!command_is_text(line->text)) {
        return error_set(err, ERROR_INVALID, "TEXT: longer than %d bytes, or a control character in it",
                         COMMAND_TEXT_MAX);
    }
    return 0;
}

static int parse_call(struct str rest, struct command_line *line, struct error *err)
{
    struct str target = str_split(rest, ' ', &rest);
    line->type = str_split(target, '/', &line->server);
    line->name = str_split(rest, ' ', &line->text);
    if (line->type.size == 0 || line->server.size == 0 || str_split(line->server, '/', &target).size == 0 ||
        target.size > 0) {
        return error_set(err, ERROR_INVALID, "call TYPE/ID NAME ARGS: TYPE/ID names a server");
    }
    if (!command_is_name(line->name)) {
        return error_set(err, ERROR_INVALID, "NAME: not 1 to %d of a-z, 0-9, `_`, `.` and `-`",
                         COMMAND_NAME_MAX);
    }
    if (!command_is_args(line->text)) {
        return error_set(err, ERROR_INVALID, "ARGS: longer than %d bytes, or not text", COMMAND_ARGS_MAX);
    }
    return 0;
}

int command_line_parse(struct str line, struct command_line *ret_line, struct error *err)
{
    *ret_line = (struct command_line){.kind = COMMAND_LINE_NONE};
    if (line.size > 0 && line.data[line.size - 1] == '\r') {
        line.size--;
    }
    struct str rest, word = str_split(line, ' ', &rest);
    if (str_eq(word, STR("result"))) {
        ret_line->kind = COMMAND_LINE_RESULT;
        return parse_result(rest, ret_line, err);
    }
    if (str_eq(word, STR("call"))) {
        ret_line->kind = COMMAND_LINE_CALL;
        return parse_call(rest, ret_line, err);
    }
    return 0;
}

/* ---- events ---- */

/* JSON leaves U+0085, U+2028 and their like as they are; some readers of lines take them for the end of one. All of them are below
 * U+10000. */
static void add_json_string(struct buf *out, struct str text)
{
    buf_add(out, "\"", 1);
    while (text.size > 0) {
        size_t size = str_utf8_character(text);
        struct str character = {text.data, size == 0 ? 1 : size};
        unsigned code = str_code_point(character);
        if (str_is_control(character)) {
            buf_printf(out, "\\u%04x", code);
        } else {
            if (code == '"' || code == '\\') {
                buf_add(out, "\\", 1);
            }
            buf_str(out, character);
        }
        text = (struct str){text.data + character.size, text.size - character.size};
    }
    buf_add(out, "\"", 1);
}

void command_event(const struct server_command *command, struct buf *out)
{
    buf_printf(out, "EVENT command id=%s name=%s from=%s args=", command->id, command->name, command->from);
    add_json_string(out, str_of(command->args));
}

void command_result_event(struct str id, bool good, struct str text, struct buf *out)
{
    buf_printf(out, "EVENT result id=%.*s %s", STR_ARG(id), good ? "ok" : "error");
    if (text.size > 0) {
        buf_add(out, " ", 1);
        buf_str(out, text);
    }
}
