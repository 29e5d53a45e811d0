"""The world of an end-to-end test: the real agent with a game server of the test, a real etcd, real sockets.

Nothing here sleeps to let something happen: a test waits for the event itself (wait_until, Watcher.wait, Line.read), and
what must not happen is checked after a later event (Watcher.until_now)."""
import contextlib
import http.client
import json
import os
import pathlib
import pwd
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

from registry import DEADLINE_S, Etcd, Watcher, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("OUTRIDER_BINARY", ROOT / "build" / "outrider")).resolve()
FAULTPROXY = ROOT / "tests" / "tools" / "faultproxy"

# `by` of a hold that a command of the tests sets
OPERATOR = f"{pwd.getpwuid(os.geteuid()).pw_name}@{socket.gethostname()}"[:64]

# Of an agent in its sandbox: the leak detector forks and traces when the program ends.
CONFINED = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
SAFE_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TMPDIR")


def environment(**more):
    """The environment of an agent: nothing from the shell that runs the tests."""
    kept = {name: os.environ[name] for name in SAFE_ENVIRONMENT if name in os.environ}
    return {**kept, **{name: str(value) for name, value in more.items() if value is not None}}


def merged(base, over):
    """`base` updated by `over`, mapping by mapping; ... removes a key."""
    result = dict(base)
    for key, value in over.items():
        if value is ...:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


def rss_kb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def signal_is_blocked(pid, number):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    mask = next(line.split()[1] for line in status.splitlines() if line.startswith("SigBlk:"))
    return bool(int(mask, 16) >> (number - 1) & 1)


class Game:
    """A game server as its agent sees it: a port that answers, refuses or hangs."""

    def __init__(self, host="127.0.0.1", family=socket.AF_INET, port=0):
        self.host, self.family = host, family
        self.port = port
        self.listener = None
        self.held = []
        self.accepted = 0
        self.open()

    def open(self):
        self.close()
        self.listener = socket.socket(self.family)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((self.host, self.port))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, args=(self.listener,), daemon=True).start()

    def serve(self, listener):
        with contextlib.suppress(OSError):
            while True:
                listener.accept()[0].close()
                self.accepted += 1

    def close(self):
        """Connections are refused from now on. No other test takes the port, because each gets a free one."""
        for sock in [self.listener, *self.held]:
            if sock:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
                sock.close()
        self.listener, self.held = None, []

    def hang(self):
        """Connections get no answer: none is accepted, and the queue is full."""
        self.close()
        self.listener = socket.socket(self.family)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((self.host, self.port))
        self.listener.listen(0)
        for _ in range(4):
            sock = socket.socket(self.family)
            sock.setblocking(False)
            sock.connect_ex((self.host, self.port))
            self.held.append(sock)


