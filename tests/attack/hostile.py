"""Shared by the attacks: an observer on a TCP port, raw bytes, and a well-behaved client whose look-ups and stream must
stay correct all the time."""
import base64
import http.client
import json
import threading
import time

import clients
from harness import BINARY, Case, UnixHttp, rss_kb, wait_until
from registry import DEADLINE_S, with_etcd


def binary(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


class Sse:
    """An event stream parsed by its standard: CR, LF and CRLF all end a line. A field that the agent never sends
    was injected."""

    def __init__(self, answer):
        self.answer, self.rest = answer, b""

    def lines(self):
        while True:
            ends = [at for at in (self.rest.find(b"\n"), self.rest.find(b"\r")) if at >= 0]
            at = min(ends, default=-1)
            if at < 0 or (self.rest[at:] == b"\r"):
                more = self.answer.read1(65536)
                if not more:
                    return
                self.rest += more
                continue
            line = self.rest[:at]
            self.rest = self.rest[at + (2 if self.rest[at:at + 2] == b"\r\n" else 1):]
            yield line

    def events(self):
        """(name, data, id), data as bytes."""
        name, data, ident = b"message", [], ""
        for line in self.lines():
            field, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if field == b"event":
                name = value
            elif field == b"data":
                data.append(value)
            elif field == b"id":
                ident = value.decode()
            elif line == b"" and data:
                yield name.decode(), b"\n".join(data), ident
                name, data = b"message", []
            elif field != b"":
                raise AssertionError(f"no field of an event stream: {line[:200]!r}")


class Good:
    """Writes a record repeatedly, looks it up, follows the stream of its type, and asks for /healthz on a new connection each
    time, each in its own thread. `check` ends it: every change arrived once and in order, every look-up was correct."""

    def __init__(self, case, observer):
        self.case, self.observer = case, observer
        self.number, self.last, self.looked, self.again = 0, None, 0, 0
        self.received, self.faults, self.slowest_s = [], [], 0.0
        self.health_s, self.unhealthy = [], 0
        self.stopping = threading.Event()
        self.stream = case.connect(observer)
        self.stream.request("GET", "/api/subscribe?type=good")
        self.events = Sse(self.stream.getresponse()).events()
        while next(self.events)[0] != "synced":
            pass
        self.threads = [threading.Thread(target=self.guarded, args=(work,), daemon=True)
                        for work in (self.follow, self.write, self.look, self.health)]
        for thread in self.threads:
            thread.start()
        wait_until(lambda: self.looked > 0 or self.faults, "the first look-up")
        case.addCleanup(self.stop)

    def guarded(self, work):
        try:
            work()
        except Exception as error:  # pylint: disable=broad-except
            self.faults.append(f"{work.__name__}: {type(error).__name__}: {error}")

    def write(self):
        while not self.stopping.wait(0.02):
            self.case.put("good", "g", players=self.number + 1)
            self.number += 1

    def follow(self):
        for name, data, _ in self.events:
            assert name == "update", (name, data)
            self.received.append(json.loads(data)["players"])
            if self.received[-1] == self.last:
                return
        raise AssertionError("its stream was closed")

    def look(self):
        connection = None
        while not self.stopping.wait(0.01):
            connection = connection or self.case.connect(self.observer)
            least, began = self.received[-1] if self.received else 0, time.monotonic()
            if least == 0:
                continue
            try:
                connection.request("GET", "/api/services/good/g")
                answer = connection.getresponse()
                body = answer.read()
            except (ConnectionError, http.client.HTTPException):
                connection, self.again = None, self.again + 1  # it was evicted, as an idle connection may be
                continue
            if answer.status == 503 and b"too_many_connections" in body:
                connection, self.again = None, self.again + 1
                continue
            record = json.loads(body)
            assert answer.status == 200 and record["id"] == "g" and record["players"] >= least, body
            self.slowest_s = max(self.slowest_s, time.monotonic() - began)
            self.looked += 1

    def health(self):
        """Keeps how long each answer took; counts those that did not come or were not 200."""
        while not self.stopping.wait(0.05):
            began, connection = time.monotonic(), self.case.new_connection(self.observer)
            try:
                connection.request("GET", "/healthz")
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    self.health_s.append(time.monotonic() - began)
                else:
                    self.unhealthy += 1
            except (OSError, http.client.HTTPException):
                self.unhealthy += 1
            finally:
                connection.close()

    def seen(self):
        """What it has seen, for the row of an attack."""
        times = sorted(self.health_s) or [0.0]
        return (f"{len(self.received)} changes, {self.looked} look-ups ({self.again} again, slowest {self.slowest_s * 1000:.0f} ms), "
                f"/healthz {times[len(times) // 2] * 1000:.1f} ms, slowest {times[-1] * 1000:.0f} ms, {self.unhealthy} of "
                f"{len(self.health_s) + self.unhealthy} refused")

    def stop(self):
        if self.last is not None:
            return
        self.stopping.set()
        self.threads[1].join(DEADLINE_S)
        self.last = self.number + 1
        self.case.put("good", "g", players=self.last)
        for thread in self.threads:
            thread.join(DEADLINE_S)
        self.stream.close()

    def check(self, least=3):
        """Ends it. It must have made at least so many look-ups since `mark`."""
        wait_until(lambda: self.faults or self.looked >= least, "the good client has looked often enough")
        self.stop()
        self.case.assertEqual(self.faults, [], "the good client")
        self.case.assertTrue(self.received == list(range(1, self.last + 1)), f"each change once and in order: {self.received}")


class Hostile(Case):
    """An observer `o` on a TCP port, with a well-behaved client if a test wants one."""

    @staticmethod
    def free_port():
        return with_etcd.free_ports(1)[0]

    def observer(self, name="o", **over):
        port = self.free_port()
        observer = self.agent(name, server=..., probes=..., status=...,
                              http={"listen": f"127.0.0.1:{port}", **over.pop("http", {})}, **over)
        observer.port = port
        return observer

    @staticmethod
    def new_connection(agent):
        """To the TCP port of an observer, to the socket of another agent."""
        port = getattr(agent, "port", None)
        return UnixHttp(agent.http) if port is None else http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)

    def connect(self, observer):
        connection = self.new_connection(observer)
        self.addCleanup(connection.close)
        return connection

    def dial(self, observer, source=None, receive=None):
        """A bare connection."""
        sock = clients.tcp(observer.port, source, receive)
        self.addCleanup(sock.close)
        return sock

    def unread(self, observer, count, target):
        """So many clients that request it and read next to nothing."""
        for _ in range(count):
            self.dial(observer, receive=2048).sendall(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % target)

    def put(self, kind, ident, status="ready", **more):
        self.etcd.put(f"{self.prefix}/{kind}/{ident}", json.dumps(
            {"id": ident, "type": kind, "host": "10.0.0.1", "ports": [8001], "status": status, **more}))

    def put_all(self, pairs):
        """Raw keys and values, many at a time; returns the last revision."""
        pairs, revision = list(pairs), 0
        while pairs:
            some, size = [], 0
            while pairs and len(some) < 100 and (not some or size + len(pairs[0][1]) < 500000):
                size += len(pairs[0][1])
                some.append(pairs.pop(0))
            puts = [{"request_put": {"key": binary(key), "value": binary(value)}} for key, value in some]
            revision = int(self.etcd.call("/v3/kv/txn", {"success": puts})["header"]["revision"])
        return revision

    def get(self, observer, path, **headers):
        """Status, headers and body of one request."""
        return observer.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()},
                                connection=self.connect(observer))

    def document(self, observer, path):
        status, _, body = self.get(observer, path)
        self.assertEqual(status, 200, body[:500])
        return json.loads(body)

    def metrics(self, observer):
        text = self.get(observer, "/metrics")[2].decode()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line[:1] != "#"}

    def wait_metric(self, observer, name, least):
        seen = {}

        def reached():
            seen.update(self.metrics(observer))
            return seen[name] >= least
        try:
            wait_until(reached, f"{name} >= {least}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {seen[name]}") from None
        return seen

    def wait_synced(self, observer):
        wait_until(lambda: self.document(observer, "/api/agent")["view"]["synced"], "the view is in sync")

    def started(self, **over):
        observer = self.observer(**over).start()
        self.wait_synced(observer)
        return observer

    @staticmethod
    def rss_kb(observer):
        return rss_kb(observer.pid)

    @staticmethod
    def is_sanitized(observer):
        with open(f"/proc/{observer.pid}/maps", encoding="utf-8", errors="replace") as maps:
            return "asan" in maps.read()

    @staticmethod
    def is_sanitized_binary():
        return b"__asan_init" in BINARY.read_bytes()

    def assert_modest(self, observer, before_kb, more_kb):
        """It has grown by no more than that. A sanitizer keeps 256 MB of freed memory."""
        grown = self.rss_kb(observer) - before_kb
        self.assertLess(grown, more_kb + (400 << 10 if self.is_sanitized(observer) else 0), "kB")
        return grown
