/* A registrar under test: its clock, its latest request and what it did. */
#ifndef OUTRIDER_TESTS_REGISTRAR_WORLD_H
#define OUTRIDER_TESTS_REGISTRAR_WORLD_H

#include "outrider/core/publish/registrar.h"

struct world {
    struct registrar *registrar;
    struct queue effects;
    struct instant now;
    struct registry_request asked; /* the latest request; its value is given back */
    unsigned requests, notes;
    enum registrar_note note;
    char order[16]; /* of the latest step: S urgent save, s save, d save that is due, R request */
};

/* A registrar of the key /s/w/1 that does nothing yet. */
void world_begin(struct world *w, int64_t heartbeat_ms);
void world_finish(struct world *w);

/* One event at `now`. */
void world_step(struct world *w, struct registrar_event event);
void world_offer(struct world *w, const char *value, bool urgent);

/* The answer to the latest request. */
void world_reply(struct world *w, struct registry_reply reply);

/* Registered with the record "one" at revision 5. */
void world_register_it(struct world *w);

#endif
