"""From a status line to the record in etcd and to its end: what a game server does, and what a watcher sees."""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess

from harness import BINARY, Case, wait_until
from registry import DEADLINE_S

ETCDCTL = {"ETCDCTL_API": "3"}


class Register(Case):
    def etcdctl(self, *words):
        done = subprocess.run(["etcdctl", "--endpoints", self.etcd.url, *words], capture_output=True, text=True,
                              env={**os.environ, **ETCDCTL}, timeout=DEADLINE_S, check=True)
        return done.stdout

    def test_record_is_as_the_contract_writes_it(self):
        watcher = self.watch()
        agent = self.agent(server={"region": "kr", "zone": "kr-a", "group": "main", "version": "1.4.2",
                                   "tags": ["pvp", "eu"], "labels": {"map": "old", "mode": "ctf"}}).start()
        watcher.status("ready")
        agent.say("ready players=12/500 label.map=harbor # a boss fight")
        agent.run("send", "label.z=1")
        agent.send_signal(signal.SIGUSR1)
        watcher.status("draining", players=12)
        text = self.etcdctl("get", agent.key, "--print-value-only").strip()
        members = json.loads(text, object_pairs_hook=lambda pairs: pairs)
        self.assertEqual([name for name, _ in members],
                         ["id", "type", "host", "ports", "status", "updatedAt", "customState", "reason", "region", "zone",
                          "group", "version", "tags", "labels", "players", "capacity", "drain", "startedAt"])
        record = json.loads(text)
        stamp = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertRegex(record.pop("updatedAt"), stamp)
        self.assertRegex(record.pop("startedAt"), stamp)
        drain = record.pop("drain")
        self.assertEqual(list(drain), ["holds", "by", "since", "deadline"])
        self.assertEqual((drain["holds"], drain["by"]), (["ops"], "signal"))
        self.assertEqual(record, {
            "id": "w1", "type": "world", "host": "127.0.0.1", "ports": [self.game.port], "status": "draining",
            "customState": "a boss fight", "reason": "drained by operator (signal)", "region": "kr", "zone": "kr-a",
            "group": "main", "version": "1.4.2", "tags": ["pvp", "eu"],
            "labels": {"map": "harbor", "mode": "ctf", "z": "1"}, "players": 12, "capacity": 500})
        self.assertNotIn(" ", text.replace("a boss fight", "").replace("drained by operator (signal)", ""))

    def test_get_returns_what_etcd_has(self):
        watcher = self.watch()
        agent = self.agent().start()
        watcher.status("ready")
        agent.say("ready players=3 # \"quoted\" \\ \u00e9")
        event = watcher.status("ready", players=3)
        self.assertEqual(agent.say("get"), event.kv.value)
        self.assertEqual(self.etcd.get(agent.key).value, event.kv.value)

    def test_first_record_comes_at_once_and_is_initializing(self):
        watcher = self.watch()
        self.agent(server={"require_status": True}).start()
        event = watcher.wait(lambda e: e.kv.key.endswith("/world/w1"), "the record")
        self.assertEqual(event.status, "initializing")
        self.assertNotEqual(event.kv.lease, 0)

    def test_an_idle_agent_writes_no_key(self):
        watcher = self.watch()
        agent = self.agent(registry={"ttl": "2s"}).start()
        watcher.status("ready")
        since = watcher.mark()
        lease = self.etcd.get(agent.key).lease
        accepted = self.game.accepted
        time_left = []
        def renewed():
            time_left.append(agent.api()["lease"]["leftMs"])
            return sum(b > a for a, b in zip(time_left, time_left[1:])) >= 3
        wait_until(renewed, "three heartbeats")
        wait_until(lambda: self.game.accepted > accepted + 5, "more probes")
        self.assertEqual(watcher.until_now(since), [])
        self.assertGreater(self.etcd.remaining(lease), 0)

    def test_ports_reported_by_the_server(self):
        watcher = self.watch()
        agent = self.agent(server={"ports": "dynamic"}, probes=...).start()
        first = watcher.status("initializing")
        self.assertNotIn("ports", first.record)
        self.assertIn("dynamic", first.record["reason"])
        agent.say(f"ready ports={self.game.port}")
        watcher.status("ready", ports=[self.game.port])
        other = self.new_game()
        agent.say(f"ports={self.game.port},{other.port}")
        watcher.status("ready", ports=[self.game.port, other.port])
        since = watcher.mark()
        other.close()
        watcher.status("error", since)
        self.assertEqual(agent.stop(), 0)


