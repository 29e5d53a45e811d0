/* A YAML document as a tree of values with their positions; what configurations do not need is refused. */
#ifndef OUTRIDER_CODEC_CONFIG_YAML_TREE_INTERNAL_H
#define OUTRIDER_CODEC_CONFIG_YAML_TREE_INTERNAL_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stddef.h>

enum { YAML_SIZE_MAX = 1 << 20, YAML_NODES_MAX = 4096, YAML_DEPTH_MAX = 8 };

/* Lines and columns count from 1, columns in characters. */
struct yaml_position {
    unsigned line, column;
};

enum yaml_kind { YAML_KIND_SCALAR, YAML_KIND_LIST, YAML_KIND_MAP, YAML_KIND_ALIAS };

struct yaml_node {
    enum yaml_kind kind;
    struct yaml_position at;
    bool plain;    /* a scalar without quotes */
    bool anchored; /* has &anchor */
    bool tagged;   /* has !tag */
    char *text;    /* of a scalar, owned; may hold NUL bytes */
    size_t size;
    size_t first, last; /* children; of a map: key, value, key, value */
    size_t next;        /* sibling */
};

/* Nodes are named by their index; 0 is none. The root, if any, is 1. */
struct yaml_tree {
    struct yaml_node *nodes;
    size_t count; /* number of nodes and the unused one at 0 */
    size_t capacity;
};

/* Why a text was refused, and where. */
struct yaml_fault {
    struct yaml_position at;
    char text[256];
};

/* Reads `text` into `ret_tree`, which the caller ends with yaml_tree_fini; an empty document has no root.
 * Returns 0, or -1 with the first fault: no YAML, larger than YAML_SIZE_MAX, more nodes or deeper than
 * allowed, a second document. */
int yaml_tree_read(struct str text, struct yaml_tree *ret_tree, struct yaml_fault *ret_fault) MUST_CHECK;

/* Frees the nodes; accepts a zeroed tree and NULL. */
void yaml_tree_fini(struct yaml_tree *tree);

/* The text of a scalar; empty for other nodes. */
struct str yaml_text(const struct yaml_node *node);

#endif
