#include "outrider/os/environment.h"

#include "outrider/base/attr.h"

#include <assert.h>
#include <stdlib.h>

/* What each would do to the libraries: libcurl and OpenSSL write the keys of every TLS session to a file, the resolvers of
 * the C library and of c-ares take one name for another or complete it with another domain, libcurl takes another TLS
 * library. What is not here, and why: docs/operating.md, "The environment". */
static const char *const removed[] = {"SSLKEYLOGFILE", "HOSTALIASES", "LOCALDOMAIN", "CURL_SSL_BACKEND"};

static_assert(COUNT_OF(removed) <= ENVIRONMENT_REMOVED_MAX, "ret_names has room");

size_t environment_clean(const char *ret_names[static ENVIRONMENT_REMOVED_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(removed); i++) {
        if (getenv(removed[i]) != NULL) {
            ret_names[count++] = removed[i];
            unsetenv(removed[i]);
        }
    }
    return count;
}
