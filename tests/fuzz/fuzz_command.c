/* Commands: what is read from a key can be written and reads as the same; what a server sends, and what it is told, is one line. */
#include "must.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/command/command_json.h"
#include "outrider/codec/command/command_line.h"
#include "outrider/core/command/command.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct str id = STR_INIT("01JZZZZZZZ0000000000000001");

static void check_event(const struct server_command *command)
{
    struct buf out = {0};
    command_event(command, &out);
    struct str event = buf_view(&out);
    must(!str_has_control(event) && event.data[event.size - 1] == '"');
    command_result_event(str_of(command->id), true, str_of(command->text), &out);
    must(memchr(out.data, '\n', out.size) == NULL);
    buf_fini(&out);
}

static void check_value(struct str text)
{
    struct server_command command = {0}, back = {0};
    struct error err = {0};
    if (command_decode(id, text, &command, &err) < 0) {
        must(err.code != ERROR_NONE && err.text[0] != '\0' && command.name[0] == '\0');
        return;
    }
    struct buf out = {0};
    command_encode(&command, &out);
    must(out.size <= COMMAND_JSON_MAX && command_decode(id, buf_view(&out), &back, &err) == 0);
    must(command_is_same(&command, &back) && back.state == command.state);
    must(str_eq(str_of(command.text), str_of(back.text)) && command.at_wall == back.at_wall);
    check_event(&command);
    buf_fini(&out);
    command_fini(&back);
    command_fini(&command);
}

static void check_line(struct str text)
{
    struct command_line line;
    struct error err = {0};
    if (command_line_parse(text, &line, &err) < 0) {
        must(line.kind != COMMAND_LINE_NONE && err.text[0] != '\0');
    } else if (line.kind == COMMAND_LINE_RESULT) {
        must(ulid_valid(line.id) && command_is_text(line.text));
    } else if (line.kind == COMMAND_LINE_CALL) {
        must(command_is_name(line.name) && command_is_args(line.text) && line.type.size > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_value((struct str){(const char *)data, size});
    check_line((struct str){(const char *)data, size});
    return 0;
}
