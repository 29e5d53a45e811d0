#include "yaml_tree_internal.h"

#include "outrider/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

struct reader {
    yaml_parser_t parser;
    struct yaml_tree *tree;
    struct yaml_fault *fault;
    size_t open[YAML_DEPTH_MAX]; /* the lists and maps around the next node */
    size_t depth;
    bool has_document;
    bool done;
};

static struct yaml_position position_of(const yaml_mark_t *mark)
{
    return (struct yaml_position){(unsigned)mark->line + 1, (unsigned)mark->column + 1};
}

static int fail(struct reader *reader, struct yaml_position at, const char *text)
{
    reader->fault->at = at;
    snprintf(reader->fault->text, sizeof(reader->fault->text), "%s", text);
    return -1;
}

/* ---- syntax errors ---- */

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
    struct yaml_position from = position_of(&parser->context_mark), at = {1, 1};
    struct yaml_position to = position_of(&parser->problem_mark);
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

/* The error of the parser, for the author of the file, and the position at which to look for it. */
static int on_syntax(struct reader *reader, struct str text)
{
    const yaml_parser_t *parser = &reader->parser;
    const char *problem = parser->problem == NULL ? "unreadable" : parser->problem;
    if (parser->error == YAML_MEMORY_ERROR) {
        abort(); /* as in mem.h */
    }
    if (parser->error == YAML_READER_ERROR) {
        bool control = strcmp(problem, "control characters are not allowed") == 0;
        struct yaml_position at =
            position_of_byte(text, control ? parser->problem_offset : find_not_utf8(text));
        return fail(reader, at, control ? "a control character: remove it" : "this is not UTF-8 text");
    }
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (strcmp(problem, words[i].theirs) == 0) {
            bool context = words[i].at_context && parser->context != NULL;
            return fail(reader, position_of(context ? &parser->context_mark : &parser->problem_mark),
                        choose(parser, text, i));
        }
    }
    snprintf(reader->fault->text, sizeof(reader->fault->text), "not YAML: %s", problem);
    reader->fault->at = position_of(&parser->problem_mark);
    return -1;
}

/* ---- events ---- */

static struct yaml_node *add_node(struct reader *reader, enum yaml_kind kind, const yaml_mark_t *mark)
{
    struct yaml_tree *tree = reader->tree;
    size_t index = tree->count++;
    if (tree->count > tree->capacity) {
        tree->capacity *= 2;
        tree->nodes = mem_resize(tree->nodes, tree->capacity, sizeof(tree->nodes[0]));
    }
    tree->nodes[index] = (struct yaml_node){.kind = kind, .at = position_of(mark)};
    if (reader->depth > 0) {
        struct yaml_node *parent = &tree->nodes[reader->open[reader->depth - 1]];
        if (parent->last == 0) {
            parent->first = index;
        } else {
            tree->nodes[parent->last].next = index;
        }
        parent->last = index;
    }
    return &tree->nodes[index];
}

static int on_scalar(struct reader *reader, const yaml_event_t *event)
{
    struct yaml_node *node = add_node(reader, YAML_KIND_SCALAR, &event->start_mark);
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->anchored = event->data.scalar.anchor != NULL;
    node->tagged = event->data.scalar.tag != NULL;
    node->text = mem_copy(event->data.scalar.value, event->data.scalar.length);
    node->size = event->data.scalar.length;
    return 0;
}

static int on_open(struct reader *reader, enum yaml_kind kind, const yaml_event_t *event)
{
    if (reader->depth == YAML_DEPTH_MAX) {
        return fail(reader, position_of(&event->start_mark), "nested too deep");
    }
    struct yaml_node *node = add_node(reader, kind, &event->start_mark);
    bool list = kind == YAML_KIND_LIST;
    node->anchored = (list ? event->data.sequence_start.anchor : event->data.mapping_start.anchor) != NULL;
    node->tagged = (list ? event->data.sequence_start.tag : event->data.mapping_start.tag) != NULL;
    reader->open[reader->depth++] = reader->tree->count - 1;
    return 0;
}

static int on_event(struct reader *reader, const yaml_event_t *event)
{
    if (reader->tree->count > YAML_NODES_MAX) {
        return fail(reader, position_of(&event->start_mark), "too many values: at most 4096 are read");
    }
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (reader->has_document) {
            return fail(reader, position_of(&event->start_mark),
                        "a second document begins here: a configuration is one");
        }
        reader->has_document = true;
        return 0;
    case YAML_ALIAS_EVENT: (void)add_node(reader, YAML_KIND_ALIAS, &event->start_mark); return 0;
    case YAML_SCALAR_EVENT: return on_scalar(reader, event);
    case YAML_SEQUENCE_START_EVENT: return on_open(reader, YAML_KIND_LIST, event);
    case YAML_MAPPING_START_EVENT: return on_open(reader, YAML_KIND_MAP, event);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: reader->depth--; return 0;
    case YAML_STREAM_END_EVENT: reader->done = true; return 0;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT: break;
    }
    return 0;
}

static int read_all(struct reader *reader, struct str text)
{
    while (!reader->done) {
        yaml_event_t event;
        if (yaml_parser_parse(&reader->parser, &event) == 0) {
            return on_syntax(reader, text);
        }
        int result = on_event(reader, &event);
        yaml_event_delete(&event);
        if (result < 0) {
            return -1;
        }
    }
    return 0;
}

int yaml_tree_read(struct str text, struct yaml_tree *ret_tree, struct yaml_fault *ret_fault)
{
    struct yaml_tree tree = {.nodes = mem_zalloc(sizeof(tree.nodes[0])), .count = 1, .capacity = 1};
    struct reader reader = {.tree = &tree, .fault = ret_fault};
    if (text.size > YAML_SIZE_MAX) {
        yaml_tree_fini(&tree);
        return fail(&reader, (struct yaml_position){1, 1}, "the file is larger than 1 MiB");
    }
    if (str_starts(text, STR("\xef\xbb\xbf"))) {
        text = (struct str){text.data + 3, text.size - 3}; /* the byte order mark that some editors write */
    }
    if (yaml_parser_initialize(&reader.parser) == 0) {
        abort(); /* out of memory, as in mem.h */
    }
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)(text.size == 0 ? "" : text.data),
                                 text.size);
    int result = read_all(&reader, text);
    yaml_parser_delete(&reader.parser);
    if (result < 0) {
        yaml_tree_fini(&tree);
        return -1;
    }
    *ret_tree = tree;
    return 0;
}

void yaml_tree_fini(struct yaml_tree *tree)
{
    if (tree == NULL) {
        return;
    }
    for (size_t i = 0; i < tree->count; i++) {
        free(tree->nodes[i].text);
    }
    free(tree->nodes);
    *tree = (struct yaml_tree){0};
}

struct str yaml_text(const struct yaml_node *node)
{
    return (struct str){node->text, node->size};
}
