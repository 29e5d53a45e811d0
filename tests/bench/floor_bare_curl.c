#include "floor_bare_curl.h"

#include "outrider/base/buf.h"
#include "outrider/base/mem.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

struct bare_curl {
    struct event_base *base;
    const char *endpoint;
    CURLM *multi;
    CURL *easy;
    struct curl_slist *headers;
    struct event *timer;
    void (*done)(void *user);
    void *user;
};

static size_t ignore(char *data, size_t size, size_t count, void *user)
{
    (void)data;
    (void)user;
    return size * count;
}

static void finish(struct bare_curl *client)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(client->multi, &left)) != NULL;) {
        long status = 0;
        curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE, &status);
        if (message->data.result != CURLE_OK || status != 200) {
            fprintf(stderr, "floor_bare: %s, status %ld\n", curl_easy_strerror(message->data.result), status);
            exit(1);
        }
        curl_multi_remove_handle(client->multi, client->easy);
        void (*done)(void *user) = client->done;
        client->done = NULL;
        if (done != NULL) {
            done(client->user);
        }
    }
}

static void on_socket(evutil_socket_t fd, short what, void *user)
{
    struct bare_curl *client = user;
    int running;
    int action =
        ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) | ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0);
    curl_multi_socket_action(client->multi, fd, action, &running);
    finish(client);
}

static void on_timer(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    struct bare_curl *client = user;
    int running;
    curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    finish(client);
}

static int watch(CURL *easy, curl_socket_t fd, int what, void *user, void *of_socket)
{
    (void)easy;
    struct bare_curl *client = user;
    struct event *event = of_socket;
    if (event != NULL) {
        event_free(event);
        curl_multi_assign(client->multi, fd, NULL);
    }
    if (what != CURL_POLL_REMOVE) {
        int events = EV_PERSIST | ((what & CURL_POLL_IN) != 0 ? EV_READ : 0) |
                     ((what & CURL_POLL_OUT) != 0 ? EV_WRITE : 0);
        event = event_new(client->base, fd, (short)events, on_socket, client);
        event_add(event, NULL);
        curl_multi_assign(client->multi, fd, event);
    }
    return 0;
}

static int set_timer(CURLM *multi, long timeout_ms, void *user)
{
    (void)multi;
    struct bare_curl *client = user;
    if (timeout_ms < 0) {
        event_del(client->timer);
    } else {
        struct timeval delay = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
        event_add(client->timer, &delay);
    }
    return 0;
}

struct bare_curl *bare_curl_new(struct event_base *base, const char *endpoint)
{
    struct bare_curl *client = mem_zalloc(sizeof(*client));
    client->base = base;
    client->endpoint = endpoint;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    client->multi = curl_multi_init();
    client->easy = curl_easy_init();
    client->timer = event_new(base, -1, 0, on_timer, client);
    client->headers = curl_slist_append(NULL, "Content-Type: application/json");
    if (client->multi == NULL || client->easy == NULL || client->timer == NULL || client->headers == NULL) {
        abort();
    }
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, watch);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    curl_easy_setopt(client->easy, CURLOPT_HTTPHEADER, client->headers);
    curl_easy_setopt(client->easy, CURLOPT_WRITEFUNCTION, ignore);
    curl_easy_setopt(client->easy, CURLOPT_NOSIGNAL, 1L);
    return client;
}

void bare_curl_post(struct bare_curl *client, const char *path, const struct buf *body,
                    void (*done)(void *user), void *user)
{
    char url[256];
    snprintf(url, sizeof(url), "%s%s", client->endpoint, path);
    client->done = done;
    client->user = user;
    curl_easy_setopt(client->easy, CURLOPT_URL, url);
    curl_easy_setopt(client->easy, CURLOPT_POSTFIELDSIZE, (long)body->size);
    curl_easy_setopt(client->easy, CURLOPT_COPYPOSTFIELDS, buf_text(body));
    curl_multi_add_handle(client->multi, client->easy);
}
