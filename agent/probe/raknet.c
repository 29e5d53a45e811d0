#include "outrider/codec/game/raknet.h"

#include "connect_try_internal.h"
#include "game_try_internal.h"

static const struct game_protocol protocol = {
    .request = raknet_request, .answer = raknet_answer, .has_nonce = true};

static struct probe_try *start(const struct probe_context *context, const char *host,
                               const struct config_probe *probe, probe_try_fn *fn, void *user)
{
    return datagram_try_start(&protocol, context, host, probe, fn, user);
}

const struct probe_driver probe_raknet = {
    .name = "raknet", .describe = connect_try_describe, .start = start, .cancel = game_try_cancel};
