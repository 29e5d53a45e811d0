/* What the files of the settings table share. */
#ifndef OUTRIDER_CORE_CONFIG_SETTINGS_INTERNAL_H
#define OUTRIDER_CORE_CONFIG_SETTINGS_INTERNAL_H

#include "outrider/core/config/settings.h"

/* Sets `err` to "`TEXT` " and `what`, the text made printable and cut at 64 bytes; returns -1. */
int settings_wrong(struct error *err, struct str text, const char *what);

/* Parses a mode in octal (see `parse` of struct value_type). */
int settings_parse_mode(const struct setting *row, void *value, struct str text, struct error *err);

/* Parses a size (see `parse` of struct value_type); writes one as in a file, and returns it. */
int settings_parse_size(const struct setting *row, void *value, struct str text, struct error *err);
const char *settings_format_size(int64_t bytes, char out[static 24]);

struct config;
struct config_check;

/* Whether `path` is known to be wrong already. */
bool config_check_is_faulty(const struct config_check *check, const char *path);

/* Writes the path of a key of an entry to `out`, and returns it: "probes[0].name". */
enum { CONFIG_CHECK_PATH_SIZE = 64 };
const char *config_check_key(const char *entry, const char *key, char out[static CONFIG_CHECK_PATH_SIZE]);

/* A rule of config_check(): what is of no use in sessions.redis. */
void config_check_dns(const struct config *config, const struct config_check *check);
void config_check_redis(const struct config *config, const struct config_check *check);

/* The rules of config_check() about the registry: who logs in, the client's certificate, endpoints and TLS of its kind,
 * secrets that are sent unencrypted, and what only this backend has. */
void config_check_registry_login(const struct config *config, const struct config_check *check);
void config_check_registry_certificate(const struct config *config, const struct config_check *check);
void config_check_registry_endpoints(const struct config *config, const struct config_check *check);
void config_check_registry_in_the_clear(const struct config *config, const struct config_check *check);
void config_check_registry_backend(const struct config *config, const struct config_check *check);

/* The names of the probe types, in the order of enum config_probe_type; NULL at the end. */
extern const char *const config_probe_types[];

/* The rules of config_check() about the places of http.listen: against each other, and against the status sockets. */
void config_check_listen(const struct config *config, const struct config_check *check);
void config_check_listen_paths(const struct config *config, const struct config_check *check);

/* The rule of config_check() about hooks. */
void config_check_hooks(const struct config *config, const struct config_check *check);

/* One shape for each kind of text (see setting_shape_fn). */
int shape_type(struct str text, struct error *err);
int shape_id(struct str text, struct error *err);
int shape_host(struct str text, struct error *err);
int shape_probe_host(struct str text, struct error *err);
int shape_text(struct str text, struct error *err);
int shape_title(struct str text, struct error *err);
int shape_colour(struct str text, struct error *err);
int shape_tag(struct str text, struct error *err);
int shape_command(struct str text, struct error *err);
int shape_name(struct str text, struct error *err);
int shape_scope(struct str text, struct error *err);
int shape_label_value(struct str text, struct error *err);
int shape_endpoint(struct str text, struct error *err);
int shape_redis_endpoint(struct str text, struct error *err);
int shape_namespace(struct str text, struct error *err);
int shape_prefix(struct str text, struct error *err);
int shape_file(struct str text, struct error *err);
int shape_directory(struct str text, struct error *err);
int shape_socket(struct str text, struct error *err);
int shape_group(struct str text, struct error *err);
int shape_host_name(struct str text, struct error *err);
int shape_listen(struct str text, struct error *err);
int shape_dns_listen(struct str text, struct error *err);
int shape_domain(struct str text, struct error *err);
int shape_public_url(struct str text, struct error *err);

/* The same of the keys of a probe. */
int shape_path(struct str text, struct error *err);
int shape_fact(struct str text, struct error *err);
int shape_pointer(struct str text, struct error *err);
int shape_header_name(struct str text, struct error *err);
int shape_header_value(struct str text, struct error *err);
int shape_status(struct str text, struct error *err);
int shape_service(struct str text, struct error *err);
int shape_argument(struct str text, struct error *err);
int shape_user(struct str text, struct error *err);
int shape_hook_event(struct str text, struct error *err);

/* Whether all of it is A-Z a-z 0-9 or one of `others`; so is an empty text. */
bool settings_consists_of(struct str text, const char *others);

/* What sun_path holds beside a NUL (unix(7)). */
enum { SETTINGS_SOCKET_PATH_MAX = 107 };

/* Whether it may be the name or the number of a user or a group. */
bool settings_is_account(struct str text);

/* Printable UTF-8, not empty, at most `max` bytes. */
int settings_check_text(struct str text, size_t max, struct error *err);

#endif
