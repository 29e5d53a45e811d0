#include "outrider/codec/redis/redis_info.h"

#include <string.h>

/* The value of the line "name:value"; empty: there is none. */
static struct str find(struct str text, const char *name)
{
    size_t size = strlen(name);
    while (text.size > 0) {
        struct str line = str_split(text, '\n', &text);
        if (line.size > size && memcmp(line.data, name, size) == 0 && line.data[size] == ':') {
            struct str value = {line.data + size + 1, line.size - size - 1};
            value.size -= value.size > 0 && value.data[value.size - 1] == '\r' ? 1 : 0;
            return value;
        }
    }
    return (struct str){"", 0};
}

static uint64_t number(struct str text, const char *name)
{
    uint64_t value;
    return str_to_u64(find(text, name), UINT64_MAX, &value) == 0 ? value : 0;
}

int redis_info_read(struct str text, struct redis_info *ret_info)
{
    *ret_info = (struct redis_info){.run_id = find(text, "run_id"),
                                    .memory_max = number(text, "maxmemory"),
                                    .policy = find(text, "maxmemory_policy"),
                                    .appends = number(text, "aof_enabled") == 1,
                                    .replicas = number(text, "connected_slaves"),
                                    /* the line is there only where a number of them is asked for */
                                    .needs_replicas = find(text, "min_slaves_good_slaves").size > 0};
    return find(text, "maxmemory").size > 0 ? 0 : -1;
}

unsigned redis_info_risks(const struct redis_info *info)
{
    unsigned risks = 0;
    if (info->memory_max > 0 && str_eq(info->policy, STR("volatile-ttl"))) {
        risks |= REDIS_RISK_ENDING;
    } else if (info->memory_max > 0 && !str_eq(info->policy, STR("noeviction"))) {
        risks |= REDIS_RISK_EVICTION;
    }
    if (info->replicas == 0 && !info->appends) {
        risks |= REDIS_RISK_RESTART;
    }
    if (info->replicas > 0 && !info->needs_replicas) {
        risks |= REDIS_RISK_FAILOVER;
    }
    return risks;
}
