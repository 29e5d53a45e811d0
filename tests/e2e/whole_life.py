"""A fleet from its first record to its last, on whichever registry a class names: what players and operators see must not
depend on it."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

from harness import BINARY, environment, merged
from placing import PlacingCase
from redis_servers import Redis
from registry import load, wait_until


class WholeLife:
    """Tests of a PlacingCase that has `registry`, the section of the configuration, `lose_all()`, which empties the registry,
    and `restart()`, which kills it and starts it with what it kept."""

    ttl = "2s"

    def agent(self, name="a", **over):
        over["registry"] = merged({"ttl": self.ttl, **self.registry}, over.get("registry", {}))
        return super().agent(name, **over)

    def open_fleet(self, count=3, **over):
        self.one = self.observer("o1", **over).start()
        self.open_servers(count, capacity=4)
        self.wait_ready([self.one])

    def shows(self, **expected):
        """What the observer says of the servers, once it does."""
        want = {f"world/{name}": status for name, status in expected.items()}
        wait_until(lambda: self.statuses(self.one) == want, f"{want} at the observer, not {self.statuses(self.one)}")

    def statuses(self, observer):
        """None while the observer does not know the fleet yet."""
        status, body = self.ask(observer, "GET", "/api/services?type=world")
        return {f"world/{each['id']}": each["status"] for each in body["services"]} if status == 200 else {}

    def sees_a_change(self):
        wait_until(lambda: "harbor" in json.dumps(self.ask(self.one, "GET", "/api/services/world/s1")[1]), "a change is seen")

    def change_is_seen(self):
        self.servers["world/s1"].say("label.map=harbor")
        self.sees_a_change()

    def kv(self, *words, exits=0, **popen):
        done = subprocess.run([BINARY, "kv", *words], env=environment(OUTRIDER_CONFIG=self.one.path), capture_output=True,
                              text=True, check=False, timeout=30, **popen)
        self.assertEqual(done.returncode, exits, done.stderr)
        return done.stdout

    def test_servers_come_change_and_go(self):
        self.open_fleet()
        self.change_is_seen()
        self.servers["world/s2"].crash()
        self.shows(s1="ready", s2="error", s3="ready")
        self.servers["world/s3"].agent.kill()  # with its machine: the lease ends
        self.shows(s1="ready", s2="error")
        self.servers["world/s2"].open()
        self.shows(s1="ready", s2="ready")
        self.assertEqual(self.servers["world/s1"].agent.stop(), 0)
        self.shows(s2="ready")
        self.servers["world/s3"].agent.start()
        self.servers["world/s3"].open()
        self.shows(s2="ready", s3="ready")

    def test_an_operator_drains(self):
        self.open_fleet()
        self.ask(self.one, "POST", "/api/services/world/s1/drain", {"reason": "patch"})
        self.shows(s1="draining", s2="ready", s3="ready")
        self.assertIn("patch", self.servers["world/s1"].agent.run("status").stdout)
        self.ask(self.one, "POST", "/api/services/world/s1/undrain", {})
        self.shows(s1="ready", s2="ready", s3="ready")

    def test_players_are_placed_once(self):
        self.open_fleet()
        first = self.join(self.one, "p1")
        self.assertEqual(self.join(self.one, "p1")["session"]["id"], first["session"]["id"])
        server = self.servers[f"world/{first['service']['id']}"]
        server.enter("p1", first["reservation"]["id"])
        # All seats there are, and not one more.
        placed = [self.join(self.one, f"q{n}")["service"]["id"] for n in range(11)]
        self.assertEqual({name: placed.count(name) for name in placed + [server.name]},
                         {each.name: 3 if each is server else 4 for each in self.servers.values()})
        self.join(self.one, "late", status=503)

    def test_one_leads(self):
        leader = [{"ttl": self.ttl}]
        self.one = self.observer("o1").start()
        pair = [self.agent(name, server={"id": name}, leader=leader) for name in ("w1", "w2")]
        pair[0].start()
        leads = lambda agent: agent.api()["leader"][0]["leads"]
        wait_until(lambda: leads(pair[0]), "the first leads")
        pair[1].start()
        wait_until(lambda: pair[1].api()["leader"][0]["state"] == "queued", "the second waits")
        token = pair[0].api()["leader"][0]["token"]
        pair[0].kill()
        wait_until(lambda: leads(pair[1]), "the second leads")
        self.assertGreater(pair[1].api()["leader"][0]["token"], token)

    def test_keys_and_locks_by_hand(self):
        self.open_fleet(count=1)
        self.assertIn(f"{self.prefix}/world/s1\n", self.kv("get", "--prefix", f"{self.prefix}/", "--keys-only"))
        watch = self.process(str(BINARY), "kv", "watch", f"{self.prefix}-motd", env=environment(OUTRIDER_CONFIG=self.one.path),
                             stdout=subprocess.PIPE, text=True)
        wait_until(lambda: self.kv("put", f"{self.prefix}-motd", "hello") and watch.poll() is None, "a key is written")
        self.assertEqual(self.kv("get", "--print-value-only", f"{self.prefix}-motd"), "hello\n")
        self.assertEqual(self.kv("del", f"{self.prefix}-motd"), "1\n")
        self.assertIn(watch.stdout.readline(), ("PUT\n", "DELETE\n"))
        lines = f"if missing {self.prefix}-motd\nthen put {self.prefix}-motd first\nelse get {self.prefix}-motd\n"
        self.assertEqual(self.kv("txn", input=lines), "SUCCESS\n\nOK\n")
        self.assertEqual(self.kv("txn", input=lines, exits=1), f"FAILURE\n\n{self.prefix}-motd\nfirst\n")
        token = [self.kv("lock", "nightly", "--ttl", self.lock_ttl, "--", "sh", "-c", "echo $OUTRIDER_LOCK_TOKEN") for _ in range(2)]
        self.assertLess(int(token[0]), int(token[1]))

    lock_ttl = "2s"

    def test_the_registry_restarts(self):
        self.open_fleet()
        self.restart()
        self.change_is_seen()
        self.shows(s1="ready", s2="ready", s3="ready")
        self.servers["world/s2"].agent.kill()
        self.shows(s1="ready", s3="ready")

    def test_the_registry_loses_everything(self):
        self.open_fleet()
        self.lose_all()
        self.change_is_seen()
        self.shows(s1="ready", s2="ready", s3="ready")

    def test_the_registry_hangs(self):
        """For less than a lease: no record is withdrawn, and what changed meanwhile is written."""
        self.open_fleet()
        self.send_registry(signal.SIGSTOP)
        self.addCleanup(self.send_registry, signal.SIGCONT)
        self.servers["world/s1"].say("label.map=harbor")
        wait_until(lambda: self.servers["world/s1"].agent.api()["registry"]["lastError"], "the agent hears no answer")
        self.send_registry(signal.SIGCONT)
        self.sees_a_change()
        self.shows(s1="ready", s2="ready", s3="ready")


class OnEtcd(WholeLife, PlacingCase):
    @property
    def registry(self):
        return {"endpoints": [self.etcd.url]}

    def restart(self):
        self.etcd.kill()
        self.etcd.start()

    def lose_all(self):
        self.etcd.wipe()

    def send_registry(self, number):
        self.etcd.node.process.send_signal(number)


class OnRedis(WholeLife, PlacingCase):
    @classmethod
    def setUpClass(cls):
        cls.redis = Redis("single")
        cls.addClassCleanup(cls.redis.stop)

    @property
    def registry(self):
        settings = dict(self.redis.settings)
        return {"backend": "redis", "endpoints": settings.pop("endpoints"), "redis": {**settings, "namespace": f"t{self.number}"}}

    def start_again(self):
        self.redis.nodes[0].kill()
        self.redis.nodes[0].start()

    def restart(self):
        """With what it had at the moment: another past may have begun, and the agents look."""
        self.redis.do("cli", "1", "SAVE")
        self.start_again()

    def lose_all(self):
        for dump in self.redis.nodes[0].folder.glob("*.rdb"):
            dump.unlink()
        self.start_again()

    def send_registry(self, number):
        self.redis.nodes[0].process.send_signal(number)


class OnConsul(WholeLife, PlacingCase):
    """A session ends at twice its TTL."""

    @classmethod
    def setUpClass(cls):
        binary = shutil.which(os.environ.get("OUTRIDER_CONSUL", "consul"))
        if binary is None:
            raise unittest.SkipTest("no consul: tests/support/consul fetches one, OUTRIDER_CONSUL names it")
        parent = pathlib.Path(tempfile.mkdtemp(prefix="outrider-e2e-consul-"))
        cls.addClassCleanup(shutil.rmtree, parent, ignore_errors=True)
        cls.node = load("with-consul").start_cluster(binary, parent, 1)[1][0]
        cls.addClassCleanup(cls.node.kill)

    @property
    def registry(self):
        return {"backend": "consul", "endpoints": [self.node.url]}

    def restart(self):
        self.node.kill()
        self.node.start()
        wait_until(self.node.is_ready, "Consul has a leader again")

    def lose_all(self):
        """Every key, that of the store's identity, too. The node of the sessions is the operator's to register again."""
        self.node.call("/v1/txn", [{"KV": {"Verb": "delete-tree", "Key": ""}}])

    def send_registry(self, number):
        self.node.process.send_signal(number)
