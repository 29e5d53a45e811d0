"""A TLS port under crowds: hellos that go no further, hellos a byte at a time, handshakes without end, plain bytes. A client over
TLS, with a new handshake for each health check, is served all the while."""
import contextlib
import http.client
import ssl
import subprocess
import threading
import time
import unittest

import clients
from harness import wait_until
from hostile import Good, Hostile
from measure import Held, size
from registry import DEADLINE_S, SUPPORT

PER_HANDSHAKE_KB = 64  # of OpenSSL and of the kernel


def hello():
    """The first message of a client."""
    out = ssl.MemoryBIO()
    context = ssl.create_default_context()
    with_bio = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost")
    try:
        with_bio.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


class Tls(Hostile):
    def setUp(self):
        super().setUp()
        clients.raise_files()
        certs = self.dir / "certs"
        subprocess.run([SUPPORT / "certs", certs], check=True, capture_output=True)
        self.context = ssl.create_default_context(cafile=certs / "ca.crt")
        self.one = self.observer(http={"tls": {"cert_file": str(certs / "server.crt"), "key_file": str(certs / "server.key"),
                                               "client_ca_file": str(certs / "ca.crt")}})
        self.secure = self.free_port()
        self.one.config["http"]["listen"] = [f"127.0.0.1:{self.one.port}", f"tls://127.0.0.1:{self.secure}"]
        self.one.start()
        self.wait_synced(self.one)

    def new_connection(self, _agent):  # pylint: disable=arguments-differ
        return http.client.HTTPSConnection("127.0.0.1", self.secure, timeout=DEADLINE_S, context=self.context)

    def dial_from(self, addresses):
        return lambda i: clients.tcp(self.secure, f"127.0.0.{2 + i % addresses}")

    def crowd(self, what, text, addresses, more_kb):
        """So many that send it and stay; then the good client is served, and everything is given back."""
        count = size(1000, 4000)
        good = Good(self, self.one)
        with Held(f"{count} x {what}, {addresses} address(es)", self.one, good) as held:
            crowd = clients.Crowd(self).add(count, self.dial_from(addresses), text)
            looked = good.looked
            wait_until(lambda: good.faults or good.looked > looked + 20, "the good client is served")
            crowd.close()
        held.assert_modest(self, more_kb)
        self.assertEqual(good.unhealthy, 0)
        good.check()

    def test_half_open(self):
        """The server has answered, and waits for the rest of the handshake."""
        self.crowd("half a handshake", hello(), 1, 300 * PER_HANDSHAKE_KB)
        self.crowd("half a handshake", hello(), 8, 1000 * PER_HANDSHAKE_KB)

    def test_slow_hello(self):
        """A part of a hello costs no state of TLS, whichever part."""
        self.crowd("one byte of a hello", hello()[:1], 8, 16 << 10)
        self.crowd("half a hello", hello()[:100], 8, 16 << 10)

    def test_hello_flood(self):
        """One after the other as fast as they come, each cut off at once."""
        text, count, good = hello(), size(3000, 30000), Good(self, self.one)
        stopping, made = threading.Event(), [0] * 4

        def flood(number):
            while made[number] < count // 4 and not stopping.is_set():
                sock = self.dial_from(8)(made[number])
                sock.sendall(text)
                sock.close()
                made[number] += 1
        threads = [threading.Thread(target=flood, args=(number,)) for number in range(4)]
        with Held(f"{count} hellos, each cut off", self.one, good) as held:
            began = time.monotonic()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            print(f"    {count / (time.monotonic() - began):.0f} hellos a second")
        held.assert_modest(self, 64 << 10)
        self.assertEqual(good.unhealthy, 0)
        good.check()

    def test_plain_bytes(self):
        """Each is told that this is TLS, and counted; so are those that are neither."""
        count, good = size(1000, 4000), Good(self, self.one)
        with Held(f"{count} plain requests", self.one, good) as held:
            for _ in range(count):
                sock = clients.tcp(self.secure, "127.0.0.2")
                sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                text = sock.recv(4096)
                self.assertTrue(text.startswith(b"HTTP/1.1 400 ") and b"tls_required" in text, text)
                sock.close()
        held.assert_modest(self, 8 << 10)
        seen = self.metrics(self.one)
        self.assertEqual(seen['outrider_http_tls_refused_total{reason="plain"}'], count)
        for junk in (b"\x16\x03\x01\xff\xff\x01\xff\xff\xff" + bytes(100), b"\x16\x02\x00" + bytes(100)):
            sock = clients.tcp(self.secure)
            sock.sendall(junk)
            with contextlib.suppress(ConnectionResetError):  # it had more to read
                self.assertEqual(sock.recv(100), b"")
            sock.close()
        self.assertEqual(self.metrics(self.one)['outrider_http_tls_refused_total{reason="hello"}'], 2)
        good.check()


if __name__ == "__main__":
    unittest.main()
