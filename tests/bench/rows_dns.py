"""The fleet by DNS: questions a second, against a bare answer of datagrams and against gdnsd."""
import base64
import json
import os
import shutil
import subprocess

import lib
from lib import PREFIX, Failed, median
from rows import Row

SERVERS = 10
DOMAIN = "outrider"
WINDOW = 64
TYPES = {"A": 1, "SRV": 33}
QUESTIONS = 20000


def fill(place, prefix):
    encode = lambda text: base64.b64encode(text.encode()).decode()
    puts = [{"requestPut": {"key": encode(f"{prefix}/world/w{i}"), "value": encode(json.dumps(
        {"id": f"w{i}", "type": "world", "host": f"10.0.0.{i}", "ports": [8001], "status": "ready"}))}} for i in range(SERVERS)]
    place.post("/v3/kv/txn", {"success": puts})


def on_core(core, *command):
    return ["taskset", "-c", str(core), *map(str, command)]


def observer(place, prefix, port, core):
    folder = place.folder / "dns"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    config = folder / "observer.yaml"
    config.write_text(f'registry: {{endpoints: ["{place.endpoint}"], prefix: {prefix}}}\nhttp: {{listen: "unix:{folder}/http.sock"}}\n'
                      f'log: {{level: warn}}\ndns: {{listen: "127.0.0.1:{port}"}}\n')
    return place.start(on_core(core, place.agent, "agent", "-c", config))


def gdnsd(place, port, core):
    """The same records in a file. None: it is not installed."""
    program = shutil.which("gdnsd") or shutil.which("gdnsd", path="/usr/sbin:/sbin")
    if program is None:
        print("dns: no gdnsd: left out")
        return None
    folder = place.folder / "gdnsd"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "zones").mkdir(parents=True)
    (folder / "config").write_text(f'options => {{ listen => "127.0.0.1:{port}", run_dir => "{folder}", state_dir => "{folder}", '
                                   f'udp_threads => 1, tcp_threads => 1 }}\n')
    lines = [f"@ SOA ns.dns hostmaster ( 1 3600 600 86400 5 )", "@ NS ns.dns", "ns.dns A 127.0.0.1"]
    for i in range(SERVERS):
        lines += [f"world A 10.0.0.{i}", f"w{i}.world A 10.0.0.{i}", f"world SRV 1 1 8001 w{i}.world"]
    (folder / "zones" / DOMAIN).write_text("$TTL 5\n" + "\n".join(lines) + "\n")
    return place.start(on_core(core, program, "-c", folder, "-f", "start"))


def answers(port):
    done = subprocess.run(["dig", "@127.0.0.1", "-p", str(port), "+short", "+tries=1", "+time=1", f"world.{DOMAIN}", "A"],
                          capture_output=True, text=True, check=False)
    return len(done.stdout.split()) == SERVERS


def end(child):
    """gdnsd ends by the signal itself."""
    if child is not None:
        child.terminate()
        child.wait()


def dns(place, options):
    """All servers on one core, the meter on another, so many questions under way."""
    if shutil.which("dig") is None or shutil.which("taskset") is None:
        print("dns: no dig or no taskset: left out")
        return
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        print("dns: one core alone: left out")
        return
    prefix, ports = f"{PREFIX}-dns", lib.free_ports(4)
    fill(place, prefix)
    subject, other = observer(place, prefix, ports[0], cores[1]), gdnsd(place, ports[3], cores[1])
    lib.wait_until("the observer answers", lambda: answers(ports[0]))
    if other is not None:
        lib.wait_until("gdnsd answers", lambda: answers(ports[3]))
    os.sched_setaffinity(0, {cores[0]})
    try:
        for name, number in TYPES.items():
            yield from measure(place, options, name, number, ports, cores, subject, other)
    finally:
        os.sched_setaffinity(0, set(cores))
        end(other)
    place.stop(subject)


def measure(place, options, name, number, ports, cores, subject, other):
    ask = lambda rounds, count, *servers: place.meter("datagrams", rounds, count, WINDOW, number, f"world.{DOMAIN}", *servers)
    size = ask(1, 100, f"subject={ports[0]}={subject.pid}")["subject-bytes"][0]
    floors = [place.start(on_core(cores[1], place.program("floor_datagrams"), port, size, batch))
              for port, batch in ((ports[1], 1), (ports[2], 32))]
    servers = {"subject": (ports[0], subject), "floor": (ports[1], floors[0]), "batched": (ports[2], floors[1])}
    servers |= {"gdnsd": (ports[3], other)} if other else {}
    samples = ask(max(3, min(21, options.loads)), QUESTIONS, *(f"{server}={port}={child.pid}" for server, (port, child) in servers.items()))
    place.stop(*floors)
    if samples["floor-bytes"][0] != size:
        raise Failed("the floor answers with other sizes")
    each, spent = ({server: median(samples[server + suffix]) for server in servers} for suffix in ("", "-cpu"))
    rates = lambda of: ", ".join(f"{server} {1e9 / ns:,.0f}" for server, ns in of.items())
    title = f"dns: {SERVERS} servers by {name}, {size} B, {WINDOW} in flight / bare echo"
    # At least half of the rate. Of a busy machine the processor time says more than the time on the wall.
    yield Row(title, "us", each["subject"] / 1000, n=QUESTIONS, floor=each["floor"] / 1000, limit=2, note=f"a second: {rates(each)}")
    yield Row(f"{title}: CPU", "us", spent["subject"] / 1000, n=QUESTIONS, floor=spent["floor"] / 1000, limit=2,
              note=f"a second of one core: {rates(spent)}")


ROWS = {"dns": dns}
