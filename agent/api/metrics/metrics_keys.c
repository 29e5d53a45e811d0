/* Watches of keys. */
#include "metrics_internal.h"

#include "outrider/api/common/context.h"
#include "outrider/api/keys/key_watchers.h"
#include "outrider/core/config/config.h"

void metrics_key_watches(struct buf *out, const struct api_context *context)
{
    if (context->key_watchers != NULL && context->config->http.keys != CONFIG_KEYS_OFF) {
        metrics_write(out,
                      &GAUGE("outrider_key_watches", "Open streams of keys.",
                             key_watchers_count(context->key_watchers)),
                      1);
    }
}
