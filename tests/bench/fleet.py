"""A fleet for the benchmark: an etcd of its own, agents whose servers say how many players they have, observers."""
import base64
import collections
import copy
import json
import os
import pathlib
import re
import socket
import subprocess
import threading
import time
import urllib.request

import lib
import rows_push
from lib import PREFIX, Agent, Failed

INTERVAL_S = 5  # status.min_publish_interval: its default
BATCH = 50
TRUTH_WITHIN_S = 120  # where others keep the machine from its work; else a second after the interval
TYPE_PREFIX = os.path.dirname(PREFIX)
WITH_ETCD = pathlib.Path(__file__).resolve().parent.parent / "support" / "with-etcd"
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid):
    """utime and stime."""
    words = lib.proc(pid, "stat").rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / TICKS_PER_S


def samples_of(text):
    """(name with labels, value) of each line of a Prometheus text."""
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            yield name, float(value)


class Etcd:
    """A new node, so that its memory is that of this fleet."""

    COUNTERS = {"etcd_debugging_mvcc_watcher_total": "watchers", "etcd_debugging_mvcc_watch_stream_total": "streams",
                "etcd_debugging_mvcc_slow_watcher_total": "slow", "etcd_debugging_mvcc_events_total": "events",
                "etcd_mvcc_put_total": "puts", "etcd_disk_wal_fsync_duration_seconds_sum": "synced_s",
                "etcd_disk_wal_fsync_duration_seconds_count": "syncs", "etcd_mvcc_db_total_size_in_bytes": "db",
                "process_open_fds": "descriptors"}
    REQUEST = re.compile(r'grpc_server_started_total{grpc_method="(\w+)",grpc_service="etcdserverpb\.')

    def __init__(self):
        command = [WITH_ETCD, "--", "sh", "-c", 'echo "$OUTRIDER_TEST_ETCD $OUTRIDER_TEST_ETCD_DIR"; exec cat']
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self.endpoint, folder = self.process.stdout.readline().split()
        except ValueError:
            raise Failed("no etcd") from None
        self.pid = int((pathlib.Path(folder) / "1" / "pid").read_text())
        self.address = tuple(self.endpoint.removeprefix("http://").split(":"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=lib.PATIENCE_S)

    def metrics(self):
        """How much of each in COUNTERS, and how many requests of each method so far."""
        with urllib.request.urlopen(self.endpoint + "/metrics", timeout=lib.PATIENCE_S) as answer:
            text = answer.read().decode()
        counters, requests = {}, collections.Counter()
        for name, value in samples_of(text):
            request = self.REQUEST.match(name)
            if request:
                requests[request[1]] += value
            elif name in self.COUNTERS:
                counters[self.COUNTERS[name]] = value
        return counters, requests

    def watch_two_keys(self, name):
        """A watch as a sidecar has it: one stream, two keys. Returns its connection once both are watched."""
        encode = lambda text: base64.b64encode(text.encode()).decode()
        keys = (f"{PREFIX}/{name}", f"/outrider{TYPE_PREFIX}/control/bench/{name}")
        body = "".join(json.dumps({"create_request": {"key": encode(key), "watch_id": i + 1, "fragment": True,
                                                      "progress_notify": True}}) for i, key in enumerate(keys))
        connection = socket.create_connection(self.address, timeout=lib.PATIENCE_S)
        connection.sendall(f"POST /v3/watch HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                           f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
        answer = b""
        while answer.count(b'"created":true') < len(keys):
            more = connection.recv(65536)
            if not more:
                raise Failed(f"a watch was not begun: {answer.decode(errors='replace')[-300:]}")
            answer += more
        return connection


class Servers:
    """What the game servers beside the agents do: each has a connection to its agent, and says its players."""

    def __init__(self, agents):
        self.agents = agents
        self.connections = []
        self.players = [0] * len(agents)
        self.rounds = 0  # in which every server has said something new
        self.trouble = None
        self.thread = None
        self.over = threading.Event()

    def connect(self):
        for agent in self.agents:
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(lib.PATIENCE_S)
            connection.connect(str(agent.socket))
            self.connections.append(connection)
        for i in range(len(self.agents)):
            self.say(i, "ready players=0/500")

    def say(self, i, line):
        self.connections[i].sendall(line.encode() + b"\n")
        reply = self.connections[i].recv(256)
        if not reply.startswith(b"OK"):
            raise Failed(f"{self.agents[i].name} answered {line}: {reply.decode(errors='replace')}")

    def play(self):
        """From now on the players of each server change once in each interval, evenly spread."""
        self.rounds = 0
        self.over.clear()
        self.thread = threading.Thread(target=self.play_on, daemon=True)
        self.thread.start()

    def play_on(self):
        start, count = time.monotonic(), len(self.agents)
        try:
            for step in range(1 << 40):
                self.over.wait(max(0, start + step * INTERVAL_S / count - time.monotonic()))
                if self.over.is_set():
                    return
                i = step % count
                self.say(i, f"players={(self.players[i] + 1 + i) % 500}")
                self.players[i] = (self.players[i] + 1 + i) % 500
                self.rounds = (step + 1) // count
        except (OSError, Failed) as error:
            self.trouble = error

    def rest(self):
        self.over.set()
        self.thread.join()
        if self.trouble:
            raise Failed(f"the servers: {self.trouble}")

    def said(self):
        return {agent.name: players for agent, players in zip(self.agents, self.players)}

    def close(self):
        self.over.set()
        for connection in self.connections:
            connection.close()


class Fleet:
    """Agents and observers at an etcd, as the row has started them so far. What they keep is in memory: beside their
    servers they would not share a disk with etcd."""

    REQUEST = re.compile(r'outrider_registry_requests_total{op="(\w+)",outcome="(\w+)"}')

    def __init__(self, place, etcd, folder):
        self.place = copy.copy(place)  # its children are those of `place`
        self.place.endpoint = etcd.endpoint
        self.place.folder = folder
        self.etcd = etcd
        self.agents, self.observers = [], []
        self.servers = None

    def start_agents(self, count, port):
        """In batches; the next when the registry has the last."""
        while len(self.agents) < count:
            first = len(self.agents)
            for i in range(first, min(first + BATCH, count)):
                self.agents.append(Agent(self.place, f"cost-{i}", port, interval=f"{INTERVAL_S}s", state=True))
            lib.wait_until(f"agents {first} to {len(self.agents) - 1} register",
                           lambda: self.place.count_keys(f"{PREFIX}/cost-") == len(self.agents))
        self.servers = Servers(self.agents)
        self.servers.connect()
        lib.wait_until("every server is ready", lambda: self.registry_is_true() and self.all_ready(), TRUTH_WITHIN_S)
        self.await_watches()

    def records(self):
        """All of them as etcd has them; none when it does not answer in time."""
        key = f"{PREFIX}/cost-".encode()
        end = key[:-1] + bytes([key[-1] + 1])
        body = {"key": base64.b64encode(key).decode(), "range_end": base64.b64encode(end).decode()}
        try:
            answer = self.place.post("/v3/kv/range", body)
        except OSError:
            return []
        return [json.loads(base64.b64decode(kv["value"])) for kv in answer.get("kvs", ())]

    def registry_is_true(self):
        return {each["id"]: each.get("players") for each in self.records()} == self.servers.said()

    def all_ready(self):
        return sum(each["status"] == "ready" for each in self.records()) == len(self.agents)

    def await_watches(self):
        """Two keys for each agent; records, reservations and leaders for each observer; and no other watches."""
        wanted = 2 * len(self.agents) + 3 * len(self.observers)
        found = lambda: self.etcd.metrics()[0]["watchers"]
        try:
            lib.wait_until("the watches", lambda: found() == wanted)
        except Failed as error:
            raise Failed(f"{error}: {found():g} watched ranges at etcd instead of {wanted}") from None

    def observe(self, count):
        """From now on there are so many observers."""
        while len(self.observers) > count:
            self.place.stop(self.observers.pop().process)
        while len(self.observers) < count:
            name = f"cost-observer-{len(self.observers)}"
            self.observers.append(rows_push.Observer(self.place, name, lib.free_ports(1)[0], TYPE_PREFIX))
        self.await_watches()

    def wrong_figures(self, observer):
        seen = {each["id"]: each.get("players") for each in json.loads(observer.fetch("/api/services"))["services"]}
        said = self.servers.said()
        return sum(seen.get(name) != said.get(name) for name in seen.keys() | said.keys())

    def await_truth(self):
        """Until etcd, and then every observer, has what the servers said last."""
        lib.wait_until("the registry has every figure", self.registry_is_true, TRUTH_WITHIN_S)
        for i, observer in enumerate(self.observers):
            try:
                lib.wait_until("", lambda: self.wrong_figures(observer) == 0)
            except Failed:
                raise Failed(f"observer {i} has {self.wrong_figures(observer)} wrong figures of "
                             f"{len(self.agents)}") from None

    def failures(self):
        """Over all agents so far: how many requests of which kind failed how, and how often a lease was lost."""
        counts = collections.Counter()
        for agent in self.agents:
            for name, value in agent.metrics().items():
                request = self.REQUEST.match(name)
                if request and request[2] != "ok" and int(value) > 0:
                    counts[f"{request[1]} {request[2]}"] += int(value)
                elif name == "outrider_registrations_total" and int(value) > 1:
                    counts["lease lost"] += int(value) - 1
        return counts

    def stop(self):
        self.servers.close()
        self.observe(0)
        while self.agents:
            batch, self.agents = self.agents[-BATCH:], self.agents[:-BATCH]
            self.place.stop(*(agent.process for agent in batch))
