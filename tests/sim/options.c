#include "options.h"

#include "outrider/base/attr.h"
#include "outrider/registry/memory/memory.h"

#include <string.h>
#include <time.h>

const struct memory_kind *options_kind(const char *name)
{
    static const struct memory_kind *const kinds[] = {&memory_etcd, &memory_redis, &memory_consul};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (strcmp(kinds[i]->name, name) == 0) {
            return kinds[i];
        }
    }
    return NULL;
}

double options_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}
