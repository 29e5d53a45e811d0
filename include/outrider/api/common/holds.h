/* Drain and undrain requests, and holds as JSON: shared by this server's drain and that of any other. */
#ifndef OUTRIDER_API_COMMON_HOLDS_H
#define OUTRIDER_API_COMMON_HOLDS_H

#include "outrider/core/server/hold.h"

#include <stdbool.h>
#include <stdint.h>

struct api_call;
struct api_reply;
struct instant;
struct json_writer;

/* What an operator asks for. */
struct api_drain {
    char reason[HOLD_REASON_MAX + 1];
    char by[HOLD_BY_MAX +
            1]; /* as the body names the operator, "alice@ops-1"; else the peer: "API, uid 1000" over a unix
                                 socket, "API, 127.0.0.1" over TCP */
    int64_t deadline_ms, expires_ms; /* 0: none */
    bool flapping;                   /* an undrain that ends flapping, and no hold */
};

/* Reads the body of a drain; absent members get the settings of `drain:`. False with `reply` made an error. */
bool api_read_drain(const struct api_call *call, struct api_reply *reply, struct api_drain *ret_drain);

/* The same for an undrain, of which there is only `by`. */
bool api_read_undrain(const struct api_call *call, struct api_reply *reply, struct api_drain *ret_undrain);

/* The same for an undrain of this agent's own server, which may have `flapping`. */
bool api_read_own_undrain(const struct api_call *call, struct api_reply *reply,
                          struct api_drain *ret_undrain);

/* Writes the value of one hold; null when it is not set. */
void api_write_hold(struct json_writer *json, enum hold_kind kind, const struct hold *hold,
                    const struct instant *now);

#endif
