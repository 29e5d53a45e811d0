/* Whether players can see this agent's server. */
#ifndef OUTRIDER_API_COMMON_PUBLISHED_H
#define OUTRIDER_API_COMMON_PUBLISHED_H

#include <stdbool.h>

struct api_view;
struct buf;

/* Whether the registry has a record with the present status of the server, under a lease that has not run out. Of
 * `view` only now, server and registrar are read; the agent is no observer. */
bool api_is_published(const struct api_view *view);

/* Appends why it is not, for a person. */
void api_add_not_published(const struct api_view *view, struct buf *out);

#endif
