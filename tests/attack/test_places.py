"""Crowds that take places: unfinished requests and event streams that are not read, from one address and from several. Other
addresses keep theirs, and a health check is answered."""
import contextlib
import json
import multiprocessing
import os
import re
import socket
import subprocess
import sys
import unittest

import clients
from harness import wait_until
from hostile import Good, Hostile
from measure import Held, size
from registry import DEADLINE_S

UNFINISHED = {"silent": b"", "one byte": clients.ONE_BYTE, "half a head": clients.HALF_A_HEAD, "no body": clients.NO_BODY}
STREAM = clients.asks("/api/subscribe?type=world")
HEALTHY_S = 0.1  # within which a health check is answered while a crowd is there
# In a process of its own: port, address, and a time for each check on the output, in seconds; -1 without an answer.
CHECKS = """
import socket, sys, time
port, source = int(sys.argv[1]), sys.argv[2]
while True:
    began, answer = time.monotonic(), b""
    try:
        sock = socket.create_connection(("127.0.0.1", port), 5, (source, 0))
        sock.sendall(b"GET /healthz HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n")
        answer = sock.recv(4096)
        sock.close()
    except OSError:
        pass
    print(time.monotonic() - began if answer.startswith(b"HTTP/1.1 200 ") else -1, flush=True)
    time.sleep(0.01)
"""


def from_addresses(observer, first, count, receive=None):
    """How to dial from so many addresses of this machine, beginning with 127.0.0.`first`."""
    return lambda i: clients.tcp(observer.port, f"127.0.0.{first + i % count}", receive)
NOBODY = 65534


def crowd_of_user(pipe, uid, path, count):
    """In a process of its own, as that user: when it is told, so many connections with half a head, until it is told again."""
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
    pipe.recv()
    held = []
    for _ in range(count):
        sock = socket.socket(socket.AF_UNIX)
        held.append(sock)
        with contextlib.suppress(OSError):
            sock.connect(path)
            sock.sendall(clients.HALF_A_HEAD)
    pipe.send(len(held))
    pipe.recv()


