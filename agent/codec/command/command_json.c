#include "outrider/codec/command/command_json.h"

#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/json/json_scan.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/command/command.h"

#include <stdio.h>

void command_encode(const struct server_command *command, struct buf *out)
{
    struct json_writer json = {.out = out};
    json_write_object(&json);
    json_member_text(&json, "name", command->name);
    json_member_string(&json, "args", str_of(command->args));
    json_member_text(&json, "from", command->from);
    json_write_key(&json, "at");
    json_write_time(&json, command->at_wall);
    json_write_key(&json, "until");
    json_write_time(&json, command->until_wall);
    json_member_text(&json, "state", command_state_name(command->state));
    json_member_text_if(&json, "text", command->text);
    json_write_object_end(&json);
}

enum { NAME, ARGS, FROM, AT, UNTIL, STATE, TEXT, MEMBERS };
enum { NEEDED = 1 << NAME | 1 << ARGS | 1 << FROM | 1 << AT | 1 << UNTIL | 1 << STATE };

static int read_member(struct json_scan *scan, struct str name, struct str texts[static MEMBERS],
                       unsigned *has)
{
    static const struct str names[MEMBERS] = {
        [NAME] = STR_INIT("name"), [ARGS] = STR_INIT("args"),   [FROM] = STR_INIT("from"),
        [AT] = STR_INIT("at"),     [UNTIL] = STR_INIT("until"), [STATE] = STR_INIT("state"),
        [TEXT] = STR_INIT("text"),
    };
    unsigned which = 0;
    while (which < MEMBERS && !str_eq(name, names[which])) {
        which++;
    }
    if (which == MEMBERS) {
        return error_set(scan->err, ERROR_INVALID, "unknown member `%.*s`",
                         (int)(name.size < 64 ? name.size : 64), name.data);
    }
    if ((*has & 1U << which) != 0) {
        return error_set(scan->err, ERROR_INVALID, "%s: duplicate", names[which].data);
    }
    *has |= 1U << which;
    return json_scan_string(scan, &texts[which]);
}

static int read_members(struct json_scan *scan, struct str texts[static MEMBERS], unsigned *ret_has)
{
    struct str name;
    int more;
    for (bool first = true; (more = json_scan_member(scan, first, &name)) > 0; first = false) {
        if (read_member(scan, name, texts, ret_has) < 0) {
            return -1;
        }
    }
    if (more < 0 || json_scan_end(scan) < 0) {
        return -1;
    }
    return (NEEDED & ~*ret_has) == 0 ? 0 : error_set(scan->err, ERROR_INVALID, "a member is missing");
}

static int take_times(const struct str texts[static MEMBERS], struct error *err,
                      struct server_command *command)
{
    if (timestamp_parse(texts[AT], &command->at_wall) < 0 || command->at_wall < 0 ||
        timestamp_parse(texts[UNTIL], &command->until_wall) < 0) {
        return error_set(err, ERROR_INVALID, "at, until: not times like 2026-11-21T02:14:00.123Z");
    }
    int64_t span = command->until_wall - command->at_wall;
    if (span < COMMAND_TTL_MIN_MS || span > COMMAND_TTL_MAX_MS) {
        return error_set(err, ERROR_INVALID, "until: not 1 s to 1 h after `at`");
    }
    return 0;
}

static char *copy_of(struct str text)
{
    return text.size == 0 ? NULL : mem_copy(text.data, text.size);
}

static int take_texts(struct str id, const struct str texts[static MEMBERS], struct error *err,
                      struct server_command *command)
{
    if (!ulid_valid(id)) {
        return error_set(err, ERROR_INVALID, "the key does not end in a ULID");
    }
    if (!command_is_name(texts[NAME])) {
        return error_set(err, ERROR_INVALID, "name: not 1 to %d of a-z, 0-9, `_`, `.` and `-`",
                         COMMAND_NAME_MAX);
    }
    if (!command_is_from(texts[FROM])) {
        return error_set(err, ERROR_INVALID, "from: not 1 to %d printable characters without blanks",
                         COMMAND_FROM_MAX);
    }
    if (!command_is_args(texts[ARGS])) {
        return error_set(err, ERROR_INVALID, "args: longer than %d bytes, or not text", COMMAND_ARGS_MAX);
    }
    if (!command_is_text(texts[TEXT])) {
        return error_set(err, ERROR_INVALID, "text: longer than %d bytes, or a control character in it",
                         COMMAND_TEXT_MAX);
    }
    if (command_state_parse(texts[STATE], &command->state) < 0) {
        return error_set(err, ERROR_INVALID, "state: no such state");
    }
    snprintf(command->id, sizeof(command->id), "%.*s", STR_ARG(id));
    snprintf(command->name, sizeof(command->name), "%.*s", STR_ARG(texts[NAME]));
    snprintf(command->from, sizeof(command->from), "%.*s", STR_ARG(texts[FROM]));
    return 0;
}

int command_decode(struct str id, struct str text, struct server_command *ret_command, struct error *err)
{
    struct str texts[MEMBERS] = {0};
    struct server_command command = {0};
    unsigned has = 0;
    if (text.size > COMMAND_JSON_MAX) {
        return error_set(err, ERROR_LIMIT, "longer than %d bytes", COMMAND_JSON_MAX);
    }
    if (!str_is_utf8(text)) {
        return error_set(err, ERROR_INVALID, "not UTF-8");
    }
    struct json_scan scan = {.text = text, .err = err};
    int result = read_members(&scan, texts, &has) < 0 || take_texts(id, texts, err, &command) < 0 ||
                         take_times(texts, err, &command) < 0
                     ? -1
                     : 0;
    if (result == 0) {
        command.args = copy_of(texts[ARGS]);
        command.text = copy_of(texts[TEXT]);
        *ret_command = command;
    }
    json_scan_fini(&scan);
    return result;
}
