"""The rows of the fleet over HTTP: look-ups and lists, against a fixed answer, nginx and node."""
import base64
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.request

import lib
from lib import PREFIX, Failed, median, p99
from rows import Row

HERE = pathlib.Path(__file__).resolve().parent
RECORDS = 5000
ONE = "api/services/world/world-00500"
CONNECTIONS = (8, 32)
ROUNDS = 41


def record(kind, number):
    return json.dumps({"id": f"{kind}-{number:05}", "type": kind, "host": "10.0.0.5", "ports": [8001, 8002],
                       "status": "ready", "updatedAt": "2026-11-21T02:14:00.123Z", "region": "kr", "zone": "kr-a",
                       "version": "1.4.2", "labels": {"map": "harbor"}, "players": number % 64, "capacity": 64,
                       "startedAt": "2026-11-21T01:00:00.000Z"}, separators=(",", ":"))


def fill(place, prefix):
    """1,000 of type world, the others of type lobby."""
    encode = lambda text: base64.b64encode(text.encode()).decode()
    rows = [("world", i) for i in range(1000)] + [("lobby", i) for i in range(RECORDS - 1000)]
    for at in range(0, len(rows), 100):
        puts = [{"requestPut": {"key": encode(f"{prefix}/{kind}/{kind}-{i:05}"), "value": encode(record(kind, i))}}
                for kind, i in rows[at:at + 100]]
        place.post("/v3/kv/txn", {"success": puts})


def observer(place, prefix, port, sessions=None, records=RECORDS):
    config = place.folder / "observer.yaml"
    config.write_text(f'registry: {{endpoints: ["{place.endpoint}"], prefix: {prefix}}}\n'
                      f'http: {{listen: "127.0.0.1:{port}"}}\nlog: {{level: warn}}\nsessions: {json.dumps(sessions or {})}\n')
    child = place.start([str(place.agent), "agent", "-c", str(config)])

    def synced():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/services", timeout=5) as answer:
                body = json.load(answer)
                return body["total"] == records and not body["stale"]
        except OSError:
            return False

    lib.wait_until("the observer reads the fleet", synced)
    return child


def fetch(port, path):
    """The body and its ETag."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5) as answer:
        return answer.read(), answer.headers["ETag"]


def answers(what, port, path):
    def does():
        try:
            return len(fetch(port, path)[0]) > 0
        except OSError:
            return False

    lib.wait_until(what, does)


# A file served as nginx does it; and with what makes it faster for a file that never changes.
NGINX = {"nginx": "", "nginx, its file kept open": "tcp_nopush on; open_file_cache max=16; open_file_cache_valid 600s;"}


def nginx(place, port, body, more):
    """One process that serves the same bytes as a file: it is master and worker in one, so that its end is its end."""
    folder = place.folder / f"nginx-{port}"
    folder.mkdir()
    (folder / "list").write_bytes(body)
    folder.chmod(0o755)
    place.folder.chmod(0o755)
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;\n"
        "events { worker_connections 256; }\n"
        f"http {{ access_log off; sendfile on; keepalive_requests 10000000; {more}\n"
        f"  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};\n"
        f"  uwsgi_temp_path {folder}; scgi_temp_path {folder};\n"
        f"  default_type application/json;\n"
        f"  server {{ listen 127.0.0.1:{port}; root {folder}; }} }}\n")
    child = place.start(["nginx", "-c", str(config), "-p", str(folder), "-e", str(folder / "error.log")])
    answers("nginx serves", port, "list")
    return child


def over(name, samples, limit, note=""):
    """A row of samples in ns that were taken in turn."""
    subject, floor = samples["subject"], samples["floor"]
    return Row(name, "us", median(subject) / 1000, p99(subject) / 1000, len(subject), median(floor) / 1000, limit,
               note=f"floor p99 {p99(floor) / 1000:.1f} {note}".rstrip())


@contextlib.contextmanager
def on_one_processor(*servers):
    """A round trip between two processors takes three times one within the same, and where a process happens to be is
    the kernel's choice: reader and servers share one."""
    before = os.sched_getaffinity(0)
    one = {min(before)}
    for pid in (0, *servers):
        os.sched_setaffinity(pid, one)
    try:
        yield
    finally:
        for pid in (0, *servers):
            os.sched_setaffinity(pid, before)


def times(place, count, **targets):
    return place.meter("get", count, *(f"{name}={target}" for name, target in targets.items()))


