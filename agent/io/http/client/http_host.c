/* Name resolution is libcurl's own here: a thread per look-up, getaddrinfo() in it, nothing while a connection
 * is kept. To resolve names elsewhere: resolve the host that `url` has before server_name replaces it, and give
 * the addresses to `easy` by CURLOPT_RESOLVE, with that host and the port as the key. */
#include "http_host_internal.h"

#include "outrider/base/buf.h"

#include <stdlib.h>
#include <strings.h>

static void must(CURLcode code)
{
    if (code != CURLE_OK) {
        abort(); /* out of memory: nothing else makes these options fail */
    }
}

/* "::HOST:" means: whatever the URL names, connect to HOST at the URL's port. */
static struct curl_slist *connect_to(const char *host)
{
    struct buf entry = {0};
    buf_printf(&entry, "::%s:", host);
    struct curl_slist *list = curl_slist_append(NULL, buf_text(&entry));
    buf_fini(&entry);
    return list;
}

static struct curl_slist *replace_host(CURLU *parts, const char *server_name)
{
    struct curl_slist *list = NULL;
    char *scheme = NULL, *host = NULL;
    if (curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK && strcasecmp(scheme, "https") == 0 &&
        curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_set(parts, CURLUPART_HOST, server_name, 0) == CURLUE_OK) {
        list = connect_to(host);
    }
    curl_free(scheme);
    curl_free(host);
    return list;
}

struct curl_slist *http_host_set(CURL *easy, const char *url, const char *server_name)
{
    struct curl_slist *list = NULL;
    char *asked = NULL;
    CURLU *parts = curl_url();
    if (parts != NULL && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK) {
        curl_url_set(parts, CURLUPART_USER, NULL, 0);
        curl_url_set(parts, CURLUPART_PASSWORD, NULL, 0);
        if (server_name != NULL) {
            list = replace_host(parts, server_name);
        }
        curl_url_get(parts, CURLUPART_URL, &asked, 0);
    }
    must(curl_easy_setopt(easy, CURLOPT_URL, asked == NULL ? url : asked));
    must(curl_easy_setopt(easy, CURLOPT_CONNECT_TO, list));
    curl_free(asked);
    curl_url_cleanup(parts);
    return list;
}
