/* Decodes keys and values from a registry into items for core/fleet: records with the facts that filters need, and for every
 * other value the reason why it is not a record. A record is a JSON object that has the type and the id of its key and a
 * status, and whose known members have the right type (docs/design/protocol.md, "Record"). Its bytes are kept unchanged. */
#ifndef OUTRIDER_CODEC_RECORD_VIEW_ITEM_H
#define OUTRIDER_CODEC_RECORD_VIEW_ITEM_H

#include "outrider/base/attr.h"
#include "outrider/core/fleet/view.h"

#include <stddef.h>

struct error;
struct record_check;

/* A list of items, which owns the texts of why a value is not a record. {0} is empty. */
struct view_items {
    struct view_item *items;
    size_t count, capacity;
    const struct record_check *check; /* how what is appended is judged; borrowed, NULL: not at all */
};

/* Empties the list and gives the references back; the memory is kept for the next items. */
void view_items_clear(struct view_items *items);

/* The same, and frees the memory; accepts NULL and {0}. */
void view_items_fini(struct view_items *items);

/* Appends an item for each change of a watch, in order. Keys are borrowed from the changes. */
void view_items_changed(struct view_items *items, struct str prefix, const struct registry_change *changes,
                        size_t count);

/* Appends an item for each key of a listing, likewise. */
void view_items_listed(struct view_items *items, struct str prefix, const struct registry_item *listed,
                       size_t count);

/* Decodes one record. Of `place` the key and the revisions are used. The caller owns `ret_entry`. Returns 0, or -1 with
 * ERROR_NOT_FOUND (the key is not `prefix`/type/id, so it belongs to another program), ERROR_LIMIT (too long, too many, too
 * deep) or ERROR_INVALID. Total on any bytes. */
int view_record_decode(struct str prefix, const struct view_place *place, struct str json,
                       struct view_entry **ret_entry, struct error *err) MUST_CHECK;

/* The ports of a record, in their order; returns their number, 0 for what is no record. */
size_t view_record_ports(struct str json, uint16_t ret_ports[static RECORD_PORTS_MAX]);

#endif
