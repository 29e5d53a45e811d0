/* Listings and sessions of Consul: any bytes are read; keys are in order, none is there twice, and what they point to is theirs. */
#include "must.h"

#include "outrider/codec/consul/consul_response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_listing(struct str body)
{
    struct consul_kvs kvs = {0};
    if (consul_kvs_decode(body, &kvs) < 0) {
        must(kvs.count == 0 && kvs.list == NULL);
        return;
    }
    for (size_t i = 0; i < kvs.count; i++) {
        const struct consul_kv *kv = &kvs.list[i];
        must(kv->key.size > 0 && kv->mod > 0 && kv->create > 0 && kv->mod <= REGISTRY_REVISION_MAX);
        must(consul_slashed(kv->key, true).data[0] == '/');
        must(i == 0 || str_compare(kvs.list[i - 1].key, kv->key) < 0);
        must(consul_kvs_find(&kvs, kv->key) == kv);
    }
    consul_kvs_fini(&kvs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str body = {(const char *)data, size};
    struct registry_lease session = {0};
    int64_t ttl_ms;
    read_listing(body);
    if (consul_session_decode(body, &session) == 0) {
        must(!registry_lease_is_none(session));
    }
    session = (struct registry_lease){.hi = 0xadf4238a882b9ddc, .lo = 0x4a9d5b6758e4159e};
    if (consul_session_ttl_decode(body, session, &ttl_ms) == 0) {
        must(ttl_ms >= -1);
    }
    must(consul_least_ttl(body) >= 0);
    return 0;
}
