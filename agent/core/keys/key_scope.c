#include "outrider/core/keys/key_scope.h"

static void add_root(struct key_scope *scope, const char *prefix)
{
    buf_printf(&scope->roots[scope->root_count++], "%s/", prefix);
}

void key_scope_init(struct key_scope *scope, bool all, const char *prefix, const char *control_prefix)
{
    *scope = (struct key_scope){0};
    buf_printf(&scope->kept, "%s/audit/", control_prefix);
    if (all) {
        scope->root_count = 1;
        return;
    }
    bool swapped = str_compare(str_of(control_prefix), str_of(prefix)) < 0;
    add_root(scope, swapped ? control_prefix : prefix);
    add_root(scope, swapped ? prefix : control_prefix);
}

void key_scope_fini(struct key_scope *scope)
{
    buf_fini(&scope->roots[0]);
    buf_fini(&scope->roots[1]);
    buf_fini(&scope->kept);
}

bool key_scope_covers(const struct key_scope *scope, struct str text)
{
    for (size_t i = 0; i < scope->root_count; i++) {
        if (str_starts(text, buf_view(&scope->roots[i]))) {
            return true;
        }
    }
    return false;
}

bool key_scope_keeps(const struct key_scope *scope, struct str key)
{
    return str_starts(key, buf_view(&scope->kept));
}

bool key_scope_keeps_some(const struct key_scope *scope, struct str prefix)
{
    return key_scope_keeps(scope, prefix) || str_starts(buf_view(&scope->kept), prefix);
}
