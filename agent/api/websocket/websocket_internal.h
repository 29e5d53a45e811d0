/* The inside of WebSockets: upgrade.c (the request that begins one), sockets.c (one connection, its messages and its end). */
#ifndef OUTRIDER_API_WEBSOCKET_WEBSOCKET_INTERNAL_H
#define OUTRIDER_API_WEBSOCKET_WEBSOCKET_INTERNAL_H

struct api_call;
struct http_exchange;

/* sockets.c: takes the exchange over as a WebSocket whose answer has `headers`. */
void sockets_begin(struct api_call *call, struct http_exchange *exchange, const char *const *headers);

#endif
