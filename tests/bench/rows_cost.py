"""What a fleet costs etcd: agents that are idle or publish, and none to five observers. Nothing here has a floor: the
figures help to size an etcd (docs/operating.md)."""
import dataclasses
import os
import pathlib
import tempfile
import time

import fleet
import lib
from lib import Failed, Listener, median
from rows import Row

OBSERVERS = (0, 1, 2, 5)
MEGABYTE = 1 << 20


@dataclasses.dataclass
class Moment:
    at: float
    etcd_cpu: float
    counters: dict
    requests: dict
    agents_cpu: float
    observers_cpu: list
    bench_cpu: float
    machine_cpu: float


def moment(world):
    counters, requests = world.etcd.metrics()
    return Moment(time.monotonic(), fleet.cpu_s(world.etcd.pid), counters, requests,
                  sum(fleet.cpu_s(agent.pid) for agent in world.agents),
                  [fleet.cpu_s(observer.pid) for observer in world.observers], time.process_time(), machine_cpu())


def requests_text(before, after, seconds):
    """The rate of all requests, and of each kind that there were any of."""
    rates = {name: (after.requests[name] - before.requests[name]) / seconds for name in after.requests}
    kinds = [f"{name} {rate:.1f}" for name, rate in sorted(rates.items(), key=lambda each: -each[1]) if rate > 0]
    return f"{sum(rates.values()):.0f} requests/s ({', '.join(kinds)})"


def rss_mb(pid):
    return lib.memory(pid)["rss"] / 1024


def machine_cpu():
    """Seconds that its processors have worked, for whomever."""
    words = [int(word) for word in lib.proc("", "stat").splitlines()[0].split()[1:9]]
    return (sum(words) - words[3] - words[4]) / fleet.TICKS_PER_S


def counts_text(counts):
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())


def phase(world, name, seconds):
    """What etcd, the agents and the observers spend during that time."""
    failures = world.failures()
    before = moment(world)
    time.sleep(seconds)
    after = moment(world)
    failures = world.failures() - failures
    took = after.at - before.at
    spent = lambda what: (getattr(after, what) - getattr(before, what)) / took * 100
    rate = lambda what: (after.counters[what] - before.counters[what]) / took
    observers = [(new - old) / took * 100 for new, old in zip(after.observers_cpu, before.observers_cpu)]
    known = spent("etcd_cpu") + spent("agents_cpu") + spent("bench_cpu") + sum(observers)
    yield Row(f"etcd, {name}: CPU", "%", spent("etcd_cpu"), n=len(world.agents), note="; ".join((
        requests_text(before, after, took),
        f"{after.counters['watchers']:g} ranges in {after.counters['streams']:g} watches, "
        f"{after.counters['slow']:g} slow",
        f"a sync of its log {rate('synced_s') / max(rate('syncs'), 1e-9) * 1000:.1f} ms",
        f"RSS {rss_mb(world.etcd.pid):.0f} MB, file {after.counters['db'] / MEGABYTE:.0f} MB, "
        f"{after.counters['descriptors']:g} descriptors",
        f"CPU of all agents {spent('agents_cpu'):.0f} %, of the bench {spent('bench_cpu'):.0f} %, "
        f"of strangers {max(0, spent('machine_cpu') - known):.0f} % of {os.cpu_count()}00")))
    floor = rate("puts") * (1 + len(observers)) or None
    yield Row(f"{name}: events", "/s", rate("events"), floor=floor, limit=1.05 if floor else 0,
              note=f"{rate('puts'):.0f} writes/s, to their writers and each observer")
    if observers:
        memory = ", ".join(f"{rss_mb(observer.pid):.1f}" for observer in world.observers)
        yield Row(f"observer, {name}: CPU", "%", median(observers), max(observers), len(observers),
                  note=f"RSS {memory} MB")
    yield Row(f"{name}: failures", "", sum(failures.values()), n=len(world.agents), limit=0,
              note=counts_text(failures))


