/* The names that may use the API, as the access file has them: who each is, and by what it is known. */
#ifndef OUTRIDER_CORE_ACCESS_ACCESS_LIST_H
#define OUTRIDER_CORE_ACCESS_ACCESS_LIST_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"
#include "outrider/core/access/access.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

/* Names in a file, certificates of a name, bytes of what a certificate is for. */
enum { ACCESS_LIST_MAX = 1024, ACCESS_CERTS_MAX = 4, ACCESS_CERT_MAX = 255 };

/* Bytes of the SHA-256 of a token. */
enum { ACCESS_HASH_SIZE = 32 };

struct access_entry {
    char name[ACCESS_NAME_MAX + 1];
    enum access_role role;
    bool has_token;
    unsigned char hash[ACCESS_HASH_SIZE]; /* of the token */
    char *certs[ACCESS_CERTS_MAX];        /* "DNS:lobby.example", "URI:spiffe://example/lobby" */
    size_t cert_count;
};

/* {0}: no names. Ended with access_list_fini. */
struct access_list {
    struct access_entry *entries;
    size_t count, capacity;
};

/* Frees the names and zeroes the list. */
void access_list_fini(struct access_list *list);

/* Frees what an entry holds that is in no list. */
void access_entry_fini(struct access_entry *entry);

/* Adds an entry, whose texts are taken over, also on failure. Returns 0; or -1 with ERROR_LIMIT, or ERROR_INVALID where another one
 * has its name, its token or one of its certificates. */
int access_list_add(struct access_list *list, struct access_entry *entry, struct error *err) MUST_CHECK;

/* The entry of a name; of the SHA-256 of a token, found in a time that says nothing about it; of what a certificate is for. Borrowed;
 * NULL: there is none. */
const struct access_entry *access_list_name(const struct access_list *list, struct str name);
const struct access_entry *access_list_token(const struct access_list *list,
                                             const unsigned char hash[static ACCESS_HASH_SIZE]);
const struct access_entry *access_list_cert(const struct access_list *list, struct str cert);

/* The first 64 bits of the hash of a token, which a session is bound to; 0: there is no token. */
uint64_t access_hash_key(const unsigned char hash[static ACCESS_HASH_SIZE]);
uint64_t access_entry_key(const struct access_entry *entry);

/* Whether `name` can be one of the access file: 1 to ACCESS_NAME_MAX bytes of UTF-8, letters, digits, `.`, `_`, `-`, `@`, `+` and what is
 * not ASCII, and no name that this agent gives itself (`anonymous`, `token`). Returns 0, or -1 with ERROR_INVALID. */
int access_name_check(struct str name, struct error *err) MUST_CHECK;

#endif
