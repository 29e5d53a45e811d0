/* The table of the keys of one probe. Offsets are of struct config_probe. */
#include "settings_internal.h"

#include "outrider/core/config/config.h"

#define AT(field) .offset = offsetof(struct config_probe, field)
#define COUNT(field) .count_offset = offsetof(struct config_probe, field)
#define GIVEN(field) .flag_offset = offsetof(struct config_probe, field)

#define RELOAD SETTING_RELOADABLE

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

/* The types of probes that have a key. */
enum kinds {
    OF_TCP = 1 << CONFIG_PROBE_TCP,
    OF_UNIX = 1 << CONFIG_PROBE_UNIX,
    OF_HTTP = 1 << CONFIG_PROBE_HTTP,
    OF_GRPC = 1 << CONFIG_PROBE_GRPC,
    OF_A2S = 1 << CONFIG_PROBE_A2S,
    OF_EXEC = 1 << CONFIG_PROBE_EXEC,
    OF_GAMES = OF_A2S | 1 << CONFIG_PROBE_MINECRAFT | 1 << CONFIG_PROBE_RAKNET | 1 << CONFIG_PROBE_QUAKE3,
    OF_HOSTS = OF_TCP | OF_HTTP | OF_GRPC | OF_GAMES,
};

static const char *const schemes[] = {"http", "https", NULL};
static const char *const methods[] = {"GET", "HEAD", "POST", NULL};
static const char *const bots[] = {"include", "exclude", NULL};