def pour(place, name, limit, connections, requests, *servers):
    """A row of us for one request, of many under way: the inverse of the requests a second that the limit is for."""
    samples = place.meter("pour", ROUNDS, requests, connections, *servers)
    if samples["subject-sum"] != samples["floor-sum"]:
        raise Failed("nginx and the observer gave different bytes")
    us = {key: median(values) / requests / 1000 for key, values in samples.items()}
    rates = f"{1e6 / us['subject']:.0f} and {1e6 / us['floor']:.0f}/s of {samples['subject-bytes'][0]} bytes"
    return Row(f"list of 1,000, {connections} ask at once / {name}", "us", us["subject"], n=ROUNDS, floor=us["floor"],
               limit=limit, note=f"{rates}; CPU {us['subject-cpu']:.0f} and {us['floor-cpu']:.0f} us, the reader's "
                               f"{us['subject-reader']:.0f} and {us['floor-reader']:.0f}")


def against_nginx(place, options, port, agent):
    """A list of 1,000, asked for on several connections at once."""
    if shutil.which("nginx") is None:
        yield Row("list of 1,000 / nginx", "us", None, note="not measured: no nginx here")
        return
    path = "api/services?type=world"
    for name, more in NGINX.items():
        floor_port = lib.free_ports(1)[0]
        floor = nginx(place, floor_port, fetch(port, path)[0], more)
        for connections in CONNECTIONS:
            yield pour(place, name, None if more else 1.0, connections, options.lists, f"subject={port}/{path}", agent.pid,
                       f"floor={floor_port}/list", floor.pid)
        place.stop(floor)


