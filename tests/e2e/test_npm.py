"""Clients of other projects: etcd3 of npm as a server of the fleet, eventsource of npm as a subscriber.

The stream is compared with a watcher of the test, and that with etcd's history, revision by revision."""
import http.client
import json
import threading
import time
import unittest

import npm
from harness import Case, FaultProxy, wait_until
from registry import DEADLINE_S, Watcher, encode, with_etcd

WRITERS = 4
SERVERS = 20


class Npm(Case):
    @classmethod
    def setUpClass(cls):
        npm.modules()
        super().setUpClass()

    def setUp(self):
        super().setUp()
        self.port = with_etcd.free_ports(1)[0]
        self.observer = self.agent("o", server=..., probes=..., status=..., registry={"ttl": "2s"},
                                   http={"listen": f"127.0.0.1:{self.port}"}).start()
        wait_until(lambda: self.get("/api/agent")["view"]["synced"], "the view is in sync")

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        try:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def follower(self, query="", port=None):
        follower = npm.Follower(self, f"http://127.0.0.1:{port or self.port}/api/subscribe{query}")
        follower.wait(lambda event, *_: event == "synced", "synced")
        return follower


class Server(Npm):
    RECORD = {"id": "js-1", "type": "lobby", "host": "10.0.0.9", "ports": [9001, 9002], "status": "ready", "region": "kr",
              "players": 3, "capacity": 64, "updatedAt": "2026-11-21T02:14:00.123Z", "labels": {"engine": "node"}}

    def test_registers_changes_and_dies(self):
        follower = self.follower("?type=lobby")
        server = npm.Server(self, self.etcd.url)
        key = f"{self.prefix}/lobby/js-1"
        lease = int(server.do("register", key=key, record=self.RECORD, ttl=2)["lease"])
        follower.wait(lambda event, _, data: (event, data) == ("update", self.RECORD), "the record as it was put")
        self.assertEqual(self.get("/api/services?type=lobby&region=kr&label.engine=node")["services"], [self.RECORD])
        self.assertEqual(self.get("/api/services/lobby/js-1"), self.RECORD)
        self.assertEqual(self.etcd.get(key).lease, lease)

        changed = {**self.RECORD, "status": "draining", "players": 4}
        server.do("change", record=changed)
        follower.wait(lambda event, _, data: (event, data) == ("update", changed), "its change")
        self.assertEqual(self.get("/api/services/lobby/js-1"), changed)

        server.kill()
        _, _, removed = follower.wait(lambda event, *_: event == "remove", "the end of its lease")
        self.assertEqual(removed, {"key": key, "type": "lobby", "id": "js-1", "clean": False})
        fleet = self.get("/api/services?type=lobby&include=offline")
        self.assertEqual((fleet["services"], [each["record"]["id"] for each in fleet["offline"]]), ([], ["js-1"]))

    def test_leaves_in_order(self):
        follower = self.follower()
        server = npm.Server(self, self.etcd.url)
        server.do("register", key=f"{self.prefix}/lobby/js-1", record=self.RECORD, ttl=10)
        server.do("change", record={**self.RECORD, "status": "shutting_down"})
        server.do("leave")
        _, _, removed = follower.wait(lambda event, *_: event == "remove", "its leave")
        self.assertTrue(removed["clean"])
        self.assertEqual(self.get("/api/services?include=offline")["offline"], [])


class Writers:
    """Writes changes 1 to `count`, each with its number in `players`, by WRITERS connections at once. What etcd did not
    answer may have happened or not: its number is in `unknown`, and is not written again."""

    def __init__(self, case, count):
        self.case, self.count, self.next = case, count, 0
        self.lock = threading.Lock()
        self.known, self.unknown = {}, []
        self.threads = [threading.Thread(target=self.work, daemon=True) for _ in range(WRITERS)]
        for thread in self.threads:
            thread.start()

    def take(self):
        with self.lock:
            self.next += self.next <= self.count
            return self.next

    def put(self, connection, number):
        """The revision of the change."""
        ident = f"w{number % SERVERS}"
        record = {"id": ident, "type": "world", "host": "10.0.0.5", "ports": [8001], "status": "ready", "players": number}
        connection.request("POST", "/v3/kv/put", json.dumps({"key": encode(f"{self.case.prefix}/world/{ident}"),
                                                             "value": encode(json.dumps(record))}))
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise OSError(f"{answer.status} {text}")
        return int(json.loads(text)["header"]["revision"])

    def work(self):
        connection = self.case.etcd.connect(DEADLINE_S)
        while (number := self.take()) <= self.count:
            try:
                revision = self.put(connection, number)
                with self.lock:
                    self.known[number] = revision
            except (OSError, http.client.HTTPException):
                with self.lock:
                    self.unknown.append(number)
                connection.close()
                wait_until(self.case.etcd.node.is_healthy, "etcd is healthy again")
        connection.close()

    def reached(self, number):
        wait_until(lambda: self.next >= number or not self.alive(), f"change {number} is written", 300)

    def alive(self):
        return any(thread.is_alive() for thread in self.threads)

    def join(self):
        for thread in self.threads:
            thread.join(300)
        self.case.assertFalse(self.alive(), "every change is written")


