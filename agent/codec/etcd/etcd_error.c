#include "etcd_codec_internal.h"

#include "outrider/base/attr.h"
#include "outrider/base/brief.h"

#include <stdio.h>

enum { ANY_CODE = -1, NO_CODE = 0 };

/* What else a row says; 0: the request was certainly not done, and another endpoint would answer the same. */
enum {
    ELSEWHERE = 1, /* another endpoint may do better */
    TOKEN = 2,     /* a login may help */
    REVISION = 4,  /* the store does not have the revision asked for */
    DOUBT = 8      /* a write may have been done */
};

struct error_row {
    int code;            /* gRPC code; ANY_CODE; NO_CODE: the answer has none */
    const char *message; /* part of the message; NULL: any */
    int status_from, status_to;
    enum registry_failure failure;
    unsigned hint;
};

#define ANY_STATUS 0, 999

/* The first row that fits. One row per line of the table in gateway, "Errors", in its order where the order
 * does not matter; then what is left by code; then by HTTP status alone. */
static const struct error_row rows[] = {
    {5, "requested lease not found", ANY_STATUS, REGISTRY_LEASE_LOST, 0},
    {9, "lease already exists", ANY_STATUS, REGISTRY_LEASE_EXISTS, 0},
    {3, "duplicate key given", ANY_STATUS, REGISTRY_REFUSED, 0},
    {3, "too many operations", ANY_STATUS, REGISTRY_REFUSED, 0},
    {3, "request is too large", ANY_STATUS, REGISTRY_REFUSED, 0},
    {8, "larger than max", ANY_STATUS, REGISTRY_REFUSED, 0}, /* not overload */
    {11, "too large lease TTL", ANY_STATUS, REGISTRY_REFUSED, 0},
    {11, "required revision", ANY_STATUS, REGISTRY_REFUSED, REVISION},
    {8, "database space exceeded", ANY_STATUS, REGISTRY_OVERLOADED, 0}, /* of the whole cluster */
    {8, NULL, ANY_STATUS, REGISTRY_OVERLOADED, ELSEWHERE},              /* too many requests */
    {14, "no leader", ANY_STATUS, REGISTRY_RETRY, ELSEWHERE},           /* before it is proposed */
    {14, "not supported for learner", ANY_STATUS, REGISTRY_RETRY, ELSEWHERE},
    {14, "not capable", ANY_STATUS, REGISTRY_RETRY, ELSEWHERE},
    {14, "request timed out", ANY_STATUS, REGISTRY_RETRY, DOUBT | ELSEWHERE},
    {2, "context deadline exceeded", ANY_STATUS, REGISTRY_RETRY, DOUBT | ELSEWHERE}, /* 3.4's code 4 */
    {4, NULL, ANY_STATUS, REGISTRY_RETRY, DOUBT | ELSEWHERE},
    {14, "leader changed", ANY_STATUS, REGISTRY_RETRY, DOUBT | ELSEWHERE},
    {14, "server stopped", ANY_STATUS, REGISTRY_RETRY, DOUBT | ELSEWHERE},
    {14, "transport is closing", ANY_STATUS, REGISTRY_RETRY, DOUBT | ELSEWHERE},
    {14, "error reading from server", ANY_STATUS, REGISTRY_RETRY, DOUBT | ELSEWHERE},
    {3, "user name is empty", ANY_STATUS, REGISTRY_DENIED, TOKEN},
    {16, NULL, ANY_STATUS, REGISTRY_DENIED, TOKEN},
    {3, "revision of auth store is old", ANY_STATUS, REGISTRY_DENIED, TOKEN},
    {3, "authentication failed", ANY_STATUS, REGISTRY_DENIED, 0},
    {7, NULL, ANY_STATUS, REGISTRY_DENIED, 0},
    {9, "authentication is not enabled", ANY_STATUS, REGISTRY_DENIED, 0},
    {NO_CODE, "CommonName of client", ANY_STATUS, REGISTRY_DENIED, 0},
    /* locks and elections lose the code: everything is 2 */
    {2, "requested lease not found", ANY_STATUS, REGISTRY_LEASE_LOST, 0},
    {2, "user name is empty", ANY_STATUS, REGISTRY_DENIED, TOKEN},
    {2, "invalid auth token", ANY_STATUS, REGISTRY_DENIED, TOKEN},
    {2, "permission denied", ANY_STATUS, REGISTRY_DENIED, 0},
    {2, "request timed out", ANY_STATUS, REGISTRY_RETRY, DOUBT | ELSEWHERE},

    {3, NULL, ANY_STATUS, REGISTRY_REFUSED, 0},          /* key is not provided; the parsers' many texts */
    {5, NULL, ANY_STATUS, REGISTRY_REFUSED, ELSEWHERE},  /* no such path: no gateway there, or before 3.4 */
    {11, NULL, ANY_STATUS, REGISTRY_REFUSED, 0},         /* out of range */
    {12, NULL, ANY_STATUS, REGISTRY_REFUSED, ELSEWHERE}, /* not implemented there */
    {9, NULL, ANY_STATUS, REGISTRY_RETRY, 0},            /* failed precondition */
    /* without a code the response is not etcd's: a proxy's says nothing about the other members */
    {NO_CODE, NULL, 401, 401, REGISTRY_DENIED, TOKEN | ELSEWHERE},
    {NO_CODE, NULL, 403, 403, REGISTRY_DENIED, ELSEWHERE},
    {NO_CODE, NULL, 408, 408, REGISTRY_RETRY, DOUBT | ELSEWHERE},
    {NO_CODE, NULL, 429, 429, REGISTRY_OVERLOADED, ELSEWHERE},
    {NO_CODE, NULL, 300, 499, REGISTRY_REFUSED, ELSEWHERE},
    {ANY_CODE, NULL, ANY_STATUS, REGISTRY_RETRY, DOUBT | ELSEWHERE},
};

