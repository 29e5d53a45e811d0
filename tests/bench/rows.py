"""The rows of the table: each function measures and yields Row objects."""
import dataclasses
import os
import pathlib
import sys
import time

import lib
from lib import PREFIX, TTL_S, Agent, Failed, Listener, median, p99

HERE = pathlib.Path(__file__).resolve().parent


@dataclasses.dataclass
class Row:
    name: str
    unit: str
    value: float  # the median, or the only figure
    p99: float = None
    n: int = None
    floor: float = None
    limit: float = None  # of the ratio where there is a floor, else of the value
    p99_limit: float = None
    note: str = ""

    @property
    def ratio(self):
        return self.value / self.floor if self.floor else None

    @property
    def passes(self):
        if self.limit is None:
            return None
        within = (self.ratio if self.floor is not None else self.value) <= self.limit
        return within and (self.p99_limit is None or self.p99 <= self.p99_limit)


def against(name, samples, limit, note=""):
    """A row of interleaved samples "subject" and "floor", in microseconds."""
    subject, floor = samples["subject"], samples["floor"]
    return Row(name, "ms", median(subject) / 1000, p99(subject) / 1000, len(subject), median(floor) / 1000, limit,
               note=f"floor p99 {p99(floor) / 1000:.3f} {note}".rstrip())


def line(place, options):
    listener = Listener()
    for kind, n, rest_us in (("players", options.lines, 3000), ("status", options.words, 550000)):
        agent = Agent(place, f"line-{kind}", listener.port, interval="1ms")
        agent.settle()
        samples = place.meter("line", place.endpoint, agent.key, agent.socket, kind, n, rest_us)
        lost = samples["lost"][0]
        agent.stop()
        wire, alone = (median(samples["subject"]) / median(samples[name]) for name in ("wire", "alone"))
        yield against(f"line -> watcher, {kind}", samples, 1.15,
                      f"lost {lost}; {wire:.2f} times a bare send(), {alone:.2f} without another watcher")
        if lost:
            raise Failed(f"{lost} {kind} lines never reached the watcher")
    listener.close()


def start(place, options):
    listener = Listener()
    for name, state in (("exec -> registered", False), ("same, with a state_dir", True)):
        agent = Agent(place, "start", listener.port, state=state, start=False)
        samples = place.meter("start", place.endpoint, PREFIX, options.starts, place.program("floor_curl"),
                              place.agent, agent.config, agent.key)
        yield against(name, samples, 1.25)
    listener.close()


def idle_processes(place, listener, instances):
    """[linked...], [bare...], [agent...], all running at once, so that they see the same machine."""
    linked = [place.start([place.program("floor_linked")]) for _ in range(instances)]
    bare = [place.start([place.program("floor_bare"), place.endpoint, f"{PREFIX}/bare-{i}", str(TTL_S),
                         str(listener.port)]) for i in range(instances)]
    agents = [Agent(place, f"idle-{i}", listener.port) for i in range(instances)]
    for agent in agents:
        agent.settle()
    return linked, bare, [agent.process for agent in agents]


def spent(before, after, what, seconds):
    """The median over the instances of what was spent in a minute."""
    return median([b[what] - a[what] for a, b in zip(before, after)]) * 60 / seconds


def idle(place, options):
    listener = Listener()
    linked, bare, agents = groups = idle_processes(place, listener, options.instances)
    time.sleep(5)
    before = [[lib.activity(child.pid) for child in group] for group in groups]
    time.sleep(options.idle)
    after = [[lib.activity(child.pid) for child in group] for group in groups]
    memories = [[lib.memory(child.pid) for child in group] for group in groups]
    seconds = max(30, options.idle / 2)
    calls = lib.count_syscalls(place, [child.pid for child in bare + agents], seconds)
    for child in bare + agents:
        if child.poll() is not None:
            raise Failed(f"{child.args[0]} ended while idle")
    place.stop(*linked, *bare, *agents)
    listener.close()

    n = options.instances
    kept = lambda group, what: median([each[what] for each in memories[group]])
    yield Row("idle: threads", "", max(each["threads"] for each in after[2]), n=n, limit=1)
    yield Row("idle: RSS / linked", "kB", kept(2, "rss"), n=n, floor=kept(0, "rss"), limit=1.15)
    yield Row("idle: private dirty / linked", "kB", kept(2, "dirty"), n=n, floor=kept(0, "dirty"), limit=1.25)
    for name, what, unit, scale in (("CPU", "cpu", "ms/min", 1000), ("wake-ups", "wakeups", "/min", 1)):
        yield Row(f"idle: {name} / bare", unit, spent(before[2], after[2], what, options.idle) / scale, n=n,
                  floor=spent(before[1], after[1], what, options.idle) / scale, limit=1.25)
    yield Row("idle: system calls / bare", "/min", median(calls[n:]) * 60 / seconds, n=n,
              floor=median(calls[:n]) * 60 / seconds, limit=1.25)


