/* What a client has under way. */
#ifndef OUTRIDER_TEST_IN_FLIGHT_H
#define OUTRIDER_TEST_IN_FLIGHT_H

#include <stddef.h>

struct http_client;

/* Calls started and not yet ended. */
size_t in_flight(const struct http_client *client);

#endif
