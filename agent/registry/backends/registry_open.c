#include "outrider/registry/backends/registry_open.h"

#include "outrider/core/config/config.h"
#include "outrider/registry/consul/consul_registry.h"
#include "outrider/registry/etcd/etcd.h"
#ifdef OUTRIDER_REDIS
#include "outrider/registry/redis/redis_registry.h"
#endif

#include <stdlib.h>

struct registry *registry_open(const struct config_registry *config, const struct registry_means *means)
{
    switch (config->backend) {
    case CONFIG_BACKEND_ETCD: return etcd_registry(etcd_new(config, means->loop, means->http, means->agent));
    case CONFIG_BACKEND_REDIS:
#ifdef OUTRIDER_REDIS
        return redis_registry_new(config, means->loop, means->resolver, means->agent, means->seed);
#else
        break; /* config_check() has refused it */
#endif
    case CONFIG_BACKEND_CONSUL:
#ifdef OUTRIDER_CONSUL
        return consul_registry_new(config, means->loop, means->http, means->agent, means->seed);
#else
        break;
#endif
    }
    abort();
}
