"""A fleet of records without agents, an observer of it, and `outrider services` on a terminal or without one."""
import contextlib
import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import termios

from harness import BINARY, Case, environment
from registry import DEADLINE_S, wait_until


class Terminal:
    """A process on a terminal of its own, and its output since the last call."""

    def __init__(self, case, command, rows=10, columns=40, **env):
        self.ours, theirs = pty.openpty()
        self.resize(rows, columns)
        self.process = subprocess.Popen(command, env=environment(TERM="xterm", **env), stdout=theirs, stderr=theirs,
                                        stdin=subprocess.DEVNULL)
        os.close(theirs)
        self.shown = b""
        case.addCleanup(os.close, self.ours)
        case.addCleanup(self.process.wait)
        case.addCleanup(self.process.kill)

    def resize(self, rows, columns):
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, text):
        """The output up to the piece that has the text."""
        while text not in self.shown:
            if not select.select([self.ours], [], [], DEADLINE_S)[0]:
                raise AssertionError(f"{text} is not shown in {DEADLINE_S} s, but {self.shown}")
            self.shown += os.read(self.ours, 65536)
        shown, self.shown = self.shown, b""
        return shown

    def rest(self):
        """Its output until it ends."""
        with contextlib.suppress(OSError):  # EIO: the other side is closed
            while piece := os.read(self.ours, 65536):
                self.shown += piece
        self.process.wait(DEADLINE_S)
        return self.shown


def last_screen(shown):
    """The lines of the last screen, without the escape that clears the rest of each."""
    return shown.split(b"\033[H")[-1].replace(b"\033[2J", b"").replace(b"\033[K", b"").replace(b"\r", b"").split(b"\n")


class FleetCase(Case):
    listen = None

    def setUp(self):
        super().setUp()
        self.observer = self.agent("observer", server=..., probes=..., status=..., drain=..., shutdown=..., state_dir=...)
        if self.listen:
            self.observer.write(http={"listen": self.listen})
        self.put("w1", "ready")
        self.put("w2", "error")
        self.observer.spawn()
        wait_until(lambda: "2 servers, 1 ready\n" in self.output(check=False), "the observer knows the fleet")

    def key(self, name):
        return f"{self.prefix}/world/{name}"

    def put(self, name, status, indent=None, **more):
        self.etcd.put(self.key(name), json.dumps({
            "id": name, "type": "world", "host": "10.0.0.5", "ports": [8001], "status": status,
            "updatedAt": "2026-11-21T02:14:00.123Z", **more}, indent=indent))

    def command(self, *words, agent=None):
        return [str(BINARY), "services", "--agent", agent or self.observer.config["http"]["listen"], *words]

    def output(self, *words, check=True):
        return subprocess.run(self.command(*words), env=environment(), check=check, capture_output=True, text=True,
                              timeout=DEADLINE_S).stdout

    def following(self, *words, agent=None):
        return self.process(*self.command("--watch", *words, agent=agent), env=environment(), stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)

    def screen(self, *words, **more):
        return Terminal(self, self.command(*words), **more)
