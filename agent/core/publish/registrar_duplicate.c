/* Another agent that writes under the same lease has a copy of this one's state_dir: each repairs what the other
 * writes. An operator does not write that often. Each agent bears a random number of such writes, so that
 * mostly one lets go before the other (docs/design/protocol.md, "Key ownership"). */
#include "registrar_internal.h"

enum { WRITES_MIN = 12, WRITES_SPREAD = 6, WINDOW_MS = 20000, VALUE_LOGGED_MAX = 100 };

void registrar_count_duplicate(struct registrar *registrar, struct str value, const struct instant *now)
{
    struct duplicate_agent *duplicate = &registrar->duplicate;
    if (duplicate->writes == 0 || now->mono - duplicate->since_mono > WINDOW_MS) {
        duplicate->writes = 0;
        duplicate->since_mono = now->mono;
        duplicate->limit = WRITES_MIN + (unsigned)random_below(&registrar->random, WRITES_SPREAD);
    }
    duplicate->writes++;
    blob_unref(duplicate->value);
    duplicate->value = blob_new(value);
}

static int logged_size(struct str value)
{
    return value.size > VALUE_LOGGED_MAX ? VALUE_LOGGED_MAX : (int)value.size;
}

void registrar_check_duplicate(struct registrar *registrar, const struct instant *now, struct queue *effects)
{
    struct duplicate_agent *duplicate = &registrar->duplicate;
    bool stays = registrar->goal == REGISTRAR_IDLE || registrar->goal == REGISTRAR_PUBLISH;
    if (duplicate->writes == 0 || duplicate->writes < duplicate->limit || !stays) {
        return;
    }
    struct str other = blob_view(duplicate->value), own = blob_view(registrar->wanted.value);
    char lease[REGISTRY_LEASE_TEXT_SIZE];
    registrar_note(effects, REGISTRAR_NOTE_DUPLICATE_AGENT,
                   "lease %s is left to it; its record: %.*s own record: %.*s",
                   registry_lease_text(registrar->lease.id, lease), logged_size(other),
                   other.size > 0 ? other.data : "", logged_size(own), own.size > 0 ? own.data : "");
    duplicate->writes = 0;
    /* A revoke would take the other agent's record as well. */
    registrar_step_lease(registrar, (struct lease_event){.type = LEASE_ON_ABANDON, .now = *now}, effects);
}
