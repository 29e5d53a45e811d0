"""The API at several places at once: plain, over TLS and on unix sockets, asked by curl; certificates of both sides."""
import json
import os
import shutil
import socket
import subprocess
import unittest

from harness import BINARY, Case, environment, wait_until
from registry import DEADLINE_S, SUPPORT, with_etcd

CERTS = SUPPORT / "certs"
RIGHT = ("HTTP/1.1 200", 0)


class Listeners(Case):
    def setUp(self):
        super().setUp()
        self.certs = self.dir / "certs"
        subprocess.run([CERTS, self.certs], check=True, capture_output=True)
        self.plain, self.secure = with_etcd.free_ports(2)
        self.use("server")
        self.one = self.agent(http={
            "listen": [f"127.0.0.1:{self.plain}", f"tls://127.0.0.1:{self.secure}", f"unix:{self.dir}/a/http.sock",
                       f"unix:{self.dir}/a/second.sock"],
            "tls": {"cert_file": str(self.certs / "use.crt"), "key_file": str(self.certs / "use.key"),
                    "client_ca_file": str(self.certs / "ca.crt")}}).start()

    def use(self, name):
        """A rotation: each file in one step."""
        for kind in ("crt", "key"):
            fresh = self.certs / f"fresh.{kind}"
            shutil.copy(self.certs / f"{name}.{kind}", fresh)
            os.rename(fresh, self.certs / f"use.{kind}")

    def curl(self, url, *options):
        """The exit status, and what it printed of answer and errors."""
        done = subprocess.run(["curl", "-sS", "-i", "--max-time", str(DEADLINE_S), *map(str, options), url],
                              capture_output=True, text=True, check=False, timeout=2 * DEADLINE_S)
        return done.returncode, done.stdout + done.stderr

    def https(self, *options, path="/api/agent"):
        return self.curl(f"https://127.0.0.1:{self.secure}{path}", "--cacert", self.certs / "ca.crt", *options)

    def client(self, name):
        return ("--cert", self.certs / f"{name}.crt", "--key", self.certs / f"{name}.key")

    def metric(self, line):
        return f"\n{line}\n" in self.one.request("GET", "/metrics")[2].decode()

    def test_each_place_serves(self):
        for url, options in ((f"http://127.0.0.1:{self.plain}", ()),
                             ("http://localhost", ("--unix-socket", self.one.http)),
                             ("http://localhost", ("--unix-socket", self.one.dir / "second.sock"))):
            code, text = self.curl(url + "/api/agent", *options)
            self.assertEqual((text[:12], code), RIGHT, text)
        for version in ("1.2", "1.3"):
            code, text = self.https("--tlsv" + version, "--tls-max", version)
            self.assertEqual((text[:12], code), RIGHT, text)
        code, text = self.https("--tls-max", "1.1", "--tlsv1.0", "--ciphers", "DEFAULT:@SECLEVEL=0")
        self.assertEqual(code, 35, text)
        code, text = self.https("--http2")  # which is not spoken, and not agreed on
        self.assertEqual((text[:12], code), RIGHT, text)
        code, text = self.curl(f"https://127.0.0.1:{self.secure}/api/agent")  # an authority that curl does not know
        self.assertEqual(code, 60, text)
        self.assertNotIn("level=error", self.one.log())
        self.assertNotIn("most=0", self.one.log())  # each has a part of the files

    def test_the_wrong_language(self):
        code, text = self.curl(f"http://127.0.0.1:{self.secure}/api/agent")
        self.assertEqual((text[:12], code), ("HTTP/1.1 400", 0), text)
        self.assertIn('"tls_required"', text)
        code, text = self.curl(f"https://127.0.0.1:{self.plain}/api/agent")
        self.assertEqual(code, 35, text)
        self.assertTrue(self.metric('outrider_http_tls_refused_total{reason="plain"} 1'))

    def test_certificates_of_clients(self):
        for name in ("client-names", "client-cn"):
            code, text = self.https(*self.client(name))
            self.assertEqual((text[:12], code), RIGHT, text)
        for name in ("stranger", "expired", "future", "server-only"):
            for version in ("1.2", "1.3"):
                code, text = self.https(*self.client(name), "--tls-max", version)
                self.assertNotEqual(code, 0, text)
                self.assertNotIn("HTTP/1.1", text)
        self.assertTrue(self.metric('outrider_http_tls_refused_total{reason="certificate"} 8'))

    def test_rotation_needs_no_restart(self):
        def shown():
            done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.secure}", "-CAfile",
                                   self.certs / "ca.crt"], input="", capture_output=True, text=True, check=False,
                                  timeout=DEADLINE_S)
            return done.stdout.split("-----BEGIN CERTIFICATE-----")[1].split("-----END")[0]
        stream = subprocess.Popen(["curl", "-sSN", "--cacert", self.certs / "ca.crt",
                                   f"https://127.0.0.1:{self.secure}/api/subscribe"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(stream.stdout.close)
        self.addCleanup(stream.wait)
        self.addCleanup(stream.kill)
        self.assertTrue(any(line.startswith("event: synced") for line in stream.stdout))
        before = shown()
        self.use("renewed")
        after = shown()
        self.assertNotEqual(before, after)
        (self.certs / "use.key").write_text("half of a key")
        self.assertEqual(shown(), after)
        self.one.logged("changed files of http.tls cannot be used")
        self.assertTrue(self.metric("outrider_http_tls_load_failures_total 1"))
        self.use("server")
        self.assertEqual(shown(), before)
        self.one.say("players=7")  # the stream of before goes on
        self.assertTrue(any('"players":7' in line for line in stream.stdout))

    def test_commands_and_reload(self):
        done = self.one.run("status")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.one.run("status", "--agent", f"http://127.0.0.1:{self.plain}")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.one.write(http={"listen": [f"127.0.0.1:{self.plain}", f"tls://127.0.0.1:{self.secure}"]})
        self.one.send_signal(1)
        self.one.logged("setting needs a restart\" key=http.listen")
        code, text = self.https()
        self.assertEqual((text[:12], code), RIGHT, text)
        self.assertEqual(self.one.stop(), 0)
        self.assertFalse(self.one.http.exists() or (self.one.dir / "second.sock").exists())

    def test_a_file_of_a_socket_is_made_again(self):
        (self.one.dir / "second.sock").unlink()
        self.one.send_signal(1)
        wait_until((self.one.dir / "second.sock").exists, "the socket is made again")
        code, text = self.curl("http://localhost/api/agent", "--unix-socket", self.one.dir / "second.sock")
        self.assertEqual((text[:12], code), RIGHT, text)
        sockets = {each["path"]: each["remade"] for each in self.one.api()["sockets"] if each["setting"] == "http.listen"}
        self.assertEqual(sockets, {str(self.one.http): 0, str(self.one.dir / "second.sock"): 1})


class Named(Case):
    """Names that a proxy and certificates give, with the roles of the access file."""

    def setUp(self):
        super().setUp()
        self.certs = self.dir / "certs"
        subprocess.run([CERTS, self.certs], check=True, capture_output=True)
        self.secure = with_etcd.free_ports(1)[0]
        names = self.dir / "access"
        names.write_text("olga operator cert:DNS:olga.fleet.example\n"
                         "reader viewer cert:URI:spiffe://fleet/reader\n")
        self.front = self.dir / "a" / "front.sock"
        self.one = self.agent(http={
            "listen": [f"unix:{self.front}", f"unix:{self.dir}/a/http.sock", f"tls://127.0.0.1:{self.secure}"],
            "proxy_header": "X-Forwarded-User", "proxy_socket": str(self.front), "public_url": "https://fleet.example",
            "access_file": str(names),
            "tls": {"cert_file": str(self.certs / "server.crt"), "key_file": str(self.certs / "server.key"),
                    "client_ca_file": str(self.certs / "ca.crt")}}).start()

    def ask(self, *options, path="/api/me"):
        done = subprocess.run(["curl", "-sS", "-w", "\n%{http_code}", *map(str, options)], capture_output=True, text=True,
                              check=False, timeout=DEADLINE_S)
        text, _, status = done.stdout.rpartition("\n")
        return int(status or 0), text + done.stderr

    def proxied(self, path, *options):
        return self.ask("--unix-socket", self.front, *options, "http://fleet.example" + path)

    def secured(self, path, *options):
        return self.ask("--cacert", self.certs / "ca.crt", *options, f"https://127.0.0.1:{self.secure}{path}")

    def user(self, name):
        return ("-H", f"X-Forwarded-User: {name}")

    def test_the_header_of_the_proxy(self):
        status, text = self.proxied("/api/me", *self.user("olga"))
        self.assertEqual((status, json.loads(text)["name"], json.loads(text)["role"]), (200, "olga", "operator"), text)
        for options in ((), self.user(""), ("-H", "X-Forwarded-User;"), (*self.user("olga"), *self.user("reader"))):
            status, text = self.proxied("/api/me", *options)
            self.assertEqual((status, json.loads(text)["name"]), (200, None), text)
            self.assertEqual(self.proxied("/api/agent", *options)[0], 401)
        status, text = self.proxied("/api/agent", *self.user("mallory"))
        self.assertEqual(status, 403)
        self.assertIn("unknown_name", text)
        for where in (("--unix-socket", self.one.http, "http://x/api/me"),
                      ("--cacert", self.certs / "ca.crt", f"https://127.0.0.1:{self.secure}/api/me")):
            status, text = self.ask(*self.user("olga"), *where)  # is believed nowhere else
            self.assertNotEqual(json.loads(text)["name"], "olga", text)
        self.assertEqual(self.one.run("status").returncode, 0)
        self.assertEqual(self.one.run("drain", "--reason", "x").returncode, 0)

    def test_a_change_through_the_proxy(self):
        change = (*self.user("olga"), "-H", "Content-Type: application/json", "-d", "{}")
        ours = ("-H", "Origin: https://fleet.example", "-H", "X-Outrider: 1")
        self.assertEqual(self.proxied("/api/agent/undrain", *change)[0], 403)
        self.assertEqual(self.proxied("/api/agent/undrain", *change, "-H", "Origin: https://evil.example", "-H",
                                      "X-Outrider: 1")[0], 403)
        self.assertEqual(self.proxied("/api/agent/undrain", *change, *ours)[0], 200)
        self.assertEqual(self.proxied("/api/agent/undrain", *self.user("reader"), *change[2:], *ours)[0], 403)

    def test_the_names_of_a_certificate(self):
        mine = ("--cert", self.certs / "client-names.crt", "--key", self.certs / "client-names.key")
        common = ("--cert", self.certs / "client-cn.crt", "--key", self.certs / "client-cn.key")
        change = ("-H", "Content-Type: application/json", "-d", "{}")
        status, text = self.secured("/api/me", *mine)
        self.assertEqual((status, json.loads(text)["name"]), (200, "olga"), text)
        self.assertEqual(json.loads(self.secured("/api/me", *common)[1])["name"], None)
        self.assertEqual(self.secured("/api/agent")[0], 401)
        self.assertEqual(self.secured("/api/agent", *mine)[0], 200)
        self.assertEqual(self.secured("/api/agent/undrain", *mine, *change)[0], 200)  # a program's
        site = ("-H", "Sec-Fetch-Site: cross-site")
        self.assertEqual(self.secured("/api/agent/undrain", *mine, *change, *site)[0], 403)
        origin = ("-H", "Origin: https://fleet.example")
        self.assertEqual(self.secured("/api/agent/undrain", *mine, *change, *origin)[0], 403)
        self.assertEqual(self.secured("/api/agent/undrain", *mine, *change, *origin, "-H", "X-Outrider: 1")[0], 200)


class Refused(Case):
    def started(self, **http):
        """What an agent says that cannot start."""
        agent = self.agent(http=http)
        agent.spawn()
        self.assertEqual(agent.wait(), 1, agent.log())
        return agent.log()

    def test_what_cannot_be_used_is_named(self):
        port = with_etcd.free_ports(1)[0]
        missing = {"cert_file": "/nonexistent/http.crt", "key_file": "/nonexistent/http.key"}
        log = self.started(listen=[f"unix:{self.dir}/a/http.sock", f"tls://127.0.0.1:{port}"], tls=missing)
        self.assertIn("http.tls: cert_file: /nonexistent/http.crt is no certificate in PEM", log)

    def test_a_port_in_use(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            log = self.started(listen=[f"unix:{self.dir}/a/http.sock", f"127.0.0.1:{port}"])
        self.assertIn(f"http.listen: cannot listen on 127.0.0.1 port {port}: the address is in use", log)

    def test_check(self):
        agent = self.agent(http={"listen": ["tls://0.0.0.0:7118"]})
        agent.write()
        done = subprocess.run([BINARY, "check", "-c", agent.path], capture_output=True, text=True, check=False,
                              env=environment(), timeout=DEADLINE_S)
        for text in ("http.tls.cert_file: required", "http.tls.key_file: required", "tls://0.0.0.0:7118 can be reached"):
            self.assertIn(text, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
