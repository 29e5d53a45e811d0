/* What the codec makes of a response to a registry operation. */
#ifndef OUTRIDER_TESTS_UNIT_CODEC_ETCD_DECODED_H
#define OUTRIDER_TESTS_UNIT_CODEC_ETCD_DECODED_H

#include "outrider/codec/etcd/etcd_response.h"

struct decoded {
    struct etcd_response response;
    struct registry_reply reply;
};

/* Decodes the response to `op` about `lease` (0 where the operation names none), once with and once without a
 * transaction's own counts. `decoded` is reused from call to call. */
void decoded_read(struct decoded *decoded, enum registry_op op, int64_t lease, int http_status,
                  struct str body);

/* Accepts {0}. */
void decoded_fini(struct decoded *decoded);

/* Fails unless `request` is encoded as `expected`. */
void expect_encoded(const struct registry_request *request, const char *expected);

#endif
