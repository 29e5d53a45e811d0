"""Probes of type http and grpc against servers that others wrote: nginx, and the health service of @grpc/grpc-js."""
import json
import shutil
import subprocess
import unittest

import npm
from harness import BINARY, Case, wait_until
from registry import DEADLINE_S, with_etcd

CERTS = npm.SUPPORT / "certs"
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"


class Web(Case):
    def setUp(self):
        super().setUp()
        self.port, self.secure = with_etcd.free_ports(2)
        self.watcher = self.watch()
        self.certs = self.dir / "certs"
        subprocess.run([CERTS, self.certs], check=True, capture_output=True)

    def probed(self, kind, port, **more):
        """An agent that knows nothing of the server but its probe."""
        return self.agent(server={"ports": [port]},
                          probes=[{"name": "web", "type": kind, "port": port, "interval": "300ms", "timeout": "250ms",
                                   **more}]).start()

    def error(self, since, *parts):
        event = self.watcher.status("error", since)
        for part in parts:
            self.assertIn(part, event.record["reason"])
        return event.record

    def ask(self, kind, port, *options):
        """The exit status of `outrider probe`, and what it printed."""
        done = subprocess.run([BINARY, "probe", kind, f"127.0.0.1:{port}", *options], capture_output=True, text=True,
                              timeout=DEADLINE_S, check=False)
        return done.returncode, done.stdout + done.stderr


@unittest.skipUnless(shutil.which(NGINX), "SKIP: nginx is not installed")
class Nginx(Web):
    def setUp(self):
        super().setUp()
        self.root = self.dir / "www"
        self.root.mkdir()
        (self.root / "index.html").write_text("<html>Welcome to the harbor, all is well</html>")
        self.say(3)
        (self.dir / "nginx.conf").write_text(f"""
            daemon off; master_process off; worker_processes 1; pid {self.dir}/nginx.pid; error_log {self.dir}/error.log;
            events {{}}
            http {{
                access_log {self.dir}/access.log; client_body_temp_path {self.dir}/t1; proxy_temp_path {self.dir}/t2;
                fastcgi_temp_path {self.dir}/t3; uwsgi_temp_path {self.dir}/t4; scgi_temp_path {self.dir}/t5;
                server {{
                    listen 127.0.0.1:{self.port}; listen 127.0.0.1:{self.secure} ssl; root {self.root};
                    ssl_certificate {self.certs}/server.crt; ssl_certificate_key {self.certs}/server.key;
                    location /moved {{ return 302 /; }}
                }}
            }}""")
        self.server = self.process(NGINX, "-p", str(self.dir), "-c", str(self.dir / "nginx.conf"), "-e",
                                   str(self.dir / "error.log"), stderr=subprocess.DEVNULL)
        wait_until(lambda: (self.dir / "nginx.pid").exists() and (self.dir / "nginx.pid").read_text(), "nginx listens")

    def say(self, players):
        text = json.dumps({"online": {"count": players, "max": 20}, "map": "Reef", "version": "1.2", "name": "Bay"})
        (self.root / "status.new").write_text(text)
        (self.root / "status.new").rename(self.root / "status.json")

    def test_facts_of_a_page(self):
        facts = {"players": "/online/count", "capacity": "/online/max", "map": "/map", "version": "/version",
                 "name": "/name"}
        self.probed("http", self.port, path="/status.json", facts=facts)
        event = self.watcher.status("ready", players=3, capacity=20)
        self.assertEqual(event.record["labels"], {"map": "Reef", "name": "Bay"})
        self.assertEqual(event.record["version"], "1.2")
        self.say(0)
        self.watcher.status("ready", players=0, capacity=20)
        since = self.watcher.mark()
        (self.root / "status.json").unlink()
        self.assertNotIn("players", self.error(since, "HTTP 404 Not Found"))
        since = self.watcher.mark()
        self.say(5)
        self.watcher.status("ready", since, players=5)
        since = self.watcher.mark()
        self.server.terminate()
        self.error(since, "probe web: connection refused")

    def test_what_passes(self):
        self.assertEqual(self.ask("http", self.port)[0], 0)
        self.assertEqual(self.ask("http", self.port, "--path", "/moved")[0], 0)  # not followed: it counts as 302
        self.assertNotIn("GET / ", (self.dir / "access.log").read_text().split("/moved", 1)[1])

    def test_tls(self):
        tls = {"ca_file": str(self.certs / "ca.crt")}
        self.probed("http", self.secure, scheme="https", tls=tls, body="all is well")
        self.watcher.status("ready")
        https = ("--scheme", "https", "--tls.server_name", "harbor.example")
        status, text = self.ask("http", self.secure, *https, "--tls.ca_file", tls["ca_file"])
        self.assertEqual(status, 1)
        self.assertIn("TLS: the server's certificate is for", text)
        self.assertEqual(self.ask("http", self.secure, *https, "--tls.verify", "false")[0], 0)


class Health(Web):
    def setUp(self):
        super().setUp()
        self.modules = npm.locked("health")

    def server(self, port, *words):
        server = npm.Lines(self, "health/server.js", port, *words, modules=self.modules)
        self.assertEqual(server.read(), {"up": True})
        return server

    def test_health_of_a_service(self):
        server = self.server(self.port, "health")
        self.probed("grpc", self.port, service="game")
        self.watcher.status("ready")
        since = self.watcher.mark()
        server.do(service="game", status="NOT_SERVING")
        self.error(since, "probe web: NOT_SERVING")
        since = self.watcher.mark()
        server.do(service="game", status="SERVING")
        self.watcher.status("ready", since)
        since = self.watcher.mark()
        server.kill()
        self.error(since, "probe web: connection refused")

    def test_tls(self):
        self.server(self.secure, "health", self.certs / "server.crt", self.certs / "server.key")
        self.probed("grpc", self.secure, tls={"ca_file": str(self.certs / "ca.crt")})
        self.watcher.status("ready")
        ca, name = str(self.certs / "ca.crt"), "harbor.example"
        self.assertEqual(self.ask("grpc", self.secure, "--tls.ca_file", ca)[0], 0)
        status, text = self.ask("grpc", self.secure, "--tls.ca_file", ca, "--tls.server_name", name)
        self.assertEqual(status, 1)
        self.assertIn("TLS: the server's certificate is for", text)
        self.assertEqual(self.ask("grpc", self.secure, "--tls.verify", "false", "--tls.server_name", name)[0], 0)
        self.assertEqual(self.ask("grpc", self.secure)[0], 1)

    def test_what_fails(self):
        self.server(self.port, "none")
        self.server(self.secure, "health")
        status, text = self.ask("grpc", self.port)
        self.assertEqual(status, 1)
        self.assertIn("the server has no health service (grpc.health.v1)", text)
        status, text = self.ask("grpc", self.secure, "--service", "other")
        self.assertEqual(status, 1)
        self.assertIn("the server does not know the service", text)


if __name__ == "__main__":
    unittest.main()
