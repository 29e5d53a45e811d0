"""Hooks: programs that hear of drains, changes of the status and leadership, from the sandbox."""
import signal
import unittest

from harness import Case, wait_until


class Hooks(Case):
    def script(self, name, text):
        path = self.dir / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return str(path)

    def heard(self):
        path = self.dir / "heard"
        return path.read_text().splitlines() if path.exists() else []

    def hooked(self, *hooks, name="a", **over):
        return self.agent(name, hooks=list(hooks), sandbox="required", **over)

    def runs(self, agent, result, hook=0):
        text = agent.request("GET", "/metrics")[2].decode()
        line = f'outrider_hook_runs_total{{hook="{hook}",result="{result}"}} '
        return int(next(each for each in text.splitlines() if each.startswith(line))[len(line):])

    def test_what_a_server_hears_that_reads_nothing(self):
        say = self.script("say", f'echo "$1 $OUTRIDER_EVENT $OUTRIDER_TYPE/$OUTRIDER_ID $OUTRIDER_HOST:$OUTRIDER_PORTS $OUTRIDER_STATUS '
                                 f'<$OUTRIDER_REASON> by <$OUTRIDER_BY> until <${{OUTRIDER_DEADLINE%T*}}> $OUTRIDER_PLAYERS players" >>{self.dir}/heard')
        agent = self.hooked({"on": ["drain", "undrain", "ready", "error", "shutting_down"],
                             "command": [say, "in $${OUTRIDER_DEADLINE_SECONDS} s:"]}, shutdown={"linger": "0s"}).start()
        port = self.game.port
        wait_until(lambda: self.heard() == [f"in  s: ready world/w1 127.0.0.1:{port} ready <> by <> until <>  players"], f"ready {self.heard()}")
        self.assertEqual(agent.say("ready players=7"), "OK")
        self.assertEqual(agent.run("drain", "--reason", "patch 1.4", "--by", "me@gw", "--deadline", "90s").returncode, 0)
        wait_until(lambda: len(self.heard()) == 2, "drain")
        self.assertRegex(self.heard()[1], rf"^in (90|89) s: drain world/w1 127.0.0.1:{port} \w+ <patch 1.4> by <me@gw> until <20..-..-..> 7 players$")
        self.assertEqual(agent.run("undrain").returncode, 0)
        wait_until(lambda: len(self.heard()) >= 4, f"undrain and ready: {self.heard()}")
        self.assertEqual(sorted(line.split(": ")[1].split()[0] for line in self.heard()[2:4]), ["ready", "undrain"])
        self.game.close()
        wait_until(lambda: len(self.heard()) == 5, "error")
        self.assertIn(" error world/w1 ", self.heard()[4])
        self.assertIn("<probe game: connection refused (", self.heard()[4].replace("tcp-" + str(port), "game"))
        self.assertEqual(agent.stop(), 0)
        wait_until(lambda: len(self.heard()) == 6, "shutting_down, which the agent waits for")
        self.assertIn(" shutting_down world/w1 ", self.heard()[5])

    def test_one_at_a_time_and_the_newest_waits(self):
        gate = self.dir / "gate"
        slow = self.script("slow", f'echo "$OUTRIDER_EVENT" >>{self.dir}/heard; while [ ! -e {gate} ]; do sleep 0.05; done')
        agent = self.hooked({"on": ["drain", "undrain"], "command": [slow]}).start()
        wait_until(lambda: agent.api()["status"] == "ready", "ready")
        for word in ("drain", "undrain", "drain", "undrain"):
            self.assertEqual(agent.run(word).returncode, 0)
            wait_until(lambda: self.heard() == ["drain"], "the first runs, alone")
        self.assertEqual(self.runs(agent, "replaced"), 2)
        gate.touch()
        wait_until(lambda: self.heard() == ["drain", "undrain"], "then the newest")
        wait_until(lambda: self.runs(agent, "ok") == 2, "both ended well")
        self.assertEqual(agent.stop(), 0)

    def test_failures_are_counted_and_change_no_status(self):
        agent = self.hooked({"on": ["drain"], "command": [self.script("bad", "echo no such host; exit 7")]},
                            {"on": ["drain"], "command": [str(self.dir / "absent")]},
                            {"on": ["drain"], "command": [self.script("stays", "trap '' TERM; sleep 1000")], "timeout": "200ms"}).start()
        wait_until(lambda: agent.api()["status"] == "ready", "ready")
        self.assertEqual(agent.run("drain").returncode, 0)
        agent.logged("hook failed", 3)
        self.assertIn('msg="hook failed" hook=0 event=drain result=failed detail="exit status 7: no such host"', agent.log())
        self.assertIn("hook=1 event=drain result=not_started", agent.log())
        self.assertIn('hook=2 event=drain result=timed_out detail="timed out"', agent.log())
        self.assertEqual([self.runs(agent, "failed", 0), self.runs(agent, "not_started", 1), self.runs(agent, "timed_out", 2)], [1, 1, 1])
        self.assertEqual(agent.api()["status"], "draining")
        self.assertEqual(agent.run("undrain").returncode, 0)
        wait_until(lambda: agent.api()["status"] == "ready", "ready")
        self.assertEqual(agent.stop(), 0)

    def test_leadership_and_a_reload(self):
        tell = self.script("tell", f'echo "$OUTRIDER_EVENT $OUTRIDER_SCOPE ${{OUTRIDER_TOKEN:+token}} $OUTRIDER_REASON" >>{self.dir}/heard')
        agent = self.hooked({"on": ["leader_gained", "leader_lost"], "command": [tell]}, leader=[{"scope": "arena"}]).start()
        wait_until(lambda: self.heard() == ["leader_gained arena token "], f"gained {self.heard()}")
        agent.write(hooks=[{"on": ["leader_lost"], "command": ["/bin/sh", "-c", f"echo lost in $OUTRIDER_SCOPE >>{self.dir}/heard".replace("$", "$$")]}])
        agent.send_signal(signal.SIGHUP)
        agent.logged("configuration reloaded, setting changed")
        self.assertEqual(agent.stop(), 0)
        self.assertEqual(self.heard()[1:], ["lost in arena"], "which is waited for at the end")

    def test_a_hand_over_waits_for_no_hook(self):
        agent = self.hooked({"on": ["ready"], "command": [self.script("stays", f"echo $$ >{self.dir}/heard; sleep 1000")], "timeout": "10m"},
                            state_dir=str(self.dir / "state")).start()
        wait_until(lambda: self.heard(), "it runs")
        wait_until(lambda: agent.api()["lease"]["state"] == "held", "the lease")
        self.assertEqual(agent.stop(signal.SIGQUIT), 85)

    def test_by_hand(self):
        good = self.script("good", 'echo "$OUTRIDER_EVENT in $OUTRIDER_DEADLINE_SECONDS s, $OUTRIDER_PLAYERS players"')
        bad = self.script("bad", "exit 3")
        agent = self.agent(hooks=[{"on": ["drain"], "command": [good]}, {"on": ["error"], "command": [bad]}], drain={"deadline": "5m"})
        agent.write()
        result = agent.run("hooks", "test", "drain")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, rf"^hooks\[0\] {good}: ok in \d+ ms: drain in 300 s, 12 players\n$")
        result = agent.run("hooks", "test", "error")
        self.assertEqual((result.returncode, result.stdout.split(" in ")[0]), (1, f"hooks[1] {bad}: FAILED"))
        result = agent.run("hooks", "test", "ready")
        self.assertEqual((result.returncode, result.stderr), (1, "outrider: no hook is for ready\n"))
        result = agent.run("hooks", "test", "drained")
        self.assertEqual(result.returncode, 64)
        self.assertIn("`drained` is no event", result.stderr)

    def test_faults_of_the_file(self):
        agent = self.agent(hooks=[{"on": ["drain", "drain"], "command": ["say"]}, {"command": ["/bin/true"]},
                                  {"on": ["leader_lost"], "command": ["/bin/say", "${OUTRIDER_DEADLINE_SECONDS}"], "timeout": "1h"}])
        agent.write()
        result = agent.run("check")
        self.assertEqual(result.returncode, 78)
        for text in ("hooks[0].on[1]: `drain` is listed twice", "hooks[0].command: the program must be an absolute path",
                     "hooks[1].on: required", "a hook learns the seconds when it runs: write $${OUTRIDER_DEADLINE_SECONDS}", "hooks[2].timeout: "):
            self.assertIn(text, result.stdout + result.stderr)


if __name__ == "__main__":
    unittest.main()
