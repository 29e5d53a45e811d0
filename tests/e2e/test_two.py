"""Two agents for one server; state_dir; exit 78."""
import re
import signal
import time

from harness import Case, wait_until

CONFIG_ERRORS = """\
server:
  type: World!
  ports: [8001, 8001, 70000]
  regoin: kr
registry:
  ttl: 10
probes:
  - name: game
    type: tcp
    port: ${NO_SUCH_NAME}
"""


class TwoAgents(Case):
    def test_second_writes_nothing_and_takes_over(self):
        watcher = self.watch()
        first = self.agent("first", registry={"ttl": "2s"}).start()
        watcher.status("ready")
        since = watcher.mark()
        held = self.etcd.get(first.key)
        second = self.agent("second", registry={"ttl": "2s"}, server={"labels": {"who": "second"}}).start()
        second.logged("key held by another agent")
        document = wait_until(lambda: second.api()["registry"].get("conflict") and second.api(), "who holds it")
        self.assertEqual(document["registry"]["conflict"]["lease"], f"{held.lease:x}")
        self.assertIn(f"{held.lease:x}", second.log())
        second.not_published("key held by another agent at 127.0.0.1 (lease ends in ")
        second.systemd.wait("STATUS=ready; NOT PUBLISHED: key held by another agent at 127.0.0.1")
        first.is_published()
        self.assertEqual(watcher.until_now(since), [])
        self.assertEqual(second.request("GET", "/readyz")[0], 503)
        first.kill()
        event = watcher.wait(lambda e: e.record and e.record.get("labels") == {"who": "second"}, "the second's record")
        self.assertNotEqual(event.kv.lease, held.lease)
        second.is_published()
        self.assertEqual(second.stop(), 0)

    def test_the_second_leaves_the_firsts_record_alone(self):
        watcher = self.watch()
        first = self.agent("first").start()
        watcher.status("ready")
        second = self.agent("second").start()
        second.logged("key held by another agent")
        since = watcher.mark()
        self.assertEqual(second.stop(), 0)
        self.assertEqual(watcher.until_now(since), [])
        self.assertEqual(first.api()["registry"]["inSync"], True)


    def test_a_copied_state_dir_is_found_and_named(self):
        """Both take over one lease, and each repairs what the other writes, until one abandons the lease."""
        watcher = self.watch()
        first = self.agent("first").start()
        watcher.status("ready")
        second = self.agent("second", server={"labels": {"who": "second"}})
        self.assertEqual(first.stop(signal.SIGQUIT), 85)
        (self.dir / "second" / "state.json").write_text(first.kept())
        first.start()
        second.start()
        message = "lease shared with another agent"
        who = wait_until(lambda: next((a for a in (first, second) if message in a.log()), None), "one lets go")
        line = next(line for line in who.log().splitlines() if message in line)
        self.assertEqual(line.count('\\"host\\"'), 2, line)

        def parted():
            """Winner and loser; where both abandon the lease at once, it takes longer."""
            one, other = first.api()["registry"], second.api()["registry"]
            if one["inSync"] and other["conflict"]:
                return first, second
            return (second, first) if other["inSync"] and one["conflict"] else None
        stays, left = wait_until(parted, "one has the key, and the other says who")
        self.assertIn("key held by another agent", left.run("status").stdout)
        self.assertNotEqual(left.api()["lease"]["id"], stays.api()["lease"]["id"])
        since = watcher.mark()
        self.assertEqual(left.stop(), 0)
        self.assertEqual(watcher.until_now(since), [])

    def test_both_at_once_and_one_wins(self):
        watcher = self.watch()
        both = [self.agent("first").spawn(), self.agent("second").spawn()]
        for agent in both:
            agent.systemd.wait("READY=1", while_alive=agent.process)
        watcher.status("ready")
        loser = wait_until(lambda: next((a for a in both if "key held by another agent" in a.log()), None), "a loser")
        winner = both[1 - both.index(loser)]
        wait_until(lambda: winner.api()["registry"]["inSync"], "a winner")
        self.assertEqual(len({event.kv.lease for event in watcher.until_now()}), 1)
        since = watcher.mark()
        self.assertEqual(winner.stop(signal.SIGINT), 0)
        watcher.status("gone", since)
        watcher.status("ready", since)


