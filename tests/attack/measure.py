"""What an attack costs: the memory of the agent, the memory of the kernel for its sockets, its files, and the row that
each attack prints."""
import collections
import contextlib
import os
import pathlib
import re
import socket
import struct
import subprocess
import threading
import time

from harness import BINARY, environment
from registry import DEADLINE_S

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_DUMP = 0x001, 0x300
INET_DIAG_SKMEMINFO, UNIX_DIAG_MEMINFO = 7, 5
UDIAG_SHOW_MEMINFO = 0x20
# Of SK_MEMINFO: what is received and not read, what is sent and not acknowledged, what is kept for either, the rest.
RMEM, WMEM, FWD, QUEUED, OPTMEM, BACKLOG = 0, 2, 4, 5, 6, 7

FULL = os.environ.get("OUTRIDER_ATTACK_FULL") == "1"


def size(default, full):
    """The size of an attack: `full` with --full."""
    return full if FULL else default


# ---- the kernel's memory ----

def attributes(data):
    """The attributes of a netlink message: number and bytes."""
    at = 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("HH", data, at)
        if length < 4:
            return
        yield kind, data[at + 4:at + length]
        at += (length + 3) & ~3


def dumped(request, body_size):
    """The messages of a dump of sockets: the fixed part and the attributes of each."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as diag:
        head = struct.pack("IHHII", 16 + len(request), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 1, 0)
        diag.sendto(head + request, (0, 0))
        while True:
            data, at = diag.recv(1 << 20), 0
            while at + 16 <= len(data):
                length, kind = struct.unpack_from("IH", data, at)
                if kind in (NLMSG_DONE, NLMSG_ERROR) or length < 16:
                    return
                body = data[at + 16:at + length]
                yield body[:body_size], body[body_size:]
                at += (length + 3) & ~3


def memory_of(rest, kind):
    """Bytes that the kernel keeps for a socket, by its SK_MEMINFO."""
    for number, value in attributes(rest):
        if number == kind and len(value) >= 32:
            words = struct.unpack("8I", value[:32])
            return words[RMEM] + max(words[WMEM], words[QUEUED]) + words[FWD] + words[OPTMEM] + words[BACKLOG]
    return 0


def tcp_sockets(family):
    """Inode, local port and memory of each TCP socket."""
    request = struct.pack("BBBxI48x", family, socket.IPPROTO_TCP, 1 << (INET_DIAG_SKMEMINFO - 1), 0xffffffff)
    for fixed, rest in dumped(request, 72):
        port, = struct.unpack_from("!H", fixed, 4)
        inode, = struct.unpack_from("I", fixed, 68)
        yield inode, port, memory_of(rest, INET_DIAG_SKMEMINFO)


def unix_sockets():
    """Inode and memory of each unix socket. What is sent and not read counts for the sender."""
    request = struct.pack("BBHIII8x", socket.AF_UNIX, 0, 0, 0xffffffff, 0, UDIAG_SHOW_MEMINFO)
    for fixed, rest in dumped(request, 16):
        inode, = struct.unpack_from("I", fixed, 4)
        yield inode, memory_of(rest, UNIX_DIAG_MEMINFO)


def inodes(pid):
    """Those of the sockets that the process has."""
    found = set()
    for entry in os.scandir(f"/proc/{pid}/fd"):
        try:
            match = re.match(r"socket:\[(\d+)\]", os.readlink(entry.path))
        except OSError:
            continue
        if match:
            found.add(int(match.group(1)))
    return found


def sockets_kb(pid, port=None):
    """What the kernel keeps for the sockets of the process, in kB. Those of `port` that are closed and not yet gone have no
    inode any more and count as well."""
    ours, total = inodes(pid), 0
    for family in (socket.AF_INET, socket.AF_INET6):
        total += sum(memory for inode, local, memory in tcp_sockets(family)
                     if inode in ours or (inode == 0 and port is not None and local == port))
    total += sum(memory for inode, memory in unix_sockets() if inode in ours)
    return total >> 10


# ---- the process ----

def resident_kb(pid):
    """What is resident, and what of it is private and dirty."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return tuple(int(re.search(rf"^{name}: +(\d+) kB", text, re.M).group(1)) for name in ("Rss", "Private_Dirty"))


