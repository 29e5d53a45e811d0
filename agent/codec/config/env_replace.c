/* ${NAME} in the values of a configuration. */
#include "config_yaml_internal.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"

enum { NAME_MAX_BYTES = 128 };

static bool is_name(struct str name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9')) {
            return false;
        }
    }
    return name.size > 0 && name.size <= NAME_MAX_BYTES;
}

static int replace_one(struct str inside, config_env_fn *env, void *user, struct buf *out, struct error *err)
{
    const char *mark = inside.size < 2 ? NULL : memmem(inside.data, inside.size, ":-", 2);
    size_t size = mark == NULL ? inside.size : (size_t)(mark - inside.data);
    struct str name = {inside.data, size};
    if (!is_name(name)) {
        return error_set(err, ERROR_INVALID,
                         "`${` needs the name of a variable and `}`: ${NAME} or ${NAME:-default}");
    }
    char variable[NAME_MAX_BYTES + 1];
    memcpy(variable, name.data, name.size);
    variable[name.size] = '\0';
    struct str value = str_of(env(variable, user));
    if (mark != NULL) {
        struct str fallback = {mark + 2, inside.size - size - 2};
        if (fallback.size > 0 && memchr(fallback.data, '$', fallback.size) != NULL) {
            return error_set(err, ERROR_INVALID,
                             "the default of ${%s:-...} is taken as written and cannot have a `$`", variable);
        }
        /* As in a shell, an empty variable is as good as none. */
        buf_str(out, value.size == 0 ? fallback : value);
        return 0;
    }
    if (value.data == NULL && str_eq(name, STR("OUTRIDER_DEADLINE_SECONDS"))) {
        return error_set(err, ERROR_NOT_FOUND,
                         "a hook learns the seconds when it runs: write $${OUTRIDER_DEADLINE_SECONDS}");
    }
    if (value.data == NULL) {
        return error_set(err, ERROR_NOT_FOUND,
                         "the environment variable %s is not set: set it, or write ${%s:-default}", variable,
                         variable);
    }
    buf_str(out, value);
    return 0;
}

int env_replace(struct str text, config_env_fn *env, void *user, struct buf *out, struct error *err)
{
    while (text.size > 0) {
        struct str rest;
        struct str plain = str_split(text, '$', &rest);
        buf_str(out, plain);
        if (plain.size == text.size) {
            break;
        }
        if (rest.size > 0 && rest.data[0] == '$') {
            buf_add(out, "$", 1);
            text = (struct str){rest.data + 1, rest.size - 1};
        } else if (rest.size > 0 && rest.data[0] == '{') {
            struct str after = {rest.data + 1, rest.size - 1};
            struct str inside = str_split(after, '}', &text);
            if (inside.size == after.size) {
                return error_set(err, ERROR_INVALID, "`${` is never closed by `}`");
            }
            if (replace_one(inside, env, user, out, err) < 0) {
                return -1;
            }
        } else {
            return error_set(err, ERROR_INVALID,
                             "a lone `$`: write `$$` for a dollar sign, ${NAME} for a variable");
        }
        if (out->size > ENV_REPLACED_MAX) {
            return error_set(err, ERROR_LIMIT, "is longer than 64 KiB once the environment is in it");
        }
    }
    return 0;
}
