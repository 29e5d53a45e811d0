/* Names, in a file system of one's own whose /etc/hosts and /etc/resolv.conf change under us. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/error.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/net/connect.h"
#include "support/temp_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_SKIPPED = 77, PATIENCE_MS = 2000 };

static struct temp_dir dir;

struct result {
    bool over;
    enum connect_outcome outcome;
};

static void done(enum connect_outcome outcome, const char *detail, int64_t elapsed_us, void *user)
{
    (void)detail;
    (void)elapsed_us;
    *(struct result *)user = (struct result){.over = true, .outcome = outcome};
}

static enum connect_outcome try(struct loop *loop, const char *host, uint16_t port)
{
    struct result result = {0};
    connect_tcp(loop, host, port, PATIENCE_MS, done, &result);
    while (!result.over) {
        loop_turn_once(loop, true);
    }
    return result.outcome;
}

static void write_over(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) {
        _exit(EXIT_SKIPPED);
    }
}

static bool lay_over(const char *path, const char *text, const char *over)
{
    write_over(path, text);
    return mount(path, over, NULL, MS_BIND, NULL) == 0;
}

/* A name server that answers every question for an address with 127.0.0.1, in a process of its own. */
static void serve_names(int fd)
{
    static const uint8_t answer[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 127, 0, 0, 1};
    uint8_t bytes[600];
    for (;;) {
        struct sockaddr_in from;
        socklen_t from_size = sizeof(from);
        ssize_t size = recvfrom(fd, bytes, 500, 0, (struct sockaddr *)&from, &from_size);
        if (size < 17) {
            _exit(0);
        }
        bool v4 = bytes[size - 3] == 1; /* the type of the question, which is the last thing in it */
        bytes[2] = 0x81;
        bytes[3] = 0x80;
        bytes[7] = v4 ? 1 : 0;
        memcpy(bytes + size, answer, sizeof(answer));
        (void)!sendto(fd, bytes, (size_t)size + (v4 ? sizeof(answer) : 0), 0, (struct sockaddr *)&from,
                      from_size);
    }
}

static int bound(int type, const char *address, uint16_t port, uint16_t *ret_port)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t size = sizeof(name);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    inet_pton(AF_INET, address, &name.sin_addr);
    if (fd < 0 || bind(fd, (struct sockaddr *)&name, size) < 0 ||
        getsockname(fd, (struct sockaddr *)&name, &size) < 0) {
        _exit(EXIT_SKIPPED);
    }
    *ret_port = ntohs(name.sin_port);
    return fd;
}

/* Returns which step went wrong; 0: none. */
static int follow_the_files(void)
{
    struct error err;
    const char *hosts = temp_path(&dir, "hosts"), *resolv = temp_path(&dir, "resolv");
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        !lay_over(hosts, "127.0.0.1 localhost\n", "/etc/hosts") ||
        !lay_over(resolv, "nameserver 127.0.0.9\noptions timeout:1 attempts:1\n", "/etc/resolv.conf")) {
        return EXIT_SKIPPED;
    }
    uint16_t port, dns_port;
    int fd = bound(SOCK_STREAM, "127.0.0.1", 0, &port);
    int dns = bound(SOCK_DGRAM, "127.0.0.77", 53, &dns_port);
    listen(fd, 8);
    pid_t names = fork();
    if (names == 0) {
        serve_names(dns);
    }
    struct loop *loop = loop_new(&err);
    struct result pending = {0};
    int step = 0;
    if (try(loop, "etcd.test", port) == CONNECT_OK) {
        step = 1;
    }
    write_over(hosts, "127.0.0.1 etcd.test\n");
    if (step == 0 && try(loop, "etcd.test", port) != CONNECT_OK) {
        step = 2;
    }
    write_over(hosts, "127.0.0.2 etcd.test other.test\n");
    if (step == 0 && try(loop, "etcd.test", port) != CONNECT_REFUSED) {
        step = 3;
    }
    /* One look-up is under way while the name servers change; another one notices. */
    connect_tcp(loop, "third.test", port, 10 * PATIENCE_MS, done, &pending);
    loop_turn_once(loop, false);
    write_over(resolv, "nameserver 127.0.0.77\n");
    if (step == 0 && try(loop, "fourth.test", port) != CONNECT_OK) {
        step = 4;
    }
    while (!pending.over) {
        loop_turn_once(loop, true);
    }
    if (step == 0 && pending.outcome != CONNECT_OK) {
        step = 5;
    }
    write_over(resolv, ""); /* nobody to ask: an answer all the same, and no end */
    if (step == 0 && try(loop, "fifth.test", port) == CONNECT_OK) {
        step = 6;
    }
    loop_free(loop);
    kill(names, SIGKILL);
    return step;
}

static void names_follow_the_files(void **state)
{
    (void)state;
    assert_int_equal(temp_dir_init(&dir), 0);
    pid_t child = fork();
    if (child == 0) {
        _exit(follow_the_files());
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    (void)temp_dir_fini(&dir);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == EXIT_SKIPPED) {
        skip(); /* this machine gives nobody a file system of his own, or somebody is its name server */
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_follow_the_files)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
