"""Peers that flood, hang, dribble or never read, on every socket: bounded memory, and other peers are served."""
import contextlib
import resource
import socket
import threading

from harness import Case, UnixHttp, rss_kb, wait_until
from registry import DEADLINE_S

BOUND_KB = 8 * 1024  # far below the cost of each of these peers without limits


class Peers(Case):
    def setUp(self):
        super().setUp()
        # A small quarantine of the sanitizer, so that the resident size means something.
        self.a = self.agent(env={"ASAN_OPTIONS": "quarantine_size_mb=1:detect_leaks=1"},
                            http={"max_connections": 64}).start()
        self.watcher = self.watch()
        self.a.say("ready")
        self.a.api()
        self.before = rss_kb(self.a.pid)

    def connect(self, path):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(DEADLINE_S)
        sock.connect(str(path))
        self.addCleanup(sock.close)
        return sock

    def bounded_and_well(self):
        self.assertEqual(self.a.say("ready"), "OK")
        self.assertEqual(self.a.request("GET", "/healthz")[0], 200)
        self.assertEqual(self.a.api()["status"], "ready")
        self.assertLess(rss_kb(self.a.pid) - self.before, BOUND_KB)

    def in_background(self, *senders):
        threads = [threading.Thread(target=sender, daemon=True) for sender in senders]
        for thread in threads:
            thread.start()
        return threads

    def test_a_peer_that_never_reads_replies_is_still_heard(self):
        sock = self.connect(self.a.status)
        lines = b"".join(b"players=%d\n" % (number % 1000) for number in range(200000))
        thread, = self.in_background(lambda: sock.sendall(lines + b"players=4242\n"))
        for _ in range(20):
            self.assertEqual(self.a.say("heartbeat"), "OK")  # a flooding peer does not starve others
        thread.join(DEADLINE_S)
        self.watcher.wait(lambda e: (e.record or {}).get("players") == 4242, "the last of 200,001 lines")
        self.bounded_and_well()

    def test_a_watching_peer_that_never_reads_gets_the_newest_event(self):
        sock = self.connect(self.a.status)
        sock.sendall(b"watch\n")
        for number in range(1500):
            self.a.say(f"drain={number + 1000}")
        wait_until(lambda: any(hold["kind"] == "self" for hold in self.a.api()["holds"]), "the last drain")
        self.a.say("undrain")
        got = b""
        while b"EVENT drain off" not in got:
            piece = sock.recv(65536)
            self.assertTrue(piece)
            got += piece
        self.assertLess(len(got), 1 << 20)
        self.bounded_and_well()

    def test_many_idle_and_half_written_lines(self):
        living = self.a.line()
        self.assertEqual(living.ask("attach"), "OK")
        for number in range(600):
            sock = self.connect(self.a.status)
            with contextlib.suppress(OSError):
                sock.sendall(b"ready # " + b"x" * 16000 if number % 2 else b"")
        self.bounded_and_well()
        self.assertEqual(living.ask("heartbeat"), "OK")  # an attached connection is never evicted
        self.assertNotIn("error", [event.status for event in self.watcher.until_now()])

    def test_many_watching_make_room_for_one_more(self):
        """Those of the process that has the most, the longest silent first."""
        lines = []
        for _ in range(256):
            sock = self.connect(self.a.status)
            sock.sendall(b"watch\n")
            self.assertTrue(sock.recv(100))
            lines.append(sock)
        late = self.connect(self.a.status)
        late.sendall(b"ready\n")
        self.assertEqual(late.recv(100), b"OK\n")
        self.assertEqual(lines.pop(0).recv(100), b"")
        for line in lines:
            line.sendall(b"heartbeat\n")
            self.assertEqual(line.recv(100), b"OK\n")
        metrics = self.a.request("GET", "/metrics")[2].decode()
        self.assertIn("outrider_status_peers_refused_total 0\n", metrics)
        self.assertIn("outrider_status_peers_evicted_total 1\n", metrics)

    def test_a_flood_of_datagrams(self):
        def flood():
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.connect(str(self.a.notify))
                for number in range(20000):
                    sock.send(b"STATUS=" + b"x" * 900 + b"%d" % number)
                sock.send(b"STATUS=the last")
        thread, = self.in_background(flood)
        self.assertEqual(self.a.say("heartbeat"), "OK")
        thread.join(DEADLINE_S)
        self.watcher.wait(lambda e: (e.record or {}).get("customState") == "the last", "the last datagram")
        self.bounded_and_well()

    def test_http_half_open_and_half_sent(self):
        bad = []
        for number in range(300):
            sock = self.connect(self.a.http)
            bad.append(sock)
            with contextlib.suppress(OSError):
                sock.sendall((b"", b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 7000,
                              b"POST /api/agent/drain HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n"
                              + b"z" * 50000)[number % 3])
        self.assertEqual(self.a.say("ready"), "OK")
        self.assertLess(rss_kb(self.a.pid) - self.before, BOUND_KB)
        for sock in bad:
            sock.close()
        wait_until(self.is_served, "room again")
        self.bounded_and_well()

    def is_served(self):
        try:
            return self.a.request("GET", "/healthz")[0] == 200
        except OSError:
            return False

    def test_silent_http_peers_make_room(self):
        for _ in range(64):
            self.connect(self.a.http)
        wait_until(self.is_served, "one of the silent ones makes room")

    def test_http_peer_that_never_reads(self):
        never = self.connect(self.a.http)
        never.setblocking(False)
        sent = 0
        with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            for _ in range(20000):
                sent += never.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertGreater(sent, 0)
        self.bounded_and_well()
        keep = UnixHttp(self.a.http)
        for _ in range(50):
            keep.request("GET", "/metrics")
            self.assertEqual(keep.getresponse().read()[:7], b"# HELP ")
        keep.close()

    def test_peers_cannot_take_the_files_that_probes_need(self):
        """A quarter of the files for each kind of peer: too many of them must not make the server look unhealthy."""
        agent = self.agent("few", server={"id": "few"})
        agent.start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
        self.watcher.wait(lambda e: e.status == "ready" and e.record["id"] == "few", "ready")
        for _ in range(100):
            for path, text in ((agent.http, b"GET /healthz HTTP/1.1\r\nX:"), (agent.status, b"watch\n")):
                with contextlib.suppress(OSError):
                    self.connect(path).sendall(text)
        since = self.watcher.mark()
        tried = self.game.accepted
        wait_until(lambda: self.game.accepted > tried + 10, "ten more probes")
        agent.notify_with("STATUS=still here")
        self.watcher.wait(lambda e: (e.record or {}).get("customState") == "still here", "a write", since)
        self.assertEqual([e.status for e in self.watcher.until_now() if e.record["id"] == "few"].count("error"), 0)

    def test_a_dribbling_peer_on_http(self):
        sock = self.connect(self.a.http)
        for byte in b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":
            sock.sendall(bytes([byte]))
        self.assertTrue(sock.makefile("rb").readline().startswith(b"HTTP/1.1 200"))
