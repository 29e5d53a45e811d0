#include "line_socket_internal.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/os/clock.h"
#include "outrider/os/process.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

/* Replies queued for a peer that does not read, in bytes. */
enum { WAITING_MAX = 4096, EVENTS_MAX = 256 * 1024 };

/* Reads before close(2): unread bytes would make the kernel send a reset instead of an end of file. */
enum { DISCARD_READS = 8 };

static void unwatch_process(struct peer *peer)
{
    deferred_cancel(&peer->exit);
    if (peer->process != NULL) {
        loop_watch_free(peer->process);
        peer->process = NULL;
        peer->listener->watched--;
    }
}

/* Closes the socket and moves the peer from the connected to the dying ones. */
static void disconnect(struct peer *peer)
{
    struct listener *listener = peer->listener;
    if (peer->fd < 0) {
        return;
    }
    unwatch_process(peer);
    event_del(&peer->reading);
    event_del(&peer->writing);
    DL_DELETE(listener->view.first, &peer->view);
    DL_APPEND(listener->dying, &peer->view);
    places_leave(&listener->places, &peer->place);
    listener->count--;
    char rest[LINE_READ_SIZE];
    for (int i = 0; i < DISCARD_READS && !peer->at_eof; i++) {
        if (recv(peer->fd, rest, sizeof(rest), 0) <= 0) {
            break;
        }
    }
    close(peer->fd);
    peer->fd = -1;
    peer->ended = peer->closing = true;
}

static void drop_event(struct peer *peer, const char *kind)
{
    for (size_t i = 0; i < peer->event_count; i++) {
        struct line_event *event = &peer->events[i];
        if (strcmp(event->kind, kind) == 0) {
            free(event->kind);
            free(event->text);
            memmove(event, event + 1, (--peer->event_count - i) * sizeof(*event));
            return;
        }
    }
}

static void drop_events(struct peer *peer)
{
    while (peer->event_count > 0) {
        drop_event(peer, peer->events[0].kind);
    }
}

/* What waits goes out next. */
static void take_events(struct peer *peer)
{
    for (size_t i = 0; i < peer->event_count; i++) {
        buf_str(&peer->out, str_of(peer->events[i].text));
        buf_add(&peer->out, "\n", 1);
    }
    drop_events(peer);
}

void line_peer_free(struct peer *peer)
{
    disconnect(peer);
    DL_DELETE(peer->listener->dying, &peer->view);
    deferred_cancel(&peer->end);
    buf_fini(&peer->in);
    buf_fini(&peer->out);
    drop_events(peer);
    free(peer->events);
    free(peer);
}

bool line_peer_make_room(struct listener *listener, const struct peer *spared)
{
    struct peer *victim = NULL;
    int64_t now = clock_mono_ms();
    for (struct line_peer *each = listener->view.first; each != NULL; each = each->next) {
        struct peer *peer = (struct peer *)each;
        peer->place.held = each->held && !peer->ended;
        if (peer != spared && places_may_go(&listener->places, &peer->place) &&
            (victim == NULL || places_goes_before(&listener->places, &peer->place, &victim->place, now))) {
            victim = peer;
        }
    }
    if (victim == NULL) {
        return false;
    }
    listener->view.stats.evicted++;
    victim->view.evicted = true;
    disconnect(victim);
    loop_defer(listener->loop, &victim->end);
    return true;
}

static bool has_hung_up(int fd)
{
    struct pollfd state = {.fd = fd};
    return poll(&state, 1, 0) == 1 && (state.revents & (POLLHUP | POLLERR)) != 0;
}

/* Whether the connection is kept for a reply that is still to come: one that the other side has ended is so only while nothing
 * depends on its end, and while that side may still read. */
static bool is_awaited(const struct peer *peer)
{
    return peer->awaits && (!peer->at_eof || (!peer->view.held && !has_hung_up(peer->fd)));
}

/* Runs at the end of a turn. The connection ends when nothing more is read and nothing waits to be sent. */
static void finish(void *user)
{
    struct peer *peer = user;
    if (peer->fd >= 0 && (!peer->ended || peer->out.size > 0 || is_awaited(peer))) {
        return;
    }
    disconnect(peer);
    if (peer->listener->handlers.on_close != NULL) {
        peer->listener->handlers.on_close(&peer->view, peer->listener->user);
    }
    line_peer_free(peer);
}

static void end_reading(struct peer *peer)
{
    peer->ended = true;
    event_del(&peer->reading);
    loop_defer(peer->listener->loop, &peer->end);
}

/* Sends as much as the kernel takes, then waits until the socket is writable. */
static void flush(struct peer *peer)
{
    while (peer->out.size > 0) {
        ssize_t sent = send(peer->fd, peer->out.data, peer->out.size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0 && errno != EAGAIN) {
            /* The peer reads no more, but the lines it has sent still count: reading goes on to the end of
             * the stream. */
            peer->discarding = true;
            drop_events(peer);
            break;
        }
        if (sent < 0) {
            event_add(&peer->writing, NULL);
            return;
        }
        buf_consume(&peer->out, (size_t)sent);
        if (peer->out.size == 0) {
            take_events(peer);
        }
    }
    event_del(&peer->writing);
    buf_fini(&peer->out);
}

