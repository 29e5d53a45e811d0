"""Rows about subscribers: how fast, how dear and how many."""
import select
import shutil
import socket
import ssl
import subprocess
import time
import urllib.request
import zlib

import lib
import rows_list
from lib import PREFIX, Failed, median, p99
from rows import Row

CERTS = lib.pathlib.Path(__file__).resolve().parent.parent / "support" / "certs"
MANY = 5000
RATE = 100


class Observer:
    """The agent without a server, on a port of its own."""

    def __init__(self, place, name, port, prefix=PREFIX, tls=None):
        """With `tls`, the port of a second listener and the folder of its certificates, it has that, too."""
        self.port = port
        folder = place.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        config = folder / "outrider.yaml"
        listen, files = f"\"127.0.0.1:{port}\"", ""
        if tls:
            listen = f"[{listen}, \"tls://127.0.0.1:{tls[0]}\"]"
            files = f", tls: {{cert_file: {tls[1]}/server.crt, key_file: {tls[1]}/server.key}}"
        config.write_text(f"registry: {{endpoints: [\"{place.endpoint}\"], prefix: {prefix}}}\n"
                          f"http: {{listen: {listen}, max_subscribers: 10000, peer_share: 100{files}}}\nlog: {{level: warn}}\n")
        with open(folder / "log", "ab") as log:
            self.process = place.start([str(place.agent), "agent", "-c", str(config)], log)
        lib.wait_until("the observer has the fleet", self.is_ready)

    @property
    def pid(self):
        return self.process.pid

    def fetch(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            return answer.read().decode()

    def is_ready(self):
        try:
            return '"stale":false' in self.fetch("/api/services")
        except OSError:
            return False

    def metric(self, name):
        lines = [line for line in self.fetch("/metrics").splitlines() if line.startswith(f"{name} ")]
        return float(lines[0].split()[1]) if lines else None


class Floor:
    """Another prefix of the same etcd, so that only one of the two has something to do at a time."""

    prefix = "/services/broadcast"

    def __init__(self, place, port):
        self.port = port
        self.process = place.start([place.program("floor_broadcast"), place.endpoint, self.prefix, str(port)])
        lib.wait_until("the floor listens", self.is_ready)

    def is_ready(self):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=0.2).close()
        except OSError as error:
            return "timed out" in str(error)
        return True


def measure(place, options, payload, stalled, n):
    ports = lib.free_ports(2)
    observer, floor = Observer(place, "push", ports[0]), Floor(place, ports[1])
    samples = place.meter("push", place.endpoint, PREFIX, observer.port, observer.pid, floor.prefix, floor.port,
                          floor.process.pid, options.subscribers, n, payload, stalled + 1, 20000)
    dropped = observer.metric("outrider_sse_dropped_total")
    place.stop(observer.process, floor.process)
    return samples, dropped


def push(place, options):
    samples, _ = measure(place, options, 40, 0, options.pushes)
    subject, floor = samples["subject"], samples["floor"]
    n = options.subscribers
    name = f"change -> all of {n} subscribers"
    yield Row(name, "ms", median(subject) / 1000, p99(subject) / 1000, len(subject), median(floor) / 1000, 1.3)
    yield Row(f"{name}, p99", "ms", p99(subject) / 1000, n=len(subject), floor=p99(floor) / 1000, limit=1.5)
    cpu, floor_cpu = (sum(samples[key]) / len(samples[key]) / n / 1000 for key in ("subject-cpu", "floor-cpu"))
    yield Row("CPU per delivery", "us", cpu, n=len(subject), floor=floor_cpu, limit=1.4)


def sockets(place, options):
    """WebSockets against event streams of a second observer of the same binary."""
    ports = lib.free_ports(2)
    subject = Observer(place, "sockets", ports[0])
    floor = Observer(place, "streams", ports[1], Floor.prefix)
    n = options.subscribers
    samples = place.meter("push", place.endpoint, PREFIX, subject.port, subject.pid, Floor.prefix, floor.port, floor.pid,
                          n, options.pushes, 40, 1, 20000, "sockets")
    place.stop(subject.process, floor.process)
    name = f"change -> all of {n} WebSockets / event streams"
    ours, streams = samples["subject"], samples["floor"]
    yield Row(name, "ms", median(ours) / 1000, p99(ours) / 1000, len(ours), median(streams) / 1000, 1.2)
    cpu, floor_cpu = (sum(samples[key]) / len(samples[key]) / n / 1000 for key in ("subject-cpu", "floor-cpu"))
    yield Row("the same: CPU per delivery", "us", cpu, n=len(ours), floor=floor_cpu, limit=1.2)