def files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def processor_s(pid):
    """Seconds of processor time so far."""
    words = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def run_measured(*words, **env):
    """Runs the binary with these words; returns its exit status, its output and its largest resident memory in kB. The kernel's own
    figure, ru_maxrss, begins with that of the test."""
    process = subprocess.Popen([str(BINARY), *words], env=environment(**env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    most = 0
    reading = threading.Thread(target=lambda: pieces.append(process.stdout.read()), daemon=True)
    pieces = []
    reading.start()
    end = time.monotonic() + DEADLINE_S
    while process.poll() is None:
        if time.monotonic() > end:
            process.kill()
            raise AssertionError(f"{words} does not end")
        with contextlib.suppress(OSError, AttributeError):
            text = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            most = max(most, int(re.search(r"^VmHWM:\s+(\d+)", text, re.M).group(1)))
        time.sleep(0.002)
    reading.join()
    process.stdout.close()
    return process.returncode, pieces[0], most


class Memory(collections.namedtuple("Memory", "rss_kb dirty_kb sockets_kb files")):
    """`rss_kb`: what is resident of the agent; `dirty_kb`: what of it no other process shares. `sockets_kb`: what the kernel
    keeps for its sockets."""

    @classmethod
    def of(cls, agent):
        rss, dirty = resident_kb(agent.pid)
        return cls(rss, dirty, sockets_kb(agent.pid, getattr(agent, "port", None)), files(agent.pid))

    @property
    def total_kb(self):
        return self.rss_kb + self.sockets_kb

    def __str__(self):
        return f"{self.rss_kb / 1024:.1f} ({self.dirty_kb / 1024:.1f}) + {self.sockets_kb / 1024:.1f} MB, {self.files} files"


class Held:
    """Measures an agent around an attack and while it lasts, and prints the row:

        with Held("1,500 lists that are not read", observer, good) as held:
            ...
        held.assert_modest(case, 64 << 10)

    `peak` is the largest total of samples every `EVERY_S`; `look` takes one more. `after` is taken at `assert_modest`, which
    waits until the memory is given back."""

    EVERY_S = 0.1
    GIVEN_BACK_S = 10

    def __init__(self, name, agent, good=None):
        self.name, self.agent, self.good = name, agent, good
        self.before = self.peak = self.after = None
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.sample, daemon=True)

    def __enter__(self):
        self.before = self.peak = Memory.of(self.agent)
        self.thread.start()
        return self

    def __exit__(self, *failure):
        self.look()
        self.stopping.set()
        self.thread.join()
        self.after = Memory.of(self.agent) if self.agent.process.poll() is None else None
        self.print_row(failure[0])

    def sample(self):
        while not self.stopping.wait(self.EVERY_S):
            try:
                self.look()
            except OSError:
                return  # it has ended

    def look(self):
        """Returns what is held now."""
        now = Memory.of(self.agent)
        with self.lock:
            self.peak = max(self.peak, now, key=lambda memory: memory.total_kb)
        return now

    def print_row(self, failure=None):
        served = self.good.seen() if self.good is not None else "-"
        print(f"\nheld | {self.name}{' (failed)' if failure else ''} | {self.before} | {self.peak} | {self.after} | {served}")

    def assert_modest(self, case, more_kb, back_kb=None):
        """At its peak the agent and its sockets had at most `more_kb` more than before; once the attack is over they come down to
        `back_kb` more (by default as much) within ten seconds. A sanitizer keeps 256 MB of freed memory."""
        extra = 400 << 10 if case.is_sanitized(self.agent) else 0
        case.assertLessEqual(self.peak.total_kb - self.before.total_kb, more_kb + extra, f"kB at the peak: {self.peak}")
        limit = self.before.total_kb + (more_kb if back_kb is None else back_kb) + extra
        end = time.monotonic() + self.GIVEN_BACK_S
        while self.look().total_kb > limit and time.monotonic() < end:
            time.sleep(0.05)
        self.after = Memory.of(self.agent)
        case.assertLessEqual(self.after.total_kb, limit, f"kB that are not given back: {self.after}")
