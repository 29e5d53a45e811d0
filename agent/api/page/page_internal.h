#ifndef OUTRIDER_API_PAGE_PAGE_INTERNAL_H
#define OUTRIDER_API_PAGE_PAGE_INTERNAL_H

#include "outrider/api/page/page.h"
#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct blob;
struct buf;

/* One file; all of it is static. */
struct page_file {
    const char *path; /* of its request; "/": what every path of the page leads to */
    const char *content_type;
    const unsigned char *bytes; /* gzip */
    size_t size, inflated;      /* of `bytes`; of what they become */
    const char *hash;           /* of the content, hexadecimal */
    bool immutable;             /* its name has a hash of it: another content has another name */
};

/* In the order of their paths. */
struct page_files {
    const struct page_file *list;
    size_t count;
};

/* What agent/api/page/embed.mjs has written; a count of 0: the agent is built without the page. */
extern const struct page_files page_embedded;

/* A page of other files, which are borrowed; NULL where there are none. */
struct api_page *page_new(const struct page_files *files);

/* The file of `path`; NULL: there is none. */
const struct page_file *page_find(const struct page_files *files, struct str path);

/* Appends the content of the file to `out`. Returns 0; or -1, with `out` as it was, when its bytes are not gzip of just that size. */
int page_inflate(const struct page_file *file, struct buf *out) MUST_CHECK;

#endif