def watches_alone(options):
    """What the watches of so many sidecars cost an etcd that has nothing else to do."""
    seconds = max(5, options.cost // 3)
    with fleet.Etcd() as etcd:
        rss = rss_mb(etcd.pid)
        idle = fleet.cpu_s(etcd.pid)
        time.sleep(seconds)
        idle = fleet.cpu_s(etcd.pid) - idle
        watches = [etcd.watch_two_keys(f"cost-{i}") for i in range(options.cost_agents)]
        before, start = etcd.metrics()[0], fleet.cpu_s(etcd.pid)
        time.sleep(seconds)
        spent, after = fleet.cpu_s(etcd.pid) - start, etcd.metrics()[0]
        grown = rss_mb(etcd.pid) - rss
        for watch in watches:
            watch.close()
        yield Row(f"{len(watches)} watches of two keys alone: etcd's CPU", "%", spent / seconds * 100, n=len(watches),
                  note=f"without them {idle / seconds * 100:.2f} %; {after['watchers']:g} ranges, "
                       f"{after['events'] - before['events']:g} events")
        yield Row("each of these watches: etcd's RSS", "kB", grown * 1024 / len(watches), n=len(watches))


def subscribers(world, count):
    """Whether etcd sees more of one observer with subscribers than without."""
    observer = world.observers[0]
    before = world.etcd.metrics()[0]
    follow = world.place.start([world.place.program("follow"), str(observer.port), str(count)])
    lib.wait_until(f"{count} subscribers", lambda: observer.metric("outrider_sse_clients") == count)
    after = world.etcd.metrics()[0]
    memory = rss_mb(observer.pid)
    world.place.stop(follow)
    more = after["watchers"] - before["watchers"]
    yield Row(f"{count} subscribers: more watches at etcd", "", more, n=count, limit=0,
              note=f"{before['watchers']:g} ranges before, {after['watchers']:g} after; observer {memory:.1f} MB")


def observers_text(count):
    return "1 observer" if count == 1 else f"{count} observers"


def idle(world, options):
    for count in OBSERVERS:
        world.observe(count)
        world.await_truth()
        yield from phase(world, f"{len(world.agents)} idle, {observers_text(count)}", options.cost)
        if count == 1:
            yield from subscribers(world, options.subscribers)
    world.observe(0)


def publishing(world, options):
    for count in OBSERVERS:
        world.observe(count)
        world.servers.play()
        lib.wait_until("every server says something new", lambda: world.servers.rounds >= 1 or world.servers.trouble)
        yield from phase(world, f"{len(world.agents)} publishing, {observers_text(count)}", options.cost)
        world.servers.rest()
        world.await_truth()
    yield Row("wrong figures at etcd and observers", "", 0, n=len(world.agents) * sum(OBSERVERS), limit=0)


def fleet_of(place, options, etcd, folder):
    world = fleet.Fleet(place, etcd, folder)
    listener = Listener()
    empty, start = rss_mb(etcd.pid), time.monotonic()
    world.start_agents(options.cost_agents, listener.port)
    took, failures = time.monotonic() - start, counts_text(world.failures()) or "none"
    yield Row(f"{options.cost_agents} agents: registered, ready, watching", "s", took, n=options.cost_agents,
              note=f"etcd's RSS {empty:.0f} -> {rss_mb(etcd.pid):.0f} MB; failures: {failures}")
    yield from idle(world, options)
    yield from publishing(world, options)
    world.stop()
    listener.close()
    if etcd.metrics()[0]["watchers"] != 0 or world.place.count_keys(f"{lib.PREFIX}/") != 0:
        raise Failed("keys or watches are left at etcd after everybody has ended")


def cost(place, options):
    yield from watches_alone(options)
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else place.folder
    with fleet.Etcd() as etcd, tempfile.TemporaryDirectory(prefix="outrider-cost-", dir=memory) as folder:
        try:
            yield from fleet_of(place, options, etcd, pathlib.Path(folder))
        finally:
            place.kill_all()


ROWS = {"cost": cost}
