#include "outrider/cli/common/cli.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/cli/common/client.h"
#include "outrider/cli/common/document.h"
#include "outrider/core/server/record.h"
#include "status_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char published[] = "published";

static int check_status_name(const struct command *command, const char *name)
{
    enum status status;
    if (name == NULL || strcmp(name, published) == 0 || status_parse(str_of(name), &status) == 0) {
        return 0;
    }
    const char *names[STATUS_COUNT + 1];
    for (int i = 0; i < STATUS_COUNT; i++) {
        names[i] = status_name((enum status)i);
    }
    names[STATUS_COUNT] = published;
    const char *near = cli_nearest(name, names, COUNT_OF(names), sizeof(names[0]));
    if (near != NULL) {
        return cli_usage(command, "--is: `%s` is not a status: did you mean `%s`?", name, near);
    }
    struct buf all = {0};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        buf_printf(&all, "%s%s", i == 0 ? "" : ", ", names[i]);
    }
    int status_code = cli_usage(command, "--is: `%s` is not one of %s", name, buf_text(&all));
    buf_fini(&all);
    return status_code;
}

/* `ready` is what players see: a ready server whose record is not published is not. Of an older agent it is not known
 * whether the record is published. */
static bool is(const json_t *document, const char *name)
{
    bool hidden = document_text(document, "registry.notPublished") != NULL;
    if (strcmp(name, published) == 0) {
        return document_true(document, "registry.published");
    }
    return document_is(document, "status", name) && !(hidden && strcmp(name, status_name(STATUS_READY)) == 0);
}

static int show(const json_t *document, bool json, const char *asked)
{
    if (json && !document_print(document, JSON_INDENT(2))) {
        return cli_fail(EX_FAILED, "the agent's document cannot be printed");
    }
    if (asked != NULL) {
        return is(document, asked) ? EX_DONE : EX_FAILED;
    }
    if (!json) {
        struct buf screen = {0};
        status_text(document, cli_colour(), &screen);
        fputs(buf_text(&screen), stdout);
        buf_fini(&screen);
    }
    return EX_DONE;
}

int cmd_status(const struct cli_line *line)
{
    const struct cli_given *given = &line->given;
    struct client client;
    struct error err;
    json_t *document = NULL;
    int status = check_status_name(line->command, given->is);
    if (status != 0 || (status = client_find(given, &client)) != 0) {
        return status;
    }
    status = client_get(&client, &err, &document);
    status = status != 0 ? cli_fail(status, "%s", err.text) : show(document, given->json, given->is);
    json_decref(document);
    client_fini(&client);
    return status;
}
