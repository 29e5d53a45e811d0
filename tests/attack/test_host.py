"""A page in an operator's browser: its name resolves to this agent (DNS rebinding), and it reads as far as Host lets it. And who may
read at all."""
import json
import socket
import subprocess

from harness import BINARY, environment, wait_until
from hostile import Good, Hostile
from measure import Held, size

READS = ("/api/agent", "/api/services", "/api/services/world/w1", "/api/reservations/world/w1/p-7", "/api/subscribe", "/metrics", "/service-discovery/status",
         "/service-discovery/services", "/service-discovery/services/w1/health", "/service-discovery/topology",
         "/service-discovery/events")
HEALTH = ("/healthz", "/health", "/readyz")


class Names(Hostile):
    def ask(self, observer, path, **headers):
        """Status and, of an error, its code. A stream is not read to its end."""
        connection = self.connect(observer)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        code = json.loads(answer.read())["error"]["code"] if answer.status >= 400 else None
        connection.close()
        return answer.status, code

    def test_a_page_of_another_name_reads_nothing(self):
        observer = self.started(http={"hosts": ["observer.example"]})
        self.put("world", "w1")
        good = Good(self, observer)
        port = observer.port
        for path in READS:
            for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", f"localhost.evil.example:{port}"):
                self.assertEqual(self.ask(observer, path, Host=host), (403, "foreign_host"), (path, host))
        for path in READS[:2] + READS[4:6]:
            # addresses, as scrapers use them, also one that is only mapped to here; and the names of this agent
            for host in (f"127.0.0.1:{port}", "10.0.0.5:9999", "[fd00::5]", "localhost", socket.gethostname(), "Observer.Example:80"):
                self.assertEqual(self.ask(observer, path, Host=host), (200, None), (path, host))
        for path in HEALTH:
            self.assertEqual(self.ask(observer, path, Host="evil.example"), (200, None), path)
        # the target names the host as well, and counts
        sock = self.dial(observer)
        sock.sendall(b"GET http://evil.example/api/agent HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        self.assertTrue(sock.recv(64).startswith(b"HTTP/1.1 403 "))
        with Held("2,000 reads by a rebound page", observer, good) as held:
            for _ in range(size(2000, 50000)):
                self.assertEqual(self.ask(observer, "/api/agent", Host="evil.example"), (403, "foreign_host"))
        log = observer.log()
        self.assertRegex(log, r"no name of this agent.*peer=127\.0\.0\.1:\d", "which browser it is")
        refused = log.count("request refused: its Host is no name of this agent")
        print(f"    nothing read, {refused} line(s) of log")
        self.assertLessEqual(refused, 2, "lines that a page can cause")
        held.assert_modest(self, 8 << 10)
        good.check()

    def command(self, observer, *words, listen=None):
        agent = ("--agent", listen or f"127.0.0.1:{observer.port}")
        return subprocess.run([BINARY, words[0], *agent, *words[1:]], env=environment(), capture_output=True, text=True,
                              check=False, timeout=60)

    def test_reading_can_require_the_token(self):
        token, wrong = self.dir / "token", self.dir / "wrong"
        token.write_text("s3cret-of-the-operators\n")
        wrong.write_text("guessed\n")
        observer = self.observer(http={"token_file": str(token), "read": "login"}).start()
        bearer = {"Authorization": "Bearer s3cret-of-the-operators"}
        for path in HEALTH[:2]:
            self.assertEqual(self.ask(observer, path), (200, None), path)
        for path in READS:
            self.assertEqual(self.ask(observer, path), (401, "unauthorized"), path)
            self.assertEqual(self.ask(observer, path, Authorization="Bearer guessed"), (401, "unauthorized"), path)
        for path in ("/api/agent", "/api/services", "/metrics"):
            self.assertEqual(self.ask(observer, path, **bearer), (200, None), path)
        self.put("world", "w1")
        # with the file of the agent nothing more need be said
        wait_until(lambda: "w1" in observer.run("services").stdout, "the fleet is known")
        self.assertEqual(observer.run("status").returncode, 0)
        self.assertEqual(observer.run("drain", "--id", "world/w1", "--reason", "patch").returncode, 0)
        for words in (("status",), ("services",)):
            denied = self.command(observer, *words)
            self.assertEqual((denied.returncode, denied.stdout), (1, ""))
            self.assertIn("--token-file", denied.stderr)
            self.assertEqual(self.command(observer, *words, "--token-file", str(wrong)).returncode, 1)
            self.assertEqual(self.command(observer, *words, "--token-file", str(token)).returncode, 0)
            self.assertEqual(self.command(observer, *words, "--token-file", "/nonexistent").returncode, 78)
        watch = self.process(BINARY, "services", "--watch", "--agent", f"127.0.0.1:{observer.port}", "--token-file", str(token),
                             env=environment(), stdout=subprocess.PIPE, text=True)
        self.assertIn(" init ", watch.stdout.readline())

    def test_a_unix_socket_is_trusted_by_its_mode(self):
        token = self.dir / "token"
        token.write_text("s3cret-of-the-operators\n")
        observer = self.agent("u", server=..., probes=..., status=..., http={"token_file": str(token), "read": "login"}).start()
        self.assertEqual(self.command(observer, "status", listen=observer.config["http"]["listen"]).returncode, 0)

    def test_check_warns_of_open_reading(self):
        token = self.dir / "token"
        token.write_text("s3cret-of-the-operators\n")
        agent = self.agent("c", server=..., probes=..., status=..., http={"listen": "0.0.0.0:7117", "token_file": str(token)})
        agent.write()
        done = agent.run("check")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("http.read: warning: open: every client that reaches 0.0.0.0:7117 reads this agent", done.stderr)
        agent.write(http={"listen": "0.0.0.0:7117", "token_file": str(token), "read": "login"})
        self.assertNotIn("http.read", agent.run("check").stderr)
