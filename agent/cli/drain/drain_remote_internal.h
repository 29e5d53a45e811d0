/* `outrider drain --id` and `undrain --id`: any server of the fleet, through any agent or observer. */
#ifndef OUTRIDER_CLI_DRAIN_DRAIN_REMOTE_INTERNAL_H
#define OUTRIDER_CLI_DRAIN_DRAIN_REMOTE_INTERNAL_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <jansson.h>
#include <stdbool.h>

struct buf;
struct client;
struct error;

/* Appends the API path that drains or undrains `id`: TYPE/ID, or an id that only one type has. */
void drain_remote_path(const char *id, bool drain, struct buf *out);

/* Posts `body` there. Returns as client_post; the answer has type, id and hold. */
int drain_remote_post(const struct client *client, const char *id, bool drain, struct str body,
                      struct error *err, json_t **ret_answer) MUST_CHECK;

/* Waits until the server of `answer` is empty or gone (EX_DONE), or the deadline has passed or the hold
 * was lifted (EX_FAILED), and prints which. A server is empty when its record has had 0 players for two
 * seconds. */
int drain_remote_wait(const struct client *client, const json_t *answer);

#endif
