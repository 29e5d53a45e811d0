/* Records as services, and the services of a node: any bytes are read, what is written is JSON, and what is read is in order. */
#include "must.h"

#include "outrider/codec/consul/consul_catalog.h"
#include "outrider/codec/json/json_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_service(struct str value)
{
    struct buf out = {0};
    json_error_t ignored;
    if (consul_service_encode(STR("outrider"), STR("doom"), STR("doom/1"), value,
                              (struct registry_lease){.lo = 1}, &out) < 0) {
        must(out.size == 0);
        return;
    }
    consul_service_remove(STR("outrider"), STR("doom"), value, 7, &out);
    struct buf whole = {0};
    consul_txn_encode(NULL, 0, buf_view(&out), &whole);
    json_t *root = json_loadb(whole.data, whole.size, JSON_ALLOW_NUL, &ignored);
    must(root != NULL && json_array_size(root) == CONSUL_SERVICE_OPS + 1);
    json_decref(root);
    buf_fini(&whole);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = {(const char *)data, size}, type, id;
    struct consul_services services = {0};
    if (consul_services_decode(bytes, &services) == 0) {
        for (size_t i = 0; i < services.count; i++) {
            must(memchr(services.list[i].id.data, '/', services.list[i].id.size) != NULL &&
                 services.list[i].mod > 0);
            must(i == 0 || str_compare(services.list[i - 1].id, services.list[i].id) <= 0);
        }
    }
    consul_services_fini(&services);
    if (consul_record_key(STR("services"), bytes, &type, &id)) {
        must(type.size > 0 && id.size > type.size + 1 && type.data == id.data);
    }
    write_service(bytes);
    return 0;
}