def life(place, options):
    count = min(20, options.lives)
    ports = lib.free_ports(count)
    agents = [Agent(place, f"life-{i}", ports[i]) for i in range(count)]
    for agent in agents:
        agent.settle(initializing=True)
    back = []
    for kind in ("mainpid", "attach"):
        samples = place.meter("life", place.endpoint, PREFIX, place.folder, -(-options.lives // count),
                              *(f"{kind}:{agent.name}:{port}" for agent, port in zip(agents, ports)))
        back += samples[f"back-{kind}"]
        dead = samples[f"dead-{kind}"]
        yield Row(f"server killed ({kind}) -> error", "ms", median(dead) / 1000, p99(dead) / 1000, len(dead),
                  limit=5, p99_limit=120, note="p99 limit 120")
    yield Row("server back: ready -> ready", "ms", median(back) / 1000, p99(back) / 1000, len(back), limit=15)
    place.stop(*(agent.process for agent in agents))


def start_naive(place, names, ports):
    """Agents as a studio writes them: with the etcd3 package of npm, or where that cannot be had of our own. Returns
    them and what they are."""
    modules, why = lib.etcd3_modules(place)
    command = ["node", str(HERE / "node_agent.js")] if modules else [sys.executable, str(HERE / "floor_naive.py")]
    environment = {**os.environ, "NODE_PATH": str(modules)}
    log = open(place.folder / "naive.log", "ab")
    children = [place.start([*command, place.endpoint, f"{PREFIX}/{name}", str(port)], log, environment)
                for name, port in zip(names, ports)]
    return children, "node with etcd3" if modules else f"of our own, as {why}"


def detect(place, options):
    """A server is killed that neither attached nor named its MAINPID, beside an agent that believes the first refusal: it
    is as fast as a probe a second can be, and flaps."""
    count = min(5, options.lives)
    ports = lib.free_ports(3 * count)
    agents = [Agent(place, f"detect-{i}", port) for i, port in enumerate(ports[:2 * count])]
    for agent in agents:
        agent.settle(initializing=True)
    names = [f"naive-{i}" for i in range(count)]
    naive, what = start_naive(place, names, ports[2 * count:])
    lib.wait_until("the naive agents register", lambda: place.count_keys(f"{PREFIX}/naive-") == count)
    trio = zip(agents[:count], agents[count:], names)
    servers = [each for i, (silent, opened, name) in enumerate(trio)
               for each in (f"silent:{silent.name}:{ports[i]}", f"open:{opened.name}:{ports[count + i]}",
                            f"naive:{name}:{ports[2 * count + i]}")]
    samples = place.meter("life", place.endpoint, PREFIX, place.folder, -(-options.lives // count // 2), *servers)
    floor = samples["dead-naive"]
    note = f"p99 limit 1300; one try a second, {what}: {median(floor) / 1000:.0f}, p99 {p99(floor) / 1000:.0f}"
    for kind, name, limit in (("silent", "server killed (only probed) -> error", 700),
                              ("open", "same, its status connection closes", 250)):
        dead = samples[f"dead-{kind}"]
        yield Row(name, "ms", median(dead) / 1000, p99(dead) / 1000, len(dead), limit=limit, p99_limit=1300, note=note)
    place.stop(*(agent.process for agent in agents), *naive)


def excess(writes_us, allowed):
    """The most writes by which any stretch of time is over what is allowed in it."""
    worst = 0
    for i, first in enumerate(writes_us):
        for j in range(i, len(writes_us)):
            worst = max(worst, j - i + 1 - allowed((writes_us[j] - first) / 1e6 + 0.05))
    return worst


def flood(place, options):
    interval_s = 5
    coalesced = lambda s: 1 + int(s / interval_s)
    urgent = lambda s: 5 + int(s)
    bounds = {"players": coalesced, "status": lambda s: urgent(s) + coalesced(s),
              "mix": lambda s: urgent(s) + coalesced(s)}
    listener = Listener()
    for kind, allowed in bounds.items():
        agent = Agent(place, f"flood-{kind}", listener.port, interval=f"{interval_s}s")
        agent.settle()
        time.sleep(interval_s)  # what registering spent is earned again
        samples = place.meter("flood", place.endpoint, agent.key, agent.socket, kind, options.flood, 1000,
                              interval_s * 1000 + 2000)
        sent, answered, last = samples["sent"][0], samples["ok"][0], samples["last"][0]
        writes = samples.get("write", [])
        agent.stop()
        yield Row(f"{sent} lines ({kind}): writes beyond the rate", "", excess(writes, allowed), n=len(writes),
                  limit=0, note=f"answered {answered}, last value {'wins' if last else 'LOST'}")
        if answered != sent or not last:
            raise Failed(f"{kind}: {sent} lines sent, {answered} answered, last value seen: {bool(last)}")
    listener.close()


def many(place, options):
    count = options.many
    floors = [place.start([place.program("floor_curl"), place.endpoint, f"{PREFIX}/many-{i}", str(TTL_S)])
              for i in range(count)]
    lib.wait_until("the curl floors register", lambda: place.count_keys(f"{PREFIX}/many-") == count)
    time.sleep(TTL_S / 2)
    floor = sum(lib.memory(child.pid)["pss"] for child in floors)
    place.stop(*floors)

    listener = Listener()
    agents = [Agent(place, f"many-{i}", listener.port) for i in range(count)]
    for agent in agents:
        agent.settle()
    time.sleep(TTL_S / 2)
    total = sum(lib.memory(agent.pid)["pss"] for agent in agents)
    failed = sum(agent.failed_requests() for agent in agents)
    registered = place.count_keys(f"{PREFIX}/many-")
    place.stop(*(agent.process for agent in agents))
    listener.close()
    yield Row(f"{count} agents: total PSS / curl", "kB", total, n=count, floor=floor, limit=1.2,
              note=f"registered {registered}")
    yield Row(f"{count} agents: failed requests", "", failed, n=count, limit=0)
    if registered != count:
        raise Failed(f"only {registered} of {count} agents are registered")


ROWS = {"line": line, "start": start, "idle": idle, "life": life, "detect": detect, "flood": flood, "many": many}
