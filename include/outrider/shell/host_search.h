/* What `server.host` comes to on this machine: the address or the name to publish (docs/design/protocol.md, "Defaults").
 *
 *   auto                      the best address of the default routes
 *   an address                as written
 *   an interface              its best address; none while it is down or has no usable one
 *   a word that may become    as written where it is resolved; none where it is not ("interface wg0 does not exist yet");
 *   an interface, or a name   not known while no name server answers
 *   any other name            as written
 *
 * Not known either while the agent has no file left to ask the kernel. */
#ifndef OUTRIDER_SHELL_HOST_SEARCH_H
#define OUTRIDER_SHELL_HOST_SEARCH_H

#include "outrider/os/net.h"

struct host_search;
struct loop;
struct resolver;

struct host_answer {
    const char *host; /* NULL: none, or not known */
    const char
        *absent; /* the interface that does not exist yet, where that is why there is none; else NULL */
    const char *reason; /* why there is none, or why it is not known; "": nothing to add */
    bool unsure;        /* not known */
    bool is_last;       /* no further answer follows */
    /* Where it comes from: "default route", "interface", "configuration". */
    const char *from;
    const struct net_choice *choice; /* the addresses there were; NULL for "configuration" */
};

/* Borrowed for the call. May start another search, and must not free it. */
typedef void host_search_fn(const struct host_answer *answer, void *user);

/* A search on `loop` by `resolver` (both borrowed until host_search_free). The caller owns it. */
struct host_search *host_search_new(struct loop *loop, struct resolver *resolver, host_search_fn *fn,
                                    void *user) MUST_CHECK;

/* Whether what `configured` comes to may depend on the interfaces and routes of this machine; false: it is published as
 * written whatever they are. */
bool host_search_follows(const char *configured);

/* Finds out what `configured` (copied) comes to. `fn` is called from within; where a name is to be resolved with an unsure
 * answer that is not the last, and again from the loop. One that is under way ends without an answer. */
void host_search_start(struct host_search *search, const char *configured);

/* Accepts NULL. No answer follows. */
void host_search_free(struct host_search *search);

#endif
