"""Leadership: who leads, what the server hears of it, and who follows when the leader goes, in whatever way."""
import json
import pathlib
import signal
import subprocess

from harness import BINARY, Case, environment, wait_until


class Standing(Case):
    scope = "world"
    ttl = "2s"

    def candidate(self, name, **over):
        """A sidecar that stands for its type, with a game of its own."""
        game = self.new_game()
        agent = self.agent(name, server={"id": name, "ports": [game.port]},
                           probes=[{"name": "game", "type": "tcp", "port": game.port, "interval": "50ms", "timeout": "40ms"}],
                           leader=[{"ttl": self.ttl}], **over)
        agent.game = game
        return agent

    def keys(self):
        return self.etcd.under(f"/outrider{self.prefix}/leader/{self.scope}/")

    def standing(self, agent):
        """The state of its only candidacy."""
        return agent.api()["leader"][0]

    def leads(self, agent):
        return self.standing(agent)["leads"]

    def await_leader(self, agent):
        wait_until(lambda: self.leads(agent), f"{agent.name} leads: {self.standing(agent)}")
        return self.standing(agent)["token"]

    def await_queued(self, agent):
        wait_until(lambda: self.standing(agent)["state"] == "queued", f"{agent.name} is queued: {self.standing(agent)}")

    def pair(self, **over):
        """Two candidates, of which the first leads and is watched: (leader, its events, the other, its token)."""
        first, second = self.candidate("w1", **over).start(), self.candidate("w2")
        token = self.await_leader(first)
        second.start()
        self.await_queued(second)
        events = first.line()
        self.assertEqual(events.ask("watch"), "OK")
        self.assertEqual(events.read(), f"EVENT leader gained scope=world token={token}")
        return first, events, second, token

    def followed(self, second, token):
        """The other leads now, with a higher token."""
        self.assertGreater(self.await_leader(second), token)

    def metric(self, agent, line):
        self.assertIn(f"\n{line}\n", agent.request("GET", "/metrics")[2].decode())


class Leader(Standing):
    def test_what_the_leader_shows(self):
        first, events, second, token = self.pair()
        record = json.loads(events.ask("get"))
        self.assertEqual(record["leader"], [{"scope": "world", "leads": True, "token": token}])
        self.assertEqual(record["id"], "w1")
        self.assertEqual(json.loads(second.say("get"))["leader"], [{"scope": "world", "leads": False}])
        self.assertNotIn("leader", json.loads(self.etcd.get(first.key).value))
        values = sorted(json.loads(kv.value)["id"] for kv in self.keys())
        self.assertEqual(values, ["w1", "w2"])
        self.metric(first, 'outrider_leader{scope="world"} 1')
        self.metric(first, f'outrider_leader_token{{scope="world"}} {token}')
        self.metric(second, 'outrider_leader{scope="world"} 0')
        self.metric(first, 'outrider_elections_won_total{scope="world"} 1')
        self.assertIn(f"  leader    of world, token {token}\n", first.run("status").stdout)
        self.assertIn("  leader    not of world: another candidate is before it\n", second.run("status").stdout)

    def test_killed(self):
        first, _, second, token = self.pair()
        first.kill()
        self.followed(second, token)

    def test_stopped_by_a_signal_it_does_not_see(self):
        first, events, second, token = self.pair()
        first.send_signal(signal.SIGSTOP)
        self.followed(second, token)
        first.send_signal(signal.SIGCONT)
        self.assertEqual(events.read(), f"EVENT leader lost scope=world token={token} reason=expired")
        self.assertFalse(self.leads(first))
        self.await_queued(first)
        self.metric(first, 'outrider_leader_lost_total{scope="world",reason="expired"} 1')

    def test_cut_off(self):
        """It says that it lost though it hears nothing, and an agent that cannot withdraw ends all the same."""
        proxy = self.proxy()
        first, events, second, token = self.pair(registry={"endpoints": [proxy.url], "request_timeout": "300ms", "ttl": "2s"})
        proxy.do("black-hole")
        self.assertEqual(events.read(), f"EVENT leader lost scope=world token={token} reason=expired")
        self.followed(second, token)
        self.assertIn("keepalive", self.standing(first)["lastError"])
        first.stop()
        proxy.do("pass")

    def test_drained_and_undrained(self):
        first, events, second, token = self.pair()
        self.assertEqual(first.run("drain").returncode, 0)
        seen = [events.read() for _ in range(2)]
        self.assertIn(f"EVENT leader lost scope=world token={token} reason=resigned", seen)
        self.followed(second, token)
        self.assertEqual(self.standing(first)["why"], "the server is not ready")
        self.assertEqual(len(self.keys()), 1)
        first.run("undrain")
        self.await_queued(first)

    def test_crash_of_the_game(self):
        first, events, second, token = self.pair()
        attached = first.line()
        self.assertEqual(attached.ask("attach"), "OK")
        attached.close()
        self.assertEqual(events.read(), f"EVENT leader lost scope=world token={token} reason=resigned")
        self.followed(second, token)

    def test_clean_stop_of_the_agent_leaves_no_key(self):
        for number in (signal.SIGTERM, signal.SIGQUIT):
            with self.subTest(number):
                first, _, second, token = self.pair()
                first.stop(number)
                self.assertEqual([json.loads(kv.value)["id"] for kv in self.keys()], ["w2"])
                self.followed(second, token)
                second.stop()
                self.assertEqual(self.keys(), [])
                for agent in (first, second):
                    agent.kill()
                    agent.dir.rename(agent.dir.with_suffix(f".{number}"))

    def test_foreign_keys_are_skipped_and_counted(self):
        for name in ("1", "x", "beef"):
            self.etcd.put(f"/outrider{self.prefix}/leader/world/{name}", "nonsense")
        first = self.candidate("w1").start()
        self.await_leader(first)
        self.assertEqual(self.standing(first)["skippedKeys"], 3)

    def test_key_deleted_by_hand(self):
        first, events, second, token = self.pair()
        self.etcd.delete(next(kv.key for kv in self.keys() if json.loads(kv.value)["id"] == "w1"))
        self.assertEqual(events.read(), f"EVENT leader lost scope=world token={token} reason=key_gone")
        self.followed(second, token)
        self.await_queued(first)


class Observer(Standing):
    """An observer stands from its start on, under an id that its state_dir keeps."""

    scope = "lobby"

    def observer(self, name, **over):
        agent = self.agent(name, server=..., probes=..., status=..., drain=..., shutdown=...,
                           leader=[{"scope": "lobby", "ttl": "2s"}], **over)
        return agent

    def test_observer_keeps_its_id(self):
        agent = self.observer("o").start()
        self.await_leader(agent)
        value = json.loads(self.keys()[0].value)
        self.assertEqual(value["type"], "observer")
        agent.stop()
        self.assertEqual(self.keys(), [])
        agent.start()
        self.await_leader(agent)
        self.assertEqual(json.loads(self.keys()[0].value)["id"], value["id"])

    def test_observer_without_state_dir(self):
        agent = self.observer("o", state_dir=...)
        agent.write()
        done = subprocess.run([str(BINARY), "agent", "-c", str(agent.path)], env=environment(), capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 78)
        self.assertIn("an observer that stands for leadership keeps its id there", done.stderr)
        self.assertEqual(list(pathlib.Path(agent.dir).glob("state.json")), [])

