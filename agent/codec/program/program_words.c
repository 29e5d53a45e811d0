#include "outrider/codec/program/program_words.h"

#define MARK STR("outrider:")

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool take_count(struct str text, uint32_t *ret_count)
{
    uint64_t number;
    bool fits = str_to_u64(text, UINT32_MAX, &number) == 0;
    *ret_count = fits ? (uint32_t)number : 0;
    return fits;
}

static void set_players(struct probe_facts *facts, struct str value)
{
    struct str capacity;
    struct str players = str_split(value, '/', &capacity);
    facts->has_players = take_count(players, &facts->players);
    if (players.size < value.size) {
        facts->has_capacity = take_count(capacity, &facts->capacity);
    }
}

static void set_text(struct str *text, struct str value)
{
    value = str_trim(value);
    bool fits = value.size <= PROGRAM_TEXT_MAX && str_is_utf8(value) && !str_has_control(value);
    *text = fits ? value : (struct str){NULL, 0};
}

static void set(struct probe_facts *facts, struct str name, struct str value)
{
    static const struct str label = STR_INIT("label.");
    bool is_label = str_starts(name, label);
    if (is_label) {
        name.data += label.size;
        name.size -= label.size;
    }
    if (str_eq(name, STR("map"))) {
        set_text(&facts->map, value);
    } else if (str_eq(name, STR("name"))) {
        set_text(&facts->name, value);
    } else if (str_eq(name, STR("version"))) {
        set_text(&facts->version, value);
    } else if (!is_label && str_eq(name, STR("players"))) {
        set_players(facts, value);
    } else if (!is_label && str_eq(name, STR("capacity"))) {
        facts->has_capacity = take_count(value, &facts->capacity);
    }
}

/* The first word of `line`, cut at blanks outside of double quotes, which are no part of the value. */
static struct str take_word(struct str *line, struct str *ret_value)
{
    size_t end = 0, equals;
    bool quoted = false;
    while (end < line->size && (quoted || !is_blank(line->data[end]))) {
        quoted = quoted != (line->data[end] == '"');
        end++;
    }
    struct str word = {line->data, end};
    for (equals = 0; equals < end && line->data[equals] != '='; equals++) {
    }
    struct str value = {line->data + equals, end - equals};
    if (value.size > 0) {
        value = (struct str){value.data + 1, value.size - 1};
    }
    if (value.size >= 2 && value.data[0] == '"' && value.data[value.size - 1] == '"') {
        value = (struct str){value.data + 1, value.size - 2};
    }
    line->data += end;
    line->size -= end;
    word.size = equals;
    *ret_value = value;
    return word;
}

static void read_words(struct str line, struct probe_facts *facts)
{
    for (;;) {
        struct str value;
        while (line.size > 0 && is_blank(line.data[0])) {
            line.data++;
            line.size--;
        }
        if (line.size == 0) {
            return;
        }
        struct str name = take_word(&line, &value);
        set(facts, name, value);
    }
}

struct str program_words_read(struct str output, struct probe_facts *ret_facts)
{
    struct probe_facts facts = {0};
    struct str shown = {NULL, 0};
    while (output.size > 0) {
        struct str line = str_trim(str_split(output, '\n', &output));
        if (str_starts(line, MARK)) {
            read_words((struct str){line.data + MARK.size, line.size - MARK.size}, &facts);
        } else if (shown.size == 0) {
            shown = line;
        }
    }
    if (facts.has_capacity && facts.capacity == 0) {
        facts = (struct probe_facts){.map = facts.map, .version = facts.version, .name = facts.name};
    }
    *ret_facts = facts;
    return shown;
}
