/* Writes the reference page docs/configuration.md: the text that no row of the settings table holds, and the rows. */
#include "settings_reference.h"

#include "core/config/settings_internal.h"

#include "outrider/base/buf.h"
#include "outrider/base/duration.h"

#include <inttypes.h>

static const char head[] =
    "<!-- Generated from the settings table: OUTRIDER_REWRITE=1 ctest -R unit.core.config.settings rewrites "
    "it. "
    "-->\n"
    "# Configuration\n"
    "\n"
    "One YAML file, read by `outrider agent` and `outrider check`: `-c FILE`, else `$OUTRIDER_CONFIG`, else\n"
    "`/etc/outrider/outrider.yaml`. `outrider check` prints every error of it in one run, each as\n"
    "`FILE:LINE:COLUMN: path.to.key: what is wrong`.\n"
    "\n"
    "- Durations carry a unit: `500ms`, `10s`, `5m`, `1h`; sizes, too: `512kB`, `64MB`, `1GB` (1 kB is 1024 "
    "bytes). A bare\n"
    "  number is an error.\n"
    "- Unknown and repeated keys are errors. An empty file is one too.\n"
    "- `${NAME}` and `${NAME:-default}` in a value are replaced from the environment. `${NAME}` of a "
    "variable that is\n"
    "  unset is an error; the default stands in where it is unset or empty, is taken as written and has no "
    "`$` or `}`.\n"
    "  `$$` is a dollar sign; any other `$` is an error, so that a typing mistake is not taken for a value. "
    "Keys are\n"
    "  not replaced. Within `[ ]` and `{ }` a `${NAME}` must stand in quotes: its braces mean\n"
    "  something to YAML.\n"
    "- Types are read after replacement. A value that is empty then is absent, unless it stands in quotes. "
    "Quotes do\n"
    "  not change the type: `\"10s\"` is a duration.\n"
    "- Where a list is wanted a scalar will do, its items separated by commas: `ports: 8001,8002`; labels "
    "are then\n"
    "  written `name=value,name=value`. The text `[]` is the empty list, also for `probes` and `hooks`;\n"
    "  `leader` takes scopes.\n"
    "- Anchors, aliases, tags and more than one document are refused. A file is at most 1 MiB.\n"
    "- SIGHUP reads the file again. A file with an error changes nothing. Settings whose last column says "
    "*restart*\n"
    "  keep their value until then; the log names them.\n";

static const char *const sections[][2] = {
    {"server", "The identity of the server. Without this section the agent is an observer: it has no record "
               "of its own and "
               "serves what it sees."},
    {"registry", "Where the record is kept. An observer must have this section, be it `registry: {}`."},
    {"record", "The record that the agent writes."},
    {"probes", "Each entry of `probes` has these keys."},
    {"status", "The sockets on which the server reports its status."},
    {"drain", "How long a drain waits."},
    {"shutdown", "How the agent stops."},
    {"http", "The local API."},
    {"dns", "The fleet by DNS (docs/dns.md)."},
    {"view", "The whole fleet as this agent sees it."},
    {"audit", "Who changed what over HTTP."},
    {"ui", "What the page of an observer looks like."},
    {"placement", "Which server for which player: `GET /api/route/{type}`."},
    {"leader",
     "Each entry of `leader` has these keys. A scope has one leader at a time among all that stand in it."},
    {"hooks", "Each entry of `hooks` has these keys. `$${NAME}` in a value is the text `${NAME}`, as "
              "everywhere in the file."},
    {"sessions", "Where players are: `/api/sessions`."},
    {"log", "What the agent writes to stderr."},
};