class Line:
    """A connection to the status socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect(str(path))
        self.file = self.socket.makefile("rb")

    def send(self, line):
        self.socket.sendall(line.encode() + b"\n" if isinstance(line, str) else line)

    def read(self):
        """The next line; None at the end."""
        line = self.file.readline()
        return line.decode().rstrip("\n") if line else None

    def ask(self, line):
        self.send(line)
        return self.read()

    def close(self):
        self.file.close()
        self.socket.close()


class Systemd:
    """A NOTIFY_SOCKET that keeps the messages."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.setblocking(False)
        self.datagrams = []

    def lines(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                self.datagrams.append(self.socket.recv(65536).decode())
        return [line for datagram in self.datagrams for line in datagram.split("\n")]

    def wait(self, line, count=1, while_alive=None):
        def arrived():
            if sum(each.startswith(line) for each in self.lines()) >= count:
                return True
            if while_alive is not None and while_alive.poll() is not None:
                raise AssertionError(f"ended with {while_alive.returncode} before it sent {line}")
            return False
        wait_until(arrived, f"{line} on the NOTIFY_SOCKET ({self.datagrams})")


def sse_events(answer):
    """The events of a stream, as name ("message" where it has none), text and the id (the last that was sent), until it ends."""
    name, text, ident = "message", "", ""
    try:
        while line := answer.readline().decode():
            word, _, rest = line.rstrip("\n").partition(": ")
            if word == "event":
                name = rest
            elif word == "data":
                text += rest
            elif word == "id":
                ident = rest
            elif word == "" and text:
                yield name, text, ident
                name, text = "message", ""
    except (OSError, ValueError, AttributeError):
        pass


class UnixHttp(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=DEADLINE_S)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(DEADLINE_S)
        self.sock.connect(self.path)


class Agent:
    """One agent with its own folder and configuration. It can be started repeatedly."""

    def __init__(self, case, name, config, env=None, wrapper=()):
        self.case, self.name, self.config = case, name, config
        wrapper = wrapper or shlex.split(os.environ.get("OUTRIDER_WRAPPER", ""))
        self.dir = case.dir / name
        self.dir.mkdir()
        self.path = self.dir / "outrider.yaml"
        self.log_path = self.dir / "log"
        self.status = self.dir / "status.sock"
        self.notify = self.dir / "notify.sock"
        self.http = self.dir / "http.sock"
        self.env, self.wrapper = {**(CONFINED if config.get("sandbox") == "required" else {}), **(env or {})}, list(wrapper)
        self.systemd, self.process = None, None
        self.starts = 0

    def write(self, **over):
        """JSON is valid YAML."""
        self.config = merged(self.config, over)
        self.path.write_text(json.dumps(self.config, indent=1) + "\n")

    def spawn(self, **popen):
        if not self.path.exists():
            self.write()
        self.starts += 1
        self.systemd = Systemd(self.dir / f"systemd{self.starts}.sock")
        env = environment(NOTIFY_SOCKET=self.systemd.path, **self.env)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([*self.wrapper, str(BINARY), "agent", "-c", str(self.path)], env=env,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, **popen)
        return self

    def start(self, **popen):
        self.spawn(**popen)
        try:
            self.systemd.wait("READY=1", while_alive=self.process)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()}") from None
        return self

    @property
    def pid(self):
        return self.process.pid

    @property
    def key(self):
        server = self.config["server"]
        return f"{self.config['registry']['prefix']}/{server['type']}/{server['id']}"

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def kept(self):
        """The state file, "" while there is none."""
        try:
            return (pathlib.Path(self.config["state_dir"]) / "state.json").read_text()
        except FileNotFoundError:
            return ""

    def serves_signals(self):
        """Whether USR1 is blocked, so that it cannot end the process any more."""
        return signal_is_blocked(self.pid, signal.SIGUSR1)

    def logged(self, text, count=1):
        wait_until(lambda: self.log().count(text) >= count, f"{text!r} in the log of {self.name}:\n{self.log()}")

    def send_signal(self, number):
        self.process.send_signal(number)

    def wait(self, deadline=DEADLINE_S):
        try:
            return self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} does not end in {deadline} s:\n{self.log()}") from None

    def stop(self, number=signal.SIGTERM):
        self.send_signal(number)
        return self.wait()

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def line(self):
        line = Line(self.status)
        self.case.addCleanup(line.close)
        return line

    def say(self, *lines):
        """Sends lines on a new connection; returns the last reply."""
        line = Line(self.status)
        try:
            return [line.ask(each) for each in lines][-1]
        finally:
            line.close()

    def notify_with(self, datagram, fds=()):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.connect(str(self.notify))
            socket.send_fds(sock, [datagram if isinstance(datagram, bytes) else datagram.encode()], fds)

    def request(self, method, path, body=None, headers=None, connection=None):
        """Returns status, headers and body of one HTTP exchange."""
        connection = connection or UnixHttp(self.http)
        try:
            headers = {"Content-Type": "application/json", **(headers or {})} if body is not None else headers or {}
            connection.request(method, path, json.dumps(body) if isinstance(body, dict) else body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def api(self):
        status, _, body = self.request("GET", "/api/agent")
        self.case.assertEqual(status, 200, body)
        return json.loads(body)

    def run(self, *words, **more):
        """Runs a command of the same binary against this agent."""
        env = environment(OUTRIDER_CONFIG=self.path, **more.pop("env", {}))
        return subprocess.run([str(BINARY), *map(str, words)], env=env, capture_output=True, text=True,
                              timeout=DEADLINE_S, check=False, **more)


    def not_published(self, why):
        """Every surface says that the ready server is not published, and why."""
        first = lambda: self.run("status").stdout.split("\n")[0]
        wait_until(lambda: "  ready, NOT PUBLISHED: " in first(), f"NOT PUBLISHED in {first()!r}")
        self.case.assertIn(why, first())
        for asked in ("ready", "published"):
            self.case.assertEqual(self.run("status", "--is", asked).returncode, 1, asked)
        self.case.assertIn("\noutrider_published 0\n", self.request("GET", "/metrics")[2].decode())

    def is_published(self):
        for asked in ("ready", "published"):
            wait_until(lambda word=asked: self.run("status", "--is", word).returncode == 0, f"status --is {asked}")
        self.case.assertIn("\noutrider_published 1\n", self.request("GET", "/metrics")[2].decode())


class FaultProxy:
    def __init__(self, port):
        self.process = subprocess.Popen([sys.executable, str(FAULTPROXY), f"127.0.0.1:{port}"], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline().split()[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def do(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer.startswith("ok"):
            raise AssertionError(f"faultproxy: {command}: {answer}")
        return answer

    def close(self):
        self.process.stdin.close()
        self.process.wait(DEADLINE_S)
        self.process.stdout.close()


class Case(unittest.TestCase):
    """A test with an etcd shared by its class and a prefix, a folder and a game server of its own."""

    maxDiff = None
    etcd = None
    number = 0

    @classmethod
    def setUpClass(cls):
        cls.etcd = Etcd()
        cls.addClassCleanup(cls.etcd.stop)

    def setUp(self):
        Case.number += 1
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="outrider-e2e-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.prefix = f"/t{Case.number}"
        self.agents = []
        self.addCleanup(self.bury)
        self.game = self.new_game()

    def bury(self):
        """A failure prints the log of each agent; a sanitizer's report is a failure itself."""
        result = self._outcome.result
        failed = any(case is self for case, _ in result.failures + result.errors)
        reports = []
        for agent in self.agents:
            agent.kill()
            if failed:
                print(f"\n--- {self.id()}: log of {agent.name}\n{agent.log()[-6000:]}", file=sys.stderr)
            if re.search(r"ERROR: AddressSanitizer|LeakSanitizer|runtime error:|^==\d+== ", agent.log(), re.M):
                reports.append(f"{agent.name}:\n{agent.log()[-6000:]}")
        self.assertEqual(reports, [], "sanitizer report")

    def new_game(self, **options):
        game = Game(**options)
        self.addCleanup(game.close)
        return game

    def watch(self, prefix=None):
        watcher = Watcher(self.etcd, (prefix or self.prefix) + "/")
        self.addCleanup(watcher.close)
        return watcher

    def proxy(self):
        proxy = FaultProxy(self.etcd.port)
        self.addCleanup(proxy.close)
        return proxy

    def process(self, *words, **popen):
        """A process that ends with the test."""
        process = subprocess.Popen(words or ["sleep", "1000"], **popen)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def agent(self, name="a", env=None, wrapper=(), **over):
        """An agent for self.game, with short intervals."""
        folder = self.dir / name
        config = merged({
            "server": {"type": "world", "id": "w1", "host": "127.0.0.1", "ports": [self.game.port]},
            "registry": {"endpoints": [self.etcd.url] if self.etcd else ["auto"], "prefix": self.prefix},
            "probes": [{"name": "game", "type": "tcp", "port": self.game.port, "interval": "50ms", "timeout": "40ms"}],
            "status": {"socket": str(folder / "status.sock"), "notify_socket": str(folder / "notify.sock"),
                       "min_publish_interval": "1ms"},
            "drain": {"settle": "100ms"},
            "shutdown": {"linger": "100ms", "timeout": "2s"},
            "http": {"listen": f"unix:{folder}/http.sock"},
            "state_dir": str(folder),
        }, over)
        agent = Agent(self, name, config, env, wrapper)
        self.agents.append(agent)
        return agent
