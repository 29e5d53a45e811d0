/* A borrowed view of bytes, and functions that inspect text. */
#ifndef OUTRIDER_BASE_STR_H
#define OUTRIDER_BASE_STR_H

#include "outrider/base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Not NUL-terminated. `data` may be NULL only when `size` is 0. */
struct str {
    const char *data;
    size_t size;
};

/* A view of a string literal. */
#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})

/* The same as an initializer, for tables that are constant. */
#define STR_INIT(literal)                                                                                    \
    {                                                                                                        \
        "" literal, sizeof(literal) - 1                                                                      \
    }

/* The two arguments for "%.*s". */
#define STR_ARG(view) (int)(view).size, (view).data == NULL ? "" : (view).data

/* A view of a NUL-terminated string, borrowed; empty for NULL. */
static inline struct str str_of(const char *text)
{
    return (struct str){text, text == NULL ? 0 : strlen(text)};
}

/* Byte-wise equality. */
bool str_eq(struct str a, struct str b);

/* Byte-wise order, a prefix first: below, equal to or above 0. */
int str_compare(struct str a, struct str b);

/* Equality that ignores the case of ASCII letters. */
bool str_eq_nocase(struct str a, struct str b);

/* Whether `text` begins with `prefix`. */
bool str_starts(struct str text, struct str prefix);

/* Without the byte order mark (UTF-8) that some programs, .NET's among them, write before the first byte of a text. */
struct str str_skip_bom(struct str text);

/* The part of `text` before the first `separator` (all of it when there is none); `ret_rest` receives what
 * follows the separator, empty when there is none. `ret_rest` may point to the variable passed as `text`. */
struct str str_split(struct str text, char separator, struct str *ret_rest);

/* Without spaces, tabs, CR and LF at both ends. */
struct str str_trim(struct str text);

/* Decimal digits only, no sign, no blanks, at most `max`. Returns 0, or -1 and leaves `ret_value`. */
int str_to_u64(struct str text, uint64_t max, uint64_t *ret_value) MUST_CHECK;

/* Optional '-' and decimal digits. Returns 0, or -1 when it is not a number or does not fit. */
int str_to_i64(struct str text, int64_t *ret_value) MUST_CHECK;

/* The value of a hexadecimal digit of either case, -1 for any other byte. */
int hex_value(char c);

/* Whether the bytes are well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF). */
bool str_is_utf8(struct str text);

/* The number of bytes of the character that `text` begins with, by the same rule; 0 when there is none. */
size_t str_utf8_character(struct str text);

/* Whether a character (one of str_utf8_character) would change how a terminal or a reader of lines takes the text around it: C0,
 * DEL and C1; U+2028 and U+2029, which end a line for some readers; and the bidirectional controls U+202A to U+202E and U+2066 to
 * U+2069. */
bool str_is_control(struct str character);

/* The number of a character of one to four bytes; of one byte that is no character, the byte. */
unsigned str_code_point(struct str character);

/* XXH64 of the bytes: a checksum, or a hash for tables and choices; it keeps nothing secret. */
uint64_t str_hash(struct str text, uint64_t seed);

struct str_sum;

/* The same with the seed 0, of bytes that come in pieces: none so far. The caller frees the result with free(3). */
struct str_sum *str_sum_new(void);

/* Adds the next bytes. */
void str_sum_add(struct str_sum *sum, struct str piece);

/* The sum of the bytes so far. */
uint64_t str_sum_of(const struct str_sum *sum);

/* Whether there is a control character in UTF-8 text: C0, DEL, or C1, which is 0xC2 and a byte below 0xA0. */
bool str_has_control(struct str text);

/* XXH3 of the bytes, 64 bits, without a seed: for what every agent must compute alike. Its values are the same on every
 * machine (the specification of XXH3). It keeps nothing secret. */
uint64_t str_xxh3(struct str text);

/* The edit distance between `a` and `b` (Levenshtein), for "did you mean"; texts over 64 bytes give SIZE_MAX.
 */
size_t str_distance(struct str a, struct str b);

#endif
