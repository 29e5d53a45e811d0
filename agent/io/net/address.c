#include "outrider/io/net/address.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

socklen_t address_size(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET    ? (socklen_t)sizeof(struct sockaddr_in)
           : address->ss_family == AF_INET6 ? (socklen_t)sizeof(struct sockaddr_in6)
                                            : (socklen_t)sizeof(struct sockaddr_un);
}

/* The port is at the same place in both families. It is copied, since the types must not alias. */
enum { PORT_OFFSET = offsetof(struct sockaddr_in, sin_port) };
_Static_assert(offsetof(struct sockaddr_in6, sin6_port) == PORT_OFFSET, "one place for the port");

uint16_t address_port(const struct sockaddr_storage *address)
{
    in_port_t port;
    memcpy(&port, (const char *)address + PORT_OFFSET, sizeof(port));
    return ntohs(port);
}

void address_set_port(struct sockaddr_storage *address, uint16_t port)
{
    in_port_t network_order = htons(port);
    memcpy((char *)address + PORT_OFFSET, &network_order, sizeof(network_order));
}

const char *address_text(const struct sockaddr_storage *address, char ret_text[static INET6_ADDRSTRLEN])
{
    const void *ip = address->ss_family == AF_INET6
                         ? (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr
                         : &((const struct sockaddr_in *)address)->sin_addr;
    const char *text = inet_ntop(address->ss_family, ip, ret_text, INET6_ADDRSTRLEN);
    return text == NULL ? "" : text;
}
