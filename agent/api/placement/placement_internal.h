/* What the requests that place players share: what they ask for (query.c), the answers (answer.c), and the members of a JSON body
 * (body.c). */
#ifndef OUTRIDER_API_PLACEMENT_PLACEMENT_INTERNAL_H
#define OUTRIDER_API_PLACEMENT_PLACEMENT_INTERNAL_H

#include "outrider/api/common/body.h"
#include "outrider/base/buf.h"
#include "outrider/core/placement/placement.h"
#include "outrider/io/http/http_parse.h"

struct api_call;
struct api_reply;
struct allocate;
struct api_view;
struct error;
struct json_writer;
struct reservation;

/* In bytes, seats and ms. */
enum { PLACING_KEY_MAX = 1024, PLACING_RETRY_AFTER_MS = 1000 };

/* What a request asks for. The texts of the query are borrowed of what was read, or of `kept`. */
struct placing {
    struct placement_query query;
    struct filter *filter;
    struct str player;
    bool has_key, has_player, has_strategy, has_near, has_seats, has_count;
    bool keeps; /* texts are copied to `kept` */
    size_t kept_size;
    char kept[HTTP_TARGET_MAX]; /* not longer than the target that they come from */
};

/* ---- query.c ---- */

/* Asks for one server of `type` for one player. What is in `kept` is not written. */
void placing_init(struct placing *placing, struct str type);
void placing_fini(struct placing *placing);

/* Takes one parameter: the strategy, `key`, `near`, `seats`, `exclude`, a filter, and so on. */
int placing_take(struct placing *placing, struct str name, struct str value, struct error *err) MUST_CHECK;

/* What follows from all of them: after the last one. */
int placing_complete(struct placing *placing, struct error *err) MUST_CHECK;

/* ---- body.c ---- */

/* A member that is a duration, between the bounds of a reservation. */
int body_ttl(const json_t *value, struct error *err, int64_t *ret_ms) MUST_CHECK;

/* Takes a member that placing_take() knows: a string, a number, an array of strings for `exclude` and `tag`, an object for `labels`.
 * Returns as an api_member_fn. */
int body_placing(struct placing *placing, const char *name, const json_t *value,
                 struct error *err) MUST_CHECK;

/* ---- answer.c ---- */

/* Whether the reservations are known; if not, `reply` waits for them, or says that they are not. */
bool placing_need_seats(const struct api_call *call, struct api_reply *reply);

/* Writes the record of a server as it is served; null where there is none. */
void answer_service(struct json_writer *json, const struct view_entry *entry);

/* Makes `reply` a 503 that says why there is no server; the caller closes the object, after members of its own. */
void answer_none(const struct placement_query *query, const size_t *excluded, struct api_reply *reply,
                 struct json_writer *ret_json);

/* Makes `reply` the error of an agent that the registry does not let write reservations, because of `why`. */
void answer_denied(struct api_reply *reply, struct str why);

/* Writes the member `reservation`, null for none, and `service` of the server that has it. */
void answer_reservation(struct json_writer *json, const struct api_view *view, struct str type,
                        struct str server, const struct reservation *reservation);

#endif
