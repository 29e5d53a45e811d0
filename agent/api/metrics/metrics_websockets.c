/* WebSockets. */
#include "metrics_internal.h"

#include "outrider/api/common/context.h"
#include "outrider/api/websocket/sockets.h"

void metrics_websockets(struct buf *out, const struct api_context *context)
{
    if (context->sockets == NULL) {
        return;
    }
    const struct api_sockets_counters *counters = api_sockets_counters(context->sockets);
    const struct sample samples[] = {
        GAUGE("outrider_websockets", "Open WebSockets.", counters->open),
        COUNTER("outrider_websockets_opened_total", "WebSockets opened.", counters->begun),
        COUNTER("outrider_websocket_messages_total", "Messages of WebSockets.", counters->messages),
        COUNTER("outrider_websocket_messages_refused_total",
                "Messages of WebSockets that were answered by an error.", counters->refused),
        COUNTER("outrider_websocket_faults_total",
                "WebSockets closed because the peer broke the protocol or a limit of it.", counters->faults),
    };
    metrics_write(out, samples, COUNT_OF(samples));
}
