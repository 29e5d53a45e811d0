/* The types of probes as people type them. What differs from type to type is a row here. */
#include "outrider/base/error.h"
#include "outrider/core/config/address.h"
#include "probe_internal.h"

const struct probe_kind probe_kinds[] = {
    {"minecraft", CONFIG_PROBE_MINECRAFT, PROBE_PLACE_HOST, .port = 25565,
     .for_what = "Minecraft Java Edition, and proxies such as Velocity and BungeeCord",
     .look_at = "server.properties has it as server-port, and enable-status must not be false there."},
    {"raknet", CONFIG_PROBE_RAKNET, PROBE_PLACE_HOST, .datagrams = true, .port = 19132,
     .for_what = "Minecraft Bedrock Edition and other games on RakNet",
     .look_at = "server.properties of Bedrock has it as server-port."},
    {"a2s", CONFIG_PROBE_A2S, PROBE_PLACE_HOST, .datagrams = true, .port = 27015,
     .for_what =
         "Source and GoldSrc, Rust, ARK, Valheim, Garry's Mod and other games in Steam's server browser",
     .look_at = "Many games answer queries on another port than players use, such as the next one or the one "
                "after it: "
                "look for a query port in the settings of the game."},
    {"quake3", CONFIG_PROBE_QUAKE3, PROBE_PLACE_HOST, .datagrams = true, .port = 27960,
     .for_what = "Quake III Arena, OpenArena, Urban Terror, Xonotic and other games on that engine",
     .look_at = "The game has it as net_port."},
    {"http", CONFIG_PROBE_HTTP, PROBE_PLACE_URL, .port = 80, .secure_port = 443,
     .for_what = "a web server, or a game with a status page",
     .when_failed = "`path`, `status`, `body` and `tls` say what is asked and what passes; a server of HTTPS "
                    "is asked with "
                    "`scheme: https`, which the type https stands for."},
    {"https", CONFIG_PROBE_HTTP, PROBE_PLACE_URL, .secure = true, .port = 80, .secure_port = 443,
     .for_what = "the same with TLS"},
    {"grpc", CONFIG_PROBE_GRPC, PROBE_PLACE_HOST, .port = 50051,
     .for_what = "a gRPC server with the health service grpc.health.v1 (--tls: with TLS)",
     .when_failed =
         "The server must register the health service grpc.health.v1; one with TLS is asked with `tls`."},
    {"tcp", CONFIG_PROBE_TCP, PROBE_PLACE_HOST, .for_what = "anything that listens on a TCP port"},
    {"unix", CONFIG_PROBE_UNIX, PROBE_PLACE_PATH, .for_what = "anything that listens on a unix socket"},
    {"exec", CONFIG_PROBE_EXEC, PROBE_PLACE_COMMAND, .for_what = "a program of yours: exit status 0 passes",
     .when_failed = "A program passes with exit status 0."},
};

const size_t probe_kind_count = COUNT_OF(probe_kinds);

const struct probe_kind *probe_kind_of(const char *word)
{
    for (size_t i = 0; i < COUNT_OF(probe_kinds); i++) {
        if (strcmp(probe_kinds[i].word, word) == 0) {
            return &probe_kinds[i];
        }
    }
    return NULL;
}

const struct probe_kind *probe_kind_of_type(enum config_probe_type type)
{
    size_t i = 0;
    while (probe_kinds[i].type != type) {
        i++;
    }
    return &probe_kinds[i];
}

/* ---- where ---- */

static bool is_host(struct str text)
{
    return address_is_ipv4(text) || address_is_ipv6(text) || address_is_name(text);
}

static int not_a_place(struct str text, struct error *err)
{
    return error_set(err, ERROR_INVALID, "`%.*s` is no address: want HOST, HOST:PORT or [V6]:PORT",
                     (int)(text.size > 64 ? 64 : text.size), text.data == NULL ? "" : text.data);
}

static int read_host(struct str text, struct probe_place_parts *parts, struct error *err)
{
    struct str inside = {text.data, text.size};
    uint64_t port = 0;
    bool bracketed = text.size > 2 && text.data[0] == '[' && text.data[text.size - 1] == ']';
    bool colon = text.size > 1 && text.data[0] == ':' && text.data[1] != ':';
    inside = bracketed ? (struct str){text.data + 1, text.size - 2} : inside;
    if (str_to_u64(colon ? (struct str){text.data + 1, text.size - 1} : text, UINT16_MAX, &port) == 0 &&
        port > 0) {
        parts->port = (uint16_t)port;
    } else if (bracketed ? address_is_ipv6(inside) : is_host(text)) {
        parts->host = inside;
    } else if (address_split(text, &parts->host, &parts->port) < 0) {
        return not_a_place(text, err);
    }
    return 0;
}

static int read_url(struct str text, struct probe_place_parts *parts, struct error *err)
{
    parts->secure = str_starts(text, STR("https://"));
    if (parts->secure || str_starts(text, STR("http://"))) {
        size_t size = parts->secure ? 8 : 7;
        text = (struct str){text.data + size, text.size - size};
    }
    const char *slash = text.size == 0 ? NULL : memchr(text.data, '/', text.size);
    size_t size = slash == NULL ? text.size : (size_t)(slash - text.data);
    if (slash != NULL) {
        parts->path = (struct str){slash, text.size - size};
    }
    return size == 0 ? 0 : read_host((struct str){text.data, size}, parts, err);
}

int probe_place_read(enum probe_place place, struct str text, struct probe_place_parts *ret_parts,
                     struct error *err)
{
    *ret_parts = (struct probe_place_parts){0};
    switch (place) {
    case PROBE_PLACE_HOST: return read_host(text, ret_parts, err);
    case PROBE_PLACE_URL: return read_url(text, ret_parts, err);
    case PROBE_PLACE_PATH: ret_parts->path = text; break;
    case PROBE_PLACE_COMMAND: break;
    }
    return 0;
}
