/* The inside of TLS on accepted connections: tls_server.c (files and their rotation), tls_accept.c (connections). */
#ifndef OUTRIDER_IO_NET_TLS_SERVER_INTERNAL_H
#define OUTRIDER_IO_NET_TLS_SERVER_INTERNAL_H

#include "outrider/io/loop/loop.h"
#include "outrider/io/net/tls_server.h"

#include <openssl/ssl.h>
#include <sys/stat.h>

enum { TLS_FILES = 3, TLS_RECORD = 16384 };

/* What a file was when it was read; all zeros: it is not there, or not set. */
struct tls_file_mark {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
};

struct tls_server {
    struct loop *loop;
    char *paths[TLS_FILES]; /* certificate, key, authorities; the last may be NULL */
    struct tls_file_mark marks[TLS_FILES];
    SSL_CTX *context;
    struct tls_server_counters counters;
    unsigned steps_left;              /* of handshakes, in this turn of the loop */
    struct deferred turn;             /* its end */
    unsigned char gather[TLS_RECORD]; /* parts of one record */
};

/* The context for the next handshake, borrowed: of the files as they are now, or else the one before. */
SSL_CTX *tls_server_context(struct tls_server *server);

#endif
