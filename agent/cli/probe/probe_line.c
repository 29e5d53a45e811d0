/* The command line of `outrider probe`. Its options are the keys of a probe, by the table of their rows, so that a new key is an
 * option as well. */
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/core/config/config_check.h"
#include "outrider/core/config/settings.h"
#include "probe_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* How long a person waits where no timeout is given: the other end may be far away. */
enum { PATIENCE_MS = 3000, PLACES_MAX = 17 };

struct reading {
    const struct command *command;
    struct probe_line *line;
    bool given[SETTINGS_MAX]; /* by row */
    const char *places[PLACES_MAX];
    size_t place_count;
    bool count_given, is_over, failed;
};

static const struct setting *row_of(const char *key, size_t *ret_index)
{
    for (size_t i = 0; i < settings_of_probe.count; i++) {
        if (strcmp(settings_of_probe.rows[i].path, key) == 0) {
            *ret_index = i;
            return &settings_of_probe.rows[i];
        }
    }
    return NULL;
}

static bool is_given(const struct reading *reading, const char *key)
{
    size_t index;
    return row_of(key, &index) != NULL && reading->given[index];
}

/* ---- values ---- */

/* NAME=VALUE, or as a header is written: "Name: value". */
static int add_pair(const struct setting *row, struct config_probe *probe, struct str item, struct error *err)
{
    size_t size = 0;
    while (size < item.size && item.data[size] != '=' && item.data[size] != ':') {
        size++;
    }
    if (size == item.size) {
        return error_set(err, ERROR_INVALID, "`%.*s` is not NAME=VALUE", (int)(size > 64 ? 64 : size),
                         item.data);
    }
    return setting_label_add(row, probe, str_trim((struct str){item.data, size}),
                             str_trim((struct str){item.data + size + 1, item.size - size - 1}), err);
}

/* A list is cut at commas, but for headers, whose values may have some; an option that is given again adds to it. */
static int add_items(const struct setting *row, struct config_probe *probe, struct str text, bool again,
                     struct error *err)
{
    bool is_word = str_eq(text, STR("true")) || str_eq(text, STR("false")) || str_eq(text, STR("[]"));
    if (is_word && !again) {
        return setting_parse(row, probe, text, err);
    }
    if (!again) {
        setting_list_begin(row, probe);
    }
    while (text.size > 0) {
        struct str item = text;
        item = row->type == SETTING_LABELS ? text : str_split(text, ',', &text);
        text = row->type == SETTING_LABELS ? STR("") : text;
        item = str_trim(item);
        bool pair = row->type == SETTING_LABELS || (row->type == SETTING_FACTS && item.size > 0 &&
                                                    memchr(item.data, '=', item.size) != NULL);
        if (item.size > 0 &&
            (pair ? add_pair(row, probe, item, err) : setting_list_add(row, probe, item, err)) < 0) {
            return -1;
        }
    }
    return setting_list_end(row, probe, err);
}

static int fail(struct reading *reading, const char *option, const char *text)
{
    reading->failed = true;
    return cli_usage(reading->command, "`%s`: %s", option, text);
}

static int take_value(struct reading *reading, const char *option, size_t index, struct str value)
{
    struct error err;
    const struct setting *row = &settings_of_probe.rows[index];
    bool is_list = row->count_offset != 0, again = reading->given[index];
    if (again && !is_list) {
        return fail(reading, option, "is given twice");
    }
    reading->given[index] = true;
    if (strncmp(row->path, "tls.", 4) == 0) {
        reading->line->probe.tls.given = true;
    }
    int result = is_list ? add_items(row, &reading->line->probe, value, again, &err)
                         : setting_parse(row, &reading->line->probe, value, &err);
    return result < 0 ? fail(reading, option, err.text) : EX_DONE;
}

/* ---- words ---- */