def against_node(place, options, port, fixed):
    """What a list and a look-up take beside a fixed answer, ours and node's: the list at least 4 times less."""
    if shutil.which("node") is None:
        yield Row("list of 5,000 / node", "us", None, note="not measured: no node here")
        return
    file = place.folder / "services.json"
    file.write_bytes(fetch(port, "api/services")[0])
    node_port = lib.free_ports(1)[0]
    node = place.start(["node", str(HERE / "node_list.js"), str(node_port), str(file)])
    answers("node serves", node_port, ONE)
    for name, path, count, limit in (("list of 5,000 / node", "api/services", max(20, options.gets // 50), 0.25),
                                     ("look-up / node", ONE, options.gets, None)):
        samples = times(place, count, subject=f"{port}/{path}", floor=f"{node_port}/{path}", fixed=fixed)
        ours, theirs = (median(samples[key]) / median(samples["fixed"]) for key in ("subject", "floor"))
        yield over(name, samples, limit,
                   f"{ours:.1f} and {theirs:.1f} times a fixed answer; {samples['subject-bytes'][0]} bytes")
    place.stop(node)


def fleet(place, options):
    prefix = f"{PREFIX}-list"
    port, fixed_port = lib.free_ports(2)
    fill(place, prefix)
    agent = observer(place, prefix, port)
    fixed = f"{fixed_port}/fixed"
    floor = place.start([place.program("floor_fixed"), str(fixed_port), str(len(fetch(port, ONE)[0]))])
    answers("the floor answers", fixed_port, "fixed")
    etag = fetch(port, "api/services")[1]
    with on_one_processor(agent.pid, floor.pid):
        one = times(place, options.gets, subject=f"{port}/{ONE}", floor=fixed)
        same = times(place, options.gets, subject=f"{port}/api/services#{etag}", floor=fixed)
    yield over("look-up, kept alive / fixed answer", one, 1.4)
    yield over("list of 5,000, not changed: 304 / fixed", same, None)
    yield from against_nginx(place, options, port, agent)
    yield from against_node(place, options, port, fixed)
    yield Row(f"observer of {RECORDS} records: RSS", "kB", lib.memory(agent.pid)["rss"])
    place.stop(agent, floor)


# The same query with and without a filter, which has to look at every server.
ROUTES = {
    "consistent_hash": "key=player-4711",
    "least_connections": "strategy=least_connections",
    "round_robin": "strategy=round_robin",
    "packed": "strategy=packed",
    "consistent_hash, filtered": "key=player-4711&label.map=harbor&near=kr-a",
}


PICKS = 1000000
KEYS = (4096, 65536)  # of players that are asked for again and again; of so many that no second cache holds what they lead to


def in_process(place, keys):
    """{servers: {name: value}} of bench_placement: ns, of a change us, of memory bytes."""
    output = subprocess.run([place.program("placement"), str(PICKS), str(keys)], check=True, capture_output=True, text=True).stdout
    rows = {}
    for name, servers, value, _ in (line.split() for line in output.splitlines()):
        rows.setdefault(int(servers), {})[name] = float(value)
    return rows


def route(place, options):
    """A placement among 1,000 servers, in turn with the look-up of one record; and in process, beside a bare ring."""
    prefix = f"{PREFIX}-route"
    port, = lib.free_ports(1)
    fill(place, prefix)
    agent = observer(place, prefix, port)
    with on_one_processor(agent.pid):
        for name, query in ROUTES.items():
            samples = times(place, options.gets, subject=f"{port}/api/route/world?{query}", floor=f"{port}/{ONE}")
            yield over(f"route of 1,000: {name} / look-up", samples, None if "filtered" in name else 1.25)
    place.stop(agent)
    for keys in KEYS:
        yield from picks(place, keys)


def picks(place, keys):
    """Picks in process beside a bare ring, and how much more they cost among many servers than among few, beside the same of the
    bare ring."""
    measured = in_process(place, keys)
    for servers, rows in measured.items():
        yield Row(f"pick among {servers}, {keys} keys / bare ring", "ns", rows["consistent_hash"], n=PICKS, floor=rows["floor"],
                  limit=2.0, note=", ".join(f"{name} {value:.0f}" for name, value in rows.items() if name != "floor"))
    few, many = measured[min(measured)], measured[max(measured)]
    grown = many["floor"] / few["floor"]
    yield Row(f"pick among {max(measured)}, {keys} keys / among {min(measured)}", "ns", many["consistent_hash"], n=PICKS,
              floor=few["consistent_hash"], limit=2.0 if keys == KEYS[0] else None, note=f"the bare ring grows {grown:.2f} times")


ALLOCATIONS = 2000


def allocate(place, options):
    """Allocations over HTTP among 1,000 servers, in turn with as many bare transactions at the same etcd that compare and put a key
    of their own. They lapse after 2 s, about when players would have arrived and claimed."""
    prefix = f"{PREFIX}-allocate"
    port, = lib.free_ports(1)
    fill(place, prefix)
    agent = observer(place, prefix, port)
    etcd = place.endpoint.rsplit(":", 1)[1].rstrip("/")
    for connections in (1, 64):
        count = ALLOCATIONS if connections > 1 else ALLOCATIONS // 4
        samples = place.meter("allocate", max(3, min(8, options.loads)), count, connections, etcd, f"{prefix}-floor", port,
                              "/api/allocate/world", '{"ttl":"2s"}')
        each = {side: median(samples[side]) / count / 1000 for side in ("floor", "subject")}
        refused = samples["subject-refused"][0]
        # At least 0.7 times the rate. Alone, an allocation is a way to the agent longer than a transaction.
        yield Row(f"allocation, {connections} at once / bare compare-and-put", "us", each["subject"], n=count, floor=each["floor"],
                  limit=1 / 0.7 if connections > 1 else None, note=f"{1e6 / each['subject']:.0f} a second, {refused} refused")
    place.stop(agent)


SESSIONS = 1000000


def sessions(place, options):
    """Sessions in memory, in process, a million of them; the floor is a look-up in a table of uthash."""
    del options
    output = subprocess.run([place.program("sessions"), str(SESSIONS)], check=True, capture_output=True, text=True).stdout
    rows = {name: float(value) for name, value, _ in (line.split() for line in output.splitlines())}
    for name, what in (("get", "get"), ("find", "find by player"), ("put", "put"), ("put_new", "put, new"), ("put_moved", "put, moved")):
        yield Row(f"session in memory: {what}", "ns", rows[f"{name}_median"], rows[f"{name}_p99"], SESSIONS,
                  limit=1000 if name in ("get", "put") else None,
                  note=f"largest {rows[name + '_largest'] / 1e6:.1f} ms; uthash: get {rows['floor_get_median']:.0f} ns")
    yield Row("session in memory: beside data, id, player", "B", rows["bytes"], n=SESSIONS, limit=256,
              note=f"two tables of uthash and three times: {rows['floor_bytes']:.0f} B")


REDIS_REQUESTS = 20000


def redis(place, options):
    """Sessions in Redis over HTTP, 64 in flight, in turn with a bare hiredis program that sends the same commands."""
    if shutil.which("redis-server") is None:
        print("redis: no redis-server: left out")
        return
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(["redis-server", "--port", str(lib.free_ports(1)[0]), "--save", "", "--dir", folder,
                                   "--bind", "127.0.0.1"], stdout=subprocess.DEVNULL)
        try:
            port, = lib.free_ports(1)
            agent = observer(place, f"{PREFIX}-redis", port, records=0, sessions={
                "store": "redis", "redis": {"endpoints": [f"redis://127.0.0.1:{server.args[2]}"]}})
            samples = place.meter("redis", max(3, min(8, options.loads)), REDIS_REQUESTS, 64, server.args[2], port)
            for what in ("get", "put"):
                each = {side: median(samples[f"{what}-{side}"]) / REDIS_REQUESTS for side in ("floor", "subject")}
                # At least 0.7 times the rate.
                yield Row(f"session in redis: {what}, 64 in flight / bare hiredis", "us", each["subject"], n=REDIS_REQUESTS,
                          floor=each["floor"], limit=1 / 0.7, note=f"{1e6 / each['subject']:.0f} a second")
            place.stop(agent)
        finally:
            server.kill()
            server.wait()


def registry(place, options):
    """The registry in Redis, in turn with a bare hiredis program of the same script."""
    if shutil.which("redis-server") is None:
        print("registry: no redis-server: left out")
        return
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(["redis-server", "--port", str(lib.free_ports(1)[0]), "--save", "", "--dir", folder,
                                   "--bind", "127.0.0.1"], stdout=subprocess.DEVNULL)
        try:
            time.sleep(0.5)
            puts, rounds, agents = max(200, options.gets), max(2, min(4, options.loads)), 1000
            samples = place.meter("registry", puts, rounds, agents, server.args[2], server.pid)
            put, bare = samples["put-subject"], samples["put-floor"]
            yield Row("registry in redis: put to watcher / bare hiredis", "us", median(put), p99(put), len(put), floor=median(bare), limit=1.3)
            beat = {side: median(samples[f"keepalive-{side}"]) / agents for side in ("floor", "subject")}
            yield Row(f"registry in redis: keepalive of {agents:,} agents, the server's CPU / bare hiredis", "us", beat["subject"],
                      n=rounds * agents, floor=beat["floor"], limit=1.2)
        finally:
            server.kill()
            server.wait()


CONSUL_PUTS = 200


def consul(place, _options):
    """From a put to the watcher through Consul, in turn with a bare libcurl program."""
    top = pathlib.Path(__file__).resolve().parents[2]
    binary = shutil.which("consul") or top / "build-test" / "consul" / "root" / "usr" / "bin" / "consul"
    done = subprocess.run([top / "tests" / "support" / "with-consul", "--binary", binary, "--", place.program("consul"),
                           str(CONSUL_PUTS)], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode == 77:
        print("consul: no consul: left out")
        return
    samples = {"floor": [], "subject": []}
    for line in done.stdout.splitlines():
        name, value = line.split()
        samples[name].append(int(value))
    yield over("put to watcher through Consul / bare libcurl", samples, 1.2)


def put(place, key, value):
    encode = lambda text: base64.b64encode(text.encode()).decode()
    place.post("/v3/kv/put", {"key": encode(key), "value": encode(value)})


def new_list(place, prefix, port, coding, number):
    """Changes a record, so that the list is another one, and asks for it. Its size."""
    put(place, f"{prefix}/world/world-00001", record("world", number))
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/services", headers={"Accept-Encoding": coding})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return len(answer.read())


def beside(place, options, prefix, port, coding):
    """Look-ups, one after the other, while lists are read."""
    ended, sizes = threading.Event(), []

    def read():
        while not ended.is_set():
            sizes.append(new_list(place, prefix, port, coding, len(sizes)))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        return place.meter("get", options.gets, f"subject={port}/{ONE}")["subject"], sizes
    finally:
        ended.set()
        reader.join()


def compressed(place, options):
    """Look-ups beside lists of 5,000 that are new each time: as they are, and compressed, in turn. The longest look-up is about the
    longest time for which the loop did something else."""
    prefix = f"{PREFIX}-gzip"
    port, = lib.free_ports(1)
    fill(place, prefix)
    agent = observer(place, prefix, port)
    taken, sizes, cpu = ({"identity": [], "gzip": []} for _ in range(3))
    for _ in range(max(2, options.loads)):
        for coding in taken:
            before = lib.activity(agent.pid)["cpu"]
            sizes[coding] += [new_list(place, prefix, port, coding, number) for number in range(20)]
            cpu[coding].append((lib.activity(agent.pid)["cpu"] - before) / 20)
            samples, lists = beside(place, options, prefix, port, coding)
            taken[coding] += samples
            sizes[coding] += lists
    metrics = fetch(port, "metrics")[0].decode()
    pause = next(float(line.split()[1]) for line in metrics.splitlines() if line.startswith("outrider_http_gzip_pause_seconds "))
    plain, packed = taken["identity"], taken["gzip"]
    yield Row("look-up beside lists of 5,000, compressed / as they are", "us", median(packed) / 1000, p99(packed) / 1000, len(packed),
              median(plain) / 1000, note=f"floor p99 {p99(plain) / 1000:.0f}; {len(sizes['gzip'])} and {len(sizes['identity'])} lists")
    yield Row("the longest of these look-ups", "us", max(packed) / 1000, n=len(packed), floor=max(plain) / 1000)
    yield Row("the longest that one turn compresses", "us", pause * 1e6, limit=1000)
    yield Row("CPU of a list of 5,000, compressed / as it is", "us", median(cpu["gzip"]), n=len(cpu["gzip"]) * 20,
              floor=median(cpu["identity"]), note=f"{median(sizes['gzip']):.0f} and {median(sizes['identity']):.0f} bytes")
    place.stop(agent)


ROWS = {"fleet": fleet, "gzip": compressed, "route": route, "allocate": allocate, "sessions": sessions, "redis": redis,
        "registry": registry, "consul": consul}
