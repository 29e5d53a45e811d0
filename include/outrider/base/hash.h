/* uthash, hash tables whose links stand in the elements, on the allocation of this house: see
 * HASH_ADD_KEYPTR, HASH_FIND and HASH_DEL in its own user guide. Elements stay in the order in which they
 * were added, and the first of them is the table's handle. Include this, never <uthash.h>. */
#ifndef OUTRIDER_BASE_HASH_H
#define OUTRIDER_BASE_HASH_H

#include "outrider/base/mem.h"

#include <stdlib.h>

/* uthash knows "cannot" only as the end of the process; mem.h has come to it before. */
#define uthash_malloc(size) mem_zalloc(size)
#define uthash_free(data, size) free(data)
#define uthash_fatal(message) abort()

#include <uthash.h>

#endif
