#include "http_places_internal.h"

#include "outrider/base/attr.h"
#include "outrider/base/mem.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

/* SHARE_LEAST: of a small server, so that one client alone can use it. */
enum { SHARE_LEAST = 16, KEPT_MOST = 16, SHARE_OF_KEPT = 8 };

/* ---- peers ---- */

static struct http_peer of_ipv4(const void *address)
{
    struct http_peer peer = {.kind = HTTP_PEER_IPV4};
    memcpy(peer.id, address, sizeof(struct in_addr));
    peer.is_local = peer.id[0] == 127;
    return peer;
}

/* A host chooses the last 64 bits of its address, so they say nothing of who it is. */
static struct http_peer of_ipv6(const struct in6_addr *address)
{
    struct http_peer peer = {.kind = HTTP_PEER_IPV6, .is_local = IN6_IS_ADDR_LOOPBACK(address) ? 1 : 0};
    if (IN6_IS_ADDR_V4MAPPED(address)) {
        return of_ipv4(address->s6_addr + 12);
    }
    memcpy(peer.id, address->s6_addr, sizeof(peer.id));
    return peer;
}

static struct http_peer of_user(int fd)
{
    struct ucred user;
    socklen_t size = sizeof(user);
    struct http_peer peer = {.kind = HTTP_PEER_UID};
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &user, &size) < 0) {
        return (struct http_peer){.kind = HTTP_PEER_UNKNOWN};
    }
    peer.is_local = user.uid == 0 || user.uid == geteuid();
    memcpy(peer.id, &user.uid, sizeof(user.uid));
    return peer;
}

struct http_peer http_peer_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
        struct sockaddr_storage storage;
    } address;
    socklen_t size = sizeof(address);
    if (getpeername(fd, &address.any, &size) < 0) {
        return (struct http_peer){.kind = HTTP_PEER_UNKNOWN};
    }
    switch (address.any.sa_family) {
    case AF_INET: return of_ipv4(&address.ipv4.sin_addr);
    case AF_INET6: return of_ipv6(&address.ipv6.sin6_addr);
    case AF_UNIX: return of_user(fd);
    default: return (struct http_peer){.kind = HTTP_PEER_UNKNOWN};
    }
}

void http_peer_text(const struct http_peer *peer, char ret_text[static HTTP_PEER_TEXT])
{
    char address[INET6_ADDRSTRLEN] = "";
    struct in6_addr network = {0};
    uid_t uid;
    switch ((enum http_peer_kind)peer->kind) {
    case HTTP_PEER_IPV4:
        inet_ntop(AF_INET, peer->id, address, sizeof(address));
        snprintf(ret_text, HTTP_PEER_TEXT, "%s", address);
        return;
    case HTTP_PEER_IPV6:
        memcpy(network.s6_addr, peer->id, sizeof(peer->id));
        inet_ntop(AF_INET6, &network, address, sizeof(address));
        snprintf(ret_text, HTTP_PEER_TEXT, "%s/64", address);
        return;
    case HTTP_PEER_UID:
        memcpy(&uid, peer->id, sizeof(uid));
        snprintf(ret_text, HTTP_PEER_TEXT, "uid %ld", (long)uid);
        return;
    case HTTP_PEER_UNKNOWN: break;
    }
    snprintf(ret_text, HTTP_PEER_TEXT, "unknown");
}

/* ---- places ---- */

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

void http_places_init(struct http_places *places, size_t max, unsigned percent)
{
    size_t share = max / 100 * percent + max % 100 * percent / 100;
    size_t least = least_of(max, SHARE_LEAST);
    *places = (struct http_places){
        .max = max, .share = share < least ? least : share, .kept = least_of(max / SHARE_OF_KEPT, KEPT_MOST)};
}

void http_places_fini(struct http_places *places)
{
    struct http_holder *each, *next;
    HASH_ITER(hh, places->holders, each, next)
    {
        HASH_DEL(places->holders, each);
        free(each);
    }
    free(places->by_count);
    *places = (struct http_places){0};
}

struct http_holder *http_places_find(const struct http_places *places, const struct http_peer *peer)
{
    struct http_holder *found;
    HASH_FIND(hh, places->holders, peer, sizeof(*peer), found);
    return found;
}

static size_t held_by(const struct http_places *places, const struct http_peer *peer)
{
    const struct http_holder *holder = http_places_find(places, peer);
    return holder == NULL ? 0 : holder->held;
}

enum http_place_answer http_places_ask(const struct http_places *places, const struct http_peer *peer)
{
    return places->taken >= places->max             ? HTTP_PLACE_FULL
           : held_by(places, peer) >= places->share ? HTTP_PLACE_SHARE
                                                    : HTTP_PLACE_FREE;
}

bool http_places_has_share(const struct http_places *places, const struct http_peer *peer)
{
    return held_by(places, peer) >= places->share;
}

bool http_places_kept(const struct http_places *places, const struct http_peer *peer)
{
    return peer->is_local && !http_places_has_share(places, peer) &&
           places->taken < places->max + places->kept;
}

struct http_holder *http_places_richest(const struct http_places *places, const struct http_peer *peer)
{
    return places->most > held_by(places, peer) + 1 ? places->by_count[places->most] : NULL;
}

/* Moves the holder to the list of those that hold `held`. */
static void set_held(struct http_places *places, struct http_holder *holder, size_t held)
{
    while (places->counts <= held) {
        places->by_count =
            mem_grow(places->by_count, places->counts, &places->capacity, sizeof(struct http_holder *));
        places->by_count[places->counts++] = NULL;
    }
    if (holder->held > 0) {
        DL_DELETE(places->by_count[holder->held], holder);
    }
    places->taken = places->taken - holder->held + held;
    holder->held = held;
    if (held > 0) {
        DL_APPEND(places->by_count[held], holder);
        places->most = held > places->most ? held : places->most;
    }
    while (places->most > 0 && places->by_count[places->most] == NULL) {
        places->most--; /* by one: what was given back is one place */
    }
}

struct http_holder *http_places_take(struct http_places *places, const struct http_peer *peer)
{
    struct http_holder *holder = http_places_find(places, peer);
    if (holder == NULL) {
        holder = mem_zalloc(sizeof(*holder));
        holder->peer = *peer;
        HASH_ADD(hh, places->holders, peer, sizeof(holder->peer), holder);
    }
    set_held(places, holder, holder->held + 1);
    return holder;
}

void http_places_give(struct http_places *places, struct http_holder *holder)
{
    set_held(places, holder, holder->held - 1);
    if (holder->held == 0) {
        HASH_DEL(places->holders, holder);
        free(holder);
    }
}
