#include "tls_world.h"

#include "outrider/base/attr.h"
#include "outrider/base/error.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/net/resolver.h"
#include "support/temp_dir.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

struct tls_port {
    char kind[16];
    unsigned number;
};

/* One for each program. */
static struct {
    struct temp_dir dir;
    pid_t pid;
    int input;
    struct tls_port ports[12];
} server;

static void must(bool ok, const char *what)
{
    if (!ok) {
        perror(what);
        abort();
    }
}

static void make_certificates(void)
{
    char command[128];
    must(temp_dir_init(&server.dir) == 0, "mkdtemp");
    snprintf(command, sizeof(command), "tests/support/certs %s", server.dir.path);
    must(system(command) == 0, command);
}

static void start_server(int *ret_output)
{
    int input[2], output[2];
    must(pipe2(input, O_CLOEXEC) == 0 && pipe2(output, O_CLOEXEC) == 0, "pipe2");
    server.pid = fork();
    must(server.pid >= 0, "fork");
    if (server.pid == 0) {
        dup2(input[0], 0);
        dup2(output[1], 1);
        execl("tests/support/tls-server", "tls-server", server.dir.path, (char *)NULL);
        must(false, "tests/support/tls-server");
    }
    close(input[0]);
    close(output[1]);
    server.input = input[1];
    *ret_output = output[0];
}

int tls_group_setup(void **state)
{
    (void)state;
    int output = -1;
    make_certificates();
    start_server(&output);
    FILE *file = fdopen(output, "r");
    must(file != NULL, "fdopen");
    for (size_t i = 0; i < COUNT_OF(server.ports); i++) {
        must(fscanf(file, "%15s %u", server.ports[i].kind, &server.ports[i].number) == 2, "tls-server");
    }
    char ready[16];
    must(fscanf(file, "%15s", ready) == 1 && strcmp(ready, "ready") == 0, "tls-server");
    fclose(file);
    return 0;
}

int tls_group_teardown(void **state)
{
    (void)state;
    close(server.input);
    waitpid(server.pid, NULL, 0);
    return temp_dir_fini(&server.dir);
}

int tls_setup(void **state)
{
    struct tls_world *world = calloc(1, sizeof(*world));
    struct error err;
    must(world != NULL, "calloc");
    world->loop = loop_new(&err);
    must(world->loop != NULL, "loop_new");
    world->resolver = resolver_new(world->loop, NULL);
    *state = world;
    return 0;
}

int tls_teardown(void **state)
{
    struct tls_world *world = *state;
    http_client_free(world->client);
    resolver_free(world->resolver);
    loop_free(world->loop);
    free(world);
    return 0;
}

const char *tls_cert(const char *name)
{
    static char paths[32][128];
    static unsigned next;
    char *path = paths[next++ % COUNT_OF(paths)];
    snprintf(path, sizeof(paths[0]), "%s/%s", server.dir.path, name);
    return path;
}

void tls_client(struct tls_world *world, struct http_tls tls)
{
    if (tls.ca_file == NULL) {
        tls.ca_file = tls_cert("ca.crt");
    }
    http_client_free(world->client);
    world->client = http_client_new(world->loop, world->resolver, &tls);
}

const char *tls_url(struct tls_world *world, const char *kind, const char *path)
{
    const struct tls_port *port = server.ports;
    while (strcmp(port->kind, kind) != 0) {
        port++;
    }
    snprintf(world->url, sizeof(world->url), "https://127.0.0.1:%u%s", port->number, path);
    return world->url;
}

struct http_call tls_call(struct tls_world *world, const char *kind, const char *path)
{
    return (struct http_call){
        .url = tls_url(world, kind, path),
        .body = STR("hello"),
        .timeout_ms = 60000,
        .connect_timeout_ms = 60000,
        .max_response = 200,
    };
}

static void copy(char *to, size_t room, struct str from)
{
    size_t size = from.size < room - 1 ? from.size : room - 1;
    if (size > 0) {
        memcpy(to, from.data, size);
    }
    to[size] = '\0';
}

void tls_note(const struct http_result *result, void *user)
{
    struct tls_outcome *outcome = user;
    outcome->calls++;
    outcome->result = *result;
    copy(outcome->text, sizeof(outcome->text), str_of(result->text));
    copy(outcome->body, sizeof(outcome->body), result->body);
    copy(outcome->content_type, sizeof(outcome->content_type), result->content_type);
}

void tls_ask(struct tls_world *world, const char *kind, const char *path)
{
    struct http_call call = tls_call(world, kind, path);
    world->outcome = (struct tls_outcome){0};
    http_client_send(world->client, &call, tls_note, &world->outcome);
    must(world->outcome.calls == 0, "a call ended in http_client_send");
    while (world->outcome.calls == 0) {
        loop_turn_once(world->loop, true);
    }
}

long tls_info(const struct tls_world *world, const char *name)
{
    char wanted[32];
    snprintf(wanted, sizeof(wanted), "%s=", name);
    const char *found = strstr(world->outcome.body, wanted);
    return found == NULL ? -1 : strtol(found + strlen(wanted), NULL, 10);
}

static bool has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fprintf(stderr, "no \"%s\" in \"%s\"\n", part, text);
        return false;
    }
    return true;
}

bool tls_text_has(const struct tls_world *world, const char *part)
{
    return has(world->outcome.text, part);
}

bool tls_body_has(const struct tls_world *world, const char *part)
{
    return has(world->outcome.body, part);
}