static int unknown_option(struct reading *reading, const char *option)
{
    static const char *const own[] = {"json", "count", "tls", "help"};
    const struct probe_kind *kind = reading->line->kind;
    const char *names[SETTINGS_MAX + COUNT_OF(own)];
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(own); i++) {
        names[count++] = own[i];
    }
    for (size_t i = 0; i < settings_of_probe.count; i++) {
        const struct setting *row = &settings_of_probe.rows[i];
        if (kind == NULL || row->kinds == 0 || (row->kinds & 1u << kind->type) != 0) {
            names[count++] = row->path;
        }
    }
    reading->failed = true;
    const char *near =
        option[0] == '-' && option[1] == '-' ? cli_nearest(option + 2, names, count, sizeof(names[0])) : NULL;
    return near == NULL
               ? cli_usage(reading->command, "unknown option `%s`", option)
               : cli_usage(reading->command, "unknown option `%s`: did you mean `--%s`?", option, near);
}

static int take_count(struct reading *reading, const char *option, struct str value)
{
    uint64_t count;
    if (reading->count_given) {
        return fail(reading, option, "is given twice");
    }
    if (str_to_u64(value, PROBE_COUNT_MAX, &count) < 0 || count == 0) {
        return fail(reading, option, "want a number of tries from 1 to 1000000");
    }
    reading->count_given = true;
    reading->line->count = (unsigned)count;
    return EX_DONE;
}

/* Takes the option that `rest` begins with, and its value. */
static int take_option(struct reading *reading, struct cli_args *rest)
{
    const char *word = rest->words[0], *mark = strchr(word, '=');
    char option[80], key[80];
    size_t index = 0;
    snprintf(option, sizeof(option), "%.*s", (int)(mark == NULL ? strlen(word) : (size_t)(mark - word)),
             word);
    snprintf(key, sizeof(key), "%s", option[0] == '-' && option[1] == '-' ? option + 2 : "");
    for (char *c = key; *c != '\0'; c++) {
        *c = *c == '-' ? '_' : *c; /* --fast-interval is fast_interval */
    }
    *rest = (struct cli_args){.words = rest->words + 1, .count = rest->count - 1};
    bool is_json = strcmp(key, "json") == 0, is_tls = strcmp(key, "tls") == 0;
    if (is_json || is_tls) {
        reading->line->json = reading->line->json || is_json;
        reading->line->probe.tls.given = reading->line->probe.tls.given || is_tls;
        return mark == NULL ? EX_DONE : fail(reading, option, "takes no value");
    }
    bool is_count = strcmp(key, "count") == 0;
    if (!is_count && (row_of(key, &index) == NULL || strcmp(key, "type") == 0)) {
        return unknown_option(reading, option);
    }
    if (strcmp(key, "command") == 0) {
        return fail(reading, option, "write the command at the end, behind `--`");
    }
    if (mark == NULL && rest->count == 0) {
        return fail(reading, option, "needs a value");
    }
    struct str value = str_of(mark == NULL ? rest->words[0] : mark + 1);
    if (mark == NULL) {
        *rest = (struct cli_args){.words = rest->words + 1, .count = rest->count - 1};
    }
    return is_count ? take_count(reading, option, value) : take_value(reading, option, index, value);
}

static bool is_url(const char *word)
{
    return strncmp(word, "http://", 7) == 0 || strncmp(word, "https://", 8) == 0;
}

static int unknown_type(struct reading *reading, const char *word)
{
    reading->failed = true;
    const char *near = cli_nearest(word, &probe_kinds[0].word, probe_kind_count, sizeof(probe_kinds[0]));
    if (near != NULL) {
        return cli_usage(reading->command, "unknown type `%s`: did you mean `%s`?", word, near);
    }
    return strpbrk(word, ".:[/") != NULL
               ? cli_usage(reading->command,
                           "`%s` is no type, which comes first: `outrider probe` lists them", word)
               : cli_usage(reading->command, "unknown type `%s`: `outrider probe` lists them", word);
}

