/* Where the host of a URL meets libcurl: which host the request names, and which one the connection goes to. */
#ifndef OUTRIDER_IO_HTTP_CLIENT_HTTP_HOST_INTERNAL_H
#define OUTRIDER_IO_HTTP_CLIENT_HTTP_HOST_INTERNAL_H

#include <curl/curl.h>

/* Sets the URL of `easy`, without user and password. On https:// with a `server_name` (else NULL) the URL names
 * that instead of its host, for SNI, verification and the Host header, while the connection goes to its host.
 * A malformed URL is set as it is: libcurl refuses it when the transfer starts. The list returned is NULL, or
 * borrowed by `easy` until its next URL and then the caller's to free. */
struct curl_slist *http_host_set(CURL *easy, const char *url, const char *server_name);

#endif