class StateDir(Case):
    def test_second_agent_on_one_state_dir_names_the_first(self):
        first = self.agent("first").start()
        second = self.agent("second", state_dir=str(first.dir)).spawn()
        began = time.monotonic()
        self.assertEqual(second.wait(), 1)
        self.assertGreater(time.monotonic() - began, 8)
        self.assertIn(str(first.pid), second.log())

    def test_second_agent_waits_for_the_first_to_end(self):
        watcher = self.watch()
        first = self.agent("first").start()
        watcher.status("ready")
        since = watcher.mark()
        second = self.agent("second", state_dir=str(first.dir)).spawn()
        wait_until(second.serves_signals, "it is past its first instructions")
        self.assertFalse(second.systemd.lines())
        second.logged("waiting for it to end")
        self.assertIn(f"pid={first.pid}", second.log())
        self.assertEqual(first.stop(signal.SIGQUIT), 85)
        second.systemd.wait("READY=1", while_alive=second.process)
        second.logged("taken over")
        self.assertEqual(watcher.until_now(since), [])

    def test_signals_wait_until_they_can_be_served(self):
        """Signals are blocked first: one that arrives during the start does not end the agent and is not lost."""
        watcher = self.watch()
        first = self.agent("first").start()
        watcher.status("ready")
        second = self.agent("second", state_dir=str(first.dir)).spawn()
        wait_until(second.serves_signals, "its signals are blocked")
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR1):
            second.send_signal(number)
        self.assertEqual(first.stop(signal.SIGQUIT), 85)
        second.systemd.wait("READY=1", while_alive=second.process)
        watcher.status("draining")
        second.logged("nothing changed")
        self.assertEqual(second.stop(), 0)

    def test_made_where_it_is_missing(self):
        folder = self.dir / "new"
        watcher = self.watch()
        agent = self.agent(state_dir=str(folder)).start()
        agent.logged(f'msg="state_dir made" path={folder}')
        self.assertEqual(folder.stat().st_mode & 0o7777, 0o700)
        watcher.status("ready")
        since = watcher.mark()
        self.assertEqual(agent.stop(signal.SIGQUIT), 85)
        agent.start()
        agent.logged("taken over")
        self.assertEqual(watcher.until_now(since), [])

    def test_without_its_parent_is_78(self):
        agent = self.agent(state_dir=str(self.dir / "none" / "state")).spawn()
        self.assertEqual(agent.wait(), 78)
        agent.logged("none/state: the directory above it does not exist")
        self.assertFalse((self.dir / "none").exists())

    def test_not_writable_is_78(self):
        folder = self.dir / "ro"
        folder.write_text("not a folder")
        agent = self.agent(state_dir=str(folder)).spawn()
        self.assertEqual(agent.wait(), 78)
        self.assertIn(str(folder), agent.log())
        agent = self.agent("b", state_dir="/proc/self").spawn()
        self.assertEqual(agent.wait(), 78)
        agent = self.agent("c", state_dir=str(self.dir / "nowhere" / "state")).spawn()
        self.assertEqual(agent.wait(), 78)

    def test_state_directory_of_systemd(self):
        folder = self.dir / "state"
        folder.mkdir()
        agent = self.agent(env={"STATE_DIRECTORY": folder, "RUNTIME_DIRECTORY": self.dir / "a"}, state_dir=...,
                           status={"socket": ..., "notify_socket": ...}, http=...).start()
        self.assertEqual(agent.say("ready"), "OK")
        agent.notify_with("STATUS=x")
        wait_until(lambda: agent.api()["status"] == "ready", "ready, asked on the socket in RUNTIME_DIRECTORY")
        self.assertEqual(agent.stop(), 0)
        self.assertTrue((folder / "state.json").exists())


class BadConfiguration(Case):
    def test_every_error_in_one_run_with_its_position(self):
        agent = self.agent()
        agent.path.write_text(CONFIG_ERRORS)
        agent.spawn()
        self.assertEqual(agent.wait(), 78)
        places = re.findall(r"^(\S+):(\d+):(\d+): ([^:]+): ", agent.log(), re.M)
        self.assertEqual([(int(line), int(column), key) for _, line, column, key in places],
                         [(2, 9, "server.type"), (3, 17, "server.ports[1]"), (3, 23, "server.ports[2]"),
                          (4, 3, "server.regoin"), (6, 8, "registry.ttl"), (10, 11, "probes[0].port")], agent.log())
        self.assertIn("region", agent.log())
        checked = agent.run("check")
        self.assertEqual(checked.returncode, 78)
        self.assertEqual((checked.stdout + checked.stderr).count("\n"), agent.log().count("\n"))

    def test_no_file_is_78(self):
        agent = self.agent()
        agent.path.mkdir()
        agent.spawn()
        self.assertEqual(agent.wait(), 78)
        agent.path.rmdir()
        self.assertEqual(agent.run("check").returncode, 78)

    def test_good_file(self):
        agent = self.agent()
        agent.write()
        checked = agent.run("check")
        self.assertEqual(checked.returncode, 0, checked.stderr)


