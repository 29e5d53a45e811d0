#include "outrider/base/buf.h"
#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/cli/common/cli.h"
#include "outrider/cli/common/client.h"
#include "outrider/cli/common/document.h"
#include "outrider/core/server/record.h"
#include "services_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void print_text(const json_t *document)
{
    struct buf screen = {0};
    char age[32];
    services_table(json_object_get(document, "services"), 0, 0, cli_colour(), &screen);
    int64_t total = document_number_or(document, "total", 0);
    buf_printf(&screen, "%" PRId64 " server%s, %" PRId64 " ready", total, total == 1 ? "" : "s",
               document_number_or(document, "healthy", 0));
    if (document_true(document, "stale")) {
        buf_printf(&screen, "; STALE: last in sync %s ago",
                   duration_human(document_number_or(document, "ageMs", 0), age));
    }
    buf_str(&screen, STR("\n"));
    fputs(buf_text(&screen), stdout);
    buf_fini(&screen);
}

static int list(const struct client *client, const char *path, bool json)
{
    struct error err;
    json_t *document = NULL;
    int status = client_read(client, path, &err, &document);
    if (status != 0) {
        return cli_fail(status == EX_GONE ? EX_FAILED : status, "%s",
                        status == EX_GONE
                            ? "the agent has no list of the fleet; is it older than this command?"
                            : err.text);
    }
    if (json) {
        status = document_print(document, JSON_INDENT(2)) ? EX_DONE : EX_FAILED;
    } else {
        print_text(document);
    }
    json_decref(document);
    return status;
}

/* Both become part of a URL. */
static int check(const struct command *command, const char *type, const char *status)
{
    enum status known;
    if (type != NULL &&
        (type[0] == '\0' || strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(type))) {
        return cli_usage(command, "--type: `%s` is not a server type: a-z, 0-9, _ and -", type);
    }
    if (status != NULL && status_parse(str_of(status), &known) < 0) {
        return cli_usage(command,
                         "--status: `%s` is not one of initializing, ready, draining, error, shutting_down",
                         status);
    }
    return 0;
}

int cmd_services(const struct cli_line *line)
{
    const struct cli_given *given = &line->given;
    struct client client;
    int status = check(line->command, given->type, given->status);
    if (status != 0 || (status = client_find(given, &client)) != 0) {
        return status;
    }
    struct buf path = {0};
    buf_printf(&path, "/api/%s", given->watch ? "subscribe" : "services");
    if (given->type != NULL) {
        buf_printf(&path, "?type=%s", given->type);
    }
    if (given->status != NULL) {
        buf_printf(&path, "%cstatus=%s", given->type == NULL ? '?' : '&', given->status);
    }
    status = given->watch ? services_watch(&client, buf_text(&path), given->json)
                          : list(&client, buf_text(&path), given->json);
    buf_fini(&path);
    client_fini(&client);
    return status;
}