static void on_writable(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    struct peer *peer = user;
    flush(peer);
    if (peer->ended && peer->out.size == 0) {
        loop_defer(peer->listener->loop, &peer->end);
    }
}

static void handle_line(struct peer *peer, struct str line)
{
    if (line.size > 0 && line.data[line.size - 1] == '\r') {
        line.size--;
    }
    line = peer->begun ? line : str_skip_bom(line);
    peer->begun = true;
    if (line.size <= peer->listener->max_line) {
        peer->listener->handlers.on_line(&peer->view, line, peer->listener->user);
        return;
    }
    peer->listener->view.stats.overlong++;
    peer->listener->handlers.on_overlong(&peer->view, peer->listener->user);
    line_peer_close(&peer->view);
}

/* Handles the complete lines of `bytes` and returns the rest, an incomplete line. */
static struct str handle_lines(struct peer *peer, struct str bytes)
{
    while (!peer->ended) {
        const char *end = bytes.size == 0 ? NULL : memchr(bytes.data, '\n', bytes.size);
        if (end == NULL) {
            break;
        }
        handle_line(peer, str_split(bytes, '\n', &bytes));
    }
    return bytes;
}

static void take_bytes(struct peer *peer, struct str bytes)
{
    if (peer->in.size > 0) {
        buf_str(&peer->in, bytes);
        bytes = buf_view(&peer->in);
    }
    struct str rest = handle_lines(peer, bytes);
    if (peer->ended || rest.size == 0) {
        buf_fini(&peer->in);
        return;
    }
    if (peer->in.size > 0) {
        buf_consume(&peer->in, peer->in.size - rest.size);
    } else {
        buf_str(&peer->in, rest);
    }
    size_t mark = peer->begun ? 0 : peer->in.size - str_skip_bom(buf_view(&peer->in)).size;
    /* max_line and the CR */
    if (peer->in.size - mark > peer->listener->max_line + 1) {
        handle_line(peer, buf_view(&peer->in));
        buf_fini(&peer->in);
    }
}

static void take_eof(struct peer *peer)
{
    peer->at_eof = true;
    if (peer->in.size > 0) {
        handle_line(peer, buf_view(&peer->in));
    }
    end_reading(peer);
}

/* ---- the process of the peer ---- */

