/* The bytes of a control key. A file of its own: the control writer of the shell links it without a router.
 */
#include "outrider/base/brief.h"
#include "outrider/base/error.h"
#include "outrider/codec/record/control_json.h"
#include "outrider/shell/router/router.h"

void router_read_control(bool found, struct str bytes, struct intent_value *ret_value)
{
    struct intent_value value = {.content = INTENT_ABSENT};
    struct error err;
    if (found && control_decode(bytes, &value.hold, &err) < 0) {
        value = (struct intent_value){.content = INTENT_UNREADABLE};
        brief_copy(value.error, sizeof(value.error), str_of(err.text));
    } else if (found) {
        value.content = value.hold.set ? INTENT_HELD : INTENT_LIFTED;
    }
    *ret_value = value;
}
