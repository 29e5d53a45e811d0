/* A status line is decoded (codec), checked against what was reported before (core), verified where it names
 * a process (os), applied, and answered. Bad input changes nothing and goes no further than this file. */
#include "server_inbox_internal.h"
#include "status_peer_internal.h"

#include "outrider/base/brief.h"
#include "outrider/base/mem.h"
#include "outrider/codec/record/record_json.h"
#include "outrider/codec/status/notify.h"
#include "outrider/codec/status/status_line.h"
#include "outrider/io/line/line_socket.h"
#include "outrider/io/net/datagram_socket.h"
#include "outrider/os/clock.h"

#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Keeps the last refusal, which `outrider status` shows. */
static void note_refusal(struct status_sockets *sockets, const char *why)
{
    struct api_counters *counters = &sockets->agent->counters;
    snprintf(counters->refusal, sizeof(counters->refusal), "%s", why);
    counters->refusal_wall = clock_wall_ms();
}

/* ---- the process that MAINPID= names ---- */

/* /proc may hide processes of other users, but the user of a sender is known. */
static int owner_of(pid_t pid, struct credentials sender, struct error *err, uid_t *ret_owner)
{
    if (pid != sender.pid) {
        return process_uid(pid, err, ret_owner);
    }
    *ret_owner = sender.uid;
    return 0;
}

/* docs/design/protocol.md, "sd_notify": only a process of the sender's user that is visible in the PID namespace
 * of the agent, whose pid replaces the one that the sender gave; otherwise ignored, and logged. */
static void verify_mainpid(struct status_sockets *sockets, struct status_message *message,
                           struct credentials sender)
{
    struct error err = {.code = ERROR_DENIED, .text = "the sender's process and user are not known"};
    uid_t owner;
    pid_t named = message->mainpid;
    bool good = sender.known && process_translate(sender.pid, named, &err, &message->mainpid) == 0 &&
                owner_of(message->mainpid, sender, &err, &owner) == 0 &&
                process_start_time(message->mainpid, &err, &message->mainpid_start) == 0;
    if (good && !process_user_is_known(sender.uid)) {
        error_set(&err, ERROR_DENIED, "the sender's user has no number in the user namespace of the agent");
        good = false;
    }
    if (good && owner != sender.uid && sender.uid != 0) {
        error_set(&err, ERROR_DENIED, "the process belongs to user %u, the sender is user %u",
                  (unsigned)owner, (unsigned)sender.uid);
        good = false;
    }
    if (!good) {
        char why[200];
        message->has_mainpid = false;
        brief_format(why, sizeof(why), "MAINPID=%d ignored: %s", (int)named, err.text);
        note_refusal(sockets, why);
        sockets->mainpids_bad++;
        log_warn("status", "MAINPID ignored", LOG_RATE(LOG_SELDOM), LOG_INT("pid", named),
                 LOG_INT("sender", sender.pid), LOG_TEXT("error", err.text),
                 LOG_INT("count", (int64_t)sockets->mainpids_bad));
    }
}

/* ---- lines ---- */

void status_sockets_reject(struct status_sockets *sockets, struct line_peer *peer,
                           struct status_line_error *error)
{
    struct status_peer *state = peer->data;
    sockets->agent->counters.lines_bad++;
    state->bad_in_a_row++;
    bool too_many = state->bad_in_a_row >= STATUS_LINE_BAD_MAX;
    struct buf reply = {0};
    status_line_error_reply(&reply, error);
    note_refusal(sockets, buf_text(&reply));
    log_warn("status", "line refused", LOG_RATE(LOG_SELDOM), LOG_TEXT("reply", buf_text(&reply)),
             LOG_INT("pid", line_peer_credentials(peer).pid),
             LOG_INT("count", (int64_t)sockets->agent->counters.lines_bad));
    if (too_many) {
        buf_clear(&reply);
        (void)status_line_fail(error, STATUS_LINE_TOO_MANY, (struct str){NULL, 0});
        status_line_error_reply(&reply, error);
    }
    status_replies_say(&state->replies, peer, 0, buf_view(&reply));
    buf_fini(&reply);
    if (error->fatal) {
        state->closed_by_us = true;
        line_peer_close(peer);
    }
}

/* The reply to a good line: the record, or whether the server drains. A peer that begins to watch during a
 * drain, or while the agent leads, gets the events at once. */
