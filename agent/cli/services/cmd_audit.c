/* outrider audit: who changed what, and who tried to. */
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/cli/common/cli.h"
#include "outrider/cli/common/client.h"
#include "outrider/cli/common/document.h"
#include "outrider/cli/common/table.h"
#include "services_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { COLUMNS = 7, USUAL = 100, PAGE = 1000, LOOK_MS = 2000 };

/* ---- reading ---- */

static void add_path(const struct cli_given *given, uint64_t limit, const char *before, struct buf *path)
{
    buf_clear(path);
    buf_str(path, STR("/api/audit"));
    services_add_parameter(path, "who", given->who);
    services_add_parameter(path, "what", given->what);
    services_add_parameter(path, "target", given->target);
    services_add_parameter(path, "outcome", given->outcome);
    services_add_parameter(path, "from", given->from);
    services_add_parameter(path, "to", given->to);
    services_add_parameter(path, "before", before);
    char number[24];
    snprintf(number, sizeof(number), "%" PRIu64, limit < PAGE ? limit : PAGE);
    services_add_parameter(path, "limit", number);
}

/* Whether the list has reached the entry `until`, which is then taken out with what is behind it. */
static bool cut_at(json_t *list, const char *until)
{
    for (size_t i = 0; until[0] != '\0' && i < json_array_size(list); i++) {
        const char *id = document_text(json_array_get(list, i), "id");
        if (id == NULL || strcmp(id, until) <= 0) {
            while (json_array_size(list) > i) {
                json_array_remove(list, json_array_size(list) - 1);
            }
            return true;
        }
    }
    return false;
}

/* Reads entries into the list, the newest first: `limit` at most, and none from `until` ("": none) back. Returns 0; or the exit status,
 * with `err` set. */
static int read_entries(const struct client *client, const struct cli_given *given, uint64_t limit,
                        const char *until, json_t *list, struct error *err)
{
    struct buf path = {0};
    char before[64] = "";
    int status = 0;
    bool more = true;
    while (more && status == 0 && json_array_size(list) < limit) {
        json_t *document = NULL;
        add_path(given, limit - json_array_size(list), before[0] == '\0' ? NULL : before, &path);
        status = client_read(client, buf_text(&path), err, &document);
        if (status == EX_GONE) {
            (void)error_set(err, ERROR_NOT_FOUND, "the agent has no audit; is it older than this command?");
            status = EX_FAILED;
        }
        if (status == 0) {
            const char *next = document_text(document, "next"), *missing = document_text(document, "missing");
            json_array_extend(list, json_object_get(document, "entries"));
            snprintf(before, sizeof(before), "%s", next == NULL ? "" : next);
            more = next != NULL && !cut_at(list, until) && missing == NULL;
            if (missing != NULL) {
                cli_print(stderr, "outrider: entries of other agents are missing: %s\n", missing);
            }
        }
        json_decref(document);
    }
    (void)cut_at(list, until);
    buf_fini(&path);
    return status;
}

/* ---- printing ---- */

static void add_row(struct table *table, const json_t *entry)
{
    const char *code = document_text(entry, "code");
    const json_t *count = json_object_get(entry, "count");
    char outcome[100];
    snprintf(outcome, sizeof(outcome), "%s%s%s", document_text_or(entry, "outcome", "-"),
             code == NULL ? "" : " ", code == NULL ? "" : code);
    if (json_is_integer(count)) {
        size_t size = strlen(outcome);
        snprintf(outcome + size, sizeof(outcome) - size, " x%" JSON_INTEGER_FORMAT,
                 json_integer_value(count));
    }
    table_add(table, document_text_or(entry, "when", "-"), NULL);
    table_add(table, document_text_or(entry, "who", "-"), NULL);
    table_add(table, document_text_or(entry, "from", "-"), NULL);
    table_add(table, document_text_or(entry, "what", "-"), NULL);
    table_add(table, document_text_or(entry, "target", "-"), NULL);
    table_add(table, outcome, document_is(entry, "outcome", "ok") ? NULL : "33");
    table_add(table, document_text_or(entry, "reason", ""), NULL);
}

