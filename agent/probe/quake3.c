#include "outrider/codec/game/quake3.h"

#include "connect_try_internal.h"
#include "game_try_internal.h"

static const struct game_protocol protocol = {
    .request = quake3_request, .answer = quake3_answer, .has_nonce = true};

static struct probe_try *start(const struct probe_context *context, const char *host,
                               const struct config_probe *probe, probe_try_fn *fn, void *user)
{
    return datagram_try_start(&protocol, context, host, probe, fn, user);
}

const struct probe_driver probe_quake3 = {
    .name = "quake3", .describe = connect_try_describe, .start = start, .cancel = game_try_cancel};