class Stream(Npm):
    def told_by(self, watcher):
        """(revision, number) of each change that a watcher has seen."""
        with watcher.changed:
            return [(event.kv.revision, event.record["players"]) for event in watcher.events if event.record]

    def told_to(self, follower):
        return [(int(ident.split("-")[0]), data["players"]) for _, ident, data in follower.of("update")]

    def watch_from(self, revision):
        watcher = Watcher(self.etcd, self.prefix + "/", start_revision=revision)
        self.addCleanup(watcher.close)
        return watcher

    def account(self, writers, truth):
        """Compares replies with the history: each change once, those without a reply once or never."""
        self.assertEqual(len({number for _, number in truth}), len(truth), "no change is in etcd twice")
        there = {number: revision for revision, number in truth}
        self.assertEqual({n: there.get(n) for n in writers.known}, writers.known, "what etcd has answered, it has")
        self.assertLessEqual(set(there) - set(writers.known), set(writers.unknown), "and nothing that nobody wrote")

    def last(self, follower, watcher):
        """Ends the stream with a change of the test, so that it is known to be complete."""
        mark, connection = watcher.mark(), self.etcd.connect(DEADLINE_S)
        revision = Writers(self, 0).put(connection, 0)
        connection.close()
        follower.wait(lambda event, ident, _: event == "update" and ident.startswith(f"{revision}-"), "the last change", 120)
        watcher.wait(lambda event: event.kv.revision >= revision, "the last change", mark, 120)

    def compare(self, follower, watchers, writers, begun):
        """The stream, the watcher and etcd's history must be the same, change by change."""
        self.last(follower, watchers[-1])
        heard, seen = self.told_to(follower), [pair for watcher in watchers for pair in self.told_by(watcher)]
        whole = self.watch_from(begun)
        whole.wait(lambda event: event.kv.revision >= seen[-1][0], "all of it again", deadline=120)
        truth = self.told_by(whole)
        self.account(writers, [pair for pair in truth if pair[1] != 0])
        self.assertEqual(seen, truth, "our watcher has every change once, in its order")
        self.assertEqual(heard, truth, "eventsource received every change once, in its order")
        self.assertEqual(follower.of("init", "remove"), [], "nothing began again")
        return heard

    def test_through_a_kill_and_start_of_etcd(self):
        count, begun = npm.changes_wanted(), self.etcd.put(f"{self.prefix}/~begin", "") + 1
        follower, watcher, start = self.follower("?type=world"), self.watch_from(begun), time.monotonic()
        writers = Writers(self, count)
        writers.reached(count // 2)
        self.etcd.kill()
        watcher.thread.join(DEADLINE_S)  # it gets no more events
        self.etcd.start()
        again = self.watch_from(watcher.events[-1].kv.revision + 1)
        writers.join()
        written = time.monotonic() - start
        heard = self.compare(follower, [watcher, again], writers, begun)
        happened = len({n for _, n in heard} & set(writers.unknown))
        print(f"{count} changes in {written:.1f} s: {len(writers.known)} answered, {len(writers.unknown)} not, of which "
              f"{happened} happened; eventsource received {len(heard)} on {len(follower.of('open'))} connection(s), "
              f"the last {time.monotonic() - start:.1f} s after the first was written", flush=True)

    def test_through_cuts_of_its_own_connection(self):
        proxy = FaultProxy(self.port)
        self.addCleanup(proxy.close)
        count, begun = min(npm.changes_wanted(), 2000), self.etcd.put(f"{self.prefix}/~begin", "") + 1
        follower, watcher = self.follower("?type=world", proxy.port), self.watch_from(begun)
        for part in (1, 2):
            proxy.do(f"drop {5001 + part}")  # of compressed bytes: somewhere in the middle of an event
            writers = Writers(self, count // 2)
            wait_until(lambda part=part: len(follower.of("error")) >= part, "eventsource lost its connection")
            proxy.do("pass")
            writers.join()
            self.last(follower, watcher)
        self.assertEqual(self.told_to(follower), self.told_by(watcher), "its Last-Event-ID gave it exactly what it missed")
        self.assertEqual(follower.of("init", "remove"), [], "nothing began again")
        self.assertGreater(len(follower.of("open")), 2)


if __name__ == "__main__":
    unittest.main()
