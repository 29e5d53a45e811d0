#include "in_flight.h"

#include "io/http/client/http_client_internal.h"

#include <utlist.h>

size_t in_flight(const struct http_client *client)
{
    const struct http_request_handle *each;
    size_t count = 0;
    DL_COUNT(client->calls, each, count);
    return count;
}
