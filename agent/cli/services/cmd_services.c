#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/cli/common/cli.h"
#include "outrider/cli/common/client.h"
#include "outrider/cli/common/document.h"
#include "outrider/core/server/record.h"
#include "services_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STALE_MS = 1000 };

static void print_text(const json_t *document)
{
    struct buf screen = {0};
    const json_t *offline = json_object_get(document, "offline");
    /* A sidecar's first list is stale for the milliseconds until its watch is open. */
    bool stale = document_true(document, "stale") && document_number_or(document, "ageMs", 0) >= STALE_MS;
    services_table(json_object_get(document, "services"), offline, 0, 0, cli_colour(), &screen);
    services_footer(
        &(struct services_counts){.total = document_number_or(document, "total", 0),
                                  .ready = document_number_or(document, "healthy", 0),
                                  .offline = (int64_t)json_array_size(offline),
                                  .stale_ms = stale ? document_number_or(document, "ageMs", 0) : -1},
        &screen);
    buf_str(&screen, STR("\n"));
    fputs(buf_text(&screen), stdout);
    buf_fini(&screen);
}

int services_print(const json_t *document, bool json, void (*print)(const json_t *document))
{
    if (json) {
        return document_print(document, JSON_INDENT(2)) ? EX_DONE : EX_FAILED;
    }
    print(document);
    return EX_DONE;
}

int services_show(const struct client *client, const char *path, const char *absent, bool json,
                  void (*print)(const json_t *document))
{
    struct error err;
    json_t *document = NULL;
    int status = client_read(client, path, &err, &document);
    if (status != 0) {
        return status == EX_GONE ? cli_fail(EX_FAILED, "%s", absent) : cli_fail(status, "%s", err.text);
    }
    status = services_print(document, json, print);
    json_decref(document);
    return status;
}

static int check_offline(const struct command *command, const struct cli_given *given)
{
    if (given->include != NULL && strcmp(given->include, "offline") != 0) {
        return cli_usage(command, "--include: `%s`: only `offline` can be included", given->include);
    }
    bool offline = given->offline || given->include != NULL;
    return offline && given->watch
               ? cli_usage(command, "%s: the stream has no offline servers; leave out --watch",
                           given->offline ? "--offline" : "--include")
               : 0;
}

static int check(const struct command *command, const struct cli_given *given)
{
    const char *type = given->type, *status = given->status;
    enum status known;
    if (type != NULL && !services_is_type(type)) {
        return cli_usage(command, "--type: `%s` is not a server type: a-z, 0-9, _ and -", type);
    }
    if (status != NULL && status_parse(str_of(status), &known) < 0) {
        return cli_usage(command,
                         "--status: `%s` is not one of initializing, ready, draining, error, shutting_down",
                         status);
    }
    int status_of_filters = services_check_filters(command, given);
    return status_of_filters != 0 ? status_of_filters : check_offline(command, given);
}

static void add_path(const struct cli_given *given, struct buf *path)
{
    buf_printf(path, "/api/%s", given->watch ? "subscribe" : "services");
    services_add_parameter(path, "type", given->type);
    services_add_parameter(path, "status", given->status);
    services_add_filters(given, path);
    services_add_parameter(path, "include", given->offline ? "offline" : given->include);
}

int cmd_services(const struct cli_line *line)
{
    const struct cli_given *given = &line->given;
    struct client client;
    int status = check(line->command, given);
    if (status != 0 || (status = client_find(given, &client)) != 0) {
        return status;
    }
    struct buf path = {0};
    add_path(given, &path);
    status = given->watch
                 ? services_watch(&client, buf_text(&path), given->json)
                 : services_show(&client, buf_text(&path),
                                 "the agent has no list of the fleet; is it older than this command?",
                                 given->json, print_text);
    buf_fini(&path);
    client_fini(&client);
    return status;
}
