"""A man in the middle of https://: with another certificate, name, authority or protocol version it gets neither a password nor
a record, and cannot talk the agent out of TLS. And a registry with a good certificate that floods over HTTP/2."""
import json
import ssl
import struct
import unittest

from harness import wait_until
from hostile import Hostile
from measure import Held, processor_s
from mitm import Endless, Mitm, Request
from users import PASSWORD, AuthCase, with_etcd


class Middle(AuthCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.certs = cls.etcd.parent / "certs"
        with_etcd.Tls(cls.certs)

    def setUp(self):
        super().setUp()
        self.etcd.allow(self.prefix, "sidecar", self.user, "world", "w1")

    def context(self, name, authority=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certs / f"{name}.crt", self.certs / f"{name}.key")
        if authority:
            context.load_verify_locations(self.certs / f"{authority}.crt")
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def middle(self, name="server", **more):
        return Mitm(self, self.etcd, self.context(name, **more))

    def victim(self, mitm, name, url=None, **tls):
        """A sidecar that logs in with a password, at what it takes for etcd."""
        return self.agent(name, registry=self.login(endpoints=[url or mitm.url], ttl="6s", heartbeat="300ms", request_timeout="1s",
                                                    tls={"ca_file": str(self.certs / "ca.crt"), **tls}))

    def assert_nothing_is_given(self, mitm, agent, name):
        wait_until(lambda: mitm.connections > 0 and agent.api()["registry"]["lastError"], f"{name}: it fails")
        self.assertEqual(mitm.requests, [], name)
        self.assertFalse(agent.api()["registry"]["published"])
        self.assertNotIn(PASSWORD, agent.log())
        agent.kill()

    def test_wrong_certificates(self):
        stranger = self.context("stranger")
        contexts = {
            "of another authority": stranger,
            "of another name": self.context("named"),
            "expired": self.context("expired"),
            "not yet valid": self.context("future"),
            "of a client": self.context("client"),
            "the authority's own": self.context("ca"),
        }
        for number, (name, context) in enumerate(contexts.items()):
            with self.subTest(name):
                mitm = Mitm(self, self.etcd, context)
                self.assert_nothing_is_given(mitm, self.victim(mitm, f"v{number}").start(), name)

    def test_no_tls_and_old_tls(self):
        plain = Mitm(self, self.etcd)
        agent = self.victim(plain, "plain", url=plain.url.replace("http:", "https:")).start()
        wait_until(lambda: plain.connections > 0 and agent.api()["registry"]["lastError"], "it fails")
        self.assertEqual(plain.asked("/authenticate"), [], "nothing is sent without TLS")
        agent.kill()
        old = self.context("server")
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        mitm = Mitm(self, self.etcd, old)
        self.assert_nothing_is_given(mitm, self.victim(mitm, "old").start(), "TLS 1.1")
        weak = self.context("server")
        weak.maximum_version = ssl.TLSVersion.TLSv1_2
        weak.set_ciphers("NULL:aNULL:@SECLEVEL=0")
        mitm = Mitm(self, self.etcd, weak)
        self.assert_nothing_is_given(mitm, self.victim(mitm, "weak").start(), "ciphers without secrecy or identity")

    def test_the_name_counts_whatever_the_address(self):
        """`server_name` is compared, not only requested; an authority alone is not enough."""
        mitm = self.middle("server")
        self.assert_nothing_is_given(mitm, self.victim(mitm, "a", server_name="etcd.example").start(), "another server_name")
        mitm = self.middle("named")
        agent = self.victim(mitm, "b", server_name="etcd.example").start()
        agent.is_published()
        agent.kill()

    def test_a_certificate_is_asked_for(self):
        """Its own key goes to no server; a request for a certificate without one configured sends nothing."""
        mitm = self.middle("server", authority="ca")
        agent = self.victim(mitm, "none").start()
        wait_until(lambda: mitm.connections > 0 and agent.api()["registry"]["lastError"], "it fails")
        self.assertEqual(mitm.requests, [])
        agent.kill()
        agent = self.victim(mitm, "one", cert_file=str(self.certs / "client.crt"), key_file=str(self.certs / "client.key")).start()
        agent.is_published()
        key = (self.certs / "client.key").read_bytes().split(b"\n")[1]
        self.assertFalse(any(key in request.head + request.body for request in mitm.requests))

    def test_an_endpoint_without_tls_gets_no_secret_of_one_with_tls(self):
        """Of two endpoints, one is a man in the middle with a wrong certificate: what the other gave is not shown to it."""
        good, bad = self.middle("server"), self.middle("stranger")
        agent = self.agent(registry=self.login(endpoints=[bad.url, good.url], tls={"ca_file": str(self.certs / "ca.crt")})).start()
        agent.is_published()
        self.assertEqual(bad.requests, [])
        self.assertNotIn(PASSWORD, json.dumps(agent.api()))


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


DATA, HEADERS, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 3, 4, 5, 6, 7, 8, 9
OK = b"\x88"  # :status 200, indexed
# A header of 4,000 bytes that enters the table, and then one byte for each time it is repeated.
BOMB = b"\x40\x01a" + b"\x7f\xa1\x1e" + b"x" * 4000 + b"\xbe" * 12000

FLOODS = {
    "endless settings": Endless(frame(SETTINGS), frame(SETTINGS, payload=struct.pack(">HI", 1, 4096)) * 100),
    "endless pings": Endless(frame(SETTINGS), frame(PING, payload=b"12345678") * 100),
    "endless resets": Endless(frame(SETTINGS), frame(RST, stream=1, payload=bytes(4)) * 100),
    "endless windows": Endless(frame(SETTINGS), frame(WINDOW, payload=struct.pack(">I", 1)) * 100),
    "a window too large": Endless(frame(SETTINGS), frame(WINDOW, payload=struct.pack(">I", 0x7fffffff)) * 100),
    "endless continuation": Endless(frame(SETTINGS) + frame(HEADERS, 0, 1, OK), frame(CONTINUATION, 0, 1, b"\x00\x01a\x01b" * 1000)),
    "endless empty continuation": Endless(frame(SETTINGS) + frame(HEADERS, 0, 1, OK), frame(CONTINUATION, 0, 1) * 100),
    "a bomb of headers": Endless(frame(SETTINGS) + frame(HEADERS, 4, 1, OK + BOMB), frame(HEADERS, 4, 1, b"\xbe" * 16000)),
    "endless empty data": Endless(frame(SETTINGS) + frame(HEADERS, 4, 1, OK), frame(DATA, 0, 1) * 100),
    "endless data": Endless(frame(SETTINGS) + frame(HEADERS, 4, 1, OK), frame(DATA, 0, 1, b" " * 16000)),
    "a giant frame": Endless(frame(SETTINGS) + struct.pack(">I", 0xffffff)[1:] + b"\0\0" + struct.pack(">I", 1), b" " * 65536),
    "promises": Endless(frame(SETTINGS), frame(PUSH, 4, 1, struct.pack(">I", 2) + OK)),
    "unknown frames": Endless(frame(SETTINGS), frame(0xbe, payload=b"x" * 1000) * 10),
    "it goes away": Endless(frame(SETTINGS), frame(GOAWAY, payload=bytes(8) + b"x\r\n\x1b[31m" * 100)),
    "garbage": Endless(b"", b"\xff" * 65536),
}


class Http2(Mitm):
    """Reads what has come, and answers with frames."""

    @staticmethod
    def read(sock):
        return Request(b"PRI " + b"/h2 x", b"") if sock.recv(65536) else None


class Floods(Hostile):
    def test_over_http2(self):
        certs = self.dir / "certs"
        with_etcd.Tls(certs)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certs / "server.crt", certs / "server.key")
        context.set_alpn_protocols(["h2"])
        mitm = Http2(self, self.etcd, context)
        agent = self.agent(registry={"endpoints": [mitm.url], "ttl": "2s", "heartbeat": "300ms", "request_timeout": "200ms",
                                     "tls": {"ca_file": str(certs / "ca.crt")}}).start()
        began = processor_s(agent.pid)
        with Held(f"{len(FLOODS)} floods over HTTP/2", agent) as held:
            for name, flood in FLOODS.items():
                with self.subTest(name):
                    asked = len(mitm.requests)
                    mitm.set(every=flood)
                    wait_until(lambda n=asked: len(mitm.requests) > n or agent.process.poll() is not None, f"{name}: it asks again")
                    self.assertIsNone(agent.process.poll(), agent.log()[-3000:])
                    self.assertEqual(self.get(agent, "/healthz")[0], 200)
        print(f"    {processor_s(agent.pid) - began:.1f} s of processor time")
        held.assert_modest(self, 64 << 10, 24 << 10)
        self.assertIn(agent.stop(), (0, 1))


if __name__ == "__main__":
    unittest.main()
