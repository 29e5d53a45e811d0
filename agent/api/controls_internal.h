/* Requests that are answered once the registry has a hold (POST /api/services/{type}/{id}/drain). */
#ifndef OUTRIDER_API_CONTROLS_INTERNAL_H
#define OUTRIDER_API_CONTROLS_INTERNAL_H

struct api_context;
struct api_controls;
struct api_reply;
struct http_exchange;

/* None are under way. The caller owns the result. */
struct api_controls *api_controls_new(void);

/* Those under way are answered that nobody knows what becomes of them. Accepts NULL. */
void api_controls_free(struct api_controls *controls);

/* Begins what `reply` asks for. The exchange is taken over. */
void api_controls_begin(struct api_controls *controls, struct api_context *context,
                        struct http_exchange *exchange, const struct api_reply *reply);

#endif
