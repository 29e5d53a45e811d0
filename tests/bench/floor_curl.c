/* The floor for registering and for many processes: what libcurl's easy interface needs to grant, put,
 * keep alive each third of the TTL, and revoke at TERM.
 *
 * usage: bench_floor_curl ENDPOINT KEY TTL_SECONDS */
#include "floor_etcd.h"
#include "outrider/base/buf.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static size_t ignore(char *data, size_t size, size_t count, void *user)
{
    (void)data;
    (void)user;
    return size * count;
}

static void post(CURL *easy, const char *endpoint, const char *path, const struct buf *body)
{
    char url[256];
    long status = 0;
    snprintf(url, sizeof(url), "%s%s", endpoint, path);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)body->size);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, buf_text(body));
    CURLcode code = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || status != 200) {
        fprintf(stderr, "floor_curl: %s: %s, status %ld\n", url, curl_easy_strerror(code), status);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: bench_floor_curl ENDPOINT KEY TTL_SECONDS\n");
        return 64;
    }
    const char *endpoint = argv[1];
    long ttl_s = atol(argv[3]);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURL *easy = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);

    int64_t lease = floor_lease_id();
    struct buf body = {0};
    floor_grant_body(lease, ttl_s, &body);
    post(easy, endpoint, "/v3/lease/grant", &body);
    floor_put_body(argv[2], floor_record, lease, &body);
    post(easy, endpoint, "/v3/kv/txn", &body);
    floor_lease_body(lease, &body);
    struct timespec third = {ttl_s / 3, ttl_s % 3 * 1000000000 / 3};
    while (sigtimedwait(&signals, NULL, &third) < 0) {
        post(easy, endpoint, "/v3/lease/keepalive", &body);
    }
    post(easy, endpoint, "/v3/lease/revoke", &body);
    buf_fini(&body);
    curl_slist_free_all(headers);
    curl_easy_cleanup(easy);
    curl_global_cleanup();
    return 0;
}
