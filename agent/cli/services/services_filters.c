#include "outrider/base/buf.h"
#include "outrider/cli/common/cli.h"
#include "outrider/cli/common/client.h"
#include "services_internal.h"

#include <string.h>

bool services_is_type(const char *text)
{
    return text[0] != '\0' && text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-")] == '\0';
}

/* To the API an empty value is a form field left blank, and asks for nothing. */
int services_check_given(const struct command *command, const struct services_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (options[i].value != NULL && options[i].value[0] == '\0') {
            return cli_usage(command, "%s: empty", options[i].name);
        }
    }
    return 0;
}

int services_check_filters(const struct command *command, const struct cli_given *given)
{
    const struct services_option options[] = {
        {"--region", given->region}, {"--zone", given->zone}, {"--group", given->group}};
    int status = services_check_given(command, options, COUNT_OF(options));
    if (status != 0) {
        return status;
    }
    for (size_t i = 0; i < given->tags.count; i++) {
        if (given->tags.values[i][0] == '\0') {
            return cli_usage(command, "--tag: empty");
        }
    }
    for (size_t i = 0; i < given->labels.count; i++) {
        struct str value, name = str_split(str_of(given->labels.values[i]), '=', &value);
        if (name.size == 0 || value.size == 0) {
            return cli_usage(command, "--label: `%s` is not NAME=VALUE", given->labels.values[i]);
        }
    }
    return 0;
}

static void add(struct buf *path, const char *before, struct str name, struct str value)
{
    if (value.size > 0) {
        buf_str(path, strchr(buf_text(path), '?') == NULL ? STR("?") : STR("&"));
        buf_str(path, str_of(before));
        client_add_escaped(path, name);
        buf_str(path, STR("="));
        client_add_escaped(path, value);
    }
}

void services_add_parameter(struct buf *path, const char *name, const char *value)
{
    add(path, "", str_of(name), str_of(value));
}

void services_add_filters(const struct cli_given *given, struct buf *path)
{
    services_add_parameter(path, "region", given->region);
    services_add_parameter(path, "zone", given->zone);
    services_add_parameter(path, "group", given->group);
    for (size_t i = 0; i < given->tags.count; i++) {
        services_add_parameter(path, "tag", given->tags.values[i]);
    }
    for (size_t i = 0; i < given->labels.count; i++) {
        struct str value, name = str_split(str_of(given->labels.values[i]), '=', &value);
        add(path, "label.", name, value);
    }
}
