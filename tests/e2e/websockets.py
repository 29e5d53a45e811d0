"""A client of WebSocket that can also be rude: it sends frames as it is told to."""
import base64
import hashlib
import json
import os
import socket
import struct

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def handshake(host, headers=(), key=None, path="/api/ws", without=()):
    """The request, and what its answer has to say."""
    key = key or base64.b64encode(os.urandom(16)).decode()
    lines = [("Host", host), ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"),
             ("Sec-WebSocket-Key", key), *headers]
    text = f"GET {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines if name not in without) + "\r\n"
    return text.encode("latin-1"), base64.b64encode(hashlib.sha1(key.encode() + GUID).digest())


def frame(payload, opcode=TEXT, fin=True, masked=True, reserved=0, size=None):
    """The bytes of a frame; `size` is what it says of its length."""
    payload = payload.encode() if isinstance(payload, str) else payload
    size = len(payload) if size is None else size
    mark = 0x80 if masked else 0
    head = bytes([(0x80 if fin else 0) | reserved << 4 | opcode])
    head += bytes([mark | size]) if size < 126 else struct.pack(">BH", mark | 126, size) if size < 65536 else struct.pack(
        ">BQ", mark | 127, size)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


class Refused(Exception):
    def __init__(self, status, head, body):
        super().__init__(f"{status} {body!r}")
        self.status, self.head, self.body = status, head, body

    @property
    def code(self):
        return json.loads(self.body)["error"]["code"]


class WebSocket:
    """One connection over the socket `sock`, which is connected and gets a timeout by its maker."""

    def __init__(self, sock, host="localhost", headers=(), ahead=b"", **more):
        self.sock, self.buffer, self.close_code, self.close_reason = sock, b"", None, None
        request, accept = handshake(host, headers, **more)
        sock.sendall(request + ahead)
        head = self.until(b"\r\n\r\n").decode("latin-1")
        status = int(head.split()[1])
        if status != 101:
            raise Refused(status, head, self.rest())
        if f"\r\nSec-WebSocket-Accept: {accept.decode()}\r\n" not in head or "\r\nUpgrade: websocket\r\n" not in head:
            raise AssertionError(head)

    def until(self, mark):
        while mark not in self.buffer:
            got = self.sock.recv(65536)
            if not got:
                raise EOFError(self.buffer)
            self.buffer += got
        text, _, self.buffer = self.buffer.partition(mark)
        return text + mark

    def rest(self):
        self.sock.shutdown(socket.SHUT_WR)
        while got := self.sock.recv(65536):
            self.buffer += got
        return self.buffer

    def take(self, size):
        while len(self.buffer) < size:
            got = self.sock.recv(65536)
            if not got:
                raise EOFError(f"{len(self.buffer)} of {size} bytes")
            self.buffer += got
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def frame(self):
        """Opcode and payload of the next frame, as a client judges it."""
        first, second = self.take(2)
        if first & 0x70 or second & 0x80:
            raise AssertionError("reserved bits, or a mask, from the server")
        size = second if second < 126 else struct.unpack(">H", self.take(2))[0] if second == 126 else struct.unpack(">Q", self.take(8))[0]
        payload = self.take(size)
        if not first & 0x80 or (first & 8 and size > 125):
            raise AssertionError("a frame in pieces")
        return first & 15, payload

    def message(self):
        """The next message; pings are answered. None: the server has closed."""
        while True:
            opcode, payload = self.frame()
            if opcode == PING:
                self.sock.sendall(frame(payload, PONG))
            elif opcode == CLOSE:
                self.close_code = struct.unpack(">H", payload[:2])[0] if payload else None
                self.close_reason = payload[2:].decode()
                return None
            elif opcode == TEXT:
                return json.loads(payload)
            elif opcode != PONG:
                raise AssertionError(f"opcode {opcode}")

    def send(self, **message):
        self.sock.sendall(frame(json.dumps(message)))

    def ask(self, **message):
        """The result of a message; events before it are dropped."""
        self.send(**message)
        while (got := self.message()) is not None:
            if got["type"] == "result":
                return got
        raise EOFError(f"closed: {self.close_code} {self.close_reason}")

    def event(self, name):
        """The next event of that name."""
        while (got := self.message()) is not None:
            if got["type"] == "event" and got["event"] == name:
                return got
        raise EOFError(f"closed: {self.close_code} {self.close_reason}")

    def closed(self):
        """Why the server closes; messages before it are dropped. It sends nothing behind its close."""
        while self.message() is not None:
            pass
        self.sock.settimeout(10)
        if self.buffer or self.sock.recv(1):
            raise AssertionError("something behind the close")
        return self.close_code, self.close_reason

    def shut(self):
        self.sock.close()
