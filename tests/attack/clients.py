"""Clients that mean no good: they connect, and say little, too much or the wrong thing, or read nothing."""
import contextlib
import resource
import socket

from registry import DEADLINE_S


def raise_files():
    """As many as this machine allows; the agent has the same limit."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (65536, 65536))
        most = 65536
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def tcp(port, source=None, receive=None):
    """A connection to the port; `receive` is the size of its receive buffer."""
    sock = socket.socket()
    sock.settimeout(DEADLINE_S)
    try:
        if receive is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        if source is not None:
            sock.bind((source, 0))
        sock.connect(("127.0.0.1", port))
    except OSError:
        sock.close()
        raise
    return sock


def unix(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(DEADLINE_S)
    try:
        sock.connect(str(path))
    except OSError:
        sock.close()
        raise
    return sock


class Crowd:
    """Many connections at a time. `dial` makes one, given its number. Those that are refused are counted."""

    def __init__(self, case):
        self.sockets, self.refused = [], 0
        case.addCleanup(self.close)

    def add(self, count, dial, say=b""):
        """Opens `count` more, each of which sends `say`; afterwards none blocks."""
        for i in range(count):
            try:
                sock = dial(i)
            except OSError:
                self.refused += 1
                continue
            try:
                if say:
                    sock.sendall(say)
            except OSError:
                sock.close()
                self.refused += 1
                continue
            sock.setblocking(False)
            self.sockets.append(sock)
        return self

    def send(self, data):
        """Each sends it, as far as it can. Those that are closed go. Returns how many are left."""
        left = []
        for sock in self.sockets:
            try:
                sock.send(data)
            except BlockingIOError:
                pass
            except OSError:
                sock.close()
                continue
            left.append(sock)
        self.sockets = left
        return len(left)

    def read(self):
        """What each has received by now, None for one that is closed."""
        return [received(sock) for sock in self.sockets]

    def closed(self):
        """How many of them the agent has closed."""
        return sum(is_closed(sock) for sock in self.sockets)

    def close(self):
        for sock in self.sockets:
            sock.close()
        self.sockets = []


def received(sock):
    """The bytes received by a socket that does not block; None: closed without an answer."""
    text = b""
    try:
        while more := sock.recv(65536):
            text += more
    except BlockingIOError:
        return text
    except ConnectionError:
        pass
    return text or None


def is_closed(sock):
    """Whether the other side has closed it, whatever it sent before."""
    try:
        return sock.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def over_tcp(port, addresses=8, receive=None):
    """How to dial from several addresses of this machine."""
    return lambda i: tcp(port, f"127.0.0.{1 + i % addresses}", receive)


def over_unix(path):
    return lambda _: unix(path)


def until_end(sock):
    """The bytes until the end; a reset counts as the end."""
    answer = b""
    try:
        while more := sock.recv(65536):
            answer += more
    except ConnectionError:
        pass
    return answer


# What a crowd says. Each of the heads is the beginning of a request that never ends.
ONE_BYTE = b"G"
HALF_A_HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: "
NO_BODY = b"POST /api/agent/drain HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def asks(target):
    return b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % target.encode()


def attached(path, count, say=b"attach\n"):
    """Connections to the status socket that attach, and what each was answered (None: closed)."""
    sockets, answers = [], []
    for _ in range(count):
        try:
            sock = unix(path)
            sock.sendall(say)
            answers.append(sock.recv(4096).decode() or None)
        except OSError:
            answers.append(None)
            continue
        sockets.append(sock)
    return sockets, answers
