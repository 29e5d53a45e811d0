/* Reading the fleet: exec -> the floor has read and parsed it and ended; exec -> the observer answers with
 * the last record of it. In turn, and beside them the same observer where there is nothing to read.
 *
 * usage: bench_load N ETCD_PID FLOOR_PROGRAM ENDPOINT PREFIX PAGE AGENT_PROGRAM CONFIG EMPTY_CONFIG PORT PATH
 *                   EMPTY_PATH
 * ETCD_PID 0: none that we know. Prints N times each, times in microseconds:
 *     floor, floor-cpu, fetch (what the floor itself says of the listing), floor-etcd (etcd's CPU),
 *     subject, subject-cpu, subject-etcd, empty, empty-cpu */
#include "meter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REST_US = 50000, KNOCK_US = 200, PATIENCE_US = 20000000 };

struct sample {
    int64_t took, cpu, etcd_cpu;
};

/* CPU of all threads of a process so far; 0 when it is not there. */
static int64_t cpu_of(int64_t pid)
{
    char path[64], text[1024];
    unsigned long long user, system;
    snprintf(path, sizeof(path), "/proc/%" PRId64 "/stat", pid);
    FILE *file = pid > 0 ? fopen(path, "re") : NULL;
    if (file == NULL) {
        return 0;
    }
    size_t size = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[size] = '\0';
    const char *behind = strrchr(text, ')'); /* the name may hold anything */
    if (behind == NULL ||
        sscanf(behind + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) != 2) {
        meter_die("%s is not what it should be", path);
    }
    return (int64_t)(user + system) * 1000000 / sysconf(_SC_CLK_TCK);
}

/* The agent has one thread, of which the scheduler knows the nanoseconds. */
static int64_t cpu_of_thread(pid_t pid)
{
    char path[64];
    long long ns = 0;
    snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL || fscanf(file, "%lld", &ns) != 1) {
        meter_die("%s: %s", path, strerror(errno));
    }
    fclose(file);
    return ns / 1000;
}

static pid_t start(char *const *arguments, int out)
{
    pid_t pid = fork();
    if (pid < 0) {
        meter_die("fork: %s", strerror(errno));
    }
    if (pid == 0) {
        if (out >= 0) {
            dup2(out, STDOUT_FILENO);
        }
        execv(arguments[0], arguments);
        _exit(127);
    }
    return pid;
}

/* Waits for its end; `ret_cpu` may be NULL. */
static void end(pid_t pid, const char *name, int64_t *ret_cpu)
{
    int status;
    struct rusage usage;
    if (wait4(pid, &status, 0, &usage) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        meter_die("%s did not end well (wait status %d)", name, status);
    }
    if (ret_cpu != NULL) {
        *ret_cpu = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec +
                   usage.ru_stime.tv_usec;
    }
}

/* Returns what the floor says its listing took. */
static int64_t run_floor(char *const *arguments, int64_t etcd, struct sample *ret_sample)
{
    int ends[2];
    char said[256];
    if (pipe2(ends, O_CLOEXEC) < 0) {
        meter_die("pipe: %s", strerror(errno));
    }
    meter_rest_us(REST_US);
    int64_t etcd_cpu = cpu_of(etcd), began = meter_now_us();
    pid_t pid = start(arguments, ends[1]);
    end(pid, arguments[0], &ret_sample->cpu);
    ret_sample->took = meter_now_us() - began;
    ret_sample->etcd_cpu = cpu_of(etcd) - etcd_cpu;
    ssize_t got = read(ends[0], said, sizeof(said) - 1);
    close(ends[0]);
    close(ends[1]);
    said[got > 0 ? got : 0] = '\0';
    const char *fetch = strstr(said, "fetch ");
    if (fetch == NULL) {
        meter_die("the floor said nothing of its listing");
    }
    return strtoll(fetch + strlen("fetch "), NULL, 10);
}

static int reach(uint16_t port, int64_t until)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    for (;;) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
            return fd;
        }
        close(fd);
        if (meter_now_us() > until) {
            meter_die("no listener on port %u", port);
        }
        meter_rest_us(KNOCK_US);
    }
}

/* Asks for `path` until that is answered with 200. The first question mostly waits in the agent for the
 * fleet; should its time run out there, it is asked again. */
static void ask(uint16_t port, const char *path, int64_t until)
{
    char request[512], answer[512];
    int size = snprintf(request, sizeof(request),
                        "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    for (bool good = false; !good;) {
        int fd = reach(port, until);
        if (send(fd, request, (size_t)size, MSG_NOSIGNAL) != size) {
            meter_die("a request could not be written: %s", strerror(errno));
        }
        ssize_t got = recv(fd, answer, sizeof(answer) - 1, 0);
        answer[got > 0 ? got : 0] = '\0';
        close(fd);
        good = strncmp(answer, "HTTP/1.1 200 ", 13) == 0;
        if (!good && meter_now_us() > until) {
            meter_die("%s is answered %.60s", path, answer);
        }
    }
}

static void run_agent(char *const *arguments, uint16_t port, const char *path, int64_t etcd,
                      struct sample *ret_sample)
{
    meter_rest_us(REST_US);
    int64_t etcd_cpu = cpu_of(etcd), began = meter_now_us();
    pid_t pid = start(arguments, -1);
    ask(port, path, began + PATIENCE_US);
    ret_sample->took = meter_now_us() - began;
    ret_sample->cpu = cpu_of_thread(pid);
    ret_sample->etcd_cpu = cpu_of(etcd) - etcd_cpu;
    kill(pid, SIGTERM);
    end(pid, arguments[0], NULL);
}

int main(int argc, char **argv)
{
    if (argc != 13) {
        fprintf(stderr,
                "usage: bench_load N ETCD_PID FLOOR_PROGRAM ENDPOINT PREFIX PAGE AGENT_PROGRAM CONFIG "
                "EMPTY_CONFIG PORT PATH EMPTY_PATH\n");
        return 64;
    }
    int64_t n = meter_number(argv[1]), etcd = strtoll(argv[2], NULL, 10);
    uint16_t port = (uint16_t)meter_number(argv[10]);
    char agent[] = "agent", option[] = "-c";
    char *floor[] = {argv[3], argv[4], argv[5], argv[6], NULL};
    char *subject[] = {argv[7], agent, option, argv[8], NULL};
    char *empty[] = {argv[7], agent, option, argv[9], NULL};
    for (int64_t i = -1; i < n; i++) {
        struct sample floors, subjects, nothing;
        int64_t fetch = run_floor(floor, etcd, &floors);
        run_agent(subject, port, argv[11], etcd, &subjects);
        run_agent(empty, port, argv[12], etcd, &nothing);
        if (i < 0) {
            continue; /* warm */
        }
        printf("floor %" PRId64 "\nfloor-cpu %" PRId64 "\nfloor-etcd %" PRId64 "\nfetch %" PRId64 "\n",
               floors.took, floors.cpu, floors.etcd_cpu, fetch);
        printf("subject %" PRId64 "\nsubject-cpu %" PRId64 "\nsubject-etcd %" PRId64 "\n", subjects.took,
               subjects.cpu, subjects.etcd_cpu);
        printf("empty %" PRId64 "\nempty-cpu %" PRId64 "\n", nothing.took, nothing.cpu);
    }
    return 0;
}
