/* outrider leader: asks an agent who leads. */
#include "outrider/base/buf.h"
#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/cli/common/cli.h"
#include "outrider/cli/common/client.h"
#include "outrider/cli/common/document.h"
#include "outrider/cli/common/table.h"
#include "outrider/os/clock.h"
#include "services_internal.h"

#include <inttypes.h>
#include <stdio.h>

enum { COLUMNS = 6, STALE_MS = 1000 };

static void add_row(struct table *table, const json_t *scope)
{
    char token[32] = "", since[32] = "", candidates[32];
    const json_t *leader = json_object_get(scope, "leader");
    int64_t number, since_wall;
    if (document_number(scope, "token", &number)) {
        snprintf(token, sizeof(token), "%" PRId64, number);
    }
    if (document_time(scope, "since", &since_wall)) {
        duration_human(clock_wall_ms() - since_wall, since);
    }
    snprintf(candidates, sizeof(candidates), "%" PRId64, document_number_or(scope, "candidates", 0));
    table_add(table, document_text(scope, "scope"), NULL);
    table_add(table, document_text_or(leader, "type", "unknown"), NULL);
    table_add(table, document_text(leader, "id"), NULL);
    table_add(table, token, NULL);
    table_add(table, since, NULL);
    table_add(table, candidates, NULL);
}

/* `scopes` is an array. */
static void print_table(const json_t *scopes)
{
    static const char *const heads[COLUMNS] = {"SCOPE", "TYPE", "ID", "TOKEN", "FOR", "CANDIDATES"};
    struct table table = {.columns = COLUMNS};
    struct buf screen = {0};
    for (size_t i = 0; i < COLUMNS; i++) {
        table_add(&table, heads[i], NULL);
    }
    for (size_t i = 0; i < json_array_size(scopes); i++) {
        add_row(&table, json_array_get(scopes, i));
    }
    table_print(&table, 0, table_rows(&table), 0, cli_colour(), &screen);
    fputs(buf_text(&screen), stdout);
    buf_fini(&screen);
    table_fini(&table);
}

static void print_all(const json_t *document)
{
    const json_t *scopes = json_object_get(document, "leaders");
    char age[32];
    if (json_array_size(scopes) == 0) {
        cli_print(stdout, "no candidates: no agent with `leader:` in its configuration is ready\n");
    } else {
        print_table(scopes);
    }
    if (document_number_or(document, "ageMs", 0) >= STALE_MS && document_span(document, "ageMs", age)) {
        cli_print(stdout, "stale for %s: the agent is out of touch with the registry\n", age);
    }
    int64_t left_out = document_number_or(document, "leftOut", 0);
    if (left_out > 0) {
        cli_print(stdout,
                  "%" PRId64 " keys of candidates are too many for the agent: who leads may be wrong\n",
                  left_out);
    }
}

static void print_one(const json_t *document)
{
    json_t *scopes = json_pack("[O]", document);
    print_table(scopes);
    json_decref(scopes);
}

/* Why there is none: an agent that knows scopes lists them. */
static int explain(const struct client *client, const char *scope)
{
    struct error err;
    json_t *document = NULL;
    int status = client_read(client, "/api/leader", &err, &document);
    if (status != 0) {
        return status == EX_GONE
                   ? cli_fail(EX_FAILED, "the agent does not know who leads; is it older than this command?")
                   : cli_fail(status, "%s", err.text);
    }
    const json_t *scopes = json_object_get(document, "leaders");
    bool stands = false;
    for (size_t i = 0; i < json_array_size(scopes); i++) {
        stands = stands || document_is(json_array_get(scopes, i), "scope", scope);
    }
    json_decref(document);
    return cli_fail(EX_FAILED,
                    stands ? "who leads %s is unknown: the value of its key cannot be read"
                           : "%s has no leader: no agent stands for it, or none of them is ready",
                    scope);
}

int cmd_leader(const struct cli_line *line)
{
    const struct cli_given *given = &line->given;
    const char *scope = line->words.count > 0 ? line->words.words[0] : NULL;
    struct client client;
    struct buf path = {0};
    struct error err;
    json_t *document = NULL;
    if (scope != NULL && scope[0] == '\0') {
        return cli_usage(line->command, "a scope is not empty");
    }
    int status = client_find(given, &client);
    if (status != 0) {
        return status;
    }
    buf_str(&path, scope == NULL ? STR("/api/leader") : STR("/api/leader/"));
    client_add_escaped(&path, str_of(scope));
    status = scope == NULL ? 0 : client_read(&client, buf_text(&path), &err, &document);
    if (scope == NULL) {
        status = services_show(&client, buf_text(&path),
                               "the agent does not know who leads; is it older than this command?",
                               given->json, print_all);
    } else if (status == EX_GONE) {
        status = explain(&client, scope);
    } else if (status != 0) {
        status = cli_fail(status, "%s", err.text);
    } else {
        status = services_print(document, given->json, print_one);
    }
    json_decref(document);
    buf_fini(&path);
    client_fini(&client);
    return status;
}
