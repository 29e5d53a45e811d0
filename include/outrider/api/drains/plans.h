/* The last previews of drains of many servers that an agent gave. */
#ifndef OUTRIDER_API_DRAINS_PLANS_H
#define OUTRIDER_API_DRAINS_PLANS_H

struct api_plans;

/* None yet. The caller owns the result. */
struct api_plans *api_plans_new(void);

/* Accepts NULL. */
void api_plans_free(struct api_plans *plans);

#endif
