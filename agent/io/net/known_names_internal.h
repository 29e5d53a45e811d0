/* The last good addresses of host names. When the table is full the least recently used name is replaced. */
#ifndef OUTRIDER_IO_NET_KNOWN_NAMES_INTERNAL_H
#define OUTRIDER_IO_NET_KNOWN_NAMES_INTERNAL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { KNOWN_NAMES_MAX = 32 };

struct known_name {
    char *host; /* owned; NULL: unused */
    struct sockaddr_storage *addresses;
    size_t count;
    uint64_t used;
};

/* Zero at first. */
struct known_names {
    struct known_name names[KNOWN_NAMES_MAX];
    uint64_t clock;
};

/* Replaces the addresses of `host`; everything is copied, `count` is at least 1. */
void known_names_store(struct known_names *known, const char *host, const struct sockaddr_storage *addresses,
                       size_t count);

/* The addresses of `host`, borrowed until the next call that stores or forgets; NULL when it has none. */
const struct known_name *known_names_find(struct known_names *known, const char *host);

void known_names_forget(struct known_names *known, const char *host);
void known_names_fini(struct known_names *known);

#endif
