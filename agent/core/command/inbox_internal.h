/* The inside of the inbox: inbox.c (commands), inbox_walk.c (listing its keys). */
#ifndef OUTRIDER_CORE_COMMAND_INBOX_INTERNAL_H
#define OUTRIDER_CORE_COMMAND_INBOX_INTERNAL_H

#include "outrider/core/command/inbox.h"

/* A new effect about command `id`. */
struct inbox_effect *inbox_emit(struct inbox *inbox, enum inbox_effect_type type, struct str id);

/* Takes an entry out. `decided`: what its key has, which is what stands; NULL: what the entry has become. */
void inbox_remove(struct inbox *inbox, struct inbox_entry *entry, const struct server_command *decided);

/* The keys are to be listed from the first on. */
void inbox_walk_begin(struct inbox *inbox);

/* A page is complete, or failed. */
void inbox_walk_page(struct inbox *inbox, const struct inbox_event *event);

/* Lists again when that is due: after a failure, or as there is room again. */
void inbox_walk_tick(struct inbox *inbox);

#endif
