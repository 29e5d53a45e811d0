/* uthash (intrusive hash tables) with the allocation of mem.h; see HASH_ADD_KEYPTR, HASH_FIND and HASH_DEL in its user guide.
 * Elements keep the order in which they were added, and the first element is the handle of the table. Include this header,
 * never <uthash.h>. */
#ifndef OUTRIDER_BASE_HASH_H
#define OUTRIDER_BASE_HASH_H

#include "outrider/base/mem.h"

#include <stdlib.h>

/* uthash calls this when an allocation fails, and mem_zalloc() has aborted before that. */
#define uthash_malloc(size) mem_zalloc(size)
#define uthash_free(data, size) free(data)
#define uthash_fatal(message) abort()

#include <uthash.h>

#endif
