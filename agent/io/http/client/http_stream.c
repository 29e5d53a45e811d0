/* Which way a stream goes: by its scheme. */
#include "outrider/io/http/client/http_stream.h"

#include "http_client_internal.h"
#include "http_plain_internal.h"
#include "http_secure_internal.h"
#include "outrider/base/error.h"

struct http_stream *http_stream_open(struct http_client *client, const struct http_call *call,
                                     const struct http_stream_handler *handler, void *user)
{
    struct error err;
    switch (http_client_way(client, call->url, &err)) {
    case HTTP_WAY_PLAIN: return http_plain_stream_open(client->plain, call, handler, user);
    case HTTP_WAY_SECURE: return http_secure_stream_open(client->secure, call, handler, user);
    case HTTP_WAY_NONE: break;
    }
    return http_plain_stream_refuse(client->plain, err.text, handler, user);
}

void http_stream_close(struct http_stream *stream)
{
    if (stream != NULL && stream->secure) {
        http_secure_stream_close(stream);
    } else if (stream != NULL) {
        http_plain_stream_close(stream);
    }
}
