/* Lists of services, kept while the fleet does not change: a client that polls costs only what is new. */
#ifndef OUTRIDER_API_FLEET_LISTS_H
#define OUTRIDER_API_FLEET_LISTS_H

#include <stdbool.h>

struct api_lists;
struct blob;
struct filter;
struct instant;
struct view;

/* Nothing is kept. The caller owns the result. Never NULL. */
struct api_lists *api_lists_new(void);

/* Accepts NULL. */
void api_lists_free(struct api_lists *lists);

/* Drops all lists: the fleet has changed. */
void api_lists_clear(struct api_lists *lists);

/* The services that pass `filter`, as JSON; the caller owns one reference. With `keep` the list is taken from
 * the kept ones, or kept: it must not depend on `now`. */
struct blob *api_lists_get(struct api_lists *lists, const struct view *fleet, const struct filter *filter,
                           bool keep, const struct instant *now);

#endif