static void print_table(const json_t *list)
{
    static const char *const heads[COLUMNS] = {"WHEN", "WHO", "FROM", "WHAT", "TARGET", "OUTCOME", "REASON"};
    struct table table = {.columns = COLUMNS};
    struct buf screen = {0};
    for (size_t i = 0; i < COLUMNS; i++) {
        table_add(&table, heads[i], NULL);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        add_row(&table, json_array_get(list, i));
    }
    table_print(&table, 0, table_rows(&table), 0, cli_colour(), &screen);
    fputs(buf_text(&screen), stdout);
    buf_fini(&screen);
    table_fini(&table);
}

static void print_line(const json_t *entry, bool json)
{
    if (json) {
        (void)document_print(entry, JSON_COMPACT);
        return;
    }
    const char *reason = document_text(entry, "reason");
    cli_print(stdout, "%s  %s  %s  %s  %s%s%s\n", document_text_or(entry, "when", "-"),
              document_text_or(entry, "who", "-"), document_text_or(entry, "what", "-"),
              document_text_or(entry, "target", "-"), document_text_or(entry, "outcome", "-"),
              reason == NULL ? "" : "  ", reason == NULL ? "" : reason);
}

static int show(const struct client *client, const struct cli_given *given, uint64_t limit)
{
    struct error err;
    json_t *list = json_array();
    int status = read_entries(client, given, limit, "", list, &err);
    if (status != 0) {
        (void)cli_fail(status, "%s", err.text);
    } else if (!given->json) {
        print_table(list);
    } else {
        for (size_t i = 0; i < json_array_size(list); i++) {
            print_line(json_array_get(list, i), true);
        }
    }
    json_decref(list);
    return status;
}

/* Asks again and again: entries are few, and an answer has only what is new. */
static int watch(const struct client *client, const struct cli_given *given)
{
    char last[64] = "";
    bool begun = false, away = false;
    while (!ferror(stdout)) {
        struct error err;
        json_t *list = json_array();
        int status = read_entries(client, given, begun ? PAGE : 1, last, list, &err);
        if (status != 0 && !begun) {
            json_decref(list);
            return cli_fail(status, "%s", err.text);
        }
        if ((status != 0) != away) {
            away = status != 0;
            cli_print(stderr, "outrider: the audit %s%s\n", away ? "cannot be read: " : "is read again",
                      away ? err.text : "");
        }
        for (size_t i = json_array_size(list); i > 0; i--) {
            const json_t *entry = json_array_get(list, i - 1);
            if (begun) {
                print_line(entry, given->json);
            }
            snprintf(last, sizeof(last), "%s", document_text_or(entry, "id", ""));
        }
        begun = true;
        fflush(stdout);
        json_decref(list);
        cli_pause_ms(LOOK_MS);
    }
    return EX_FAILED;
}

int cmd_audit(const struct cli_line *line)
{
    const struct cli_given *given = &line->given;
    const struct services_option options[] = {{"--who", given->who},       {"--what", given->what},
                                              {"--target", given->target}, {"--outcome", given->outcome},
                                              {"--from", given->from},     {"--to", given->to},
                                              {"--limit", given->limit}};
    struct client client;
    uint64_t limit = USUAL;
    int status = services_check_given(line->command, options, COUNT_OF(options));
    if (status == 0 && given->limit != NULL &&
        (str_to_u64(str_of(given->limit), 1000000, &limit) < 0 || limit == 0)) {
        status = cli_usage(line->command, "--limit: not a number from 1 to 1000000");
    }
    if (status == 0 && given->limit != NULL && given->watch) {
        status = cli_usage(line->command, "--limit: not with --watch");
    }
    if (status != 0 || (status = client_find(given, &client)) != 0) {
        return status;
    }
    client.reads_with_token =
        client.token_file != NULL; /* who did what takes a role, also where all else may be read */
    status = given->watch ? watch(&client, given) : show(&client, given, limit);
    client_fini(&client);
    return status;
}
