#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "peer.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs in the child: no cmocka here. */
static void serve(int listener, int received, const char *until, const char *const *answers)
{
    for (; *answers != NULL; answers++) {
        char bytes[65536];
        size_t size = 0;
        int fd = accept(listener, NULL, NULL);
        do {
            ssize_t got = recv(fd, bytes + size, sizeof(bytes) - 1 - size, 0);
            if (got <= 0) {
                break;
            }
            size += (size_t)got;
            bytes[size] = '\0';
        } while (strstr(bytes, until) == NULL);
        if (write(received, bytes, size) < 0 || send(fd, *answers, strlen(*answers), MSG_NOSIGNAL) < 0) {
            _exit(1);
        }
        close(fd);
    }
    _exit(0);
}

void peer_start(struct peer *peer, const char *path, const char *until, const char *const *answers)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int ends[2], listener = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(peer->path, sizeof(peer->path), "%s", path);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    assert_int_equal(bind(listener, (const struct sockaddr *)(const void *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(pipe(ends), 0);
    peer->pid = fork();
    assert_true(peer->pid >= 0);
    if (peer->pid == 0) {
        serve(listener, ends[1], until, answers);
    }
    close(listener);
    close(ends[1]);
    peer->received = ends[0];
}

void peer_end(struct peer *peer, struct buf *ret_received)
{
    char block[4096];
    ssize_t got;
    while ((got = read(peer->received, block, sizeof(block))) > 0) {
        buf_add(ret_received, block, (size_t)got);
    }
    int status;
    assert_int_equal(waitpid(peer->pid, &status, 0), peer->pid);
    assert_int_equal(status, 0);
    close(peer->received);
    unlink(peer->path);
}
