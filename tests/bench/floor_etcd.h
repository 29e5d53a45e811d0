/* The three requests of the floors, as text. */
#ifndef OUTRIDER_BENCH_FLOOR_ETCD_H
#define OUTRIDER_BENCH_FLOOR_ETCD_H

#include <stdint.h>

struct buf;

/* Replaces the content of `out` with the body of a grant of `lease` for `ttl_s` seconds. */
void floor_grant_body(int64_t lease, int64_t ttl_s, struct buf *out);

/* Replaces the content of `out` with the body of a transaction that creates `key` under `lease`, or reads it.
 */
void floor_put_body(const char *key, const char *value, int64_t lease, struct buf *out);

/* Replaces the content of `out` with the body of a keepalive or a revoke. */
void floor_lease_body(int64_t lease, struct buf *out);

/* A lease id of our own: positive, and no other process's for as long as a benchmark runs. */
int64_t floor_lease_id(void);

/* What a floor registers: as many bytes as a record of the agent. */
extern const char floor_record[];

#endif
