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

static void record_key(const struct consul_catalog *catalog, const struct consul_service *service,
                       struct buf *out)
{
    buf_clear(out);
    buf_printf(out, "%s/%.*s", catalog->records, STR_ARG(service->id));
}

/* Whether the watch knows the records at all: it may have ended meanwhile. */
static bool knows_records(const struct consul_catalog *catalog, struct buf *prefix)
{
    buf_printf(prefix, "%s/", catalog->records);
    return consul_watch_knows(catalog->consul, buf_view(prefix));
}

static void ask(struct consul_catalog *catalog, enum sweep_step step)
{
    catalog->step = step;
    catalog->ask.method = step == SWEEP_REMOVAL ? HTTP_PUT : HTTP_GET;
    catalog->ask.is_long = true;
    catalog->ask.timeout_ms = catalog->every_ms / 2;
    buf_clear(&catalog->trail);
    consul_ask_send(&catalog->ask);
}

static void set_path(struct consul_catalog *catalog, const char *before, const char *name, const char *after)
{
    buf_clear(&catalog->ask.body);
    buf_clear(&catalog->ask.path);
    buf_printf(&catalog->ask.path, "%s%s%s", before, name, after);
}

/* Keeps the services whose record the watch does not have. */
static size_t find_missing(struct consul_catalog *catalog, struct str prefix)
{
    struct consul_services *services = &catalog->missing;
    struct buf key = {0};
    size_t kept = 0;
    for (size_t i = 0; i < services->count; i++) {
        record_key(catalog, &services->list[i], &key);
        if (!consul_watch_has(catalog->consul, prefix, buf_view(&key))) {
            services->list[kept++] = services->list[i];
        }
    }
    buf_fini(&key);
    services->count = kept;
    return kept;
}

static void on_services(struct consul_catalog *catalog, const struct consul_answer *answer)
{
    struct buf prefix = {0};
    bool some = knows_records(catalog, &prefix) && answer->status == 200 &&
                consul_services_decode(answer->body, &catalog->missing) == 0 &&
                find_missing(catalog, buf_view(&prefix)) > 0;
    buf_fini(&prefix);
    if (some) {
        set_path(catalog, "/v1/kv/", catalog->records, "/?recurse&consistent");
        ask(catalog, SWEEP_RECORDS);
    } else {
        wait(catalog);
    }
}

/* Appends what removes the services whose record is not in `records` either, unless they were changed. Returns their number. */
static size_t remove_missing(struct consul_catalog *catalog, const struct consul_kvs *records,
                             struct buf *out)
{
    struct str node = str_of(catalog->consul->node);
    struct buf key = {0};
    size_t removed = 0;
    for (size_t i = 0; i < catalog->missing.count && removed < REMOVED_MAX; i++) {
        const struct consul_service *service = &catalog->missing.list[i];
        struct str rest;
        record_key(catalog, service, &key);
        if (consul_kvs_find(records, buf_view(&key)) == NULL) {
            consul_service_remove(node, str_split(service->id, '/', &rest), service->id, service->mod, out);
            removed++;
        }
    }
    buf_fini(&key);
    return removed;
}

static void on_records(struct consul_catalog *catalog, const struct consul_answer *answer)
{
    struct consul_kvs records = {0};
    struct buf prefix = {0}, removals = {0};
    bool none = answer->status == 404 && answer->head.index > 0;
    bool readable = none || consul_kvs_decode(answer->body, &records) == 0;
    if (knows_records(catalog, &prefix) && readable && remove_missing(catalog, &records, &removals) > 0) {
        set_path(catalog, "/v1/txn", "", "");
        consul_txn_encode(NULL, 0, buf_view(&removals), &catalog->ask.body);
        ask(catalog, SWEEP_REMOVAL);
    } else {
        wait(catalog);
    }
    consul_kvs_fini(&records);
    buf_fini(&prefix);
    buf_fini(&removals);
}

/* What was refused, because one was changed or the token may not, is tried again the next time. */
static void on_answer(struct consul_ask *ask, const struct consul_answer *answer)
{
    struct consul_catalog *catalog =
        (struct consul_catalog *)((char *)ask - offsetof(struct consul_catalog, ask));
    if (answer->failure != REGISTRY_OK || catalog->step == SWEEP_REMOVAL) {
        wait(catalog);
    } else if (catalog->step == SWEEP_SERVICES) {
        on_services(catalog, answer);
    } else {
        on_records(catalog, answer);
    }
}

static void on_timer(void *user)
{
    struct consul_catalog *catalog = user;
    struct buf prefix = {0};
    if (knows_records(catalog, &prefix)) {
        set_path(catalog, "/v1/catalog/node/", catalog->consul->node, "?stale");
        ask(catalog, SWEEP_SERVICES);
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
