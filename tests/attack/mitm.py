"""A registry that cannot be trusted: a real etcd behind a server that answers as a test likes, and keeps what it was sent."""
import contextlib
import json
import socket
import ssl
import threading

from clients import until_end

STOP_S = 0.05


class Request:
    """One request: `path`, `headers` by small name, `body` as bytes and, where it is JSON, `json`."""

    def __init__(self, head, body):
        lines = head.decode("latin-1").split("\r\n")
        self.path = (lines[0].split(" ") + ["", ""])[1]
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        self.head, self.body = head, body
        try:
            self.json = json.loads(body)
        except ValueError:
            self.json = None


def answer(body, status="200 OK", *headers):
    """The bytes of an answer; `body` is bytes, or what becomes JSON."""
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Endless:
    """`first`, then `again` for as long as the other side reads; with `pause_s`, piece by piece."""

    def __init__(self, first, again, pause_s=0.0):
        self.first, self.again, self.pause_s = first, again, pause_s

    def send(self, sock, stopped):
        sock.sendall(self.first)
        while not stopped.is_set():
            sock.sendall(self.again)
            if self.pause_s:
                stopped.wait(self.pause_s)


class Mitm:
    """`rules` maps the end of a path to what is answered there: bytes, an Endless, or a function that gets the request and a
    function that asks etcd and returns its JSON; None from it, or no rule: etcd answers. One request for each connection."""

    def __init__(self, case, etcd, context=None):
        self.etcd, self.context, self.rules = etcd, context, {}
        self.requests, self.connections, self.handshake_errors = [], 0, []
        self.stopped, self.changed = threading.Event(), threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self.accept, daemon=True).start()
        case.addCleanup(self.close)

    def close(self):
        self.stopped.set()
        self.changed.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def set(self, **rules):
        """Replaces the rules. What is being answered by an old one ends. A name is the end of a path, `_` for its slash; `every`
        is each of them."""
        self.changed.set()
        self.changed = threading.Event()
        self.rules = {"" if name == "every" else "/" + name.replace("_", "/"): rule for name, rule in rules.items()}

    def asked(self, path=""):
        """The requests to paths with this end so far."""
        return [request for request in list(self.requests) if request.path.endswith(path)]

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock = self.listener.accept()[0]
                self.connections += 1
                threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        with sock:
            sock.settimeout(30)
            try:
                if self.context:
                    sock = self.context.wrap_socket(sock, server_side=True)
            except OSError as error:
                self.handshake_errors.append(str(error))
                return
            with contextlib.suppress(OSError, ValueError):
                request = self.read(sock)
                if request:
                    self.requests.append(request)
                    self.reply(sock, request)
            if isinstance(sock, ssl.SSLSocket):
                sock.close()

    @staticmethod
    def read(sock):
        data = b""
        while b"\r\n\r\n" not in data:
            more = sock.recv(65536)
            if not more:
                return None
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(Request(head, b"").headers.get("content-length", "0"))
        while len(body) < length:
            more = sock.recv(65536)
            if not more:
                return None
            body += more
        return Request(head, body)

    def reply(self, sock, request):
        changed = self.changed
        rule = next((rule for end, rule in self.rules.items() if request.path.endswith(end)), None)
        if callable(rule):
            rule = rule(request, lambda: self.ask(request))
        if rule is None:
            self.forward(sock, request, changed)
        elif isinstance(rule, Endless):
            rule.send(sock, changed)
        else:
            sock.sendall(rule if isinstance(rule, bytes) else answer(rule))

    def upstream(self, request):
        up = socket.create_connection(("127.0.0.1", self.etcd.port), 30)
        lines = [line for line in request.head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
        up.sendall(b"\r\n".join(lines + [b"Connection: close"]) + b"\r\n\r\n" + request.body)
        return up

    def ask(self, request):
        """What etcd answers, as JSON."""
        with self.upstream(request) as up:
            head, _, body = until_end(up).partition(b"\r\n\r\n")
        if b"chunked" in head.lower():
            body = unchunked(body)
        return json.loads(body)

    def forward(self, sock, request, changed):
        """Passes etcd's answer on, until either side ends it or the rules change."""
        with self.upstream(request) as up:
            up.settimeout(STOP_S)
            sock.settimeout(STOP_S)
            while not changed.is_set():
                try:
                    data = up.recv(65536)
                    if not data:
                        return
                    sock.settimeout(30)
                    sock.sendall(data)
                    sock.settimeout(STOP_S)
                except TimeoutError:
                    if self.has_ended(sock):
                        return

    @staticmethod
    def has_ended(sock):
        if isinstance(sock, ssl.SSLSocket):
            return False  # a write will find it
        try:
            sock.setblocking(False)
            return sock.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            sock.settimeout(STOP_S)


def unchunked(body):
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        count = int(size, 16)
        whole, body = whole + body[:count], body[count + 2:]
    return whole