class Checks:
    """A monitor that asks for /healthz all the time from an address, on a new connection each time."""

    def __init__(self, case, observer, source="127.0.0.1"):
        self.case = case
        self.process = subprocess.Popen([sys.executable, "-c", CHECKS, str(observer.port), source], stdout=subprocess.PIPE)
        case.addCleanup(self.stop)
        self.process.stdout.readline()

    def stop(self):
        """The times, the shortest first; the first call only."""
        if self.process.poll() is not None:
            return []
        self.process.kill()
        text, _ = self.process.communicate()
        return sorted(map(float, text.decode().rpartition("\n")[0].split()))

    def assert_healthy(self):
        """All are answered; nineteen of twenty in time, because the machine has few processors and many users."""
        times = self.stop()
        self.case.assertGreater(len(times), 20)
        self.case.assertGreater(times[0], 0, "health checks without an answer")
        print(f"    /healthz: {len(times)} in {times[len(times) // 2] * 1000:.1f} ms, slowest {times[-1] * 1000:.1f} ms")
        self.case.assertLess(times[len(times) * 19 // 20], HEALTHY_S)


class Places(Hostile):
    def setUp(self):
        super().setUp()
        clients.raise_files()

    def served(self, good):
        looked = good.looked
        wait_until(lambda: good.faults or good.looked > looked + 20, "the good client is served")

    def crowds(self, addresses):
        """Each of the kinds of unfinished requests, one after the other."""
        observer = self.started()
        count = size(1500, 5000)
        for name, text in UNFINISHED.items():
            good, checks = Good(self, observer), Checks(self, observer)
            with self.subTest(name), Held(f"{count} x {name}, {addresses} address(es)", observer, good) as held:
                crowd = clients.Crowd(self).add(count, from_addresses(observer, 2, addresses), text)
                self.served(good)
                crowd.close()
            held.assert_modest(self, 16 << 10)
            checks.assert_healthy()
            self.assertEqual(good.again, 0, "its connection was closed")
            good.check()
        return observer, len(UNFINISHED) * count

    def test_unfinished_from_one_address(self):
        observer, count = self.crowds(1)
        seen = self.metrics(observer)
        self.assertGreaterEqual(seen['outrider_http_closed_total{reason="unfinished"}'], count - len(UNFINISHED) * 256 - 64)
        self.assertEqual(seen['outrider_http_closed_total{reason="idle"}'], 0)
        lines = re.findall(r'msg="places ran short.*', observer.log())
        self.assertIn(len(lines), (1, 2))  # at most one a minute
        self.assertRegex(lines[0], r'peer=127\.0\.0\.2 .*http\.peer_share')

    def test_unfinished_from_several_addresses(self):
        observer, _ = self.crowds(8)
        self.assertRegex(observer.log(), r'msg="places ran short.*http\.max_connections')

    def opened(self, observer, source):
        """A new stream from that address, up to its `synced`."""
        sock = self.dial(observer, source)
        sock.sendall(STREAM)
        text = b""
        while b"event: synced" not in text:
            more = sock.recv(65536)
            self.assertTrue(more, text)
            text += more

    def test_streams_from_one_address(self):
        """As many as there are places: most are refused, and everybody else has a stream when it wants one."""
        self.put("world", "w1")
        observer = self.started()
        good, checks, count = Good(self, observer), Checks(self, observer, "127.0.0.2"), size(2000, 5000)
        with Held(f"{count} streams that are not read, one address", observer, good) as held:
            crowd = clients.Crowd(self).add(count, from_addresses(observer, 2, 1, receive=2048), STREAM)
            seen = self.wait_metric(observer, 'outrider_http_refused_total{reason="subscribers_of_peer"}', count - 1250)
            self.assertEqual(seen["outrider_sse_clients"], 1250 + 1)
            for source in ("127.0.0.1", "127.0.0.3", "127.0.0.4"):
                self.opened(observer, source)
            self.served(good)
            answers = [text for text in crowd.read() if text and not text.startswith(b"HTTP/1.1 200")]
            crowd.close()
        self.assertGreater(len(answers), 0)
        for text in answers:
            head, _, body = text.partition(b"\r\n\r\n")
            self.assertTrue(head.startswith(b"HTTP/1.1 429 ") and b"\r\nRetry-After: " in head, head)
            self.assertEqual(json.loads(body)["error"]["code"], "too_many_of_peer")
            self.assertIn(b"http.peer_share", body)
        held.assert_modest(self, 64 << 10)
        checks.assert_healthy()
        good.check()

    def test_streams_from_several_addresses(self):
        """They take every place, and those with most give some up for those that have none."""
        self.put("world", "w1")
        observer = self.started(http={"max_subscribers": 400})
        good, checks = Good(self, observer), Checks(self, observer)
        with Held("streams that are not read take all 400 places, 8 addresses", observer, good) as held:
            crowd = clients.Crowd(self).add(800, from_addresses(observer, 2, 8, receive=2048), STREAM)
            self.wait_metric(observer, 'outrider_http_refused_total{reason="subscribers"}', 380)
            for source in (f"127.0.0.{20 + i}" for i in range(10)):
                self.opened(observer, source)
            self.served(good)
            crowd.close()
        seen = self.metrics(observer)
        self.assertGreaterEqual(seen['outrider_http_closed_total{reason="subscriber"}'], 10)
        held.assert_modest(self, 64 << 10)
        checks.assert_healthy()
        good.check()

    def test_one_user_over_a_unix_socket(self):
        """A user that may open the socket has its share of the places; root keeps its connection."""
        if os.geteuid() != 0:
            self.skipTest("only root can be another user")
        agent = self.agent("o", server=..., probes=..., status=...).start()
        wait_until(lambda: self.document(agent, "/api/agent")["view"]["synced"], "the view is in sync")
        for path in (self.dir, agent.dir):
            path.chmod(path.stat().st_mode | 0o001)
        agent.http.chmod(0o666)
        count, (pipe, other) = size(1500, 5000), multiprocessing.Pipe()
        crowd = multiprocessing.get_context("fork").Process(target=crowd_of_user, args=(other, NOBODY, str(agent.http), count),
                                                            daemon=True)
        crowd.start()
        self.addCleanup(crowd.kill)
        good = Good(self, agent)
        with Held(f"{count} x half a head, one user over a unix socket", agent, good) as held:
            pipe.send("go")
            self.assertEqual(pipe.recv(), count)
            self.served(good)
            pipe.send("end")
            crowd.join(DEADLINE_S)
        held.assert_modest(self, 16 << 10)
        self.assertEqual((good.again, good.unhealthy), (0, 0))
        self.assertRegex(agent.log(), rf'msg="places ran short.* peer="uid {NOBODY}"')
        good.check()

    def test_answers_that_are_not_read(self):
        """Busy places cannot be given up: the address is refused, but its health check is answered, and others are not touched."""
        for start in range(0, 300, 100):
            self.put_all((f"{self.prefix}/world/w{i:03}", json.dumps({
                "id": f"w{i:03}", "type": "world", "status": "ready", "customState": "x" * 2000})) for i in range(start, start + 100))
        observer = self.started(http={"max_connections": 64})
        good, checks = Good(self, observer), Checks(self, observer, "127.0.0.2")
        with Held("lists that are not read take the 16 places of an address", observer, good) as held:
            crowd = clients.Crowd(self)  # one after the other: a place may just have the health check, from the same address
            wait_until(lambda: crowd.add(1, from_addresses(observer, 2, 1, receive=2048), clients.asks("/api/services"))
                       and len(crowd.sockets) > 16 and self.refused(observer, "127.0.0.2"), "it has its share")
            self.served(good)
            crowd.close()
        held.assert_modest(self, 64 << 10)
        checks.assert_healthy()
        good.check()

    def refused(self, observer, source):
        sock = self.dial(observer, source)
        sock.sendall(clients.asks("/api/agent"))
        return sock.recv(65536).startswith(b"HTTP/1.1 429 ")


if __name__ == "__main__":
    unittest.main()
