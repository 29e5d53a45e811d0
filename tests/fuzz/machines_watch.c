/* Part of fuzz_machines.c: both keys by hand, and a watch that says anything in any order, also in the name of one
 * that is over. */
/* By hand, and the watch tells at once, late, or not at all. */
static void change_control(struct world *w, uint8_t arg)
{
    static const char *const values[] = {"{\"hold\":{\"reason\":\"x\"}}", "{\"hold\":null}", NULL,
                                         "drain please",
                                         "{\"hold\":{\"reason\":\"y\",\"by\":\"a\",\"expires\":"
                                         "\"2026-11-21T02:14:30Z\"}}"};
    struct instant now = now_of(w);
    const char *value = values[arg / 8 % COUNT_OF(values)];
    store_control(&w->store, value);
    struct registry_change change = {.deleted = value == NULL,
                                     .value = str_of(value),
                                     .mod_revision = w->store.revision - (arg & 128 ? 1 : 0)};
    router_enter(w->router, &now);
    if (arg % 4 == 3) {
        router_control_changed(w->router, &change);
    } else if (arg % 4 == 2) {
        router_control_read_back(w->router);
    }
    router_pump(w->router);
}

static void watched(struct world *w, uint8_t arg)
{
    static const enum registry_failure failures[] = {REGISTRY_RETRY, REGISTRY_OK, REGISTRY_DENIED,
                                                     REGISTRY_UNKNOWN};
    struct instant now = now_of(w);
    bool late = arg & 64, deleted = w->store.value == NULL || (arg & 16);
    struct blob *value = blob_ref(w->store.value);
    struct registry_change change = {.deleted = deleted,
                                     .key = arg & 32 ? STR("/outrider/services/control/world/w1")
                                                     : STR("/services/world/w1"),
                                     .value = deleted ? (struct str){NULL, 0} : blob_view(value),
                                     .mod_revision = w->store.revision - (late ? arg % 8 : 0),
                                     .lease = lease_of(deleted ? 0 : w->store.key_lease)};
    struct registry_watch_event event = {.id = w->watch - (late && arg & 8 ? 1 : 0),
                                         .type = (enum registry_watch_event_type)(arg % 4u % 3u),
                                         .revision = w->store.revision,
                                         .cluster = late ? 1 + arg % 2u : 0,
                                         .failure = failures[arg / 4 % 4u],
                                         .changes = &change};
    event.change_count = event.type == REGISTRY_WATCH_CHANGED ? 1 : 0;
    w->tokens = 7000; /* repairing has a rate of its own */
    router_watched(w->router, &event, &now);
    blob_unref(value);
}
