/* What the audit is told of commands to servers: an entry when one is sent, with what is asked, and another one when the server has
 * answered or its time is over (docs/access.md, "Audit"). */
#include "commands_internal.h"

#include "outrider/api/common/attempt.h"
#include "outrider/api/common/context.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/mem.h"
#include "outrider/core/command/dispatch.h"

#include <stdlib.h>

struct command_sender {
    struct api_context *context;
    struct api_attempt *attempt;
    struct access_identity who;
    struct buf request_id;
};

void command_tell_asked(struct api_attempt *attempt, const struct server_command *command)
{
    struct buf asked = {0};
    bool has_args = command->args != NULL && command->args[0] != '\0';
    buf_printf(&asked, "%s%s%s", command->name, has_args ? " " : "", has_args ? command->args : "");
    api_attempt_tell(attempt, AUDIT_BEFORE, buf_view(&asked));
    buf_fini(&asked);
}

struct command_sender *command_sender_new(const struct api_call *call)
{
    if (!api_attempt_has_entry(call->attempt, &call->request)) {
        return NULL;
    }
    struct command_sender *sender = mem_zalloc(sizeof(*sender));
    sender->context = call->context;
    sender->who = call->request.who;
    buf_str(&sender->request_id, call->request.request_id);
    return sender;
}

void command_sender_free(struct command_sender *sender)
{
    if (sender != NULL) {
        api_attempt_free(sender->attempt);
        buf_fini(&sender->request_id);
        free(sender);
    }
}

static void drop(void *user)
{
    command_sender_free(user);
}

static void tell_answer(struct api_attempt *attempt, const struct server_command *command)
{
    struct buf text = {0};
    const char *said = command->text == NULL ? "" : command->text;
    buf_printf(&text, "%s%s%s", command_state_name(command->state), said[0] == '\0' ? "" : ": ", said);
    api_attempt_tell(attempt, AUDIT_AFTER, buf_view(&text));
    buf_fini(&text);
}

/* That the server could not do it, or has not said, is a failure of the command, not of a request. */
static void on_answer(const struct dispatch *result, void *user)
{
    struct command_sender *sender = user;
    const struct server_command *command = &result->command;
    bool known = result->result == DISPATCH_KNOWN, good = known && command->state == COMMAND_OK;
    struct api_request request = {.who = sender->who, .request_id = buf_view(&sender->request_id)};
    struct api_reply reply = {.status = good ? 200 : 502};
    if (known) {
        tell_answer(sender->attempt, command);
    }
    if (!good) {
        reply.code = known ? command_state_name(command->state) : "unknown";
    }
    api_attempt_end(sender->attempt, sender->context, &request, &reply, NULL, NULL);
    command_sender_free(sender);
}

void command_tell_sent(struct command_sender *sender, struct api_attempt *attempt,
                       const struct dispatch *result, struct str type, struct str server)
{
    const struct server_command *command = &result->command;
    if (result->result == DISPATCH_SENT) {
        struct buf text = {0};
        buf_printf(&text, "%s, id %s", command_state_name(command->state), command->id);
        api_attempt_tell(attempt, AUDIT_AFTER, buf_view(&text));
        buf_fini(&text);
    }
    if (sender == NULL || result->result != DISPATCH_SENT || !result->fresh) {
        command_sender_free(sender);
        return;
    }
    sender->attempt = api_attempt_sequel(attempt, "command.answer");
    if (!sender->context->ops->command_follow(sender->context->agent, type, server, command, on_answer, drop,
                                              sender)) {
        command_sender_free(sender); /* too many are followed: the entry of the request stands alone */
    }
}
