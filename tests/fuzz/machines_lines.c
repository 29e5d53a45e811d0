/* What the server says to the machines' fuzzer. */

static void hear(struct world *w, uint8_t arg)
{
    static const char *const lines[] = {"ready",           "initializing # loading",
                                        "shutting_down",   "error # lost",
                                        "players=0",       "players=3",
                                        "ready players=0", "drain",
                                        "drain=5",         "undrain",
                                        "heartbeat",       "heartbeat=2",
                                        "attach",          "ports=7001,7002",
                                        "ports=7003",      "label.a=b",
                                        "label.a=",        "RELOADING=1",
                                        "READY=1",         "WATCHDOG=trigger",
                                        "MAINPID=5",       "MAINPID=6",
                                        "# text",          "ready attach drain=1",
                                        "STOPPING=1"};
    struct status_message message;
    struct status_line_error error;
    struct server_refusal refusal;
    static const char *const claims[] = {"claim=p-1", "players=4 claim=p-1 claim=p-2", "error claim=p-1"};
    const char *line = arg >= 225 ? claims[arg % COUNT_OF(claims)] : lines[arg % COUNT_OF(lines)];
    assert(status_line_parse(str_of(line), &message, &error) == 0);
    if (server_accepts(w->router->server, &message, &refusal) == 0) {
        server_event(w, (struct server_event){.type = SERVER_ON_MESSAGE, .message = &message});
        w->attached = message.attach ? server_facts(w->router->server).life_number : w->attached;
    }
}
