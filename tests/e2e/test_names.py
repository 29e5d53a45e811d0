"""Host names of probes: a name that is not resolved decides nothing about the server."""
import pathlib

from harness import Case, wait_until


class ProbeHost(Case):
    def test_not_resolved_is_initializing_until_the_hosts_file_has_the_name(self):
        hosts = pathlib.Path(self.dir) / "hosts"
        hosts.write_text("")
        watcher = self.watch()
        agent = self.agent(env={"CARES_HOSTS": str(hosts)}, probe_host="game.invalid", grace_period="100ms").start()
        reason = watcher.status("initializing").record["reason"]
        wait_until(lambda: agent.api()["probes"][0]["lastOutcome"] == "name not resolved", "an attempt is undecided")
        wait_until(lambda: agent.api()["cause"].startswith("probe game: name not resolved: "), f"the cause, not {reason}")
        probe = agent.api()["probes"][0]
        self.assertEqual((probe["verdict"], probe["failures"], probe["target"]),
                         ("unknown", 0, f"game.invalid:{self.game.port}"))
        self.assertIn("name not resolved", agent.run("status").stdout)
        hosts.write_text("127.0.0.1 game.invalid\n")
        watcher.status("ready")
        self.game.close()
        error = watcher.status("error")
        self.assertEqual(error.record["reason"], "probe game: connection refused (3 of 3)")
        self.assertNotIn("error", [event.status for event in watcher.events[:watcher.events.index(error)]])
