"""A registry that lies: endless, giant, slow, compressed or redirected answers, and wrong ones. The agent stays alive and small,
sends its secrets nowhere else, logs lines that are clean and few, and goes on when the registry answers again."""
import collections
import gzip
import json
import re
import threading
import unittest

from harness import wait_until
from hostile import Hostile, binary
from measure import Held, processor_s, run_measured
from mitm import Endless, Mitm, answer
from users import PASSWORD, AuthCase

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
BOMB = gzip.compress(b"[" * (64 << 20), 9)
DEEP = b'{"header":' + b'{"a":' * 100000 + b"1" + b"}" * 100001
HEADER = {"cluster_id": "7", "member_id": "1", "revision": "5", "raft_term": "2"}

# What is answered to every request. None of it is an answer of etcd.
NONSENSE = {
    "endless head": Endless(b"HTTP/1.1 200 OK\r\n", b"X: " + b"x" * 1000 + b"\r\n"),
    "endless interim answers": Endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "endless body": Endless(HEAD + b"\r\n", b" " * 65536),
    "endless chunks": Endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b" " * 65536 + b"\r\n"),
    "endless small chunks": Endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n" * 1000),
    "endless trailers": Endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n" * 100),
    "endless status line": Endless(b"HTTP/1.1 200 ", b"x" * 65536),
    "8 EB": Endless(HEAD + b"Content-Length: 9223372036854775807\r\n\r\n", b" " * 65536),
    "a length beyond every number": HEAD + b"Content-Length: " + b"9" * 100 + b"\r\n\r\n{}",
    "a negative length": HEAD + b"Content-Length: -5\r\n\r\n{}",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 100\r\n\r\n{}",
    "a head, byte by byte": Endless(b"HTTP/1.1 200 OK\r\nX: ", b"x", 0.02),
    "a body, byte by byte": Endless(HEAD + b"\r\n", b" ", 0.02),
    "nothing": b"",
    "not HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "HTTP/0.9": b"{}",
    "HTTP/2 at once": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(100),
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + bytes(100),
    "NUL in a header": HEAD + b"X: a\0b\r\nContent-Length: 2\r\n\r\n{}",
    "a compressed bomb": answer(BOMB, "200 OK", "Content-Encoding: gzip"),
    "a bomb as transfer coding": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n%x\r\n" % len(BOMB) + BOMB + b"\r\n0\r\n\r\n",
    "twenty codings": answer(b"{}", "200 OK", "Content-Encoding: " + ", ".join(["gzip"] * 20)),
    "deep objects": answer(DEEP),
    "deep arrays": answer(b"[" * 1000000),
    "a million values": answer(b'{"x":[' + b"1," * 1000000 + b"1]}"),
    "a million members": answer(b"{" + b",".join(b'"%d":1' % i for i in range(1000000)) + b"}"),
    "one name a million times": answer(b"{" + b'"header":{},' * 1000000 + b'"header":{}}'),
    "a number": answer(b"17"),
    "an array": answer(b"[]"),
    "null": answer(b"null"),
    "an empty object": answer(b"{}"),
    "no UTF-8": answer(b'{"header":"\xff\xfe"}'),
    "numbers too large": answer({"header": {**HEADER, "revision": "9" * 30, "cluster_id": "9" * 30}}),
    "1e999": answer(b'{"header":{"revision":1e999,"cluster_id":1e999}}'),
    "a header of a wrong kind": answer({"header": [1, 2, 3], "kvs": "x", "succeeded": {}}),
    "members of wrong kinds": answer({"header": HEADER, "kvs": 5, "responses": 5, "result": 5, "ID": [], "TTL": {}, "events": 5}),
    "an error with everything in it": answer(
        {"error": "x\r\nlevel=error msg=\"forged\"\x1b[2J\x1b]0;owned\x07\u2028\u202e" + "y" * 100000, "code": 14,
         "message": "z\r\nlevel=error msg=\"forged\"" * 1000}, "503 Service Unavailable\x1b[31m"),
    "an error of a wrong kind": answer({"error": {"a": []}, "code": "x", "message": 5}, "500 No"),
    "a page of a proxy": answer(b"<html>" + b"x" * 1000000 + b"</html>", "502 Bad Gateway"),
    "status 999": answer(b"{}", "999 x"),
    "status 0": answer(b"{}", "000 x"),
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n" + b"x" * 1000,
}


