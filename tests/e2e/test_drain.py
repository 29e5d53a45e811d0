"""Drain in every way, what ends the wait, and what a hold survives."""
import os
import signal
import socket
import subprocess
import threading

from harness import BINARY, OPERATOR, Case, environment, wait_until
from registry import DEADLINE_S


class Drain(Case):
    def setUp(self):
        super().setUp()
        self.watcher = self.watch()

    def ready(self, **over):
        agent = self.agent(**over).start()
        self.watcher.status("ready")
        return agent

    def waiting(self, agent, *words):
        """Starts `outrider drain --wait` and returns it once the drain is in force; call it for its result."""
        result = {}

        def run():
            result["done"] = agent.run("drain", "--wait", *words)
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self.watcher.wait(lambda e: "drain" in (e.record or {}), "the drain")

        def finish():
            thread.join(DEADLINE_S)
            return result["done"]
        return finish

    def test_by_signal_command_and_api_idempotent(self):
        agent = self.ready()
        for drain, undrain, by in (
                (lambda: agent.send_signal(signal.SIGUSR1), lambda: agent.send_signal(signal.SIGUSR2), "signal"),
                (lambda: self.assertEqual(agent.run("drain", "--reason", "patch").returncode, 0),
                 lambda: self.assertEqual(agent.run("undrain").returncode, 0), OPERATOR),
                (lambda: self.assertEqual(agent.run("drain", "--by", "alice").returncode, 0),
                 lambda: self.assertEqual(agent.run("undrain").returncode, 0), f"alice@{socket.gethostname()}"[:64]),
                (lambda: self.assertEqual(agent.request("POST", "/api/agent/drain", {"reason": "x"})[0], 200),
                 lambda: self.assertEqual(agent.request("POST", "/api/agent/undrain", {})[0], 200), "API")):
            since = self.watcher.mark()
            drain()
            event = self.watcher.status("draining", since)
            self.assertEqual(event.record["drain"]["holds"], ["ops"])
            self.assertTrue(event.record["drain"]["by"].startswith(by), event.record)
            self.assertIn("deadline", event.record["drain"])
            since = self.watcher.mark()
            undrain()
            self.assertNotIn("drain", self.watcher.status("ready", since).record)
        # A request may give any name: the log has who sent it.
        self.assertRegex(agent.log(), r'msg="operator named by the request" by=alice@\S+ peer="pid \d+ uid %d"' % os.getuid())
        since = self.watcher.mark()
        agent.send_signal(signal.SIGUSR2)  # nothing to lift: no effect
        agent.request("POST", "/api/agent/undrain", {})
        undrain = agent.run("undrain")
        self.assertEqual((undrain.returncode, undrain.stdout),
                         (0, "not drained by an operator, nothing to lift, status ready\n"))
        self.assertEqual(self.watcher.until_now(since), [])

    def test_holds_are_ored_and_in_the_record_whatever_the_status(self):
        agent = self.ready()
        agent.say("ready drain")
        self.watcher.status("draining")
        agent.send_signal(signal.SIGUSR1)
        event = self.watcher.wait(lambda e: e.record and len(e.record.get("drain", {}).get("holds", [])) == 2, "both")
        self.assertEqual(sorted(event.record["drain"]["holds"]), ["ops", "self"])
        self.game.close()
        self.assertIn("drain", self.watcher.status("error").record)
        self.game.open()
        since = self.watcher.mark()
        agent.say("undrain")
        event = self.watcher.wait(lambda e: e.record and e.record.get("drain", {}).get("holds") == ["ops"], "ops alone",
                                  since)
        agent.send_signal(signal.SIGUSR2)
        self.watcher.status("ready", since)

    def test_wait_ends_when_players_are_gone_for_settle(self):
        agent = self.ready()
        agent.say("ready players=2")
        self.watcher.status("ready", players=2)
        done = self.waiting(agent, "--reason", "patch")
        agent.say("players=1")
        self.watcher.status("draining", players=1)
        self.assertEqual(agent.api()["status"], "draining")
        agent.say("players=0")
        result = done()
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("empty", result.stdout)
        self.assertEqual(agent.api()["status"], "draining")  # the hold stays until it is lifted

    def test_unknown_players_are_never_none(self):
        agent = self.ready()
        done = self.waiting(agent, "--deadline", "600ms")
        result = done()
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn("deadline", result.stdout + result.stderr)

    def test_wait_ends_when_the_server_is_gone(self):
        agent = self.ready()
        line = agent.line()
        line.ask("attach ready players=3")
        self.watcher.status("ready", players=3)
        done = self.waiting(agent)
        line.close()
        self.game.close()
        result = done()
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("gone", result.stdout)
        self.watcher.status("shutting_down")

    def test_wait_ends_with_an_undrain(self):
        agent = self.ready()
        agent.say("ready players=3")
        done = self.waiting(agent)
        agent.send_signal(signal.SIGUSR2)
        self.assertEqual(done().returncode, 1)

    def test_a_hold_that_expires_lifts_itself(self):
        agent = self.ready()
        self.assertEqual(agent.run("drain", "--expires", "200ms").returncode, 0)
        self.watcher.status("draining")
        since = self.watcher.mark()
        self.watcher.status("ready", since)

    def test_ops_hold_survives_agent_and_server(self):
        agent = self.ready()
        self.assertEqual(agent.run("drain", "--reason", "new map").returncode, 0)
        since_text = self.watcher.status("draining").record["drain"]["since"]
        agent.kill()
        since = self.watcher.mark()
        agent.start()
        agent.logged("taken over")
        wait_until(lambda: agent.api()["status"] == "draining", "still draining")
        self.assertEqual([e for e in self.watcher.until_now(since) if e.status != "draining"], [])
        self.assertEqual(agent.stop(), 0)
        self.watcher.status("gone")
        since = self.watcher.mark()
        agent.start()
        event = self.watcher.wait(lambda e: e.status in ("draining", "ready"), "the new record", since)
        self.assertEqual(event.status, "draining")
        self.assertEqual(event.record["drain"]["reason"], "new map")
        self.assertEqual(event.record["drain"]["since"], since_text)
        line = agent.line()
        line.ask("attach ready")
        line.close()
        agent.say("ready")
        wait_until(lambda: agent.api()["status"] == "draining", "draining again in the next life")
        since = self.watcher.mark()
        agent.run("undrain")
        self.watcher.status("ready", since)
        agent.kill()
        agent.start()
        wait_until(lambda: agent.api()["status"] == "ready", "ready after the restart")


class NoState(Case):
    def test_self_hold_ends_with_the_life(self):
        watcher = self.watch()
        agent = self.agent(state_dir=...).start()
        line = agent.line()
        line.ask("attach ready drain")
        watcher.status("draining")
        since = watcher.mark()
        line.close()
        watcher.status("error", since)
        agent.say("ready")
        self.assertNotIn("drain", watcher.status("ready", since).record)


class Commands(Case):
    def test_unreachable_is_75(self):
        for words in (["drain"], ["undrain"], ["status"]):
            done = subprocess.run([str(BINARY), *words, "--agent", f"unix:{self.dir}/nobody.sock"], text=True,
                                  capture_output=True, env=environment(), timeout=DEADLINE_S, check=False)
            self.assertEqual(done.returncode, 75, done.stderr)
            self.assertIn("nobody.sock: No such file or directory", done.stderr)

    def test_bad_spans_are_wrong_usage(self):
        agent = self.agent().start()
        for words in (["drain", "--deadline", "5"], ["drain", "--expires", "soon"], ["drain", "--reason"]):
            self.assertEqual(agent.run(*words).returncode, 64, words)
        self.assertEqual(agent.api()["holds"], [])
