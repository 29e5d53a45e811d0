#include "http_curl_internal.h"

#include "outrider/base/attr.h"
#include "outrider/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAMES_MAX = 200, FILE_MAX = 1 << 20 };

/* What to give the TLS library, which reads the file itself and would wait for ever for the writer of a fifo: where there is
 * no regular file of a sensible size, one without a certificate, and unusable() says why. */
static const char *readable(const char *path)
{
    struct stat st;
    bool other = path != NULL && stat(path, &st) == 0 && (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX) &&
                 !S_ISDIR(st.st_mode);
    return other ? "/dev/null" : path;
}

void http_tls_copy(struct http_tls_copy *copy, const struct http_tls *tls)
{
    if (tls != NULL) {
        copy->view.ca_file = copy->texts[0] = mem_strdup(tls->ca_file);
        copy->view.cert_file = copy->texts[1] = mem_strdup(tls->cert_file);
        copy->view.key_file = copy->texts[2] = mem_strdup(tls->key_file);
        copy->view.server_name = copy->texts[3] = mem_strdup(tls->server_name);
        copy->view.trusts_all = tls->trusts_all;
    }
}

void http_tls_copy_fini(struct http_tls_copy *copy)
{
    for (size_t i = 0; i < COUNT_OF(copy->texts); i++) {
        free(copy->texts[i]);
    }
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool http_tls_equal(const struct http_tls *a, const struct http_tls *b)
{
    return a == b || (same_text(a->ca_file, b->ca_file) && same_text(a->cert_file, b->cert_file) &&
                      same_text(a->key_file, b->key_file) && same_text(a->server_name, b->server_name) &&
                      a->trusts_all == b->trusts_all);
}

void http_tls_apply(struct http_curl *curl)
{
    CURL *easy = curl->easy;
    const struct http_tls *tls = curl->tls;
    http_curl_must(curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2));
    http_curl_must(curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, tls->trusts_all ? 0L : 1L));
    http_curl_must(curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, tls->trusts_all ? 0L : 2L));
    curl_easy_setopt(easy, CURLOPT_CERTINFO, 1L); /* for describe_names */
    curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
#if LIBCURL_VERSION_NUM >= 0x075700
    curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
#endif
    if (tls->ca_file != NULL) {
        http_curl_must(curl_easy_setopt(easy, CURLOPT_CAINFO, readable(tls->ca_file)));
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* else the system's CAs are accepted as well */
    }
    http_curl_must(curl_easy_setopt(easy, CURLOPT_SSLCERT, readable(tls->cert_file)));
    http_curl_must(curl_easy_setopt(easy, CURLOPT_SSLKEY, readable(tls->key_file)));
    http_curl_must(
        curl_easy_setopt(easy, CURLOPT_KEYPASSWD, "")); /* else OpenSSL asks for one on the terminal */
}

/* Whether the certificate names a host or an address. Twice the extension is none. */
static bool has_names(const X509 *certificate)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    bool found = false;
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && !found; i++) {
        int type = sk_GENERAL_NAME_value(names, i)->type;
        found = type == GEN_DNS || type == GEN_IPADD;
    }
    GENERAL_NAMES_free(names);
    return found;
}

/* In place of OpenSSL's own step of the handshake. Libcurl compares the names after the handshake, and takes the CommonName
 * where the certificate has no name else; RFC 9525, 2, forbids that. */
static int verify(X509_STORE_CTX *store, void *user)
{
    (void)user;
    int accepted = X509_verify_cert(store);
    if (accepted > 0 && !has_names(X509_STORE_CTX_get0_cert(store))) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
        return 0;
    }
    return accepted;
}

static CURLcode on_context(CURL *easy, void *context, void *user)
{
    (void)easy;
    (void)user;
    SSL_CTX_set_cert_verify_callback(context, verify, NULL);
    return CURLE_OK;
}

void http_tls_require_names(CURL *easy)
{
    http_curl_must(curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_context));
}

/* The first file that is of no use, or NULL; `ret_setting` is its name in struct http_tls, `ret_why` static text. */
static const char *unusable(const struct http_tls *tls, const char **ret_setting, const char **ret_why)
{
    const struct {
        const char *setting, *path;
    } files[] = {{"ca_file", tls->ca_file}, {"cert_file", tls->cert_file}, {"key_file", tls->key_file}};
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        char byte;
        bool other = readable(files[i].path) != files[i].path;
        int fd = files[i].path == NULL ? -1 : open(files[i].path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        bool failed = other || (files[i].path != NULL && (fd < 0 || read(fd, &byte, 1) < 0));
        *ret_why = other ? "not a regular file, or larger than 1 MiB" : strerror(errno);
        *ret_setting = files[i].setting;
        if (fd >= 0) {
            close(fd);
        }
        if (failed) {
            return files[i].path;
        }
    }
    return NULL;
}

