/* A record as a service of Consul's catalog, for Consul's own users: DNS, UI, Prometheus. */
#ifndef OUTRIDER_CODEC_CONSUL_CONSUL_CATALOG_H
#define OUTRIDER_CODEC_CONSUL_CONSUL_CATALOG_H

#include "outrider/codec/consul/consul_response.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Splits the key (as Consul has it) of a record, `prefix`/TYPE/ID; `prefix` as Consul has it, without a '/' at its end. Returns whether it
 * is one: then `ret_type` and `ret_id` ("TYPE/ID") are parts of it. */
bool consul_record_key(struct str prefix, struct str key, struct str *ret_type, struct str *ret_id);

enum { CONSUL_SERVICE_OPS = 2 };

/* Appends the operations, separated by commas, that make the service ID of `node` what the record `value` says, which is under
 * `session`: its host, its first port, and a check that passes only while the status is `ready`. CONSUL_SERVICE_OPS of them. Returns 0; or -1, with `out` as
 * it was, when the value is no record. */
int consul_service_encode(struct str node, struct str type, struct str id, struct str value,
                          struct registry_lease session, struct buf *out) MUST_CHECK;

/* Appends the operation that removes it with its checks, where it is there; with `index` only if it was changed last then. */
void consul_service_remove(struct str node, struct str type, struct str id, int64_t index, struct buf *out);

struct consul_service {
    struct str id;
    int64_t mod;
};

/* {0} is an empty list; in the order of the ids' bytes. */
struct consul_services {
    struct consul_service *list;
    size_t count;
    struct buf bytes;
};

/* Frees what it owns and zeroes it. */
void consul_services_fini(struct consul_services *services);

/* Replaces `services` by those of a node whose id is "TYPE/ID" of their own TYPE. Total on any bytes: -1, with `services` empty, for what
 * is no such answer. */
int consul_services_decode(struct str body, struct consul_services *services) MUST_CHECK;

#endif