def stalled(place, options):
    n = max(100, options.pushes // 3)
    alone, _ = measure(place, options, 8000, 0, n)
    beside, dropped = measure(place, options, 8000, 1, n)
    # The floor of both runs takes the machine's moods out.
    mood = median(beside["floor"]) / median(alone["floor"])
    yield Row("others beside one who stalls", "ms", median(beside["subject"]) / 1000, p99(beside["subject"]) / 1000, n,
              median(alone["subject"]) / 1000 * mood, 1.05, note=f"dropped {dropped:g}")
    if dropped != 1:
        raise Failed(f"{dropped:g} subscribers were dropped: the one who stalls, and nobody else, was to be")


def hold(place, options):
    observer = Observer(place, "hold", lib.free_ports(1)[0])
    samples = place.meter("hold", place.endpoint, PREFIX, observer.port, observer.pid, MANY, RATE, options.hold)
    place.stop(observer.process)
    without, with_all = samples["memory-without"][0], samples["memory-with"][0]
    memory = samples["memory"]
    sent, closed, behind = samples["sent"][0], samples["closed"][0], samples["behind"][0]
    yield Row("memory per subscriber", "kB", (with_all - without) / MANY, n=MANY, limit=6)
    yield Row(f"{MANY} through {RATE} changes/s: closed", "", closed, n=sent, limit=0,
              note=f"{behind} missed one; last read {samples['late'][0] / 1000:.0f} ms after the last write; "
                   f"CPU {samples['cpu'][0] / 1e9 / options.hold * 100:.0f} %")
    yield Row("the same: memory, end / a quarter in", "kB", memory[-1], n=len(memory), floor=memory[len(memory) // 4],
              limit=1.05)
    if behind:
        raise Failed(f"{behind} subscribers have not had every change")


class Crowd:
    """Streams of an observer, which are read and thrown away; the first is decoded where it is compressed."""

    def __init__(self, port, count, coding, context=None):
        self.poll, self.sockets, self.bytes, self.text = select.epoll(), {}, 0, b""
        self.decoder = zlib.decompressobj(31) if coding == "gzip" else None
        for _ in range(count):
            peer = socket.create_connection(("127.0.0.1", port))
            peer = context.wrap_socket(peer, server_hostname="localhost") if context else peer
            peer.sendall(f"GET /api/subscribe HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: {coding}\r\n\r\n".encode())
            head = b""
            while b"\r\n\r\n" not in head:
                head += peer.recv(65536)
            if (b"Content-Encoding: gzip" in head) != (coding == "gzip"):
                raise Failed(f"{coding} was asked for, and the head is {head}")
            self.first = peer.fileno() if not self.sockets else self.first
            self.sockets[peer.fileno()] = peer
            self.take(peer.fileno(), head.split(b"\r\n\r\n", 1)[1])
            peer.setblocking(False)
            self.poll.register(peer, select.EPOLLIN)

    def take(self, number, data):
        self.bytes += len(data)
        if number == self.first:
            self.text += self.decoder.decompress(data) if self.decoder else data

    def receive(self, number):
        """All that is there. Of TLS that may be half a record, or one of the protocol itself: then nothing."""
        data, more = b"", True
        while more:
            try:
                part = self.sockets[number].recv(65536)
                data, more = data + part, bool(part) and isinstance(self.sockets[number], ssl.SSLSocket)
            except ssl.SSLWantReadError:
                more = False
        self.take(number, data)
        return data != b""

    def read(self, what):
        """Reads until the first has `what`, and each has read something."""
        waiting, self.text = set(self.sockets), self.text[-64:]
        while waiting or what not in self.text:
            ready = self.poll.poll(10)
            if not ready:
                raise Failed(f"{len(waiting)} subscribers got nothing, or not {what}")
            for number, _ in ready:
                if self.receive(number):
                    waiting.discard(number)

    def drain(self):
        while ready := self.poll.poll(0.3):
            for number, _ in ready:
                self.receive(number)


def streams(place, options):
    """The same events to as many subscribers as gzip and as text, each at an observer of its own that follows a prefix of its own."""
    n, crowds, cpu, memory = options.subscribers, {}, {"gzip": 0, "identity": 0}, {}
    for coding in cpu:
        prefix = f"{PREFIX}-{coding}"
        agent = Observer(place, coding, lib.free_ports(1)[0], prefix)
        before = lib.memory(agent.pid)["rss"]
        crowds[coding] = (agent, prefix, Crowd(agent.port, n, coding))
        crowds[coding][2].drain()
        memory[coding] = (lib.memory(agent.pid)["rss"] - before) / n
        crowds[coding][2].bytes = 0
    for number in range(options.pushes):
        for coding, (agent, prefix, crowd) in crowds.items():
            before = lib.activity(agent.pid)["cpu"]
            rows_list.put(place, f"{prefix}/world/world-{number:05}", rows_list.record("world", number))
            crowd.read(f"\"id\":\"world-{number:05}\"".encode())
            cpu[coding] += lib.activity(agent.pid)["cpu"] - before
    each = {coding: cpu[coding] / n / options.pushes for coding in cpu}
    size = {coding: crowd.bytes / n / options.pushes for coding, (_, _, crowd) in crowds.items()}
    yield Row(f"event to {n} that take gzip / text: CPU of each", "us", each["gzip"], n=options.pushes, floor=each["identity"],
              limit=1.2, note=f"{size['gzip']:.0f} and {size['identity']:.0f} bytes")
    yield Row("memory per subscriber that takes gzip / text", "kB", memory["gzip"], n=n, floor=memory["identity"])
    place.stop(*(agent.process for agent, _, _ in crowds.values()))


def tls_streams(place, options):
    """The same events to as many subscribers over TLS and without, each at an observer of its own that follows a prefix of its own. The
    program that reads them decrypts, too: the CPU is that of the observer alone."""
    n, certs = options.subscribers, place.folder / "certs-streams"
    subprocess.run([CERTS, certs], check=True, capture_output=True)
    context = ssl.create_default_context(cafile=certs / "ca.crt")
    crowds, cpu, wall, memory = {}, {"tls": 0, "plain": 0}, {"tls": [], "plain": []}, {}
    for kind in cpu:
        prefix, ports = f"{PREFIX}-{kind}", lib.free_ports(2)
        agent = Observer(place, f"streams-{kind}", ports[0], prefix, (ports[1], certs) if kind == "tls" else None)
        before = lib.memory(agent.pid)["rss"]
        crowd = Crowd(ports[1] if kind == "tls" else ports[0], n, "identity", context if kind == "tls" else None)
        crowds[kind] = (agent, prefix, crowd)
        crowd.drain()
        memory[kind] = (lib.memory(agent.pid)["rss"] - before) / n
    for number in range(options.pushes):
        for kind, (agent, prefix, crowd) in crowds.items():
            before, began = lib.activity(agent.pid)["cpu"], time.perf_counter()
            rows_list.put(place, f"{prefix}/world/world-{number:05}", rows_list.record("world", number))
            crowd.read(f"\"id\":\"world-{number:05}\"".encode())
            wall[kind].append((time.perf_counter() - began) * 1e3)
            cpu[kind] += lib.activity(agent.pid)["cpu"] - before
    each = {kind: cpu[kind] / n / options.pushes for kind in cpu}
    yield Row(f"change -> all of {n} over TLS / plain", "ms", median(wall["tls"]), p99(wall["tls"]), options.pushes, median(wall["plain"]),
              note="with the reader, which decrypts")
    yield Row("the same: CPU per delivery", "us", each["tls"], n=options.pushes, floor=each["plain"])
    yield Row("memory per subscriber over TLS / plain", "kB", memory["tls"], n=n, floor=memory["plain"])
    place.stop(*(agent.process for agent, _, _ in crowds.values()))


ROWS = {"push": push, "streams": streams, "tls-streams": tls_streams, "sockets": sockets, "stalled": stalled, "hold": hold}
