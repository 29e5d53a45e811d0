/* outrider route: asks an agent which server a player should go to. */
#include "outrider/base/buf.h"
#include "outrider/cli/common/cli.h"
#include "outrider/cli/common/client.h"
#include "outrider/cli/common/document.h"
#include "services_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int check(const struct command *command, const struct cli_given *given, const char *type)
{
    const struct services_option options[] = {{"--key", given->key},           {"--player", given->player},
                                              {"--strategy", given->strategy}, {"--near", given->near},
                                              {"--seats", given->seats},       {"--count", given->count}};
    if (!services_is_type(type)) {
        return cli_usage(command, "`%s` is not a server type: a-z, 0-9, _ and -", type);
    }
    int status = services_check_given(command, options, COUNT_OF(options));
    return status != 0 ? status : services_check_filters(command, given);
}

static void add_path(const struct cli_given *given, const char *type, struct buf *path)
{
    buf_printf(path, "/api/route/%s", type);
    services_add_parameter(path, "key", given->key);
    services_add_parameter(path, "player", given->player);
    services_add_parameter(path, "strategy", given->strategy);
    services_add_parameter(path, "near", given->near);
    services_add_parameter(path, "seats", given->seats);
    services_add_parameter(path, "count", given->count);
    for (size_t i = 0; i < given->excluded.count; i++) {
        services_add_parameter(path, "exclude", given->excluded.values[i]);
    }
    services_add_filters(given, path);
}

/* The server that was chosen, then the alternatives, and why. */
static void print_text(const json_t *document)
{
    struct buf screen = {0};
    int64_t candidates = document_number_or(document, "candidates", 0);
    json_t *rows = json_pack("[O]", json_object_get(document, "service"));
    json_array_extend(rows, json_object_get(document, "alternatives"));
    services_table(rows, NULL, 0, 0, cli_colour(), &screen);
    json_decref(rows);
    fputs(buf_text(&screen), stdout);
    cli_print(stdout, "%s, %" PRId64 " candidate%s", document_text_or(document, "reason", "no reason given"),
              candidates, candidates == 1 ? "" : "s");
    char age[32];
    if (document_true(document, "stale") && document_span(document, "ageMs", age)) {
        cli_print(stdout, "; stale for %s", age);
    }
    cli_print(stdout, "\n");
    buf_fini(&screen);
}

int cmd_route(const struct cli_line *line)
{
    const struct cli_given *given = &line->given;
    const char *type = line->words.words[0];
    struct client client;
    int status = check(line->command, given, type);
    if (status != 0 || (status = client_find(given, &client)) != 0) {
        return status;
    }
    struct buf path = {0};
    add_path(given, type, &path);
    status = services_show(&client, buf_text(&path),
                           "the agent cannot choose servers; is it older than this command?", given->json,
                           print_text);
    buf_fini(&path);
    client_fini(&client);
    return status;
}
