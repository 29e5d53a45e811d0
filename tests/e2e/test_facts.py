"""What is known of a server: by a probe, by the text that it says to people, by its own report; and what follows from it or from its coming
and going, as watchers and operators see it. Every agent is in its sandbox."""
import contextlib
import signal
import subprocess
import sys
import time
import unittest

import game_servers
from harness import Case, wait_until
from registry import DEADLINE_S

CALM = {"interval": "200ms", "timeout": "190ms"}
COUNTS = {"players": r"([0-9]+)/[0-9]+", "capacity": r"[0-9]+/([0-9]+)"}


class Facts(Case):
    def boxed(self, **over):
        return self.agent(sandbox="required", **over).start()

    def facts(self, agent):
        return {fact["name"]: (fact["value"], fact["source"]) for fact in agent.api()["facts"]}

    def without_counts(self, watcher, since, what):
        """The first record without counts; no record before it said 0."""
        event = watcher.wait(lambda e: e.record and not {"players", "capacity"} & set(e.record), what, since)
        self.assertNotIn(0, [(e.record or {}).get("players") for e in watcher.until_now(since)])
        return event.record

    def metric(self, agent, name):
        text = agent.request("GET", "/metrics")[2].decode()
        return next(line[len(name) + 1:] for line in text.splitlines() if line.startswith(name + " "))

    def test_a_game_server_that_knows_nothing_of_us(self):
        game = game_servers.a2s(self)
        watcher = self.watch()
        agent = self.boxed(server={"ports": [game.port], "version": "9", "capacity": 99, "labels": {"mode": "pvp"}},
                           probes=[{"name": "query", "type": "a2s", "port": game.port, "facts": ["players", "map", "version", "name"], **CALM}])
        record = watcher.status("ready", players=3).record
        self.assertEqual([record["capacity"], record["version"], record["labels"]],
                         [99, "1.38.7", {"mode": "pvp", "map": "de_dust2", "name": "harbor"}])
        self.assertEqual(self.facts(agent), {
            "players": (3, "probe query"), "capacity": (99, "configuration"), "map": ("de_dust2", "probe query"),
            "version": ("1.38.7", "probe query"), "name": ("harbor", "probe query")})
        self.assertIn('\n  facts     players 3 (probe query), capacity 99 (configuration), map "de_dust2" (probe query), '
                      'version "1.38.7" (probe query), name "harbor" (probe query)\n', agent.run("status").stdout)

        since = watcher.mark()
        with contextlib.suppress(OSError):
            game.socket.shutdown(2)  # wakes the thread that holds the port
        game.socket.close()
        record = watcher.status("error", since).record
        self.assertNotIn("players", record)
        self.assertEqual([record["capacity"], record["version"], record["labels"]], [99, "9", {"mode": "pvp"}])
        self.assertEqual(self.facts(agent), {"capacity": (99, "configuration"), "version": ("9", "configuration")})
        self.assertNotIn("facts  ", agent.run("status").stdout)
        self.assertNotIn(0, [(e.record or {}).get("players") for e in watcher.until_now(since)])
        self.assertEqual(agent.stop(), 0)

    def test_what_the_server_says_itself_wins(self):
        said = self.dir / "said"
        say = lambda text: (said.with_suffix(".new").write_text(text), said.with_suffix(".new").rename(said))
        say("outrider: players=12/64 map=harbor\n")
        watcher = self.watch()
        agent = self.boxed(probes=[{"name": "own", "type": "exec", "command": ["/bin/cat", str(said)], "interval": "500ms", "timeout": "450ms"}])
        self.assertEqual(watcher.status("ready", players=12, capacity=64).record["labels"], {"map": "harbor"})
        self.assertEqual(agent.say("ready players=5 label.map=bay"), "OK")
        self.assertEqual(watcher.status("ready", players=5, capacity=64).record["labels"], {"map": "bay"})
        self.assertEqual(self.facts(agent), {"players": (5, "server"), "capacity": (64, "probe own"), "map": ("bay", "server")})
        since = watcher.mark()
        say("outrider: players=many\n")
        event = watcher.wait(lambda e: e.record and "capacity" not in e.record, "the capacity falls out", since)
        self.assertEqual([event.status, event.record["players"], event.record["labels"]], ["ready", 5, {"map": "bay"}])
        self.assertEqual(agent.stop(), 0)

    def test_the_text_for_people_is_read(self):
        watcher = self.watch()
        agent = self.boxed(status={"extract": COUNTS})
        agent.notify_with("READY=1\nSTATUS=12/64 players")
        watcher.status("ready", players=12, capacity=64, customState="12/64 players")
        self.assertEqual(self.facts(agent), {"players": (12, "server"), "capacity": (64, "server")})
        since = watcher.mark()
        agent.notify_with("STATUS=saving the world")
        self.assertEqual(self.without_counts(watcher, since, "a text without counts")["status"], "ready")
        agent.notify_with("STATUS=40/64 players\nX_OUTRIDER=players=7")
        watcher.status("ready", since, players=7, capacity=64)
        self.assertEqual(agent.say("# 0/64 players"), "OK")
        watcher.status("ready", since, players=7, capacity=64, customState="0/64 players")
        self.assertEqual(agent.stop(), 0)

    def come_and_go(self, watcher, times):
        """Ends down."""
        for number in range(times):
            since = watcher.mark()
            if number > 0:
                self.game.open()
                watcher.status("ready", since)
            self.game.close()
            watcher.status("error", since)

    def test_a_server_that_comes_and_goes(self):
        watcher = self.watch()
        agent = self.boxed(server={"flapping": {"changes": 2, "within": "10m", "hold": "1h"}},
                           probes=[{"name": "game", "type": "tcp", "port": self.game.port, **CALM}])
        watcher.status("ready")
        self.assertEqual(self.metric(agent, "outrider_flapping"), "0")
        reason = "flapping: 3 changes in 10 min 0 s, ready again after 1 h 0 min without a failure"
        since = watcher.mark()
        self.come_and_go(watcher, 2)
        self.game.open()
        watcher.status("error", since, reason=reason)
        wait_until(lambda: agent.api()["flapping"]["readyInMs"], "it stays up")
        flapping = agent.api()["flapping"]
        self.assertEqual([flapping["on"], flapping["changes"], flapping["limit"], flapping["since"] is not None], [True, 0, 2, True])
        self.assertEqual(self.metric(agent, "outrider_flapping"), "1")
        text = agent.run("status").stdout
        self.assertIn(f"\n  why       {reason}\n", text)
        self.assertRegex(text, r"\n  next      ready in (1 h 0 min|59 min \d+ s) if it stays up\n +`outrider undrain --flapping` ends it now\n")

        since = watcher.mark()
        done = agent.run("undrain", "--flapping")
        self.assertEqual(done.returncode, 0, done.stderr)
        watcher.status("ready", since)
        self.assertEqual(self.metric(agent, "outrider_flapping"), "0")
        self.assertEqual(agent.api()["flapping"]["changes"], 0)

        agent.write(server={"flapping": {"hold": "1s"}})
        agent.send_signal(signal.SIGHUP)
        agent.logged("configuration reloaded")
        since = watcher.mark()
        self.come_and_go(watcher, 2)
        self.game.open()
        kept = watcher.status("error", since, reason="flapping: 3 changes in 10 min 0 s, ready again after 1.0 s without a failure")
        ended = watcher.status("ready", watcher.events.index(kept))
        self.assertGreater(ended.moment - kept.moment, 0.9)
        self.assertEqual(agent.stop(), 0)

    def test_term_for_the_process(self):
        watcher = self.watch()
        # Its port goes with it: a probe that passed after its end would be another life.
        self.game.close()
        process = self.process(sys.executable, "-c", "import socket, sys, time; s = socket.create_server(('127.0.0.1', int(sys.argv[1])), "
                               "backlog=4096); print(flush=True); time.sleep(1000)", str(self.game.port), stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        process.stdout.readline()
        agent = self.boxed(server={"idle": {"after": "1s"}})
        agent.notify_with(f"MAINPID={process.pid}\nREADY=1\nX_OUTRIDER=players=0")
        watcher.status("ready", players=0)
        self.assertEqual(agent.say("players=2"), "OK")
        watcher.status("ready", players=2)
        left = time.monotonic()
        self.assertEqual(agent.say("players=0"), "OK")
        over = watcher.status("shutting_down")
        self.assertEqual(over.record["reason"], "idle: no players for 1.0 s")
        self.assertGreater(over.moment - left, 0.9)
        self.assertEqual(process.wait(DEADLINE_S), -signal.SIGTERM)
        wait_until(lambda: agent.api()["life"]["state"] == "left", "its life has ended, and it is no crash")
        self.assertNotIn("error", [event.status for event in watcher.until_now()])
        self.assertEqual(agent.stop(), 0)

    def test_the_hold_of_an_idle_server(self):
        watcher = self.watch()
        agent = self.boxed(server={"idle": {"after": "1s", "then": "drain"}})
        self.assertEqual(agent.say("ready players=1", "players=0"), "OK")
        drain = watcher.status("draining").record["drain"]
        self.assertEqual([drain["holds"], drain["reason"]], [["idle"], "no players for 1.0 s"])
        self.assertRegex(agent.run("status").stdout, r'\n  holds     idle by outrider.* "no players for 1.0 s"')
        since = watcher.mark()
        self.assertEqual(agent.say("players=1"), "OK")
        self.assertNotIn("drain", watcher.status("ready", since, players=1).record)
        self.assertEqual(agent.api()["holds"], [])
        self.assertEqual(agent.stop(), 0)


if __name__ == "__main__":
    unittest.main()