/* Runs at the end of a turn. At the end of the stream on_close follows, which says the same of the process. */
static void report_exit(void *user)
{
    struct peer *peer = user;
    char byte;
    ssize_t got = peer->ended ? 0 : recv(peer->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    bool is_open = got > 0 || (got < 0 && errno == EAGAIN);
    if (is_open && peer->listener->handlers.on_exit != NULL) {
        peer->listener->handlers.on_exit(&peer->view, peer->listener->user);
    }
}

static void count_unread(struct peer *peer, size_t got)
{
    if (peer->exited && peer->unread > 0) {
        peer->unread -= got < peer->unread ? got : peer->unread;
        if (peer->unread == 0) {
            loop_defer(peer->listener->loop, &peer->exit);
        }
    }
}

/* What it sent before it ended still counts, and comes first. */
static void on_process_end(void *user)
{
    struct peer *peer = user;
    int waiting = 0;
    unwatch_process(peer);
    peer->exited = true;
    if (ioctl(peer->fd, FIONREAD, &waiting) == 0 && waiting > 0) {
        peer->unread = (size_t)waiting;
    } else {
        loop_defer(peer->listener->loop, &peer->exit);
    }
}

static bool has_ended(int pidfd)
{
    struct pollfd ready = {.fd = pidfd, .events = POLLIN};
    return poll(&ready, 1, 0) == 1;
}

int line_peer_watch_process(struct line_peer *view, struct error *err)
{
    struct peer *peer = (struct peer *)view;
    struct listener *listener = peer->listener;
    if (peer->process != NULL) {
        return 0;
    }
    bool full = listener->count + listener->watched >= listener->max_files;
    if (full && !line_peer_make_room(listener, peer)) {
        return error_set(err, ERROR_LIMIT, "no file left to watch the process of the connection");
    }
    int fd = peer->fd < 0 ? -1 : process_open_peer(peer->fd, err);
    if (fd >= 0 && !has_ended(fd)) {
        peer->process = loop_watch_pidfd(listener->loop, fd, on_process_end, peer);
        listener->watched++;
        return 0;
    }
    if (fd >= 0) {
        close(fd);
    }
    if (peer->fd < 0 || fd >= 0) {
        return error_set(err, ERROR_NOT_FOUND, "the process that connected has ended");
    }
    return -1;
}

/* ---- input ---- */

static void on_readable(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    struct peer *peer = user;
    char *bytes = peer->listener->scratch;
    ssize_t got = recv(fd, bytes, LINE_READ_SIZE, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    peer->place.active = ++peer->listener->clock;
    peer->corked = true;
    if (got > 0) {
        count_unread(peer, (size_t)got);
        take_bytes(peer, (struct str){bytes, (size_t)got});
    } else {
        /* ECONNRESET means that the peer closed without reading its replies. The lines received before
         * count. */
        take_eof(peer);
    }
    peer->corked = false;
    if (peer->fd >= 0) {
        flush(peer);
    }
}

/* ---- start ---- */

static struct credentials credentials_of(int fd)
{
    struct ucred cred;
    socklen_t size = sizeof(cred);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0) {
        return (struct credentials){.known = false, .uid = (uid_t)-1};
    }
    return (struct credentials){.known = true, .pid = cred.pid, .uid = cred.uid, .gid = cred.gid};
}

/* A process that has no pid here, as it is in another PID namespace, has another number, where the kernel has one: behind
 * those of pids. Without one all such processes count as one. */
static uint64_t process_of(const struct peer *peer)
{
    uint64_t number = 0;
    if (peer->from.known && peer->from.pid > 0) {
        return (uint64_t)peer->from.pid;
    }
    return process_peer_number(peer->fd, &number) == 0 ? number | UINT64_C(1) << 63 : 0;
}

void line_peer_start(struct listener *listener, int fd)
{
    struct peer *peer = mem_zalloc(sizeof(*peer));
    peer->listener = listener;
    peer->fd = fd;
    peer->from = credentials_of(fd);
    peer->place = (struct place){.since_ms = clock_mono_ms(), .active = ++listener->clock};
    places_enter(&listener->places, &peer->place, process_of(peer), peer->from.uid);
    peer->end = (struct deferred){.fn = finish, .user = peer};
    peer->exit = (struct deferred){.fn = report_exit, .user = peer};
    struct event_base *base = loop_base(listener->loop);
    event_assign(&peer->reading, base, fd, EV_READ | EV_PERSIST, on_readable, peer);
    event_assign(&peer->writing, base, fd, EV_WRITE | EV_PERSIST, on_writable, peer);
    event_add(&peer->reading, NULL);
    DL_APPEND(listener->view.first, &peer->view);
    listener->count++;
}

static void add_line(struct peer *peer, struct str text)
{
    buf_str(&peer->out, text);
    buf_add(&peer->out, "\n", 1);
    if (!peer->corked) {
        flush(peer);
    }
}

void line_peer_reply(struct line_peer *view, struct str text)
{
    struct peer *peer = (struct peer *)view;
    if (peer->closing || peer->discarding) {
        return;
    }
    if (peer->out.size > WAITING_MAX) {
        flush(peer);
    }
    if (peer->out.size > WAITING_MAX) {
        peer->listener->view.stats.replies_dropped++;
        return;
    }
    add_line(peer, text);
}

static size_t waiting_bytes(const struct peer *peer)
{
    size_t sum = 0;
    for (size_t i = 0; i < peer->event_count; i++) {
        sum += strlen(peer->events[i].text);
    }
    return sum;
}

/* Not at once: the caller may be in the middle of the list of peers. */
static void give_up(struct peer *peer)
{
    peer->listener->view.stats.lagging++;
    peer->view.lagging = peer->discarding = true;
    peer->awaits = false;
    buf_fini(&peer->out);
    drop_events(peer);
    event_del(&peer->writing);
    end_reading(peer);
}

void line_peer_event(struct line_peer *view, const char *kind, struct str text)
{
    struct peer *peer = (struct peer *)view;
    if (!peer->closing && peer->out.size > 0) {
        flush(peer);
    }
    if (peer->closing || peer->discarding) {
        return;
    }
    if (peer->out.size == 0) {
        add_line(peer, text);
        return;
    }
    drop_event(peer, kind);
    if (waiting_bytes(peer) + text.size > EVENTS_MAX) {
        give_up(peer);
        return;
    }
    peer->events = mem_grow(peer->events, peer->event_count, &peer->event_capacity, sizeof(peer->events[0]));
    peer->events[peer->event_count++] =
        (struct line_event){.kind = mem_strdup(kind), .text = mem_copy(text.data, text.size)};
}

void line_peer_close(struct line_peer *view)
{
    struct peer *peer = (struct peer *)view;
    if (peer->fd >= 0 && !peer->closing) {
        peer->closing = !peer->awaits;
        end_reading(peer);
    }
}

void line_peer_await(struct line_peer *view, bool awaits)
{
    struct peer *peer = (struct peer *)view;
    peer->awaits = awaits;
    if (!awaits && peer->ended && peer->fd >= 0) {
        loop_defer(peer->listener->loop, &peer->end);
    }
}

struct credentials line_peer_credentials(const struct line_peer *view)
{
    return ((const struct peer *)view)->from;
}

void line_peer_keep(struct line_peer *view)
{
    struct peer *peer = (struct peer *)view;
    struct places *places = &peer->listener->places;
    if (peer->fd >= 0) {
        places->has_server = true;
        places->server_process = peer->place.process->id;
        places->server_user = peer->place.user->id;
    }
}
