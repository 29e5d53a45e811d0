#include "cmd_kv_internal.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"

#include <stdlib.h>

enum { WORDS_MAX = 6 };

struct line {
    struct kv_script *script;
    size_t number;
    struct str words[WORDS_MAX];
    size_t count;
    struct error *err;
};

static int wrong(const struct line *line, const char *what)
{
    return error_set(line->err, ERROR_INVALID, "line %zu: %s", line->number, what);
}

static bool is(const struct line *line, size_t at, const char *word)
{
    return at < line->count && str_eq(line->words[at], str_of(word));
}

/* ---- words ---- */

/* Takes the escape behind a backslash; returns how many bytes it was, 0 when it is none. */
static size_t take_escape(struct str text, struct buf *out)
{
    static const char from[] = "\"\\nrt", to[] = "\"\\\n\r\t";
    const char *found = text.size == 0 || text.data[0] == '\0' ? NULL : strchr(from, text.data[0]);
    if (found != NULL) {
        buf_add(out, &to[found - from], 1);
        return 1;
    }
    int high = text.size >= 3 && text.data[0] == 'x' ? hex_value(text.data[1]) : -1;
    int low = high >= 0 ? hex_value(text.data[2]) : -1;
    if (low < 0) {
        return 0;
    }
    buf_add(out, (const char[]){(char)(high * 16 + low)}, 1);
    return 3;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Takes the word at the start of `text`, which may be quoted. */
static int take_word(struct line *line, struct str *text)
{
    struct buf word = {0};
    bool quoted = text->data[0] == '"';
    size_t at = quoted ? 1 : 0, used = 1;
    while (used > 0 && at < text->size && (quoted ? text->data[at] != '"' : !is_blank(text->data[at]))) {
        if (quoted && text->data[at] == '\\') {
            used = take_escape((struct str){text->data + at + 1, text->size - at - 1}, &word);
            at += 1 + used;
        } else {
            buf_add(&word, &text->data[at++], 1);
        }
    }
    bool closed = at < text->size;
    at += quoted && closed ? 1 : 0;
    *text = (struct str){text->data + at, text->size - at};
    line->words[line->count++] = queue_copy(&line->script->arena, buf_view(&word));
    buf_fini(&word);
    if (used == 0) {
        return wrong(line, "after a \\ comes \", \\, n, r, t or xHH");
    }
    if (quoted && !closed) {
        return wrong(line, "a quote is not closed");
    }
    return text->size > 0 && !is_blank(text->data[0]) ? wrong(line, "after a closing quote comes a blank")
                                                      : 0;
}

static int split(struct line *line, struct str text)
{
    for (;;) {
        while (text.size > 0 && is_blank(text.data[0])) {
            text = (struct str){text.data + 1, text.size - 1};
        }
        if (text.size == 0 || text.data[0] == '#') {
            return 0;
        }
        if (line->count == WORDS_MAX) {
            return wrong(line, "too many words");
        }
        if (take_word(line, &text) < 0) {
            return -1;
        }
    }
}

/* ---- if ---- */

static int take_what(const struct line *line, struct str what, struct etcd_compare *compare)
{
    if (compare->target == ETCD_TARGET_VALUE) {
        compare->value = what;
        return 0;
    }
    if (compare->target == ETCD_TARGET_LEASE && !str_eq(what, STR("0"))) {
        return kv_lease_parse(what.data, &compare->number) < 0
                   ? wrong(line, "a lease id is hexadecimal, 0 for none")
                   : 0;
    }
    return str_to_i64(what, &compare->number) < 0 ? wrong(line, "it is compared with a number") : 0;
}

static int index_of(struct str word, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(word, str_of(names[i]))) {
            return (int)i;
        }
    }
    return -1;
}

static int read_compare(const struct line *line, struct etcd_compare *compare)
{
    static const char *const targets[ETCD_TARGET_COUNT] = {"version", "create", "mod", "value", "lease"};
    static const char *const relations[ETCD_RELATION_COUNT] = {"=", ">", "<", "!="};
    if (line->count == 3 && (is(line, 1, "exists") || is(line, 1, "missing"))) {
        *compare = (struct etcd_compare){.target = ETCD_TARGET_CREATE,
                                         .relation = is(line, 1, "exists") ? ETCD_GREATER : ETCD_EQUAL,
                                         .key = line->words[2]};
        return compare->key.size == 0 ? wrong(line, "a key is not empty") : 0;
    }
    int target = line->count == 5 ? index_of(line->words[1], targets, COUNT_OF(targets)) : -1;
    int relation = line->count == 5 ? index_of(line->words[3], relations, COUNT_OF(relations)) : -1;
    if (target < 0 || relation < 0) {
        return wrong(line, "`if exists KEY`, `if missing KEY` or `if value|version|create|mod|lease KEY "
                           "=|!=|<|> WHAT`");
    }
    *compare = (struct etcd_compare){
        .target = (enum etcd_target)target, .relation = (enum etcd_relation)relation, .key = line->words[2]};
    return compare->key.size == 0 ? wrong(line, "a key is not empty")
                                  : take_what(line, line->words[4], compare);
}

