/* What http_client and http_stream hand out, whichever way the request goes. */
#ifndef OUTRIDER_IO_HTTP_CLIENT_HTTP_REQUEST_INTERNAL_H
#define OUTRIDER_IO_HTTP_CLIENT_HTTP_REQUEST_INTERNAL_H

#include <stdbool.h>

/* Each the first member of both http_plain's and http_secure's own structures. */
struct http_request_handle {
    bool secure; /* http_secure's */
};

struct http_stream {
    bool secure;
};

#endif
