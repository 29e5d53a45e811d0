/* The rules between settings, which no single row of the table can express. */
#ifndef OUTRIDER_CORE_CONFIG_CONFIG_CHECK_H
#define OUTRIDER_CORE_CONFIG_CONFIG_CHECK_H

#include <stdbool.h>

struct config;
struct config_probe;

struct config_check {
    /* Whether `path`, or something above or below it, is already known to be wrong: a rule that reads it is
     * skipped, so that one fault is one error. NULL: nothing is. */
    bool (*is_faulty)(const char *path, void *user);
    /* Receives each broken rule: where ("probes[1].timeout") and what is wrong. Both are borrowed for the
     * call. */
    void (*report)(const char *path, const char *text, void *user);
    /* Receives what works but is probably a mistake. NULL: dropped. */
    void (*warn)(const char *path, const char *text, void *user);
    /* Whether the file has the key `path`, even with its default. NULL: unknown. */
    bool (*is_written)(const char *path, void *user);
    void *user;
};

/* Checks `config`, before config_resolve(), against every rule (docs/design/protocol.md, "Configuration")
 * about several settings or the absence of one. Reports in no particular order. */
void config_check(const struct config *config, const struct config_check *check);

/* The rules about one probe alone: each key is for its type, what the type requires is there, and its times fit. `path` is where
 * it stands, "probes[0]"; each key is reported below it. */
void config_check_probe(const struct config_probe *probe, const char *path, const struct config_check *check);

#endif
