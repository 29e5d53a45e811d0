/* Datagrams: many are read by one system call and their answers sent by one, in each turn of the loop. */
#include "dns_listener_internal.h"

#include "outrider/base/mem.h"
#include "outrider/io/net/address.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* So many in one turn: other work waits no longer than they take. */
enum { BATCH = 32, CONTROL = 64 };

struct udp_batch {
    struct mmsghdr messages[BATCH], answers[BATCH];
    struct iovec ins[BATCH], outs[BATCH];
    struct sockaddr_storage from[BATCH];
    _Alignas(struct cmsghdr) char control[BATCH][CONTROL];
    uint8_t in[BATCH][DNS_LISTENER_UDP_QUERY], out[BATCH][DNS_LISTENER_UDP_ANSWER];
};

static void prepare(struct udp_batch *batch)
{
    for (size_t i = 0; i < BATCH; i++) {
        batch->ins[i] = (struct iovec){batch->in[i], DNS_LISTENER_UDP_QUERY};
        batch->messages[i].msg_hdr = (struct msghdr){.msg_name = &batch->from[i],
                                                     .msg_namelen = sizeof(batch->from[i]),
                                                     .msg_iov = &batch->ins[i],
                                                     .msg_iovlen = 1,
                                                     .msg_control = batch->control[i],
                                                     .msg_controllen = CONTROL};
    }
}

/* Returns the size of the answer in listener->answer; 0: there is none. */
static size_t answer(struct dns_listener *listener, size_t i)
{
    struct udp_batch *batch = listener->batch;
    struct dns_peer peer = {.address = &batch->from[i]};
    listener->counters.udp_received++;
    if ((batch->messages[i].msg_hdr.msg_flags & MSG_TRUNC) != 0) {
        listener->counters.udp_oversized++;
        return 0;
    }
    if (address_port(peer.address) == 0) {
        return 0; /* nothing can be sent there */
    }
    size_t size = listener->fn(&peer, (struct str){(const char *)batch->in[i], batch->messages[i].msg_len},
                               listener->answer, listener->user);
    return size <= DNS_LISTENER_UDP_ANSWER ? size : 0;
}

/* It goes back with what the kernel said of the address that was asked. */
static void add(struct udp_batch *batch, size_t to, size_t from, const uint8_t *bytes, size_t size)
{
    memcpy(batch->out[to], bytes, size);
    batch->outs[to] = (struct iovec){batch->out[to], size};
    batch->answers[to].msg_hdr = batch->messages[from].msg_hdr;
    batch->answers[to].msg_hdr.msg_iov = &batch->outs[to];
    batch->answers[to].msg_hdr.msg_flags = 0;
}

/* One that cannot be sent is skipped; where the kernel has no room the client asks again. */
static void send_all(struct dns_listener *listener, size_t count)
{
    size_t sent = 0;
    while (sent < count) {
        int some = sendmmsg(listener->udp_fd, listener->batch->answers + sent, (unsigned)(count - sent),
                            MSG_DONTWAIT | MSG_NOSIGNAL);
        listener->counters.udp_unsent += some <= 0 ? 1 : 0;
        sent += some <= 0 ? 1 : (size_t)some;
    }
}

static void on_readable(evutil_socket_t fd, short events, void *user)
{
    (void)events;
    struct dns_listener *listener = user;
    struct udp_batch *batch = listener->batch;
    size_t answers = 0;
    prepare(batch);
    int count = recvmmsg(fd, batch->messages, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++) {
        size_t size = answer(listener, (size_t)i);
        if (size > 0) {
            add(batch, answers++, (size_t)i, listener->answer, size);
        }
    }
    send_all(listener, answers);
}

void dns_udp_start(struct dns_listener *listener)
{
    listener->batch = mem_zalloc(sizeof(*listener->batch));
    event_assign(&listener->udp_readable, loop_base(listener->loop), listener->udp_fd, EV_READ | EV_PERSIST,
                 on_readable, listener);
    event_add(&listener->udp_readable, NULL);
}

void dns_udp_stop(struct dns_listener *listener)
{
    if (listener->batch != NULL) {
        event_del(&listener->udp_readable);
        free(listener->batch);
    }
    if (listener->udp_fd >= 0) {
        close(listener->udp_fd);
    }
}
