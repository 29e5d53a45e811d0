/* What the files of the folder share: which keys there are for this agent (keys_common.c), and how a key and a failure are answered. */
#ifndef OUTRIDER_API_KEYS_KEYS_INTERNAL_H
#define OUTRIDER_API_KEYS_KEYS_INTERNAL_H

#include "outrider/base/attr.h"
#include "outrider/core/keys/key_scope.h"
#include "outrider/core/registry/registry_request.h"

#include <stdint.h>

struct api_call;
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
