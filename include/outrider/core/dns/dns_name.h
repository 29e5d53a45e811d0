/* Names of DNS in their wire form: labels with a byte for the size before each, and a 0 behind the last (RFC 1035, 3.1). */
#ifndef OUTRIDER_CORE_DNS_DNS_NAME_H
#define OUTRIDER_CORE_DNS_DNS_NAME_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DNS_NAME_MAX = 255, DNS_LABEL_MAX = 63 };

/* Zero is no name at all; the root is one byte. */
struct dns_name {
    uint8_t size; /* with the 0 at the end */
    uint8_t bytes[DNS_NAME_MAX];
};

/* Whether `text` can be one label of a name that people type: letters, digits, '-' and '_' inside, at most 63. */
bool dns_name_is_label(struct str text);

/* Makes the name that `text` writes, of labels with dots between them, with a dot at the end or without. Any byte but a dot may be
 * in a label. Returns 0, or -1: an empty label, or a longer one or a longer name than there may be. */
int dns_name_read(struct str text, struct dns_name *ret_name) MUST_CHECK;

/* Puts `text` in front of the name: one label, or several where it has dots. Returns 0, or -1, with the name unchanged, as above. */
int dns_name_prepend(struct dns_name *name, struct str text) MUST_CHECK;

/* The size of the wire form at `bytes`, which is a whole name. */
size_t dns_name_size(const uint8_t *bytes);

/* The first label of the wire form, without its size; empty at the root. */
struct str dns_name_first(const uint8_t *bytes);

/* Makes its letters small. No byte that says a size is a letter. */
void dns_name_fold(struct dns_name *name);

/* Whether `name` is `origin` or below it, whatever the case; `ret_size` is how many bytes come before the origin. */
bool dns_name_is_below(const struct dns_name *name, const struct dns_name *origin, size_t *ret_size);

#endif
