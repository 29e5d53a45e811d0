"""One who has a name, and wants to do more than its role lets it; one who has none, with forged and old cookies; and a page in the browser of
an operator who is signed in."""
import base64
import hashlib
import hmac
import http.client
import json
import pathlib
import re
import subprocess
import time
from urllib.parse import quote

from harness import BINARY, environment, wait_until
from hostile import Hostile
from registry import with_etcd

ROLES = ("none", "viewer", "service", "operator", "admin")
ROUTES = pathlib.Path(__file__).resolve().parents[2] / "agent/api/routes.c"
JSON = {"Content-Type": "application/json"}
HOUR_MS = 3600 * 1000


def routes():
    """(method, path, the role it takes, what is judged before), as the agent has them."""
    rows = re.findall(r'\{ROUTE_(\w+),\s*"([^"]+)",\s*ACCESS_(\w+),\s*(\w+),', ROUTES.read_text())
    assert len(rows) == len(re.findall(r"\{ROUTE_\w+,", ROUTES.read_text())) > 30, "each row is understood"
    return [(method, re.sub(r"\{\w+\}", "x1", path), role.lower(), checks) for method, path, role, checks in rows]


def token(name):
    return f"the-token-of-{name}"


def line(name, role, secret=None):
    return f"{name} {role} sha256:{hashlib.sha256((secret or token(name)).encode()).hexdigest()}\n"


class Place:
    """One of the ports of an agent."""

    def __init__(self, port):
        self.port = port


def holds(document, text):
    """Whether a value of the document, or a name in it, has the text as it is."""
    if isinstance(document, dict):
        return any(text in name or holds(value, text) for name, value in document.items())
    if isinstance(document, list):
        return any(holds(each, text) for each in document)
    return isinstance(document, str) and text in document


