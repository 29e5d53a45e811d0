/* The rules about one probe. */
#include "settings_internal.h"

#include "outrider/base/brief.h"
#include "outrider/base/duration.h"
#include "outrider/core/config/config.h"
#include "outrider/core/config/config_check.h"

#include <stdio.h>

static bool is_faulty(const struct config_check *check, const char *path, const char *key)
{
    char at[CONFIG_CHECK_PATH_SIZE];
    return config_check_is_faulty(check, config_check_key(path, key, at));
}

static void report(const struct config_check *check, const char *path, const char *key, const char *text)
{
    char at[CONFIG_CHECK_PATH_SIZE];
    if (!config_check_is_faulty(check, config_check_key(path, key, at))) {
        check->report(at, text, check->user);
    }
}

/* "http, a2s" */
static void list_types(unsigned kinds, char out[static 96])
{
    size_t size = 0;
    out[0] = '\0';
    for (unsigned type = 0; config_probe_types[type] != NULL; type++) {
        if ((kinds & 1u << type) != 0 && size < 80) {
            size += (size_t)snprintf(out + size, 96 - size, "%s%s", size == 0 ? "" : ", ",
                                     config_probe_types[type]);
        }
    }
}

/* A key that this type does not have. */
static void check_keys(const struct config_probe *probe, const char *path, const struct config_check *check)
{
    struct config_probe plain = {0};
    settings_defaults(&settings_of_probe, &plain);
    for (size_t i = 0; i < settings_of_probe.count; i++) {
        const struct setting *row = &settings_of_probe.rows[i];
        char at[CONFIG_CHECK_PATH_SIZE], types[96], text[256];
        config_check_key(path, row->path, at);
        bool written = check->is_written != NULL && check->is_written(at, check->user);
        if (row->kinds == 0 || (row->kinds & 1u << probe->type) != 0 ||
            (!written && setting_equal(row, probe, &plain))) {
            continue;
        }
        list_types(row->kinds, types);
        brief_format(text, sizeof(text), "is for probes of type %s: this one is %s", types,
                     config_probe_type_name(probe->type));
        report(check, path, row->path, text);
    }
    config_probe_fini(&plain);
}

static void check_required(const struct config_probe *probe, const char *path,
                           const struct config_check *check)
{
    char text[128];
    if (config_probe_has_port(probe->type) && probe->port == 0) {
        snprintf(text, sizeof(text), "required: a probe of type %s connects to a port",
                 config_probe_type_name(probe->type));
        report(check, path, "port", text);
    }
    if (probe->type == CONFIG_PROBE_UNIX && probe->path == NULL) {
        report(check, path, "path", "required: a unix probe connects to a path");
    }
    if (probe->type == CONFIG_PROBE_UNIX && probe->path != NULL &&
        strlen(probe->path) > SETTINGS_SOCKET_PATH_MAX) {
        report(check, path, "path", "is too long for the path of a socket: at most 107 bytes");
    }
    if (probe->type == CONFIG_PROBE_EXEC && probe->command_count == 0) {
        report(check, path, "command", "required: an exec probe runs a program");
    }
    if (probe->type == CONFIG_PROBE_EXEC && probe->command_count > 0 && probe->command[0][0] != '/') {
        report(check, path, "command", "the program must be an absolute path: no shell looks for it");
    }
}

static void check_http(const struct config_probe *probe, const char *path, const struct config_check *check)
{
    for (size_t i = 0; i < probe->fact_count; i++) {
        bool has_pointer = probe->facts[i].value[0] != '\0';
        if (has_pointer != (probe->type == CONFIG_PROBE_HTTP)) {
            report(check, path, "facts",
                   has_pointer ? "JSON pointers are for http probes: list the names"
                               : "an http probe knows no fact by itself: give each a JSON pointer, such as "
                                 "players: /online/count");
            break;
        }
    }
    if (probe->type == CONFIG_PROBE_HTTP && probe->tls.given && probe->scheme == CONFIG_PROBE_PLAIN) {
        report(check, path, "tls", "has no effect without scheme: https");
    }
    if (probe->type == CONFIG_PROBE_HTTP && probe->method == CONFIG_PROBE_HEAD &&
        (probe->body != NULL || probe->fact_count > 0)) {
        report(check, path, probe->body != NULL ? "body" : "facts", "the answer to HEAD has no body");
    }
}

static void check_times(const struct config_probe *probe, const char *path, const struct config_check *check)
{
    char timeout[24], interval[24], fast[24], text[128];
    duration_format(probe->interval_ms, interval);
    if (probe->timeout_ms >= probe->interval_ms && !is_faulty(check, path, "interval")) {
        snprintf(text, sizeof(text), "%s must be below the interval of %s",
                 duration_format(probe->timeout_ms, timeout), interval);
        report(check, path, "timeout", text);
    }
    if (probe->fast_interval_ms > probe->interval_ms && !is_faulty(check, path, "interval")) {
        snprintf(text, sizeof(text), "%s must not be above the interval of %s",
                 duration_format(probe->fast_interval_ms, fast), interval);
        report(check, path, "fast_interval", text);
    }
}

void config_check_probe(const struct config_probe *probe, const char *path, const struct config_check *check)
{
    check_times(probe, path, check);
    if (is_faulty(check, path, "type")) {
        return;
    }
    check_keys(probe, path, check);
    check_required(probe, path, check);
    check_http(probe, path, check);
}
