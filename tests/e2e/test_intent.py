"""The operator's hold at the control key: written for every way to drain, followed, and kept through
restarts of the agent and of etcd, and the loss of etcd's data."""
import json
import signal

from harness import OPERATOR, Case, wait_until


class Intent(Case):
    def setUp(self):
        super().setUp()
        self.watcher = self.watch()

    def control(self, key="w1"):
        return f"/outrider{self.prefix}/control/world/{key}"

    def ready(self, **over):
        agent = self.agent(**over).start()
        self.watcher.status("ready")
        # The watch of the two keys is opened after the record. From then on changes by hand are followed.
        wait_until(lambda: agent.api()["registry"]["inSync"], "the record is in sync")
        return agent

    def at_key(self, what, key="w1"):
        """Waits for this value of the control key: its hold as a dict, None if lifted, or "absent"."""
        def hold():
            kv = self.etcd.get(self.control(key))
            return "absent" if kv is None else kv.record["hold"]
        return wait_until(lambda: (found := [hold()]) and what(found[0]) and found, f"the control key ({hold()})")[0]

    def test_put_in_every_way(self):
        agent = self.ready()
        self.assertIsNone(self.etcd.get(self.control()))
        for drain, undrain, by in (
                (lambda: agent.send_signal(signal.SIGUSR1), lambda: agent.send_signal(signal.SIGUSR2), "signal"),
                (lambda: self.assertEqual(agent.run("drain", "--reason", "patch").returncode, 0),
                 lambda: self.assertEqual(agent.run("undrain").returncode, 0), OPERATOR),
                (lambda: agent.request("POST", "/api/agent/drain", {"expires": "1h"}),
                 lambda: agent.request("POST", "/api/agent/undrain", {}), "API")):
            since = self.watcher.mark()
            drain()
            record = self.watcher.status("draining", since).record
            hold = self.at_key(lambda hold: hold not in (None, "absent"))
            self.assertTrue(hold["by"].startswith(by), hold)
            self.assertEqual(hold["since"], record["drain"]["since"])
            self.assertEqual(self.etcd.get(self.control()).lease, 0)
            undrain()
            self.at_key(lambda hold: hold is None)

    def test_followed_from_the_key(self):
        agent = self.ready()
        since = self.watcher.mark()
        self.etcd.put(self.control(), '{"hold":{"reason":"by hand"}}')
        record = self.watcher.status("draining", since).record
        self.assertEqual(record["drain"], {"holds": ["ops"], "by": "control key", "reason": "by hand",
                                           "since": record["drain"]["since"]})
        status = agent.run("status").stdout
        self.assertIn("control   in sync at revision", status)
        since = self.watcher.mark()
        self.etcd.put(self.control(), "drain, please")
        agent.logged("control key value invalid")
        self.assertIn("invalid value at revision", agent.run("status").stdout)
        self.etcd.put(self.control(), '{"hold":null}')
        self.watcher.status("ready", since)
        self.assertEqual(self.watcher.events[since].status, "ready", "garbage changes nothing")

    def test_survives_an_agent_without_state(self):
        agent = self.ready(state_dir=None)
        agent.run("drain", "--reason", "over the restart")
        self.at_key(lambda hold: hold not in (None, "absent"))
        since = self.watcher.mark()
        agent.stop()
        self.watcher.status("gone", since)
        since = self.watcher.mark()
        agent.start()
        record = self.watcher.status("draining", since).record
        self.assertEqual(record["drain"]["reason"], "over the restart")
        self.assertNotIn("ready", [event.status for event in self.watcher.events[since:]])

    def test_what_is_changed_while_etcd_is_away_is_sent_when_it_is_back(self):
        proxy = self.proxy()
        agent = self.ready(registry={"endpoints": [proxy.url]})
        proxy.do("refuse")
        wait_until(lambda: agent.api()["registry"]["lastError"], "etcd is missed")
        self.assertEqual(agent.run("drain", "--reason", "meanwhile").returncode, 0)
        wait_until(lambda: "control   not written for" in agent.run("status").stdout, "status says that it is pending")
        # Across a restart too: the reply came after state_dir had it.
        agent.kill()
        agent.start()
        proxy.do("pass")
        self.assertEqual(self.at_key(lambda hold: hold not in (None, "absent"))["reason"], "meanwhile")
        wait_until(lambda: agent.api()["control"]["inSync"], "the control key is in sync")
        self.assertEqual(self.watcher.status("draining").record["drain"]["reason"], "meanwhile")

    def test_on_conflict_drain_wins(self):
        proxy = self.proxy()
        agent = self.ready(registry={"endpoints": [proxy.url]})
        agent.run("drain", "--reason", "mine")
        self.at_key(lambda hold: hold not in (None, "absent"))
        proxy.do("refuse")
        wait_until(lambda: agent.api()["registry"]["lastError"], "etcd is missed")
        agent.run("undrain")
        self.etcd.put(self.control(), '{"hold":{"reason":"theirs"}}')
        proxy.do("pass")
        agent.logged("drain wins")
        wait_until(lambda: [hold["reason"] for hold in agent.api()["holds"]] == ["theirs"], "their hold is adopted")
        self.assertEqual(json.loads(self.etcd.get(self.control()).value), {"hold": {"reason": "theirs"}})

    def test_put_again_when_deleted(self):
        agent = self.ready()
        agent.run("drain", "--reason", "patch")
        before = self.at_key(lambda hold: hold not in (None, "absent"))
        revision = self.etcd.get(self.control()).revision
        self.etcd.delete(self.control())
        wait_until(lambda: (kv := self.etcd.get(self.control())) and kv.revision > revision, "it is put again")
        self.assertEqual(self.etcd.get(self.control()).record["hold"], before)

    def test_goes_with_an_id_that_ends(self):
        agent = self.agent(server={"id": "auto"}, state_dir=None).start()
        record = self.watcher.status("ready").record
        agent.run("drain")
        self.at_key(lambda hold: hold not in (None, "absent"), record["id"])
        self.assertEqual(agent.stop(), 0)
        self.assertIsNone(self.etcd.get(self.control(record["id"])))

    def test_expires_at_the_key(self):
        agent = self.ready()
        agent.request("POST", "/api/agent/drain", {"expires": "300ms"})
        self.at_key(lambda hold: hold not in (None, "absent"))
        self.at_key(lambda hold: hold is None)
        self.assertEqual(agent.api()["holds"], [])


class Wiped(Case):
    def test_survives_an_emptied_etcd(self):
        watcher = self.watch()
        agent = self.agent().start()
        watcher.status("ready")
        agent.run("drain", "--reason", "patch")
        key = f"/outrider{self.prefix}/control/world/w1"
        wait_until(lambda: self.etcd.get(key), "the control key")
        self.etcd.wipe()
        wait_until(lambda: (kv := self.etcd.get(key)) and kv.record["hold"]["reason"] == "patch", "it is put again")
