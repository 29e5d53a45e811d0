/* What the commands `outrider kv ...` share: the way to etcd, options that may stand anywhere, printing. */
#ifndef OUTRIDER_CLI_KV_CMD_KV_INTERNAL_H
#define OUTRIDER_CLI_KV_CMD_KV_INTERNAL_H

#include "outrider/base/buf.h"
#include "outrider/cli/common/cli.h"
#include "outrider/codec/etcd/etcd_response.h"
#include "outrider/registry/etcd/etcd.h"
#include "outrider/registry/etcd/etcd_client.h"
#include "outrider/registry/registry.h"

struct config;
struct error;
struct http_client;
struct json_writer;
struct loop;
struct resolver;

/* Etcd prints what was read in two ways, one for people and one for programs. */
struct kv_options {
    const char *config;
    bool json;
};

/* Gets the response to a request that did not fail; borrowed. */
typedef void kv_answer_fn(const struct etcd_response *answer, void *user);

/* etcd with the endpoints, the login and the TLS of a configuration. */
struct kv {
    struct config *config;
    struct loop *loop;
    struct resolver *resolver;
    struct http_client *http;
    struct etcd *etcd;
    kv_answer_fn *on_answer; /* of the request under way */
    void *on_answer_user;
    bool answered;
    bool muted; /* failures that another try may mend are not printed again */
    int status; /* exit status that the reply means */
};

/* Reads the configuration. Returns 0; or the exit status, with the reason printed. */
int kv_open(struct kv *kv, const struct kv_options *options) MUST_CHECK;

/* Accepts a zeroed one. */
void kv_close(struct kv *kv);

/* Sends `request` and waits; `fn` gets the response when it is no failure. Returns 0; or the exit status, with the reason
 * printed: EX_TEMPFAIL where another try may help. */
int kv_request(struct kv *kv, const struct etcd_request *request, kv_answer_fn *fn, void *user) MUST_CHECK;

/* Prints what failed and what to do; returns the exit status. */
int kv_fail(enum registry_failure failure, struct str error);

/* Takes options wherever they stand before a `--`, and leaves the words, at least `min` and at most `max` of
 * them, in `ret_words`: args.words is sorted for it. As cli_options otherwise. */
bool kv_words(const struct command *command, struct cli_args args, const struct cli_option *options,
              size_t count, size_t min, size_t max, struct cli_args *ret_words, int *ret_exit) MUST_CHECK;

/* Which keys are meant: KEY, KEY END (not included), or by option. */
struct kv_range {
    bool prefix, from_key;
    struct buf end;
};

/* Sets key and end of `op` from the words KEY [END]. `range` keeps what it points to. Returns 0, or EX_USAGE,
 * with the reason printed. */
int kv_range(const struct command *command, struct kv_range *range, struct cli_args words,
             struct etcd_op *op) MUST_CHECK;

/* A lease id as etcdctl writes it: hexadecimal, without 0x. */
int kv_lease_parse(const char *text, int64_t *ret_lease) MUST_CHECK;

/* All of the standard input. Returns 0; or the exit status, with the reason printed, when it is more than `max` bytes or
 * cannot be read. */
int kv_read_stdin(size_t max, struct buf *ret_bytes) MUST_CHECK;

/* ---- printing ---- */

/* Bytes and LF, as they are. */
void kv_print_line(struct str bytes);

/* Key and value, a line each. */
void kv_print(const struct etcd_kv *kv);

/* Key or value as a member of a JSON object: bytes that are not text are base64, as keyBase64 and valueBase64. */
void kv_json_bytes(struct json_writer *json, const char *name, struct str bytes);

/* One key with its value and revisions as a JSON object. */
void kv_json(struct json_writer *json, const struct etcd_kv *kv);

/* The result of one operation of a transaction. */
void kv_print_result(const struct etcd_response *answer, const struct etcd_result *result);
void kv_json_result(struct json_writer *json, const struct etcd_response *answer,
                    const struct etcd_result *result);

/* Prints the document with LF and empties it. */
void kv_print_json(struct buf *document);

/* Flushes the output. Returns whether it still has a reader. */
bool kv_flush(void);

/* ---- the commands ---- */

int cmd_kv_txn(const struct command *command, struct cli_args args);
int cmd_kv_watch(const struct command *command, struct cli_args args);
int cmd_kv_lease(const struct command *command, struct cli_args args);

/* Runs the one of `count` commands that the first word names. */
int kv_dispatch(const struct command *command, const struct command *table, size_t count,
                struct cli_args args);

#endif
