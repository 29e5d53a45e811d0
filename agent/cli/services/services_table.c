#include "services_internal.h"

#include "outrider/base/buf.h"
#include "outrider/base/duration.h"
#include "outrider/cli/common/cli.h"
#include "outrider/cli/common/document.h"
#include "outrider/cli/common/table.h"
#include "outrider/os/clock.h"

#include <inttypes.h>
#include <stdio.h>

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

static void add_row(struct table *table, const json_t *record, const char *status, const char *text)
{
    table_add(table, document_text(record, "type"), NULL);
    table_add(table, document_text(record, "id"), NULL);
    table_add(table, status, cli_status_colour(status));
    add_address(table, record);
    add_players(table, record);
    table_add(table, document_text(record, "region"), NULL);
    table_add(table, document_text(record, "version"), NULL);
    table_add(table, text, NULL);
}

static void add_record(struct table *table, const json_t *record)
{
    const char *reason = document_text(record, "reason");
    add_row(table, record, document_text(record, "status"),
            reason != NULL ? reason : document_text(record, "customState"));
}

/* What such a record says itself is of no interest any more. */
static void add_offline(struct table *table, const json_t *tombstone)
{
    char text[48] = "", span[32];
    int64_t gone_at;
    if (document_time(tombstone, "goneAt", &gone_at)) {
        snprintf(text, sizeof(text), "gone for %s", duration_human(clock_wall_ms() - gone_at, span));
    }
    add_row(table, json_object_get(tombstone, "record"), "offline", text);
}

static void add_heads(struct table *table)
{
    static const char *const heads[SERVICES_COLUMNS] = {"TYPE",    "ID",     "STATUS",  "ADDRESS",
                                                        "PLAYERS", "REGION", "VERSION", "TEXT"};
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        table_add(table, heads[i], NULL);
    }
}

void services_line(const json_t *record, size_t widths[static SERVICES_COLUMNS], struct buf *out)
{
    struct table table = {.columns = SERVICES_COLUMNS, .least = widths};
    add_heads(&table);
    add_record(&table, record);
    table_print(&table, 1, 2, 0, false, out);
    table_fini(&table);
}

void services_table(const json_t *services, const json_t *offline, size_t rows, size_t width, bool colour,
                    struct buf *out)
{
    struct table table = {.columns = SERVICES_COLUMNS};
    add_heads(&table);
    for (size_t i = 0; i < json_array_size(services); i++) {
        add_record(&table, json_array_get(services, i));
    }
    for (size_t i = 0; i < json_array_size(offline); i++) {
        add_offline(&table, json_array_get(offline, i));
    }
    size_t all = table_rows(&table);
    size_t shown = rows > 0 && rows < all ? (rows > 2 ? rows - 1 : 1) : all;
    table_print(&table, 0, shown, width, colour, out);
    if (shown < all) {
        buf_printf(out, "... and %zu more\n", all - shown);
    }
    table_fini(&table);
}

void services_footer(const struct services_counts *counts, struct buf *out)
{
    char age[32];
    buf_printf(out, "%" PRId64 " server%s, %" PRId64 " ready", counts->total, counts->total == 1 ? "" : "s",
               counts->ready);
    if (counts->offline > 0) {
        buf_printf(out, ", %" PRId64 " offline", counts->offline);
    }
    if (counts->stale_ms >= 0) {
        buf_printf(out, "; STALE: last in sync %s ago", duration_human(counts->stale_ms, age));
    }
}
