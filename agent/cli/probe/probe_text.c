/* What is printed of a try: for a person, and as JSON. */
#include "outrider/base/buf.h"
#include "outrider/cli/probe/probe_ask.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/codec/text/printable.h"
#include "outrider/core/config/settings.h"
#include "outrider/probe/driver.h"
#include "probe_internal.h"

#include <stdio.h>

static bool has_facts(enum config_probe_type type)
{
    bool has = false;
    for (size_t i = 0; i < settings_of_probe.count; i++) {
        const struct setting *row = &settings_of_probe.rows[i];
        has = has || (row->type == SETTING_FACTS && (row->kinds & 1u << type) != 0);
    }
    return has;
}

static void add_row(struct buf *out, const char *name, const char *text)
{
    buf_printf(out, "  %-9s ", name);
    printable_add(out, str_of(text), PROBE_ASK_TEXT_MAX, '?');
    buf_printf(out, "\n");
}

static void add_count(struct buf *out, const struct probe_ask *ask, enum config_fact fact, bool known,
                      uint32_t count)
{
    char text[16];
    const char *pointer;
    snprintf(text, sizeof(text), "%u", count);
    if (known || config_probe_takes(ask->probe, fact, &pointer)) {
        add_row(out, config_fact_name(fact), known ? text : "unknown");
    }
}

static void add_facts(const struct probe_ask *ask, struct buf *out)
{
    const char *const texts[][2] = {
        {"map", ask->map}, {"version", ask->version}, {"name", ask->name}, {"says", ask->detail}};
    bool unnamed = ask->probe->type == CONFIG_PROBE_HTTP && ask->probe->fact_count == 0;
    if (has_facts(ask->probe->type) && !unnamed) {
        add_count(out, ask, CONFIG_FACT_PLAYERS, ask->has_players, ask->players);
        add_count(out, ask, CONFIG_FACT_CAPACITY, ask->has_capacity, ask->capacity);
    }
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (texts[i][1][0] != '\0') {
            add_row(out, texts[i][0], texts[i][1]);
        }
    }
    if (unnamed && !ask->probe->facts_given) {
        buf_printf(
            out,
            "  Where the body is JSON, --facts players=/online/count says where the players are in it.\n");
    }
}

/* Breaks `text` at blanks, so that each line has at most 92 characters after two blanks. */
static void add_lines(struct buf *out, struct str text)
{
    enum { WIDTH = 92 };
    size_t used = 0;
    while (text.size > 0) {
        struct str word = str_split(text, ' ', &text);
        bool fits = used > 0 && used + 1 + word.size <= WIDTH;
        buf_printf(out, "%s", fits ? " " : used > 0 ? "\n  " : "  ");
        printable_add(out, word, word.size, '?');
        used = fits ? used + 1 + word.size : word.size;
    }
    buf_printf(out, "\n");
}

void probe_text_answer(const struct probe_ask *ask, struct buf *out)
{
    bool passed = ask->outcome == PROBE_PASSED;
    buf_printf(out, "%s: ", passed ? "yes" : "no");
    probe_ask_target(ask, out);
    buf_printf(out, "%s", passed ? " " : ": ");
    probe_ask_result(ask, out);
    buf_printf(out, "\n");
}

void probe_text_more(const struct probe_line *line, const struct probe_ask *ask, struct buf *out)
{
    struct buf advice = {0};
    if (ask->outcome == PROBE_PASSED) {
        add_facts(ask, out);
        buf_printf(out, "\nFor the configuration of its agent:\n\n");
        probe_block(line, ask->duration_us, out);
    } else {
        probe_ask_advice(ask, &advice);
        add_lines(out, buf_view(&advice));
    }
    buf_fini(&advice);
}

static void add_json_count(struct json_writer *json, const char *name, bool known, uint32_t count)
{
    json_member_span(json, name, known ? (int64_t)count : -1);
}

void probe_json(const struct probe_line *line, const struct probe_ask *ask, struct buf *out)
{
    struct json_writer json = {.out = out};
    struct buf text = {0};
    char duration[32];
    bool passed = ask->outcome == PROBE_PASSED;
    json_write_object(&json);
    json_member_bool(&json, "passed", passed);
    json_member_text(&json, "type", config_probe_type_name(ask->probe->type));
    probe_driver_for(ask->probe->type)->describe(ask->host, ask->probe, &text);
    json_member_string(&json, "target", buf_view(&text));
    json_member_text(&json, "outcome", probe_outcome_text(ask->outcome));
    json_member_string_or_null(&json, "detail", str_of(ask->detail));
    snprintf(duration, sizeof(duration), "%.3f", (double)ask->duration_us / 1000);
    json_write_key(&json, "durationMs");
    json_write_raw(&json, str_of(duration));
    json_member_object(&json, "facts");
    add_json_count(&json, "players", ask->has_players, ask->players);
    add_json_count(&json, "capacity", ask->has_capacity, ask->capacity);
    json_member_string_or_null(&json, "map", str_of(ask->map));
    json_member_string_or_null(&json, "version", str_of(ask->version));
    json_member_string_or_null(&json, "name", str_of(ask->name));
    json_write_object_end(&json);
    buf_clear(&text);
    probe_ask_advice(ask, &text);
    json_member_string_or_null(&json, "advice", buf_view(&text));
    buf_clear(&text);
    if (passed) {
        probe_block(line, ask->duration_us, &text);
    }
    json_member_string_or_null(&json, "configuration", buf_view(&text));
    json_write_object_end(&json);
    buf_printf(out, "\n");
    buf_fini(&text);
}
