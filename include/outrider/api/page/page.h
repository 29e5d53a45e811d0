/* The page for people, which the agent carries as it is sent: compressed. Nothing of it is read before it is asked for. */
#ifndef OUTRIDER_API_PAGE_PAGE_H
#define OUTRIDER_API_PAGE_PAGE_H

struct api_page;

/* What this agent was built with. The caller owns the result. NULL: it was built without the page. */
struct api_page *api_page_new(void);

/* Accepts NULL. */
void api_page_free(struct api_page *page);

#endif
