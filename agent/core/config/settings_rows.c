/* The table. Offsets are of struct config, for the keys of a candidacy of struct config_candidacy. */
#include "settings_internal.h"

#include "outrider/core/config/config.h"
#include "outrider/core/config/extract.h"

#include <assert.h>

#define AT(field) .offset = offsetof(struct config, field)
#define COUNT(field) .count_offset = offsetof(struct config, field)
#define GIVEN(field) .flag_offset = offsetof(struct config, field)
#define CANDIDACY_AT(field) .offset = offsetof(struct config_candidacy, field)

#define RELOAD SETTING_RELOADABLE

#define MEGABYTE (INT64_C(1) << 20)

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

static const char *const backends[] = {"etcd", "redis", "consul", NULL};
static const char *const levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const view_modes[] = {"auto", "always", "off", NULL};
static const char *const histories[] = {"auto", "on", "off", NULL};
static const char *const session_stores[] = {"auto", "memory", "redis", "off", NULL};
static const char *const redis_modes[] = {"auto", "single", "sentinel", "cluster", NULL};
static const char *const sandboxes[] = {"auto", "required", "off", NULL};
static const char *const reads[] = {"auto", "open", "login", NULL};
static const char *const key_scopes[] = {"false", "own", "all", NULL};
static const char *const idles[] = {"shutting_down", "drain", NULL};
static const char *const audit_modes[] = {"auto", "on", "off", NULL};
static const char *const formats[] = {"logfmt", "json", NULL};