class Crash(Case):
    def crash_and_return(self, agent, watcher, live, why):
        """Ten lives under one agent. live(number) begins one and returns a function that ends it. A crashing game closes its
        port, too; writes of the middle lives may collapse (burst 5, then 1 a second), so those are read from the agent."""
        for life in range(10):
            since = watcher.mark()
            self.game.open()
            die = live(life)
            wait_until(lambda: agent.api()["status"] == "ready", f"ready in life {life}")
            if life in (0, 9):
                watcher.status("ready", since, customState=f"life {life}", players=life)
            self.game.close()
            reason = why(die)
            document = wait_until(lambda: (agent.api()["status"] == "error" and agent.api()), f"the end of life {life}")
            self.assertEqual(document["cause"], reason)
            if life in (0, 9):
                self.assertNotIn("players", watcher.status("error", since, reason=reason).record)
        self.assertEqual(agent.starts, 1)
        self.assertEqual(agent.stop(), 0)

    def test_ten_crashes_of_an_attached_server(self):
        agent, watcher = self.agent(server={"flapping": None}), self.watch()
        agent.start()

        def live(life):
            line = agent.line()
            self.assertEqual(line.ask(f"attach ready players={life} # life {life}"), "OK")
            return line.close

        def why(die):
            die()
            return "the server closed its attached connection"
        self.crash_and_return(agent, watcher, live, why)

    def test_ten_crashes_of_a_process(self):
        agent, watcher = self.agent(server={"flapping": None}), self.watch()
        agent.start()

        def live(life):
            process = self.process()
            agent.notify_with(f"MAINPID={process.pid}\nREADY=1\nX_OUTRIDER=players={life}\nSTATUS=life {life}")
            return process

        def why(process):
            process.kill()
            process.wait()
            return f"process {process.pid} exited"
        self.crash_and_return(agent, watcher, live, why)

    def test_mainpid_of_another_user_is_ignored_and_logged(self):
        watcher = self.watch()
        agent = self.agent(status={"mode": "0666"}).start()
        os.chmod(self.dir, 0o755)
        os.chmod(agent.dir, 0o755)
        if os.getuid() != 0:
            self.skipTest("needs root, to speak as another user")
        script = ("import os,socket,sys; os.setgid(65534); os.setuid(65534);"
                  "s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM); s.connect(sys.argv[1]);"
                  "s.send(b'READY=1\\nSTATUS=me\\nMAINPID=' + sys.argv[2].encode())")
        process = self.process()
        subprocess.run(["python3", "-c", script, str(agent.notify), str(process.pid)], check=True, timeout=DEADLINE_S)
        watcher.status("ready", customState="me")
        agent.logged("MAINPID ignored")
        since = watcher.mark()
        process.kill()
        process.wait()
        agent.say("players=1")
        watcher.status("ready", since, players=1)
        self.assertNotIn("error", [event.status for event in watcher.until_now(since)])

    def namespace(self):
        """The words that begin a process as 1 of a PID namespace of its own."""
        words = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
        tried = subprocess.run([*words, "true"], capture_output=True, text=True, timeout=DEADLINE_S, check=False)
        if tried.returncode != 0:
            self.skipTest(f"the kernel forbids a PID namespace here: {tried.stderr.strip()}")
        return words

    def test_mainpid_of_another_namespace_is_the_process_that_calls_itself_so(self):
        words, watcher = self.namespace(), self.watch()
        agent = self.agent().start()
        script = ("import os,socket,sys; s=socket.socket(socket.AF_UNIX,getattr(socket,sys.argv[2])); s.connect(sys.argv[1]);"
                  "s.send(b'READY=1\\nMAINPID=%d\\nSTATUS=%s\\n' % (os.getpid(), sys.argv[2].encode())); sys.stdin.read()")
        for path, kind in (agent.notify, "SOCK_DGRAM"), (agent.status, "SOCK_STREAM"):
            since = watcher.mark()
            with subprocess.Popen([*words, "python3", "-c", script, str(path), kind], stdin=subprocess.PIPE) as outer:
                pid = wait_until(lambda: agent.api()["life"]["mainpid"], f"the MAINPID over {kind}")
                inner = [line.split()[1:] for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
                         if line.startswith("NSpid:")]
                self.assertEqual(inner, [[str(pid), "1"]])
                watcher.status("ready", since, customState=kind)
                os.kill(pid, signal.SIGKILL)
                outer.wait(DEADLINE_S)
            watcher.status("error", since, reason=f"process {pid} exited")
        self.assertNotIn("MAINPID ignored", agent.log())

    def test_mainpid_where_proc_hides_other_users(self):
        """ProtectProc=invisible: a sender can name itself."""
        hide = ["unshare", "--mount", "sh", "-c", 'mount -t proc -o hidepid=invisible proc /proc && exec setpriv --reuid 65534 '
                '--regid 65534 --clear-groups "$@"', "sh"]
        tried = subprocess.run([*hide, "test", "!", "-e", "/proc/1"], capture_output=True, text=True, timeout=DEADLINE_S,
                               check=False)
        if tried.returncode != 0:
            self.skipTest(f"/proc cannot be made to hide processes here: {tried.stderr.strip()}")
        if tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2]) < (6, 9):
            self.skipTest("the kernel has no pidfs, which tells processes apart that /proc hides")
        watcher = self.watch()
        agent = self.agent(wrapper=hide, status={"mode": "0666"})
        agent.write()
        os.chmod(self.dir, 0o755)
        os.chown(agent.dir, 65534, 65534)
        agent.spawn()
        wait_until(lambda: agent.notify.is_socket(), f"the socket of {agent.name}: {agent.log()}")
        game = self.process("python3", "-c", "import os,socket,sys; s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM);"
                            "s.connect(sys.argv[1]); s.send(b'READY=1\\nSTATUS=me\\nMAINPID=%d' % os.getpid()); sys.stdin.read()",
                            str(agent.notify), stdin=subprocess.PIPE)
        self.addCleanup(game.stdin.close)
        watcher.status("ready", customState="me")
        self.assertEqual(agent.api()["life"]["mainpid"], game.pid)
        self.game.close()
        game.kill()
        watcher.status("error", reason=f"process {game.pid} exited")

    def test_mainpid_of_a_sender_that_is_not_visible_is_ignored_and_logged(self):
        watcher = self.watch()
        agent = self.agent(wrapper=self.namespace()).start()
        process = self.process()
        agent.notify_with(f"MAINPID={process.pid}\nREADY=1\nSTATUS=datagram")
        watcher.status("ready", customState="datagram")
        agent.logged("MAINPID ignored")
        self.assertIsNone(agent.api()["life"]["mainpid"])
        agent.say(f"MAINPID={process.pid}", "ready # line")
        watcher.status("ready", customState="line")
        self.assertIsNone(agent.api()["life"]["mainpid"])

    def test_an_attached_connection_that_a_helper_has_inherited(self):
        watcher = self.watch()
        agent = self.agent().start()
        script = ("import os,socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.send(b'attach ready\\n');"
                  "s.recv(100); os.fork(); os.write(1, b'%d\\n' % os.getpid()); sys.stdin.read()")
        game = self.process("python3", "-c", script, str(agent.status), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        pids = {int(game.stdout.readline()), int(game.stdout.readline())}
        self.addCleanup(game.stdout.close)
        self.addCleanup(game.stdin.close)  # ends the helper
        self.assertIn(game.pid, pids)
        watcher.status("ready")
        self.game.close()
        game.kill()
        watcher.status("error", reason="the attached process exited")
        self.assertEqual(agent.api()["life"]["attached"], 0)
        agent.logged("attached process ended")

    def test_goodbye_is_no_crash(self):
        watcher = self.watch()
        agent = self.agent().start()
        line = agent.line()
        line.ask("attach ready")
        watcher.status("ready")
        line.ask("shutting_down # evening")
        watcher.status("shutting_down", customState="evening")
        since = watcher.mark()
        line.close()
        self.game.close()
        watcher.wait(lambda e: "after it reported shutting_down" in (e.record or {}).get("reason", ""), "the end of the life",
                     since)
        self.assertNotIn("error", [event.status for event in watcher.until_now()])
        self.game.open()
        agent.say("ready")
        watcher.status("ready", since)

    def test_crash_while_drained_is_no_error(self):
        watcher = self.watch()
        agent = self.agent().start()
        line = agent.line()
        line.ask("attach ready")
        watcher.status("ready")
        agent.send_signal(signal.SIGUSR1)
        watcher.status("draining")
        line.close()
        watcher.status("shutting_down")
        self.assertNotIn("error", [event.status for event in watcher.until_now()])

    def test_many_attached_only_the_last_is_the_life(self):
        watcher = self.watch()
        agent = self.agent().start()
        first, second = agent.line(), agent.line()
        first.ask("attach ready")
        second.ask("attach")
        first.close()
        agent.say("players=1")
        watcher.status("ready", players=1)
        self.assertNotIn("error", [event.status for event in watcher.until_now()])
        second.close()
        watcher.status("error")


class Probes(Case):
    def test_a_closed_connection_is_a_hint(self):
        """It was not attached, and the next probe is due in a minute."""
        watcher = self.watch()
        probes = [{"name": "game", "type": "tcp", "port": self.game.port, "interval": "60s", "fast_interval": "50ms",
                   "timeout": "1s"}]
        agent = self.agent(probes=probes).start()
        watcher.status("ready")
        line = agent.line()
        self.assertEqual(line.ask("players=3"), "OK")
        since = watcher.mark()
        self.game.close()
        line.close()
        event = watcher.status("error", since)
        self.assertEqual(event.record["reason"], "probe game: connection refused (3 of 3)")

    def test_refused_and_timeout_have_different_causes(self):
        watcher = self.watch()
        agent = self.agent().start()
        watcher.status("ready")
        since = watcher.mark()
        self.game.close()
        event = watcher.status("error", since)
        self.assertEqual(event.record["reason"], "probe game: connection refused (3 of 3)")
        self.game.open()
        watcher.status("ready", since)
        since = watcher.mark()
        self.game.hang()
        event = watcher.status("error", since)
        self.assertEqual(event.record["reason"], "probe game: timed out after 40ms (3 of 3)")
        self.game.open()
        watcher.status("ready", since)
        self.assertEqual(agent.stop(), 0)

    def test_a_hanging_probe_delays_no_other(self):
        watcher = self.watch()
        slow = self.new_game()
        slow.hang()
        probes = [{"name": "slow", "type": "tcp", "port": slow.port, "interval": "60s", "timeout": "50s"},
                  {"name": "game", "type": "tcp", "port": self.game.port, "interval": "50ms", "timeout": "40ms"}]
        agent = self.agent(probes=probes).start()
        wait_until(lambda: self.game.accepted > 5, "probes of the other port go on")
        self.assertEqual(watcher.status("initializing").record["status"], "initializing")
        self.assertEqual(agent.stop(), 0)

    def test_unix_probe_and_ipv6_probe(self):
        watcher = self.watch()
        six = self.new_game(host="::1", family=socket.AF_INET6)
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(str(self.dir / "game.sock"))
        listener.listen(1024)
        probes = [{"name": "sock", "type": "unix", "path": str(self.dir / "game.sock"), "interval": "50ms",
                   "timeout": "40ms"},
                  {"name": "six", "type": "tcp", "port": six.port, "interval": "50ms", "timeout": "40ms"}]
        agent = self.agent(probe_host="::1", probes=probes).start()
        watcher.status("ready")
        since = watcher.mark()
        six.close()
        self.assertIn("probe six: connection refused", watcher.status("error", since).record["reason"])
        six.open()
        watcher.status("ready", since)
        self.assertEqual(agent.stop(), 0)

    def test_a_failing_probe_beats_a_self_reported_ready(self):
        watcher = self.watch()
        agent = self.agent().start()
        watcher.status("ready")
        self.game.close()
        watcher.status("error")
        since = watcher.mark()
        agent.say("ready # believe me")
        watcher.wait(lambda e: (e.record or {}).get("customState") == "believe me", "the text", since)
        self.assertNotIn("ready", [event.status for event in watcher.until_now(since)])

    def test_loading_server_is_in_grace(self):
        watcher = self.watch()
        self.game.close()
        agent = self.agent(grace_period="100ms").start()
        watcher.status("error")
        since = watcher.mark()
        agent.say("initializing # loading harbor 3/10")
        watcher.status("initializing", since, customState="loading harbor 3/10")
        self.game.open()
        agent.say("ready")
        watcher.status("ready", since)

    def test_watchdog(self):
        watcher = self.watch()
        agent = self.agent().start()
        agent.say("ready heartbeat=150ms")
        watcher.status("ready")
        event = watcher.status("error")
        self.assertEqual(event.record["reason"], "watchdog: no heartbeat for 150ms")
        since = watcher.mark()
        agent.say("ready heartbeat=0")
        watcher.status("ready", since)
        agent.notify_with("WATCHDOG=trigger")
        self.assertIn("watchdog", watcher.status("error", since).record["reason"])


class Silence(Case):
    def test_withdrawn_after_long_error_stays_away_and_comes_back(self):
        """Nerve created a down service again at its next ping; ContainerPilot never registered again."""
        watcher = self.watch()
        agent = self.agent(registry={"ttl": "2s"}, server={"deregister_after": "200ms"}).start()
        watcher.status("ready")
        self.game.close()
        watcher.status("error")
        watcher.status("gone")
        since = watcher.mark()
        accepted = wait_until(lambda: agent.api()["withheld"], "why nothing is published")
        self.assertIn("deregister_after", accepted)
        wait_until(lambda: not [lease for lease in self.etcd.leases()
                                if self.etcd.remaining(lease) > 0], "the lease is gone, too")
        self.assertEqual(watcher.until_now(since), [])
        self.assertEqual(agent.request("GET", "/readyz")[0], 200)
        self.game.open()
        watcher.status("ready", since)

    def test_version_and_help(self):
        for words in (["version"], ["help"], ["help", "drain"], ["help", "agent"]):
            done = subprocess.run([str(BINARY), *words], capture_output=True, text=True, timeout=DEADLINE_S, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue(done.stdout)
        done = subprocess.run([str(BINARY), "servces"], capture_output=True, text=True, timeout=DEADLINE_S, check=False)
        self.assertEqual(done.returncode, 64)
