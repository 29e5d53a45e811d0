/* What the files of the folder share: commands.c has the requests, commands_audit.c what the audit is told of them. */
#ifndef OUTRIDER_API_COMMANDS_COMMANDS_INTERNAL_H
#define OUTRIDER_API_COMMANDS_COMMANDS_INTERNAL_H

#include "outrider/base/str.h"

struct api_attempt;
struct api_call;
struct api_context;
struct api_request;
struct dispatch;
struct server_command;

/* Who sent a command, until it is known what it came to. */
struct command_sender;

/* Tells the attempt what is asked of the server. It may be NULL. */
void command_tell_asked(struct api_attempt *attempt, const struct server_command *command);

/* Remembers who asks. NULL: the audit gets no entry of it. The caller owns the result. */
struct command_sender *command_sender_new(const struct api_call *call);

/* Accepts NULL. */
void command_sender_free(struct command_sender *sender);

/* The command was sent to the server `type`/`server`, or not, as `result` says: tells `attempt`, and follows what was sent now, so that
 * its answer is an entry, too. Takes the sender over, which may be NULL. */
void command_tell_sent(struct command_sender *sender, struct api_attempt *attempt,
                       const struct dispatch *result, struct str type, struct str server);

#endif