static void reply(const struct agent *agent, struct line_peer *peer, const struct status_message *message)
{
    const struct server *server = agent->router->server;
    struct instant now = agent_now();
    struct server_drain drain = server_drain(server, &now);
    struct buf text = {0}, event = {0};
    if (!message->get) {
        status_line_ok(&text, drain.on, drain.left_ms);
    } else if (server_record(server) != NULL) {
        record_encode(server_record(server), &text);
        leadership_add(agent->leadership, &text);
    } else {
        buf_printf(&text, "ERR withheld %s", server_facts(server).withheld);
    }
    struct status_peer *state = peer->data;
    status_replies_say(&state->replies, peer, message->claim_ticket, buf_view(&text));
    if (message->watch && drain.on) {
        status_line_drain_event(&event, true, drain.left_ms, str_of(drain.reason));
        line_peer_event(peer, "drain", buf_view(&event));
    }
    if (message->watch) {
        leadership_tell(agent->leadership, peer);
    }
    buf_fini(&text);
    buf_fini(&event);
}

/* The process of the server is MAINPID, or without one the first that attached. That of a server that has ended is replaced
 * by the next, whose user may be the same. */
static void keep_places(struct status_sockets *sockets, struct line_peer *peer)
{
    if (sockets->agent->mainpid == 0 && sockets->kept == NULL) {
        line_peer_keep(peer);
        sockets->kept = peer;
    }
}

static void apply_line(struct status_sockets *sockets, struct line_peer *peer, struct status_message *message)
{
    struct status_peer *state = peer->data;
    struct agent *agent = sockets->agent;
    uint64_t attached_in = state->life;
    if (message->claim_count > 0) {
        message->claim_ticket = ++sockets->tickets;
        status_replies_expect(&state->replies, message->claim_ticket, message->claim_count);
    }
    if (status_message_is_report(message)) {
        if (message->has_mainpid) {
            verify_mainpid(sockets, message, line_peer_credentials(peer));
        }
        agent_server_event(agent, (struct server_event){.type = SERVER_ON_MESSAGE, .message = message});
    }
    if (message->attach) {
        struct error err;
        keep_places(sockets, peer);
        state->life = server_facts(agent->router->server).life_number;
        if (line_peer_watch_process(peer, &err) < 0) {
            log_debug("status", "attached connection counts without its process",
                      LOG_TEXT("error", err.text));
        }
        if (state->life == attached_in) {
            /* A peer counts once for each life, and only now it is known that the life is the same. */
            agent_server_event(
                agent, (struct server_event){.type = SERVER_ON_DETACH, .life = attached_in, .by_us = true});
        }
    }
    reply(agent, peer, message);
    bool begins = message->watch && !state->watching;
    state->watching = state->watching || message->watch;
    if (begins) {
        server_inbox_tell(agent->inbox, peer);
    }
    if (message->attach || message->watch) {
        peer->held = true;
    }
    if (message->quit) {
        state->said_quit = true;
        line_peer_close(peer);
    }
}

static struct status_peer *state_of(struct line_peer *peer)
{
    if (peer->data == NULL) {
        peer->data = mem_zalloc(sizeof(struct status_peer));
    }
    return peer->data;
}

static void on_line(struct line_peer *peer, struct str line, void *user)
{
    struct status_sockets *sockets = user;
    struct status_peer *state = state_of(peer);
    struct status_message message;
    struct status_line_error error;
    struct server_refusal refusal;
    if (status_commands_take(sockets, peer, line)) {
        return;
    }
    if (status_line_parse(line, &message, &error) < 0) {
        status_sockets_reject(sockets, peer, &error);
    } else if (server_accepts(sockets->agent->router->server, &message, &refusal) < 0) {
        status_line_refused(&error, &refusal);
        status_sockets_reject(sockets, peer, &error);
    } else {
        state->bad_in_a_row = 0;
        sockets->agent->counters.lines_ok++;
        apply_line(sockets, peer, &message);
    }
}

static void on_overlong(struct line_peer *peer, void *user)
{
    struct status_line_error error;
    (void)state_of(peer);
    (void)status_line_fail(&error, STATUS_LINE_TOO_LONG, (struct str){NULL, 0});
    status_sockets_reject(user, peer, &error);
}

