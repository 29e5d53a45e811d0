"""What the machine around the agent can do: the environment it starts with, signals, and files with any content."""
import os
import pathlib
import resource
import signal
import socket
import subprocess
import unittest

from harness import BINARY, environment, wait_until
from hostile import Hostile
from measure import Held, processor_s, run_measured, size
from users import AuthCase


class Environment(AuthCase):
    def test_no_variable_sends_requests_elsewhere(self):
        """Proxies, netrc, trust stores and their like: the password goes to the endpoint alone."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        proxy = f"http://127.0.0.1:{listener.getsockname()[1]}"
        (self.dir / ".netrc").write_text("machine 127.0.0.1 login forged password forged\n")
        (self.dir / ".curlrc").write_text(f"proxy = {proxy}\n")
        names = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "socks_proxy", "NO_PROXY_X")
        agent = self.sidecar()
        agent.env = {**{name: proxy for name in names}, "HOME": self.dir, "CURL_HOME": self.dir, "NETRC": self.dir / ".netrc"}
        agent.start()
        agent.is_published()
        self.assertEqual(agent.run("kv", "get", "x", env=agent.env).returncode in (0, 1, 77), True)
        listener.setblocking(False)
        with self.assertRaises(BlockingIOError):
            listener.accept()
        self.assertEqual(agent.stop(), 0)

    def test_what_a_service_manager_says(self):
        """Numbers and paths that are none, from a parent that means no good, end in an error with words or are ignored."""
        cases = {
            "LISTEN_FDS": ("-1", "99999999999999999999", "x", "256", "257", "0", "", "1\n"),
            "NOTIFY_SOCKET": ("/" + "x" * 200, "@", "@" + "x" * 106, "relative", "/dev/null", "/nonexistent/x", "a\nb"),
            "WATCHDOG_USEC": ("-1", "x", "18446744073709551615", "1", "0", "99999999999999999999999"),
            "RUNTIME_DIRECTORY": ("", "relative", "/nonexistent", "/a:/b", "/" + "x" * 5000),
            "STATE_DIRECTORY": ("/nonexistent/x:/b", "/dev/null", "relative"),
            "OUTRIDER_CONFIG": ("/dev/zero", "/", "/dev/stdin", "/proc/self/mem"),
        }
        for name, values in cases.items():
            for value in values:
                with self.subTest(name, value=value[:40]):
                    config = self.dir / "check.yaml"
                    config.write_text("server: {type: a, id: b, ports: [1]}\n")
                    words = ["agent"] if name in ("LISTEN_FDS", "NOTIFY_SOCKET", "WATCHDOG_USEC") else ["check"]
                    words += [] if name == "OUTRIDER_CONFIG" else ["-c", str(config)]
                    wrapper = ["sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh"] if name == "LISTEN_FDS" else []
                    process = subprocess.Popen([*wrapper, str(BINARY), *words], env=environment(**{name: value}), stdin=subprocess.DEVNULL,
                                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                    try:
                        text = process.communicate(timeout=0.4 if words[0] == "agent" else 20)[0]
                    except subprocess.TimeoutExpired:
                        process.terminate()
                        text = process.communicate(timeout=20)[0]
                    if process.returncode != -signal.SIGTERM:  # it came before the agent had begun
                        self.assertGreaterEqual(process.returncode, 0, text)
                    self.assertNotIn(b"Sanitizer", text)
                    for line in text.splitlines():
                        self.assertNotRegex(line, rb"[\x00-\x08\x0b-\x1f\x7f]")


class Signals(Hostile):
    def test_a_storm(self):
        """Every signal that another process of the user can send, thousands of times: the agent goes on, loads its file at most
        as often as it can, and a TERM in between ends it in order."""
        agent = self.agent().start()
        agent.is_published()
        harmless = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE, signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH,
                    signal.SIGCONT, signal.SIGALRM, signal.SIGVTALRM, signal.SIGIO)
        blocked = [number for number in harmless if self.is_served(agent, number)]
        self.assertIn(signal.SIGHUP, blocked)
        began = processor_s(agent.pid)
        with Held("a storm of signals", agent) as held:
            for _ in range(size(2000, 100000)):
                for number in blocked:
                    agent.send_signal(number)
            self.assertEqual(self.get(agent, "/healthz")[0], 200)
        print(f"    {sorted(number.name for number in blocked)}: {processor_s(agent.pid) - began:.1f} s of processor time")
        held.assert_modest(self, 4 << 10)
        self.assertLess(agent.log().count("\n"), 5000, "lines of log")
        self.assertEqual(agent.run("undrain").returncode, 0)  # USR1 drains
        agent.is_published()
        for _ in range(100):
            agent.send_signal(signal.SIGHUP)
        agent.send_signal(signal.SIGTERM)
        self.assertEqual(agent.wait(), 0)
        self.assertIsNone(self.etcd.get(agent.key))

    @staticmethod
    def is_served(agent, number):
        """Blocked, ignored or caught: it does not end the process by its default."""
        status = pathlib.Path(f"/proc/{agent.pid}/status").read_text()
        masks = [int(line.split()[1], 16) for line in status.splitlines() if line.startswith(("SigBlk:", "SigIgn:", "SigCgt:"))]
        ends_nothing = number in (signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH, signal.SIGCONT)
        return ends_nothing or any(mask >> (number - 1) & 1 for mask in masks)

    def test_stopped_and_continued(self):
        """Again and again, shorter than the lease: the record stays, whatever the clocks of the process have missed."""
        watcher = self.watch()
        agent = self.agent(registry={"ttl": "5s"}).start()
        watcher.status("ready")
        for _ in range(20):
            agent.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, agent.pid, os.WSTOPPED | os.WNOWAIT)
            agent.send_signal(signal.SIGCONT)
            self.assertEqual(self.get(agent, "/healthz")[0], 200)
        self.assertEqual([event for event in watcher.until_now() if event.deleted], [])


class Content(Hostile):
    """Files with any content: an error with words, or nothing of it counts; never a crash, a wait or more memory than the file."""

    CONFIGURATIONS = {
        "nothing": b"",
        "NUL": b"server: \0\n",
        "no UTF-8": b"server: {type: \xff\xfe, id: b, ports: [1]}\n",
        "UTF-16": "server: {type: a, id: b, ports: [1]}\n".encode("utf-16"),
        "a bomb of aliases": b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
            b"%c: &%c [%s]\n" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 9)) for i in range(9)),
        "an alias of itself": b"a: &a [*a]\n",
        "deep lists": b"a: " + b"[" * 100000,
        "deep maps": b"{a: " * 100000,
        "deep by indentation": b"".join(b" " * i + b"a:\n" for i in range(700)),
        "a long key": b"x" * 1000000 + b": 1\n",
        "a hundred thousand keys": b"".join(b"k%d: 1\n" % i for i in range(90000)),
        "the same key": b"server: {}\n" * 50000,
        "too large": b"# " + b"x" * (2 << 20),
        "tags": b"server: !!python/object/apply:os.system ['id']\n",
        "merge keys": b"<<: {server: {type: a}}\n",
        "a variable of itself": b"server: {type: '${A:-${A:-${A}}}', id: b, ports: [1]}\n",
        "variables without end": b"server: {type: '" + b"${A:-x}" * 100000 + b"', id: b, ports: [1]}\n",
        "percent": b"server: {type: '%n%s%n', id: '%s%s%s%n', ports: [1]}\n",
        "a path as id": b"server: {type: '../..', id: '../../etc/passwd', ports: [1]}\n",
        "control characters": b'server: {type: "a\\e[31m", id: "b\\r\\nX", ports: [1]}\n',
        "ports without end": b"server: {type: a, id: b, ports: [" + b"1," * 200000 + b"1]}\n",
        "numbers too large": b"server: {type: a, id: b, ports: [99999999999999999999], capacity: 1e999}\n",
        "documents": b"---\n" * 100000,
        "an endless quote": b"server: '" + b"x" * 1000000,
        "a URL with everything": b"server: {type: a, id: b, ports: [1]}\nregistry: {endpoints: ['http://u:p@[::1%25lo]:99999/a?b#c']}\n",
        "a URL of a file": b"server: {type: a, id: b, ports: [1]}\nregistry: {endpoints: ['file:///etc/passwd']}\n",
        "a URL with a line break": b'server: {type: a, id: b, ports: [1]}\nregistry: {endpoints: ["http://127.0.0.1:1/\\r\\nX: y"]}\n',
    }

    def check(self, path):
        """`outrider check` of it ends by itself; returns its status and its output."""
        status, text, most = run_measured("check", "-c", str(path))
        self.most = max(self.most, most)
        self.assertGreaterEqual(status, 0, text[-2000:])
        return status, text

    def test_configuration(self):
        self.most = 0
        path = self.dir / "hostile.yaml"
        for name, content in self.CONFIGURATIONS.items():
            with self.subTest(name):
                path.write_bytes(content)
                status, text = self.check(path)
                self.assertNotEqual(status, 0, text)
                self.assertNotRegex(text, rb"[\x00-\x08\x0b-\x1f\x7f]")
                self.assertLess(len(text), 64 << 10)
        fifo = self.dir / "fifo"
        os.mkfifo(fifo)
        loop = self.dir / "loop"
        loop.symlink_to(loop)
        for special in (fifo, loop, self.dir, "/dev/zero", "/dev/full", "/proc/self/mem", self.dir / ("x" * 250)):
            with self.subTest(str(special)):
                status, text = self.check(special)
                self.assertNotEqual(status, 0, text)
        print(f"\nheld | {len(self.CONFIGURATIONS)} configurations | - | {self.most / 1024:.1f} MB | - | -")
        if not self.is_sanitized_binary():
            self.assertLess(self.most, 64 << 10)

    def test_a_reload_of_any_content_changes_nothing(self):
        agent = self.agent().start()
        agent.is_published()
        good = agent.path.read_bytes()
        with Held("a reload of each of the configurations", agent) as held:
            for number, content in enumerate(self.CONFIGURATIONS.values()):
                agent.path.write_bytes(content)
                agent.send_signal(signal.SIGHUP)
                agent.systemd.wait("READY=1", number + 2, while_alive=agent.process)
        agent.path.write_bytes(good)
        held.assert_modest(self, 32 << 10, 8 << 10)
        agent.is_published()
        self.assertEqual(agent.stop(), 0)

    def test_what_is_kept(self):
        """State and view after another program wrote them: the agent starts, says so, and is published."""
        agent = self.agent(view={"mode": "always"}).start()
        agent.is_published()
        self.assertEqual(agent.stop(), 0)
        state, view = agent.dir / "state.json", agent.dir / "view.bin"
        kept = view.read_bytes()
        whole = state.read_bytes()
        contents = [b"", b"\0" * 1000, b"{}", b"[" * 100000, b'{"a":' * 100000, whole[:len(whole) // 2], whole + whole, b"\xff" * 5000,
                    b" " * (512 << 10), whole.replace(b'"', b"'"), whole.replace(b":", b":-"), b"null", b'{"version":99}',
                    whole.replace(b'"version":1', b'"version":1e999')]
        for number, content in enumerate(contents):
            with self.subTest(number):
                state.write_bytes(content)
                view.write_bytes(content if number % 2 else kept[:30] + b"\xff" * 8 + kept[38:])
                agent.start()
                agent.is_published()
                self.assertEqual(agent.stop(), 0)
        for special in ("symlink", "fifo", "directory"):
            with self.subTest(special):
                if state.is_dir():
                    state.rmdir()
                else:
                    state.unlink(missing_ok=True)
                target = self.dir / "target"
                target.write_text("untouched")
                if special == "symlink":
                    state.symlink_to(target)
                elif special == "fifo":
                    os.mkfifo(state)
                else:
                    state.mkdir()
                agent.spawn()
                wait_until(lambda: agent.process.poll() is not None or "READY=1" in agent.systemd.lines(), "it starts or ends")
                if agent.process.poll() is None:
                    agent.is_published()
                    self.assertEqual(agent.stop(), 0)
                self.assertGreaterEqual(agent.process.returncode, 0)
                self.assertEqual(target.read_text(), "untouched")


if __name__ == "__main__":
    unittest.main()
