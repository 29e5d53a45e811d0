#include "check_internal.h"

#include "outrider/base/buf.h"
#include "outrider/base/duration.h"
#include "outrider/codec/record/record_json.h"
#include "outrider/codec/record/record_sign.h"
#include "outrider/core/config/config.h"
#include "outrider/core/registry/registry_limits.h"
#include "outrider/core/server/record.h"

/* The bytes of the record as far as the file has it. What the server reports comes on top. */
static size_t record_size(const struct config *config)
{
    const struct config_server *server = &config->server;
    struct record record = {.id = server->id,
                            .type = server->type,
                            .host = server->host,
                            .port_count = server->port_count,
                            .region = server->region,
                            .zone = server->zone,
                            .group = server->group,
                            .version = server->version,
                            .has_weight = server->weight != CONFIG_WEIGHT,
                            .weight = server->weight,
                            .tag_count = server->tag_count,
                            .label_count = server->label_count};
    struct buf bytes = {0};
    memcpy(record.ports, server->ports, sizeof(record.ports));
    memcpy(record.tags, server->tags, sizeof(record.tags));
    for (size_t i = 0; i < server->label_count; i++) {
        record.labels[i] = (struct record_label){server->labels[i].name, server->labels[i].value};
    }
    record_encode(&record, &bytes);
    size_t size = bytes.size + (config->record.sign_key != NULL ? record_signature_size() : 0);
    buf_fini(&bytes);
    return size;
}

static void check_ttl(const char *file, int64_t ttl_ms, const struct registry_limits *limits,
                      struct buf *problems)
{
    char ttl[24], granted[24];
    bool below = ttl_ms < limits->ttl_min_ms;
    if (below || ttl_ms > limits->ttl_max_ms) {
        duration_format(below ? limits->ttl_min_ms : limits->ttl_max_ms, granted);
        check_warn(file, problems, "registry.ttl",
                   "the registry grants %s instead of %s, and the record of an agent that died stays for "
                   "that long; set %s or %s",
                   granted, duration_format(ttl_ms, ttl), granted, below ? "more" : "less");
    }
}

bool check_limits(const char *file, const struct config *config, const struct registry_limits *limits,
                  struct buf *problems)
{
    struct buf record = {0}, control = {0};
    if (!config->server.present) {
        return false;
    }
    (void)check_keys(config, &record, &control);
    const struct {
        const char *what, *setting, *remedy;
        size_t size, max;
    } rows[] = {
        {"the key of the record", "registry.prefix", "registry.prefix, server.type or server.id", record.size,
         limits->key_max},
        {"the control key", "registry.control_prefix", "registry.control_prefix, server.type or server.id",
         control.size, limits->key_max},
        {"the record", "server.labels", "server.labels or server.tags", record_size(config),
         limits->value_max},
    };
    bool failed = false;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].size > rows[i].max) {
            failed = true;
            buf_printf(problems, "%s: %s: %s has %zu bytes, and the registry takes at most %zu; shorten %s\n",
                       file, rows[i].setting, rows[i].what, rows[i].size, rows[i].max, rows[i].remedy);
        }
    }
    check_ttl(file, config->registry.ttl_ms, limits, problems);
    buf_fini(&record);
    buf_fini(&control);
    return failed;
}
