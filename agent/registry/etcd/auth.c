/* One login at a time:
 *
 *     NEEDED --auth_wait--> asking one endpoint after the other --token-----------> DONE, every wait ends
 *       ^  ^                                |--"authentication is not enabled"--> OFF, likewise
 *       |  |                                '--nothing works---------------------> NEEDED, every wait ends with the reason
 *       |  '-- wrong password: a pause, unless the password file changes
 *       '----- auth_refused: the token ran out, its member was restarted, the user was changed
 *
 * Waits end from the loop, those that had begun when the login ended: one that begins in a callback is for the next
 * login. */
#include "auth_internal.h"

#include "etcd_internal.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/io/http/client/http_client.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"
#include "outrider/os/entropy.h"
#include "outrider/os/file.h"
#include "outrider/os/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

/* etcd's bcrypt looks at 72 bytes of a password. */
enum { PASSWORD_ESCAPED_MAX = 6 * SECRET_PASSWORD_MAX };

/* Each login with a wrong password costs etcd 100 ms of CPU, and a fleet has the same wrong password. */
enum { PAUSE_MS = 10000, PAUSE_SPREAD_MS = 10000 };

static void forget_token(struct auth *auth)
{
    if (auth->header != NULL) {
        mem_wipe(auth->header, strlen(auth->header));
    }
    free(auth->header);
    auth->header = NULL;
}

/* ---- waits ---- */

static void unlink_wait(struct auth_wait *wait)
{
    DL_DELETE(wait->auth->waits, wait);
    timer_free(wait->timer);
    *wait = (struct auth_wait){.fn = wait->fn, .user = wait->user};
}

void auth_cancel(struct auth_wait *wait)
{
    if (wait->auth != NULL) {
        unlink_wait(wait);
    }
}

static void on_wait_over(void *user)
{
    struct auth_wait *wait = user;
    unlink_wait(wait);
    wait->fn(REGISTRY_RETRY, STR("log in: no answer in time"), wait->user);
}

static void link_wait(struct auth *auth, struct auth_wait *wait, int64_t timeout_ms)
{
    wait->auth = auth;
    wait->login = auth->logins + (auth->logging_in ? 0 : 1);
    DL_PREPEND(auth->waits, wait);
    wait->timer = timer_new(auth->etcd->loop, on_wait_over, wait);
    timer_arm_ms(wait->timer, timeout_ms);
}

static struct auth_wait *find_wait(struct auth *auth, uint64_t login)
{
    struct auth_wait *wait = auth->waits;
    while (wait != NULL && wait->login > login) {
        wait = wait->next;
    }
    return wait;
}

/* A callback may wait again, cancel another wait, or start calls. */
static void end_waits(struct auth *auth)
{
    uint64_t login = auth->logins;
    for (struct auth_wait *wait; (wait = find_wait(auth, login)) != NULL;) {
        unlink_wait(wait);
        wait->fn(auth->failure, auth->failure == REGISTRY_OK ? STR("") : buf_view(&auth->why), wait->user);
    }
}

/* ---- the login ---- */

static void finish(struct auth *auth, enum registry_failure failure)
{
    auth->logging_in = false;
    auth->failure = failure;
    buf_clear(&auth->why);
    buf_str(&auth->why, buf_view(&auth->trail));
    if (failure == REGISTRY_DENIED) {
        auth->paused_until =
            clock_mono_ms() + PAUSE_MS + (int64_t)random_below(&auth->random, PAUSE_SPREAD_MS);
    }
    end_waits(auth);
}

static void add_trail(struct auth *auth, const char *why)
{
    if (auth->trail.size == 0) {
        buf_printf(&auth->trail, "log in as `%s` on ", auth->username);
    } else {
        buf_str(&auth->trail, STR("; on "));
    }
    buf_printf(&auth->trail, "%s: %s", auth->etcd->endpoints.list[auth->endpoint].name, why);
}

static void accept_token(struct auth *auth, struct str token)
{
    forget_token(auth);
    auth->state = REGISTRY_LOGIN_OFF;
    auth->generation++;
    auth->paused_until = 0;
    if (token.size > 0) {
        struct buf header = {0};
        buf_printf(&header, "Authorization: %.*s", STR_ARG(token));
        auth->header = header.data;
        auth->state = REGISTRY_LOGIN_DONE;
    }
}

/* Returns 0 with the password, which the caller ends with secret_fini(). */
static int read_password(struct auth *auth, struct error *err, struct buf *ret_password)
{
    auth->password_stamp = file_stamp(auth->password_file);
    if (secret_read(auth->password_file, SECRET_PASSWORD_MAX, err, ret_password) < 0) {
        return error_wrap(err, "registry.password_file");
    }
    if (!str_is_utf8(buf_view(ret_password))) {
        secret_fini(ret_password);
        return error_set(err, ERROR_INVALID,
                         "registry.password_file %s: not UTF-8, which is all that etcd takes",
                         auth->password_file);
    }
    return 0;
}

static void ask_next(struct auth *auth);

