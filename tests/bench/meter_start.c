/* exec -> registered: fork and exec, until a watcher sees the key; floor and agent in turn.
 *
 * usage: bench_start ENDPOINT PREFIX N FLOOR_PROGRAM AGENT_PROGRAM CONFIG AGENT_KEY
 * prints "floor US" and "subject US" N times each */
#include "etcd_watch.h"
#include "meter.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WARM_UP = 2, EVENT_TIMEOUT_MS = 10000, REST_US = 20000 };

/* Starts `arguments`, measures until `key` is there, stops it, and waits until the key is gone. Returns the
 * time. */
static int64_t run(struct etcd_watch *watch, char *const *arguments, const char *key)
{
    meter_rest_us(REST_US);
    int64_t start = meter_now_us();
    pid_t pid = fork();
    if (pid < 0) {
        meter_die("fork: %s", strerror(errno));
    }
    if (pid == 0) {
        execv(arguments[0], arguments);
        _exit(127);
    }
    int64_t took = etcd_watch_until(watch, key, "{", EVENT_TIMEOUT_MS)->at_us - start;
    kill(pid, SIGTERM);
    etcd_watch_until(watch, key, NULL, EVENT_TIMEOUT_MS);
    int status;
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        meter_die("%s did not end well (wait status %d)", arguments[0], status);
    }
    return took;
}

int main(int argc, char **argv)
{
    if (argc != 8) {
        fprintf(stderr,
                "usage: bench_start ENDPOINT PREFIX N FLOOR_PROGRAM AGENT_PROGRAM CONFIG AGENT_KEY\n");
        return 64;
    }
    int64_t n = meter_number(argv[3]);
    char floor_key[256], agent[] = "agent", option[] = "-c", ttl[] = "10";
    snprintf(floor_key, sizeof(floor_key), "%s/floor", argv[2]);
    char *floor[] = {argv[4], argv[1], floor_key, ttl, NULL};
    char *subject[] = {argv[5], agent, option, argv[6], NULL};
    struct etcd_watch watch;
    etcd_watch_open(&watch, argv[1], argv[2], true);
    for (int64_t i = 0; i < n + WARM_UP; i++) {
        int64_t floor_us = run(&watch, floor, floor_key);
        int64_t subject_us = run(&watch, subject, argv[7]);
        if (i >= WARM_UP) {
            printf("floor %" PRId64 "\nsubject %" PRId64 "\n", floor_us, subject_us);
        }
    }
    return 0;
}