class Reload(Case):
    def setUp(self):
        super().setUp()
        self.watcher = self.watch()
        self.a = self.agent(server={"labels": {"map": "one"}}).start()
        self.watcher.status("ready")
        self.a.say("ready players=5")
        self.watcher.status("ready", players=5)

    def reload(self):
        count = self.a.systemd.lines().count("RELOADING=1")
        ready = self.a.systemd.lines().count("READY=1")
        self.a.send_signal(signal.SIGHUP)
        self.a.systemd.wait("RELOADING=1", count + 1)
        self.a.systemd.wait("READY=1", ready + 1)

    def test_good_file_takes_over_and_keeps_probe_state(self):
        since = self.watcher.mark()
        self.a.write(server={"labels": {"map": "two"}, "zone": "kr-b"})
        self.reload()
        event = self.watcher.wait(lambda e: (e.record or {}).get("zone") == "kr-b", "the new zone", since)
        self.assertEqual(event.record["labels"], {"map": "two"})
        self.assertEqual({e.status for e in self.watcher.until_now(since)}, {"ready"})
        self.assertEqual(event.record["players"], 5)

    def test_unchanged_file_changes_nothing(self):
        since = self.watcher.mark()
        self.reload()
        self.a.logged("nothing changed")
        self.assertEqual(self.watcher.until_now(since), [])

    def test_bad_file_changes_nothing_and_is_logged(self):
        since = self.watcher.mark()
        good = self.a.path.read_text()
        self.a.path.write_text(good.replace('"world"', '"World!"'))
        self.reload()
        self.a.logged("server.type")
        self.a.logged("reload refused")
        self.assertEqual(self.watcher.until_now(since), [])
        self.a.path.write_text(good)
        self.reload()
        self.assertEqual(self.watcher.until_now(since), [])
        self.assertEqual(self.a.stop(), 0)

    def test_host_and_ports(self):
        other = self.new_game()
        since = self.watcher.mark()
        self.a.write(server={"host": "192.0.2.7", "ports": [other.port]}, probes=...)
        self.reload()
        self.watcher.status("ready", since, host="192.0.2.7", ports=[other.port])
        since = self.watcher.mark()
        other.close()
        self.assertIn(f"probe tcp-{other.port}", self.watcher.status("error", since).record["reason"])
        self.a.write(server={"ports": "dynamic"})
        self.reload()
        self.a.say(f"ports={self.game.port}")
        self.watcher.status("ready", since, ports=[self.game.port])

    def test_a_key_that_needs_a_restart_is_named(self):
        since = self.watcher.mark()
        self.a.write(server={"type": "lobby"}, registry={"ttl": "20s"})
        self.reload()
        self.a.logged("needs a restart", 2)
        self.assertIn("server.type", self.a.log())
        self.assertIn("registry.ttl", self.a.log())
        self.assertEqual(self.watcher.until_now(since), [])
        self.assertEqual(self.a.stop(), 0)
        self.assertEqual([e.status for e in self.watcher.until_now(since)], ["shutting_down", "gone"])

    def test_a_changed_probe_begins_again(self):
        other = self.new_game()
        probes = self.a.config["probes"] + [{"name": "other", "type": "tcp", "port": other.port, "interval": "50ms",
                                             "timeout": "40ms"}]
        self.a.write(probes=list(reversed(probes)))
        self.reload()
        wait_until(lambda: {p["name"]: p["verdict"] for p in self.a.api()["probes"]} ==
                   {"game": "passing", "other": "passing"}, "both pass")
        since = self.watcher.mark()
        other.close()
        self.assertIn("probe other", self.watcher.status("error", since).record["reason"])
        since = self.watcher.mark()
        self.a.write(probes=[probes[0]])
        self.reload()
        self.watcher.status("ready", since)