class Lies(Hostile):
    """Every request of a sidecar and of an observer gets the same nonsense, one kind after the other."""

    def registry(self, mitm, **more):
        return {"endpoints": [mitm.url], "ttl": "2s", "heartbeat": "300ms", "request_timeout": "200ms", **more}

    def assert_log_is_clean(self, agent):
        log = agent.log_path.read_bytes()
        self.assertEqual(re.findall(rb"[\x00-\x09\x0b-\x1f\x7f]", log), [])
        for line in log.decode().splitlines():
            self.assertRegex(line, r"^ts=\S+ level=\w+ module=\w+ msg=")
            self.assertLessEqual(len(line.encode()), 4096)
        self.assertNotIn('\nlevel=error msg="forged"', log.decode())

    def test_commands(self):
        """`outrider kv get` fails with a clean text, in bounded time and memory."""
        mitm = Mitm(self, self.etcd)
        agent = self.agent(registry=self.registry(mitm))
        agent.write()
        worst = ("", 0)
        for name, rule in NONSENSE.items():
            with self.subTest(name):
                mitm.set(every=rule)
                status, output, most = run_measured("kv", "get", "x", OUTRIDER_CONFIG=agent.path)
                worst = max(worst, (name, most), key=lambda each: each[1])
                self.assertIn(status, (1, 75), output[-3000:])
                self.assertEqual(re.findall(rb"[\x00-\x09\x0b-\x1f\x7f]", output), [])
                self.assertLess(len(output), 4096)
        print(f"\nheld | {len(NONSENSE)} kinds of nonsense for a command | - | {worst[1] / 1024:.1f} MB ({worst[0]}) | - | -")
        if not self.is_sanitized_binary():
            self.assertLess(worst[1], 96 << 10)

    def test_every_answer_is_nonsense(self):
        """Four agents get one kind after the other."""
        mitm = Mitm(self, self.etcd)
        agents = [self.agent(f"a{i}", server={"id": f"w{i}"}, registry=self.registry(mitm)).start() for i in range(4)]
        for agent in agents:
            agent.is_published()
        kinds, served, lock = list(NONSENSE), collections.Counter(), threading.Lock()

        def nonsense(_request, _ask):
            with lock:
                name = kinds[served.total() % len(kinds)]
                served[name] += 1
            return NONSENSE[name]

        began = processor_s(agents[0].pid)
        with Held(f"{len(kinds)} kinds of nonsense from the registry", agents[0]) as held:
            mitm.set(every=nonsense)
            wait_until(lambda: len(served) == len(kinds) or any(agent.process.poll() is not None for agent in agents),
                       "each kind was an answer", deadline=60)
            for agent in agents:
                self.assertIsNone(agent.process.poll(), agent.log()[-3000:])
                self.assertEqual(self.get(agent, "/healthz")[0], 200)
            mitm.set()
            for agent in agents:
                agent.is_published()
        print(f"    {processor_s(agents[0].pid) - began:.1f} s of processor time, {served.total()} requests")
        held.assert_modest(self, 64 << 10, 24 << 10)
        for agent in agents:
            self.assert_log_is_clean(agent)
            self.assertLess(agent.log().count("\n"), 40 + 4 * served.total())
            status = agent.run("status").stdout
            self.assertEqual(re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f]", status), [])
            self.assertEqual(agent.stop(), 0)

    def test_the_watch_is_nonsense(self):
        """An observer whose watch lies: it lists again, waits longer each time, and never grows."""
        self.put("world", "w1")
        mitm = Mitm(self, self.etcd)
        observer = self.started(registry=self.registry(mitm))
        created = json.dumps({"result": {"header": HEADER, "watch_id": "1", "created": True}}).encode() + b"\n"

        def chunked(*lines):
            return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(b"%x\r\n%s\r\n" % (len(line), line) for line in lines)

        def event(key, revision=6, **more):
            kv = {"key": binary(key), "mod_revision": str(revision), "value": binary("{}"), **more}
            return json.dumps({"result": {"header": {**HEADER, "revision": str(revision)}, "watch_id": "1",
                                          "events": [{"kv": kv}]}}).encode() + b"\n"

        lines = {
            "an endless line": Endless(HEAD + b"\r\n", b" " * 65536),
            "an endless line after it was created": Endless(HEAD + b"\r\n" + created, b'{"result":{"events":[' + b"5," * 30000),
            "endless empty lines": Endless(HEAD + b"\r\n" + created, b"\n" * 65536),
            "endless progress": Endless(HEAD + b"\r\n" + created, created.replace(b'"created": true', b'"x": 1') * 100),
            "created again and again": Endless(HEAD + b"\r\n", created * 100),
            "it ends at once": chunked(created),
            "cancelled at once": chunked(created, json.dumps({"result": {"header": HEADER, "watch_id": "1", "canceled": True,
                                                                          "cancel_reason": "x\r\n\x1b[31m" * 1000}}).encode() + b"\n"),
            "compacted at 2^63-1": chunked(created, json.dumps({"result": {
                "header": HEADER, "watch_id": "1", "canceled": True, "compact_revision": str((1 << 63) - 1)}}).encode() + b"\n"),
            "another key": chunked(created, event("/elsewhere/world/w1")),
            "a key before the prefix": chunked(created, event(self.prefix)),
            "an empty key": chunked(created, event("")),
            "a revision of the past": chunked(created, event(f"{self.prefix}/world/w1", 1)),
            "a negative revision": chunked(created, event(f"{self.prefix}/world/w1", -5)),
            "another watch": chunked(created, created.replace(b'"watch_id": "1"', b'"watch_id": "99"')),
            "deep": chunked(created, b'{"result":' + b'{"a":' * 100000 + b"\n"),
            "not JSON": chunked(created, b"\x00\xff\n"),
            "a fragment that never ends": Endless(HEAD + b"\r\n" + created, json.dumps({"result": {
                "header": {**HEADER, "revision": "1000000"}, "watch_id": "1", "fragment": True, "events": [
                    {"kv": {"key": binary(f"{self.prefix}/world/w{i}"), "mod_revision": "1000000", "value": binary("x" * 60000)}}
                    for i in range(10)]}}).encode() + b"\n"),
        }
        began = processor_s(observer.pid)
        with Held(f"{len(lines)} kinds of nonsense on the watch", observer) as held:
            for name, rule in lines.items():
                with self.subTest(name):
                    asked = len(mitm.asked("/watch"))
                    mitm.set(watch=rule)
                    wait_until(lambda n=asked: len(mitm.asked("/watch")) > n or observer.process.poll() is not None,
                               f"{name}: it watches again")
                    self.assertIsNone(observer.process.poll(), observer.log()[-3000:])
                    self.assertEqual(self.get(observer, "/healthz")[0], 200)
                    self.assertEqual([each["id"] for each in self.document(observer, "/api/services?type=world")["services"]], ["w1"])
            mitm.set()
            self.wait_synced(observer)
        print(f"    {processor_s(observer.pid) - began:.1f} s of processor time")
        held.assert_modest(self, 192 << 10, 24 << 10)
        self.put("world", "w2")
        wait_until(lambda: self.document(observer, "/api/services?type=world")["total"] == 2, "it follows again")
        self.assert_log_is_clean(observer)

    def test_the_list_never_ends(self):
        """Each page is full, says that there are a billion keys, and is the same one."""
        mitm = Mitm(self, self.etcd)

        def page(request, ask):
            body = request.json
            if "range_end" not in body or body.get("limit") in (None, "1", 1):
                return None
            some = int(body["limit"])
            kvs = [{"key": binary(f"{self.prefix}/world/w{i}"), "mod_revision": "3", "create_revision": "3", "version": "1",
                    "value": binary(json.dumps({"id": f"w{i}", "type": "world", "status": "ready"}))} for i in range(some)]
            return {"header": ask()["header"], "kvs": kvs, "more": True, "count": "1000000000"}

        mitm.set(kv_range=page)
        observer = self.observer(registry=self.registry(mitm)).start()
        began = processor_s(observer.pid)
        with Held("a list of a billion keys that never ends", observer) as held:
            wait_until(lambda: len(mitm.asked("/range")) >= 20, "it lists on or again")
            status, _, body = self.get(observer, "/api/services")
            self.assertTrue(status == 503 and json.loads(body)["error"]["code"] == "not_known", body)
            mitm.set()
            self.wait_synced(observer)
        print(f"    {processor_s(observer.pid) - began:.1f} s of processor time")
        held.assert_modest(self, 48 << 10, 24 << 10)
        self.assertEqual(self.document(observer, "/api/services")["total"], 0)

    def test_leases_that_lie(self):
        """Another id, a TTL that is none, a lease that is never held: the agent stays alive and tries again, never at full speed."""
        mitm = Mitm(self, self.etcd)
        agent = self.agent(registry=self.registry(mitm)).start()
        agent.is_published()
        lease = {"header": HEADER, "ID": "1", "TTL": "10"}
        answers = {
            "another id": dict(lease_grant=lease, lease_keepalive={"result": lease}),
            "TTL 0": dict(lease_grant={**lease, "TTL": "0"}, lease_keepalive={"result": {**lease, "TTL": "0"}}),
            "a negative TTL": dict(lease_grant={**lease, "TTL": "-9223372036854775808"}, lease_keepalive={"result": {**lease, "TTL": "-1"}}),
            "a TTL beyond every number": dict(lease_grant={**lease, "TTL": "9223372036854775807"}),
            "an id that is none": dict(lease_grant={**lease, "ID": {}}, lease_keepalive={"result": []}),
            "it exists": dict(lease_grant=answer({"error": "etcdserver: lease already exists", "code": 9}, "412 No"),
                              lease_keepalive={"result": {"header": HEADER}}),
        }
        for name, rules in answers.items():
            with self.subTest(name):
                asked = len(mitm.asked("/grant")) + len(mitm.asked("/keepalive"))
                mitm.set(**rules)
                wait_until(lambda n=asked: len(mitm.asked("/grant")) + len(mitm.asked("/keepalive")) > n + 1, f"{name}: it asks again")
                self.assertEqual(self.get(agent, "/healthz")[0], 200)
        mitm.set()
        agent.is_published()
        self.assert_log_is_clean(agent)


