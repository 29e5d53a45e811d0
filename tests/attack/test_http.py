"""Invalid or excessive HTTP: answered with a clear error or closed, never with a 5xx, without an effect on other clients."""
import json
import re
import socket
import unittest

from clients import until_end
from harness import wait_until
from hostile import Good, Hostile
from registry import DEADLINE_S

HOST = b"Host: localhost\r\n"
GET = b"GET /healthz HTTP/1.1\r\n" + HOST

# The bytes sent, and the status of the first answer; None: closed with or without an answer.
MALFORMED = {
    "no version": (b"GET /healthz\r\n\r\n", 400),
    "no target": (b"GET\r\n\r\n", 400),
    "two blanks": (b"GET  /healthz HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a blank in the target": (b"GET /health z HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a version of another protocol": (b"GET /healthz RTSP/1.0\r\n" + HOST + b"\r\n", 400),
    "HTTP/2 as a version": (b"GET /healthz HTTP/2.0\r\n" + HOST + b"\r\n", 505),
    "HTTP/2 at once": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", 505),
    "a TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), 400),
    "SSH": (b"SSH-2.0-OpenSSH_9.2\r\n", None),
    "NUL": (b"GET /healthz HTTP/1.1\r\n" + HOST + b"X: a\x00b\r\n\r\n", 400),
    "bare LF": (b"GET /healthz HTTP/1.1\nHost: localhost\n\n", 400),
    "bare CR": (b"GET /healthz HTTP/1.1\r\n" + HOST + b"X: a\rY: b\r\n\r\n", 400),
    "no colon": (GET + b"nonsense\r\n\r\n", 400),
    "a blank before the colon": (GET + b"Content-Length : 5\r\n\r\nhello", 400),
    "no name": (GET + b": x\r\n\r\n", 400),
    "a folded line": (GET + b"X: a\r\n b\r\n\r\n", 400),
    "a folded Transfer-Encoding": (GET + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400),
    "no Host": (b"GET /healthz HTTP/1.1\r\n\r\n", 400),
    "two Hosts": (GET + HOST + b"\r\n", 400),
    "a Host with a path": (b"GET /healthz HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    "two Origins": (GET + b"Origin: http://localhost\r\nOrigin: http://evil.example\r\n\r\n", 400),
    "two Authorizations": (GET + b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n", 400),
    "two Content-Types": (GET + b"Content-Type: application/json\r\ncontent-type: text/plain\r\n\r\n", 400),
    "two lengths": (GET + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n", 400),
    "a list of lengths": (GET + b"Content-Length: 0, 0\r\n\r\n", 400),
    "a negative length": (GET + b"Content-Length: -1\r\n\r\n", 400),
    "a signed length": (GET + b"Content-Length: +5\r\n\r\nhello", 400),
    "a hexadecimal length": (GET + b"Content-Length: 0x5\r\n\r\nhello", 400),
    "a length beyond every number": (GET + b"Content-Length: " + b"9" * 200 + b"\r\n\r\n", 413),
    "length and chunks": (GET + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                          b"GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "chunks and length": (GET + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
    "chunks": (GET + b"Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n", 411),
    "chunks of a bad size": (GET + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 411),
    "two codings": (GET + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", None),
    "an unknown coding": (GET + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
    "chunked twice": (GET + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 501),
    "a coding behind a vertical tab": (GET + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
    "a coding behind a NUL": (GET + b"Transfer-Encoding: \0chunked\r\n\r\n0\r\n\r\n", 400),
    "an empty coding": (GET + b"Transfer-Encoding:\r\n\r\n0\r\n\r\n", 501),
    "a coding in HTTP/1.0": (b"GET /healthz HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
    "a coding with a blank in its name": (GET + b"Transfer Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "an empty length": (GET + b"Content-Length:\r\n\r\n", 400),
    "a length with more": (GET + b"Content-Length: 5 5\r\n\r\nhello", 400),
    "a length with an underscore": (GET + b"Content-Length: 1_0\r\n\r\nhello", 400),
    "a length in another case": (GET + b"Content-Length: 5\r\ncontent-length: 0\r\n\r\nhello", 400),
    "a length in a continued line": (GET + b"Content-Length:\r\n\t5\r\n\r\nhello", 400),
    "a header name with a line break": (GET + b"X\n: y\r\n\r\n", 400),
    "CR CR LF": (b"GET /healthz HTTP/1.1\r\r\n" + HOST + b"\r\n", 400),
    "a tab in the request line": (b"GET\t/healthz HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a blank before the first header": (b"GET /healthz HTTP/1.1\r\n " + HOST + b"\r\n", 400),
    "a backslash": (b"GET \\healthz HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a fragment": (b"GET /healthz#x HTTP/1.1\r\n" + HOST + b"\r\n", None),
    "absolute, of another host": (b"POST http://evil.example/api/agent/drain HTTP/1.1\r\n" + HOST +
                                  b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", None),
    "100 kB of one header": (GET + b"X: " + b"x" * 100000 + b"\r\n\r\n", 431),
    "5,000 headers": (GET + b"".join(b"X%d: y\r\n" % i for i in range(5000)) + b"\r\n", 431),
    "200 small headers": (GET + b"a: \r\n" * 200 + b"\r\n", 431),
    "a long target": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    "a long method": (b"G" * 5000 + b" / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "no method": (b" / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "empty lines without end": (b"\r\n" * 20000, None),
    "authority": (b"CONNECT localhost:443 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "asterisk": (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "asterisk as a path": (b"GET *x HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "absolute, of another scheme": (b"GET ftp://localhost/ HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "absolute, with a user": (b"GET http://a@localhost/ HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "%00": (b"GET /%00 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "%zz": (b"GET /%zz HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "%": (b"GET /% HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "%ff": (b"GET /%ff HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "%0d%0a in a path": (b"GET /%0d%0aX:%20y HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "%2f": (b"GET /api%2fnothing HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "an escaped letter": (b"GET /health%7a HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "an escaped slash": (b"GET /api%2Fagent HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "a slash escaped twice": (b"GET /api%252Fagent HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "an escaped slash in a name": (b"GET /api/services/world%2Fw1 HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "an escaped slash before a verb": (b"POST /api/services/world/w1%2Fdrain HTTP/1.1\r\n" + HOST +
                                       b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", 405),
    "two slashes": (b"GET //api/agent HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "two slashes within": (b"GET /api//agent HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "a backslash": (b"GET /api\\agent HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "dots": (b"GET /api/../../../etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "one of the dots": (b"GET /api/./agent HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "escaped dots": (b"GET /api/services/%2E%2e/agent HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "dots, one escaped": (b"GET /healthz/.%2e/api/agent HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "half a character before an escaped slash": (b"GET /api/services/%C3%2F%A9/x HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "bytes beyond ASCII": ("GET /é HTTP/1.1\r\n".encode() + HOST + b"\r\n", 400),
    "bad escapes in a query": (b"GET /api/services?type=%zz HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "%00 in a query": (b"GET /api/services?type=%00 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "an unknown method": (b"BREW /healthz HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    "a method in small letters": (b"get /healthz HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    "a POST that is not JSON": (b"POST /api/services/a/b/drain HTTP/1.1\r\n" + HOST +
                                b"Content-Type: text/plain\r\nContent-Length: 1\r\n\r\nx", 415),
    "a POST of nonsense": (b"POST /api/services/a/b/drain HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                           b"Content-Type: application/json\r\nContent-Length: 3\r\n\r\n\x00\xff{", None),
    "a body too large": (GET + b"Content-Length: 65537\r\n\r\n", 413),
    "a body of 10 GB that waits to be asked for": (GET + b"Expect: 100-continue\r\nContent-Length: 10000000000\r\n\r\n",
                                                   413),
}
# Unusual but valid.
TOLERATED = {
    "a body on GET": GET + b"Content-Length: 5\r\n\r\nhello",
    "HTTP/1.0": b"GET /healthz HTTP/1.0\r\n\r\n",
    "a later HTTP/1": b"GET /healthz HTTP/1.9\r\n" + HOST + b"\r\n",
    "absolute": b"GET http://localhost/healthz HTTP/1.1\r\n" + HOST + b"\r\n",
    "empty lines first": b"\r\n\r\n" + GET + b"\r\n",
    "Expect": GET + b"Expect: 100-continue\r\n\r\n",
    "an unknown Expect": GET + b"Expect: 200-ok\r\n\r\n",
    "bytes beyond ASCII in a value": GET + b"X: \xff\xfe\r\n\r\n",
    "an Upgrade": GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n\r\n",
}


def answers(text):
    """Status and body of each answer in the text."""
    found = []
    while text:
        head, _, rest = text.partition(b"\r\n\r\n")
        status = int(re.match(rb"HTTP/1\.1 (\d{3}) ", head).group(1))
        if status == 100:
            text = rest
            continue
        size = int(re.search(rb"\r\nContent-Length: (\d+)", head).group(1))
        found.append((status, rest[:size]))
        text = rest[size:]
    return found


class Http(Hostile):
    def replies(self, observer, text, end=True):
        """All answers to it. A last request follows on the same connection."""
        sock = self.dial(observer)
        try:
            sock.sendall(text)
            if end:
                sock.shutdown(socket.SHUT_WR)
        except ConnectionError:
            pass  # it was refused before everything was sent
        try:
            return answers(until_end(sock))
        finally:
            sock.close()

    def test_malformed(self):
        observer = self.started()
        good = Good(self, observer)
        for name, (text, expected) in MALFORMED.items():
            stands = "query" in name or "dots" in name  # the request itself is well-formed
            waits = expected in (400, 411, 413, 414, 431, 501, 505) and not stands  # for input that it does not need
            for end in (True, False) if waits else (True,):
                with self.subTest(name, end=end):
                    got = self.replies(observer, text, end)
                    self.assertLessEqual(len(got), 1, got)
                    for status, body in got:
                        self.assertIn(status, (expected,) if expected else range(400, 500))
                        error = json.loads(body)["error"]
                        self.assertTrue(error["code"] and error["message"])
                    self.assertTrue(got or expected is None)
        for name, text in TOLERATED.items():
            with self.subTest(name):
                self.assertEqual([status for status, _ in self.replies(observer, text)], [200])
        good.check()

    def test_pipelines(self):
        observer = self.started()
        good = Good(self, observer)
        self.assertEqual([status for status, _ in self.replies(observer, (GET + b"\r\n") * 100)], [200] * 100)
        mixed = [status for status, _ in self.replies(observer, (GET + b"\r\n") * 3 + b"nonsense\r\n\r\n" + GET + b"\r\n")]
        self.assertEqual(mixed, [200, 200, 200, 400])
        # What a proxy would take for the body of the first request is not a second request.
        within = GET + b"Content-Length: %d\r\n\r\n" % len(GET + b"\r\n") + GET + b"\r\n"
        self.assertEqual(len(self.replies(observer, within)), 1)
        sock = self.dial(observer)  # sends requests and reads nothing: it has to wait, without using memory
        sock.settimeout(1)
        asked = b"GET /metrics HTTP/1.1\r\n" + HOST + b"\r\n"
        before, sent = self.rss_kb(observer), 0
        try:
            while sent < 64 << 20:
                sent += sock.send(asked * 1000)
        except (TimeoutError, ConnectionError):
            pass
        self.assertLess(sent, 64 << 20)
        self.assert_modest(observer, before, 8 << 10)
        good.check()

    def test_giant_bodies(self):
        observer = self.started()
        good = Good(self, observer)
        before = self.rss_kb(observer)
        head = (b"POST /api/services/a/b/drain HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n")
        for size in (65537, 1 << 20, 1 << 30, 1 << 62, 1 << 64):
            sock, sent = self.dial(observer), 0
            sock.sendall(head % (observer.port, size))
            try:
                while sent < min(size, 64 << 20):
                    sent += sock.send(b"x" * 65536)
            except ConnectionError:
                pass
            self.assertLess(sent, 16 << 20, "it is not read to the end")
            got = answers(until_end(sock))
            sock.close()
            for status, body in got:  # none where the connection was closed because of these bytes
                self.assertEqual((status, json.loads(body)["error"]["code"]), (413, "body_too_large"))
            self.assertTrue(got or sent >= 262144)
        at_most = (head % (observer.port, 65536)) + b"[" * 65536
        self.assertEqual([status for status, _ in self.replies(observer, at_most)], [400])
        self.assert_modest(observer, before, 8 << 10)
        good.check()

    def test_slow_ones_are_cut_off(self):
        """Clients that send slowly, and clients that do not read; an answer that is not read is stored once for all of them."""
        self.put_all((f"{self.prefix}/world/w{i:04}", json.dumps({"id": f"w{i:04}", "type": "world", "status": "ready",
                                                                 "customState": "x" * 2000})) for i in range(2000))
        observer = self.started()
        good = Good(self, observer)
        before = self.rss_kb(observer)
        self.unread(observer, 100, b"/api/services")
        beginnings = {"silent": b"", "a head": b"GET /healthz HTTP/1.1\r\nX: ", "a body": GET + b"Content-Length: 60000\r\n\r\n",
                      "empty lines": b"\r\n"}
        slow = {(name, i): self.dial(observer) for name in beginnings for i in range(20)}
        for (name, _), sock in slow.items():
            sock.sendall(beginnings[name])
            sock.setblocking(False)
        ended = {}

        def drip():
            for key, sock in slow.items():
                if key in ended:
                    continue
                try:
                    if key[0] != "silent":
                        sock.send(b"\r\n" if key[0] == "empty lines" else b"x")
                    while more := sock.recv(65536):
                        ended[key, "received"] = ended.get((key, "received"), b"") + more
                    ended[key] = True
                except BlockingIOError:
                    pass
                except ConnectionError:
                    ended[key] = True
            return all(key in ended for key in slow)
        wait_until(drip, "each of them is cut off")
        self.assertGreaterEqual(self.metrics(observer)['outrider_http_timeouts_total{kind="request"}'], len(slow))
        self.assert_modest(observer, before, 64 << 10)  # 4 MB each would be 400
        self.wait_metric(observer, 'outrider_http_timeouts_total{kind="write"}', 100)
        for key in slow:
            self.assertIn([status for status, _ in answers(ended.get((key, "received"), b""))], ([], [408]), key)
        self.assertEqual(answers(ended[("a head", 0), "received"])[0][0], 408)
        good.check(least=50)


if __name__ == "__main__":
    unittest.main()
