#include "outrider/cli/common/document.h"

#include "outrider/base/buf.h"
#include "outrider/base/duration.h"
#include "outrider/codec/text/printable.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A double holds every whole number up to here exactly. */
#define EXACT 9e15

/* As many as a double keeps of what was written: 0.081 is not printed as 0.081000000000000003. */
enum { DIGITS = 15 };

/* jansson is told to read every number as a double. Turns whole ones back into integers. */
static json_t *whole(json_t *value)
{
    size_t index;
    const char *name;
    json_t *member;
    double real = json_is_real(value) ? json_real_value(value) : 0.5;
    if (real > -EXACT && real < EXACT && !((double)(json_int_t)real < real) &&
        !((double)(json_int_t)real > real)) {
        return json_integer((json_int_t)real);
    }
    json_object_foreach(value, name, member)
    {
        json_object_set_new(value, name, whole(member));
    }
    json_array_foreach(value, index, member)
    {
        json_array_set_new(value, index, whole(member));
    }
    return json_incref(value);
}

json_t *document_parse(struct str text)
{
    json_error_t why;
    if (text.size == 0) {
        return NULL;
    }
    json_t *document = json_loadb(text.data, text.size, JSON_ALLOW_NUL, &why);
    if (document == NULL && json_error_code(&why) == json_error_numeric_overflow) {
        json_t *real = json_loadb(text.data, text.size, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &why);
        document = whole(real);
        json_decref(real);
    }
    return document;
}

void document_make_printable(json_t *document)
{
    size_t index;
    const char *name;
    json_t *member;
    if (json_is_string(document)) {
        struct buf text = {0};
        struct str before = {json_string_value(document), json_string_length(document)};
        printable_add(&text, before, SIZE_MAX, '?');
        json_string_setn(document, buf_text(&text), text.size);
        buf_fini(&text);
    }
    json_object_foreach(document, name, member)
    {
        document_make_printable(member);
    }
    json_array_foreach(document, index, member)
    {
        document_make_printable(member);
    }
}

const json_t *document_at(const json_t *object, const char *path)
{
    struct str rest = str_of(path);
    while (object != NULL && rest.size > 0) {
        char name[64];
        struct str part = str_split(rest, '.', &rest);
        snprintf(name, sizeof(name), "%.*s", STR_ARG(part));
        object = json_object_get(object, name);
    }
    return object;
}

const char *document_text(const json_t *object, const char *path)
{
    const char *text = json_string_value(document_at(object, path));
    return text == NULL || text[0] == '\0' ? NULL : text;
}

const char *document_text_or(const json_t *object, const char *path, const char *other)
{
    const char *text = document_text(object, path);
    return text == NULL ? other : text;
}

bool document_is(const json_t *object, const char *path, const char *word)
{
    return strcmp(document_text_or(object, path, ""), word) == 0;
}

bool document_number(const json_t *object, const char *path, int64_t *ret_value)
{
    const json_t *value = document_at(object, path);
    if (!json_is_number(value)) {
        return false;
    }
    /* No larger number has a meaning here, and sums could overflow. */
    double real = json_number_value(value);
    if (!(real > -EXACT && real < EXACT)) {
        return false;
    }
    *ret_value = json_is_integer(value) ? json_integer_value(value) : (int64_t)real;
    return true;
}

int64_t document_number_or(const json_t *object, const char *path, int64_t other)
{
    int64_t value = other;
    (void)document_number(object, path, &value);
    return value;
}

bool document_true(const json_t *object, const char *path)
{
    return json_is_true(document_at(object, path));
}

bool document_time(const json_t *object, const char *path, int64_t *ret_wall_ms)
{
    const char *text = document_text(object, path);
    return text != NULL && timestamp_parse(str_of(text), ret_wall_ms) == 0;
}

bool document_span(const json_t *object, const char *path, char ret_span[static 32])
{
    int64_t ms;
    if (!document_number(object, path, &ms)) {
        return false;
    }
    bool in_seconds = ms > 9000; /* below, tenths are shown */
    duration_human(in_seconds ? (ms / 1000 + (ms % 1000 > 0 ? 1 : 0)) * 1000 : ms, ret_span);
    return true;
}

bool document_print(const json_t *document, size_t flags)
{
    size_t ascii = isatty(STDOUT_FILENO) ? JSON_ENSURE_ASCII : 0;
    return json_dumpf(document, stdout, flags | ascii | JSON_REAL_PRECISION(DIGITS)) == 0 &&
           putchar('\n') != EOF;
}