static const struct setting rows[] = {
    {"server.type", SETTING_STRING, .flags = SETTING_REQUIRED, .shape = shape_type, AT(server.type),
     .doc = "The kind of server; the first part of its key in the registry."},
    {"server.id", SETTING_STRING, .fallback = "auto", .shape = shape_id, AT(server.id),
     .doc = "The name of this one server. `auto`: a ULID kept in `state_dir`; without a `state_dir` new "
            "at every start."},
    {"server.host", SETTING_STRING, .flags = RELOAD, .fallback = "auto", .shape = shape_host, AT(server.host),
     .doc =
         "The host to publish: an address, a name (published as written) or an interface (`eth0`), which may "
         "come later. `auto`: an address of the default route. Of several, the best one "
         "(docs/design/protocol.md, \"Defaults\"); changes are followed."},
    {"server.ports", SETTING_PORTS, .flags = SETTING_REQUIRED | RELOAD, .min = 1, .max = CONFIG_PORTS_MAX,
     AT(server.ports), COUNT(server.port_count), GIVEN(server.ports_dynamic),
     .doc = "The TCP ports to publish, or `dynamic`: the server reports them with `ports=`."},
    {"server.region", SETTING_STRING, .flags = SETTING_NULLABLE | RELOAD, .shape = shape_text,
     AT(server.region), .doc = "The region of the server, for routing."},
    {"server.zone", SETTING_STRING, .flags = SETTING_NULLABLE | RELOAD, .shape = shape_text, AT(server.zone),
     .doc = "The zone within the region."},
    {"server.group", SETTING_STRING, .flags = SETTING_NULLABLE | RELOAD, .shape = shape_text,
     AT(server.group), .doc = "A group of servers that belong together."},
    {"server.version", SETTING_STRING, .flags = SETTING_NULLABLE | RELOAD, .shape = shape_text,
     AT(server.version), .doc = "The version of the game server."},
    {"server.capacity", SETTING_INTEGER, .flags = SETTING_NULLABLE | RELOAD, .min = 0, .max = UINT32_MAX,
     AT(server.capacity), GIVEN(server.has_capacity), .doc = "The number of players it can take."},
    {"server.weight", SETTING_INTEGER, .flags = RELOAD, .fallback = "1", .min = 0, .max = 100,
     AT(server.weight), .doc = "Its share of placements beside other servers. `0`: it is never chosen."},
    {"server.tags", SETTING_STRINGS, .flags = SETTING_NULLABLE | RELOAD, .fallback = "[]",
     .max = CONFIG_TAGS_MAX, .shape = shape_tag, AT(server.tags), COUNT(server.tag_count),
     .doc = "Words by which clients select servers."},
    {"server.labels", SETTING_LABELS, .flags = SETTING_NULLABLE | RELOAD, .fallback = "{}",
     .max = CONFIG_LABELS_MAX, .shape = shape_label_value, AT(server.labels), COUNT(server.label_count),
     .doc = "Names and values by which clients select servers; the server adds to them with "
            "`label.NAME=VALUE`."},
    {"server.require_status", SETTING_BOOL, .flags = RELOAD, .fallback = "false", AT(server.require_status),
     .doc = "`true`: not ready until the server has reported it. Must be `true` where `probes` is "
            "`[]`."},
    {"server.watchdog", SETTING_DURATION, .flags = SETTING_ZERO | RELOAD, .fallback = "0s", .min = 100,
     .max = DAY, AT(server.watchdog_ms),
     .doc = "The server is in error when it sends no heartbeat for this long. `0s`: off."},
    {"server.initializing_max", SETTING_DURATION, .flags = SETTING_ZERO | RELOAD, .fallback = "15m",
     .min = 100, .max = 7 * DAY, AT(server.initializing_max_ms),
     .doc =
         "A server that reports `initializing` for this long while a probe fails is in error. `0s`: never."},
    {"server.deregister_after", SETTING_DURATION, .flags = SETTING_ZERO | RELOAD, .fallback = "10m",
     .min = 100, .max = 7 * DAY, AT(server.deregister_after_ms),
     .doc = "After this long in error the record is withdrawn until the server recovers. `0s`: never."},
    {"server.flapping.changes", SETTING_INTEGER, .flags = RELOAD, .fallback = "6", .min = 0, .max = 100,
     AT(server.flapping.changes),
     .doc = "A server that moves between ready and not ready more often than this is kept in error. `0`, or "
            "`server.flapping: null`: never."},
    {"server.flapping.within", SETTING_DURATION, .flags = RELOAD, .fallback = "5m", .min = SECOND, .max = DAY,
     AT(server.flapping.within_ms), .doc = "The time within which the moves are counted."},
    {"server.flapping.hold", SETTING_DURATION, .flags = RELOAD, .fallback = "2m", .min = SECOND, .max = DAY,
     AT(server.flapping.hold_ms),
     .doc = "How long it must have been ready without a break to be published as ready again."},
    {"server.idle.after", SETTING_DURATION, .flags = SETTING_ZERO | RELOAD, .fallback = "0s", .min = SECOND,
     .max = 7 * DAY, AT(server.idle.after_ms),
     .doc = "A server that had players and has had none for this long is not needed any more. `0s`: off."},
    {"server.idle.then", SETTING_ENUM, .flags = RELOAD, .fallback = "shutting_down", .choices = idles,
     AT(server.idle.then),
     .doc = "What it becomes then: `shutting_down`, and its MAINPID gets TERM; or `drain`: it has the hold "
            "`idle` until a player is there."},
    {"registry.backend", SETTING_ENUM, .fallback = "etcd", .choices = backends, AT(registry.backend),
     .doc = "The registry that holds the records. What each promises and costs: docs/registries.md."},
    {"registry.endpoints", SETTING_STRINGS, .flags = SETTING_AUTO, .fallback = "auto", .min = 1,
     .max = CONFIG_ENDPOINTS_MAX, .shape = shape_endpoint, AT(registry.endpoints),
     COUNT(registry.endpoint_count),
     .doc = "The endpoints of the registry: `http://HOST:PORT` or `https://HOST:PORT`; with `redis` "
            "`redis://HOST:PORT` or `rediss://HOST:PORT` for TLS, all of one kind. `auto`: the registry's "
            "own port of this machine, `http://127.0.0.1:2379`, `redis://127.0.0.1:6379` or "
            "`http://127.0.0.1:8500`. One is used at a time. Which one follows from the id, so that a fleet "
            "spreads over them; another one when it fails, until a question beside the requests, every "
            "second to half minute, finds that it answers again. With `redis` `registry.redis.mode` says "
            "what they are."},
    {"registry.prefix", SETTING_STRING, .fallback = "/services", .shape = shape_prefix, AT(registry.prefix),
     .doc = "The key of a record is `PREFIX/TYPE/ID`."},
    {"registry.control_prefix", SETTING_STRING, .flags = SETTING_AUTO, .fallback = "auto",
     .shape = shape_prefix, AT(registry.control_prefix),
     .doc = "The prefix of control keys. `auto`: `/outrider` and the `prefix`."},
    {"registry.ttl", SETTING_DURATION, .fallback = "10s", .min = 2 * SECOND, .max = HOUR, AT(registry.ttl_ms),
     .doc = "The TTL of the lease: how long a record outlives its agent. The registry may grant a different "
            "one."},
    {"registry.heartbeat", SETTING_DURATION, .flags = SETTING_AUTO, .fallback = "auto", .min = 100,
     .max = HOUR, AT(registry.heartbeat_ms),
     .doc = "The interval of keepalives. `auto`: between TTL/4 and TTL/3, so that one can share another "
            "wake-up. A longer one than a third of the TTL that the registry grants is shortened to it."},
    {"registry.request_timeout", SETTING_DURATION, .flags = SETTING_AUTO, .fallback = "auto", .min = 10,
     .max = HOUR, AT(registry.request_timeout_ms),
     .doc = "The timeout of a request. `auto`: TTL/6, at most 2s. `heartbeat` (`auto`: TTL/3) + 3 "
            "request timeouts + TTL/10 must fit into the TTL."},
    {"registry.username", SETTING_STRING, .flags = SETTING_NULLABLE, .fallback = "null", .shape = shape_text,
     AT(registry.username),
     .doc =
         "The user that logs in to the registry; with `password_file`. With `redis`, `null` is the default "
         "user. Not with `consul`."},
    {"registry.password_file", SETTING_STRING, .flags = SETTING_NULLABLE, .fallback = "null",
     .shape = shape_file, AT(registry.password_file),
     .doc = "A file with the password, 2 to 1024 bytes; a line break at its end is ignored. It is read at "
            "each login: a "
            "changed password needs neither reload nor restart."},
    {"registry.tls.ca_file", SETTING_STRING, .flags = SETTING_NULLABLE, .fallback = "null",
     .shape = shape_file, AT(registry.tls.ca_file),
     .doc = "The CA certificates (PEM) for `https://` or `rediss://` endpoints. `null`: those of the system. "
            "The files of `tls` are read at each handshake."},
    {"registry.tls.cert_file", SETTING_STRING, .flags = SETTING_NULLABLE, .fallback = "null",
     .shape = shape_file, AT(registry.tls.cert_file),
     .doc = "The client certificate (PEM), where the registry wants one. With `username` it must have no "
            "CommonName, or etcd's gateway refuses it."},
    {"registry.tls.key_file", SETTING_STRING, .flags = SETTING_NULLABLE, .fallback = "null",
     .shape = shape_file, AT(registry.tls.key_file), .doc = "The private key (PEM) of `cert_file`."},
    {"registry.tls.server_name", SETTING_STRING, .flags = SETTING_NULLABLE, .fallback = "null",
     .shape = shape_probe_host, AT(registry.tls.server_name),
     .doc = "The name that the registry's certificate must be for. `null`: the host of the endpoint."},
    {"registry.redis.mode", SETTING_ENUM, .fallback = "auto", .choices = redis_modes, AT(registry.redis.mode),
     .doc = "What `registry.endpoints` are with `redis`. `auto`: what the first one that answers says."},
    {"registry.redis.master_name", SETTING_STRING, .flags = SETTING_NULLABLE, .fallback = "null",
     .shape = shape_name, AT(registry.redis.master_name),
     .doc = "What sentinels call the master; required with `mode: sentinel`."},
    {"registry.redis.namespace", SETTING_STRING, .fallback = "outrider-registry", .shape = shape_namespace,
     AT(registry.redis.space),
     .doc = "What every key in Redis begins with. Agents with the same one are one fleet; nothing else may "
            "use it."},
    {"registry.consul.node", SETTING_STRING, .fallback = "outrider", .shape = shape_name,
     AT(registry.consul.node),
     .doc = "The external node in Consul that the sessions belong to. It is registered once, by the operator "
            "(docs/registries.md)."},
    {"registry.consul.token_file", SETTING_STRING, .flags = SETTING_NULLABLE, .fallback = "null",
     .shape = shape_file, AT(registry.consul.token_file),
     .doc = "A file with the ACL token for Consul. It is read at the start, and again when Consul denies a "
            "request. `null`: the anonymous token."},
    {"registry.consul.catalog", SETTING_BOOL, .fallback = "false", AT(registry.consul.catalog),
     .doc = "`true`: each server is also a service of `registry.consul.node`, for Consul's DNS and UI; its "
            "check passes only while the server is ready."},
    {"record.sign_key", SETTING_STRING, .flags = SETTING_NULLABLE, .fallback = "null", .shape = shape_file,
     AT(record.sign_key),
     .doc =
         "A file with the private key (Ed25519, PEM) that signs the record, read at the start. `null`: the "
         "record is not signed."},
    {"probe_host", SETTING_STRING, .flags = RELOAD, .fallback = "localhost", .shape = shape_probe_host,
     AT(probe_host),
     .doc = "The host that probes connect to: an address or a name. `localhost` is 127.0.0.1, then ::1. "
            "`published`: the host that is published, as players use it."},
    {"probes", SETTING_PROBES, .flags = RELOAD, .max = CONFIG_PROBES_MAX, AT(probes), COUNT(probe_count),
     GIVEN(probes_given),
     .doc = "The checks whether the server is up. Absent: one tcp probe for each of `server.ports`; "
            "`[]`: none."},
    {"grace_period", SETTING_DURATION, .flags = SETTING_ZERO | RELOAD, .fallback = "60s", .min = 100,
     .max = DAY, AT(grace_period_ms),
     .doc = "For this long a probe that has not yet passed in this life may fail without an error."},
    {"status.socket", SETTING_STRING, .flags = SETTING_NULLABLE | SETTING_AUTO, .fallback = "auto",
     .shape = shape_socket, AT(status.socket),
     .doc = "The stream socket for status lines. `auto`: `status.sock` in `$RUNTIME_DIRECTORY`, off "
            "without one; `null`: off. An inherited socket takes precedence."},
    {"status.notify_socket", SETTING_STRING, .flags = SETTING_NULLABLE | SETTING_AUTO, .fallback = "auto",
     .shape = shape_socket, AT(status.notify_socket),
     .doc = "The datagram socket for sd_notify. `auto`: `notify.sock` in `$RUNTIME_DIRECTORY`, off "
            "without one; `null`: off."},
    {"status.mode", SETTING_MODE, .fallback = "0660", .max = 0777, AT(status.mode),
     .doc = "The permissions of both sockets, in octal, such as `\"0660\"`. Their owner must be able to read "
            "and write."},
    {"status.group", SETTING_STRING, .flags = SETTING_NULLABLE, .fallback = "null", .shape = shape_group,
     AT(status.group),
     .doc = "The group (name or number) both sockets belong to. `null`: that of the agent."},
    {"status.min_publish_interval", SETTING_DURATION, .flags = RELOAD, .fallback = "5s", .min = 1,
     .max = HOUR, AT(status.min_publish_interval_ms),
     .doc = "Players, labels and text: the first change is written at once, then one write per interval. "
            "Status and holds do not wait for it."},
    {"status.extract.players", SETTING_STRING, .flags = SETTING_NULLABLE | RELOAD, .fallback = "null",
     .shape = extract_check, AT(status.extract.players),
     .doc = "A POSIX extended expression whose first group is the number of players in the text that the "
            "server reports (`STATUS=`, `# text`), such as `'([0-9]+)/[0-9]+'`. `null`: none."},
    {"status.extract.capacity", SETTING_STRING, .flags = SETTING_NULLABLE | RELOAD, .fallback = "null",
     .shape = extract_check, AT(status.extract.capacity),
     .doc = "The same for the capacity, such as `'[0-9]+/([0-9]+)'`."},
    {"status.accept", SETTING_STRINGS, .flags = SETTING_NULLABLE, .fallback = "[]", .max = CONFIG_ACCEPT_MAX,
     .shape = shape_command, AT(status.accept), COUNT(status.accept_count),
     .doc = "The commands that the server takes on a connection that watches: names, or beginnings such as "
            "`map.*`; `*`: all. With any of them the agent watches the inbox of its server as well."},
    {"status.call", SETTING_STRINGS, .flags = SETTING_NULLABLE, .fallback = "[]", .max = CONFIG_CALL_MAX,
     .shape = shape_type, AT(status.call), COUNT(status.call_count),
     .doc = "The types of servers that the own server may send commands to (`call`). The agent needs the "
            "right to write in their inboxes."},
    {"drain.deadline", SETTING_DURATION, .flags = SETTING_ZERO | RELOAD, .fallback = "30m", .min = 1,
     .max = 7 * DAY, AT(drain.deadline_ms),
     .doc = "A drain waits at most this long for the players to leave."},
    {"drain.settle", SETTING_DURATION, .flags = SETTING_ZERO | RELOAD, .fallback = "5s", .min = 1,
     .max = HOUR, AT(drain.settle_ms),
     .doc = "A drain is over when `players` was 0 for this long; unknown is not 0."},
    {"shutdown.drain", SETTING_BOOL, .flags = RELOAD, .fallback = "false", AT(shutdown.drain),
     .doc = "`true`: TERM drains first."},
    {"shutdown.linger", SETTING_DURATION, .flags = SETTING_ZERO | RELOAD, .fallback = "2s", .min = 1,
     .max = 10 * MINUTE, AT(shutdown.linger_ms),
     .doc = "How long `shutting_down` stays published before the record is withdrawn."},
    {"shutdown.timeout", SETTING_DURATION, .flags = RELOAD, .fallback = "5s", .min = 100, .max = 10 * MINUTE,
     AT(shutdown.timeout_ms), .doc = "How long the agent tries to withdraw its record when it stops."},
    {"http.listen", SETTING_STRINGS, .flags = SETTING_NULLABLE | SETTING_AUTO, .fallback = "auto", .min = 1,
     .max = CONFIG_LISTEN_MAX, .shape = shape_listen, AT(http.listen), COUNT(http.listen_count),
     .doc =
         "The API, at one place or a list of them: `ADDRESS:PORT`, `[V6]:PORT`, `localhost:PORT`, the same "
         "behind `tls://`, or `unix:/PATH`. `auto`: `unix:$RUNTIME_DIRECTORY/http.sock`, else "
         "`127.0.0.1:7117`; `null`: off. An inherited socket with the name `http` takes the place of the "
         "first unix one."},
    {"http.tls.cert_file", SETTING_STRING, .flags = SETTING_NULLABLE, .fallback = "null", .shape = shape_file,
     AT(http.tls.cert_file),
     .doc = "The certificate (PEM, with those between it and the authority behind it) of the places with "
            "`tls://`. This file and the next two are read again at the first handshake after they have "
            "changed; connections stay."},
    {"http.tls.key_file", SETTING_STRING, .flags = SETTING_NULLABLE, .fallback = "null", .shape = shape_file,
     AT(http.tls.key_file), .doc = "Its private key (PEM, without a pass phrase)."},
    {"http.tls.client_ca_file", SETTING_STRING, .flags = SETTING_NULLABLE, .fallback = "null",
     .shape = shape_file, AT(http.tls.client_ca_file),
     .doc =
         "The CA certificates (PEM) of clients. A client may then show a certificate of one of them, and "
         "counts by its subjectAltName; one of another authority is refused. `null`: clients are asked for "
         "none."},
    {"http.proxy_header", SETTING_STRING, .flags = SETTING_NULLABLE, .fallback = "null",
     .shape = shape_header_name, AT(http.proxy_header),
     .doc = "The header in which a proxy in front names its user, such as `X-Forwarded-User`: believed on "
            "`proxy_socket` alone, so the proxy must be the only one that can open that."},
    {"http.proxy_socket", SETTING_STRING, .flags = SETTING_NULLABLE, .fallback = "null",
     .shape = shape_socket, AT(http.proxy_socket),
     .doc = "The path of the unix socket of `listen` that is the proxy's. `null`: the only one."},
    {"http.public_url", SETTING_STRING, .flags = SETTING_NULLABLE, .fallback = "null",
     .shape = shape_public_url, AT(http.public_url),
     .doc = "Where a proxy puts this API: `https://HOST` or `https://HOST:PORT`, without a path. Its host is "
            "then a name of this agent, and changes that a browser sends must be of its origin."},
    {"http.token_file", SETTING_STRING, .flags = SETTING_NULLABLE, .fallback = "null", .shape = shape_file,
     AT(http.token_file),
     .doc = "A file with the bearer token of requests that change state, 2 bytes to 4 KiB, and at least 16 "
            "for one that "
            "cannot be guessed. Required beyond loopback and unix."},
    {"http.access_file", SETTING_STRING, .flags = SETTING_NULLABLE, .fallback = "null", .shape = shape_file,
     AT(http.access_file),
     .doc = "A file with the names that may use the API: a line `NAME ROLE sha256:HEX` for each "
            "(docs/access.md). It is read again when "
            "it changes. `null`: no names."},
    {"http.session_key_file", SETTING_STRING, .flags = SETTING_NULLABLE | SETTING_AUTO, .fallback = "auto",
     .shape = shape_file, AT(http.session_key_file),
     .doc = "The file with the key of the cookies by which browsers stay signed in. It is made (0600) when "
            "it is needed and not there; the "
            "same file on all observers behind one name. `auto`: `session.key` in `state_dir`; without one, "
            "and with `null`, the key is in "
            "memory and sessions end with the agent."},
    {"http.read", SETTING_ENUM, .fallback = "auto", .choices = reads, AT(http.read),
     .doc =
         "Who may read. `open`: every client that reaches `listen`. `login`: over TCP only requests with a "
         "token of `access_file` or `token_file`, or a session, except for `/healthz`, `/health` and "
         "`/readyz`; a unix socket has "
         "its mode. `auto`: `login` with an `access_file`, else `open`."},
    {"http.hosts", SETTING_STRINGS, .flags = SETTING_NULLABLE | RELOAD, .fallback = "[]",
     .max = CONFIG_HOSTS_MAX, .shape = shape_host_name, AT(http.hosts), COUNT(http.host_count),
     .doc =
         "Names by which requests over TCP may reach this agent, beside every address, `localhost` and the "
         "name of this machine: `Host` must be one of them, so that no page that makes a name of its own "
         "resolve to this address can read or write."},
    {"http.keys", SETTING_ENUM, .flags = RELOAD, .fallback = "false", .choices = key_scopes, AT(http.keys),
     .doc = "Which keys of the registry an admin may read and change by `/api/keys`. `own`: those below "
            "`registry.prefix` and `registry.control_prefix`; `all`: every key that the agent's user in the "
            "registry "
            "may; "
            "`false`: none."},
    {"http.max_connections", SETTING_INTEGER, .fallback = "1024", .min = 1, .max = 65536,
     AT(http.max_connections), .doc = "The limit of open connections, of each place of `listen`."},
    {"http.max_subscribers", SETTING_INTEGER, .fallback = "5000", .min = 1, .max = 1000000,
     AT(http.max_subscribers), .doc = "The limit of event subscribers, likewise, beside the connections."},
    {"http.peer_share", SETTING_INTEGER, .fallback = "25", .min = 1, .max = 100, AT(http.peer_share),
     .doc = "How many percent of either limit one peer gets: an IPv4 address, an IPv6 network of 64 bits, a "
            "user over a unix socket; at least 16. Behind a proxy all clients are one peer: `100`."},
    {"http.max_waiting", SETTING_SIZE, .flags = RELOAD, .fallback = "64MB", .min = MEGABYTE,
     .max = 64 * 1024 * MEGABYTE, AT(http.max_waiting),
     .doc =
         "How many bytes may wait for all clients together, here and in the kernel. Beyond that the one with "
         "most of them is reset; of those that read nothing they count eight times. What many wait for "
         "counts "
         "once. More than the largest list that clients ask for."},
    {"http.idle_timeout", SETTING_DURATION, .fallback = "75s", .min = SECOND, .max = HOUR,
     AT(http.idle_timeout_ms),
     .doc = "A kept connection without a request is closed after this time. Longer than a proxy in front "
            "keeps one (60s in most), or now and then a request of the proxy meets a connection that is just "
            "being closed."},
    {"dns.listen", SETTING_STRING, .flags = SETTING_NULLABLE, .fallback = "null", .shape = shape_dns_listen,
     AT(dns.listen),
     .doc = "Where the fleet is served by DNS, UDP and TCP (docs/dns.md): `ADDRESS:PORT`, `[V6]:PORT` or "
            "`localhost:PORT`. "
            "Such an agent always watches the fleet. `null`: off."},
    {"dns.domain", SETTING_STRING, .fallback = "outrider.", .shape = shape_domain, AT(dns.domain),
     .doc = "The domain of all names, at most 100 characters. What is outside of it is refused."},
    {"dns.ttl", SETTING_DURATION, .flags = RELOAD | SETTING_ZERO, .fallback = "5s", .min = SECOND,
     .max = HOUR, AT(dns.ttl_ms),
     .doc = "How long clients may keep an answer, in whole seconds; `0s`: not at all. At most 2s while it is "
            "not certain that the fleet is as it is known."},
    {"dns.answers", SETTING_INTEGER, .flags = RELOAD, .fallback = "16", .min = 1, .max = 256, AT(dns.answers),
     .doc = "Servers in one answer at most. Of more of them each answer has others, at random."},
    {"dns.max_connections", SETTING_INTEGER, .fallback = "64", .min = 1, .max = 4096, AT(dns.max_connections),
     .doc = "The limit of open TCP connections. One more closes the one that is idle for longest."},
    {"view.mode", SETTING_ENUM, .flags = RELOAD, .fallback = "auto", .choices = view_modes, AT(view.mode),
     .doc = "Whether the agent watches the whole fleet. `auto`: an observer always, and a sidecar with "
            "`dns.listen`; another sidecar from the first request "
            "that needs the fleet until there was none for `view.idle`; `always`; `off`."},
    {"view.idle", SETTING_DURATION, .flags = RELOAD, .fallback = "10m", .min = 100, .max = 7 * DAY,
     AT(view.idle_ms), .doc = "A sidecar stops watching the fleet when no request needed it for this long."},
    {"view.sign_keys", SETTING_STRINGS, .flags = SETTING_NULLABLE, .fallback = "[]",
     .max = CONFIG_SIGN_KEYS_MAX, .shape = shape_file, AT(view.sign_keys), COUNT(view.sign_key_count),
     .doc = "Files with the public keys (Ed25519, PEM, one or several in a file) of agents that sign their "
            "records, read at the start. Records then carry `signed` in the API. `[]`: signatures are not "
            "looked at."},
    {"view.require_signed", SETTING_BOOL, .fallback = "false", AT(view.require_signed),
     .doc = "`true`: a record without a signature of one of `view.sign_keys` is not served, but counted and "
            "named."},
    {"history", SETTING_ENUM, .fallback = "auto", .choices = histories, AT(history),
     .doc =
         "Whether the agent keeps what became of the servers of the fleet, in memory and in `state_dir`: for "
         "`/api/activity` and its like (docs/http-api.md, \"History\"). `auto`: an observer does, a sidecar "
         "does not; `on`: of a sidecar it has gaps while the fleet is not watched, so with `view.mode: "
         "always`; `off`."},
    {"placement.virtual_nodes", SETTING_INTEGER, .fallback = "150", .min = 1, .max = 1000,
     AT(placement.virtual_nodes),
     .doc =
         "Points of a server on the ring per unit of `server.weight`. It must be the same on all agents that "
         "are asked for placements."},
    {"placement.balance_factor", SETTING_INTEGER, .fallback = "125", .min = 0, .max = 10000,
     AT(placement.balance_factor),
     .doc =
         "By `consistent_hash` a server at least half full is passed over when it would have more than this "
         "many percent of its share of the players. `0`: never. It must be the same on all agents that are "
         "asked."},
    {"placement.reservation_ttl", SETTING_DURATION, .flags = RELOAD, .fallback = "30s", .min = 1000,
     .max = 3600000, AT(placement.reservation_ttl_ms),
     .doc = "How long a reservation is kept where the request has no `ttl`."},
    {"leader", SETTING_CANDIDACIES, .max = CONFIG_CANDIDACIES_MAX, AT(candidacies), COUNT(candidacy_count),
     .doc =
         "The scopes in which this agent stands for leadership (docs/operating.md, \"Leadership\"). Absent: "
         "none."},
    {"hooks", SETTING_HOOKS, .flags = RELOAD, .max = CONFIG_HOOKS_MAX, AT(hooks), COUNT(hook_count),
     .doc = "Programs that are run at events of the server (docs/operating.md, \"Hooks\"). Absent: none."},
    {"sessions.store", SETTING_ENUM, .fallback = "auto", .choices = session_stores, AT(sessions.store),
     .doc = "Where sessions are kept. `auto`: `memory` on an observer, `off` on a sidecar. `memory`: in this "
            "agent alone, and in `state_dir` over a restart; for one observer, or for tests. `redis`: in the "
            "servers "
            "of `sessions.redis`, which all agents with the same `namespace` share."},
    {"sessions.ttl", SETTING_DURATION, .flags = RELOAD, .fallback = "30m", .min = SECOND, .max = 7 * DAY,
     AT(sessions.ttl_ms), .doc = "A session ends when it is not touched for this long."},
    {"sessions.reconnect_grace", SETTING_DURATION, .flags = RELOAD, .fallback = "2m", .min = 100, .max = DAY,
     AT(sessions.reconnect_grace_ms),
     .doc =
         "How long a session outlives its server. A server that returns within it has its sessions again."},
    {"sessions.max", SETTING_INTEGER, .flags = RELOAD, .fallback = "1000000", .min = 1, .max = 100000000,
     AT(sessions.max), .doc = "Sessions in `memory` at most: one more is refused with `session_store_full`."},
    {"sessions.redis.endpoints", SETTING_STRINGS, .fallback = "redis://127.0.0.1:6379", .min = 1,
     .max = CONFIG_ENDPOINTS_MAX, .shape = shape_redis_endpoint, AT(sessions.redis.endpoints),
     COUNT(sessions.redis.endpoint_count),
     .doc = "Servers, sentinels or nodes, as `mode` says: `redis://HOST:PORT`, or `rediss://HOST:PORT` for "
            "TLS."},
    {"sessions.redis.mode", SETTING_ENUM, .fallback = "auto", .choices = redis_modes, AT(sessions.redis.mode),
     .doc = "What `endpoints` are. `auto`: what the first one that answers says."},
    {"sessions.redis.master_name", SETTING_STRING, .flags = SETTING_NULLABLE, .fallback = "null",
     .shape = shape_name, AT(sessions.redis.master_name),
     .doc = "What sentinels call the master; required with `mode: sentinel`."},
    {"sessions.redis.username", SETTING_STRING, .flags = SETTING_NULLABLE, .fallback = "null",
     .shape = shape_text, AT(sessions.redis.username),
     .doc = "The user that logs in. `null`: the default user, if there is a `password_file`."},
    {"sessions.redis.password_file", SETTING_STRING, .flags = SETTING_NULLABLE, .fallback = "null",
     .shape = shape_file, AT(sessions.redis.password_file),
     .doc = "The file with the password. It is read at each login."},
    {"sessions.redis.tls.ca_file", SETTING_STRING, .flags = SETTING_NULLABLE, .fallback = "null",
     .shape = shape_file, AT(sessions.redis.tls.ca_file),
     .doc = "The CA certificates (PEM) for `rediss://` endpoints. `null`: those of the system."},
    {"sessions.redis.tls.cert_file", SETTING_STRING, .flags = SETTING_NULLABLE, .fallback = "null",
     .shape = shape_file, AT(sessions.redis.tls.cert_file),
     .doc = "The certificate (PEM) that the agent shows; with `key_file`."},
    {"sessions.redis.tls.key_file", SETTING_STRING, .flags = SETTING_NULLABLE, .fallback = "null",
     .shape = shape_file, AT(sessions.redis.tls.key_file), .doc = "The private key (PEM) of `cert_file`."},
    {"sessions.redis.tls.server_name", SETTING_STRING, .flags = SETTING_NULLABLE, .fallback = "null",
     .shape = shape_probe_host, AT(sessions.redis.tls.server_name),
     .doc = "The name that the certificates must be for. `null`: the host of the endpoint."},
    {"sessions.redis.namespace", SETTING_STRING, .fallback = "outrider", .shape = shape_namespace,
     AT(sessions.redis.space),
     .doc = "What every key begins with: agents with the same one share their sessions."},
    {"audit.file", SETTING_ENUM, .fallback = "auto", .choices = audit_modes, AT(audit.file),
     .doc = "Whether changes over HTTP are written to `audit.jsonl` in `state_dir`, with who, what and what "
            "became of it, before they are answered. `auto`: an observer that has a `state_dir`; `on`: any "
            "agent, which then must have one; `off`."},
    {"audit.registry", SETTING_BOOL, .fallback = "true", AT(audit.registry),
     .doc = "`true`: entries are copied to the registry below `registry.control_prefix`, so that every "
            "observer shows those of all."},
    {"audit.keep", SETTING_DURATION, .flags = RELOAD, .fallback = "720h", .min = HOUR,
     .max = INT64_C(366) * DAY, AT(audit.keep_ms),
     .doc = "How long entries are kept, in the files and in the registry."},
    {"ui.name", SETTING_STRING, .flags = SETTING_NULLABLE | RELOAD, .fallback = "null", .shape = shape_title,
     AT(ui.name),
     .doc =
         "What the page calls this fleet (`LIVE KR`), at most 64 characters, on each of its views: against "
         "acting on the wrong one. `null`: nothing."},
    {"ui.colour", SETTING_STRING, .flags = SETTING_NULLABLE | RELOAD, .fallback = "null",
     .shape = shape_colour, AT(ui.colour),
     .doc =
         "The colour of an edge around the page, for the same: `red`, `orange`, `green`, `blue`, `violet` or "
         "`grey`. `null`: there is none."},
    {"log.level", SETTING_ENUM, .flags = RELOAD, .fallback = "info", .choices = levels, AT(log.level),
     .doc = "The lowest level that is logged."},
    {"log.format", SETTING_ENUM, .flags = RELOAD, .fallback = "logfmt", .choices = formats, AT(log.format),
     .doc = "The format of a line."},
    {"core_dumps", SETTING_BOOL, .fallback = "false", AT(core_dumps),
     .doc = "`true`: a debugger of the same user may attach, and core files are written where the limit "
            "allows them. They have "
            "passwords and tokens in them."},
    {"state_dir", SETTING_STRING, .flags = SETTING_NULLABLE | SETTING_AUTO, .fallback = "auto",
     .shape = shape_directory, AT(state_dir), GIVEN(state_dir_named),
     .doc =
         "The directory for what a restart needs: id, lease, holds. `auto`: `$STATE_DIRECTORY`, else none; "
         "`null`: none. One that is missing beside an existing directory is made (0700). One that the file "
         "names must be "
         "writable. One that every user may write, or that belongs to another user, is refused."},
    {"sandbox", SETTING_ENUM, .fallback = "auto", .choices = sandboxes, AT(sandbox),
     .doc = "Whether the agent gives up, once it has started, every system call that it does not need "
            "(docs/operating.md, \"The sandbox\"). `auto`: where the kernel lets it; `required`: it does not "
            "start "
            "without; `off`."},
};

