#include "yaml_tree_internal.h"

#include "outrider/base/mem.h"
#include "yaml_words_internal.h"

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

static int fail(struct reader *reader, const yaml_mark_t *mark, const char *text)
{
    reader->fault->at = position_of(mark);
    snprintf(reader->fault->text, sizeof(reader->fault->text), "%s", text);
    return -1;
}

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
        return fail(reader, &event->start_mark, "nested too deep");
    }
    struct yaml_node *node = add_node(reader, kind, &event->start_mark);
    bool list = kind == YAML_KIND_LIST;
    node->anchored = (list ? event->data.sequence_start.anchor : event->data.mapping_start.anchor) != NULL;
    node->tagged = (list ? event->data.sequence_start.tag : event->data.mapping_start.tag) != NULL;
    reader->open[reader->depth++] = reader->tree->count - 1;
    return 0;
}

static int on_document(struct reader *reader, const yaml_event_t *event)
{
    if (reader->has_document) {
        return fail(reader, &event->start_mark, "a second document begins here: a configuration is one");
    }
    reader->has_document = true;
    return 0;
}

static int on_event(struct reader *reader, const yaml_event_t *event)
{
    if (reader->tree->count > YAML_NODES_MAX) {
        return fail(reader, &event->start_mark, "too many values: at most 4096 are read");
    }
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT: return on_document(reader, event);
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
            yaml_words(&reader->parser, text, reader->fault);
            return -1;
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
    static const yaml_mark_t start = {0};
    if (text.size > YAML_SIZE_MAX) {
        yaml_tree_fini(&tree);
        return fail(&reader, &start, "the file is larger than 1 MiB");
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
