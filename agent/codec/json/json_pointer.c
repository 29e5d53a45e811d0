#include "outrider/codec/json/json_pointer.h"

#include "outrider/base/buf.h"

/* The name that one step of the pointer means: "~1" is '/', "~0" is '~'. Returns 0, or -1 for any other '~'. */
static int unescape(struct str step, struct buf *ret_name)
{
    for (size_t i = 0; i < step.size; i++) {
        char c = step.data[i];
        if (c == '~') {
            char which = ++i < step.size ? step.data[i] : '\0';
            if (which != '0' && which != '1') {
                return -1;
            }
            c = which == '0' ? '~' : '/';
        }
        buf_add(ret_name, &c, 1);
    }
    return 0;
}

static const json_t *item(const json_t *array, struct str index)
{
    uint64_t number;
    bool has_zero = index.size > 1 && index.data[0] == '0';
    return has_zero || str_to_u64(index, SIZE_MAX, &number) < 0 ? NULL
                                                                : json_array_get(array, (size_t)number);
}

static const json_t *member(const json_t *object, struct str step)
{
    struct buf name = {0};
    const json_t *value = unescape(step, &name) < 0 ? NULL : json_object_get(object, buf_text(&name));
    buf_fini(&name);
    return value;
}

const json_t *json_pointer(const json_t *document, const char *pointer)
{
    const json_t *value = document;
    struct str left = str_of(pointer);
    while (value != NULL && left.size > 0) {
        if (left.data[0] != '/') {
            return NULL;
        }
        struct str rest, step = str_split((struct str){left.data + 1, left.size - 1}, '/', &rest);
        left = (struct str){step.data + step.size, left.size - 1 - step.size};
        value = json_is_array(value) ? item(value, step) : member(value, step);
    }
    return value;
}
