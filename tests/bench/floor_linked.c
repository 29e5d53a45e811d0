/* The floor for memory: links and initialises what the agent does, then waits for a signal and does
 * nothing.
 *
 * usage: bench_floor_linked */
#include <ares.h>
#include <curl/curl.h>
#include <event2/event.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>
#ifdef OUTRIDER_REDIS
#include <hiredis/hiredis.h>
#endif
#ifdef OUTRIDER_DNS
#include <ldns/ldns.h>
#endif

static void must(int ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "floor_linked: %s failed\n", what);
        exit(1);
    }
}

static void parse(void)
{
    static const unsigned char text[] = "server: {type: world, ports: [8001]}\n";
    yaml_parser_t parser;
    yaml_document_t document;
    must(yaml_parser_initialize(&parser), "yaml_parser_initialize");
    yaml_parser_set_input_string(&parser, text, sizeof(text) - 1);
    must(yaml_parser_load(&parser, &document), "yaml_parser_load");
    yaml_document_delete(&document);
    yaml_parser_delete(&parser);
    json_t *json = json_loads("{\"result\":{\"ID\":\"1\",\"TTL\":\"10\"}}", 0, NULL);
    must(json != NULL, "json_loads");
    json_decref(json);
}

/* The agent calls these libraries itself, whatever else brings them. */
static void touch(void)
{
    must(OPENSSL_VERSION_NUMBER >> 28 == OpenSSL_version_num() >> 28, "OpenSSL_version_num");
    must(TLS_client_method() != NULL, "TLS_client_method");
#ifdef OUTRIDER_REDIS
    redisReader *reader = redisReaderCreate();
    must(reader != NULL, "redisReaderCreate");
    redisReaderFree(reader);
#endif
#ifdef OUTRIDER_DNS
    must(ldns_version() != NULL, "ldns_version");
#endif
}

int main(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    parse();
    touch();
    struct event_base *base = event_base_new();
    must(base != NULL, "event_base_new");
    must(ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS, "ares_library_init");
    must(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK, "curl_global_init");
    CURLM *multi = curl_multi_init();
    CURL *easy = curl_easy_init();
    must(multi != NULL && easy != NULL, "libcurl's handles");
    int signo;
    sigwait(&signals, &signo);
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
    curl_global_cleanup();
    ares_library_cleanup();
    event_base_free(base);
    return 0;
}
