"""A page in an operator's browser: it can send requests to the agent, and may neither change anything nor read."""
import json
import unittest

import clients
from hostile import Hostile

# On every answer: a browser takes no content for another kind, shows it in no frame, gives it to no other page.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
DRAIN = b'{"reason":"forged"}'


class Page(Hostile):
    def setUp(self):
        super().setUp()
        self.victim = self.agent(http={"listen": f"127.0.0.1:{self.free_port()}"})
        self.victim.port = int(self.victim.config["http"]["listen"].split(":")[1])
        self.victim.start()
        self.own = f"http://127.0.0.1:{self.victim.port}"

    def send(self, method, path, headers, body=b""):
        """Status, headers and body of a request with exactly these headers."""
        sock = self.dial(self.victim)
        lines = [f"{method} {path} HTTP/1.1", f"Content-Length: {len(body)}", "Connection: close", *headers]
        if not any(line.lower().startswith("host:") for line in headers):
            lines.append(f"Host: 127.0.0.1:{self.victim.port}")
        sock.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
        head, _, rest = clients.until_end(sock).partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        return int(lines[0].split()[1]), [line.partition(": ")[::2] for line in lines[1:]], rest

    def assert_no_hold(self, what):
        self.assertEqual(self.document(self.victim, "/api/agent")["holds"], [], what)

    def test_what_a_form_or_a_script_can_send(self):
        json_type = "Content-Type: application/json"
        foreign = "Origin: https://evil.example"
        attempts = {
            "a form": (["Content-Type: application/x-www-form-urlencoded"], 415),
            "a form as text": (["Content-Type: text/plain"], 415),
            "a form with a file": (["Content-Type: multipart/form-data; boundary=x"], 415),
            "no type": ([], 415),
            "an empty type": (["Content-Type:"], 415),
            "JSON as a parameter": (["Content-Type: text/plain; application/json"], 415),
            "JSON as a second type": (["Content-Type: text/plain, application/json"], 415),
            "JSON in a second header": (["Content-Type: text/plain", json_type], 400),
            "almost JSON": (["Content-Type: application/jsonx"], 415),
            "JSON of a kind": (["Content-Type: application/problem+json"], 415),
            "another origin": ([json_type, foreign], 403),
            "the origin of a file": ([json_type, "Origin: null"], 403),
            "an empty origin": ([json_type, "Origin:"], 403),
            "another port": ([json_type, "Origin: http://127.0.0.1:1"], 403),
            "our address as a part": ([json_type, f"Origin: {self.own}.evil.example"], 403),
            "our address as a user": ([json_type, f"Origin: {self.own}@evil.example"], 403),
            "two origins": ([json_type, f"Origin: {self.own}", foreign], 400),
            "two origins, ours last": ([json_type, foreign, f"Origin: {self.own}"], 400),
            "a name that points here": ([json_type, "Host: evil.example"], 403),
            "the same with its own origin": ([json_type, "Host: evil.example", "Origin: http://evil.example"], 403),
            "localhost as a part": ([json_type, "Host: localhost.evil.example"], 403),
            "a proxy's word": ([json_type, "Host: evil.example", "X-Forwarded-Host: localhost", "Forwarded: host=localhost",
                                "X-Original-Host: localhost"], 403),
        }
        for name, (headers, status) in attempts.items():
            for path in ("/api/agent/drain", "/api/services/world/w1/drain", "/service-discovery/services/w1/disable",
                         "/api/allocate/world", "/api/reservations/world/w1/p-7/extend"):
                with self.subTest(name, path=path):
                    got, _, body = self.send("POST", path, headers, DRAIN)
                    self.assertEqual(got, status, body)
        # No form sends DELETE, so that it needs no type; a script of another origin or under another name is refused.
        for headers in ([foreign], ["Host: evil.example"], ["Origin: null"]):
            got, _, body = self.send("DELETE", "/api/reservations/world/w1/p-7", headers, b"")
            self.assertEqual(got, 403, body)
        self.assert_no_hold("a page drained the server")
        self.assertIsNone(self.etcd.get(f"/outrider{self.prefix}/control/world/w1"))
        got, _, _ = self.send("POST", "/api/agent/drain", [json_type, f"Origin: {self.own}"], b"{}")
        self.assertEqual(got, 200, "a page of our own may")

    def test_other_methods(self):
        headers = ["Content-Type: application/json"]
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "GET", "HEAD", "post", "POST/", "LOCK"):
            got, answered, body = self.send(method, "/api/agent/drain", headers, DRAIN)
            self.assertIn(got, (400, 405), method)
            self.assertNotIn(b"application/json\r\n", body, "a request is not sent back")
            self.assertFalse([name for name, _ in answered if name.lower().startswith("access-control")], method)
        for header in ("X-HTTP-Method-Override: POST", "X-Method-Override: POST", "X-HTTP-Method: POST"):
            got, _, _ = self.send("GET", "/api/agent/drain?_method=POST", [*headers, header])
            self.assertIn(got, (400, 405), header)
        for header in ("X-Original-URL: /api/agent/drain", "X-Rewrite-URL: /api/agent/drain"):
            got, _, _ = self.send("POST", "/api/agent", [*headers, header], DRAIN)
            self.assertEqual(got, 405, header)
        self.assert_no_hold("another method drained the server")

    def test_nothing_is_given_to_another_origin(self):
        """No CORS header, no cookie, and on every answer the headers that keep it from other pages."""
        foreign = ["Origin: https://evil.example"]
        asks = [("GET", path, foreign) for path in (
            "/api/agent", "/api/services", "/api/services/world/w1", "/metrics", "/healthz", "/readyz", "/nothing", "/api/services?x=1",
            "/api/services?callback=f", "/service-discovery/status", "/service-discovery/topology", "/%00", "/%zz")]
        asks += [("OPTIONS", path, [*foreign, "Access-Control-Request-Method: POST", "Access-Control-Request-Private-Network: true",
                                    "Access-Control-Request-Headers: content-type"]) for path in ("/api/agent", "/api/agent/drain")]
        asks += [("POST", "/api/agent/drain", [*foreign, "Content-Type: application/json"]), ("BREW", "/healthz", []),
                 ("GET", "/healthz", ["Host: a", "Host: b"]), ("GET", "/healthz", ["X: " + "x" * 20000]),
                 ("GET", "/healthz", ["Transfer-Encoding: chunked"])]
        for method, path, headers in asks:
            with self.subTest(path, method=method):
                status, answered, body = self.send(method, path, headers)
                self.assert_is_kept(answered)
                if path.startswith("/api/services?callback"):
                    self.assertEqual((status, json.loads(body)["error"]["code"]), (400, "bad_parameter"))
        stream = self.connect(self.victim)
        stream.request("GET", "/api/subscribe", headers={"Origin": "https://evil.example"})
        self.assert_is_kept(stream.getresponse().getheaders())

    def assert_is_kept(self, answered):
        names = [name.lower() for name, _ in answered]
        self.assertFalse([name for name in names if name.startswith("access-control") or name in ("set-cookie", "location", "server")])
        self.assertEqual(len(names), len(set(names)), names)
        for name, value in HEADERS.items():
            self.assertEqual(dict(answered).get(name), value, name)
        self.assertIn(dict(answered)["Content-Type"].split(";")[0], ("application/json", "text/event-stream", "text/plain"))

    def test_an_answer_cannot_be_split(self):
        """What a request says comes back in no header."""
        for path in ("/%0d%0aSet-Cookie:%20a=b", "/api/services/a%0d%0aX-Injected:%20b/c", "/api/services?type=%0d%0aX-Injected:b",
                     "/api/services?%0d%0aX-Injected:b=1", "/service-discovery/services/%0aX-Injected:b/health",
                     "/api/subscribe?lastEventId=%0d%0aX-Injected:b"):
            for headers in ([], ["Host: localhost", "If-None-Match: \"x\x7f\xff\""]):
                sock = self.dial(self.victim)
                lines = [f"HEAD {path} HTTP/1.1", "Connection: close", *(headers or ["Host: localhost"])]
                sock.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")
                sock.settimeout(1)
                text = b""
                try:
                    while b"\r\n\r\n" not in text and (more := sock.recv(65536)):
                        text += more
                except TimeoutError:
                    pass
                head = text.partition(b"\r\n\r\n")[0].lower()
                self.assertNotIn(b"\nx-injected", head, path)
                self.assertNotIn(b"\nset-cookie", head, path)
                self.assertNotIn(b"\n", head.replace(b"\r\n", b""), path)


if __name__ == "__main__":
    unittest.main()
