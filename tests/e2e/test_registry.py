"""Failures of etcd: outage, data loss, lost lease, lost key; and of the network."""
import pathlib
import signal
import time

from harness import Case, merged, rss_kb, wait_until
from registry import DEADLINE_S


class Away(Case):
    """These tests stop etcd and start it again."""

    def ready(self, **over):
        watcher = self.watch()
        agent = self.agent(**over).start()
        watcher.status("ready")
        return agent

    def test_ready_and_readyz_before_etcd_answers(self):
        self.etcd.kill()
        self.addCleanup(lambda: self.etcd.node.is_healthy() or self.etcd.start())
        agent = self.agent().start()  # READY=1 without any etcd
        self.assertEqual(agent.request("GET", "/healthz")[0], 200)
        self.assertEqual(agent.request("GET", "/readyz")[0], 503)
        self.assertEqual(agent.say("ready players=3"), "OK")
        wait_until(lambda: agent.api()["registry"]["lastError"], "the error")
        text = agent.run("status").stdout
        self.assertIn("refused", text)
        self.etcd.start()
        wait_until(lambda: self.etcd.get(agent.key), "the record")
        wait_until(lambda: agent.request("GET", "/readyz")[0] == 200, "readyz")
        self.assertEqual(agent.stop(), 0)

    def test_etcd_restarted_with_its_data(self):
        agent = self.ready()
        before = self.etcd.get(agent.key)
        self.etcd.kill()
        wait_until(lambda: agent.api()["registry"]["lastError"], "the agent notices")
        self.assertEqual(agent.request("GET", "/readyz")[0], 200)  # it was published: the server keeps running
        agent.say("ready players=9")
        self.etcd.start()
        wait_until(lambda: (self.etcd.get(agent.key).record or {}).get("players") == 9, "the news of meanwhile")
        self.assertEqual(self.etcd.get(agent.key).lease, before.lease)
        # A write may succeed while an earlier heartbeat is still waiting for its reply.
        wait_until(lambda: agent.api()["registry"]["lastError"] is None, "the error is over")
        self.assertEqual(agent.stop(), 0)

    def test_etcd_wiped_the_record_is_back(self):
        agent = self.ready(registry={"ttl": "3s"})
        lease = self.etcd.get(agent.key).lease
        self.etcd.wipe()
        kv = wait_until(lambda: self.etcd.get(agent.key), "the record is back")
        self.assertEqual(kv.record["status"], "ready")
        self.assertNotEqual(kv.lease, lease)
        self.assertEqual(agent.stop(), 0)

    def test_term_with_etcd_gone_is_1_in_bounded_time(self):
        agent = self.ready(shutdown={"timeout": "1s", "linger": "10s"})
        self.etcd.kill()
        self.addCleanup(lambda: self.etcd.node.is_healthy() or self.etcd.start())
        began = time.monotonic()
        self.assertEqual(agent.stop(), 1)
        self.assertLess(time.monotonic() - began, 8)

    def test_etcd_comes_back_during_the_stop(self):
        agent = self.ready(shutdown={"timeout": "20s", "linger": "100ms"})
        self.etcd.kill()
        agent.send_signal(signal.SIGTERM)
        agent.logged("requests fail")
        self.etcd.start()
        self.assertEqual(agent.wait(), 0)
        self.assertIsNone(self.etcd.get(agent.key))


