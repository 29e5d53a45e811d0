/* Who holds how many places: a peer is an IPv4 address, an IPv6 network of 64 bits, or a user over a unix socket.
 *
 * A peer holds at most its share. Where all places are taken, the peer with the most gives one up for a peer that
 * would then have fewer, so that a crowd pays for itself and a peer with one connection is not touched. Every
 * operation takes the same time however many peers there are. */
#ifndef OUTRIDER_IO_HTTP_SERVER_HTTP_PLACES_INTERNAL_H
#define OUTRIDER_IO_HTTP_SERVER_HTTP_PLACES_INTERNAL_H

#include "outrider/base/hash.h"
#include "outrider/io/http/server/http_server.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http_peer_kind { HTTP_PEER_UNKNOWN, HTTP_PEER_IPV4, HTTP_PEER_IPV6, HTTP_PEER_UID };

/* Compared as bytes. */
struct http_peer {
    uint8_t kind;
    uint8_t is_local; /* loopback; root and the user of the agent over a unix socket */
    uint8_t id[8];    /* the address, its first 64 bits, or the user's number */
};

/* "192.0.2.1", "2001:db8:0:1::/64", "uid 1000", "unknown". */
enum { HTTP_PEER_TEXT = HTTP_SHARE_TEXT };

/* A peer with at least one place. */
struct http_holder {
    struct http_peer peer;
    size_t held;                     /* places */
    size_t unfinished;               /* of them: its request has not arrived in full; the owner counts it */
    struct http_holder *next, *prev; /* of those with as many */
    UT_hash_handle hh;
};

struct http_places {
    size_t max, share, kept; /* kept: beyond `max`, for local peers */
    size_t taken;            /* by all holders together */
    size_t most;             /* by one holder */
    struct http_holder *holders;
    struct http_holder **by_count; /* lists: those with n places at n */
    size_t counts, capacity;       /* of `by_count` */
};

/* Whether there is a place for a peer. */
enum http_place_answer {
    HTTP_PLACE_FREE,
    HTTP_PLACE_FULL,  /* all are taken */
    HTTP_PLACE_SHARE, /* there are places, and the peer has its share */
};

/* The peer of a connected socket. One whose address cannot be read is HTTP_PEER_UNKNOWN. */
struct http_peer http_peer_of(int fd);

/* Writes the text of a peer. */
void http_peer_text(const struct http_peer *peer, char ret_text[static HTTP_PEER_TEXT]);

/* Makes `places` have room for `max`, of which one peer gets `percent` (1 to 100): at least as many as a browser and a
 * monitor need, where that many exist. */
void http_places_init(struct http_places *places, size_t max, unsigned percent);

/* Frees what is left. */
void http_places_fini(struct http_places *places);

/* NULL: it has no place. Borrowed until its last place is given back. */
struct http_holder *http_places_find(const struct http_places *places, const struct http_peer *peer);

enum http_place_answer http_places_ask(const struct http_places *places, const struct http_peer *peer);

/* Whether the peer has its share. */
bool http_places_has_share(const struct http_places *places, const struct http_peer *peer);

/* Whether a place that is kept for local peers is left for this one. */
bool http_places_kept(const struct http_places *places, const struct http_peer *peer);

/* A peer that has at least two places more than `peer`, and no other has more; NULL: there is none. */
struct http_holder *http_places_richest(const struct http_places *places, const struct http_peer *peer);

/* Takes a place, whatever http_places_ask says. */
struct http_holder *http_places_take(struct http_places *places, const struct http_peer *peer);

/* Gives one place of the holder back; the last one frees it. */
void http_places_give(struct http_places *places, struct http_holder *holder);

#endif
