#include "cmd_services.h"

#include "cli.h"
#include "client.h"
#include "document.h"
#include "outrider/base/buf.h"
#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/core/record.h"
#include "table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *colour_of(const char *status)
{
    static const struct {
        const char *status, *code;
    } colours[] = {{"ready", "32"}, {"error", "31"}, {"initializing", "36"}, {"draining", "33"}};
    for (size_t i = 0; i < COUNT_OF(colours); i++) {
        if (status != NULL && strcmp(status, colours[i].status) == 0) {
            return colours[i].code;
        }
    }
    return NULL;
}

static void add_address(struct table *table, const json_t *record)
{
    struct buf text = {0};
    const char *host = document_text(record, "host");
    const json_t *ports = json_object_get(record, "ports");
    buf_str(&text, str_of(host));
    for (size_t i = 0; i < json_array_size(ports); i++) {
        buf_printf(&text, "%s%" JSON_INTEGER_FORMAT, i == 0 ? ":" : ",",
                   json_integer_value(json_array_get(ports, i)));
    }
    table_add(table, buf_text(&text), NULL);
    buf_fini(&text);
}

static void add_players(struct table *table, const json_t *record)
{
    char text[48] = "";
    int64_t players, capacity;
    bool counted = document_number(record, "players", &players);
    if (counted && document_number(record, "capacity", &capacity)) {
        snprintf(text, sizeof(text), "%" PRId64 "/%" PRId64, players, capacity);
    } else if (counted) {
        snprintf(text, sizeof(text), "%" PRId64, players);
    }
    table_add(table, text, NULL);
}

static void add_record(struct table *table, const json_t *record)
{
    const char *status = document_text(record, "status");
    const char *text = document_text(record, "customState"), *reason = document_text(record, "reason");
    table_add(table, document_text(record, "type"), NULL);
    table_add(table, document_text(record, "id"), NULL);
    table_add(table, status, colour_of(status));
    add_address(table, record);
    add_players(table, record);
    table_add(table, document_text(record, "region"), NULL);
    table_add(table, document_text(record, "version"), NULL);
    table_add(table, reason != NULL ? reason : text, NULL);
}

void services_table(const json_t *services, size_t rows, size_t width, bool colour, struct buf *out)
{
    static const char *const heads[] = {"TYPE",    "ID",     "STATUS",  "ADDRESS",
                                        "PLAYERS", "REGION", "VERSION", "TEXT"};
    struct table table = {.columns = COUNT_OF(heads)};
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        table_add(&table, heads[i], NULL);
    }
    for (size_t i = 0; i < json_array_size(services); i++) {
        add_record(&table, json_array_get(services, i));
    }
    size_t all = table_rows(&table);
    size_t shown = rows > 0 && rows < all ? (rows > 2 ? rows - 1 : 1) : all;
    table_print(&table, 0, shown, width, colour, out);
    if (shown < all) {
        buf_printf(out, "... and %zu more\n", all - shown);
    }
    table_fini(&table);
}

static void print_text(const json_t *document)
{
    struct buf screen = {0};
    char age[32];
    services_table(json_object_get(document, "services"), 0, 0, cli_colour(), &screen);
    int64_t total = document_number_or(document, "total", 0);
    buf_printf(&screen, "%" PRId64 " server%s, %" PRId64 " ready", total, total == 1 ? "" : "s",
               document_number_or(document, "healthy", 0));
    if (document_true(document, "stale")) {
        buf_printf(&screen, "; STALE: the registry was last heard %s ago",
                   duration_human(document_number_or(document, "ageMs", 0), age));
    }
    buf_str(&screen, STR("\n"));
    fputs(buf_text(&screen), stdout);
    buf_fini(&screen);
}

size_t services_json_flags(void)
{
    return isatty(STDOUT_FILENO) ? JSON_ENSURE_ASCII : 0;
}

static int list(const struct client *client, const char *path, bool json)
{
    struct error err;
    json_t *document = NULL;
    int status = client_read(client, path, &err, &document);
    if (status != 0) {
        return cli_fail(status == EX_GONE ? EX_FAILED : status, "%s",
                        status == EX_GONE
                            ? "the agent has no list of the fleet: is it older than this command?"
                            : err.text);
    }
    if (json) {
        status =
            json_dumpf(document, stdout, JSON_INDENT(2) | services_json_flags()) == 0 ? EX_DONE : EX_FAILED;
        putchar('\n');
    } else {
        print_text(document);
    }
    json_decref(document);
    return status;
}

/* Both stand in a URL. */
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

int cmd_services(const struct command *command, struct cli_args args)
{
    struct client_options where = {0};
    const char *type = NULL, *wanted = NULL;
    bool json = false, watch = false;
    const struct cli_option options[] = {
        {"--config", 'c', &where.config, NULL},
        {"--agent", 0, &where.agent, NULL},
        {"--type", 0, &type, NULL},
        {"--status", 0, &wanted, NULL},
        {"--json", 0, NULL, &json},
        {"--watch", 0, NULL, &watch},
    };
    int status;
    if (!cli_only_options(command, args, options, COUNT_OF(options), &status)) {
        return status;
    }
    struct client client;
    status = check(command, type, wanted);
    if (status != 0 || (status = client_find(&where, &client)) != 0) {
        return status;
    }
    struct buf path = {0};
    buf_printf(&path, "/api/%s", watch ? "subscribe" : "services");
    if (type != NULL) {
        buf_printf(&path, "?type=%s", type);
    }
    if (wanted != NULL) {
        buf_printf(&path, "%cstatus=%s", type == NULL ? '?' : '&', wanted);
    }
    status = watch ? services_watch(&client, buf_text(&path), json) : list(&client, buf_text(&path), json);
    buf_fini(&path);
    client_fini(&client);
    return status;
}
