"""The rows of the fleet over HTTP: look-ups and lists, against a fixed answer and against nginx."""
import base64
import json
import shutil
import urllib.request

import lib
from lib import PREFIX
from rows import Row, against, median, p99

RECORDS = 5000


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


def observer(place, prefix, port):
    config = place.folder / "observer.yaml"
    config.write_text(f'registry: {{endpoints: ["{place.endpoint}"], prefix: {prefix}}}\n'
                      f'http: {{listen: "127.0.0.1:{port}"}}\nlog: {{level: warn}}\n')
    child = place.start([str(place.agent), "agent", "-c", str(config)])

    def synced():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/services", timeout=5) as answer:
                body = json.load(answer)
                return body["total"] == RECORDS and not body["stale"]
        except OSError:
            return False

    lib.wait_until("the observer reads the fleet", synced)
    return child


def nginx(place, port, body):
    """One worker that serves the same bytes as a file; None where there is no nginx."""
    if shutil.which("nginx") is None:
        return None
    folder = place.folder / "nginx"
    folder.mkdir()
    (folder / "list").write_bytes(body)
    folder.chmod(0o755)
    place.folder.chmod(0o755)
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;\n"
        "events { worker_connections 64; }\n"
        f"http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 10000000;\n"
        f"  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};\n"
        f"  uwsgi_temp_path {folder}; scgi_temp_path {folder};\n"
        f"  default_type application/json;\n"
        f"  server {{ listen 127.0.0.1:{port}; root {folder}; }} }}\n")
    child = place.start(["nginx", "-c", str(config), "-p", str(folder), "-e", str(folder / "error.log")])

    def serves():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/list", timeout=5) as answer:
                return len(answer.read()) == len(body)
        except OSError:
            return False

    lib.wait_until("nginx serves", serves)
    return child


def fleet(place, options):
    prefix = f"{PREFIX}-list"
    port, floor_port = lib.free_ports(2)
    fill(place, prefix)
    agent = observer(place, prefix, port)
    samples = place.meter("get", options.gets, port, "/api/services/world/world-00500", port, "/healthz")
    yield against("look-up, kept alive / fixed answer", samples, 1.4)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/services?type=world", timeout=5) as answer:
        body = answer.read()
    floor = nginx(place, floor_port, body)
    if floor is not None:
        samples = place.meter("get", options.gets, port, "/api/services?type=world", floor_port, "/list")
        yield against("list of 1,000 / nginx, same bytes", samples, 1.0, f"{samples['bytes'][0]} bytes")
        place.stop(floor)
    samples = place.meter("get", max(20, options.gets // 10), port, "/api/services", port, "/healthz")
    yield Row("list of 5,000", "ms", median(samples["subject"]) / 1000, p99(samples["subject"]) / 1000,
              len(samples["subject"]), note=f"{samples['bytes'][0]} bytes; fixed answer {median(samples['floor']):.0f} us")
    memory = lib.memory(agent.pid)
    yield Row(f"observer of {RECORDS} records: RSS", "kB", memory["rss"])
    place.stop(agent)


ROWS = {"fleet": fleet}
