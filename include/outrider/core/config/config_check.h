/* The rules between settings: what no single row of the table can say. Pure, so that any source of a
 * configuration can be held to them. */
#ifndef OUTRIDER_CORE_CONFIG_CONFIG_CHECK_H
#define OUTRIDER_CORE_CONFIG_CONFIG_CHECK_H

#include <stdbool.h>

struct config;

struct config_check {
    /* Whether `path` (or something above or below it) is already known to be wrong, so that its value means
     * nothing and a rule that reads it must keep quiet: one fault, one error. May be NULL: nothing is. */
    bool (*is_faulty)(const char *path, void *user);
    /* Told each broken rule: where ("probes[1].timeout") and what is wrong. Both are borrowed for the call.
     */
    void (*report)(const char *path, const char *text, void *user);
    /* Likewise, what works but is hardly meant. May be NULL: nobody listens. */
    void (*warn)(const char *path, const char *text, void *user);
    /* Whether somebody wrote `path`, be it what its default is. May be NULL: nobody knows. */
    bool (*is_written)(const char *path, void *user);
    void *user;
};

/* Holds `config`, before config_resolve, to every rule (docs/design/protocol.md, "Configuration") that
 * concerns more than one setting or the absence of one. Reports in no particular order. */
void config_check(const struct config *config, const struct config_check *check);

#endif
