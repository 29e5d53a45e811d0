#include "yaml_words_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

/* Rows for which the text is examined. */
enum { CANNOT_START, LIST_OPEN, MAP_OPEN };

/* The message of libyaml, the one shown, and whether the fault is where the context began: a quote that never
 * ends was opened long before the end of the file. Other messages are passed on. */
static const struct {
    const char *theirs;
    const char *ours;
    bool at_context;
} words[] = {
    [CANNOT_START] = {"found character that cannot start any token",
                      "a value cannot begin with this character: put it in quotes", false},
    [LIST_OPEN] = {"did not find expected ',' or ']'",
                   "the list that begins here is never closed by `]`, or a `,` is missing", true},
    [MAP_OPEN] = {"did not find expected ',' or '}'",
                  "the mapping that begins here is never closed by `}`, or a `,` is missing", true},
    {"found a tab character that violates indentation", "a tab cannot indent: use spaces", false},
    {"found a tab character where an indentation space is expected", "a tab cannot indent: use spaces",
     false},
    {"mapping values are not allowed in this context",
     "a `:` cannot stand here: look for missing quotes, at the indentation, and for a missing blank after "
     "the last `:`",
     false},
    {"block mapping keys are not allowed in this context", "a key cannot stand here: look at the indentation",
     false},
    {"block sequence entries are not allowed in this context",
     "a list item cannot stand here: begin a new line", false},
    {"did not find expected key",
     "a key was expected here: look at the indentation, and at the quotes before it", false},
    {"did not find expected '-' indicator", "a list item was expected here: look at the indentation", false},
    {"could not find expected ':'", "a `:` and a blank must follow this key", true},
    {"found unexpected end of stream", "the quote that begins here is never closed", true},
    {"found unexpected document indicator", "the quote that begins here is never closed", true},
    {"did not find expected node content", "a value was expected here", false},
    {"found unknown escape character",
     "an escape that YAML does not know: write `\\\\`, or use single quotes", false},
    {"did not find expected <document start>", "the document ended before this line: look at the indentation",
     false},
    {"did not find expected comment or line break", "nothing may follow here", false},
};

/* The position of byte `offset`, counted as editors do. */
static struct yaml_position position_of_byte(struct str text, size_t offset)
{
    struct yaml_position at = {1, 1};
    for (size_t i = 0; i < offset && i < text.size; i++) {
        if (text.data[i] == '\n') {
            at.line++;
            at.column = 1;
        } else if (((unsigned char)text.data[i] & 0xc0) != 0x80) {
            at.column++;
        }
    }
    return at;
}

/* The position of the first bytes that are no UTF-8 character; libyaml gives one within them. */
static size_t find_not_utf8(struct str text)
{
    size_t at = 0;
    for (size_t length = 1; length > 0; at += length) {
        length = str_utf8_character((struct str){text.data + at, text.size - at});
    }
    return at;
}

static struct yaml_position position_of_mark(const yaml_mark_t *mark)
{
    return (struct yaml_position){(unsigned)mark->line + 1, (unsigned)mark->column + 1};
}

static void say(struct yaml_fault *fault, struct yaml_position at, const char *text)
{
    fault->at = at;
    snprintf(fault->text, sizeof(fault->text), "%s", text);
}

/* The character at the position of the parser; NUL at the end. Marks count characters, not bytes. */
static char character_at(const yaml_parser_t *parser, struct str text)
{
    size_t left = parser->problem_mark.index;
    for (size_t i = 0; i < text.size; i++) {
        if (((unsigned char)text.data[i] & 0xc0) != 0x80 && left-- == 0) {
            return text.data[i];
        }
    }
    return '\0';
}

/* Whether the unclosed brackets contain a ${NAME}, whose brace has a meaning in YAML. */
static bool holds_variable(const yaml_parser_t *parser, struct str text)
{
    struct yaml_position from = position_of_mark(&parser->context_mark), at = {1, 1};
    struct yaml_position to = position_of_mark(&parser->problem_mark);
    for (size_t i = 0; i + 1 < text.size && at.line <= to.line; i++) {
        bool within = at.line > from.line || (at.line == from.line && at.column >= from.column);
        if (within && text.data[i] == '$' && text.data[i + 1] == '{') {
            return true;
        }
        if (text.data[i] == '\n') {
            at = (struct yaml_position){at.line + 1, 1};
        } else if (((unsigned char)text.data[i] & 0xc0) != 0x80) {
            at.column++;
        }
    }
    return false;
}

/* The message of row `i`, or a better one where the text shows what was meant. */
static const char *choose(const yaml_parser_t *parser, struct str text, size_t i)
{
    if (i == CANNOT_START && character_at(parser, text) == '\t') {
        return "a tab cannot indent: use spaces";
    }
    if ((i == LIST_OPEN || i == MAP_OPEN) && holds_variable(parser, text)) {
        return "within `[ ]` and `{ }` a `${NAME}` needs quotes";
    }
    return words[i].ours;
}

void yaml_words(const struct yaml_parser_s *parser, struct str text, struct yaml_fault *fault)
{
    const char *problem = parser->problem == NULL ? "unreadable" : parser->problem;
    if (parser->error == YAML_MEMORY_ERROR) {
        abort(); /* as in mem.h */
    }
    if (parser->error == YAML_READER_ERROR) {
        bool control = strcmp(problem, "control characters are not allowed") == 0;
        say(fault, position_of_byte(text, control ? parser->problem_offset : find_not_utf8(text)),
            control ? "a control character: remove it" : "this is not UTF-8 text");
        return;
    }
    struct yaml_position at = position_of_mark(&parser->problem_mark);
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (strcmp(problem, words[i].theirs) == 0) {
            bool context = words[i].at_context && parser->context != NULL;
            say(fault, context ? position_of_mark(&parser->context_mark) : at, choose(parser, text, i));
            return;
        }
    }
    fault->at = at;
    snprintf(fault->text, sizeof(fault->text), "not YAML: %s", problem);
}
