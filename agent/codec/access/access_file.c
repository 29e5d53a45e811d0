#include "outrider/codec/access/access_file.h"

#include "hex_internal.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"

#include <openssl/evp.h>

#include <stdio.h>
#include <stdlib.h>

void access_token_hash(struct str token, unsigned char ret_hash[static ACCESS_HASH_SIZE])
{
    if (EVP_Digest(token.data == NULL ? "" : token.data, token.size, ret_hash, NULL, EVP_sha256(), NULL) !=
        1) {
        abort(); /* what is left to fail is the memory of the library */
    }
}

void access_file_line(struct str name, enum access_role role, struct str token, struct buf *out)
{
    unsigned char hash[ACCESS_HASH_SIZE];
    access_token_hash(token, hash);
    buf_printf(out, "%.*s %s sha256:", STR_ARG(name), access_role_name(role));
    hex_write((struct str){(const char *)hash, sizeof(hash)}, out);
}

/* ---- reading ---- */

/* The next word of a line; empty at its end. */
static struct str next_word(struct str *line)
{
    size_t size = 0;
    *line = str_trim(*line);
    while (size < line->size && line->data[size] != ' ' && line->data[size] != '\t') {
        size++;
    }
    struct str word = {line->data, size};
    *line = (struct str){line->data + size, line->size - size};
    return word;
}

/* A word as an error shows it. */
static int shown(struct str word)
{
    return word.size < 64 ? (int)word.size : 64;
}

static int read_hash(struct str hex, struct access_entry *entry, struct error *err)
{
    if (entry->has_token) {
        return error_set(err, ERROR_INVALID, "sha256: a name has one token");
    }
    if (hex_read(hex, entry->hash, sizeof(entry->hash)) < 0) {
        return error_set(err, ERROR_INVALID,
                         "sha256: want the 64 lower-case hexadecimal digits of the SHA-256 of the token");
    }
    entry->has_token = true;
    return 0;
}

static int read_cert(struct str subject, struct access_entry *entry, struct error *err)
{
    bool has_kind = str_starts(subject, STR("DNS:")) || str_starts(subject, STR("URI:"));
    if (!has_kind || subject.size <= 4 || subject.size > ACCESS_CERT_MAX || !str_is_utf8(subject) ||
        str_has_control(subject)) {
        return error_set(
            err, ERROR_INVALID,
            "cert: want DNS:NAME or URI:URI of at most %d bytes, a subjectAltName of the certificate",
            ACCESS_CERT_MAX);
    }
    if (entry->cert_count == ACCESS_CERTS_MAX) {
        return error_set(err, ERROR_LIMIT, "cert: more than %d of one name", ACCESS_CERTS_MAX);
    }
    entry->certs[entry->cert_count++] = mem_copy(subject.data, subject.size);
    return 0;
}

static int read_proof(struct str word, struct access_entry *entry, struct error *err)
{
    struct str value;
    struct str kind = str_split(word, ':', &value);
    if (str_eq(kind, STR("sha256"))) {
        return read_hash(value, entry, err);
    }
    if (str_eq(kind, STR("cert"))) {
        return read_cert(value, entry, err);
    }
    /* Maybe the token itself, which no message may show. */
    return error_set(err, ERROR_INVALID, "after the role come sha256:HEX, cert:DNS:NAME or cert:URI:URI");
}

static int read_entry(struct str line, struct access_entry *entry, struct error *err)
{
    struct str name = next_word(&line), role = next_word(&line);
    if (access_name_check(name, err) < 0) {
        return -1;
    }
    if (access_role_of(role, &entry->role) < 0) {
        return error_set(err, ERROR_INVALID,
                         "the second word is the role, one of viewer, service, operator and admin: `%.*s`",
                         shown(role), role.data);
    }
    snprintf(entry->name, sizeof(entry->name), "%.*s", STR_ARG(name));
    for (struct str word = next_word(&line); word.size > 0; word = next_word(&line)) {
        if (read_proof(word, entry, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int read_line(struct str line, struct access_list *list, struct error *err)
{
    line = str_trim(line);
    if (line.size == 0 || line.data[0] == '#') {
        return 0;
    }
    struct access_entry entry = {0};
    if (read_entry(line, &entry, err) < 0) {
        access_entry_fini(&entry);
        return -1;
    }
    return access_list_add(list, &entry, err);
}

int access_file_read(struct str text, struct error *err, struct access_list *ret_list)
{
    unsigned number = 1;
    text = str_skip_bom(text);
    for (; text.size > 0; number++) {
        if (read_line(str_split(text, '\n', &text), ret_list, err) < 0) {
            access_list_fini(ret_list);
            return error_wrap(err, "line %u", number);
        }
    }
    return 0;
}
