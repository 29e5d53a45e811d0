/* Keys and values as a registry tells of them, read as what core/view takes: records with what filters look
 * at found in them, and for everything else the reason why it is none. A record is any JSON object that names
 * the type and id its key has and a status, and in which the members that are read here have their kind
 * (docs/design/protocol.md, "Record"); it is kept as the bytes it is. */
#ifndef OUTRIDER_CODEC_RECORD_VIEW_ITEM_H
#define OUTRIDER_CODEC_RECORD_VIEW_ITEM_H

#include "outrider/base/attr.h"
#include "outrider/core/fleet/view.h"

#include <stddef.h>

struct error;
struct view_text;

/* Items as long as they are needed. {0} has none. */
struct view_items {
    struct view_item *items;
    size_t count, capacity;
    struct view_text *texts; /* reasons */
};

/* Forgets the items and gives their references back; the memory stays for the next ones. */
void view_items_clear(struct view_items *items);

/* The same, and frees the memory; accepts NULL and {0}. */
void view_items_fini(struct view_items *items);

/* Appends what each change of a watch says, in their order. Keys are borrowed from the changes. */
void view_items_changed(struct view_items *items, struct str prefix, const struct registry_change *changes,
                        size_t count);

/* Appends what each key of a listing says, likewise. */
void view_items_listed(struct view_items *items, struct str prefix, const struct registry_item *listed,
                       size_t count);

/* Reads one record at `place`, of which the key and the revisions count. `ret_entry` is the caller's. Returns
 * 0, or -1 with ERROR_NOT_FOUND (the key is not `prefix`/type/id, so somebody else's), ERROR_LIMIT (too long,
 * too many, too deep) or ERROR_INVALID. Total on any bytes. */
int view_record_decode(struct str prefix, const struct view_place *place, struct str json,
                       struct view_entry **ret_entry, struct error *err) MUST_CHECK;

#endif
