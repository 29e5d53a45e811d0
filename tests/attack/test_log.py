"""Whatever a peer, a client or the registry repeats as fast as it can, the log grows by a bounded number of lines, says how many
it left out, and ends with the last of them."""
import json
import re
import socket
import threading
import time
import unittest

from harness import UnixHttp, wait_until
from hostile import Hostile
from measure import size
from registry import DEADLINE_S

OFTEN, MANY = 20, 200  # at once; then one a second


class Log(Hostile):
    def setUp(self):
        super().setUp()
        self.watcher = self.watch()
        self.a = self.agent(server={"flapping": None}).start()  # thousands of changes are wanted here
        self.assertEqual(self.a.say("ready"), "OK")
        self.watcher.status("ready")
        self.began, self.before = time.monotonic(), self.a.log_path.stat().st_size

    def lines(self, msg):
        return [line for line in self.a.log()[self.before:].splitlines() if f'msg="{msg}"' in line]

    def counted(self, msg):
        """How many there were: written, and left out."""
        lines = self.lines(msg)
        return len(lines) + sum(int(number) for line in lines for number in re.findall(r" suppressed=(\d+)", line))

    def bounded(self, what, msg, burst=OFTEN, count=None):
        """So many lines at most, and so many counted in the end, which is the line that it returns."""
        if count is not None:
            wait_until(lambda: self.counted(msg) >= count, f"{count} of {msg!r} in the log: {self.counted(msg)}")
        took = time.monotonic() - self.began
        lines = self.lines(msg)
        print(f"\n    {what}: {self.counted(msg)} times {msg!r} in {took:.1f} s: {len(lines)} lines, "
              f"{sum(map(len, lines))} bytes, {len(lines) / took:.1f} lines/s", end="")
        self.assertLessEqual(len(lines), burst + took + 1, lines[-3:])
        return lines[-1]

    def total(self, most_kb):
        grown = self.a.log_path.stat().st_size - self.before
        print(f"\n    all of the log: {grown} bytes")
        self.assertLess(grown, most_kb << 10)

    def flips(self):
        metrics = self.a.request("GET", "/metrics")[2].decode()
        rows = re.findall(r"^outrider_status_transitions_total\{.*\} (\d+)$", metrics, re.M)
        return sum(map(int, rows))

    def test_a_server_that_flips_its_status(self):
        before = self.flips()
        notified = len(self.a.systemd.lines())
        stop = threading.Event()

        def read():
            while not stop.wait(0.0005):
                self.a.systemd.lines()
        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        sock = socket.socket(socket.AF_UNIX)
        self.addCleanup(sock.close)
        sock.settimeout(DEADLINE_S)
        sock.connect(str(self.a.status))
        until = time.monotonic() + size(1, 5)
        while time.monotonic() < until:
            sock.sendall(b"error # nothing works\nready\n" * 500)
        sock.sendall(b"error # the end\n")
        self.watcher.wait(lambda e: (e.record or {}).get("customState") == "the end", "the last line")
        changes = self.flips() - before
        self.assertGreater(changes, 1000)
        self.a.logged('to=error cause="the server reported error: the end"')
        last = self.bounded("status words", "status changed", count=changes)
        self.assertIn('cause="the server reported error: the end"', last)
        wait_until(lambda: "the end" in self.a.systemd.lines()[-1], "the last state at the service manager")
        stop.set()
        reader.join()
        notified = len(self.a.systemd.lines()) - notified
        took = time.monotonic() - self.began
        print(f"\n    {notified} messages to the service manager, {notified / took:.1f} a second", end="")
        self.assertLess(notified, OFTEN + 2 * took + 5)
        self.total(16)

    def test_refused_lines_and_datagrams(self):
        sock = socket.socket(socket.AF_UNIX)
        self.addCleanup(sock.close)
        sock.settimeout(DEADLINE_S)
        sock.connect(str(self.a.status))
        sock.sendall(b"reddy\nheartbeat\n" * 20000 + b"the-last\n")
        for number in range(3000):
            self.a.notify_with(b"READY=%d" % (number + 2))
            self.a.notify_with(b"MAINPID=2147483647\nERRNO=%d" % number)
        read = 'outrider_status_lines_total{outcome="error"} 20001\n'
        wait_until(lambda: read in self.a.request("GET", "/metrics")[2].decode(), "all lines are read")
        self.assertEqual(self.a.stop(), 0)
        self.assertIn("the-last", self.bounded("lines", "line refused", 1, 20001))
        self.assertIn("count=3000", self.bounded("datagrams", "datagram refused", 1, 3000))
        self.assertIn("count=3000", self.bounded("datagrams", "MAINPID ignored", 1, 3000))
        self.assertIn("errno=2999", self.bounded("datagrams", "ERRNO reported by the server", 1, 3000))
        self.total(16)

    def test_requests(self):
        connection = UnixHttp(self.a.http)
        self.addCleanup(connection.close)

        def post(path, by):
            connection.request("POST", path, json.dumps({"by": by}), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            self.assertEqual(answer.status, 200)
        for number in range(250):
            post("/api/agent/drain", f"a{number}")
            post("/api/agent/undrain", f"b{number}")
        self.bounded("requests", "status changed", count=500)
        self.bounded("requests", "drain requested", MANY, 250)
        self.assertIn("by=b249", self.bounded("requests", "undrain requested", MANY, 250))
        self.bounded("requests", "operator named by the request", MANY, 500)
        self.total(256)

    def test_writes_of_the_control_key(self):
        key = f"/outrider{self.prefix}/control/world/w1"
        wait_until(lambda: self.a.api()["registry"]["inSync"], "the keys are watched")
        values = (json.dumps({"hold": {"reason": "x", "by": "attack"}}), json.dumps({"hold": None}), "nonsense")
        for number in range(900):
            self.etcd.put(key, values[number % 3])
        last = self.etcd.put(key, values[0])
        self.a.logged(f"at revision {last}")
        for msg in ("control key changed, following it", "control key value invalid, ignored", "status changed"):
            self.bounded("control key", msg)
        self.total(64)

    def test_keys_that_are_no_records(self):
        """An observer names some."""
        self.a = self.started()
        self.began, self.before = time.monotonic(), self.a.log_path.stat().st_size
        revision = self.put_all((f"{self.prefix}/world/n{i}", "nonsense") for i in range(3000))
        self.wait_metric(self.a, "outrider_view_revision", revision)
        self.bounded("foreign keys", "key ignored, not a record", 10)
        self.total(16)


if __name__ == "__main__":
    unittest.main()
