#include "endpoints.h"

#include "outrider/base/buf.h"
#include "outrider/base/mem.h"
#include "outrider/codec/etcd_message.h"

#include <assert.h>
#include <stdlib.h>

static void endpoint_init(struct endpoint *endpoint, const char *name)
{
    struct buf url = {0};
    endpoint->name = mem_strdup(name);
    for (int op = 0; op < REGISTRY_OP_COUNT; op++) {
        buf_clear(&url);
        buf_printf(&url, "%s%s", name, etcd_message_path((enum registry_op)op));
        endpoint->urls[op] = mem_strdup(buf_text(&url));
    }
    buf_fini(&url);
}

void endpoints_init(struct endpoints *endpoints, const struct config_registry *config)
{
    assert(config->endpoint_count > 0 && config->endpoint_count <= CONFIG_ENDPOINTS_MAX);
    *endpoints = (struct endpoints){.count = config->endpoint_count};
    for (size_t i = 0; i < config->endpoint_count; i++) {
        endpoint_init(&endpoints->list[i], config->endpoints[i]);
    }
}

void endpoints_fini(struct endpoints *endpoints)
{
    for (size_t i = 0; i < endpoints->count; i++) {
        free(endpoints->list[i].name);
        for (int op = 0; op < REGISTRY_OP_COUNT; op++) {
            free(endpoints->list[i].urls[op]);
        }
    }
    *endpoints = (struct endpoints){0};
}

void endpoints_move_on(struct endpoints *endpoints, size_t index)
{
    if (endpoints->preferred == index) {
        endpoints->preferred = (index + 1) % endpoints->count;
    }
}

int64_t endpoints_share(int64_t left_ms, size_t others)
{
    int64_t share = others > 0 ? left_ms / 2 : left_ms;
    return share > 1 ? share : 1;
}