class Meddling(Case):
    def setUp(self):
        super().setUp()
        self.watcher = self.watch()

    def ready(self, **over):
        agent = self.agent(**over).start()
        self.watcher.status("ready")
        return agent

    def test_lease_revoked_by_hand(self):
        agent = self.ready(registry={"ttl": "3s"})
        since = self.watcher.mark()
        old = self.etcd.get(agent.key).lease
        self.etcd.revoke(old)
        gone = self.watcher.status("gone", since)
        back = self.watcher.status("ready", since)
        self.assertNotEqual(back.kv.lease, old)
        self.assertLess(back.moment - gone.moment, 3)  # found by the next heartbeat at the latest
        since = self.watcher.mark()
        self.etcd.revoke(back.kv.lease)
        self.watcher.status("gone", since)
        agent.say("players=1")  # found by the write
        self.watcher.status("ready", since, players=1)

    def test_key_deleted_by_hand(self):
        agent = self.ready()
        since = self.watcher.mark()
        self.etcd.delete(agent.key)
        self.watcher.status("gone", since)
        agent.say("players=1")
        self.watcher.status("ready", since, players=1)
        agent.logged("record repaired")

    def test_key_overwritten_by_hand(self):
        agent = self.ready()
        since = self.watcher.mark()
        self.etcd.put(agent.key, '{"id":"w1","status":"ready","host":"6.6.6.6"}')
        agent.say("players=1")
        event = self.watcher.status("ready", since, players=1, host="127.0.0.1")
        self.assertNotEqual(event.kv.lease, 0)

    def test_key_of_another_lease(self):
        lease = self.etcd.grant(2)
        agent = self.agent()
        self.etcd.put(agent.key, '{"id":"w1","status":"ready","host":"6.6.6.6"}', lease)
        since = self.watcher.mark()
        agent.start()
        agent.logged("key held by another agent")
        event = self.watcher.status("ready", since, host="127.0.0.1")
        self.assertEqual([e.status for e in self.watcher.until_now(since) if e.kv.revision < event.kv.revision
                          and not e.deleted and e.record.get("host") != "6.6.6.6"], [])

    def test_key_without_a_lease_is_taken(self):
        agent = self.agent()
        self.etcd.put(agent.key, "left by some script")
        agent.start()
        self.assertNotEqual(self.watcher.status("ready").kv.lease, 0)

    def test_a_suspended_agent_comes_back(self):
        agent = self.ready(registry={"ttl": "2s"})
        since = self.watcher.mark()
        agent.send_signal(signal.SIGSTOP)
        self.watcher.status("gone", since)
        agent.send_signal(signal.SIGCONT)
        self.watcher.status("ready", since)
        self.assertEqual(agent.stop(), 0)


class Watched(Case):
    """The own keys are watched: a change by hand is repaired long before the next heartbeat."""

    def setUp(self):
        super().setUp()
        self.watcher = self.watch()

    def ready(self, **over):
        agent = self.agent(**merged({"registry": {"ttl": "60s"}}, over)).start()
        self.watcher.status("ready")
        wait_until(lambda: agent.api()["registry"]["watch"] == "open", "its keys are watched")
        return agent

    def undone(self, agent, since, what):
        """A heartbeat comes after a quarter of the TTL and a read-back after 60 s: neither finds it."""
        done = self.watcher.wait(what, "what was done by hand", since)
        back = self.watcher.wait(lambda event: event.kv.revision > done.kv.revision and event.status == "ready" and
                                 event.record.get("host") == "127.0.0.1", "it undone", since)
        self.assertLess(back.moment - done.moment, 10)
        self.assertEqual(agent.api()["registry"]["watch"], "open")
        return back

    def test_deleted(self):
        agent = self.ready()
        since = self.watcher.mark()
        self.etcd.delete(agent.key)
        back = self.undone(agent, since, lambda event: event.status == "gone")
        self.assertEqual(back.kv.lease, int(agent.api()["lease"]["id"], 16))
        agent.logged("record repaired")

    def test_overwritten(self):
        agent = self.ready()
        since = self.watcher.mark()
        self.etcd.put(agent.key, '{"id":"w1","status":"ready","host":"6.6.6.6"}')
        self.undone(agent, since, lambda event: event.record and event.record.get("host") == "6.6.6.6")

    def test_lease_revoked(self):
        agent = self.ready()
        since = self.watcher.mark()
        old = self.etcd.get(agent.key).lease
        self.etcd.revoke(old)
        back = self.undone(agent, since, lambda event: event.status == "gone")
        self.assertNotEqual(back.kv.lease, old)

    def test_watched_again_after_etcd_was_away(self):
        agent = self.ready(registry={"ttl": "5s"})
        self.etcd.kill()
        wait_until(lambda: agent.api()["registry"]["watch"] == "waiting", "the watch has ended")
        self.etcd.start()
        wait_until(lambda: agent.api()["registry"]["watch"] == "open", "it is open again")
        watcher = self.watch()
        self.etcd.delete(agent.key)
        watcher.status("ready")
        self.assertEqual(agent.log().count("watch of own keys"), 0)

    def test_nothing_is_saved_without_need(self):
        agent = self.ready(registry={"ttl": "2s"})
        agent.say("ready players=1 # hello")
        wait_until(lambda: '"hello"' in agent.kept(), "the words are kept")
        kept = pathlib.Path(agent.config["state_dir"]) / "state.json"

        def heartbeats():
            text = agent.request("GET", "/metrics")[2].decode()
            return sum(float(line.split()[1]) for line in text.splitlines()
                       if line.startswith("outrider_registry_requests_total") and "keepalive" in line)
        wait_until(lambda: agent.api()["registry"]["inSync"], "in sync")
        agent.say("ready players=1 # hello")
        before, file = heartbeats(), kept.stat()
        for _ in range(3):
            agent.say("ready players=1 # hello")
        wait_until(lambda: heartbeats() >= before + 4, "four heartbeats")
        self.assertEqual((kept.stat().st_ino, kept.stat().st_mtime_ns), (file.st_ino, file.st_mtime_ns))


