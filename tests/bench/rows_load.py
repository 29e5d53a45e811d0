"""The rows of reading a fleet of 10,000 records: how fast against a bare program that fetches and parses it, and what
each record costs in memory."""
import base64
import json
import os
import pathlib
import urllib.request

import lib
from lib import Failed, median
from rows import Row, against

RECORDS = 10000
FEWER = 5000  # as many as the figure for Node has
PAGE = 500  # as the agent asks for
PREFIX = "/services/load"


def record(number):
    """A record as agents write it: everything that a deployment sets."""
    return json.dumps({
        "id": f"01J9Z3K8QX5V7T2M4N6P{number:06}", "type": "world", "host": f"10.0.{number // 250}.{number % 250 + 1}",
        "ports": [8001, 8002], "status": "draining" if number % 9 == 0 else "ready",
        "updatedAt": f"2026-11-21T02:{number % 60:02}:00.123Z", "customState": f"round {number % 9} of 9 on harbor",
        "region": "kr", "zone": f"kr-{'abc'[number % 3]}", "group": "main", "version": "1.4.2",
        "tags": ["pvp", "ranked"], "labels": {"map": "harbor", "mode": "ctf", "build": str(4000 + number % 7)},
        "players": number % 500, "capacity": 500, "startedAt": "2026-11-21T01:14:00.123Z"}, separators=(",", ":"))


def fill(place, prefix, count):
    """Returns the mean size of a record."""
    encode = lambda text: base64.b64encode(text.encode()).decode()
    rows = [record(i) for i in range(count)]
    for at in range(0, count, 100):
        puts = [{"requestPut": {"key": encode(f"{prefix}/world/{json.loads(row)['id']}"), "value": encode(row)}}
                for row in rows[at:at + 100]]
        place.post("/v3/kv/txn", {"success": puts})
    return sum(map(len, rows)) / count


def write_config(place, prefix, port, state=None):
    """That of conf/observer.yaml in all that counts: no server, the whole fleet, everything else a default."""
    config = place.folder / f"{prefix.replace('/', '-')}.yaml"
    config.write_text(f'registry: {{endpoints: ["{place.endpoint}"], prefix: {prefix}}}\n'
                      f'http: {{listen: "127.0.0.1:{port}"}}\nlog: {{level: warn}}\n'
                      + (f"state_dir: {state}\n" if state else ""))
    return config


def etcd_pid():
    folder = os.environ.get("OUTRIDER_TEST_ETCD_DIR")
    return int((pathlib.Path(folder) / "1" / "pid").read_text()) if folder else 0


def last_of(count):
    return f"/api/services/world/{json.loads(record(count - 1))['id']}"


def speed(place, options):
    port = lib.free_ports(1)[0]
    full, empty = write_config(place, PREFIX, port), write_config(place, f"{PREFIX}-none", port)
    samples = place.meter("load", options.loads, etcd_pid(), place.program("floor_fetch"), place.endpoint, PREFIX, PAGE,
                          place.agent, full, empty, port, last_of(RECORDS), "/api/services")
    middle = {name: median(values) / 1000 for name, values in samples.items()}
    yield against(f"{RECORDS} records: exec -> read / fetch", samples, 1.35,
                  f"etcd's CPU {middle['subject-etcd']:.0f} ms, floor's {middle['floor-etcd']:.0f}")
    yield Row("the same without what starting takes", "ms", middle["subject"] - middle["empty"], n=options.loads,
              floor=middle["fetch"], limit=1.35, note=f"nothing to read: {middle['empty']:.1f} ms")
    yield Row("the same: CPU", "ms", middle["subject-cpu"], n=options.loads, floor=middle["floor-cpu"],
              note=f"nothing to read: {middle['empty-cpu']:.1f} ms")


def measure(place, prefix, count):
    """What an observer of so many records takes once it has read them and kept them on disk: PSS and the peak of its
    RSS, in kB."""
    port, state = lib.free_ports(1)[0], place.folder / f"state-{count}"
    state.mkdir()
    child = place.start([str(place.agent), "agent", "-c", str(write_config(place, prefix, port, state))])

    def is_read():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/agent", timeout=5) as answer:
                view = json.load(answer)["view"]
                return view["synced"] and view["services"] == count
        except OSError:
            return False

    lib.wait_until("the observer reads the fleet", is_read)
    lib.wait_until("the observer keeps the fleet", (state / "view.bin").exists)
    taken = lib.memory(child.pid)["pss"], lib.fields(lib.proc(child.pid, "status"))["VmHWM"]
    place.stop(child)
    return taken


def memory(place, size):
    fill(place, f"{PREFIX}-fewer", FEWER)
    base, base_peak = measure(place, f"{PREFIX}-none", 0)
    for prefix, count in ((f"{PREFIX}-fewer", FEWER), (PREFIX, RECORDS)):
        taken, peak = measure(place, prefix, count)
        beside = (taken - base) * 1024 / count - size
        yield Row(f"{count} records: memory of one beside its JSON", "B", beside, n=count, limit=1024,
                  note=f"JSON {size:.0f} B; PSS {taken} kB, peak RSS {peak}; with none {base}, peak {base_peak}")


def empty(place, prefix):
    """So that the rows that come after have an etcd as those before had it."""
    key = lambda last: base64.b64encode(f"{prefix}{last}".encode()).decode()
    place.post("/v3/kv/deleterange", {"key": key("/"), "range_end": key("0")})


def load(place, options):
    try:
        size = fill(place, PREFIX, RECORDS)
        if place.count_keys(f"{PREFIX}/") != RECORDS:
            raise Failed("etcd does not hold what was written")
        yield from speed(place, options)
        yield from memory(place, size)
    finally:
        empty(place, PREFIX)
        empty(place, f"{PREFIX}-fewer")


ROWS = {"load": load}
