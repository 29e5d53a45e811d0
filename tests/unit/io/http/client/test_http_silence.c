/* A stream that says little, in a child process whose clock leaps: it is the time since the last byte that ends it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/error.h"
#include "outrider/io/http/client/http_fetch.h"
#include "unit/io/raw_server.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SILENCE_MS = 40000, COMMENT_S = 15, COMMENTS = 12 };

static time_t leapt_s;

/* The clock of the whole program, libcurl's as well. */
int clock_gettime(clockid_t id, struct timespec *ret_now)
{
    long rc = syscall(SYS_clock_gettime, id, ret_now);
    ret_now->tv_sec += leapt_s;
    return (int)rc;
}

/* The child's side of a fetch. */
struct reader {
    int say; /* a byte to it: the server's turn */
    size_t comments, ticks;
};

static bool on_data(int status, struct str bytes, void *user)
{
    struct reader *reader = user;
    leapt_s += COMMENT_S;
    reader->comments += bytes.size > 0 ? 1 : 0;
    return status == 200 && write(reader->say, "+", 1) == 1;
}

/* Leaps once the server has said its last: far, so that the test need not wait for further ticks. */
static void on_tick(void *user)
{
    struct reader *reader = user;
    reader->ticks++;
    leapt_s += reader->comments == COMMENTS ? SILENCE_MS / 1000 + 1 : 0;
}

static void read_stream(const char *url, int say)
{
    struct reader reader = {.say = say};
    struct buf none = {0};
    struct error err = {0};
    int status = 0;
    const struct http_fetch_request request = {.method = "GET",
                                               .url = url,
                                               .data = on_data,
                                               .tick = on_tick,
                                               .user = &reader,
                                               .silence_ms = SILENCE_MS};
    int rc = http_fetch(&request, &err, &status, &none);
    bool right = rc < 0 && err.code == ERROR_TIMEOUT && reader.comments == COMMENTS && reader.ticks > 0 &&
                 strstr(err.text, "the server sent nothing for 40s") != NULL;
    if (!right) {
        fprintf(stderr, "after %zu comments: %s\n", reader.comments, err.text);
    }
    buf_fini(&none);
    _exit(right ? 0 : 1);
}

/* 3 bytes every 15 s, for three minutes, are no silence of 40 s; then comes one. */
static void test_a_quiet_stream_is_not_silent(void **state)
{
    (void)state;
    struct raw_server server;
    int says[2], status = 0;
    size_t sent = 0;
    raw_server_init(&server);
    server.act = RAW_ANSWER;
    server.answer = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
    assert_int_equal(pipe(says), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        read_stream(raw_server_url(&server), says[1]);
    }
    while (waitpid(child, &status, WNOHANG) == 0) {
        char byte;
        struct pollfd turn = {.fd = says[0], .events = POLLIN};
        raw_server_step(&server);
        if (poll(&turn, 1, 1) > 0 && read(says[0], &byte, 1) == 1 && sent < COMMENTS) {
            assert_int_equal(send(server.connections[0].fd, ":\n\n", 3, MSG_NOSIGNAL), 3);
            sent++;
        }
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    close(says[0]);
    close(says[1]);
    raw_server_fini(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_quiet_stream_is_not_silent)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
