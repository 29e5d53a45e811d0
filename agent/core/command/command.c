#include "outrider/core/command/command.h"

#include "outrider/base/attr.h"
#include "outrider/base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[COMMAND_STATE_COUNT] = {
    [COMMAND_QUEUED] = "queued", [COMMAND_DELIVERED] = "delivered", [COMMAND_OK] = "ok",
    [COMMAND_ERROR] = "error",   [COMMAND_EXPIRED] = "expired",
};

const char *command_state_name(enum command_state state)
{
    return names[state];
}

int command_state_parse(struct str name, enum command_state *ret_state)
{
    for (int i = 0; i < COMMAND_STATE_COUNT; i++) {
        if (str_eq(name, str_of(names[i]))) {
            *ret_state = (enum command_state)i;
            return 0;
        }
    }
    return -1;
}

#define TO(state) (1u << COMMAND_##state)

static const unsigned allowed[COMMAND_STATE_COUNT] = {
    /* OK without DELIVERED: the agent that delivered it wrote nothing before the result came. */
    [COMMAND_QUEUED] = TO(DELIVERED) | TO(OK) | TO(ERROR) | TO(EXPIRED),
    [COMMAND_DELIVERED] = TO(OK) | TO(ERROR) | TO(EXPIRED),
    [COMMAND_OK] = 0,
    [COMMAND_ERROR] = 0,
    [COMMAND_EXPIRED] = 0,
};

bool command_is_final(enum command_state state)
{
    return allowed[state] == 0;
}

bool command_may_move(enum command_state from, enum command_state to)
{
    return (allowed[from] & 1u << to) != 0;
}

void command_move(struct server_command *command, enum command_state to, struct str text)
{
    assert(command_may_move(command->state, to));
    command->state = to;
    free(command->text);
    command->text = text.size == 0 ? NULL : mem_copy(text.data, text.size);
}

/* ---- what may be in it ---- */

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

bool command_is_name(struct str name)
{
    for (size_t i = 0; i < name.size; i++) {
        if (!is_name_byte(name.data[i])) {
            return false;
        }
    }
    return name.size > 0 && name.size <= COMMAND_NAME_MAX;
}

bool command_is_pattern(struct str pattern)
{
    if (pattern.size == 0 || pattern.data[pattern.size - 1] != '*') {
        return command_is_name(pattern);
    }
    pattern.size--;
    return pattern.size == 0 || command_is_name(pattern);
}

bool command_fits(char *const patterns[], size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++) {
        struct str pattern = str_of(patterns[i]);
        bool open = pattern.size > 0 && pattern.data[pattern.size - 1] == '*';
        pattern.size -= open ? 1 : 0;
        if (open ? str_starts(name, pattern) : str_eq(name, pattern)) {
            return true;
        }
    }
    return false;
}

static bool is_from_byte(char c)
{
    return c > ' ' && c <= '~' && c != '"' && c != '=';
}

bool command_is_from(struct str from)
{
    for (size_t i = 0; i < from.size; i++) {
        if (!is_from_byte(from.data[i])) {
            return false;
        }
    }
    return from.size > 0 && from.size <= COMMAND_FROM_MAX;
}

void command_make_from(struct str from, char ret_from[static COMMAND_FROM_MAX + 1])
{
    size_t size = from.size < COMMAND_FROM_MAX ? from.size : COMMAND_FROM_MAX;
    for (size_t i = 0; i < size; i++) {
        ret_from[i] = is_from_byte(from.data[i]) ? from.data[i] : '_';
    }
    if (size == 0) {
        ret_from[size++] = '-';
    }
    ret_from[size] = '\0';
}

bool command_is_args(struct str args)
{
    bool fits = args.size <= COMMAND_ARGS_MAX && str_is_utf8(args);
    return fits && (args.size == 0 || memchr(args.data, '\0', args.size) == NULL);
}

bool command_is_text(struct str text)
{
    if (text.size > COMMAND_TEXT_MAX) {
        return false;
    }
    while (text.size > 0) {
        size_t size = str_utf8_character(text);
        bool tab = text.data[0] == '\t';
        if (size == 0 || (!tab && str_is_control((struct str){text.data, size}))) {
            return false;
        }
        text = (struct str){text.data + size, text.size - size};
    }
    return true;
}

bool command_is_same(const struct server_command *a, const struct server_command *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->from, b->from) == 0 &&
           str_eq(str_of(a->args), str_of(b->args)) &&
           a->until_wall - a->at_wall == b->until_wall - b->at_wall;
}

/* ---- life ---- */

void command_copy(const struct server_command *command, struct server_command *ret_copy)
{
    struct server_command copy = *command;
    copy.args = command->args == NULL ? NULL : mem_strdup(command->args);
    copy.text = command->text == NULL ? NULL : mem_strdup(command->text);
    *ret_copy = copy;
}

void command_fini(struct server_command *command)
{
    free(command->args);
    free(command->text);
    command->args = command->text = NULL;
}
