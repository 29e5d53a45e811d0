/* One kept connection that asks the same thing over HTTP again and again, and how far its answer has come. */
#ifndef OUTRIDER_BENCH_HTTP_PEER_H
#define OUTRIDER_BENCH_HTTP_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_PEER_HEAD_MAX = 8192 };

struct http_peer {
    int fd;
    int status; /* that every answer must have: 200, or 304 where an ETag is told */
    char request[512];
    size_t request_size;
    char head[HTTP_PEER_HEAD_MAX];
    size_t head_size;
    bool in_body;
    size_t body, left; /* bytes of the body, and those that have not come */
    bool sums;         /* the bodies are summed; set by the caller */
    uint64_t sum;      /* FNV-1a of the last one */
};

/* Cuts "NAME=TARGET" into two and returns the target; ends the process when it is something else. */
char *http_peer_target(char *named);

/* A connection to `port` of 127.0.0.1 that sends at once. Ends the process if there is no listener. */
int http_peer_dial(uint16_t port);

/* Whether `text`, what came so far of `size` bytes and a NUL behind it, is a whole answer: its head, and as many bytes as that says.
 * Ends the process when the head says none. */
bool http_peer_is_whole(const char *text, size_t size);

/* Connects to `target`, "PORT/PATH" at 127.0.0.1, or "PORT/PATH#ETAG" to ask whether it is another than that.
 * The socket blocks. Ends the process if there is no listener. */
void http_peer_open(struct http_peer *peer, const char *target);

/* Writes the request. Ends the process when the socket does not take it. */
void http_peer_ask(struct http_peer *peer);

/* Reads once. Returns whether the answer is whole; ends the process when it is no answer of the wanted
 * status, or the connection has ended. */
bool http_peer_read(struct http_peer *peer);

#endif
