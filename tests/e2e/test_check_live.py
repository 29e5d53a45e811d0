"""`outrider check --live`: its output for a registry that works, works in part, is unreachable, or denies access."""
import http.server
import json
import threading

import game_servers
from harness import wait_until
from users import PASSWORD, AuthCase

NOBODY = "http://127.0.0.1:1"


class SomethingElse(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.send_error(404)

    def log_message(self, *_):
        pass


class CheckLive(AuthCase):
    def check(self, agent, status):
        agent.write()
        revision = self.etcd.call("/v3/kv/range", {"key": "YQ=="})["header"]["revision"]
        result = agent.run("check", "--live")
        self.assertEqual(result.returncode, status, result)
        self.assertNotIn(PASSWORD, result.stdout + result.stderr)
        after = self.etcd.call("/v3/kv/range", {"key": "YQ=="})["header"]["revision"]
        self.assertEqual(after, revision, "check --live writes nothing")
        return result.stdout

    def test_everything_is_there(self):
        agent = self.sidecar()
        text = self.check(agent, 0)
        control = f"/outrider{self.prefix}/control/world/w1"
        for line in (f"{self.etcd.url}: answers in ", f"log in as `{self.user}`: ok", f"read {agent.key}: ok",
                     f"write {agent.key}: ok", f"read {control}: ok", f"write {control}: ok",
                     f"read all below {self.prefix}/: ok", f"read all below /outrider{self.prefix}/: ok"):
            self.assertIn(line, text)

    def test_one_endpoint_of_two_fails(self):
        agent = self.sidecar(endpoints=[NOBODY, self.etcd.url])
        text = self.check(agent, 0)
        self.assertIn(f"{NOBODY}: FAILED: connection refused: nothing listens there", text)
        self.assertIn(f"write {agent.key}: ok", text)

    def test_something_else_on_the_port_of_one(self):
        other = http.server.HTTPServer(("127.0.0.1", 0), SomethingElse)
        self.addCleanup(other.server_close)
        threading.Thread(target=other.serve_forever, daemon=True).start()
        self.addCleanup(other.shutdown)
        url = f"http://127.0.0.1:{other.server_port}"
        agent = self.sidecar(endpoints=[url, self.etcd.url])
        text = self.check(agent, 0)
        self.assertIn(f"{url}: FAILED: HTTP 404, not JSON: is it etcd?", text)
        self.assertIn(f"write {agent.key}: ok", text)

    def test_a_prefix_without_keys(self):
        agent = self.sidecar()
        below = f"read all below {self.prefix}/: ok"
        self.assertIn(f"{below}, no keys there\n", self.check(agent, 0))
        self.etcd.put(agent.key, "{}")
        self.assertIn(f"{below}\n", self.check(agent, 0))

    def test_tls_where_there_is_none(self):
        text = self.check(self.sidecar(endpoints=[self.etcd.url.replace("http:", "https:")]), 75)
        self.assertIn("if it does not speak TLS on this port, use http://", text)

    def test_a_server_that_is_not_there(self):
        agent = self.sidecar()
        self.assertNotIn("check server.ports", self.check(agent, 0))
        self.game.close()
        self.assertIn(f"probe game, tcp localhost:{self.game.port}: connection refused. Nothing listens on TCP port "
                      f"{self.game.port} of localhost: does the server run, and is this its port?\n", self.check(agent, 0))
        agent.write(probes=...)
        self.assertIn(f"probe tcp-{self.game.port}, tcp localhost:{self.game.port}: connection refused; if the server runs, "
                      "check server.ports and probe_host\n", self.check(agent, 0))

    def test_what_probes_learn(self):
        """All at once: each that hangs has asked before the first of them asks again, at half its timeout."""
        source, bedrock = game_servers.a2s(self, name="\x1b[2Jharbor"), game_servers.raknet(self)
        silent = game_servers.Datagrams(self, lambda data: [])
        slow = [{"name": f"slow-{i}", "type": "a2s", "port": silent.port, "timeout": "400ms"} for i in range(30)]
        agent = self.sidecar()
        agent.write(probes=[
            {"name": "query", "type": "a2s", "port": source.port}, {"name": "ping", "type": "raknet", "port": bedrock.port},
            {"name": "own", "type": "exec", "command": ["/bin/echo", "outrider: players=7"], "timeout": "900ms"},
            {"name": "away", "type": "tcp", "port": self.game.port, "host": "nowhere.invalid"}, *slow])
        text = self.check(agent, 0)
        self.assertRegex(text, rf"probe query, a2s localhost:{source.port}: passed in [0-9.]+ ms, players 3 of 16, map de_dust2, "
                               "version 1.38.7, name .*harbor\n")
        self.assertNotIn("\x1b", text)
        self.assertIn(", players 4 of 10, ", text)
        self.assertIn("probe away, tcp nowhere.invalid", text)
        self.assertRegex(text, "probe own, exec /bin/echo outrider: players=7: passed in [0-9.]+ ms, players 7\n")
        self.assertEqual(text.count(f", a2s localhost:{silent.port}: timed out after 400ms. UDP port {silent.port} of localhost "
                                    "gave no answer"), 30)
        self.assertEqual(len(set(silent.peers[:30])), 30, "one after the other")

    def test_no_endpoint_answers(self):
        text = self.check(self.sidecar(endpoints=[NOBODY]), 75)
        self.assertNotIn("read", text.replace("already", ""))

    def test_a_key_of_another_holder(self):
        agent = self.sidecar()
        agent.write(server={"id": "w2"})
        text = self.check(agent, 1)
        self.assertIn(f"read {agent.key}: ok", text)
        self.assertIn(f"write {agent.key}: FAILED: ", text)
        self.assertIn("permission denied: registry.username has no role that allows it (docs/etcd-roles)", text)

    def test_a_wrong_password(self):
        agent = self.sidecar()
        self.write_password("wrong-" + PASSWORD[:3])
        text = self.check(agent, 1)
        self.assertIn("log in: FAILED: ", text)
        self.assertIn("check registry.username and the password in registry.password_file", text)
        self.assertNotIn("read", text)

    def test_no_credentials_where_they_are_wanted(self):
        text = self.check(self.agent(), 1)
        self.assertEqual(text.count("FAILED"), 1, text)
        self.assertIn("set registry.username and registry.password_file", text)

    def test_a_kept_id_is_checked(self):
        self.etcd.allow(self.prefix, "fleet", self.user, "world")
        agent = self.agent(registry=self.login(), server={"id": "auto"})
        self.assertIn("a random id is used below", self.check(agent, 0))
        agent.start()
        wait_until(lambda: self.etcd.under(self.prefix + "/"), "the record")
        agent.stop()
        kept = json.loads(agent.kept())
        text = self.check(agent, 0)
        self.assertNotIn("a random id", text)
        self.assertIn(kept.get("id") or kept["state"]["id"], text)

    def test_whether_it_may_drain_other_servers(self):
        """An observer's role and a sidecar's least role may not: no error, and `drain --id` says the same."""
        role = "not allowed; to drain them through this agent, its user needs the role `operator` of docs/etcd-roles"
        self.assertIn(f"drain other servers of type world (--id): {role}\n", self.check(self.sidecar(), 0))
        for kind, allowed in (("observer", role), ("operator", "ok")):
            self.etcd.allow(self.prefix, kind, f"{kind}{self.number}", password=PASSWORD)
            observer = self.agent(kind, server=..., probes=..., shutdown=..., drain=...,
                                  registry=self.login(username=f"{kind}{self.number}"))
            text = self.check(observer, 0)
            self.assertIn(f"drain servers of the fleet (--id): {allowed}\n", text)
            self.assertIn("reserve seats (join, allocate): ok\n", text)
            self.assertIn("copy the audit for other observers: ok\n", text)
            self.etcd.put(f"{self.prefix}/world/w9", json.dumps({
                "id": "w9", "type": "world", "host": "10.0.0.5", "ports": [8001], "status": "ready",
                "updatedAt": "2026-11-21T02:14:00.123Z"}))
            observer.start()
            wait_until(lambda agent=observer: agent.request("GET", "/readyz")[0] == 200, "the view of the fleet")
            drained = observer.run("drain", "--id", "w9")
            self.assertEqual(drained.returncode, 0 if allowed == "ok" else 1, drained)
            if allowed != "ok":
                self.assertIn("ask one whose user in the registry has the role `operator` of docs/etcd-roles", drained.stderr)

    def test_whether_it_may_stand_for_leadership(self):
        agent = self.sidecar()
        agent.write(leader=[{"scope": "matchmaker", "ttl": "2s"}])
        below = f"/outrider{self.prefix}/leader/matchmaker/"
        text = self.check(agent, 1)
        self.assertIn(f"stand for leadership, write {below}outrider-check: FAILED: ", text)
        self.etcd.allow(self.prefix, "leader", self.user, "matchmaker")
        self.assertIn(f"stand for leadership, write {below}outrider-check: ok\n", self.check(agent, 0))
        agent.start()
        wait_until(lambda: agent.api()["leader"][0]["leads"], "it leads")
        agent.stop()
        self.assertEqual(self.etcd.under(below), [])

    def test_a_file_with_an_error_is_not_tried(self):
        agent = self.sidecar()
        agent.write(registry={"heartbeat": "10s"})
        result = agent.run("check", "--live")
        self.assertEqual((result.returncode, result.stdout), (78, ""))

    def test_a_password_for_everybody_is_warned_of(self):
        agent = self.sidecar()
        agent.write()
        self.password_file.chmod(0o644)
        result = agent.run("check")
        self.assertEqual(result.returncode, 0)
        self.assertIn(f"registry.password_file: warning: {self.password_file} has mode 0644", result.stderr)

    def test_an_empty_password_is_an_error(self):
        agent = self.sidecar()
        agent.write()
        self.password_file.write_text("")
        result = agent.run("check")
        self.assertEqual(result.returncode, 78)
        self.assertIn(f"registry.password_file: {self.password_file} is empty\n", result.stderr)

    def test_a_password_that_is_nowhere_is_warned_of(self):
        agent = self.sidecar()
        agent.write()
        self.password_file.unlink()
        result = agent.run("check")
        self.assertEqual(result.returncode, 0)
        self.assertIn(f"registry.password_file: warning: {self.password_file} does not exist on this machine", result.stderr)
