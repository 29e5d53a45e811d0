/* The etcd backend, over the JSON gateway of etcd 3.4 and later. */
#ifndef OUTRIDER_REGISTRY_ETCD_ETCD_H
#define OUTRIDER_REGISTRY_ETCD_ETCD_H

#include "outrider/core/config/config.h"
#include "outrider/registry/registry.h"

struct http_client;
struct loop;

/* Creates the backend for the endpoints and the credentials of `config` (copied; the password is read at each
 * login). Does no I/O: a registry that is away at the start is an ordinary failure of the first request.
 * `loop`, `http` and `user` are borrowed until registry_free. The caller owns the result. */
struct registry *etcd_new(const struct config_registry *config, struct loop *loop, struct http_client *http,
                          registry_reply_fn *on_reply, registry_watch_fn *on_watch, void *user);

enum etcd_login {
    ETCD_LOGIN_NONE,   /* no credentials are configured */
    ETCD_LOGIN_NEEDED, /* not logged in yet, or not any more */
    ETCD_LOGIN_DONE,
    ETCD_LOGIN_OFF /* etcd has authentication off: the credentials are not needed */
};

/* How a registry made by etcd_new stands with its login. */
enum etcd_login etcd_login_state(const struct registry *registry);

#endif
