/* The store of the machines' fuzzer: what it is like, and what other writers do to it. */

static void choose_kind(struct store *store, unsigned number)
{
    static const char *const kinds[] = {"etcd", "redis", "consul", "etcd"};
    (void)store_set_kind(store, kinds[number]);
}

static void change_store(struct world *w, uint8_t arg)
{
    static const char seats[] = "{\"reservations\":[{\"id\":\"p-1\",\"seats\":1,\"until\":"
                                "\"2099-01-01T00:00:00.000Z\",\"by\":\"x\"}]}";
    int64_t boot = now_of(w).boot;
    if (arg >= 192) {
        store_seats(&w->store, arg == 255 ? NULL : blob_new(str_of(arg == 254 ? "{}" : seats)));
        return;
    }
    switch (arg % 6) {
    case 0: store_delete(&w->store); break;
    case 1: store_put(&w->store, "{\"other\":1}", 0); break;
    case 2:
        store_grant(&w->store, FOREIGN, 1000 + arg * 50, boot);
        store_put(&w->store, "{}", FOREIGN);
        break;
    case 3: store_revoke(&w->store, lease_number(registrar_facts(w->router->registrar).lease)); break;
    case 4: store_revoke(&w->store, FOREIGN); break;
    default:
        if ((w->store.kind->can & REGISTRY_CAN_KEEP) == 0) {
            store_fail_over(&w->store, boot);
        } else {
            store_wipe(&w->store);
        }
        break;
    }
    w->tokens = 7000; /* repairing waits for nothing */
}
