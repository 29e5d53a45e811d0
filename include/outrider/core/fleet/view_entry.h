/* One record of the fleet: its JSON exactly as the registry holds it, and where in it stands what filters and
 * statistics look at. Immutable and reference-counted, so that lists, streams, the log of changes and the
 * disk share one. Costs about 200 bytes beside the JSON: texts are not copied, only those written with
 * escapes. */
#ifndef OUTRIDER_CORE_FLEET_VIEW_ENTRY_H
#define OUTRIDER_CORE_FLEET_VIEW_ENTRY_H

#include "outrider/base/str.h"
#include "outrider/core/server/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blob;

/* In bytes. Records have some hundred; with 64 labels and 64 tags of the usual length some thousand. A
 * subscriber that is more than 256 kB behind is closed, and no single record must ever do that. */
enum { VIEW_RECORD_MAX = 65536, VIEW_TYPE_MAX = 63, VIEW_ID_MAX = 128, VIEW_TEXT_MAX = 1024 };

/* A status that this version does not know: clients must take it as not ready (docs/design/protocol.md,
 * "Effective status"). */
enum { STATUS_UNKNOWN = STATUS_COUNT, VIEW_STATUS_COUNT = STATUS_COUNT + 1 };

enum view_field {
    VIEW_STATUS,
    VIEW_HOST,
    VIEW_REGION,
    VIEW_ZONE,
    VIEW_GROUP,
    VIEW_VERSION,
    VIEW_FIELD_COUNT
};

enum view_signature {
    VIEW_SIGNATURE_UNCHECKED, /* no keys are trusted, so it was not looked at */
    VIEW_SIGNATURE_NONE,
    VIEW_SIGNATURE_GOOD,
    VIEW_SIGNATURE_BAD, /* of no trusted key, of other bytes, or of an older record */
    VIEW_SIGNATURE_COUNT
};

struct view_label {
    struct str name, value;
};

/* The weight of a server whose record has none, and the highest. */
enum { VIEW_WEIGHT = 1, VIEW_WEIGHT_MAX = 100 };

/* A number that a record may have. */
struct view_count {
    bool has;
    uint32_t value;
};

/* What a decoder found in a record. Texts are decoded, of at most VIEW_TEXT_MAX bytes, and borrowed: from the
 * JSON itself where they stand there as they are. Absent ones are empty. */
struct view_entry_facts {
    unsigned status; /* enum status or STATUS_UNKNOWN */
    struct str fields[VIEW_FIELD_COUNT];
    struct str tags[RECORD_TAGS_MAX];
    size_t tag_count;
    struct view_label labels[RECORD_LABELS_MAX];
    size_t label_count;
    uint16_t port;                               /* the first; 0: none */
    struct view_count players, capacity, weight; /* weight: at most VIEW_WEIGHT_MAX */
};

/* Where a record stands in the registry. */
struct view_place {
    struct str key;     /* `prefix`/type/id; type and id are not empty and have no '/' */
    size_t prefix_size; /* bytes before the '/' in front of the type */
    int64_t mod_revision, create_revision;
    bool leased;
};

/* Read the first members; the others say where its texts stand, for the functions below. */
struct view_entry {
    struct blob *json; /* the bytes as they are in the registry; to be kept with blob_ref() */
    int64_t mod_revision, create_revision; /* of the key */
    uint16_t port;                         /* the first; 0: none */
    uint8_t status;                        /* enum status, or STATUS_UNKNOWN */
    bool leased;                           /* a lease ends the key */
    bool has_players, has_capacity;
    uint8_t weight; /* its share in placements, VIEW_WEIGHT where the record has none */
    uint32_t players, capacity;

    uint8_t signature; /* enum view_signature; settled before it is shared */
    uint8_t tag_count, label_count;
    uint16_t key_size, type_at, type_size;
    uint32_t references, spare_size;
    uint32_t slices[]; /* fields, tags, names and values of labels; then the key and what had escapes */
};

/* A new entry with one reference, the caller's. Everything is copied. `json` has at most VIEW_RECORD_MAX
 * bytes. */
struct view_entry *view_entry_new(const struct view_place *place, struct str json,
                                  const struct view_entry_facts *facts);

/* One more reference to the same entry; returns it. NULL gives NULL. */
struct view_entry *view_entry_ref(struct view_entry *entry);

/* Gives one reference back; the last one frees. Accepts NULL. */
void view_entry_unref(struct view_entry *entry);

/* The whole key, and the type and id in it; borrowed as long as a reference is held, as are all texts. */
struct str view_entry_key(const struct view_entry *entry);
struct str view_entry_type(const struct view_entry *entry);
struct str view_entry_id(const struct view_entry *entry);

/* A text of the record, empty when absent. VIEW_STATUS is the word as it was written. */
struct str view_entry_text(const struct view_entry *entry, enum view_field field);

/* Whether the record has a tag, and the value of a label: empty when there is none. */
bool view_entry_has_tag(const struct view_entry *entry, struct str tag);
struct str view_entry_label(const struct view_entry *entry, struct str name);

/* The tag and the label at `index`, below tag_count and label_count. */
struct str view_entry_tag_at(const struct view_entry *entry, size_t index);
struct view_label view_entry_label_at(const struct view_entry *entry, size_t index);

/* Whether the server keeps the players that are there: it is ready, full or not, or initializing, or draining. */
bool view_entry_keeps_players(const struct view_entry *entry);

/* Bytes of memory the entry takes, its JSON included, the allocator's own not. */
size_t view_entry_size(const struct view_entry *entry);

/* "initializing", ..., "error", or "unknown". */
const char *view_status_name(unsigned status);

#endif
