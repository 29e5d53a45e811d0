/* The parts of io/dns: dns_listener.c (opens and closes), dns_udp.c, dns_tcp.c. */
#ifndef OUTRIDER_IO_DNS_DNS_LISTENER_INTERNAL_H
#define OUTRIDER_IO_DNS_DNS_LISTENER_INTERNAL_H

#include "outrider/base/buf.h"
#include "outrider/io/dns/dns_listener.h"
#include "outrider/io/loop/loop.h"

#include <event2/event.h>
#include <event2/event_struct.h>

struct timer;
struct udp_batch;

/* A connection; those that were idle for longest come first. */
struct dns_connection {
    struct dns_listener *listener;
    int fd;
    struct sockaddr_storage address;
    struct event readable, writable;
    struct deferred more; /* whole messages wait */
    struct buf in, out;
    bool ended; /* the client sends no more: it gets its answers */
    int64_t due_mono;
    struct dns_connection *previous, *next;
};

struct dns_listener {
    struct loop *loop;
    dns_listener_fn *fn;
    void *user;
    struct dns_listener_counters counters;
    int udp_fd, tcp_fd;
    uint16_t port;
    size_t max_connections;
    int64_t idle_ms;
    struct event udp_readable, acceptable;
    struct timer *idle, *pause;
    struct udp_batch *batch;
    struct dns_connection *first, *last;
    size_t connection_count;
    uint8_t answer[DNS_LISTENER_TCP_ANSWER + DNS_LISTENER_SLACK];
};

/* dns_udp.c: serves udp_fd; ends. */
void dns_udp_start(struct dns_listener *listener);
void dns_udp_stop(struct dns_listener *listener);

/* dns_tcp.c: likewise of tcp_fd, with all connections. */
void dns_tcp_start(struct dns_listener *listener);
void dns_tcp_stop(struct dns_listener *listener);

#endif
