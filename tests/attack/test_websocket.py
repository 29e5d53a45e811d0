"""WebSockets: a page of another origin that opens one, a peer that breaks the protocol, and peers that flood or do not read."""
import hashlib
import json
import os
import signal
import time

import clients
import websockets
from harness import wait_until
from hostile import Hostile
from websockets import BINARY, CLOSE, PING, Refused, WebSocket, frame

FOREIGN = ("https://evil.example", "http://evil.example", "null", "", "file://", "http://127.0.0.1", "http://127.0.0.1:1", "https://127.0.0.1")
FULL = bool(os.environ.get("OUTRIDER_ATTACK_FULL"))


class Sockets(Hostile):
    def open(self, observer, headers=(), host=None, receive=None, **more):
        return WebSocket(self.dial(observer, receive=receive), host or f"127.0.0.1:{observer.port}", headers, **more)

    def refused(self, observer, headers=(), **more):
        """Status and code of a handshake that is refused."""
        with self.assertRaises(Refused) as caught:
            self.open(observer, headers, **more)
        return caught.exception.status, caught.exception.code


class CrossSite(Sockets):
    def test_a_page_of_another_origin(self):
        """Without an access file everyone is an operator: the page in the browser must not be."""
        observer = self.started()
        self.put("world", "w1")
        wait_until(lambda: self.get(observer, "/api/services/world/w1")[0] == 200, "known")
        own = f"http://127.0.0.1:{observer.port}"
        for origin in (*FOREIGN, f"{own}.evil.example", f"{own}@evil.example", f"{own}/", own.replace("127.0.0.1", "localhost")):
            self.assertEqual(self.refused(observer, [("Origin", origin)]), (403, "foreign_origin"), origin)
        self.assertEqual(self.refused(observer, [("Origin", "http://evil.example")], host="evil.example"), (403, "foreign_host"))
        with self.assertRaises(Refused) as caught:
            self.open(observer, [("Origin", own), ("Origin", "https://evil.example")])
        self.assertEqual(caught.exception.status, 400, "two of them")
        peer = self.open(observer, [("Origin", own)])
        self.assertEqual(peer.ask(type="drain", server="world/w1", reason="ours")["status"], 200)
        self.assertEqual(self.open(observer).ask(type="unsubscribe")["status"], 200, "a program has no origin")

    def test_a_cookie_and_what_ends_it(self):
        access = self.dir / "access"
        names = {"olga": "operator", "viv": "viewer"}
        access.write_text("".join(f"{name} {role} sha256:{hashlib.sha256(f'the-token-of-{name}'.encode()).hexdigest()}\n"
                                  for name, role in names.items()))
        observer = self.observer(http={"access_file": str(access)}).start()
        own = ("Origin", f"http://127.0.0.1:{observer.port}")
        cookies = {}
        for name in names:
            status, head, _ = observer.request("POST", "/api/session", {"token": f"the-token-of-{name}"}, connection=self.connect(observer))
            self.assertEqual(status, 200)
            cookies[name] = ("Cookie", head["Set-Cookie"].split(";")[0])
        olga = cookies["olga"]
        self.assertEqual(self.refused(observer), (401, "unauthorized"))
        self.assertEqual(self.refused(observer, [own]), (401, "unauthorized"))
        self.assertEqual(self.refused(observer, [own, ("Cookie", olga[1][:-4] + "0000")]), (401, "unauthorized"))
        self.assertEqual(self.refused(observer, [olga]), (403, "cross_site"), "a browser says where its page is from")
        for origin in FOREIGN:
            self.assertEqual(self.refused(observer, [olga, ("Origin", origin)]), (403, "foreign_origin"), origin)
        peer, viewer = self.open(observer, [own, olga]), self.open(observer, [own, cookies["viv"]])
        self.assertEqual(peer.ask(type="subscribe")["status"], 200)
        for message in ({"type": "drain"}, {"type": "undrain"}, {"type": "command", "name": "say"}):
            got = viewer.ask(server="world/w1", **message)
            self.assertEqual((got["status"], got["body"]["error"]["code"]), (403, "role"), message)
        # a message says nothing of its sender, and no path but its own
        for more in ({"who": "olga"}, {"role": "admin"}, {"token": "the-token-of-olga"}, {"path": "/api/keys"}):
            self.assertEqual(viewer.ask(type="drain", server="world/w1", **more)["status"], 403)
        for server in ("world/../../keys", "../w1", "world/w1/drain?x=", "world/%2e%2e", "a\nb/c", "world/w1 HTTP/1.1\r\nX: y"):
            self.assertIn(peer.ask(type="drain", server=server, reason="x")["status"], (400, 404), server)
        status, _, _ = observer.request("DELETE", "/api/session", "", {"Content-Type": "application/json", "X-Outrider": "1",
                                                                       own[0]: own[1], olga[0]: olga[1]}, self.connect(observer))
        self.assertEqual(status, 200)
        self.assertEqual(peer.ask(type="drain", server="world/w1", reason="x")["status"], 401, "signed out: at once")
        self.assertEqual(peer.closed()[0], 1008, "and its stream soon")
        self.assertEqual(viewer.ask(type="unsubscribe")["status"], 200)


