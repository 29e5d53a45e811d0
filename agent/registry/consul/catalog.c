#include "catalog_internal.h"

#include "outrider/base/blob.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/timer.h"

#include <stdio.h>
#include <stdlib.h>

/* Removed at once; more wait for the next time. */
enum { REMOVED_MAX = 60 };

size_t consul_catalog_ops(const struct consul_catalog *catalog, struct str key,
                          const struct registry_action *action, struct buf *out)
{
    struct str type, id;
    if (catalog == NULL || !consul_record_key(str_of(catalog->records), key, &type, &id)) {
        return 0;
    }
    struct str node = str_of(catalog->consul->node);
    if (action->kind == REGISTRY_WRITE) {
        return consul_service_encode(node, type, id, blob_view(action->value), action->lease, out) == 0
                   ? CONSUL_SERVICE_OPS
                   : 0;
    }
    consul_service_remove(node, type, id, 0, out);
    return 1;
}

/* ---- the sweep ---- */

static void wait(struct consul_catalog *catalog)
{
    uint64_t spread = (uint64_t)catalog->every_ms / 4;
    timer_arm_ms(catalog->timer,
                 catalog->every_ms + (int64_t)random_below(&catalog->consul->random, spread + 1));
}

static bool is_missing(const struct consul_catalog *catalog, const struct consul_service *service)
{
    struct buf prefix = {0}, key = {0};
    buf_printf(&prefix, "%s/", catalog->records);
    buf_printf(&key, "%s%.*s", buf_text(&prefix), STR_ARG(service->id));
    bool missing = !consul_watch_has(catalog->consul, buf_view(&prefix), buf_view(&key));
    buf_fini(&prefix);
    buf_fini(&key);
    return missing;
}

static bool was_missing(const struct consul_catalog *catalog, const struct consul_service *service)
{
    for (size_t i = 0; i < catalog->missing.count; i++) {
        const struct consul_service *before = &catalog->missing.list[i];
        if (before->mod == service->mod && str_eq(before->id, service->id)) {
            return true;
        }
    }
    return false;
}

/* Keeps those that are missing; appends what removes those that were before. Returns their number. */
static size_t find_missing(struct consul_catalog *catalog, struct consul_services *services, struct buf *out)
{
    struct str node = str_of(catalog->consul->node);
    size_t kept = 0, removed = 0;
    for (size_t i = 0; i < services->count; i++) {
        const struct consul_service *service = &services->list[i];
        struct str rest;
        if (!is_missing(catalog, service)) {
            continue;
        }
        if (was_missing(catalog, service) && removed < REMOVED_MAX) {
            consul_service_remove(node, str_split(service->id, '/', &rest), service->id, service->mod, out);
            removed++;
        }
        services->list[kept++] = *service;
    }
    services->count = kept;
    return removed;
}

static void ask(struct consul_catalog *catalog, enum http_method method, bool removing)
{
    catalog->removing = removing;
    catalog->ask.method = method;
    catalog->ask.is_long = true;
    catalog->ask.timeout_ms = catalog->every_ms / 2;
    buf_clear(&catalog->trail);
    consul_ask_send(&catalog->ask);
}

static void on_services(struct consul_catalog *catalog, const struct consul_answer *answer)
{
    struct consul_services services = {0};
    struct buf removals = {0};
    size_t removed = 0;
    struct buf prefix = {0};
    buf_printf(&prefix, "%s/", catalog->records);
    bool knows =
        consul_watch_knows(catalog->consul, buf_view(&prefix)); /* the watch may have ended meanwhile */
    buf_fini(&prefix);
    if (knows && answer->status == 200 && consul_services_decode(answer->body, &services) == 0) {
        removed = find_missing(catalog, &services, &removals);
        consul_services_fini(&catalog->missing);
        catalog->missing = services;
    }
    if (removed > 0) {
        buf_clear(&catalog->ask.path);
        buf_str(&catalog->ask.path, STR("/v1/txn"));
        buf_clear(&catalog->ask.body);
        consul_txn_encode(NULL, 0, buf_view(&removals), &catalog->ask.body);
        ask(catalog, HTTP_PUT, true);
    } else {
        wait(catalog);
    }
    buf_fini(&removals);
}

/* What was refused, because one was changed or the token may not, is tried again the next time. */
static void on_answer(struct consul_ask *ask, const struct consul_answer *answer)
{
    struct consul_catalog *catalog =
        (struct consul_catalog *)((char *)ask - offsetof(struct consul_catalog, ask));
    if (answer->failure == REGISTRY_OK && !catalog->removing) {
        on_services(catalog, answer);
    } else {
        wait(catalog);
    }
}

static void on_timer(void *user)
{
    struct consul_catalog *catalog = user;
    struct buf prefix = {0};
    buf_printf(&prefix, "%s/", catalog->records);
    if (consul_watch_knows(catalog->consul, buf_view(&prefix))) {
        buf_clear(&catalog->ask.body);
        buf_clear(&catalog->ask.path);
        buf_printf(&catalog->ask.path, "/v1/catalog/node/%s?stale", catalog->consul->node);
        ask(catalog, HTTP_GET, false);
    }
    buf_fini(&prefix);
}

void consul_catalog_watched(struct consul_catalog *catalog)
{
    if (catalog != NULL && catalog->ask.http == NULL) {
        wait(catalog);
    }
}

/* ---- its life ---- */

struct consul_catalog *consul_catalog_new(struct consul *consul, const struct config_registry *config)
{
    if (!config->consul.catalog) {
        return NULL;
    }
    struct consul_catalog *catalog = mem_zalloc(sizeof(*catalog));
    struct str records = consul_key(str_of(config->prefix));
    struct buf text = {0};
    buf_str(&text, records);
    catalog->consul = consul;
    catalog->records = mem_strdup(buf_text(&text));
    catalog->every_ms = config->ttl_ms > 1000 ? config->ttl_ms : 1000;
    catalog->timer = timer_new(consul->loop, on_timer, catalog);
    catalog->ask =
        (struct consul_ask){.consul = consul, .fn = on_answer, .name = "sweep", .trail = &catalog->trail};
    buf_fini(&text);
    return catalog;
}

void consul_catalog_free(struct consul_catalog *catalog)
{
    if (catalog != NULL) {
        consul_ask_fini(&catalog->ask);
        timer_free(catalog->timer);
        consul_services_fini(&catalog->missing);
        buf_fini(&catalog->trail);
        free(catalog->records);
        free(catalog);
    }
}