struct reading {
    int64_t code;
    int64_t status;
    struct str message;
};

static bool contains(struct str text, const char *part)
{
    return text.size > 0 && memmem(text.data, text.size, part, strlen(part)) != NULL;
}

static const struct error_row *find_row(const struct reading *reading)
{
    size_t i = 0;
    for (; i + 1 < COUNT_OF(rows); i++) {
        const struct error_row *row = &rows[i];
        if ((row->code == ANY_CODE || row->code == reading->code) && reading->status >= row->status_from &&
            reading->status <= row->status_to &&
            (row->message == NULL || contains(reading->message, row->message))) {
            break;
        }
    }
    return &rows[i];
}

static struct str json_text(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_string(value) ? (struct str){json_string_value(value), json_string_length(value)}
                                 : STR("");
}

/* Gateway, "Errors", shapes 1 to 4: flat with or without `error`, or nested under `error` in a stream. */
static void read_json(const json_t *root, struct reading *reading)
{
    const json_t *nested = json_object_get(root, "error");
    const json_t *from = json_is_object(nested) ? nested : root;
    if (etcd_json_i64(from, "grpc_code", &reading->code) < 0 || reading->code == 0) {
        if (etcd_json_i64(from, "code", &reading->code) < 0) {
            reading->code = NO_CODE;
        }
    }
    int64_t status;
    if (etcd_json_i64(from, "http_code", &status) == 0 && status > 0) {
        reading->status = status;
    }
    reading->message = json_text(from, "message");
    if (reading->message.size == 0) {
        reading->message = json_text(root, "error");
    }
}

/* A person reads this in a log line: one line, no control characters, cut between words. */
static void set_text(struct str text, struct etcd_status *status)
{
    text = str_trim(text);
    size_t size = brief_size(text, sizeof(status->text) - 1);
    bool utf8 = str_is_utf8((struct str){text.data, size});
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        status->text[i] = c < 0x20 ? ' ' : c == 0x7f || (c >= 0x80 && !utf8) ? '?' : text.data[i];
    }
    snprintf(status->text + size, sizeof(status->text) - size, "%s", size < text.size ? "..." : "");
}

bool etcd_error_is(const json_t *root)
{
    return json_object_get(root, "error") != NULL;
}

static const struct error_row *set_failure(enum registry_op like, const struct reading *reading,
                                           struct etcd_status *status)
{
    const struct error_row *row = find_row(reading);
    bool unknown = (row->hint & DOUBT) != 0 && !etcd_only_reads(like);
    status->failure = unknown ? REGISTRY_UNKNOWN : row->failure;
    status->elsewhere = (row->hint & ELSEWHERE) != 0;
    status->token_refused = (row->hint & TOKEN) != 0;
    status->revision_gone = (row->hint & REVISION) != 0;
    return row;
}

/* The gateway dials its own etcd, and over TLS it shows the server certificate as a client
 * (docs/design/etcd-gateway.md, "TLS"). */
#define ETCD_TO_ITSELF                                                                                       \
    ": etcd's gateway cannot connect to its own etcd; over TLS, etcd's certificate (--cert-file) needs the " \
    "usage "                                                                                                 \
    "clientAuth beside serverAuth"