static const struct setting rows[] = {
    {"name", SETTING_STRING, .flags = SETTING_REQUIRED | RELOAD, .shape = shape_name, AT(name),
     .doc = "Its name in status, log and metrics; unique."},
    {"type", SETTING_ENUM, .flags = RELOAD, .fallback = "tcp", .choices = config_probe_types, AT(type),
     .doc = "What a try does (docs/probes.md): `tcp` connects to `port`, `unix` to `path`, `http` and `grpc` "
            "send a request to "
            "`port`, `a2s`, `minecraft`, `raknet` and `quake3` ask as a client of such a game does, `exec` "
            "runs `command`."},
    {"port", SETTING_PORT, .flags = RELOAD, AT(port), .kinds = OF_HOSTS,
     .doc = "The port; required of every type but `unix` and `exec`."},
    {"path", SETTING_STRING, .flags = SETTING_NULLABLE | RELOAD, .shape = shape_path, AT(path),
     .kinds = OF_UNIX | OF_HTTP,
     .doc = "The socket of a `unix` probe, which must have it; for `http` path and query of the URL, `/` "
            "where absent."},
    {"host", SETTING_STRING, .flags = SETTING_NULLABLE | RELOAD, .fallback = "null",
     .shape = shape_probe_host, AT(host), .kinds = OF_HOSTS,
     .doc = "The host that the probe connects to. `null`: `probe_host`."},
    {"interval", SETTING_DURATION, .flags = RELOAD, .fallback = "1s", .min = 10, .max = HOUR, AT(interval_ms),
     .doc = "From one try to the next."},
    {"fast_interval", SETTING_DURATION, .flags = SETTING_AUTO | RELOAD, .fallback = "auto", .min = 10,
     .max = HOUR, AT(fast_interval_ms),
     .doc = "The same while the verdict is in doubt: the last tries speak against it, or there is none yet. "
            "At most "
            "`interval`, which turns it off. `auto`: a tenth of `interval`, at least 50ms."},
    {"timeout", SETTING_DURATION, .flags = RELOAD, .fallback = "500ms", .min = 1, .max = HOUR, AT(timeout_ms),
     .doc = "A try that takes longer has failed. Below `interval`."},
    {"fall", SETTING_INTEGER, .flags = RELOAD, .fallback = "3", .min = 1, .max = 100, AT(fall),
     .doc = "The number of failures in a row after which it is failing."},
    {"rise", SETTING_INTEGER, .flags = RELOAD, .fallback = "2", .min = 1, .max = 100, AT(rise),
     .doc = "The number of successes in a row after which it is passing; on new contact they are tried back "
            "to back."},
    {"facts", SETTING_FACTS, .flags = RELOAD, .fallback = "true", .max = CONFIG_FACT_COUNT,
     .named = shape_fact, .shape = shape_pointer, AT(facts), COUNT(fact_count), GIVEN(facts_given),
     .kinds = OF_HTTP | OF_GAMES | OF_EXEC,
     .doc = "What a passed try may say about the server: `players`, `capacity`, `map`, `version`, `name`. "
            "`true`: all that the "
            "type knows; `false`: nothing; a list: these alone. `http` knows none by itself: there it is a "
            "mapping from names to "
            "JSON pointers into the body, such as `players: /online/count`."},
    {"scheme", SETTING_ENUM, .flags = RELOAD, .fallback = "http", .choices = schemes, AT(scheme),
     .kinds = OF_HTTP, .doc = "Of `http`: whether it uses TLS."},
    {"method", SETTING_ENUM, .flags = RELOAD, .fallback = "GET", .choices = methods, AT(method),
     .kinds = OF_HTTP, .doc = "Of `http`: the method; `POST` has an empty body."},
    {"host_header", SETTING_STRING, .flags = SETTING_NULLABLE | RELOAD, .fallback = "null",
     .shape = shape_header_value, AT(host_header), .kinds = OF_HTTP,
     .doc = "Of `http`: the header Host. `null`: host and port that it connects to, with `tls.server_name` "
            "that name."},
    {"headers", SETTING_LABELS, .flags = SETTING_NULLABLE | RELOAD, .fallback = "{}",
     .max = CONFIG_PROBE_HEADERS_MAX, .named = shape_header_name, .shape = shape_header_value, AT(headers),
     COUNT(header_count), .kinds = OF_HTTP, .doc = "Of `http`: further headers."},
    {"status", SETTING_STRINGS, .flags = RELOAD, .fallback = "[]", .max = CONFIG_PROBE_STATUS_MAX,
     .shape = shape_status, AT(statuses), COUNT(status_count), .kinds = OF_HTTP,
     .doc = "Of `http`: the statuses that pass, such as `[200-299, 418]`. `[]`: 200-399. Redirects are not "
            "followed."},
    {"body", SETTING_STRING, .flags = SETTING_NULLABLE | RELOAD, .fallback = "null", .shape = shape_text,
     AT(body), .kinds = OF_HTTP,
     .doc = "Of `http`: what the first 64 KiB of the body must contain. `null`: anything."},
    {"tls.verify", SETTING_BOOL, .flags = RELOAD, .fallback = "true", AT(tls.verify),
     .kinds = OF_HTTP | OF_GRPC,
     .doc = "`false`: any certificate will do. For `grpc` the section `tls`, even `{}`, turns TLS on."},
    {"tls.ca_file", SETTING_STRING, .flags = SETTING_NULLABLE | RELOAD, .fallback = "null",
     .shape = shape_file, AT(tls.ca_file), .kinds = OF_HTTP | OF_GRPC,
     .doc = "The CA certificates (PEM). `null`: those of the system."},
    {"tls.server_name", SETTING_STRING, .flags = SETTING_NULLABLE | RELOAD, .fallback = "null",
     .shape = shape_probe_host, AT(tls.server_name), .kinds = OF_HTTP | OF_GRPC,
     .doc = "The name that the certificate must be for. `null`: the host that it connects to."},
    {"service", SETTING_STRING, .flags = SETTING_NULLABLE | RELOAD, .fallback = "null",
     .shape = shape_service, AT(service), .kinds = OF_GRPC,
     .doc = "Of `grpc`: the service whose health is asked. `null`: the server as a whole."},
    {"bots", SETTING_ENUM, .flags = RELOAD, .fallback = "include", .choices = bots, AT(bots), .kinds = OF_A2S,
     .doc = "Of `a2s`: whether `players` counts bots."},
    {"command", SETTING_STRINGS, .flags = SETTING_REPEATS | RELOAD, .fallback = "[]",
     .max = CONFIG_COMMAND_MAX, .shape = shape_argument, AT(command), COUNT(command_count), .kinds = OF_EXEC,
     .doc = "Of `exec`: the program, as an absolute path, and its arguments. No shell is involved. Exit "
            "status 0 passes."},
    {"user", SETTING_STRING, .flags = SETTING_NULLABLE | RELOAD, .fallback = "null", .shape = shape_user,
     AT(user), .kinds = OF_EXEC,
     .doc = "Of `exec`: the user that the program runs as. `null`: that of the agent."},
};

const struct settings settings_of_probe = {
    rows, COUNT_OF(rows), {{"tls", offsetof(struct config_probe, tls.given)}}};
