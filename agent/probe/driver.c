#include "outrider/probe/driver.h"

#include "connect_try_internal.h"

const struct probe_driver *probe_driver_for(enum config_probe_type type)
{
    static const struct probe_driver *const drivers[] = {
        [CONFIG_PROBE_TCP] = &probe_tcp, [CONFIG_PROBE_UNIX] = &probe_unix};
    return drivers[type];
}