class Stopped(Case):
    def test_its_server_died_meanwhile(self):
        """Stopped for longer than the TTL while its server dies: the record never says ready again."""
        watcher = self.watch()
        agent = self.agent(registry={"ttl": "2s"}).start()
        watcher.status("ready")
        agent.send_signal(signal.SIGSTOP)
        since = watcher.mark()
        self.game.close()
        watcher.status("gone", since)
        agent.send_signal(signal.SIGCONT)
        watcher.status("error", since)
        self.assertNotIn("ready", [event.status for event in watcher.until_now(since)])
        agent.logged("agent did not run")


class Network(Case):
    """A fault proxy between agent and etcd. The watcher connects to etcd directly."""

    def setUp(self):
        super().setUp()
        self.watcher = self.watch()
        self.net = self.proxy()

    def ready(self, **over):
        registry = {"endpoints": [self.net.url], "ttl": "3s", "request_timeout": "300ms", **over.pop("registry", {})}
        agent = self.agent(registry=registry, **over).start()
        self.watcher.status("ready")
        return agent

    def write_through(self, agent, number):
        """A write that waits for the network and then succeeds."""
        since = self.watcher.mark()
        agent.say(f"players={number}")
        self.net.do("pass")
        self.watcher.status("ready", since, players=number)

    def test_every_fault_is_survived(self):
        agent = self.ready()
        number = 0
        for fault in ("stall", "black-hole", "reset", "half-close", "drop 10", "refuse"):
            with self.subTest(fault):
                number += 1
                seen = agent.api()["registry"]["revision"]
                self.net.do(fault)
                agent.say(f"players={number}")
                if fault != "half-close":
                    wait_until(lambda: agent.api()["registry"]["lastError"], f"error by {fault}")
                self.write_through(agent, number + 100)
                # The watcher may see the write before the agent gets the reply.
                wait_until(lambda: agent.api()["registry"]["revision"] > seen, f"written after {fault}")
        self.assertNotIn("error", [event.status for event in self.watcher.until_now()])
        self.assertEqual(agent.stop(), 0)

    def test_slow_and_cut_to_pieces(self):
        agent = self.ready()
        for number, fault in enumerate(("delay 50", "split 1", "split 7")):
            since = self.watcher.mark()
            self.net.do(fault)
            agent.say(f"players={number}")
            self.watcher.status("ready", since, players=number)
            self.assertIsNone(agent.api()["registry"]["lastError"])

    def test_a_lost_answer_is_no_second_write(self):
        """The put reaches etcd, its reply is lost: read back, recognised, not written again."""
        agent = self.ready()
        since = self.watcher.mark()
        self.net.do("drop 1")
        agent.say("players=77")
        self.watcher.status("ready", since, players=77)
        self.net.do("pass")
        wait_until(lambda: agent.api()["registry"]["inSync"], "in sync again")
        self.assertEqual([e.record["players"] for e in self.watcher.until_now(since)], [77])

    def test_silence_longer_than_the_ttl(self):
        agent = self.ready()
        since = self.watcher.mark()
        self.net.do("black-hole")
        self.watcher.status("gone", since)
        self.net.do("reset")
        self.net.do("pass")
        self.watcher.status("ready", since)
        self.assertEqual(agent.stop(), 0)

    def test_no_write_storm_and_no_growth_while_away(self):
        agent = self.ready(env={"ASAN_OPTIONS": "quarantine_size_mb=1:detect_leaks=1"})
        before = rss_kb(agent.pid)
        self.net.do("refuse")
        line = agent.line()
        for number in range(3000):
            self.assertEqual(line.ask(f"ready players={number} # text {number}"), "OK")
        self.assertLess(rss_kb(agent.pid) - before, 4096)
        since = self.watcher.mark()
        self.net.do("pass")
        self.watcher.status("ready", since, players=2999)
        self.assertLessEqual(len(self.watcher.until_now(since)), 2)

    def test_several_endpoints(self):
        """The first refuses, the second is a black hole, the third is etcd."""
        refusing, hole = self.new_game(), self.new_game()
        refusing.close()
        hole.hang()
        endpoints = [f"http://127.0.0.1:{refusing.port}", f"http://127.0.0.1:{hole.port}", self.etcd.url]
        agent = self.agent(registry={"endpoints": endpoints, "ttl": "3s"}).start()
        self.watcher.status("ready")
        since = self.watcher.mark()
        began = time.monotonic()
        agent.say("players=1")
        event = self.watcher.status("ready", since, players=1)
        self.assertLess(event.moment - began, 2)  # it keeps using the endpoint that answers
        self.assertEqual(agent.api()["registry"]["endpoint"], self.etcd.url)
        self.assertEqual(agent.stop(), 0)

    def test_an_endpoint_that_is_back_is_not_called_failed(self):
        """Nothing but the agent itself asks it, beside its requests; then it is used again. An observer shows the same."""
        nets = [self.net, self.proxy()]
        registry = {"endpoints": [net.url for net in nets], "ttl": "3s"}
        agents = [self.agent(registry=registry), self.agent("o", registry=registry, server=..., probes=..., status=...)]

        def endpoints():
            return agent.api()["registry"]["endpoints"]

        for agent in agents:
            agent.start()
            wait_until(lambda: agent.api()["registry"]["endpoint"], "an answer")
            first = next(i for i, endpoint in enumerate(endpoints()) if endpoint["inUse"])
            nets[first].do("refuse")
            wait_until(lambda: endpoints()[first]["lastError"] and endpoints()[1 - first]["inUse"], "the other is used")
            wait_until(lambda: f"  endpoint  {nets[first].url} failed " in agent.run("status").stdout, "the line")
            nets[first].do("pass")
            wait_until(lambda: endpoints()[first]["inUse"], "it is used again", 2 * DEADLINE_S)
            self.assertNotIn("  endpoint  ", agent.run("status").stdout)
            self.assertEqual(agent.stop(), 0)

    def test_an_endpoint_that_dies_in_service(self):
        agent = self.agent(registry={"endpoints": [self.net.url, self.etcd.url], "ttl": "3s"}).start()
        self.watcher.status("ready")
        lease = self.etcd.get(agent.key).lease
        for number, fault in enumerate(("refuse", "pass", "black-hole")):
            since = self.watcher.mark()
            self.net.do(fault)
            agent.say(f"players={number}")
            self.watcher.status("ready", since, players=number)
        self.assertEqual(self.etcd.get(agent.key).lease, lease)
        self.assertEqual(agent.stop(), 0)