/* A word that is no option: the type, then where. A URL says both. */
static int take_word(struct reading *reading, const char *word)
{
    struct probe_line *line = reading->line;
    bool names_type = line->kind == NULL;
    if (names_type) {
        line->kind = probe_kind_of(is_url(word) ? "http" : word);
        if (line->kind == NULL) {
            return unknown_type(reading, word);
        }
        line->probe.type = line->kind->type;
        line->probe.scheme = line->kind->secure ? CONFIG_PROBE_SECURE : line->probe.scheme;
    }
    if (names_type && !is_url(word)) {
        return EX_DONE;
    }
    size_t most = line->kind->place == PROBE_PLACE_COMMAND ? COUNT_OF(reading->places) : 1;
    if (reading->place_count >= most) {
        reading->failed = true;
        return most > 1 ? cli_usage(reading->command, "too many arguments of the command: at most %d words",
                                    CONFIG_COMMAND_MAX)
                        : cli_usage(reading->command, "unexpected word `%s`", word);
    }
    reading->places[reading->place_count++] = word;
    return EX_DONE;
}

/* ---- where ---- */

static int take_part(struct reading *reading, const char *key, struct str value)
{
    size_t index = 0;
    char option[32];
    (void)row_of(key, &index);
    snprintf(option, sizeof(option), "--%s", key);
    if (reading->given[index]) {
        return fail(reading, option, "is given twice, as the address has it as well");
    }
    return take_value(reading, option, index, value);
}

static int take_place(struct reading *reading, const char *word)
{
    struct config_probe *probe = &reading->line->probe;
    struct probe_place_parts parts;
    struct error err;
    char port[8];
    int status = EX_DONE;
    if (probe_place_read(reading->line->kind->place, str_of(word), &parts, &err) < 0) {
        reading->failed = true;
        return cli_usage(reading->command, "%s", err.text);
    }
    probe->scheme = parts.secure ? CONFIG_PROBE_SECURE : probe->scheme;
    snprintf(port, sizeof(port), "%u", parts.port);
    if (parts.host.size > 0) {
        status = take_part(reading, "host", parts.host);
    }
    if (status == EX_DONE && parts.port != 0) {
        status = take_part(reading, "port", str_of(port));
    }
    return status == EX_DONE && parts.path.size > 0 ? take_part(reading, "path", parts.path) : status;
}

/* A program beside the person is named by its path from there; the agent needs it from the root. */
static int add_argument(const struct setting *row, struct config_probe *probe, const char *word,
                        bool is_program, struct error *err)
{
    char directory[1024];
    struct buf path = {0};
    if (is_program && word[0] != '/' && strchr(word, '/') != NULL &&
        getcwd(directory, sizeof(directory)) != NULL) {
        buf_printf(&path, "%s/%s", directory, strncmp(word, "./", 2) == 0 ? word + 2 : word);
    } else {
        buf_str(&path, str_of(word));
    }
    int result = setting_list_add(row, probe, buf_view(&path), err);
    buf_fini(&path);
    return result;
}

static int take_command(struct reading *reading)
{
    size_t index = 0;
    struct error err;
    const struct setting *row = row_of("command", &index);
    reading->given[index] = true;
    for (size_t i = 0; i < reading->place_count; i++) {
        if (add_argument(row, &reading->line->probe, reading->places[i], i == 0, &err) < 0) {
            return fail(reading, "command", err.text);
        }
    }
    return EX_DONE;
}