/* What to do; etcd's text does not say it. Short, because it is shown in lines that are truncated. */
static void add_advice(struct etcd_status *status)
{
    if (contains(str_of(status->text), "CommonName of client")) {
        snprintf(status->text, sizeof(status->text),
                 "the client certificate has a CommonName, which etcd's gateway refuses with "
                 "authentication on: set registry.tls.cert_file to one without it");
        return;
    }
    static const struct {
        const char *words, *advice;
    } advices[] = {
        {"user name is empty",
         ": etcd has authentication on: set registry.username and registry.password_file"},
        {"authentication failed", ": check registry.username and the password in registry.password_file"},
        {"permission denied", ": registry.username has no role that allows it (docs/etcd-roles)"},
        {"connection closed", ETCD_TO_ITSELF},
        {"authentication handshake failed", ETCD_TO_ITSELF},
        {"failed to write client preface", ETCD_TO_ITSELF},
        {"Not Found", ": no such path; is it etcd 3.4 or later with its JSON gateway on?"},
    };
    for (size_t i = 0; i < COUNT_OF(advices); i++) {
        if (contains(str_of(status->text), advices[i].words)) {
            brief_format(status->text, sizeof(status->text), "%s%s", status->text, advices[i].advice);
            return;
        }
    }
}

/* The text of a response that is not etcd's. The page of another server is not pasted into a log line. */
static void describe(int http_status, struct str body, const json_t *root, struct etcd_status *status)
{
    if (root != NULL) {
        snprintf(status->text, sizeof(status->text), "HTTP status %d", http_status);
    } else {
        snprintf(status->text, sizeof(status->text), "HTTP %d, %s: is it etcd?", http_status,
                 body.size == 0 ? "empty" : "not JSON");
    }
}

void etcd_error_classify(enum registry_op like, int http_status, struct str body, const json_t *root,
                         struct etcd_status *status)
{
    struct reading reading = {.code = NO_CODE, .status = http_status, .message = body};
    if (json_is_object(root)) {
        read_json(root, &reading);
    }
    const struct error_row *row = set_failure(like, &reading, status);
    if (like == REGISTRY_REVOKE && status->failure == REGISTRY_LEASE_LOST) {
        status->failure = REGISTRY_OK; /* already gone: docs/design/etcd-gateway.md, "Revoke" */
        return;
    }
    /* Some things etcd says in plain text: those have a row. */
    bool says = json_is_object(root) || row->message != NULL;
    set_text(says ? reading.message : STR(""), status);
    if (status->text[0] == '\0') {
        describe(http_status, body, root, status);
    }
    add_advice(status);
}

/* The names of gRPC's codes, as Go writes them into the text. */
static int reason_code(struct str reason)
{
    static const char *const names[] = {
        [1] = "Canceled",          [2] = "Unknown",
        [3] = "InvalidArgument",   [4] = "DeadlineExceeded",
        [5] = "NotFound",          [7] = "PermissionDenied",
        [8] = "ResourceExhausted", [9] = "FailedPrecondition",
        [11] = "OutOfRange",       [12] = "Unimplemented",
        [13] = "Internal",         [14] = "Unavailable",
        [16] = "Unauthenticated",
    };
    for (int i = 0; i < (int)COUNT_OF(names); i++) {
        char words[40];
        if (names[i] != NULL) {
            snprintf(words, sizeof(words), "code = %s desc", names[i]);
            if (contains(reason, words)) {
                return i;
            }
        }
    }
    return NO_CODE;
}

void etcd_status_of_reason(struct str reason, struct etcd_status *status)
{
    static const char before[] = "desc = ";
    const char *found = reason.size == 0 ? NULL : memmem(reason.data, reason.size, before, strlen(before));
    struct str words = reason;
    if (found != NULL) {
        size_t skipped = (size_t)(found - reason.data) + strlen(before);
        words = (struct str){reason.data + skipped, reason.size - skipped};
    }
    struct reading reading = {.code = reason_code(reason), .status = 200, .message = words};
    (void)set_failure(REGISTRY_GET, &reading, status);
    set_text(words, status);
    add_advice(status);
}

/* A keepalive without an answer says nothing about the lease. */
void etcd_error_malformed(enum registry_op like, const char *what, struct etcd_status *status)
{
    bool unknown = like != REGISTRY_KEEPALIVE && !etcd_only_reads(like);
    *status = (struct etcd_status){.failure = unknown ? REGISTRY_UNKNOWN : REGISTRY_RETRY, .elsewhere = true};
    snprintf(status->text, sizeof(status->text), "not an answer of etcd: %s", what);
}
