"""outrider services: the fleet as people see it."""
import fcntl
import json
import os
import pty
import struct
import subprocess
import termios

from harness import BINARY, Agent, Case, environment
from registry import wait_until


class Services(Case):
    def setUp(self):
        super().setUp()
        self.observer = Agent(self, "observer", {"registry": {"endpoints": [self.etcd.url], "prefix": self.prefix},
                                                 "http": {"listen": f"unix:{self.dir}/observer/http.sock"}})
        self.put("w1", "ready")
        self.put("w2", "error")
        self.observer.spawn()
        wait_until(lambda: "2 servers, 1 ready" in self.said(check=False), "the observer knows the fleet")

    def tearDown(self):
        self.observer.process.terminate()
        self.observer.process.wait()
        super().tearDown()

    def put(self, name, status):
        key, record = f"{self.prefix}/world/{name}", {"id": name, "type": "world", "host": "10.0.0.5", "ports": [8001],
                                                      "status": status, "updatedAt": "2026-11-21T02:14:00.123Z"}
        config = self.dir / "kv.yaml"
        config.write_text(json.dumps({"registry": {"endpoints": [self.etcd.url]}}))
        subprocess.run([BINARY, "kv", "put", "-c", str(config), key, json.dumps(record)], check=True, env=environment(),
                       capture_output=True, timeout=60)

    def command(self, *words):
        return [str(BINARY), "services", "--agent", f"unix:{self.dir}/observer/http.sock", *words]

    def said(self, *words, check=True):
        return subprocess.run(self.command(*words), env=environment(), check=check, capture_output=True, text=True,
                              timeout=60).stdout

    def test_a_table_and_a_document(self):
        self.assertRegex(self.said(), r"(?s)TYPE +ID +STATUS.*world +w1 +ready +10\.0\.0\.5:8001\n")
        self.assertNotIn("\033", self.said())
        self.assertNotIn("w1", self.said("--status", "error"))
        self.assertEqual(json.loads(self.said("--json", "--type", "world"))["total"], 2)

    def test_a_line_for_each_change(self):
        watch = subprocess.Popen(self.command("--watch", "--json"), env=environment(), stdout=subprocess.PIPE, text=True,
                                 stderr=subprocess.DEVNULL)
        try:
            self.assertEqual([json.loads(watch.stdout.readline())["event"] for _ in range(2)], ["init", "init"])
            self.put("w2", "ready")
            line = json.loads(watch.stdout.readline())
            self.assertEqual((line["event"], line["data"]["id"], line["data"]["status"]), ("update", "w2", "ready"))
            self.observer.process.terminate()
            self.observer.process.wait()
            self.observer.spawn()
            self.put("w3", "ready")  # what has not changed is not told again
            self.assertEqual(json.loads(watch.stdout.readline())["data"]["id"], "w3")
        finally:
            watch.kill()
            watch.stdout.close()
            watch.wait()

    def screen(self, **env):
        """Runs --watch on a terminal; returns the process and what reads until a text was shown."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 40, 0, 0))
        watch = subprocess.Popen(self.command("--watch"), env=environment(TERM="xterm", **env), stdout=theirs,
                                 stderr=theirs, stdin=subprocess.DEVNULL)
        os.close(theirs)
        self.addCleanup(os.close, ours)
        self.addCleanup(lambda: (watch.kill(), watch.wait()))
        shown = b""

        def until(text):
            nonlocal shown
            while text not in shown:
                shown += os.read(ours, 65536)
            before, shown = shown, b""
            return before
        return until

    def test_a_live_screen(self):
        until = self.screen()
        first = until(b"2 servers")
        self.assertIn(b"\033[32mready\033[0m", first)
        lines = first.split(b"\033[H")[-1].replace(b"\033[K", b"").replace(b"\r", b"").split(b"\n")
        self.assertLessEqual(max(map(len, lines)), 40 + 18)  # with one colour and its end
        self.put("w3", "draining")
        self.assertIn(b"draining", until(b"3 servers"))
        self.observer.process.terminate()
        self.observer.process.wait()
        until(b"STALE: ")
        self.observer.spawn()
        self.put("w4", "ready")
        until(b"4 servers")

    def test_no_colour_where_none_is_wanted(self):
        self.assertNotIn(b"\033[32m", self.screen(NO_COLOR="1")(b"2 servers"))
