#include "etcd_wire.h"

#include "meter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 32768 };

void etcd_wire_open(struct etcd_wire *wire, const char *endpoint)
{
    char host[32];
    unsigned port;
    struct sockaddr_in address = {.sin_family = AF_INET};
    if (sscanf(endpoint, "http://%31[0-9.]:%u", host, &port) != 2 || port > 65535 ||
        inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        meter_die("%s: not http://ADDRESS:PORT", endpoint);
    }
    address.sin_port = htons((uint16_t)port);
    *wire = (struct etcd_wire){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    snprintf(wire->host, sizeof(wire->host), "%s:%u", host, port);
    int on = 1;
    if (wire->fd < 0 || connect(wire->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0) {
        meter_die("%s: %s", endpoint, strerror(errno));
    }
}

void etcd_wire_request(const struct etcd_wire *wire, const char *path, const struct buf *body,
                       struct buf *out)
{
    buf_clear(out);
    buf_printf(
        out, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
        path, wire->host, body->size);
    buf_str(out, buf_view(body));
}

void etcd_wire_send(struct etcd_wire *wire, const struct buf *bytes)
{
    if (send(wire->fd, bytes->data, bytes->size, MSG_NOSIGNAL) != (ssize_t)bytes->size) {
        meter_die("a request to %s could not be written: %s", wire->host, strerror(errno));
    }
}

bool etcd_wire_read(struct etcd_wire *wire, int timeout_ms, int64_t *ret_at_us)
{
    char bytes[READ_SIZE];
    struct pollfd waiting = {.fd = wire->fd, .events = POLLIN};
    if (timeout_ms >= 0 && poll(&waiting, 1, timeout_ms) == 0) {
        return false;
    }
    ssize_t got = recv(wire->fd, bytes, sizeof(bytes), 0);
    if (ret_at_us != NULL) {
        *ret_at_us = meter_now_us();
    }
    if (got <= 0) {
        meter_die("%s: %s", wire->host, got == 0 ? "etcd closed the connection" : strerror(errno));
    }
    buf_add(&wire->in, bytes, (size_t)got);
    return true;
}

int64_t etcd_wire_head(struct etcd_wire *wire)
{
    const char *end;
    while ((end = strstr(buf_text(&wire->in), "\r\n\r\n")) == NULL) {
        etcd_wire_read(wire, -1, NULL);
    }
    size_t size = (size_t)(end - wire->in.data) + 4;
    if (strncmp(wire->in.data, "HTTP/1.1 200", 12) != 0) {
        meter_die("%s answered: %s", wire->host, wire->in.data);
    }
    const char *length = strcasestr(wire->in.data, "\r\nContent-Length:");
    int64_t ret = length != NULL && length < end ? strtoll(length + 17, NULL, 10) : -1;
    buf_consume(&wire->in, size);
    return ret;
}

void etcd_wire_answer(struct etcd_wire *wire, struct buf *ret_body)
{
    int64_t length = etcd_wire_head(wire);
    if (length < 0) {
        meter_die("%s answered without a Content-Length", wire->host);
    }
    while (wire->in.size < (size_t)length) {
        etcd_wire_read(wire, -1, NULL);
    }
    if (ret_body != NULL) {
        buf_clear(ret_body);
        buf_add(ret_body, buf_text(&wire->in), (size_t)length);
    }
    buf_consume(&wire->in, (size_t)length);
}

void etcd_wire_post(struct etcd_wire *wire, const char *path, const struct buf *body, struct buf *ret_body)
{
    struct buf request = {0};
    etcd_wire_request(wire, path, body, &request);
    etcd_wire_send(wire, &request);
    etcd_wire_answer(wire, ret_body);
    buf_fini(&request);
}

void etcd_wire_grant(struct etcd_wire *wire, int64_t lease, int64_t ttl_s)
{
    struct buf body = {0};
    buf_printf(&body, "{\"TTL\":\"%" PRId64 "\",\"ID\":\"%" PRId64 "\"}", ttl_s, lease);
    etcd_wire_post(wire, "/v3/lease/grant", &body, NULL);
    buf_fini(&body);
}