/* docs/design/protocol.md, "Attach and watch": a child that has inherited the connection is not the server. */
static void on_exit_of_peer(struct line_peer *peer, void *user)
{
    struct status_sockets *sockets = user;
    struct status_peer *state = peer->data;
    if (state == NULL || state->life == 0) {
        return;
    }
    char pid[16] = ""; /* one of another PID namespace may have none here */
    struct credentials process = line_peer_credentials(peer);
    if (process.known && process.pid > 0) {
        snprintf(pid, sizeof(pid), "%d", (int)process.pid);
    }
    log_info("status", "attached process ended, its connection is still open", LOG_TEXT("pid", pid));
    agent_server_event(sockets->agent,
                       (struct server_event){.type = SERVER_ON_DETACH, .life = state->life, .exited = true});
    state->life = 0;
    peer->held = state->watching;
    sockets->kept = sockets->kept == peer ? NULL : sockets->kept;
}

static void on_close(struct line_peer *peer, void *user)
{
    struct status_sockets *sockets = user;
    struct status_peer *state = state_of(peer);
    bool by_us = state->closed_by_us || peer->evicted || peer->lagging;
    peer->data = NULL;
    status_commands_forget(sockets, peer);
    sockets->kept = sockets->kept == peer ? NULL : sockets->kept;
    if (peer->evicted && (state->life != 0 || state->watching)) {
        struct credentials from = line_peer_credentials(peer);
        log_warn("status", "attached or watching connection closed to make room, too many are open",
                 LOG_RATE(LOG_SELDOM), LOG_INT("pid", from.pid), LOG_INT("uid", from.uid),
                 LOG_INT("evicted", (int64_t)sockets->lines->stats.evicted));
    }
    if (peer->lagging) {
        log_warn("status", "connection closed, it does not read its events", LOG_RATE(LOG_SELDOM),
                 LOG_INT("pid", line_peer_credentials(peer).pid));
    }
    if (state->life != 0) {
        agent_server_event(
            sockets->agent,
            (struct server_event){.type = SERVER_ON_DETACH, .life = state->life, .by_us = by_us});
    } else if (!by_us && !state->said_quit) {
        agent_hint(sockets->agent);
    }
    status_replies_fini(&state->replies);
    free(state);
}

/* ---- datagrams ---- */

static void reject_datagram(struct status_sockets *sockets, const char *why)
{
    sockets->agent->counters.datagrams_bad++;
    note_refusal(sockets, why);
    log_warn("status", "datagram refused", LOG_RATE(LOG_SELDOM), LOG_TEXT("error", why),
             LOG_INT("count", (int64_t)sockets->agent->counters.datagrams_bad));
}

static void on_datagram(const struct datagram *datagram, void *user)
{
    struct status_sockets *sockets = user;
    struct agent *agent = sockets->agent;
    struct status_message message;
    struct error err;
    struct server_refusal refusal;
    if (datagram->truncated) {
        reject_datagram(sockets, "longer than a datagram may be");
    } else if (notify_parse(datagram->bytes, &message, &err) < 0) {
        reject_datagram(sockets, err.text);
    } else if (server_accepts(agent->router->server, &message, &refusal) < 0) {
        struct status_line_error error;
        status_line_refused(&error, &refusal);
        notify_explain(&error, &err);
        reject_datagram(sockets, err.text);
    } else {
        agent->counters.datagrams_ok++;
        agent->counters.datagram_keys_ignored += message.unknown_keys;
        if (message.has_errno) {
            log_info("status", "ERRNO reported by the server", LOG_RATE(LOG_SELDOM),
                     LOG_INT("errno", message.errno_value));
        }
        message.attach = false; /* a datagram has no connection whose end could end the life */
        if (status_message_is_report(&message)) {
            if (message.has_mainpid) {
                verify_mainpid(sockets, &message, datagram->credentials);
            }
            agent_server_event(agent, (struct server_event){.type = SERVER_ON_MESSAGE, .message = &message});
        }
    }
}

/* ---- opening ---- */

static int group_of(const char *name, struct error *err, gid_t *ret_gid)
{
    if (name == NULL) {
        return 0; /* -1 of the caller stands: the group is left as it is */
    }
    const struct group *group = getgrnam(name);
    char *end;
    unsigned long number = strtoul(name, &end, 10);
    if (group != NULL) {
        *ret_gid = group->gr_gid;
    } else if (*end == '\0' && number < (gid_t)-1) {
        *ret_gid = (gid_t)number; /* in a container the names of the host's groups may be unknown */
    } else {
        return error_set(err, ERROR_NOT_FOUND, "status.group: no group %s on this machine", name);
    }
    return 0;
}

