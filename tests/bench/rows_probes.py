"""The rows of probes: the CPU of one try of each type beside the same work by hand, and 64 probes of mixed types in one agent beside
a program that does their work alone."""
import os
import pathlib
import subprocess
import time

import lib
from lib import Agent, Failed, Listener, median, p99
from rows import Row

TRIES = {"tcp": 500, "unix": 500, "exec": 50, "a2s": 500, "raknet": 500, "quake3": 500, "minecraft": 500, "http": 500, "grpc": 500}
COUNT = 64


def spent_us(pid):
    """CPU of a process and of the children that it has waited for, with those of its children."""
    ticks = os.sysconf("SC_CLK_TCK")
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    own = sum(int(each) for each in fields[11:15])
    below = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own * 1000000 // ticks + sum(spent_us(int(child)) for child in below)


def tries(metrics):
    return sum(int(value) for name, value in metrics.items() if name.startswith("outrider_probe_duration_seconds_count"))


def one_try(place, options):
    for kind, n in TRIES.items():
        samples = place.meter("probe", "try", kind, n, options.probes)
        subject, floor = ([each / 1000 for each in samples[name]] for name in ("subject", "floor"))
        yield Row(f"probe {kind}: CPU of a try / by hand", "us", median(subject), p99(subject), len(subject), median(floor), 1.5)


def setting(kind, where):
    name = {"unix": "path", "exec": "command"}.get(kind, "port")
    return f"{name}: [{where}]" if kind == "exec" else f"{name}: {where}"


def mix(place, options):
    servers = subprocess.Popen([place.program("probe"), "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield from mix_of(place, options, [servers.stdout.readline().split() for _ in TRIES])
    finally:
        servers.communicate()


def mix_of(place, options, servers):
    listener = Listener()
    agent = Agent(place, "probes", listener.port, start=False)
    with open(agent.config, "a", encoding="utf-8") as config:
        config.write("probe_host: 127.0.0.1\nprobes:\n")
        for number in range(COUNT):
            kind, where = servers[number % len(servers)]
            config.write(f"  - {{name: p{number}, type: {kind}, {setting(kind, where)}}}\n")
    agent.start()
    agent.settle()
    time.sleep(2)
    made = tries(agent.metrics())  # which also begins the lag again
    seconds = options.probe_seconds
    floor = subprocess.Popen([place.program("probe"), "pace", str(seconds), *(word for server in servers for word in server)],
                             stdout=subprocess.PIPE, text=True)
    before = spent_us(agent.pid)
    began = time.monotonic()
    text = floor.communicate()[0]
    used = spent_us(agent.pid) - before
    took = time.monotonic() - began
    if floor.returncode != 0:
        raise Failed("the floor of 64 probes")
    metrics = agent.metrics()
    passing = sum(int(value) for name, value in metrics.items() if name.startswith("outrider_probe_success{"))
    if passing != COUNT:
        raise Failed(f"{passing} of {COUNT} probes pass")
    made = tries(metrics) - made
    lag = float(metrics["outrider_loop_lag_seconds"])
    threads = lib.activity(agent.pid)["threads"]
    agent.stop()
    listener.close()
    yield Row(f"{COUNT} probes at 1 s: CPU / by hand", "ms/s", used / 1000 / took, n=COUNT,
              floor=int(text.split()[1]) / 1000 / seconds, limit=1.2,
              note=f"of all types, {made / took:.1f} tries a second; with the agent's own work")
    yield Row(f"{COUNT} probes at 1 s: threads", "", threads, n=COUNT, limit=1)
    yield Row(f"{COUNT} probes at 1 s: largest loop lag", "ms", lag * 1000, n=COUNT)


def probes(place, options):
    yield from one_try(place, options)
    yield from mix(place, options)


ROWS = {"probes": probes}
