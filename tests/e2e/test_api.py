"""The local API over its unix socket and over TCP, and the screens of `outrider status`."""
import http.client
import json
import re
import socket

from harness import Case, wait_until
from registry import DEADLINE_S


class Api(Case):
    def setUp(self):
        super().setUp()
        free = self.new_game()
        free.close()
        self.port = free.port
        self.token = self.dir / "token"
        self.token.write_text("s3cret\n")

    def tcp(self, listen="127.0.0.1", **http_config):
        agent = self.agent(http={"listen": f"{listen}:{self.port}", **http_config}).start()
        self.host = listen.strip("[]")
        return agent

    def ask(self, agent, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=DEADLINE_S)
        status, headers, text = agent.request(method, path, body, headers, connection)
        return status, headers, text

    def code(self, answer):
        return answer[0], json.loads(answer[2])["error"]["code"]

    def test_refusals(self):
        agent = self.tcp(token_file=str(self.token))
        ask = lambda *words, **more: self.ask(agent, *words, **more)
        auth = {"Authorization": "Bearer s3cret"}
        drain = ("POST", "/api/agent/drain")
        self.assertEqual(self.code(ask(*drain, "{}"))[0], 401)
        self.assertEqual(self.code(ask(*drain, "{}", {"Authorization": "Bearer wrong"}))[0], 401)
        self.assertEqual(self.code(ask(*drain, "{}", {**auth, "Host": "evil.example"}))[0], 403)
        self.assertEqual(self.code(ask(*drain, "{}", {**auth, "Origin": "http://evil.example"}))[0], 403)
        self.assertEqual(self.code(ask(*drain, "{}", {**auth, "Content-Type": "text/plain"}))[0], 415)
        for body in ('{"reson":"x"}', '{"deadline":30}', '{"deadline":"30"}', '{"reason":1}', "[]", "{", "null",
                     json.dumps({"reason": "x" * 300})):
            self.assertEqual(self.code(ask(*drain, body, auth))[0], 400, body)
        self.assertEqual(self.code(ask("GET", "/api/agent?x=1"))[0], 400)
        status, headers, _ = ask("GET", "/api/agent/drain")
        self.assertEqual((status, headers["Allow"]), (405, "POST"))
        self.assertEqual(ask("DELETE", "/metrics")[0], 405)
        for path in ("/", "/api", "/api/services/world", "/api/agent/", "/service-discovery", "/%00"):
            self.assertIn(ask("GET", path)[0], (404, 400), path)
        self.assertEqual(json.loads(ask("GET", "/api/agent")[2])["holds"], [])
        self.assertEqual(ask(*drain, {"reason": "patch", "deadline": "9m", "expires": "2h"}, auth)[0], 200)
        self.assertEqual(json.loads(ask("GET", "/api/agent")[2])["holds"][0]["reason"], "patch")
        self.token.write_text("rotated")
        self.assertEqual(ask("POST", "/api/agent/undrain", "{}", auth)[0], 401)
        self.assertEqual(ask("POST", "/api/agent/undrain", "{}", {"Authorization": "Bearer rotated"})[0], 200)
        self.assertNotIn("s3cret", agent.log())
        self.assertEqual(agent.run("drain", "--reason", "by token file").returncode, 0)

    def test_without_token_on_loopback(self):
        agent = self.tcp()
        self.assertEqual(self.ask(agent, "POST", "/api/agent/drain", "{}")[0], 200)
        self.assertEqual(self.ask(agent, "POST", "/api/agent/undrain", "{}", {"Host": "localhost:1"})[0], 200)
        asked = ("status", "--agent", f"http://127.0.0.1:{self.port}", "--is", "ready")
        wait_until(lambda: agent.run(*asked).returncode == 0, "ready, and published")

    def test_ipv6(self):
        agent = self.tcp(listen="[::1]")
        self.assertEqual(self.ask(agent, "GET", "/healthz")[0], 200)
        self.assertEqual(agent.run("status").returncode, 0)

    def test_raw_requests(self):
        agent = self.tcp()
        for request, answer in ((b"GET /healthz HTTP/1.1\r\n\r\n", b"400"), (b"nonsense\r\n\r\n", b"400"),
                                (b"GET /healthz HTTP/3.0\r\n\r\n", b"505"), (b"GET /" + b"a" * 9000, b"414"),
                                (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 70 + b"\r\n", b"431"),
                                (b"POST /api/agent/drain HTTP/1.1\r\nHost: localhost\r\n"
                                 b"Content-Length: 99999999\r\n\r\n", b"413"),
                                (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"411")):
            with socket.create_connection(("127.0.0.1", self.port), DEADLINE_S) as sock:
                sock.sendall(request)
                got = sock.makefile("rb").readline()
                self.assertIn(answer, got.split()[1:2], (request[:60], got))
        self.assertEqual(self.ask(agent, "GET", "/healthz")[0], 200)

    def test_pages(self):
        watcher = self.watch()
        agent = self.agent().start()
        watcher.status("ready")
        wait_until(lambda: agent.api()["registry"]["registrations"] == 1, "the registration is counted")
        for path in ("/healthz", "/health", "/readyz"):
            status, headers, _ = agent.request("GET", path)
            self.assertEqual((status, headers["Content-Type"]), (200, "application/json"), path)
        document = agent.api()
        self.assertEqual(document["record"], self.etcd.get(agent.key).record)
        self.assertEqual((document["status"], document["id"], document["type"]), ("ready", "w1", "world"))
        self.assertTrue(document["transitions"])
        self.assertEqual(agent.request("HEAD", "/api/agent")[2], b"")

    def test_metrics_parse(self):
        watcher = self.watch()
        agent = self.agent().start()
        watcher.status("ready")
        agent.say("ready")
        agent.say("nonsense")
        # etcd's watcher may see the record before the agent has read the answer to its put.
        wait_until(lambda: agent.api()["registry"]["registrations"] == 1, "the registration is counted")
        status, headers, body = agent.request("GET", "/metrics")
        self.assertEqual(status, 200)
        self.assertTrue(headers["Content-Type"].startswith("text/plain; version=0.0.4"))
        values, types = {}, {}
        for line in body.decode().splitlines():
            if line.startswith("# TYPE "):
                types[line.split()[2]] = line.split()[3]
            elif not line.startswith("# HELP "):
                match = re.fullmatch(r"([a-z_]+)(\{[^}]*\})? (\S+)", line)
                self.assertTrue(match, line)
                values[match[1] + (match[2] or "")] = float(match[3])
                family = match[1] if match[1] in types else re.sub(r"_(bucket|sum|count)$", "", match[1])
                self.assertIn(family, types)
        self.assertEqual(values['outrider_status{status="ready"}'], 1)
        self.assertEqual(values['outrider_status{status="error"}'], 0)
        self.assertEqual(values['outrider_status_lines_total{outcome="ok"}'], 1)
        self.assertEqual(values["outrider_registrations_total"], 1)
        self.assertEqual(values["outrider_registry_in_sync"], 1)
        self.assertEqual(values['outrider_probe_success{probe="game"}'], 1)
        for name in ("outrider_build_info", "outrider_probe_duration_seconds", "outrider_registry_requests_total",
                     "outrider_registry_request_duration_seconds", "outrider_lease_remaining_seconds",
                     "outrider_loop_lag_seconds", "outrider_status_transitions_total"):
            self.assertIn(name, types)


