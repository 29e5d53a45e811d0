/* From state to record: what is offered to the registrar, and when. */
#include "server_internal.h"

#include "outrider/base/brief.h"
#include "outrider/base/buf.h"
#include "outrider/base/mem.h"

#include <stdlib.h>

const uint16_t *server_ports(const struct server *server, size_t *ret_count)
{
    /* Reported ports count only where the configuration leaves them to the server. */
    if (server->config->server.ports_dynamic) {
        *ret_count = server->reported.port_count;
        return server->reported.ports;
    }
    *ret_count = server->config->server.port_count;
    return server->config->server.ports;
}

static int by_name(const void *a, const void *b)
{
    const struct record_label *left = a, *right = b;
    return strcmp(left->name, right->name);
}

static void add_label(struct record *record, const char *name, const char *value)
{
    size_t at = 0;
    while (at < record->label_count && strcmp(record->labels[at].name, name) != 0) {
        at++;
    }
    if (at == record->label_count && at < RECORD_LABELS_MAX) {
        record->labels[record->label_count++] = (struct record_label){mem_strdup(name), mem_strdup(value)};
    }
}

/* Of one name the first counts. */
static void compose_labels(const struct server *server, struct record *record)
{
    static const enum config_fact facts[] = {CONFIG_FACT_MAP, CONFIG_FACT_NAME};
    const struct config_server *config = &server->config->server;
    for (size_t i = 0; i < server->reported.label_count; i++) {
        add_label(record, server->reported.labels[i].name, server->reported.labels[i].value);
    }
    for (size_t i = 0; i < COUNT_OF(facts); i++) {
        struct server_value value = server_value(server, facts[i]);
        if (value.source != SERVER_SOURCE_NONE) {
            add_label(record, config_fact_name(facts[i]), value.text);
        }
    }
    for (size_t i = 0; i < config->label_count; i++) {
        add_label(record, config->labels[i].name, config->labels[i].value);
    }
    qsort(record->labels, record->label_count, sizeof(record->labels[0]), by_name);
}

static void compose_drain(const struct server *server, struct record_drain *drain)
{
    struct buf names = {0};
    for (int kind = 0; kind < HOLD_COUNT; kind++) {
        const struct hold *hold = &server->holds[kind];
        if (!hold->set) {
            continue;
        }
        buf_printf(&names, "%s%s", names.size > 0 ? "," : "", hold_name((enum hold_kind)kind));
        if (!drain->set) {
            drain->by = hold->by[0] == '\0' ? NULL : mem_strdup(hold->by);
            drain->reason = hold->reason[0] == '\0' ? NULL : mem_strdup(hold->reason);
            drain->since_wall = hold->since_wall;
        }
        drain->set = true;
        if (hold->deadline_wall > 0 &&
            (drain->deadline_wall == 0 || hold->deadline_wall < drain->deadline_wall)) {
            drain->deadline_wall = hold->deadline_wall;
        }
    }
    const char *operation = server->holds[HOLD_OPS].operation; /* empty unless that hold is set */
    drain->operation = operation[0] == '\0' ? NULL : mem_strdup(operation);
    drain->holds = drain->set ? mem_strdup(buf_text(&names)) : NULL;
    buf_fini(&names);
}

/* Builds the record of the present state, which the caller ends with record_fini(). */
static void compose(const struct server *server, struct record *record)
{
    const struct config_server *config = &server->config->server;
    *record = (struct record){.status = server->status};
    record->id = mem_strdup(server->id);
    record->type = mem_strdup(config->type);
    record->host = mem_strdup(server->host);
    const uint16_t *ports = server_ports(server, &record->port_count);
    memcpy(record->ports, ports, record->port_count * sizeof(ports[0]));
    record->custom_state = mem_strdup(server->reported.text);
    record->reason = server->cause[0] == '\0' ? NULL : mem_strdup(server->cause);
    record->region = mem_strdup(config->region);
    record->zone = mem_strdup(config->zone);
    record->group = mem_strdup(config->group);
    record->version = mem_strdup(server_value(server, CONFIG_FACT_VERSION).text);
    for (size_t i = 0; i < config->tag_count; i++) {
        record->tags[record->tag_count++] = mem_strdup(config->tags[i]);
    }
    compose_labels(server, record);
    const struct server_value players = server_value(server, CONFIG_FACT_PLAYERS);
    const struct server_value capacity = server_value(server, CONFIG_FACT_CAPACITY);
    record->has_players = players.source != SERVER_SOURCE_NONE;
    record->players = players.number;
    record->has_capacity = capacity.source != SERVER_SOURCE_NONE;
    record->capacity = capacity.number;
    record->has_weight = config->weight != CONFIG_WEIGHT;
    record->weight = config->weight;
    compose_drain(server, &record->drain);
    record->started_wall = server->life == LIFE_ALIVE ? server->life_wall : 0;
}

static bool may_touch(const struct server *server, const struct record *next)
{
    /* While SETTLING, the record is changed only by what is true without a verdict. */
    return server->start != START_SETTLING || server_holds(server) != server->settling_holds ||
           next->status == STATUS_ERROR || next->status == STATUS_SHUTTING_DOWN;
}

/* Writes why no record may be offered, or "". */
static void update_withheld(struct server *server)
{
    const char *why = "";
    if (server->start == START_UNDECIDED) {
        why = "the registry has not answered yet whether the record from before the restart is still there";
    } else if (server->stopping && !server->offering) {
        /* Without a record in the registry there is none to set to shutting_down. */
        why = "the agent is stopping";
    } else if (server->host == NULL) {
        why = server->host_reason;
    } else if (server->withdrawn && !server->stopping) {
        why = "in error for longer than server.deregister_after; it is registered again when it recovers";
    }
    brief_format(server->withheld, sizeof(server->withheld), "%s", why);
}

/* A signed record is told from an older one by its time, so a clock that is set back does not set that back
 * (docs/design/protocol.md, "Signed records"). */
static int64_t updated_wall(const struct server *server, const struct instant *now)
{
    bool is_signed = server->config->record.sign_key != NULL;
    return is_signed && now->wall <= server->updated_wall ? server->updated_wall + 1 : now->wall;
}

void server_publish(struct server *server, const struct instant *now, struct queue *effects)
{
    update_withheld(server);
    if (server->withheld[0] != '\0') {
        if (server->offering) {
            server->offering = false;
            record_fini(&server->offered);
            server_effect(effects, SERVER_DO_WITHDRAW)->text = queue_copy(effects, str_of(server->withheld));
        }
        return;
    }
    struct record next;
    compose(server, &next);
    if (server->offering && (record_equal(&server->offered, &next) || !may_touch(server, &next))) {
        if (server->unconfirmed && server->start != START_SETTLING) {
            server->unconfirmed = false;
            server_effect(effects, SERVER_DO_STANDS);
        }
        record_fini(&next);
        return;
    }
    server->unconfirmed = false;
    if (server->after_gap) {
        /* A new record is written anyway, so the rest need not wait; it is not ready before the verdicts. */
        server->after_gap = false;
        server->start = START_DONE;
    }
    bool urgent = !server->offering || record_urgent(&server->offered, &next);
    next.updated_wall = server->updated_wall = updated_wall(server, now);
    record_fini(&server->offered);
    server->offered = next;
    server->offering = true;
    server->settling_holds = server_holds(server);
    server_effect(effects, SERVER_DO_PUBLISH)->urgent = urgent;
}

const struct record *server_record(const struct server *server)
{
    return server->offering ? &server->offered : NULL;
}
