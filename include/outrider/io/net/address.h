/* Socket addresses of any family. */
#ifndef OUTRIDER_IO_NET_ADDRESS_H
#define OUTRIDER_IO_NET_ADDRESS_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

/* The size of an IPv4, IPv6 or unix address, as connect(2) and bind(2) take it. */
socklen_t address_size(const struct sockaddr_storage *address);

/* The port of an IPv4 or IPv6 address, in host byte order. */
uint16_t address_port(const struct sockaddr_storage *address);
void address_set_port(struct sockaddr_storage *address, uint16_t port);

/* Writes an IPv4 or IPv6 address without port and returns it: "127.0.0.1", "::1"; "" for another family. */
const char *address_text(const struct sockaddr_storage *address, char ret_text[static INET6_ADDRSTRLEN]);

#endif
