#include "outrider/io/net/transport.h"

#include <sys/socket.h>
#include <unistd.h>

static ssize_t plain_recv(struct transport *transport, void *ret_bytes, size_t size)
{
    return recv(transport->fd, ret_bytes, size, MSG_DONTWAIT);
}

static ssize_t plain_sendv(struct transport *transport, const struct iovec *parts, size_t count)
{
    int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
    if (count == 1) { /* cheaper than sendmsg(), and the common case of a stream of events */
        return send(transport->fd, parts[0].iov_base, parts[0].iov_len, flags);
    }
    union {
        const struct iovec *in;
        struct iovec *out;
    } list = {parts};
    struct msghdr message = {.msg_iov = list.out, .msg_iovlen = count};
    return sendmsg(transport->fd, &message, flags);
}

static int plain_finish(struct transport *transport)
{
    return shutdown(transport->fd, SHUT_WR);
}

static void plain_close(struct transport *transport)
{
    close(transport->fd);
}

static const struct transport_ops plain_ops = {plain_recv,  plain_sendv, plain_finish,
                                               plain_close, NULL,        NULL};

struct transport transport_plain(int fd)
{
    return (struct transport){.ops = &plain_ops, .fd = fd};
}

bool transport_ahead(const struct transport *transport)
{
    return transport->ops->ahead != NULL && transport->fd >= 0 && transport->ops->ahead(transport);
}

void transport_close(struct transport *transport)
{
    if (transport->fd >= 0) {
        transport->ops->close(transport);
        transport->fd = -1;
    }
}
