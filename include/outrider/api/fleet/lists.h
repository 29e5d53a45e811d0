/* Lists of services, each built once while the fleet does not change: a client that polls costs only what is new, and
 * however many read a list, of whatever size, it is there once. A few small ones are kept without a reader. */
#ifndef OUTRIDER_API_FLEET_LISTS_H
#define OUTRIDER_API_FLEET_LISTS_H

#include "outrider/base/str.h"

#include <stdbool.h>

struct api_lists;
struct api_pack;
struct api_packs;
struct blob;
struct discovery_local;
struct filter;
struct history;
struct instant;
struct view;

/* Nothing is kept. The caller owns the result. Never NULL. */
struct api_lists *api_lists_new(void);

/* Accepts NULL. */
void api_lists_free(struct api_lists *lists);

/* Drops all lists: the fleet has changed. */
void api_lists_clear(struct api_lists *lists);

/* The services that pass `filter`, as JSON; the caller owns one reference. With `keep` the list is kept. It
 * tells its time, and a stale one its age, and may be a second older than it says.
 *
 * With `packs` it may be compressed: `*ret_pack` is that form, of which the caller owns one reference, or NULL, of a short list and where
 * too much is being compressed. Where the form is done the result is NULL: no answer needs the plain one. A few are kept as long as the list
 * may be given out. Without `packs` (NULL) `*ret_pack` is NULL. */
struct blob *api_lists_get(struct api_lists *lists, const struct view *fleet, const struct filter *filter,
                           bool keep, const struct instant *now, struct api_packs *packs,
                           struct api_pack **ret_pack);

/* The same as existing clients know it (discovery_json_services). */
struct blob *api_lists_discovery(struct api_lists *lists, const struct view *fleet,
                                 const struct discovery_local *local, const struct instant *now);

/* What became of the fleet by the minute (history_json_series), borrowed until the next call or until `lists` is freed. */
struct str api_lists_series(struct api_lists *lists, const struct history *history);

#endif
