/* One hook as a machine: a program that is told of events of the server, one at a time. While it runs the newest event waits; an
 * older one that waited is never told.
 *
 *            news                    news
 *     IDLE ──────────> RUNNING ──────────────> WAITING ──┐ news: replaces what waits
 *      ^                │   ^                     │  ^───┘
 *      └──── ended ─────┘   └────── ended ────────┘
 *
 * Nothing that a hook does changes the server. */
#ifndef OUTRIDER_CORE_HOOK_HOOK_H
#define OUTRIDER_CORE_HOOK_HOOK_H

#include "outrider/base/queue.h"
#include "outrider/core/config/config.h"

#include <stdbool.h>
#include <stdint.h>

enum { HOOK_REASON_MAX = 256, HOOK_NAME_MAX = 64 };

/* What has happened, as it was then. Texts are copies, cut to their limits. */
struct hook_news {
    enum config_hook_event event;
    const char *status;                   /* static: the effective one; "": of an observer */
    char reason[HOOK_REASON_MAX + 1];     /* of the status, the drain, or the loss of leadership */
    char by[HOOK_NAME_MAX + 1];           /* who drains; "": it is not known */
    char scope[HOOK_NAME_MAX + 1];        /* of leadership; "": of another event */
    int64_t token;                        /* likewise */
    int64_t deadline_mono, deadline_wall; /* of a drain; NEVER_MS and 0: none */
    bool has_players;
    uint32_t players;
};

/* How a run ended. REPLACED: it never began, as a newer event came before. */
enum hook_result { HOOK_OK, HOOK_FAILED, HOOK_TIMED_OUT, HOOK_NOT_STARTED, HOOK_REPLACED, HOOK_RESULT_COUNT };

/* "ok", "failed", "timed_out", "not_started", "replaced". */
const char *hook_result_name(enum hook_result result);

enum hook_state { HOOK_IDLE, HOOK_RUNNING, HOOK_WAITING };

struct hook {
    enum hook_state state;
    struct hook_news waiting; /* WAITING: the next one */
    uint64_t runs[HOOK_RESULT_COUNT];
};

enum hook_event_type {
    HOOK_ON_NEWS, /* `news`, one that the hook is for */
    HOOK_ON_ENDED /* the program ended, as `result` says */
};

struct hook_event {
    enum hook_event_type type;
    const struct hook_news *news;
    enum hook_result result;
};

/* The only effect: run the program for these news. HOOK_ON_ENDED follows. */
struct hook_effect {
    struct hook_news news;
};

/* One event in, effects (struct hook_effect) out. A zeroed hook is idle. */
void hook_step(struct hook *hook, const struct hook_event *event, struct queue *effects);

/* Whether `config` names the event. */
bool hook_wants(const struct config_hook *config, enum config_hook_event event);

#endif
