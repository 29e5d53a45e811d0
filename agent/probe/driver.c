#include "outrider/probe/driver.h"

#include "connect_try_internal.h"

const struct probe_driver *probe_driver_for(enum config_probe_type type)
{
    switch (type) {
    case CONFIG_PROBE_TCP: break;
    case CONFIG_PROBE_UNIX: return &probe_unix;
    }
    return &probe_tcp;
}
