"""The rows of probes: the CPU of one try of each type beside the same work by hand, and 64 probes of mixed types in one agent beside
a program that does their work alone."""
import os
import pathlib
import socket
import subprocess
import threading
import time

import lib
from lib import Agent, Failed, Listener, median, p99
from rows import Row

TRIES = {"tcp": 500, "unix": 500, "exec": 50}
MIX = ("tcp", "unix", "exec")
COUNT = 64


class UnixListener:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen(1024)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                self.socket.accept()[0].close()
            except OSError:
                return


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


def mix(place, options):
    listener, path = Listener(), place.folder / "mix.sock"
    UnixListener(path)
    agent = Agent(place, "probes", listener.port, start=False)
    what = {"tcp": f"port: {listener.port}", "unix": f"path: {path}", "exec": "command: [/bin/true]"}
    with open(agent.config, "a", encoding="utf-8") as config:
        config.write("probes:\n")
        for number in range(COUNT):
            kind = MIX[number % len(MIX)]
            config.write(f"  - {{name: p{number}, type: {kind}, {what[kind]}}}\n")
    agent.start()
    agent.settle()
    time.sleep(2)
    made = tries(agent.metrics())  # which also begins the lag again
    seconds = options.probe_seconds
    floor = subprocess.Popen([place.program("probe"), "pace", str(seconds), str(listener.port), str(path)],
                             stdout=subprocess.PIPE, text=True)
    before = spent_us(agent.pid)
    began = time.monotonic()
    text = floor.communicate()[0]
    used = spent_us(agent.pid) - before
    took = time.monotonic() - began
    if floor.returncode != 0:
        raise Failed("the floor of 64 probes")
    metrics = agent.metrics()
    made = tries(metrics) - made
    lag = float(metrics["outrider_loop_lag_seconds"])
    threads = lib.activity(agent.pid)["threads"]
    agent.stop()
    listener.close()
    yield Row(f"{COUNT} probes at 1 s: CPU / by hand", "ms/s", used / 1000 / took, n=COUNT,
              floor=int(text.split()[1]) / 1000 / seconds, limit=1.2, note=f"tcp, unix and exec, {made / took:.1f} tries a second; with the agent's own work")
    yield Row(f"{COUNT} probes at 1 s: threads", "", threads, n=COUNT, limit=1)
    yield Row(f"{COUNT} probes at 1 s: largest loop lag", "ms", lag * 1000, n=COUNT)


def probes(place, options):
    yield from one_try(place, options)
    yield from mix(place, options)


ROWS = {"probes": probes}