static const struct setting candidacy_rows[] = {
    {"scope", SETTING_STRING, .fallback = "auto", .shape = shape_scope, CANDIDACY_AT(scope),
     .doc =
         "What is led: a name that all candidates share, `[a-z0-9][a-z0-9_.-]{0,62}`. `auto`: `server.type`; "
         "an observer has none."},
    {"ttl", SETTING_DURATION, .fallback = "30s", .min = 2 * SECOND, .max = HOUR, CANDIDACY_AT(ttl_ms),
     .doc =
         "The TTL of the lease: how long after a leader was killed or cut off another one may lead. A leader "
         "stops believing a tenth of it earlier, at least 200ms."},
    {"renew", SETTING_DURATION, .flags = SETTING_AUTO, .fallback = "auto", .min = 100, .max = HOUR,
     CANDIDACY_AT(renew_ms), .doc = "The interval of keepalives, at most a third of `ttl`. `auto`: that."},
};

static_assert(COUNT_OF(rows) <= SETTINGS_MAX, "callers of config_diff() reserve SETTINGS_MAX rows");
static_assert(sizeof(enum config_log_level) == sizeof(int), "an enum setting is written as an int");

const struct settings settings_of_file = {rows,
                                          COUNT_OF(rows),
                                          {{"server", offsetof(struct config, server.present)},
                                           {"registry", offsetof(struct config, registry.present)}}};
const struct settings settings_of_candidacy = {candidacy_rows, COUNT_OF(candidacy_rows), {{0}}};