static void describe_files(struct buf *text, const struct http_curl *curl)
{
    const struct http_tls *tls = curl->tls;
    const char *setting = NULL;
    const char *why = NULL;
    const char *path = unusable(tls, &setting, &why);
    const char *cert = tls->cert_file == NULL ? "" : tls->cert_file;
    if (path != NULL) {
        buf_printf(text, "%s %s cannot be read: %s", setting, path, why);
    } else if (curl->code == CURLE_SSL_CACERT_BADFILE) {
        buf_printf(text, "%s %s has no certificate in PEM form: put the one of the server's CA there",
                   tls->ca_file == NULL ? "the system's trust store" : "ca_file",
                   tls->ca_file == NULL ? "" : tls->ca_file);
    } else if (strstr(http_curl_reason(curl), "private key") != NULL ||
               strstr(http_curl_reason(curl), "Private key") != NULL) {
        buf_printf(text,
                   "key_file %s does not have the private key that belongs to cert_file %s, in PEM form and "
                   "without a pass phrase",
                   tls->key_file == NULL ? cert : tls->key_file, cert);
    } else {
        buf_printf(text,
                   "cert_file %s has no certificate in PEM form, or one without its key in key_file (%s)",
                   cert, http_curl_reason(curl));
    }
}

/* The names in the server's certificate; NULL where it has none, or libcurl kept none. */
static const char *names_of_server(CURL *easy)
{
    static const char name[] = "X509v3 Subject Alternative Name:";
    struct curl_certinfo *info = NULL;
    if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &info) != CURLE_OK || info == NULL ||
        info->num_of_certs < 1) {
        return NULL;
    }
    for (const struct curl_slist *line = info->certinfo[0]; line != NULL; line = line->next) {
        if (strncmp(line->data, name, sizeof(name) - 1) == 0) {
            return line->data + sizeof(name) - 1;
        }
    }
    return NULL;
}

static void describe_names(struct buf *text, const struct http_curl *curl)
{
    static const char marker[] = "target host name '";
    const char *names = names_of_server(curl->easy);
    const char *wanted = strstr(http_curl_reason(curl), marker);
    buf_printf(text, "the server's certificate is for ");
    if (names == NULL) {
        buf_printf(text, "other names");
    }
    for (size_t i = 0; names != NULL && names[i] != '\0' && i < NAMES_MAX; i++) {
        buf_printf(text, "%c", names[i] >= ' ' && names[i] <= '~' ? names[i] : '?');
    }
    if (curl->tls->server_name != NULL) {
        buf_printf(text, ", not for %s: correct server_name", curl->tls->server_name);
    } else if (wanted != NULL) {
        wanted += sizeof(marker) - 1;
        buf_printf(text, ", not for %.*s: use one of its names in the URL, or set server_name to it",
                   (int)strcspn(wanted, "'"), wanted);
    } else {
        buf_printf(text, ": use one of them in the URL, or set server_name to it (%s)",
                   http_curl_reason(curl));
    }
}

static void describe_issuer(struct buf *text, const struct http_curl *curl)
{
    if (curl->tls->ca_file != NULL) {
        buf_printf(
            text,
            "the server's certificate is not signed by a CA in ca_file %s: put the CA's certificate there",
            curl->tls->ca_file);
    } else {
        buf_printf(
            text,
            "the server's certificate is not signed by a CA that this system trusts: set ca_file to the "
            "CA's certificate");
    }
}

/* OpenSSL's numbers (verify(1)). libcurl's text cannot be used: where a kept connection was tried first, it is about
 * that one. */
enum verify_result {
    VERIFY_NOT_CHECKED = 1, /* libcurl's value until the chain is verified; it compares names before that */
    VERIFY_NOT_YET_VALID = X509_V_ERR_CERT_NOT_YET_VALID,
    VERIFY_EXPIRED = X509_V_ERR_CERT_HAS_EXPIRED,
    VERIFY_ISSUER_FIRST = X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
    VERIFY_ISSUER_LAST = X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
    VERIFY_NO_NAMES = X509_V_ERR_HOSTNAME_MISMATCH /* verify() */
};

static void describe_server(struct buf *text, const struct http_curl *curl)
{
    long result = 0;
    curl_easy_getinfo(curl->easy, CURLINFO_SSL_VERIFYRESULT, &result);
    if (result == VERIFY_EXPIRED) {
        buf_printf(text,
                   "the server's certificate has expired, or one that signed it: renew it, or set the clock "
                   "of this machine if it is wrong");
    } else if (result == VERIFY_NOT_YET_VALID) {
        buf_printf(text,
                   "the server's certificate is not yet valid: set the clock of this machine, or of the one "
                   "that made the certificate");
    } else if (result >= VERIFY_ISSUER_FIRST && result <= VERIFY_ISSUER_LAST) {
        describe_issuer(text, curl);
    } else if (result == VERIFY_NO_NAMES) {
        buf_printf(text,
                   "the server's certificate has no subjectAltName with a host name or an address, and its "
                   "CommonName is not used: make it with `subjectAltName = DNS:NAME`, the host of the URL or "
                   "server_name");
    } else if (result <= VERIFY_NOT_CHECKED) {
        describe_names(text, curl);
    } else {
        buf_printf(text, "the server's certificate is not accepted: %s", http_curl_reason(curl));
    }
}