class Redirects(AuthCase):
    """Secrets go to the endpoint that is configured, and nowhere else."""

    def setUp(self):
        super().setUp()
        self.mitm = Mitm(self, self.etcd)
        self.victim = self.sidecar(endpoints=[self.mitm.url])
        self.victim.write()

    def ask(self):
        """A command of the agent's configuration logs in and asks for a key, with the client that the agent uses."""
        asked = len(self.mitm.requests)
        result = self.victim.run("kv", "get", "x")
        self.assertGreater(len(self.mitm.requests), asked)
        self.assertGreaterEqual(result.returncode, 0, result.stderr)
        self.assertNotIn(PASSWORD, result.stdout + result.stderr)
        return result

    def test_no_redirect_is_followed(self):
        elsewhere = Mitm(self, self.etcd)
        self.ask()
        self.assertTrue(any(PASSWORD in json.dumps(request.json) for request in self.mitm.asked("/authenticate")))
        targets = (f"{elsewhere.url}/v3/kv/range", f"//127.0.0.1:{elsewhere.port}/", f"https://127.0.0.1:{elsewhere.port}/",
                   "file:///etc/passwd", "gopher://127.0.0.1/")
        answers = [answer(b"{}", status, f"Location: {target}", f"Refresh: 0; url={target}",
                          f'Alt-Svc: h2="127.0.0.1:{elsewhere.port}"; ma=1000', "Set-Cookie: a=b; Path=/",
                          "Strict-Transport-Security: max-age=1000")
                   for status, target in zip(("301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"), targets)]
        answers += [answer(b"{}", "401 Unauthorized", f"WWW-Authenticate: {challenge}")
                    for challenge in ("Basic realm=x", "Negotiate", "NTLM", "Digest realm=x, nonce=y", "Bearer")]
        answers += [answer(b"{}", "407 Proxy Authentication Required", "Proxy-Authenticate: Basic realm=x")]
        for each in answers:
            for path in ("every", "kv_range"):
                self.mitm.set(**{path: each})
                self.assertNotEqual(self.ask().returncode, 0)
        self.mitm.set()
        self.victim.start()
        self.victim.is_published()
        self.assertEqual(elsewhere.connections, 0)
        for request in self.mitm.requests:
            self.assertNotIn("cookie", request.headers)
            self.assertFalse(request.headers.get("authorization", "x").startswith(("Basic", "NTLM", "Negotiate", "Digest")))
            if not request.path.endswith("/authenticate"):
                self.assertNotIn(PASSWORD.encode(), request.body + request.head)
        self.assertNotIn(PASSWORD, self.victim.log())

    def test_a_token_with_a_line_break(self):
        """What the registry gives as a token becomes a header: it adds none."""
        for token in ("a\r\nX-Injected: yes", "a\nX-Injected: yes", "a\rX-Injected: yes", "a\0b", "x" * 100000, "", "\u00e9\u2028"):
            self.mitm.set(auth_authenticate={"header": HEADER, "token": token})
            self.ask()
        self.mitm.set()
        self.victim.start()
        self.victim.is_published()
        for request in self.mitm.requests:
            self.assertNotIn("x-injected", request.headers)


if __name__ == "__main__":
    unittest.main()
