#include "outrider/probe/driver.h"

#include "connect_try_internal.h"
#include "game_try_internal.h"
#include "web_try_internal.h"

const struct probe_driver *probe_driver_for(enum config_probe_type type)
{
    switch (type) {
    case CONFIG_PROBE_UNIX: return &probe_unix;
    case CONFIG_PROBE_A2S: return &probe_a2s;
    case CONFIG_PROBE_MINECRAFT: return &probe_minecraft;
    case CONFIG_PROBE_RAKNET: return &probe_raknet;
    case CONFIG_PROBE_QUAKE3: return &probe_quake3;
    case CONFIG_PROBE_HTTP: return &probe_http;
    case CONFIG_PROBE_GRPC: return &probe_grpc;
    case CONFIG_PROBE_EXEC: return &probe_exec;
    case CONFIG_PROBE_TCP: break;
    }
    return &probe_tcp;
}
