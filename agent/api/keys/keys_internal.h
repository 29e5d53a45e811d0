/* What the files of the folder share: which keys there are for this agent (keys_common.c), and how a key and a failure are answered. */
#ifndef OUTRIDER_API_KEYS_KEYS_INTERNAL_H
#define OUTRIDER_API_KEYS_KEYS_INTERNAL_H

#include "outrider/base/attr.h"
#include "outrider/core/audit/audit_entry.h"
#include "outrider/core/keys/key_scope.h"
#include "outrider/core/registry/registry_request.h"

#include <stdint.h>

struct api_attempt;
struct api_call;
struct api_context;
struct api_reply;
struct json_writer;

/* Whether http.keys lets anyone look, and where: `ret_scope` is to be ended either way. False with `reply` made an error. */
bool keys_open(const struct api_call *call, struct key_scope *ret_scope, struct api_reply *reply);

/* Whether the scope covers `text`, a key or a prefix; else `reply` is made the error that names the setting. */
bool keys_allow(const struct key_scope *scope, struct str text, struct api_reply *reply);

/* Whether the key may be changed as well; else `reply` is made an error. */
bool keys_allow_change(const struct key_scope *scope, struct str key, struct api_reply *reply);

/* Decodes the name of a key in the path of the request into `ret_key`, to be ended either way, and asks keys_allow(). */
bool keys_name(const struct api_call *call, const struct key_scope *scope, struct buf *ret_key,
               struct api_reply *reply);

/* Tells the audit of the change of one key: which one, and what it was (`which` AUDIT_BEFORE) or became (AUDIT_AFTER). `value` NULL:
 * there is none. Only the values of keys below the prefixes of this agent are told, which all that can read the
 * audit in the registry can read as well; of other keys (http.keys: all) the size is told. `attempt` may be NULL. */
void keys_tell_name(struct api_attempt *attempt, struct str key);
void keys_tell_value(const struct api_context *context, struct api_attempt *attempt, enum audit_text which,
                     struct str key, const struct str *value);

/* Members of an open object: `key`, where it is UTF-8, and `id`, its name in a path. */
void keys_write_name(struct json_writer *json, struct str key);

/* These, and size, revision and lease. */
void keys_write_facts(struct json_writer *json, const struct registry_item *item);

/* Makes `reply` the error of a registry that failed. `undone` and `in_doubt`: what it means where nothing was done, and where something
 * may have been, such as "the key was not changed". */
void keys_refuse_failed(struct api_reply *reply, const struct registry_reply *failed, const char *undone,
                        const char *in_doubt);

/* Makes `reply` an error that has the number `member`, too. */
void keys_refuse_with(struct api_reply *reply, int status, const char *code, const char *member,
                      int64_t number, const char *format, ...) PRINTF_LIKE(6, 7);

#endif