/* The alerts with which servers refuse a client (RFC 8446, 6.2), in OpenSSL's texts, and what each means for
 * our certificate. */
static const struct alert {
    const char *text, *meaning;
} alerts[] = {
    {"alert certificate required", "it was not shown"},
    {"alert bad certificate", "it is not signed by a CA that the server trusts, or not valid"},
    {"alert unknown ca", "the server does not trust the CA that signed it"},
    {"alert certificate expired", "it has expired"},
    {"alert certificate revoked", "it was revoked"},
    {"alert certificate unknown", "it is not acceptable to it"},
    {"alert unsupported certificate", "it is not made for clients"},
    {"alert access denied", "it gives no access"},
    {"alert decrypt error", "its signature is wrong"},
};

static const struct alert *find_alert(const struct http_curl *curl)
{
    for (size_t i = 0; i < COUNT_OF(alerts); i++) {
        if (strstr(http_curl_reason(curl), alerts[i].text) != NULL) {
            return &alerts[i];
        }
    }
    return NULL;
}

static bool is_after_handshake(CURLcode code)
{
    return code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING ||
           code == CURLE_HTTP2 || code == CURLE_HTTP2_STREAM;
}

bool http_tls_is_refused(const struct http_curl *curl, bool *ret_certain)
{
    long connects = 0, status = 0;
    curl_easy_getinfo(curl->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl->easy, CURLINFO_NUM_CONNECTS, &connects);
    *ret_certain = find_alert(curl) != NULL;
    return status == 0 && is_after_handshake(curl->code) && (*ret_certain || connects > 0);
}

static void describe_refusal(struct buf *text, const struct http_curl *curl, const struct alert *alert)
{
    const char *cert = curl->tls->cert_file;
    /* etcd 3.4 without TLS hangs up in the handshake. */
    bool is_tls = is_after_handshake(curl->code) || strstr(http_curl_reason(curl), "alert") != NULL;
    const char *no_tls = is_tls ? "" : "if it does not speak TLS on this port, use http://; ";
    if (cert == NULL && alert != NULL) {
        buf_printf(text, "the server asks for a client certificate: set cert_file and key_file");
    } else if (cert == NULL) {
        buf_printf(text,
                   "the server ended the connection before it answered; %sthe server may ask for a client "
                   "certificate: then set cert_file and key_file (%s)",
                   no_tls, http_curl_reason(curl));
    } else if (alert != NULL) {
        buf_printf(text, "the server refuses our certificate (cert_file %s): %s", cert, alert->meaning);
    } else {
        buf_printf(text,
                   "the server ended the connection before it answered; %sit may refuse our certificate "
                   "(cert_file %s): %s",
                   no_tls, cert, http_curl_reason(curl));
    }
}

static bool contains_one(const char *text, const char *const *parts)
{
    for (; *parts != NULL; parts++) {
        if (strstr(text, *parts) != NULL) {
            return true;
        }
    }
    return false;
}

static void describe_handshake(struct buf *text, const struct http_curl *curl)
{
    static const char *const no_tls[] = {"wrong version number", "packet length too long", "http request",
                                         NULL};
    static const char *const old[] = {"alert protocol version", "unsupported protocol", NULL};
    static const char *const ended[] = {"Connection reset", "SSL_ERROR_SYSCALL", "unexpected eof",
                                        "alert handshake failure", NULL};
    if (contains_one(http_curl_reason(curl), no_tls)) {
        buf_printf(text, "the server does not speak TLS on this port: use http://, or another port");
    } else if (contains_one(http_curl_reason(curl), old)) {
        buf_printf(text, "the server offers no TLS 1.2 or later, and we accept nothing older");
    } else if (contains_one(http_curl_reason(curl), ended) || find_alert(curl) != NULL) {
        describe_refusal(text, curl, find_alert(curl));
    } else {
        buf_printf(text, "no secure connection: %s", http_curl_reason(curl));
    }
}

void http_tls_describe(struct buf *text, const struct http_curl *curl)
{
    if (is_after_handshake(curl->code)) {
        describe_refusal(text, curl, find_alert(curl));
        return;
    }
    switch (curl->code) {
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE: describe_files(text, curl); break;
    case CURLE_PEER_FAILED_VERIFICATION: describe_server(text, curl); break;
    default: describe_handshake(text, curl); break;
    }
}
