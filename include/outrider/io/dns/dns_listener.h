/* One address that serves DNS: datagrams of UDP, and messages with their size before each over TCP (RFC 7766). What the messages say
 * is the matter of a handler. */
#ifndef OUTRIDER_IO_DNS_DNS_LISTENER_H
#define OUTRIDER_IO_DNS_DNS_LISTENER_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct dns_listener;
struct error;
struct loop;

/* Bytes of a datagram that is read (a longer one is counted and left unanswered) and of its answer; of a message over TCP (the
 * connection of a longer one is closed) and of its answer. */
enum {
    DNS_LISTENER_UDP_QUERY = 1280,
    DNS_LISTENER_UDP_ANSWER = 1232,
    DNS_LISTENER_TCP_QUERY = 4096,
    DNS_LISTENER_TCP_ANSWER = 65535,
    DNS_LISTENER_SLACK = 2048 /* that a handler may write beyond an answer */
};

struct dns_listener_options {
    const char *host; /* an address, or localhost */
    uint16_t port;
    size_t max_connections; /* at most; 0: 64. One more closes the one that is idle for longest */
    int64_t idle_ms;        /* a connection without a whole message for so long is closed; 0: 10 s */
};

struct dns_peer {
    const struct sockaddr_storage *address;
    bool is_tcp;
};

struct dns_listener_counters {
    uint64_t udp_received, tcp_received; /* messages */
    uint64_t udp_oversized,
        udp_unsent; /* datagrams that are too long; answers that the kernel did not take */
    uint64_t accepted, evicted, timed_out,
        broken; /* connections; broken: by a message that is too long, or an error */
};

/* Called from the loop for each message. Writes the answer, of at most DNS_LISTENER_UDP_ANSWER or DNS_LISTENER_TCP_ANSWER bytes, and
 * returns its size; 0: there is none. Must not free the listener. */
typedef size_t dns_listener_fn(const struct dns_peer *peer, struct str message, uint8_t *ret_answer,
                               void *user);

/* Binds and serves. The caller owns the result. NULL with ERROR_BUSY where the address is in use, ERROR_INVALID where it is none, or
 * ERROR_SYSTEM. */
struct dns_listener *dns_listener_new(struct loop *loop, const struct dns_listener_options *options,
                                      dns_listener_fn *fn, void *user, struct error *err) MUST_CHECK;

/* What was counted so far; borrowed, and current as long as the listener lives. */
const struct dns_listener_counters *dns_listener_counters(const struct dns_listener *listener);

/* Connections that are open now. */
size_t dns_listener_connections(const struct dns_listener *listener);

/* The port, where 0 was asked for. */
uint16_t dns_listener_port(const struct dns_listener *listener);

/* Closes everything. Accepts NULL. */
void dns_listener_free(struct dns_listener *listener);

#endif
