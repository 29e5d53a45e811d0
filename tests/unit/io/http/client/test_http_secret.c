/* What a secret call sent is nowhere in the memory of the process after its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/mem.h"
#include "outrider/io/loop/loop.h"
#include "tls_world.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECRET_SIZE = 24, MASK = 0x5a, PIECE = 1 << 16, LARGEST_MAPPING = 1 << 28 };

/* Stored masked, so that the search does not find its own pattern. */
static char masked_byte(size_t index)
{
    return (char)(('A' + (index * 7 + 3) % 26) ^ MASK);
}

static void write_secret(char *to)
{
    for (size_t i = 0; i < SECRET_SIZE; i++) {
        to[i] = (char)(masked_byte(i) ^ MASK);
    }
    to[SECRET_SIZE] = '\0';
}

static size_t count_in(const char *bytes, size_t size)
{
    size_t found = 0;
    for (size_t at = 0; at + SECRET_SIZE <= size; at++) {
        size_t i = 0;
        while (i < SECRET_SIZE && (char)(bytes[at + i] ^ MASK) == masked_byte(i)) {
            i++;
        }
        found += i == SECRET_SIZE ? 1 : 0;
    }
    return found;
}

/* Read through the kernel: freed memory and the sanitizer's own count as well. */
static size_t count_in_mapping(int memory, unsigned long from, unsigned long until)
{
    static char bytes[PIECE];
    size_t found = 0;
    for (; from < until; from += PIECE - SECRET_SIZE) {
        ssize_t got = pread(memory, bytes, sizeof(bytes), (off_t)from);
        if (got > 0 && (from > (uintptr_t)bytes + PIECE || from + PIECE < (uintptr_t)bytes)) {
            found += count_in(bytes, (size_t)got < until - from ? (size_t)got : until - from);
        }
    }
    mem_wipe(bytes, sizeof(bytes));
    return found;
}

static size_t count_in_memory(void)
{
    size_t found = 0;
    char line[512], mode[8];
    FILE *maps = fopen("/proc/self/maps", "r");
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    assert_true(maps != NULL && memory >= 0);
    while (fgets(line, sizeof(line), maps) != NULL) {
        unsigned long from = 0, until = 0;
        if (sscanf(line, "%lx-%lx %7s", &from, &until, mode) == 3 && strncmp(mode, "rw", 2) == 0 &&
            until - from <= LARGEST_MAPPING) {
            found += count_in_mapping(memory, from, until);
        }
    }
    close(memory);
    fclose(maps);
    return found;
}

static void ask(struct tls_world *world, const char *kind, bool secret)
{
    char body[SECRET_SIZE + 1], header[SECRET_SIZE + 16] = "Authorization: ";
    write_secret(body);
    write_secret(header + strlen(header));
    struct http_call call = tls_call(world, kind, "/end"); /* it echoes nothing */
    char url[96];
    snprintf(url, sizeof(url), "%s%s", strcmp(kind, "plain") == 0 ? "http" : "https", strchr(call.url, ':'));
    call.url = url;
    call.headers = (const char *const[]){header, NULL};
    call.body = (struct str){body, SECRET_SIZE};
    call.secret = secret;
    world->outcome = (struct tls_outcome){0};
    http_client_send(world->client, &call, tls_note, &world->outcome);
    mem_wipe(header, sizeof(header));
    mem_wipe(body, sizeof(body));
    while (world->outcome.calls == 0) {
        loop_turn_once(world->loop, true);
    }
    assert_int_equal(world->outcome.result.status, 200);
}

static void test_nothing_is_left(void **state)
{
    struct tls_world *world = *state;
    tls_client(world, (struct http_tls){0});
    ask(world, "server", true);
    assert_int_equal(count_in_memory(), 0);
    ask(world, "both", true); /* where HTTP/2 is offered */
    assert_int_equal(count_in_memory(), 0);
    ask(world, "plain", true);
    assert_int_equal(count_in_memory(), 0);
    ask(world, "server", false);
    assert_true(count_in_memory() > 0); /* the search finds what is there */
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, tls_setup, tls_teardown)
    const struct CMUnitTest tests[] = {T(test_nothing_is_left)};
    return cmocka_run_group_tests(tests, tls_group_setup, tls_group_teardown);
}