static int take_places(struct reading *reading)
{
    const struct probe_kind *kind = reading->line->kind;
    struct config_probe *probe = &reading->line->probe;
    int status = kind->place == PROBE_PLACE_COMMAND ? take_command(reading)
                 : reading->place_count > 0         ? take_place(reading, reading->places[0])
                                                    : EX_DONE;
    if (status != EX_DONE) {
        return status;
    }
    if (config_probe_has_port(kind->type) && probe->port == 0) {
        bool secure = probe->scheme == CONFIG_PROBE_SECURE && kind->secure_port != 0;
        probe->port = secure ? kind->secure_port : kind->port;
    }
    reading->failed = true;
    if (config_probe_has_port(kind->type) && probe->port == 0) {
        return cli_usage(reading->command, "a probe of type %s needs a port: HOST:PORT", kind->word);
    }
    if (kind->place == PROBE_PLACE_PATH && probe->path == NULL) {
        return cli_usage(reading->command, "a probe of type %s needs the path of the socket", kind->word);
    }
    if (kind->place == PROBE_PLACE_COMMAND && probe->command_count == 0) {
        return cli_usage(reading->command, "a probe of type %s needs a command: `-- COMMAND ARG...`",
                         kind->word);
    }
    reading->failed = false;
    return EX_DONE;
}

/* ---- rules ---- */

static bool is_written(const char *path, void *user)
{
    return is_given(user, path + sizeof("probe"));
}

static void report(const char *path, const char *text, void *user)
{
    struct reading *reading = user;
    const char *key = path + sizeof("probe");
    if (!reading->failed && (strcmp(key, "command") == 0 || strcmp(key, "type") == 0)) {
        (void)cli_usage(reading->command, "%s: %s", key, text); /* these are no options */
    } else if (!reading->failed) {
        (void)cli_usage(reading->command, "`--%s`: %s", key, text);
    }
    reading->failed = true;
}

static int check(struct reading *reading)
{
    struct config_probe *probe = &reading->line->probe;
    const struct config_check rules = {.report = report, .is_written = is_written, .user = reading};
    struct error err;
    size_t index = 0;
    reading->line->timeout_given = is_given(reading, "timeout");
    reading->line->interval_given = is_given(reading, "interval");
    if (!reading->line->interval_given && probe->timeout_ms >= probe->interval_ms) {
        int64_t most = row_of("interval", &index)->max, twice = 2 * probe->timeout_ms;
        probe->interval_ms = twice < most ? twice : most;
    }
    config_check_probe(probe, "probe", &rules);
    if (reading->failed) {
        return EX_USAGE;
    }
    if (!is_given(reading, "name")) {
        (void)!setting_parse(row_of("name", &index), probe, str_of(reading->line->kind->word), &err);
    }
    if (probe->host == NULL && config_probe_has_port(probe->type)) {
        (void)!setting_parse(row_of("host", &index), probe, STR("localhost"), &err);
    }
    return EX_DONE;
}

int probe_line_read(const struct command *command, struct cli_args words, struct probe_line *ret_line)
{
    struct reading reading = {.command = command, .line = ret_line};
    *ret_line = (struct probe_line){.count = 1};
    settings_defaults(&settings_of_probe, &ret_line->probe);
    int status = EX_DONE;
    while (words.count > 0 && status == EX_DONE) {
        const char *word = words.words[0];
        bool is_option = !reading.is_over && word[0] == '-' && word[1] != '\0';
        if (is_option && strcmp(word, "--") != 0) {
            status = take_option(&reading, &words);
            continue;
        }
        words = (struct cli_args){.words = words.words + 1, .count = words.count - 1};
        reading.is_over = reading.is_over || is_option;
        status = is_option ? EX_DONE : take_word(&reading, word);
    }
    if (status == EX_DONE && ret_line->kind == NULL) {
        return cli_usage(command, "a type is missing: `outrider probe` lists them");
    }
    status = status == EX_DONE ? take_places(&reading) : status;
    status = status == EX_DONE ? check(&reading) : status;
    if (!ret_line->timeout_given) {
        ret_line->probe.timeout_ms = PATIENCE_MS;
    }
    return status;
}

void probe_line_fini(struct probe_line *line)
{
    config_probe_fini(&line->probe);
}
