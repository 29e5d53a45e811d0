"""One run of one fault: the real agent with a game server, a real etcd that fails or cannot be reached, and a watcher.

What a fault may cost is counted between begin() and over(): deletes that a watcher saw, records that were not true, the
time from the end of the fault until the record was true, requests, lines of log."""
import contextlib
import pathlib
import re
import shutil
import signal
import socket
import tempfile
import time
import unittest

from cluster import Cluster, Follower
from harness import FaultProxy, Game, Line
from registry import DEADLINE_S, wait_until

RETRY_CAP_S = 5.0
LATE_S = 120  # only a hang waits this long; the bound of the fault judges the time
SLACK_S = 2.0  # for two processors shared by many processes, on top of what the protocol allows


class TooSlow(Exception):
    """The machine could not play the fault in the time that the lease gave: the run does not count, play it again."""


class Scene:
    def __init__(self, fault, binary, nodes, wrapper=(), patient=False):
        self.fault, self.wrapper, self.patient = fault, list(wrapper), patient
        self.cleanups = contextlib.ExitStack()
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="outrider-faults-"))
        self.cleanups.callback(shutil.rmtree, self.dir, ignore_errors=True)
        self.check = unittest.TestCase()
        self.ttl_s = fault.ttl(nodes)
        self.etcd = Cluster(binary, nodes, fault.options, tls=fault.tls)
        self.addCleanup(self.etcd.stop)
        self.proxies = []
        self.players, self.truth, self.reported = 0, {}, 0
        self.by_hand = set()  # revisions written by hand, not by the agent
        self.allowed = {"ready"}
        self.agent = self.began = self.ended = None
        self.notes, self.secrets = [], []

    # Needed by harness.Agent.
    def addCleanup(self, function, *words, **more):
        self.cleanups.callback(function, *words, **more)

    def assertEqual(self, first, second, message=None):
        self.check.assertEqual(first, second, message)

    def close(self):
        self.cleanups.close()

    # ---- the world ----

    def start(self):
        if self.fault.network:
            for port in self.etcd.ports:
                proxy = FaultProxy(port)
                self.addCleanup(proxy.close)
                self.proxies.append(proxy)
        self.game = Game()
        self.addCleanup(self.game.close)
        self.follower = Follower(self.etcd, "/services/")
        self.addCleanup(self.follower.close)
        self.fault.prepare(self)
        self.agent = self.new_agent()
        pathlib.Path(self.agent.config["state_dir"]).mkdir()
        self.addCleanup(self.agent.kill)
        self.agent.start(**self.fault.popen)
        self.say("ready", 1)
        self.follower.wait(self.is_true, "the first true record", deadline=LATE_S)
        self.settle()

    def endpoints(self):
        scheme = "https" if self.etcd.tls else "http"
        return [f"{scheme}://127.0.0.1:{p.port}" for p in self.proxies] or self.etcd.urls

    def new_agent(self):
        folder = self.dir / "a"
        probe = {"name": "game", "type": "tcp", "port": self.game.port, "interval": "250ms", "timeout": "200ms"}
        if self.patient:
            probe.update(interval="1s", timeout="900ms")
        registry = {"endpoints": self.endpoints(), "prefix": "/services", "ttl": f"{self.ttl_s}s"}
        return self.fault.agent(self, "a", {
            "server": {"type": "world", "id": "w1", "host": "127.0.0.1", "ports": [self.game.port]},
            "registry": {**registry, **self.fault.settings(self)},
            "probes": [probe],
            "status": {"socket": str(folder / "status.sock"), "notify_socket": str(folder / "notify.sock"),
                       "min_publish_interval": "100ms"},
            "shutdown": {"linger": "100ms", "timeout": "5s"},
            "http": {"listen": f"unix:{folder}/http.sock"},
            "state_dir": str(folder / "state"),
        }, {}, self.wrapper)

    # ---- the true record ----

    def expect(self, status, players):
        self.players = players
        self.truth = {"status": status, "players": players, "host": "127.0.0.1"}

    def say(self, status, players):
        self.expect(status, players)
        self.reported += 1
        self.check.assertEqual(self.agent.say(f"{status} players={players}"), "OK")

    def news(self):
        """The server changes, so that a record from before the fault is not true after it."""
        self.say("ready", self.players + 1)

    def is_true(self, event):
        return not event.deleted and event.record is not None and \
            all(event.record.get(name) == value for name, value in self.truth.items())

    def is_false(self, event):
        """A record of the agent that was never true, or is no longer true."""
        if event.deleted or event.kv.revision in self.by_hand:
            return False
        record = event.record or {}
        players = record.get("players")
        falls_back = players is not None and players < self.highest
        self.highest = max(self.highest, players or 0)
        return falls_back or record.get("status") not in self.allowed or (players or 0) > self.players

    def api(self):
        return self.agent.api()

    def settle(self):
        def settled():
            registry = self.api()["registry"]
            return registry["inSync"] and registry["lastError"] is None and registry["watch"] == "open"
        wait_until(settled, f"the agent is in sync, content and watching: {self.api()['registry']}", LATE_S)

    # ---- time ----

    def request_timeout_s(self):
        """The value of `request_timeout: auto`: heartbeat + 3 timeouts + TTL/10 fit into the TTL."""
        return (self.ttl_s - self.ttl_s / 10 - self.ttl_s / 3) / 3

    def slack_s(self):
        return 10 * SLACK_S if self.patient else SLACK_S

    def begin(self, fresh=True):
        """Counting starts here; `fresh`: with a heartbeat just sent."""
        if fresh:
            wait_until(lambda: self.lease_left() > self.ttl_s - 0.3, "a heartbeat", LATE_S)
        self.lease_end = time.monotonic() + self.lease_left()
        self.mark = self.follower.mark()
        self.requests_before, self.lines_before = self.requests(), self.lines()
        self.saves_before, self.reported = self.saves(), 0
        self.highest = self.players
        self.began = time.monotonic()

    def lease_left(self):
        lease = self.api()["lease"]
        return (lease["leftMs"] or 0) / 1000

    def until(self, moment):
        """Sleeps: only the length of a fault is measured by the clock."""
        time.sleep(max(0.0, moment - time.monotonic()))

    def last(self, seconds):
        self.until(self.began + seconds)

    def until_before_lease_end(self, margin):
        self.until(self.lease_end - margin)
        if time.monotonic() > self.lease_end - margin + 0.5:
            raise TooSlow(f"{margin} s before the end of the lease were missed")

    def beyond_lease(self):
        """Longer than any lease: the TTL, etcd's half second, and one more."""
        self.until(self.lease_end + 1.5)

    def end(self, moment=None):
        """The fault is over; recovery is counted from now, or from `moment`."""
        self.ended = moment or time.monotonic()

    def end_within_lease(self):
        self.end()
        if self.ended > self.lease_end:
            raise TooSlow("the lease ended before the fault did")

    # ---- waits ----

    def wait_true(self):
        return self.follower.wait(self.is_true, f"{self.truth} while {self.fault.name} goes on", self.mark, LATE_S)

    def wait_gone(self):
        self.follower.wait(lambda event: event.deleted, "the record goes with its lease", self.mark, LATE_S)

    def wait_trouble(self, word):
        """Waits for the agent's error message."""
        text = wait_until(lambda: next((text for text in [self.api()["registry"]["lastError"]] if text and word in text), None),
                          f"the agent says something of {word}: {self.api()['registry']}")
        self.notes.append(text[:160])

    def dies_unwritten(self):
        """The server dies while nothing can be written: the record that says ready must not stay."""
        self.allowed |= {"initializing", "error"}
        self.expect("error", self.players)
        self.game.close()
        since = time.monotonic()
        self.wait_gone()
        seconds = time.monotonic() - since
        self.notes.append(f"gone {seconds:.1f} s after the server")
        self.check.assertLess(seconds, 3 * self.ttl_s + self.slack_s())

    def second_news(self):
        """The fault has no further cost after it was found."""
        before = time.monotonic()
        self.news()
        seconds = self.wait_true().moment - before
        self.notes.append(f"the next change after {seconds * 1000:.0f} ms")
        self.check.assertLess(seconds, self.request_timeout_s(), "the endpoint that fails was asked again")

    def overwrite(self):
        """Returns the revision."""
        revision = self.etcd.put(self.agent.key, '{"id":"w1","status":"ready","host":"192.0.2.66","players":0}')
        self.by_hand.add(revision)
        return revision

    # ---- counting ----

    def metric(self, name):
        text = self.agent.request("GET", "/metrics")[2].decode()
        return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.M))

    def requests(self):
        return int(self.metric("outrider_registry_requests_total"))

    def saves(self):
        """Writes of the state file."""
        return int(self.metric("outrider_state_writes_total"))

    def lines(self):
        return self.agent.log().count("\n")

    def over(self):
        """Waits for the true record, then for the agent to be in sync, and returns the cost."""
        event = self.follower.wait(self.is_true, f"{self.truth} after {self.fault.name}", self.mark, LATE_S)
        self.settle()
        events = [each for each in self.follower.until_now(self.mark) if each.kv.key == self.agent.key]
        found = self.etcd.get(self.agent.key)
        self.check.assertIsNotNone(found, "the record is there")
        self.check.assertTrue(self.truth.items() <= (found.record or {}).items(), f"{found.value}\nis not {self.truth}")
        self.check.assertNotEqual(found.lease, 0, "the record is under a lease")
        for secret in self.secrets:
            self.check.assertNotIn(secret, self.agent.log() + repr(self.api()))
        span = time.monotonic() - self.began
        return {
            "recovery": round(max(0.0, event.moment - self.ended), 3),
            "lasted": round(self.ended - self.began, 3),
            "deletes": sum(each.deleted for each in events),
            "wrong": [repr(each) for each in events if self.is_false(each)],
            "events": len(events),
            "requests": self.requests() - self.requests_before,
            "lines": self.lines() - self.lines_before,
            "saves": max(0, self.saves() - self.saves_before - self.reported),
            "span": round(span, 1),
            "notes": self.notes,
        }

    def leave(self):
        """The stop is clean after every fault: the record is gone, and the exit status is 0."""
        self.check.assertEqual(self.agent.stop(), 0, self.agent.log())
        self.check.assertIsNone(self.etcd.get(self.agent.key), "the record is gone after a clean stop")

    # ---- the agent as a process ----

    def freeze_agent(self):
        self.agent.send_signal(signal.SIGSTOP)

    def thaw_agent(self):
        self.agent.send_signal(signal.SIGCONT)

    def queue_line(self, line):
        """Sends a line to an agent that cannot answer now; the connection ends with the scene."""
        connection = Line(self.agent.status)
        self.addCleanup(connection.close)
        connection.send(line)

    def net(self, command, which=None):
        for index, proxy in enumerate(self.proxies):
            if which is None or index in which:
                proxy.do(command)

    def endpoint_in_use(self):
        endpoint = self.api()["registry"]["endpoint"]
        return self.endpoints().index(endpoint)
