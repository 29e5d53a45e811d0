/* The port that the kernel has chosen for a listener. */
#ifndef OUTRIDER_TEST_LISTENING_PORT_H
#define OUTRIDER_TEST_LISTENING_PORT_H

#include "io/http/server/http_server_internal.h"

#include <netinet/in.h>
#include <sys/socket.h>

/* The TCP port; 0 on a unix socket. */
static inline uint16_t listening_port(const struct http_listener *listener)
{
    struct sockaddr_in6 address = {0}; /* the port of an IPv4 address is at the same place */
    socklen_t size = sizeof(address);
    int rc = getsockname(listener->socket.fd, (struct sockaddr *)&address, &size);
    return rc < 0 || address.sin6_family == AF_UNIX ? 0 : ntohs(address.sin6_port);
}

#endif
