/* The client, as its files see it: http_client.c (calls), http_stream.c (streams), http_transfer.c (what both
 * are made of). */
#ifndef OUTRIDER_IO_HTTP_CLIENT_HTTP_CLIENT_INTERNAL_H
#define OUTRIDER_IO_HTTP_CLIENT_HTTP_CLIENT_INTERNAL_H

#include "http_multi_internal.h"
#include "outrider/io/http/client/http_client.h"
#include "outrider/io/loop/loop.h"

struct http_stream;
struct resolver;
struct http_transfer;

struct http_client {
    struct loop *loop;
    struct resolver *resolver;
    struct http_tls tls; /* views of `texts` */
    char *texts[4];
    struct http_multi multi;
    struct http_transfer *ready, **ready_end; /* to be delivered, in this order */
    struct deferred late;                     /* delivers what became ready outside a run of libcurl */
    bool delivering;
    struct http_request_handle *calls, *spare; /* http_client.c */
    size_t in_flight, spare_count;
    struct http_stream *streams; /* http_stream.c */
    size_t stream_count;
};

/* http_stream.c: frees every stream of `client`, without callbacks. */
void http_streams_free(struct http_client *client);

#endif