class Status(Case):
    def first_lines(self, agent, *texts):
        done = agent.run("status")
        self.assertEqual(done.returncode, 0, done.stderr)
        for text in texts:
            self.assertIn(text, done.stdout)
        self.assertNotIn("\033", done.stdout)
        return done.stdout

    def test_texts(self):
        watcher = self.watch()
        agent = self.agent().start()
        agent.say("ready players=12/64 # on harbor")
        watcher.status("ready", players=12)
        wait_until(lambda: agent.api()["registry"]["inSync"], "in sync")
        self.first_lines(agent, "world/w1", "ready", "on harbor", "12/64", "passing", "in sync", self.etcd.url)
        self.assertEqual(agent.run("status", "--is", "ready").returncode, 0)
        self.assertEqual(agent.run("status", "--is", "error").returncode, 1)
        text = agent.run("status", "--json").stdout
        self.assertEqual(json.loads(text)["status"], "ready")
        self.assertRegex(text, r'"lastDurationMs": \d+(\.\d{1,3})?,')
        agent.run("drain", "--reason", "patch day", "--deadline", "9m")
        self.first_lines(agent, "draining", "patch day", "ops")
        agent.run("undrain")
        self.game.close()
        watcher.status("error")
        text = self.first_lines(agent, "error", "probe game: connection refused (3 of 3)")
        self.assertIn("probe game", text.splitlines()[1])
        agent.say("initializing # loading harbor 3/10")
        watcher.status("initializing")
        self.first_lines(agent, "initializing", "loading harbor 3/10")
        self.game.open()
        line = agent.line()
        line.ask("attach ready")
        wait_until(lambda: agent.api()["status"] == "ready", "ready")
        self.game.close()
        line.close()
        wait_until(lambda: agent.api()["status"] == "error", "the crash")
        self.first_lines(agent, "error", "closed its attached connection")

    def test_no_address_and_no_status(self):
        agent = self.agent(server={"require_status": True}).start()
        wait_until(lambda: agent.api()["probes"][0]["verdict"] == "passing", "the probe passes")
        self.first_lines(agent, "initializing", "require_status")