static void on_answer(struct auth *auth, const struct http_result *result)
{
    struct etcd *etcd = auth->etcd;
    struct etcd_status status;
    struct buf token = {0};
    etcd_login_decode(result->status, result->body, &status, &token);
    enum registry_failure failure = status.failure;
    if (status.elsewhere) {
        etcd_endpoint_failed(etcd, auth->endpoint, status.text);
    } else {
        endpoints_answered(&etcd->endpoints, auth->endpoint, status.cluster);
    }
    if (failure == REGISTRY_OK) {
        accept_token(auth, buf_view(&token));
    } else {
        add_trail(auth, status.text);
    }
    secret_fini(&token);
    if (failure != REGISTRY_OVERLOADED && status.elsewhere) {
        ask_next(auth);
    } else {
        finish(auth, failure);
    }
}

static void on_result(const struct http_result *result, void *user)
{
    struct auth *auth = user;
    struct etcd *etcd = auth->etcd;
    auth->http = NULL;
    auth->left_ms -= (result->elapsed_us + 999) / 1000;
    if (result->transport == HTTP_TRANSPORT_OK) {
        on_answer(auth, result);
        return;
    }
    const char *why = etcd_without_url(etcd, auth->endpoint, result->text);
    etcd_endpoint_failed(etcd, auth->endpoint, why);
    add_trail(auth, why);
    ask_next(auth);
}

static void post(struct auth *auth, struct str password)
{
    struct etcd *etcd = auth->etcd;
    struct buf body = {0};
    (void)buf_extend(&body, PASSWORD_ESCAPED_MAX + 6 * strlen(auth->username) + 64);
    buf_clear(&body);
    etcd_login_encode(str_of(auth->username), password, &body);
    int64_t share = endpoints_share(&etcd->endpoints, auth->asked, auth->left_ms);
    auth->asked = endpoints_with(auth->asked, auth->endpoint);
    const char *headers[ETCD_HEADERS_MAX];
    etcd_headers(etcd, share, headers);
    struct http_call call = {
        .url = etcd_url(etcd, auth->endpoint, "/v3/auth/authenticate"),
        .headers = headers,
        .body = buf_view(&body),
        .timeout_ms = share,
        .connect_timeout_ms = share,
        .max_response = ETCD_RESPONSE_MAX,
        .secret = true,
    };
    auth->http = http_client_send(etcd->http, &call, on_result, auth);
    secret_fini(&body);
}

/* The password is read again for each endpoint, so that it is not kept in memory while one is slow. */
static void ask_next(struct auth *auth)
{
    size_t next = endpoints_next(&auth->etcd->endpoints, auth->asked);
    if (next == auth->etcd->endpoints.count || auth->left_ms <= 0) {
        finish(auth, REGISTRY_RETRY);
        return;
    }
    struct error err;
    struct buf password;
    auth->endpoint = next;
    if (read_password(auth, &err, &password) < 0) {
        buf_clear(&auth->trail);
        buf_printf(&auth->trail, "log in as `%s`: %s", auth->username, err.text);
        finish(auth, REGISTRY_DENIED);
        return;
    }
    post(auth, buf_view(&password));
    secret_fini(&password);
}

static bool is_paused(const struct auth *auth)
{
    return clock_mono_ms() < auth->paused_until && auth->password_stamp == file_stamp(auth->password_file);
}

/* From the loop, because no callback comes from within auth_wait. */
static void on_late(void *user)
{
    struct auth *auth = user;
    if (auth->logging_in) {
        ask_next(auth);
    } else {
        auth->logins++;
        end_waits(auth);
    }
}

void auth_wait(struct auth *auth, struct auth_wait *wait, int64_t timeout_ms)
{
    link_wait(auth, wait, timeout_ms);
    if (auth->logging_in || auth->late.previous != NULL || auth->late.next != NULL) {
        return;
    }
    if (!is_paused(auth)) {
        auth->logging_in = true;
        auth->logins++;
        auth->asked = 0;
        auth->left_ms = timeout_ms;
        buf_clear(&auth->trail);
    }
    loop_defer(auth->etcd->loop, &auth->late);
}

/* ---- the rest ---- */

bool auth_is_ready(const struct auth *auth)
{
    return auth->state != REGISTRY_LOGIN_NEEDED;
}

bool auth_refused(struct auth *auth, uint64_t generation)
{
    if (auth->state == REGISTRY_LOGIN_NONE) {
        return false;
    }
    if (generation == auth->generation && auth->state != REGISTRY_LOGIN_NEEDED) {
        forget_token(auth);
        auth->state = REGISTRY_LOGIN_NEEDED;
    }
    return true;
}

void auth_init(struct auth *auth, struct etcd *etcd, const struct config_registry *config)
{
    uint64_t seed;
    entropy_fill(&seed, sizeof(seed));
    *auth = (struct auth){.etcd = etcd};
    random_seed(&auth->random, seed);
    auth->late.fn = on_late;
    auth->late.user = auth;
    if (config->username != NULL && config->password_file != NULL) {
        auth->username = mem_strdup(config->username);
        auth->password_file = mem_strdup(config->password_file);
        auth->state = REGISTRY_LOGIN_NEEDED;
    }
}

void auth_fini(struct auth *auth)
{
    http_request_cancel(auth->http);
    deferred_cancel(&auth->late);
    forget_token(auth);
    free(auth->username);
    free(auth->password_file);
    buf_fini(&auth->trail);
    buf_fini(&auth->why);
}
