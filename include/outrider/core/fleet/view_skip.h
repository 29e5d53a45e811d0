/* Why a key under the prefix is not served as a record: what the counts and the metric of such keys are by. */
#ifndef OUTRIDER_CORE_FLEET_VIEW_SKIP_H
#define OUTRIDER_CORE_FLEET_VIEW_SKIP_H

enum view_skip {
    VIEW_SKIP_NONE,     /* it is served */
    VIEW_SKIP_KEY,      /* the key is not PREFIX/TYPE/ID: of another program */
    VIEW_SKIP_NOT_JSON, /* the value is no JSON object of UTF-8 */
    VIEW_SKIP_KIND, /* a member is missing, there twice, of the wrong kind or range, or not that of the key */
    VIEW_SKIP_LIMIT,    /* too long, too many, too deep */
    VIEW_SKIP_ROOM,     /* more records than the view holds */
    VIEW_SKIP_UNSIGNED, /* no signature, where one is required */
    VIEW_SKIP_BAD_SIG,  /* a signature that is not of a trusted key over this record, where one is required */
    VIEW_SKIP_OLDER,    /* signed, and older than a record of the key that was seen before */
    VIEW_SKIP_COUNT
};

/* "other_key", "not_json", "wrong_kind", "too_large", "no_room", "unsigned", "bad_signature", "older". */
const char *view_skip_name(enum view_skip skip);

#endif
