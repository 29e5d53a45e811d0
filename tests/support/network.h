/* A network of the test's own: a process that enters it has a loopback that is up and nothing else. */
#ifndef OUTRIDER_TESTS_SUPPORT_NETWORK_H
#define OUTRIDER_TESTS_SUPPORT_NETWORK_H

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a child ends with where the kernel forbids a network namespace, or there is no ip(8). */
enum { NETWORK_SKIPPED = 77 };

static inline bool network_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    bool good = file != NULL && fputs(text, file) >= 0;
    return file != NULL && fclose(file) == 0 && good;
}

/* Root inside is who the user is outside. */
static inline bool network_map(const char *path, unsigned id)
{
    char text[32];
    snprintf(text, sizeof(text), "0 %u 1\n", id);
    return network_write(path, text);
}

/* Runs ip(8) with the words. Returns whether it succeeded. */
static inline bool network_ip(const char *words)
{
    char command[256];
    snprintf(command, sizeof(command), "ip %s", words);
    return system(command) == 0;
}

/* Ends the process with NETWORK_SKIPPED, saying why, where it is not allowed. */
static inline void network_enter(void)
{
    unsigned uid = getuid(), gid = getgid();
    bool entered = unshare(CLONE_NEWNET) == 0;
    if (!entered) { /* an ordinary user may do it as root of a user namespace */
        entered = unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 &&
                  network_write("/proc/self/setgroups", "deny\n") && network_map("/proc/self/uid_map", uid) &&
                  network_map("/proc/self/gid_map", gid);
    }
    if (!entered || !network_ip("link set lo up")) {
        fprintf(stderr, "skipped: %s\n",
                entered ? "there is no ip(8)" : "the kernel forbids a network namespace");
        exit(NETWORK_SKIPPED);
    }
}

#endif
