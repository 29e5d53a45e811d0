/* What a hook is started with: its command, and the news in its environment. */
#ifndef OUTRIDER_SHELL_HOOK_REQUEST_H
#define OUTRIDER_SHELL_HOOK_REQUEST_H

#include "outrider/base/buf.h"
#include "outrider/core/hook/hook.h"
#include "outrider/core/instant.h"
#include "outrider/io/program/program_message.h"

/* Whose news they are. Texts are borrowed; "" where there is none. */
struct hook_about {
    const char *type, *id, *host;
    const uint16_t *ports;
    size_t port_count;
};

/* `program` borrows of `texts` and of the configuration. */
struct hook_request {
    struct program_request program;
    struct buf texts;
};

/* Makes it; what is left of a deadline is counted from `now`. The caller ends it. */
void hook_request_init(struct hook_request *request, const struct config_hook *config,
                       const struct hook_news *news, const struct hook_about *about,
                       const struct instant *now);

/* Frees it. */
void hook_request_fini(struct hook_request *request);

/* How a run ended. */
enum hook_result hook_result_of(const struct program_result *result);

/* Appends that for a person: "exit status 1: no such host", "timed out"; of a good run what the program said first. */
void hook_describe_result(const struct program_result *result, struct buf *out);

#endif