static void add_limits(const struct setting *row, struct buf *out)
{
    char low[24], high[24];
    const char *zero = (row->flags & SETTING_ZERO) != 0 ? " or `0s`" : "";
    switch (row->type) {
    case SETTING_BOOL: buf_printf(out, "`true` or `false`"); break;
    case SETTING_DURATION:
        buf_printf(out, "duration, %s to %s%s%s", duration_format(row->min, low),
                   duration_format(row->max, high), zero,
                   (row->flags & SETTING_AUTO) != 0 ? " or `auto`" : "");
        break;
    case SETTING_SIZE:
        buf_printf(out, "size, %s to %s", settings_format_size(row->min, low),
                   settings_format_size(row->max, high));
        break;
    case SETTING_INTEGER: buf_printf(out, "number, %" PRId64 " to %" PRId64, row->min, row->max); break;
    case SETTING_PORT: buf_printf(out, "port"); break;
    case SETTING_MODE: buf_printf(out, "octal"); break;
    case SETTING_STRING: buf_printf(out, "text"); break;
    case SETTING_ENUM:
        for (size_t i = 0; row->choices[i] != NULL; i++) {
            buf_printf(out, "%s`%s`", i == 0 ? "" : ", ", row->choices[i]);
        }
        break;
    case SETTING_PORTS:
        buf_printf(out, "%" PRId64 " to %" PRId64 " ports or `dynamic`", row->min, row->max);
        break;
    case SETTING_STRINGS:
    case SETTING_PROBES:
    case SETTING_CANDIDACIES:
    case SETTING_HOOKS: buf_printf(out, "list, at most %" PRId64, row->max); break;
    case SETTING_FACTS: buf_printf(out, "`true`, `false`, list or mapping"); break;
    case SETTING_LABELS: buf_printf(out, "mapping, at most %" PRId64, row->max); break;
    }
    if ((row->flags & SETTING_NULLABLE) != 0) {
        buf_printf(out, " or `null`");
    }
}

static void add_row(const struct setting *row, const char *key, struct buf *out)
{
    buf_printf(out, "| `%s` | ", key);
    add_limits(row, out);
    if ((row->flags & SETTING_REQUIRED) != 0) {
        buf_printf(out, " | *required*");
    } else if (row->fallback == NULL) {
        buf_printf(out, " | ");
    } else {
        buf_printf(out, " | `%s`", row->fallback);
    }
    buf_printf(out, " | %s | %s |\n", row->doc,
               (row->flags & SETTING_RELOADABLE) != 0 ? "reload" : "restart");
}

static void add_header(const char *title, const char *doc, struct buf *out)
{
    buf_printf(out, "\n## %s\n\n%s\n\n| key | value | default | | takes effect |\n|---|---|---|---|---|\n",
               title, doc);
}

/* The rows of one section; of the top of the file for "". */
static void add_section(const char *section, struct buf *out)
{
    size_t size = strlen(section);
    const struct setting *rows = settings_of_file.rows;
    for (size_t i = 0; i < settings_of_file.count; i++) {
        const char *dot = strchr(rows[i].path, '.');
        if (size == 0 ? dot == NULL
                      : dot != NULL && (size_t)(dot - rows[i].path) == size &&
                            strncmp(rows[i].path, section, size) == 0) {
            add_row(&rows[i], size == 0 ? rows[i].path : dot + 1, out);
        }
    }
}

static void add_entries(const struct settings *entries, struct buf *out)
{
    for (size_t i = 0; entries != NULL && i < entries->count; i++) {
        add_row(&entries->rows[i], entries->rows[i].path, out);
    }
}

void settings_reference(struct buf *out)
{
    buf_printf(out, "%s", head);
    add_header("Top of the file", "Keys outside of sections.", out);
    add_section("", out);
    for (size_t i = 0; i < COUNT_OF(sections); i++) {
        add_header(sections[i][0], sections[i][1], out);
        add_section(sections[i][0], out);
        for (size_t row = 0; row < settings_of_file.count; row++) {
            bool listed = strcmp(settings_of_file.rows[row].path, sections[i][0]) == 0;
            add_entries(listed ? setting_entries(&settings_of_file.rows[row]) : NULL, out);
        }
    }
}
