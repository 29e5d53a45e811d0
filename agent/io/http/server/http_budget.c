/* What peers that do not read may cost: options of their sockets, and one budget of the bytes that wait for all of them.
 *
 * Bytes wait in this process, and before that in the kernel, which takes some more than it can send. Those in this process
 * count at once. The kernel is asked when a reply begins to wait, and then once a second for all that have been sent much.
 * A reply that the kernel takes whole and that travels in less than a second costs no question. */
#include "http_server_internal.h"
#include "outrider/base/blob.h"
#include "outrider/io/http/server/http_push.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"
#include "outrider/os/log.h"

#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <utlist.h>

enum {
    MAX_WAITING = 64 << 20,
    UNSENT_BYTES = 16384,     /* of TCP, beyond what the peer's window takes */
    SEND_BUFFER = 131072,     /* of TCP, for what is on the way and not acknowledged */
    UNIX_SEND_BUFFER = 16384, /* all that a unix peer has not read */
    UNASKED_BYTES = 8192,     /* sent to a connection without asking the kernel what became of it */
    LOOK_MS = 1000,
    STALLED_MS = 1000, /* without a byte taken: what waits for it weighs more */
    STALLED_WEIGHT = 8,
    LOG_MS = 60000
};

/* A peer that is silent for so long that it would be probed, so often and after so many ms is dead. One whose window is
 * shut, or which does not acknowledge, for DEAD_MS likewise: this includes what the kernel sends after a close. */
enum { PROBE_AFTER_S = 30, PROBE_EVERY_S = 10, PROBES = 3, DEAD_MS = 60000 };

static void set_option(int fd, int level, int name, int value)
{
    (void)setsockopt(fd, level, name, &value, sizeof(value)); /* works without, too */
}

void budget_set_options(int fd, bool is_unix)
{
    set_option(fd, SOL_SOCKET, SO_SNDBUF, is_unix ? UNIX_SEND_BUFFER : SEND_BUFFER);
    if (is_unix) {
        return;
    }
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_BYTES);
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, DEAD_MS);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, PROBE_AFTER_S);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, PROBE_EVERY_S);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, PROBES);
}

/* ---- what a connection holds ---- */

static size_t in_kernel(const struct connection *connection)
{
    uint32_t memory[SK_MEMINFO_VARS] = {0};
    socklen_t size = sizeof(memory);
    int fd = connection->transport.fd;
    if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &size) < 0) {
        return 0;
    }
    return memory[connection->listener->is_unix ? SK_MEMINFO_WMEM_ALLOC : SK_MEMINFO_WMEM_QUEUED];
}

bool budget_kernel_holds(const struct connection *connection)
{
    /* A unix peer has it already: a close takes nothing from it, and gives nothing back. */
    return !connection->listener->is_unix && in_kernel(connection) > 0;
}

static size_t in_process(const struct connection *connection)
{
    size_t reply = connection->out.size + connection->body.size - connection->written;
    return reply + (connection->push == NULL ? 0 : http_push_facts(connection->push)->behind);
}

static void enlist(struct connection *connection)
{
    struct http_budget *budget = &connection->listener->server->budget;
    struct http_waiting *waiting = &connection->waiting;
    waiting->progress_ms = clock_mono_ms();
    if (waiting->listed) {
        return;
    }
    waiting->listed = true;
    DL_APPEND2(budget->first, connection, waiting.prev, waiting.next);
    if (!timer_is_armed(budget->look)) {
        timer_arm_ms(budget->look, LOOK_MS);
    }
}

static void strike_off(struct connection *connection)
{
    struct http_budget *budget = &connection->listener->server->budget;
    struct http_waiting *waiting = &connection->waiting;
    if (waiting->listed) {
        DL_DELETE2(budget->first, connection, waiting.prev, waiting.next);
    }
    waiting->listed = false;
    waiting->unasked = 0;
}

static void count(struct connection *connection, size_t own, size_t kernel)
{
    struct http_waiting *waiting = &connection->waiting;
    connection->listener->server->counters.waiting += own + kernel - waiting->own - waiting->kernel;
    waiting->own = own;
    waiting->kernel = kernel;
}

void budget_forget(struct connection *connection)
{
    count(connection, 0, 0);
    strike_off(connection);
}

/* ---- beyond the budget ---- */

/* The one with most bytes waiting, where bytes of which none has been taken for a while weigh more: so a client that reads,
 * or one that has stopped for a moment with little waiting, is not the first to go. NULL where there are not two. None with
 * a request that is being handled: its owner may be at work on a list of them, and it has only little of an earlier reply
 * waiting. */
