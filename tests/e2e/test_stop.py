"""Every way to stop: what watchers see, how long it takes, and the exit status."""
import json
import os
import shutil
import signal
import socket
import tempfile
import time

from harness import Case, UnixHttp, wait_until


class Stop(Case):
    def setUp(self):
        super().setUp()
        self.watcher = self.watch()

    def ready(self, **over):
        agent = self.agent(**over).start()
        self.watcher.status("ready")
        return agent

    def seen(self, since=0):
        return [event.status for event in self.watcher.until_now(since)]

    def test_term_publishes_lingers_and_leaves(self):
        agent = self.ready(shutdown={"linger": "400ms"})
        lease = self.etcd.get(agent.key).lease
        since = self.watcher.mark()
        agent.send_signal(signal.SIGTERM)
        published = self.watcher.status("shutting_down", since)
        gone = self.watcher.status("gone", since)
        self.assertGreaterEqual(gone.moment - published.moment, 0.39)
        self.assertEqual(agent.wait(), 0)
        self.assertEqual(self.seen(since), ["shutting_down", "gone"])
        self.assertEqual(published.record["reason"], "the agent is stopping")
        self.assertEqual(self.etcd.remaining(lease), -1)
        self.assertIn("STOPPING=1", agent.systemd.lines())

    def test_second_term_does_not_linger(self):
        agent = self.ready(shutdown={"linger": "60s"})
        since = self.watcher.mark()
        agent.send_signal(signal.SIGTERM)
        self.watcher.status("shutting_down", since)
        agent.send_signal(signal.SIGTERM)
        self.assertEqual(agent.wait(), 0)
        self.assertEqual(self.seen(since), ["shutting_down", "gone"])

    def test_int_is_now_and_still_publishes(self):
        agent = self.ready(shutdown={"linger": "60s", "drain": True})
        since = self.watcher.mark()
        self.assertEqual(agent.stop(signal.SIGINT), 0)
        self.assertEqual(self.seen(since), ["shutting_down", "gone"])

    def test_term_drains_first_where_it_shall(self):
        agent = self.ready(shutdown={"drain": True}, drain={"settle": "100ms"})
        agent.say("ready players=1")
        since = self.watcher.mark()
        agent.send_signal(signal.SIGTERM)
        event = self.watcher.status("draining", since)
        self.assertEqual(event.record["drain"]["holds"], ["stop"])
        agent.systemd.wait("EXTEND_TIMEOUT_USEC=")
        agent.say("players=0")
        self.watcher.status("shutting_down", since)
        self.assertEqual(agent.wait(), 0)
        agent.start()
        since = self.watcher.mark()
        wait_until(lambda: agent.api()["status"] == "ready", "ready: the stop hold is never stored")

    def test_second_term_ends_the_drain(self):
        agent = self.ready(shutdown={"drain": True})
        agent.say("ready players=1")
        since = self.watcher.mark()
        agent.send_signal(signal.SIGTERM)
        self.watcher.status("draining", since)
        agent.send_signal(signal.SIGTERM)
        self.assertEqual(agent.wait(), 0)
        self.assertEqual(self.seen(since)[-2:], ["shutting_down", "gone"])

    def test_a_drain_before_the_end_has_its_deadline(self):
        agent = self.ready(shutdown={"drain": True}, drain={"deadline": "300ms"})
        agent.say("ready players=1")
        self.assertEqual(agent.stop(), 0)

    def test_whatever_comes_while_it_leaves(self):
        agent = self.ready(shutdown={"linger": "300ms"})
        agent.send_signal(signal.SIGTERM)
        self.watcher.status("shutting_down")
        since = self.watcher.mark()
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT):
            agent.send_signal(number)
        agent.say("ready players=1")
        self.game.close()
        self.assertEqual(agent.wait(), 0)
        self.assertLessEqual(set(self.seen(since)), {"shutting_down", "gone"})

    def test_never_registered_is_0(self):
        agent = self.agent(registry={"endpoints": [f"http://127.0.0.1:{self.closed_port()}"]}).start()
        agent.logged("requests fail")
        began = time.monotonic()
        self.assertEqual(agent.stop(), 0)
        self.assertLess(time.monotonic() - began, 10)

    def test_requests_that_wait_for_the_fleet_are_answered(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
            agent = self.agent(registry={"endpoints": [endpoint], "ttl": "60s", "request_timeout": "10s"}).start()
            waiting = UnixHttp(agent.http)
            self.addCleanup(waiting.close)
            waiting.request("GET", "/api/services")
            agent.api()  # the one before it has been read
            self.assertEqual(agent.stop(), 0)  # 1 where a sanitizer finds a leak
            answer = waiting.getresponse()
            self.assertEqual((answer.status, json.loads(answer.read())["error"]["code"]), (503, "not_known"))

    def closed_port(self):
        game = self.new_game()
        game.close()
        return game.port

    def test_kill_9_leaves_it_to_the_lease(self):
        agent = self.ready(registry={"ttl": "2s"})
        since = self.watcher.mark()
        agent.kill()
        self.watcher.status("gone", since)
        self.assertEqual(self.seen(since), ["gone"])

    def test_stop_while_the_server_is_in_error_or_withdrawn(self):
        agent = self.ready(server={"deregister_after": "100ms"})
        self.game.close()
        self.watcher.status("gone")
        wait_until(lambda: agent.api()["lease"]["state"] == "none", "withdrawn, and known to be")
        since = self.watcher.mark()
        self.assertEqual(agent.stop(), 0)
        self.assertEqual(self.seen(since), [])

    def test_term_right_after_the_start(self):
        for number in range(10):
            agent = self.agent(f"q{number}", registry={"prefix": f"{self.prefix}/q{number}"})
            agent.spawn()
            wait_until(agent.serves_signals, "it is past its first instructions")
            agent.send_signal(signal.SIGTERM)
            self.assertEqual(agent.wait(), 0)
            self.assertIsNone(self.etcd.get(agent.key))


class HandOver(Case):
    def setUp(self):
        super().setUp()
        self.watcher = self.watch()

    def settled(self, agent):
        agent.logged("taken over", count=agent.starts - 1)
        wait_until(lambda: agent.api()["registry"]["inSync"] and
                   all(probe["verdict"] != "unknown" for probe in agent.api()["probes"]), "every verdict")

    def speak(self, agent):
        process = self.process()
        agent.notify_with(f"MAINPID={process.pid}\nREADY=1\nSTATUS=the harbor\nX_OUTRIDER=players=5/10 label.map=harbor")
        self.watcher.status("ready", players=5, customState="the harbor")
        return process

    def test_quit_and_the_next_agent_no_watcher_sees_anything(self):
        agent = self.agent().start()
        self.speak(agent)
        since = self.watcher.mark()
        before = self.etcd.get(agent.key)
        for _ in range(3):
            self.assertEqual(agent.stop(signal.SIGQUIT), 85)
            agent.start()
            self.settled(agent)
        self.assertEqual(self.watcher.until_now(since), [])
        after = self.etcd.get(agent.key)
        self.assertEqual((after.revision, after.lease, after.value), (before.revision, before.lease, before.value))
        agent.say("players=6")
        self.watcher.status("ready", since, players=6, customState="the harbor", labels={"map": "harbor"})

    def test_quit_and_an_attached_game_that_comes_back(self):
        """The next agent knows no process, but the game is back a moment later: watchers see nothing."""
        agent = self.agent(status={"min_publish_interval": "5s"}).start()
        words = "attach ready players=12/64 label.map=harbor # a boss fight"
        line = agent.line()
        self.assertEqual(line.ask(words), "OK")
        self.watcher.status("ready", players=12, labels={"map": "harbor"}, customState="a boss fight")
        wait_until(lambda: "a boss fight" in agent.kept(), "the words are kept")
        since = self.watcher.mark()
        self.assertEqual(agent.stop(signal.SIGQUIT), 85)
        agent.start()
        self.settled(agent)
        self.assertEqual(agent.line().ask(words), "OK")
        self.assertEqual(self.watcher.until_now(since), [])
        self.assertEqual(agent.api()["record"]["players"], 12)

    def test_kill_9_and_restart_within_the_ttl(self):
        agent = self.agent().start()
        process = self.speak(agent)
        wait_until(lambda: "the harbor" in agent.kept(), "the words are kept")
        since = self.watcher.mark()
        agent.kill()
        agent.start()
        self.settled(agent)
        self.assertEqual(self.watcher.until_now(since), [])
        process.kill()
        process.wait()
        event = self.watcher.status("error", since)
        self.assertEqual(event.record["reason"], f"process {process.pid} exited")

    def test_reports_without_a_living_process_are_dropped(self):
        agent = self.agent().start()
        process = self.speak(agent)
        wait_until(lambda: "the harbor" in agent.kept(), "the words are kept")
        agent.kill()
        process.kill()
        process.wait()
        since = self.watcher.mark()
        agent.start()
        self.watcher.wait(lambda e: e.record and "players" not in e.record, "a record without the old words", since)
        self.assertNotIn("gone", [event.status for event in self.watcher.until_now(since)])

    def test_server_that_died_while_no_agent_looked(self):
        agent = self.agent().start()
        self.watcher.status("ready")
        self.assertEqual(agent.stop(signal.SIGQUIT), 85)
        self.game.close()
        since = self.watcher.mark()
        agent.start()
        self.watcher.status("error", since)
        self.assertEqual([event.status for event in self.watcher.until_now(since)], ["error"])

    def test_quit_without_state_dir_is_a_term(self):
        agent = self.agent(state_dir=...).start()
        self.watcher.status("ready")
        since = self.watcher.mark()
        self.assertEqual(agent.stop(signal.SIGQUIT), 0)
        self.assertEqual([event.status for event in self.watcher.until_now(since)], ["shutting_down", "gone"])
        self.assertRegex(agent.log(), r'nothing to hand over, record withdrawn.*cause="state_dir not set".*hint="set state_dir')

    def test_quit_with_a_state_dir_that_is_gone_is_a_term(self):
        state_dir = tempfile.mkdtemp()
        agent = self.agent(state_dir=state_dir).start()
        self.watcher.status("ready")
        agent.say("players=5")
        shutil.rmtree(state_dir)
        self.assertEqual(agent.stop(signal.SIGQUIT), 0)
        self.assertRegex(agent.log(), r'nothing to hand over, record withdrawn.*cause="[^"]*No such file.*hint="set state_dir')

    def test_hand_over_after_the_lease_ended_is_a_new_record(self):
        agent = self.agent(registry={"ttl": "2s"}).start()
        self.watcher.status("ready")
        self.assertEqual(agent.stop(signal.SIGQUIT), 85)
        self.watcher.status("gone")
        since = self.watcher.mark()
        agent.start()
        self.watcher.status("ready", since)
        self.assertEqual(agent.stop(), 0)

    def test_hand_over_twice_during_an_outage(self):
        net = self.proxy()
        agent = self.agent(registry={"endpoints": [net.url], "ttl": "30s"}).start()
        self.speak(agent)
        wait_until(lambda: "the harbor" in agent.kept(), "the words are kept")
        since = self.watcher.mark()
        net.do("stall")
        for _ in range(3):
            self.assertEqual(agent.stop(signal.SIGQUIT), 85)
            agent.start()
        net.do("pass")
        agent.logged("taken over")
        wait_until(lambda: agent.api()["registry"]["inSync"], "in sync")
        self.assertEqual(self.watcher.until_now(since), [])

    def test_killed_as_soon_as_its_record_appears(self):
        """The lease id is in state_dir before the lease is granted: the next agent keeps the lease and the record."""
        for number in range(5):
            prefix = f"{self.prefix}/k{number}"
            watcher = self.watch(prefix)
            agent = self.agent(f"k{number}", registry={"prefix": prefix}).spawn()
            for life in range(2):
                if life > 0:
                    agent.logged("taken over", count=life)
                else:
                    watcher.wait(lambda event: event.record, "its record")
                agent.kill()
                lease = self.etcd.get(agent.key).lease
                agent.spawn()
            agent.logged("taken over", count=2)
            wait_until(lambda: agent.api()["status"] == "ready" and agent.api()["registry"]["inSync"], "ready")
            self.assertEqual(self.etcd.get(agent.key).lease, lease)
            self.assertNotIn("gone", [event.status for event in watcher.until_now()])

    def test_killed_in_the_midst_of_leaving(self):
        agent = self.agent(shutdown={"linger": "60s"}).start()
        self.watcher.status("ready")
        wait_until(lambda: str(self.etcd.get(agent.key).lease) in agent.kept() or
                   f"{self.etcd.get(agent.key).lease:x}" in agent.kept(), "the lease is kept")
        agent.send_signal(signal.SIGTERM)
        self.watcher.status("shutting_down")
        agent.kill()
        since = self.watcher.mark()
        agent.start()
        self.watcher.status("ready", since)
        self.assertEqual([event.status for event in self.watcher.until_now(since)], ["ready"])

    def test_damaged_state_is_started_without(self):
        agent = self.agent(server={"id": "auto"}).start()
        first = self.watcher.status("ready").record["id"]
        wait_until(lambda: first in agent.kept(), "the id is kept")
        agent.kill()
        agent.start()
        wait_until(lambda: agent.api()["id"] == first, "the same id")
        agent.kill()
        (agent.dir / "state.json").write_text('{"id":')
        agent.start()
        agent.logged("saved state unusable")
        self.assertNotEqual(agent.api()["id"], first)
        self.assertTrue(os.path.exists(agent.dir / "state.json"))
