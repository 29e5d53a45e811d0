"""outrider services: the fleet as a table."""
import http.server
import json
import subprocess
import threading

from fleet import FleetCase, Terminal, last_screen
from harness import BINARY, environment
from registry import DEADLINE_S, wait_until

HOSTILE = "\033]0;owned\a\033[31m\x9b2J\r\n"


class Services(FleetCase):
    def test_a_table_and_a_document(self):
        self.assertRegex(self.output(), r"(?s)TYPE +ID +STATUS.*world +w1 +ready +10\.0\.0\.5:8001\n")
        self.assertNotIn("\033", self.output())
        self.assertNotIn("w1", self.output("--status", "error"))
        self.assertIn("\n1 server, 1 ready\n", self.output("--status", "ready"))
        self.assertEqual(json.loads(self.output("--json", "--type", "world"))["total"], 2)

    def test_filters(self):
        self.put("w3", "ready", region="kr", zone="a/b", group="g", tags=["pvp", "eu"], labels={"map": "harbor & more"})
        wait_until(lambda: "w3" in self.output(), "the record")
        words = ("--region", "kr", "--zone", "a/b", "--group", "g", "--tag", "pvp", "--tag", "eu", "--label", "map=harbor & more")
        for count in range(2, len(words) + 1, 2):
            self.assertIn("\n1 server, 1 ready\n", self.output(*words[:count]))
        self.assertIn("\n0 servers, 0 ready\n", self.output(*words, "--tag", "pve"))
        watch = self.following("--json", *words)
        self.assertEqual(json.loads(watch.stdout.readline())["data"]["id"], "w3")
        self.etcd.delete(self.key("w3"))
        self.assertEqual(json.loads(watch.stdout.readline())["event"], "remove")
        self.assertNotIn("w3", self.output())
        for option in (("--offline",), ("--include", "offline")):
            shown = self.output(*option)
            self.assertRegex(shown, r"world +w3 +offline +10\.0\.0\.5:8001 .* gone for \d")
            self.assertIn("\n2 servers, 1 ready, 1 offline\n", shown)

    def exits(self, *words, **env):
        done = subprocess.run([str(BINARY), "services", *words], env=environment(**env), check=False, capture_output=True,
                              text=True, timeout=DEADLINE_S)
        return done.returncode, done.stderr

    def test_exit_status(self):
        where = ("--agent", self.observer.config["http"]["listen"])
        for words, status, text in (
                ((*where, "--status", "dead"), 64, "`dead` is not one of initializing, ready,"),
                ((*where, "--type", "a/b"), 64, "`a/b` is not a server type"),
                ((*where, "--wacht"), 64, "did you mean `--watch`?"),
                ((*where, "world"), 64, "unexpected word `world`"),
                (("--agent", f"unix:{self.dir}/none.sock"), 75, "No such file"),
                (("--agent", f"unix:{self.dir}/none.sock", "--watch"), 75, "No such file"),
                (("--agent", self.etcd.url), 1, "is this an Outrider agent?"),
                (("--agent", self.etcd.url, "--watch"), 1, "is this an Outrider agent?"),
                (("-c", f"{self.dir}/none.yaml"), 78, "none.yaml")):
            with self.subTest(words):
                status_was, text_was = self.exits(*words)
                self.assertEqual(status_was, status, text_was)
                self.assertIn(text, text_was)

    def test_the_first_list_of_a_sidecar_is_not_called_stale(self):
        agent = self.agent("side", server={"id": "side"}).start()
        wait_until(lambda: agent.api()["registry"]["published"], "the record")
        self.assertRegex(agent.run("services").stdout, r"\d servers?, \d ready\n$")

    def test_a_fleet_that_is_not_known(self):
        blind = self.agent("blind", server=..., probes=..., status=..., drain=..., shutdown=..., state_dir=...,
                           registry={"endpoints": ["http://127.0.0.1:1"]}).start()
        for more in ((), ("--watch",)):
            status, text = self.exits("--agent", blind.config["http"]["listen"], *more)
            self.assertEqual(status, 75, text)
            self.assertIn("the fleet has not been read yet", text)

    def test_records_do_not_control_the_terminal(self):
        self.put("w3", "ready", customState="owned\x9b2J\x9b31m", motd=HOSTILE)
        wait_until(lambda: "w3" in self.output(), "the record")
        for words, until in (((), b"3 servers,"), (("--watch",), b"3 servers"), (("--json",), b"\"ageMs\""),
                             (("--watch", "--json"), b"\"w3\"")):
            with self.subTest(words):
                shown = self.screen(*words, rows=20, columns=250).until(until)
                self.assertIn(b"owned", shown)
                for bad in (b"\033]", b"\033[31m\xc2", b"\xc2\x9b", b"\a"):
                    self.assertNotIn(bad, shown.replace(b"\033[31merror", b""))

    def test_an_agent_that_passes_everything_on_does_not_control_the_terminal(self):
        """As one of an earlier version did with texts of records."""
        record = {"id": "w3", "type": "world", "status": "ready", "customState": HOSTILE, "region": HOSTILE, "version": HOSTILE}
        body = json.dumps({"services": [record], "total": 1, "healthy": 1, "unhealthy": 0, "revision": 1, "stale": False, "ageMs": 0})

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # pylint: disable=invalid-name
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):  # pylint: disable=arguments-differ
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for words, until in (((), b"1 server,"), (("--json",), b"\"ageMs\"")):
            with self.subTest(words):
                command = [str(BINARY), "services", "--agent", f"http://127.0.0.1:{server.server_port}", *words]
                shown = Terminal(self, command, rows=20, columns=250).until(until)
                self.assertIn(b"owned", shown)
                for bad in (b"\033]", b"\033[31m\xc2", b"\xc2\x9b", b"\a"):
                    self.assertNotIn(bad, shown)

    def test_a_list_for_a_screen(self):
        shown = self.screen().until(b"2 servers, 1 ready")
        self.assertIn(b"\033[32mready\033[0m", shown)
        self.assertNotIn(b"\033", self.screen(NO_COLOR="1").until(b"2 servers, 1 ready"))

    def test_a_live_screen(self):
        screen = self.screen("--watch")
        first = screen.until(b"2 servers")
        self.assertIn(b"\033[32mready\033[0m", first)
        self.assertLessEqual(max(map(len, last_screen(first))), 40 + 18)  # one colour and its reset
        self.put("w3", "draining")
        self.assertIn(b"draining", screen.until(b"3 servers"))
        self.observer.stop()
        screen.until(b"STALE: ")
        self.observer.spawn()
        self.put("w4", "ready")
        screen.until(b"4 servers")

    def test_no_colour_where_none_is_wanted(self):
        self.assertNotIn(b"\033[32m", self.screen("--watch", NO_COLOR="1").until(b"2 servers"))

    def test_a_terminal_that_changes_its_size(self):
        for number in range(30):
            self.put(f"x{number:02}", "ready", customState="\ud55c\uad6d\uc5b4 " * 9)
        screen = self.screen("--watch", rows=10, columns=60)
        screen.until(b"... and 26 more\033[K\r\n32 servers, 31 ready\033[K\033[J")
        screen.resize(8, 30)
        small = last_screen(screen.until(b"... and 28 more\033[K\r\n32 servers, 31 ready\033[K\033[J"))
        self.assertEqual(len(small), 7, small)
        screen.resize(40, 200)
        whole = screen.until(b"x29")
        self.assertIn(b"\033[H\033[2J", whole)  # the wrapped old lines are cleared
        self.assertNotIn(b"and 2", whole)

    def test_an_interrupt_leaves_the_terminal_sane(self):
        for number, status in ((2, -2), (15, -15), (1, -1)):
            screen = self.screen("--watch")
            screen.until(b"2 servers")
            screen.process.send_signal(number)
            rest = screen.rest()
            self.assertEqual(screen.process.returncode, status)
            self.assertTrue(rest.endswith(b"\033[0m\r\n"), rest)
            self.assertNotIn(b"\033[?", rest)  # no hidden cursor, no alternate screen