class Rude(Sockets):
    def setUp(self):
        super().setUp()
        self.target = self.started()

    def test_handshakes_that_are_none(self):
        cases = {
            "no upgrade": (426, {"without": ("Upgrade",)}), "no version": (426, {"without": ("Sec-WebSocket-Version",)}),
            "an old version": (426, {"without": ("Sec-WebSocket-Version",), "headers": [("Sec-WebSocket-Version", "8")]}),
            "no connection": (400, {"without": ("Connection",)}), "no key": (400, {"without": ("Sec-WebSocket-Key",)}),
            "a short key": (400, {"key": "eA=="}), "a key with a line": (400, {"key": "dGhlIHNhbXBsZSBub25jZQ==\tx"}),
            "two keys": (400, {"headers": [("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]}),
            "a parameter": (400, {"path": "/api/ws?token=x"}), "another path": (404, {"path": "/api/ws/"}),
        }
        for name, (status, more) in cases.items():
            with self.subTest(name):
                self.assertEqual(self.refused(self.target, **more)[0], status)
        for first in (b"POST /api/ws HTTP/1.1", b"GET /api/ws HTTP/1.0", b"HEAD /api/ws HTTP/1.1"):
            request, _ = websockets.handshake("localhost")
            sock = self.dial(self.target)
            sock.sendall(request.replace(b"GET /api/ws HTTP/1.1", first).replace(b"\r\n\r\n", b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
            self.assertIn(int(clients.until_end(sock).split()[1]), (400, 405), first)
        self.assertEqual(self.metrics(self.target)["outrider_websockets_opened_total"], 0)

    def test_frames_that_are_none(self):
        text = json.dumps({"type": "unsubscribe"})
        cases = [(1002, frame(text, masked=False)), (1002, frame(text, reserved=4)), (1002, frame(text, reserved=2)), (1002, frame(text, reserved=1)),
                 (1002, frame(text, 3)), (1002, frame(text, 15)), (1002, frame(text, 0)), (1002, frame(b"x" * 126, PING)),
                 (1002, frame(b"x", PING, fin=False)), (1002, frame(text, fin=False) + frame(text)), (1002, frame(b"x", CLOSE)),
                 (1002, frame(b"\x03\xed", CLOSE)), (1002, frame(b"\0\0", CLOSE)), (1003, frame(b"\0", BINARY)), (1007, frame(b"\xff")),
                 (1007, frame(b"\xf4\x90\x80\x80")), (1007, frame(b"\xe2", fin=False) + frame(b"\x28", 0)), (1007, frame(b"\x03\xe8\xff", CLOSE)),
                 (1009, frame(b" " * 65537)), (1009, frame(b"x", size=1 << 62)), (1002, frame(b"x", size=1 << 63)),
                 (1009, frame(b" " * 65000, fin=False) + frame(b" " * 600, 0)),
                 (1008, frame(b"", fin=False) + frame(b"", 0, fin=False) * 64), (1002, b"GET / HTTP/1.1\r\n\r\n"), (1002, b"\x16\x03\x01\x02\x00" * 9)]
        for code, sent in cases:
            with self.subTest(sent=sent[:30]):
                peer = self.open(self.target)
                peer.sock.sendall(sent)
                self.assertEqual(peer.closed()[0], code)
        faults = self.metrics(self.target)
        self.assertEqual(faults["outrider_websocket_faults_total"], len(cases))
        self.assertEqual(faults["outrider_websockets"], 0)

    def test_many_half_messages(self):
        """Each holds a message of 64 kB that does not end, or a handshake: the share of one peer bounds them."""
        before, held = self.rss_kb(self.target), []
        for i in range(400 if FULL else 200):
            try:
                peer = self.open(self.target)
            except Refused as refused:
                self.assertIn(refused.status, (429, 503))
                break
            peer.sock.sendall(frame(b" " * 60000, fin=False))
            held.append(peer)
        wait_until(lambda: self.metrics(self.target)["outrider_websockets"] == len(held), "all are open")
        grown = self.assert_modest(self.target, before, len(held) * 160 + 4096)
        print(f"    {len(held)} half messages of 60 kB: {grown} kB")
        self.assertEqual(self.open(self.target).ask(type="unsubscribe")["status"], 200)
        for peer in held:
            peer.shut()
        wait_until(lambda: self.metrics(self.target)["outrider_websockets"] <= 1, "all are gone")

    def test_floods(self):
        self.put("world", "w1")
        before = self.rss_kb(self.target)
        peer = self.open(self.target, receive=4096)
        # pings whose answers are not read: beyond the backlog it is closed
        peer.sock.settimeout(5)
        block = frame(b"p" * 125, PING) * 1000
        with self.assertRaises(OSError):
            for _ in range(1000):
                peer.sock.sendall(block)
        wait_until(lambda: self.metrics(self.target)["outrider_websockets"] == 0, "it is closed")
        # subscriptions without end, none of them kept
        peer = self.open(self.target)
        message = frame(json.dumps({"type": "subscribe", "filter": {"type": "world"}}))
        for _ in range(50):
            peer.sock.sendall(message * 20)
            results = 0
            while results < 20:
                results += peer.message()["type"] == "result"
        self.assertEqual(self.metrics(self.target)["outrider_sse_clients"], 1)
        # more actions at once than may wait: each is answered
        self.etcd.node.process.send_signal(signal.SIGSTOP)
        try:
            peer.sock.sendall(b"".join(frame(json.dumps({"type": "drain", "id": f"d{i}", "server": "world/w1", "reason": "x"})) for i in range(100)))
            busy = set()
            while len(busy) < 92:
                got = peer.message()
                if got["type"] == "result":
                    self.assertEqual((got["status"], got["body"]["error"]["code"]), (429, "busy"))
                    busy.add(got["id"])
        finally:
            self.etcd.node.process.send_signal(signal.SIGCONT)
        peer.shut()
        self.assert_modest(self.target, before, 8192)

    def test_a_peer_that_does_not_read(self):
        """It is closed as a stream is, and the others do not wait for it."""
        slow, good = [self.open(self.target, receive=2048) for _ in range(10)], self.open(self.target)
        for peer in (*slow, good):
            peer.send(type="subscribe")
            peer.event("synced")
        for i in range(300):
            self.put("world", "w1", "error" if i == 299 else "ready", customState="x" * 4000)
            while good.message()["event"] != "update":
                pass
        self.wait_metric(self.target, "outrider_sse_dropped_total", 10)
        self.assertEqual(self.metrics(self.target)["outrider_websockets"], 1)
        self.assertEqual(good.ask(type="unsubscribe")["status"], 200)