/* Said at the start: a socket that is off without a word is looked for in vain. */
static void log_socket(const char *setting, const char *path, bool is_auto, bool inherited)
{
    if (inherited) {
        log_info("status", "socket open", LOG_TEXT("setting", setting),
                 LOG_TEXT("path", "inherited from the service manager"));
    } else if (path != NULL) {
        log_info("status", "socket open", LOG_TEXT("setting", setting), LOG_TEXT("path", path));
    } else if (is_auto) {
        log_info("status", "socket off", LOG_TEXT("setting", setting),
                 LOG_TEXT("cause", "auto, and $RUNTIME_DIRECTORY names no directory"),
                 LOG_TEXT("hint", "set it to a path for a server that reports its status"));
    } else {
        log_info("status", "socket off", LOG_TEXT("setting", setting),
                 LOG_TEXT("cause", "null in the configuration"));
    }
}

static int open_both(struct status_sockets *sockets, struct error *err)
{
    const struct config_status *config = &sockets->agent->config->status;
    int stream = sockets->agent->inherited_stream, datagram = sockets->agent->inherited_datagram;
    gid_t gid = (gid_t)-1;
    if (group_of(config->group, err, &gid) < 0) {
        return -1;
    }
    if (config->socket != NULL || stream >= 0) {
        struct line_socket_options options = {
            .place = {config->socket, (mode_t)config->mode, gid, .inherited_fd = stream},
            .max_line = STATUS_LINE_MAX};
        struct line_socket_handlers handlers = {
            .on_line = on_line, .on_overlong = on_overlong, .on_close = on_close, .on_exit = on_exit_of_peer};
        sockets->lines = line_socket_new(sockets->agent->loop, &options, &handlers, sockets, err);
        if (sockets->lines == NULL) {
            return error_wrap(err, "status.socket");
        }
    }
    if (config->notify_socket != NULL || datagram >= 0) {
        struct unix_place place = {config->notify_socket, (mode_t)config->mode, gid,
                                   .inherited_fd = datagram};
        sockets->datagrams = datagram_socket_new(sockets->agent->loop, &place, on_datagram, sockets, err);
        if (sockets->datagrams == NULL) {
            return error_wrap(err, "status.notify_socket");
        }
    }
    log_socket("status.socket", config->socket, config->socket_auto, stream >= 0);
    log_socket("status.notify_socket", config->notify_socket, config->notify_socket_auto, datagram >= 0);
    return 0;
}

struct status_sockets *status_sockets_new(struct agent *agent, struct error *err)
{
    struct status_sockets *sockets = mem_zalloc(sizeof(*sockets));
    sockets->agent = agent;
    if (open_both(sockets, err) < 0) {
        status_sockets_free(sockets);
        return NULL;
    }
    return sockets;
}

void status_sockets_free(struct status_sockets *sockets)
{
    if (sockets == NULL) {
        return;
    }
    struct line_peer *peer = sockets->lines == NULL ? NULL : sockets->lines->first;
    for (; peer != NULL; peer = peer->next) {
        struct status_peer *state = peer->data;
        if (state != NULL) {
            status_replies_fini(&state->replies);
        }
        free(state);
    }
    status_commands_free(sockets);
    line_socket_free(sockets->lines);
    datagram_socket_free(sockets->datagrams);
    free(sockets);
}

int status_sockets_check(struct status_sockets *sockets, bool datagrams, struct error *err)
{
    if (status_sockets_bound(sockets, datagrams) == NULL) {
        return 0;
    }
    return datagrams ? datagram_socket_check(sockets->datagrams, err)
                     : line_socket_check(sockets->lines, err);
}

const struct unix_bound *status_sockets_bound(const struct status_sockets *sockets, bool datagrams)
{
    if (sockets == NULL) {
        return NULL;
    }
    if (datagrams) {
        return sockets->datagrams == NULL ? NULL : datagram_socket_bound(sockets->datagrams);
    }
    return sockets->lines == NULL ? NULL : line_socket_bound(sockets->lines);
}

void status_sockets_count(const struct status_sockets *sockets, struct api_counters *counters)
{
    if (sockets == NULL || sockets->lines == NULL) {
        return;
    }
    const struct line_socket_stats *stats = &sockets->lines->stats;
    counters->lines_overlong = stats->overlong;
    counters->line_peers = stats->accepted;
    counters->line_peers_refused = stats->refused;
    counters->line_peers_evicted = stats->evicted;
    counters->line_accept_failures = stats->accept_failures;
    counters->replies_dropped = stats->replies_dropped;
}
