/* Who a request is from, how that was proved, and what the role lets it do. */
#ifndef OUTRIDER_CORE_ACCESS_ACCESS_H
#define OUTRIDER_CORE_ACCESS_ACCESS_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdint.h>

/* Each role may do what the ones before it may. */
enum access_role {
    ACCESS_NONE,     /* what takes it is open to everyone, such as health */
    ACCESS_VIEWER,   /* reads */
    ACCESS_SERVICE,  /* places players: reservations, joins, sessions */
    ACCESS_OPERATOR, /* acts on servers: holds, waves, commands */
    ACCESS_ADMIN,    /* keys, and all of the audit */
    ACCESS_ROLE_COUNT
};

/* How a name was proved. */
enum access_proof {
    ACCESS_UNPROVED,    /* not at all: the listener lets everyone in who reaches it */
    ACCESS_SOCKET,      /* the permission of the file of a unix socket */
    ACCESS_TOKEN,       /* a bearer token */
    ACCESS_COOKIE,      /* a session of a browser */
    ACCESS_CERTIFICATE, /* a client certificate */
    ACCESS_PROXY,       /* a header of the proxy in front */
    ACCESS_PROOF_COUNT
};

/* The longest name, and the longest text of a peer, in bytes. */
enum { ACCESS_NAME_MAX = 64, ACCESS_FROM_MAX = 79 };

/* {0}: nothing is known. */
struct access_identity {
    /* "": no name is known; else "anonymous", "token", "uid 1000", or of the access file. */
    char name[ACCESS_NAME_MAX + 1];
    enum access_role role,
        takes; /* takes: the least role for what it asks, which a stream of it loses with that role */
    enum access_proof proof;
    /* The peer: "127.0.0.1:5555", "[::1]:5555", "pid 17 uid 1000"; "": not asked for. */
    char from[ACCESS_FROM_MAX + 1];
    uint64_t key;         /* what the name is bound to: access_hash_key of its token; 0: it has none */
    uint64_t session;     /* the session of a browser (access_session_tag); 0: there is none */
    int64_t expires_wall; /* when that session ends, in ms; 0: there is none */
};

/* "none", "viewer", "service", "operator", "admin". */
const char *access_role_name(enum access_role role);

/* The role of a word other than "none". Returns 0, or -1 for no such role. */
int access_role_of(struct str word, enum access_role *ret_role) MUST_CHECK;

/* "none", "socket", "token", "cookie", "certificate", "proxy". */
const char *access_proof_name(enum access_proof proof);

#endif
