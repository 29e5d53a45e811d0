/* grpc.health.v1.Health/Check: what a gRPC server says of its own health. One message of protobuf each way, each behind the five
 * bytes that gRPC puts before a message.
 *
 * - A check is answered in full: a message, and grpc-status 0 in the trailers. Without trailers the answer may have been cut, whatever
 *   its message says.
 * - A failed call may have its grpc-status in the head instead, with nothing after it ("Trailers-Only"). */
#ifndef OUTRIDER_CODEC_GAME_GRPC_HEALTH_H
#define OUTRIDER_CODEC_GAME_GRPC_HEALTH_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

struct buf;
struct error;

#define GRPC_HEALTH_PATH "/grpc.health.v1.Health/Check"

/* Appends the body of the request; an empty `service` asks about the server as a whole. */
void grpc_health_request(struct str service, struct buf *out);

/* Header lines as HTTP/1.1 writes them, "name: value\r\n" each; and the body, without framing of HTTP. */
struct grpc_answer {
    struct str head, trailers, body;
};

/* Whether it serves. Returns 0 for SERVING; otherwise -1, and `err` says for a person what it is instead, at most about 100 bytes of
 * printable text: "NOT_SERVING", "the server does not know the service", "the answer has no trailers". Total: any bytes are one. */
int grpc_health_answer(const struct grpc_answer *answer, struct error *err) MUST_CHECK;

#endif
