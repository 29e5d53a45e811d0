/* What probes learn of the server: players, capacity, map, version, name.
 *
 *     nothing ──a try passes──> learned ──the next try that passes──> what that one brought
 *        ^                        │
 *        └────────────────────────┴── the verdict fails, the life ends or begins, a gap ends
 *
 * It counts while the verdict passes. What is not learned is unknown, never 0. */
#include "server_internal.h"

#include "outrider/base/mem.h"

#include <stdlib.h>

enum { TEXT_MAX = 256 };

void server_unlearn(struct server_probe *probe)
{
    if (probe->learned != NULL) {
        for (size_t i = 0; i < CONFIG_FACT_COUNT; i++) {
            free(probe->learned->texts[i]);
        }
        free(probe->learned);
        probe->learned = NULL;
    }
}

/* What no record may have is left out. */
static char *take_text(struct str text)
{
    bool good = text.size > 0 && text.size <= TEXT_MAX && str_is_utf8(text) && !str_has_control(text);
    return good ? mem_copy(text.data, text.size) : NULL;
}

/* A probe of a reported port knows nothing. */
static bool takes(const struct server *server, size_t index, enum config_fact fact)
{
    const char *pointer;
    return index < server->config->probe_count &&
           config_probe_takes(&server->config->probes[index], fact, &pointer);
}

void server_learn(struct server *server, const struct server_event *event)
{
    const struct probe_facts *facts = event->facts;
    const struct str texts[CONFIG_FACT_COUNT] = {[CONFIG_FACT_MAP] = facts->map,
                                                 [CONFIG_FACT_VERSION] = facts->version,
                                                 [CONFIG_FACT_NAME] = facts->name};
    struct server_probe *probe = &server->probes[event->index];
    server_unlearn(probe);
    struct learned *learned = probe->learned = mem_zalloc(sizeof(*learned));
    learned->has_players = facts->has_players && takes(server, event->index, CONFIG_FACT_PLAYERS);
    learned->players = facts->players;
    learned->has_capacity = facts->has_capacity && takes(server, event->index, CONFIG_FACT_CAPACITY);
    learned->capacity = facts->capacity;
    for (enum config_fact fact = CONFIG_FACT_MAP; fact < CONFIG_FACT_COUNT; fact++) {
        learned->texts[fact] = takes(server, event->index, fact) ? take_text(texts[fact]) : NULL;
    }
}

/* ---- what a text says ---- */

void server_load_extract(struct server *server)
{
    const char *const patterns[] = {server->config->status.extract.players,
                                    server->config->status.extract.capacity};
    for (size_t i = 0; i < COUNT_OF(patterns); i++) {
        extract_free(server->extract[i]);
        server->extract[i] = extract_new(patterns[i]);
    }
}

void server_read_text(struct server *server)
{
    struct server_report *reported = &server->reported;
    for (size_t i = 0; i < COUNT_OF(server->extract); i++) {
        reported->counted[i] =
            reported->text != NULL && extract_count(server->extract[i], reported->text, &reported->counts[i]);
    }
}

/* ---- what counts ---- */

static const char *label_of(enum config_fact fact)
{
    return fact == CONFIG_FACT_MAP || fact == CONFIG_FACT_NAME ? config_fact_name(fact) : NULL;
}

static bool reported(const struct server *server, enum config_fact fact, struct server_value *value)
{
    const struct server_report *reported = &server->reported;
    const char *label = label_of(fact);
    if (fact == CONFIG_FACT_PLAYERS) {
        value->number = reported->has_players ? reported->players : reported->counts[fact];
        return reported->has_players || reported->counted[fact];
    }
    if (fact == CONFIG_FACT_CAPACITY) {
        value->number = reported->has_capacity ? reported->capacity : reported->counts[fact];
        return reported->has_capacity || reported->counted[fact];
    }
    for (size_t i = 0; label != NULL && i < reported->label_count; i++) {
        if (strcmp(reported->labels[i].name, label) == 0) {
            value->text = reported->labels[i].value;
            return true;
        }
    }
    return false;
}

static bool probed(const struct server *server, enum config_fact fact, struct server_value *value)
{
    for (size_t i = 0; i < server->config->probe_count; i++) {
        const struct server_probe *probe = &server->probes[i];
        const struct learned *learned = probe->verdict == VERDICT_PASSING ? probe->learned : NULL;
        bool known = learned != NULL && (fact == CONFIG_FACT_PLAYERS    ? learned->has_players
                                         : fact == CONFIG_FACT_CAPACITY ? learned->has_capacity
                                                                        : learned->texts[fact] != NULL);
        if (known) {
            value->number = fact == CONFIG_FACT_PLAYERS ? learned->players : learned->capacity;
            value->text = learned->texts[fact];
            value->probe = server->config->probes[i].name;
            return true;
        }
    }
    return false;
}

static bool configured(const struct server *server, enum config_fact fact, struct server_value *value)
{
    const struct config_server *config = &server->config->server;
    const char *label = label_of(fact);
    if (fact == CONFIG_FACT_CAPACITY) {
        value->number = config->capacity;
        return config->has_capacity;
    }
    if (fact == CONFIG_FACT_VERSION) {
        value->text = config->version;
        return config->version != NULL;
    }
    for (size_t i = 0; label != NULL && i < config->label_count; i++) {
        if (strcmp(config->labels[i].name, label) == 0) {
            value->text = config->labels[i].value;
            return true;
        }
    }
    return false;
}

struct server_value server_value(const struct server *server, enum config_fact fact)
{
    struct server_value value = {.source = SERVER_SOURCE_NONE};
    if (reported(server, fact, &value)) {
        value.source = SERVER_SOURCE_REPORTED;
    } else if (probed(server, fact, &value)) {
        value.source = SERVER_SOURCE_PROBE;
    } else if (configured(server, fact, &value)) {
        value.source = SERVER_SOURCE_CONFIGURATION;
    }
    return value;
}

void server_notice_empty(struct server *server, int64_t now)
{
    struct server_value players = server_value(server, CONFIG_FACT_PLAYERS);
    if (players.source == SERVER_SOURCE_NONE || players.number > 0) {
        server->empty_since = NEVER_MS;
    } else if (server->empty_since == NEVER_MS) {
        server->empty_since = now;
    }
}
