/* The access file: a line for each name, `NAME ROLE [sha256:HEX] [cert:DNS:name | cert:URI:uri]...`, separated by blanks. HEX is the
 * SHA-256 of the bytes of the name's token, in lower case. A name without either is known by the header of a proxy alone. Empty lines
 * and those that begin with `#` say nothing. */
#ifndef OUTRIDER_CODEC_ACCESS_ACCESS_FILE_H
#define OUTRIDER_CODEC_ACCESS_ACCESS_FILE_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"
#include "outrider/core/access/access_list.h"

struct buf;
struct error;

/* The largest file, in bytes. */
enum { ACCESS_FILE_MAX = 262144 };

/* Reads the file into the empty `ret_list`. Returns 0; or -1 with `ret_list` empty and ERROR_INVALID or ERROR_LIMIT, whose text begins
 * with `line N: `. Total on any bytes. */
int access_file_read(struct str text, struct error *err, struct access_list *ret_list) MUST_CHECK;

/* The SHA-256 of a token. */
void access_token_hash(struct str token, unsigned char ret_hash[static ACCESS_HASH_SIZE]);

/* Appends the line of a name with a token, without a line break. */
void access_file_line(struct str name, enum access_role role, struct str token, struct buf *out);

#endif