/* ---- then and else ---- */

static int read_put(const struct line *line, struct etcd_op *op)
{
    if (line->count < 4 || line->count > 5) {
        return wrong(line, "`put KEY VALUE [--lease=ID]`; quote a value with blanks");
    }
    op->value = line->words[3];
    if (line->count == 5 && (!str_starts(line->words[4], STR("--lease=")) ||
                             kv_lease_parse(line->words[4].data + strlen("--lease="), &op->lease) < 0)) {
        return wrong(line, "after the value only `--lease=ID`, a hexadecimal id");
    }
    return 0;
}

static int read_range(const struct line *line, struct etcd_op *op)
{
    bool prefix = line->count == 4 && is(line, 3, "--prefix");
    if (line->count != 3 && !prefix) {
        return wrong(line, "`get KEY [--prefix]` or `del KEY [--prefix]`");
    }
    if (prefix) {
        struct buf end = {0};
        etcd_prefix_end(op->key, &end);
        op->end = queue_copy(&line->script->arena, buf_view(&end));
        buf_fini(&end);
    }
    return 0;
}

static int read_op(const struct line *line, struct etcd_op *op)
{
    static const char *const names[] = {[ETCD_GET] = "get", [ETCD_PUT] = "put", [ETCD_DELETE] = "del"};
    int kind = line->count > 1 ? index_of(line->words[1], names, COUNT_OF(names)) : -1;
    if (kind < 0) {
        return wrong(line, "after `then` and `else` comes `get`, `put` or `del`");
    }
    if (line->count < 3 || line->words[2].size == 0) {
        return wrong(line, "a key is missing or empty");
    }
    *op = (struct etcd_op){.kind = (enum etcd_op_kind)kind, .key = line->words[2]};
    return op->kind == ETCD_PUT ? read_put(line, op) : read_range(line, op);
}

/* ---- lines ---- */

static struct etcd_op *add_op(struct etcd_op **ops, size_t *count)
{
    *ops = mem_resize(*ops, *count + 1, sizeof(**ops));
    return &(*ops)[(*count)++];
}

static int read_line(struct line *line, struct str text)
{
    struct kv_script *script = line->script;
    if (split(line, text) < 0) {
        return -1;
    }
    if (line->count == 0) {
        return 0;
    }
    if (is(line, 0, "if")) {
        script->compares =
            mem_resize(script->compares, script->txn.compare_count + 1, sizeof(script->compares[0]));
        return read_compare(line, &script->compares[script->txn.compare_count++]);
    }
    if (is(line, 0, "then")) {
        return read_op(line, add_op(&script->then, &script->txn.then_count));
    }
    if (is(line, 0, "else")) {
        return read_op(line, add_op(&script->otherwise, &script->txn.otherwise_count));
    }
    return wrong(line, "a line begins with `if`, `then`, `else` or `#`");
}

int kv_script_parse(struct kv_script *script, struct str text, struct error *err)
{
    queue_init(&script->arena, 1);
    text = str_skip_bom(text);
    for (size_t number = 1; text.size > 0; number++) {
        struct str row = str_split(text, '\n', &text);
        row.size -= row.size > 0 && row.data[row.size - 1] == '\r' ? 1 : 0;
        struct line line = {.script = script, .number = number, .err = err};
        if (number > KV_SCRIPT_LINES_MAX) {
            return error_set(err, ERROR_LIMIT, "more than %d lines", KV_SCRIPT_LINES_MAX);
        }
        if (read_line(&line, row) < 0) {
            return -1;
        }
    }
    script->txn.compares = script->compares;
    script->txn.then = script->then;
    script->txn.otherwise = script->otherwise;
    if (script->txn.then_count + script->txn.otherwise_count == 0) {
        return error_set(err, ERROR_INVALID, "nothing to do: a line such as `then put KEY VALUE`");
    }
    return 0;
}

void kv_script_fini(struct kv_script *script)
{
    queue_fini(&script->arena);
    free(script->compares);
    free(script->then);
    free(script->otherwise);
    *script = (struct kv_script){0};
}
