/* Writes the control key of any server of the fleet (docs/design/protocol.md, "Control key"), for operators
 * over HTTP. */
#ifndef OUTRIDER_SHELL_CONTROL_INTERNAL_H
#define OUTRIDER_SHELL_CONTROL_INTERNAL_H

#include "outrider/api/common/context.h"

struct agent;
struct control_writer;

/* Nothing is under way. `agent` is borrowed. The caller owns the result. */
struct control_writer *control_writer_new(struct agent *agent);

/* What is under way is not answered any more. Accepts NULL. */
void control_writer_free(struct control_writer *writer);

/* Puts `hold` at the control key of `type` and `id`, by compare on what is read there; as in struct api_ops.
 */
void control_writer_put(struct control_writer *writer, struct str type, struct str id,
                        const struct hold *hold, api_controlled_fn *done, void *user);

#endif
