/* Shared by the sources of codec/etcd. */
#ifndef OUTRIDER_CODEC_ETCD_ETCD_CODEC_INTERNAL_H
#define OUTRIDER_CODEC_ETCD_ETCD_CODEC_INTERNAL_H

#include "outrider/codec/etcd/etcd_response.h"

#include <jansson.h>

/* Values in a body: what a page of REGISTRY_LIST_MAX keys needs, and what all leases of a store or several pages may
 * have. */
enum { ETCD_VALUES_MAX = 10 * REGISTRY_LIST_MAX, ETCD_VALUES_LONG_MAX = 400 * 1000 };

/* Parses the first JSON value of `body`: the gateway ends a stream's line with LF or not at all, and what may
 * follow is of no use. NULL when it is no JSON value, larger than a page, too deep, or has more than `values_max`
 * values. The caller owns the result. */
json_t *etcd_json_parse(struct str body, size_t values_max);

/* Appends the bytes that base64 text stands for; absent (NULL) is none. Where they stand is known once all
 * are there: `out` may move. Returns 0 with their number, or -1 when it is not base64. */
int etcd_json_bytes(const json_t *value, struct buf *out, size_t *ret_size) MUST_CHECK;

/* A 64-bit number written as decimal string or bare number (gateway, "JSON mapping"); absent and null are 0.
 * Returns 0, or -1 when it is something else. */
int etcd_json_i64(const json_t *object, const char *key, int64_t *ret_value) MUST_CHECK;

/* The same for a revision, a version or a count, from 0 to REGISTRY_REVISION_MAX. */
int etcd_json_revision(const json_t *object, const char *key, int64_t *ret_value) MUST_CHECK;

/* Reads the header of a response. Returns 0; or -1 when there is none: it is not etcd's. */
int etcd_json_header(const json_t *object, struct etcd_status *status) MUST_CHECK;

/* Whether the JSON of a response with status 200 is an error all the same, as streams have it. */
bool etcd_error_is(const json_t *root);

/* Sets failure, elsewhere and text from a response that is an error: `root` is its JSON or NULL. */
void etcd_error_classify(enum registry_op like, int http_status, struct str body, const json_t *root,
                         struct etcd_status *status);

/* Replaces `status` by the failure of a response that is not etcd's. */
void etcd_error_malformed(enum registry_op like, const char *what, struct etcd_status *status);

#endif
