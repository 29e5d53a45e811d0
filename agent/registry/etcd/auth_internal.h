/* The login at etcd: a token for user and password (docs/design/etcd-gateway.md, "Authentication"). A login costs the
 * server 80 to 100 ms of CPU, so there is one at a time, and every call that needs its token waits for it; after a wrong
 * password there is a pause. Without registry.username there is no token and no wait.
 *
 * How a call uses it:
 *
 *     no token           if !auth_is_ready(auth), auth_wait(auth, &call->wait, left_ms); it goes on in `fn`
 *     before it is sent  remember auth->generation; etcd_headers() adds the token
 *     token refused      auth_refused(auth, generation), once for each request, then from the top
 *
 * Structures here are embedded in struct etcd and in calls; nothing is freed inside its own callback. */
#ifndef OUTRIDER_REGISTRY_ETCD_AUTH_INTERNAL_H
#define OUTRIDER_REGISTRY_ETCD_AUTH_INTERNAL_H

#include "outrider/base/buf.h"
#include "outrider/base/random.h"
#include "outrider/core/registry/registry_request.h"
#include "outrider/io/loop/loop.h"
#include "outrider/registry/endpoints/endpoints.h"
#include "outrider/registry/etcd/etcd.h"

#include <stdbool.h>
#include <stdint.h>

struct etcd;
struct http_request_handle;
struct timer;

/* One call that waits for a login. Set `fn` and `user`; the rest is auth's, zero at first. Embedded. */
struct auth_wait {
    /* Called once, from the loop, never from within auth_wait. REGISTRY_OK: auth_is_ready holds, go on. Else
     * what the login came to: `error` says on which endpoints and why (borrowed for the call). */
    void (*fn)(enum registry_failure failure, struct str error, void *user);
    void *user;
    struct auth *auth; /* NULL when not waiting */
    struct auth_wait *prev, *next;
    struct timer *timer;
    uint64_t login; /* which one it waits for */
};

struct auth {
    struct etcd *etcd;
    char *username, *password_file; /* NULL: no credentials */
    char *header;                   /* "Authorization: TOKEN"; NULL: calls go without */
    enum registry_login state;
    uint64_t generation; /* which token a call takes along; for auth_refused */
    struct auth_wait *waits;
    struct random random;
    struct deferred late; /* begins a login, or ends waits for one that is over */

    bool logging_in;
    uint64_t logins; /* begun so far */
    struct http_request_handle *http;
    size_t endpoint; /* being asked */
    endpoint_set asked;
    int64_t left_ms;
    struct buf trail; /* how it went on each endpoint */

    enum registry_failure failure; /* what the last login came to */
    struct buf why;
    int64_t paused_until;    /* by clock_mono_ms: no other login before; 0: at once */
    uint64_t password_stamp; /* of the file as it was last read */
};

/* Copies the credentials of `config`; `etcd` is borrowed. Does no I/O. */
void auth_init(struct auth *auth, struct etcd *etcd, const struct config_registry *config);

/* Ends the login under way and wipes the token; waits must be cancelled before. Accepts a zeroed one. */
void auth_fini(struct auth *auth);

/* Whether a call may go now: a token is there, or none is needed. */
bool auth_is_ready(const struct auth *auth);

/* Waits for a login, which is begun if none is under way, for at most `timeout_ms`. */
void auth_wait(struct auth *auth, struct auth_wait *wait, int64_t timeout_ms);

/* Waits no longer; no callback. Also for one that does not wait, and a zeroed one. */
void auth_cancel(struct auth_wait *wait);

/* A call that took along the token of `generation` was refused for it: the token is forgotten, unless it has
 * been replaced meanwhile. Returns whether another try with auth_wait may help: not without credentials. */
bool auth_refused(struct auth *auth, uint64_t generation);

#endif