class Access(Hostile):
    def setUp(self):
        super().setUp()
        self.file, self.key_file = self.dir / "access", self.dir / "session.key"
        self.names({role: role for role in ROLES[1:]})
        self.target = self.observer(http=self.http_of()).start()
        self.put("x1", "x1")
        wait_until(lambda: self.as_name("admin", "GET", "/api/services/x1/x1")[0] == 200, "the fleet is known")

    def http_of(self):
        return {"access_file": str(self.file), "session_key_file": str(self.key_file), "keys": "own"}

    def names(self, roles):
        fresh = self.dir / "access.new"
        fresh.write_text("".join(line(name, role) for name, role in roles.items()))
        fresh.rename(self.file)

    def ask(self, method, path, headers=None, body=None, target=None):
        """Status, the code of an error, headers and document. A stream is not read."""
        connection = http.client.HTTPConnection("127.0.0.1", (target or self.target).port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            is_json = answer.headers["Content-Type"] == "application/json" and method != "HEAD"
            document = json.loads(answer.read()) if is_json else {}
            code = document.get("error", {}).get("code") if isinstance(document, dict) else None
            return answer.status, code, answer.headers, document
        finally:
            connection.close()

    def as_name(self, name, method, path, body=None, **headers):
        return self.ask(method, path, {"Authorization": f"Bearer {token(name)}", **headers}, body)

    def sign_in(self, name, target=None):
        """The cookie of a new session, NAME=VALUE."""
        status, _, headers, document = self.ask("POST", "/api/session", JSON, json.dumps({"token": token(name)}), target)
        self.assertEqual((status, document["name"]), (200, name))
        return headers["Set-Cookie"].split(";")[0]

    def page(self, cookie, **more):
        """The headers of a page of the agent's own."""
        return {**JSON, "Cookie": cookie, "X-Outrider": "1", "Origin": f"http://127.0.0.1:{self.target.port}", **more}

    def me(self, cookie, target=None):
        return self.ask("GET", "/api/me", {"Cookie": cookie}, target=target)[3]["name"]

    def forge(self, name, issued_ms, expires_ms, secret=None, key=None, cookie=None, mac=None):
        """A cookie as one makes it who has the key."""
        cookie = cookie or f"outrider-{self.target.port}"
        digest = hashlib.sha256((secret or token(name)).encode()).hexdigest()[:16]
        text = f"1.{name.encode().hex()}.{issued_ms}.{expires_ms}.{digest}"
        mac = mac or hmac.new(self.key_file.read_bytes() if key is None else key, f"{cookie}={text}".encode(), hashlib.sha256).hexdigest()
        return f"{cookie}={text}.{mac}"

    def control_key(self):
        return self.etcd.get(f"/outrider{self.prefix}/control/x1/x1")

    def test_no_role_does_more_than_its_own(self):
        cookies = {role: self.sign_in(role) for role in ROLES[1:]}
        tried = 0
        for method, path, takes, checks in routes():
            body = None if method == "GET" else "{}"
            if path == "/api/session":
                continue
            for role in ROLES:
                ways = [{}] if role == "none" else [{"Authorization": f"Bearer {token(role)}"}, self.page(cookies[role])]
                for headers in ways:
                    for sent in (method, "HEAD") if method == "GET" else (method,):
                        with self.subTest(path, method=sent, role=role, by=",".join(headers)):
                            status, code, _, _ = self.ask(sent, path, {**JSON, **headers}, body)
                            tried += 1
                            if ROLES.index(role) >= ROLES.index(takes):
                                self.assertNotIn(status, (401, 403))
                            elif sent == "HEAD":
                                self.assertEqual(status, 401 if role == "none" else 403)
                            else:
                                self.assertEqual((status, code), (401, "unauthorized") if role == "none" else (403, "role"))
            # What a request says of itself is no role.
            if takes not in ("none", "viewer"):
                for header in ({"X-Forwarded-User": "admin"}, {"X-Remote-User": "admin"}, {"X-Outrider-Role": "admin"},
                               {"Authorization": "Bearer admin"}, {"Authorization": f"Basic {token('admin')}"}, {"Cookie": "role=admin"}):
                    self.assertEqual(self.ask(method, path, {**JSON, **header}, body)[0], 401, (path, header))
        print(f"    {tried} requests, {len(routes())} routes, 5 roles, by token and by cookie")

    def test_a_cookie_that_was_not_given(self):
        now = int(time.time() * 1000)
        good = self.sign_in("viewer")
        self.assertEqual(self.me(good), "viewer")
        name, value = good.split("=")
        parts = value.split(".")
        self.assertEqual(self.me(self.forge("viewer", now, now + HOUR_MS)), "viewer", "who has the key can make one")
        other = self.observer("p", http=self.http_of()).start()  # the same names and the same key
        of_other = self.sign_in("admin", other)
        self.assertEqual(self.me(of_other, other), "admin")
        changed = lambda i, text: f"{name}=" + ".".join(parts[:i] + [text] + parts[i + 1:])
        forged = {
            "another name": changed(1, b"admin".hex()),
            "a later expiry": changed(3, str(now + 48 * HOUR_MS)),
            "an earlier sign-in": changed(2, str(now - HOUR_MS)),
            "another token": changed(4, hashlib.sha256(token("admin").encode()).hexdigest()[:16]),
            "no MAC": changed(5, ""), "a MAC of zeros": changed(5, "0" * 64), "a short MAC": changed(5, parts[5][:32]),
            "a MAC in upper case": changed(5, parts[5].upper()) if parts[5].upper() != parts[5] else f"{name}=x",
            "another version": changed(0, "2"),
            "another key": self.forge("admin", now, now + HOUR_MS, key=b"0" * 64),
            "an empty key": self.forge("admin", now, now + HOUR_MS, key=b""),
            "the cookie of another listener": of_other,
            "the same, renamed": f"{name}={of_other.split('=')[1]}",
            "one that has expired": self.forge("admin", now - 13 * HOUR_MS, now - HOUR_MS),
            "one older than a week": self.forge("admin", now - 169 * HOUR_MS, now + HOUR_MS),
            "a name that is not there": self.forge("stranger", now, now + HOUR_MS),
            "a token of before": self.forge("admin", now, now + HOUR_MS, secret="the old one"),
            "a name of the agent": self.forge("token", now, now + HOUR_MS),
            "nothing": f"{name}=", "a giant": f"{name}=" + "1." + "61" * 2000, "in quotes": f'{name}="{value}"',
        }
        for what, cookie in forged.items():
            with self.subTest(what):
                self.assertIsNone(self.me(cookie))
                self.assertEqual(self.ask("GET", "/api/services", {"Cookie": cookie})[:2], (401, "unauthorized"))
                self.assertEqual(self.ask("POST", "/api/services/x1/x1/drain", self.page(cookie), "{}")[:2], (401, "unauthorized"))
        # One that a neighbour sets beside it ends no session.
        self.assertEqual(self.me(f"{name}=forged; {good}; {name}=forged"), "viewer")
        self.assertIsNone(self.control_key())

    def test_a_cookie_at_another_listener(self):
        """Two places of one agent: a session of the one is none at the other, as it is sent and with the name that counts there."""
        first, second = with_etcd.free_ports(2)
        both = self.observer("q", http={**self.http_of(), "listen": [f"127.0.0.1:{first}", f"127.0.0.1:{second}"]}).start()
        at = {port: Place(port) for port in (first, second)}
        cookies = {port: self.sign_in("admin", at[port]) for port in at}
        for port, other in ((first, second), (second, first)):
            name, value = cookies[port].split("=")
            self.assertEqual((name, self.me(cookies[port], at[port])), (f"outrider-{port}", "admin"))
            for carried in (cookies[port], f"outrider-{other}={value}", f"{cookies[port]}; outrider-{other}={value}"):
                self.assertIsNone(self.me(carried, at[other]))
                page = self.page(carried, Origin=f"http://127.0.0.1:{other}")
                status, code, _, _ = self.ask("POST", "/api/services/x1/x1/drain", page, "{}", at[other])
                self.assertEqual((status, code), (401, "unauthorized"))
        self.assertIsNone(self.control_key())
        self.assertEqual(both.stop(), 0)

    def test_markup_that_is_kept(self):
        """What records, holds, keys and the audit keep comes back as text of a document that no browser takes for a page."""
        markup = "</script><img src=x onerror=alert(1)><svg/onload=alert(2)>'\"&lt;{{7*7}}"
        self.put("x1", "m1", "error", reason=markup, labels={"note": markup}, customState=markup)
        key = f"/outrider{self.prefix}/control/x1/{markup}"
        self.etcd.put(key, markup)
        wait_until(lambda: self.as_name("admin", "GET", "/api/services/x1/m1")[0] == 200, "the record is known")
        self.assertEqual(self.as_name("admin", "POST", "/api/services/x1/m1/drain", json.dumps({"reason": markup}), **JSON)[0], 200)
        ident = base64.urlsafe_b64encode(key.encode()).rstrip(b"=").decode()
        paths = ("/api/services/x1/m1", "/api/services", "/api/services/x1/m1/history", "/api/activity", f"/api/keys/{ident}",
                 "/api/keys?prefix=" + quote(f"/outrider{self.prefix}/control/"), "/api/audit")
        for path in (*paths, "/api/services/x1/" + quote(markup), "/api/keys/" + quote(markup), "/api/services?zone=" + quote(markup)):
            with self.subTest(path):
                status, _, headers, document = self.as_name("admin", "GET", path)
                self.assertEqual(headers["Content-Type"], "application/json")
                self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
                self.assertNotIn("alert", "".join(f"{name}: {value}" for name, value in headers.items()))
                if path in paths:
                    self.assertEqual(status, 200, document)
                    self.assertTrue(holds(document, markup), document)
        status, _, headers, _ = self.as_name("admin", "GET", "/api/audit?format=csv")
        self.assertEqual((status, headers["X-Content-Type-Options"]), (200, "nosniff"))
        self.assertTrue(headers["Content-Type"].startswith("text/csv"), headers["Content-Type"])

    def test_a_session_that_is_over(self):
        cookie = self.sign_in("operator")
        self.assertEqual(self.ask("DELETE", "/api/session", {"Cookie": cookie})[:2], (403, "cross_site"))
        self.assertEqual(self.me(cookie), "operator")
        status, _, headers, _ = self.ask("DELETE", "/api/session", self.page(cookie))
        self.assertEqual((status, headers["Set-Cookie"].split(";")[:3]), (200, [f"outrider-{self.target.port}=", " Path=/", " Max-Age=0"]))
        self.assertIsNone(self.me(cookie), "a copy that is sent after signing out")
        cookie = self.sign_in("operator")
        self.assertEqual(self.me(cookie), "operator")
        # A role, a token, a name: each counts from the next request on.
        drain = ("POST", "/api/services/x1/x1/drain", self.page(cookie), "{}")
        self.names({"operator": "viewer", "admin": "admin"})
        self.assertEqual(self.ask(*drain)[:2], (403, "role"))
        self.assertEqual(self.me(cookie), "operator")
        self.file.write_text(line("operator", "operator", "another token") + line("admin", "admin"))
        self.assertIsNone(self.me(cookie))
        self.assertEqual(self.as_name("operator", "GET", "/api/services")[0], 401)
        self.names({"operator": "operator", "admin": "admin"})
        self.assertEqual(self.me(cookie), "operator")
        streams = [self.stream({"Cookie": cookie}), self.stream({"Authorization": f"Bearer {token('operator')}"})]
        staying = self.stream({"Authorization": f"Bearer {token('admin')}"})
        self.names({"admin": "admin"})
        self.assertEqual(self.ask(*drain)[:2], (401, "unauthorized"))
        for answer in streams:
            while answer.read1(65536):  # ends, or the connection's timeout fails the test
                pass
        self.put("x", "after")
        seen = b""
        while b'"after"' not in seen:
            more = staying.read1(65536)
            self.assertTrue(more, "the stream of a name that is still there goes on")
            seen += more
        # A new key ends all of them.
        cookie = self.sign_in("admin")
        self.key_file.write_text("1" * 64)
        self.assertIsNone(self.me(cookie))
        self.assertIsNone(self.control_key())

    def stream(self, headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.target.port, timeout=30)
        self.addCleanup(connection.close)
        connection.request("GET", "/api/subscribe", headers=headers)
        answer = connection.getresponse()
        self.assertEqual(answer.status, 200)
        return answer

    def test_a_page_beside_the_session(self):
        """The browser of an operator who is signed in sends the cookie along, whatever page asks for it: SameSite is not relied on."""
        cookie, own = self.sign_in("operator"), f"http://127.0.0.1:{self.target.port}"
        plain = {**JSON, "Cookie": cookie}
        attempts = {
            "a form": {"Cookie": cookie, "Content-Type": "text/plain", "Origin": own},
            "a form of ours": {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded", "Origin": own},
            "nothing that tells": plain,
            "the header alone": {**plain, "X-Outrider": "1"},
            "the origin alone": {**plain, "Origin": own},
            "another value": {**plain, "Origin": own, "X-Outrider": "true"},
            "another origin": {**plain, "Origin": "https://evil.example", "X-Outrider": "1"},
            "no origin": {**plain, "Origin": "null", "X-Outrider": "1", "Sec-Fetch-Site": "same-origin"},
            "another port of this host": {**plain, "Origin": "http://127.0.0.1:1", "X-Outrider": "1", "Sec-Fetch-Site": "same-site"},
            "another site": {**plain, "X-Outrider": "1", "Sec-Fetch-Site": "cross-site"},
            "another site with our origin": {**plain, "Origin": own, "X-Outrider": "1", "Sec-Fetch-Site": "cross-site"},
            "the same site": {**plain, "X-Outrider": "1", "Sec-Fetch-Site": "same-site"},
            "a link": {**plain, "X-Outrider": "1", "Sec-Fetch-Site": "none"},
            "a name that points here": {**plain, "Host": "evil.example", "Origin": "http://evil.example", "X-Outrider": "1",
                                        "Sec-Fetch-Site": "same-origin"},
        }
        changes = [(method, path) for method, path, takes, _ in routes() if method != "GET" and takes in ("service", "operator")]
        for what, headers in attempts.items():
            for method, path in changes:
                body = "{}" if method != "DELETE" else None
                if body is None and "Origin" not in headers and "Content-Type" not in headers:
                    continue
                with self.subTest(what, method=method, path=path):
                    status, code, answered, _ = self.ask(method, path, headers, body)
                    self.assertIn((status, code), ((415, "content_type"), (403, "cross_site"), (403, "foreign_origin"), (403, "foreign_host")))
                    self.assertFalse([name for name in answered if name.lower().startswith("access-control")])
        # What a browser asks before it sends such headers for another page: it gets no leave.
        for path in ("/api/services/x1/x1/drain", "/api/session", "/api/me"):
            status, _, answered, _ = self.ask("OPTIONS", path, {
                "Origin": "https://evil.example", "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "content-type, x-outrider", "Access-Control-Request-Private-Network": "true"})
            self.assertEqual(status, 405, path)
            self.assertFalse([name for name in answered if name.lower().startswith("access-control")])
        # Nor does another page sign in or out.
        for headers in ({**JSON, "Origin": "https://evil.example"}, {"Content-Type": "text/plain"}, {**JSON, "Host": "evil.example"}):
            self.assertIn(self.ask("POST", "/api/session", headers, json.dumps({"token": token("viewer")}))[0], (403, 415))
        self.assertIsNone(self.control_key())
        self.assertEqual(self.ask("POST", "/api/services/x1/x1/drain", self.page(cookie), '{"reason":"ours"}')[0], 200)
        self.assertIn('"by":"operator"', self.control_key().value.replace(" ", ""))

    def test_a_name_that_points_here(self):
        """DNS rebinding: the page of another name, for which the browser has no cookie of ours, and if it had."""
        cookie = self.sign_in("admin")
        for method, path, _, checks in routes():
            if checks == "ANYONE":
                continue
            for headers in ({}, {"Cookie": cookie}, {"Authorization": f"Bearer {token('admin')}"}):
                sent = {**JSON, **headers, "Host": "evil.example", "Origin": "http://evil.example", "X-Outrider": "1",
                        "Sec-Fetch-Site": "same-origin"}
                status, code, _, _ = self.ask(method, path, sent, None if method == "GET" else "{}")
                if checks == "MONITOR" and "Authorization" in headers:
                    self.assertEqual(status, 200, "a monitor with a token may use any name, and no page has one")
                else:
                    self.assertEqual((status, code), (403, "foreign_host"), (method, path))

    def test_names_that_would_be_headers(self):
        for name in ("a\r\nSet-Cookie: b=c", "a\nb", "a;b", "a=b", 'a"b', "a,b", "a:b", "a/b", "a%0d%0ab", "\u202eab", "a\x7f", "token", "a" * 65, ""):
            made = subprocess.run([BINARY, "token", "add", name, "admin"], env=environment(), capture_output=True, text=True, check=False)
            self.assertEqual((made.returncode, made.stdout), (64, ""), name)
        self.file.write_bytes(b"a\rSet-Cookie:b=c admin\n")
        self.assertIn("access: line 1: a name has letters", self.target.run("check").stderr)
        self.assertEqual(self.as_name("admin", "GET", "/api/services")[0], 200, "a file with a mistake leaves the names")
        self.target.logged("the access file cannot be read, so that the names of before go on")
        self.names({"올가": "operator"})
        status, _, headers, document = self.ask("POST", "/api/session", JSON, json.dumps({"token": token("올가")}))
        self.assertEqual((status, document["name"]), (200, "올가"))
        self.assertTrue(headers["Set-Cookie"].isascii())
        for sent in ("x\r\nX-Injected: y", "\x00", "올가", "x" * 60000):
            status, code, headers, _ = self.ask("POST", "/api/session", JSON, json.dumps({"token": sent}))
            self.assertIn((status, code), ((401, "unauthorized"), (400, "bad_body")))
            self.assertNotIn("X-Injected", headers)
            self.assertNotIn("Set-Cookie", headers)
        for body in ("", "[]", "{", '{"token":1}', '{"token":""}', '{"token":null}', '{"token":"a","name":"admin"}', '{"name":"admin"}'):
            self.assertEqual(self.ask("POST", "/api/session", JSON, body)[:2], (400, "bad_body"), body)

    def test_a_crowd_that_guesses(self):
        """Each answer is late, no right token is refused, and neither memory nor the work that waits for others is taken."""
        before = self.rss_kb(self.target)
        sockets = [self.dial(self.target) for _ in range(150)]
        for number, sock in enumerate(sockets):
            sock.sendall(b"GET /api/agent HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer guess-%d\r\n\r\n" % number)
        for _ in range(20):
            self.assertEqual(self.as_name("admin", "GET", "/api/services")[0], 200)
        self.assertEqual(self.as_name("operator", "POST", "/api/services/x1/x1/drain", "{}", **JSON)[0], 200)
        self.assertTrue(sockets[0].recv(64).startswith(b"HTTP/1.1 401 "))
        self.target.logged("sign-in failed: the token is none of this agent")
        bearer = f"Bearer {token('viewer')}"
        wait_until(lambda: b"\noutrider_sign_in_failures_total 150\n" in self.get(self.target, "/metrics", Authorization=bearer)[2],
                   "each failure is counted")
        self.assertLessEqual(self.target.log().count("sign-in failed"), 3, "lines that a guesser can cause")
        self.assertNotIn("guess-", self.target.log(), "what was tried may be half of a token")
        self.assert_modest(self.target, before, 4 << 10)
