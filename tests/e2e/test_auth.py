"""etcd with authentication on: the least role is enough, no secret is printed, tokens expire."""
import json
import signal
import subprocess
import time

from harness import BINARY, environment, wait_until
from users import PASSWORD, AuthCase


class LeastRole(AuthCase):
    def test_a_sidecar_lives_on_the_least_role(self):
        watcher = self.watch()
        agent = self.sidecar().start()
        watcher.status("ready")
        self.assertEqual(agent.say("ready players=3 # hello"), "OK")
        watcher.status("ready", players=3)
        self.assertEqual(agent.run("drain", "--reason", "patch").returncode, 0)
        watcher.status("draining")
        self.assertEqual(agent.run("undrain").returncode, 0)
        wait_until(lambda: self.etcd.get(agent.key).record["status"] == "ready", "ready again")
        self.assertEqual(agent.stop(), 0)
        watcher.status("gone")

    def test_and_on_no_more(self):
        """A key outside the role cannot be written, neither by the agent nor with its password."""
        self.etcd.allow(self.prefix, "sidecar", self.user, "world", "w1")
        agent = self.agent(registry=self.login(), server={"id": "w2"}).start()
        self.wait_error(agent, "permission denied")
        self.assertIn("docs/etcd-roles", agent.run("status").stdout)
        agent.not_published("permission denied")
        self.assertIsNone(self.etcd.get(agent.key))
        self.assertEqual(agent.stop(), 0)  # there was no record
        for key, allowed in ((f"{self.prefix}/world/w1", True), (f"{self.prefix}/world/w2", False),
                             (f"{self.prefix}/world/w1/x", False),
                             (f"/outrider{self.prefix}/control/world/w1", True),
                             (f"/outrider{self.prefix}/control/world/w2", False), ("/elsewhere", False)):
            self.assertEqual(self.may_write(self.user, key), allowed, key)

    def test_a_lock_by_name(self):
        """The role of one lock takes that one; a user without it is told so at once."""
        self.etcd.allow(self.prefix, "lock", self.user, "nightly")
        config = self.dir / "kv.yaml"
        config.write_text(json.dumps({"registry": self.login(endpoints=[self.etcd.url], prefix=self.prefix)}))
        for name, status in (("nightly", 0), ("nightly2", 1), ("weekly", 1)):
            done = subprocess.run([str(BINARY), "kv", "lock", "-c", str(config), name, "--", "true"], env=environment(),
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual((done.returncode, "permission denied" in done.stderr), (status, status == 1), done.stderr)

    def may_write(self, user, key):
        try:
            self.etcd.root("etcdctl", "put", key, "x", user=f"{user}:{PASSWORD}")
        except subprocess.CalledProcessError as error:
            self.assertIn("permission denied", error.stderr)
            return False
        self.etcd.delete(key)
        return True

    def test_observer_and_operator(self):
        control = f"/outrider{self.prefix}/control/world/w1"
        self.etcd.allow(self.prefix, "observer", "gm", password=PASSWORD)
        self.etcd.allow(self.prefix, "operator", "op", password=PASSWORD)
        self.etcd.allow(self.prefix, "operator", "op", password="another")  # a repetition is harmless
        for user in ("gm", "op"):
            self.etcd.root("etcdctl", "get", "--prefix", self.prefix + "/", user=f"{user}:{PASSWORD}")
        self.assertFalse(self.may_write("gm", control))
        self.assertTrue(self.may_write("op", control))
        self.assertFalse(self.may_write("op", f"{self.prefix}/world/w1"))

    def test_who_may_reserve(self):
        """An observer's role is enough to reserve. Without the right the answer says what to do."""
        record = {"id": "w7", "type": "world", "status": "ready", "players": 0, "capacity": 10}
        self.etcd.put(f"{self.prefix}/world/w7", json.dumps(record))
        self.etcd.allow(self.prefix, "observer", self.user, password=PASSWORD)
        observer = self.agent("o", registry=self.login(), server=..., probes=..., status=...).start()
        wait_until(lambda: observer.request("POST", "/api/allocate/world", {"id": "p-7", "ttl": "1m"})[0] == 201, "a reservation")
        self.assertEqual(observer.request("DELETE", "/api/reservations/world/w7/p-7")[0], 200)
        self.assertEqual(observer.stop(), 0)
        self.etcd.root("etcdctl", "role", "revoke-permission", f"outrider-{self.user}", "--prefix",
                       f"/outrider{self.prefix}/seats/")
        observer.start()
        wait_until(lambda: observer.request("POST", "/api/allocate/world", {})[0] == 502, "it may not write")
        refused = json.loads(observer.request("POST", "/api/allocate/world", {})[2])["error"]
        self.assertEqual(refused["code"], "registry_denied")
        self.assertIn("docs/etcd-roles", refused["message"])

    def test_a_wrong_password_is_no_ready_server(self):
        agent = self.sidecar()
        self.write_password("wrong")
        agent.start()
        agent.not_published("authentication failed")
        self.write_password(PASSWORD)
        agent.send_signal(signal.SIGHUP)
        agent.is_published()

    def test_no_secret_is_printed(self):
        agent = self.sidecar()
        agent.write(log={"level": "debug"})
        agent.start()
        wait_until(lambda: self.etcd.get(agent.key), "the record")
        self.write_password("wrong-geheim")
        self.etcd.root("etcdctl", "user", "passwd", self.user, "--interactive=false", password="new-geheim")
        agent.say("ready players=1")
        self.wait_error(agent, "authentication failed")
        text = agent.log() + json.dumps(agent.api()) + agent.run("status").stdout + agent.kept() + \
            agent.request("GET", "/metrics")[2].decode()
        self.assertNotIn("geheim", text)
        self.assertNotIn("Authorization", text)
        agent.stop()


class ShortTokens(AuthCase):
    token_ttl_s = 1

    def test_several_lifetimes(self):
        """An unused token expires; the next write logs in, without a log line."""
        watcher = self.watch()
        agent = self.sidecar(ttl="5s").start()
        watcher.status("ready")
        for players in range(1, 5):
            over = time.monotonic() + 2.5  # a token of 1 s, checked once a second
            wait_until(lambda end=over: time.monotonic() > end, "a lifetime has passed")
            agent.say(f"ready players={players}")
            watcher.status("ready", players=players)
        self.assertFalse([event for event in watcher.until_now() if event.deleted])
        self.assertNotIn("level=warn", agent.log())
        self.assertNotIn("level=error", agent.log())
        self.assertEqual(agent.stop(), 0)


class CommonName(AuthCase):
    tls = True

    def certificate(self, name):
        folder = self.etcd.tls.folder
        return {"ca_file": f"{folder}/ca.crt", "cert_file": f"{folder}/{name}.crt", "key_file": f"{folder}/{name}.key"}

    def test_a_certificate_with_a_name_is_explained(self):
        """etcd's gateway refuses it while authentication is on, whatever the token: only the operator can fix it."""
        remedy = "set registry.tls.cert_file to one without it"
        agent = self.sidecar(tls=self.certificate("client-cn")).start()
        self.wait_error(agent, remedy)
        self.assertIn(remedy, agent.run("status").stdout)
        live = agent.run("check", "--live")
        self.assertEqual(live.returncode, 1, live)
        self.assertEqual(live.stdout.count("FAILED"), 1, live.stdout)
        self.assertIn(remedy, live.stdout)
        self.assertIsNone(self.etcd.get(agent.key))

    def test_one_without_is_good(self):
        agent = self.sidecar(tls=self.certificate("client"))
        agent.write()
        live = agent.run("check", "--live")
        self.assertEqual(live.returncode, 0, live)
        agent.start()
        wait_until(lambda: self.etcd.get(agent.key), "the record")
        agent.say("ready players=2")
        wait_until(lambda: self.etcd.get(agent.key).record.get("players") == 2, "a write over TLS with a token")
        self.assertEqual(agent.stop(), 0)