static struct connection *largest(const struct http_budget *budget, int64_t now_ms)
{
    struct connection *victim = NULL;
    size_t most = 0, count = 0;
    for (struct connection *each = budget->first; each != NULL; each = each->waiting.next) {
        size_t holds = each->exchange.is_open ? 0 : each->waiting.kernel + in_process(each);
        count += holds > 0 ? 1 : 0;
        holds *= now_ms - each->waiting.progress_ms >= STALLED_MS ? STALLED_WEIGHT : 1;
        if (holds > most) {
            victim = each;
            most = holds;
        }
    }
    return count < 2 ? NULL : victim;
}

/* At once, and then the number of those in each minute: a crowd must not fill the log. */
static void log_resets(struct http_budget *budget, int64_t now_ms)
{
    if (budget->unlogged == 0 || now_ms < budget->log_after_ms) {
        return;
    }
    log_warn("http", "connections reset, more bytes waited than http.max_waiting: lists have pages (limit=)",
             LOG_INT("count", (int64_t)budget->unlogged), LOG_INT("max_waiting", (int64_t)budget->limit));
    budget->unlogged = 0;
    budget->log_after_ms = now_ms + LOG_MS;
}

/* Begins at seven eighths, because memory costs more than the bytes in it, and ends at three quarters. One alone may have
 * any size: a list larger than the budget can be read, by one client at a time. */
static void keep_to_it(struct http_server *server)
{
    struct http_budget *budget = &server->budget;
    struct http_server_counters *counters = &server->counters;
    if (counters->waiting <= budget->limit - budget->limit / 8) {
        return;
    }
    int64_t now_ms = clock_mono_ms();
    struct connection *victim = largest(budget, now_ms);
    while (victim != NULL && counters->waiting > budget->limit - budget->limit / 4) {
        counters->waiting_resets++;
        budget->unlogged++;
        connection_close(victim);
        victim = largest(budget, now_ms);
    }
    log_resets(budget, now_ms);
}

void budget_sent(struct connection *connection, size_t bytes)
{
    struct http_waiting *waiting = &connection->waiting;
    waiting->unasked += bytes;
    if (bytes > 0 && (waiting->listed || waiting->unasked > UNASKED_BYTES)) {
        enlist(connection);
    }
}

void budget_waits(struct connection *connection, size_t own)
{
    bool is_reply = connection->push ==
                    NULL; /* a crowd of streams that are sent an event is no crowd that does not read */
    count(connection, own, is_reply ? in_kernel(connection) : connection->waiting.kernel);
    if (!connection->waiting.listed) {
        enlist(connection);
    }
    keep_to_it(connection->listener->server);
}

void budget_written(struct connection *connection)
{
    count(connection, 0, connection->waiting.kernel);
}

void budget_blob_waits(struct http_server *server, struct blob *blob)
{
    if (blob_wait(blob)) {
        server->counters.waiting += blob_view(blob).size;
    }
}

void budget_blob_done(struct http_server *server, struct blob *blob)
{
    if (blob_waited(blob)) {
        server->counters.waiting -= blob_view(blob).size;
    }
}

/* ---- once a second ---- */

/* Streams have rules of their own: what they send is never complete. */
static bool is_given_up(const struct connection *connection, int64_t now_ms)
{
    return connection->push == NULL &&
           now_ms - connection->waiting.progress_ms >= connection->listener->options.write_timeout_ms;
}

static void look_at(struct connection *connection, int64_t now_ms)
{
    struct http_waiting *waiting = &connection->waiting;
    size_t kernel = in_kernel(connection);
    if (kernel < waiting->kernel) {
        waiting->progress_ms = now_ms;
    }
    count(connection, waiting->own, kernel);
    if (kernel == 0 && in_process(connection) == 0) {
        strike_off(connection);
    } else if (is_given_up(connection, now_ms)) {
        connection->listener->server->counters.write_timeouts++;
        connection_close(connection);
    }
}

static void look(void *user)
{
    struct http_server *server = user;
    int64_t now_ms = clock_mono_ms();
    struct connection *each, *next;
    for (each = server->budget.first; each != NULL; each = next) {
        next = each->waiting.next;
        look_at(each, now_ms);
    }
    keep_to_it(server);
    log_resets(&server->budget, now_ms);
    if (server->budget.first != NULL) {
        timer_arm_ms(server->budget.look, LOOK_MS);
    }
}

bool budget_lingers(struct connection *connection)
{
    if (!budget_kernel_holds(connection)) {
        return false;
    }
    if (!connection->waiting.listed) {
        enlist(connection);
    }
    if (is_given_up(connection, clock_mono_ms())) {
        connection->listener->server->counters.write_timeouts++;
        return false;
    }
    return true;
}

/* ---- the budget ---- */

void budget_init(struct http_server *server)
{
    server->budget =
        (struct http_budget){.limit = MAX_WAITING, .look = timer_new(server->loop, look, server)};
}

void budget_fini(struct http_server *server)
{
    timer_free(server->budget.look);
}

void http_server_limit_waiting(struct http_server *server, size_t bytes)
{
    server->budget.limit = bytes == 0 ? MAX_WAITING : bytes;
    keep_to_it(server);
}
