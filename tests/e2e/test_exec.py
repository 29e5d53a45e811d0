"""Programs that the agent runs: an exec probe from the sandbox, with bad programs of every kind."""
import os
import pathlib
import signal
import unittest

from harness import Case, wait_until

FAST = {"interval": "100ms", "timeout": "90ms", "rise": 1, "fall": 2}


def filters(pid):
    """The number of filters around a process."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next((line.split()[1] for line in lines if line.startswith("Seccomp_filters")), "0"))


def children(pid):
    return [int(each) for each in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class ExecCase(Case):
    def script(self, name, text, mode=0o755):
        """A program that is replaced whole, so that none is run while it is written."""
        path = self.dir / name
        new = self.dir / (name + ".new")
        new.write_text(text)
        new.chmod(mode)
        new.rename(path)
        return str(path)

    def exec_agent(self, *probes, name="a", **over):
        return self.agent(name, probes=[{"name": f"p{i}", "type": "exec", **FAST, **probe} for i, probe in enumerate(probes)],
                          grace_period="0s", **over)

    def probe(self, agent, index=0):
        return agent.api()["probes"][index]


class Probe(ExecCase):
    def test_a_script_decides_and_the_agent_keeps_its_sandbox(self):
        watcher = self.watch()
        command = self.script("check", "#!/bin/sh\ntest ! -e \"$1\" || { echo \"disk full\"; exit 3; }\necho fine\n")
        agent = self.exec_agent({"command": [command, str(self.dir / "bad")]}, sandbox="required").start()
        watcher.status("ready")
        [starter] = children(agent.pid)
        self.assertEqual(filters(agent.pid), filters("self") + 1)
        self.assertEqual(filters(starter), filters("self"))
        self.assertEqual(len(os.listdir(f"/proc/{agent.pid}/task")), 1)

        (self.dir / "bad").touch()
        watcher.status("error", reason="probe p0: exit status 3: disk full (2 of 2)")
        (self.dir / "bad").unlink()
        watcher.status("ready")

        agent.send_signal(signal.SIGTERM)
        self.assertEqual(agent.wait(), 0)
        wait_until(lambda: not alive(starter), "the starter ends with the agent")

    def test_what_is_no_program_says_so_and_a_reload_puts_it_right(self):
        cases = {
            "absent": ([str(self.dir / "absent")], "No such file or directory"),
            "plain": ([self.script("plain", "#!/bin/sh\n", 0o644)], "it is not executable for this user"),
            "text": ([self.script("text", "exit 0\n")], "it is no program, a script begins with #!"),
            "lost": ([self.script("lost", "#!/no/such/shell\n")], "the interpreter that it names does not exist"),
        }
        agent = self.exec_agent(*({"command": command} for command, _ in cases.values()),
                                {"command": ["/bin/true"], "user": "no-such-user"}, sandbox="required").start()
        wants = [f"cannot run {command[0]}: {why}" for command, why in cases.values()]
        for index, want in enumerate([*wants, "there is no user no-such-user on this machine"]):
            wait_until(lambda at=index, text=want: text in str(self.probe(agent, at)), f"{want} in {agent.api()['probes']}")
        agent.write(probes=[{"name": "p0", "type": "exec", **FAST, "command": ["/bin/sh", "-c", "exit 0"]}])
        agent.send_signal(signal.SIGHUP)
        wait_until(lambda: agent.api()["status"] == "ready", "the program of the new file")
        self.assertEqual(agent.stop(), 0)

    def test_the_first_program_needs_a_restart(self):
        agent = self.agent().start()
        self.assertEqual(children(agent.pid), [])
        agent.write(probes=[{"name": "p0", "type": "exec", **FAST, "command": ["/bin/true"]}])
        agent.send_signal(signal.SIGHUP)
        agent.logged("the first program of an agent, of an exec probe or a hook, needs a restart")
        self.assertEqual(agent.api()["probes"][0]["type"], "tcp")
        self.assertEqual(agent.stop(), 0)

    @unittest.skipIf(os.geteuid() != 0, "only root may become another user")
    def test_another_user(self):
        self.dir.chmod(0o755)
        command = self.script("who", "#!/bin/sh\nid -un >&2\ngrep CapPrm /proc/self/status\nexit 1\n")
        agent = self.exec_agent({"command": [command], "user": "daemon"}, {"command": [command]}, sandbox="required").start()
        wait_until(lambda: "exit status 1: daemon" in str(self.probe(agent, 0)), f"the user: {agent.api()['probes']}")
        wait_until(lambda: "exit status 1: root" in str(self.probe(agent, 1)), "its own user")
        [starter] = children(agent.pid)
        held = next(line for line in pathlib.Path(f"/proc/{starter}/status").read_text().splitlines() if line.startswith("CapPrm"))
        self.assertEqual(int(held.split()[1], 16), 1 << 5 | 1 << 6 | 1 << 7, "kill, setgid, setuid")
        self.assertEqual(agent.stop(), 0)


class Bad(ExecCase):
    def test_bad_programs_delay_no_other_probe_and_leave_nothing_behind(self):
        marks = self.dir / "pids"
        bad = {
            "megabytes": "exec yes",
            "children": f"sleep 1000 & echo $! >>{marks}; exit 0",
            "ignores": f"trap '' TERM INT HUP; echo $$ >>{marks}; while :; do sleep 1000; done",
            "closes": "exec >&- 2>&-; sleep 1000",
            "forks": f"for i in 1 2 3 4 5 6 7 8; do sleep 1000 & echo $! >>{marks}; done; wait",
            "noise": "head -c 100000 /dev/urandom; exit 1",
        }
        probes = [{"command": [self.script(name, f"#!/bin/sh\n{text}\n")]} for name, text in bad.items()]
        agent = self.exec_agent(*probes, {"command": ["/bin/true"], "interval": "50ms", "timeout": "40ms"}, sandbox="required").start()
        outcomes = lambda: [each["lastOutcome"] if "lastOutcome" in each else str(each) for each in agent.api()["probes"]]
        wait_until(lambda: all("passing" in str(self.probe(agent, at)) for at in (1, 6)), f"the good ones pass: {outcomes()}")
        for at in (0, 2, 3, 4):
            wait_until(lambda index=at: "timed out after 90ms" in str(self.probe(agent, index)), f"{list(bad)[at]}: {outcomes()}")
        wait_until(lambda: "exit status 1" in str(self.probe(agent, 5)), f"noise: {outcomes()}")
        self.assertEqual(agent.stop(), 0)
        for pid in set(marks.read_text().split()):
            wait_until(lambda number=int(pid): not alive(number), f"{pid} of a bad program has ended")

    def test_64_at_once_and_the_end_of_the_agent(self):
        marks = self.dir / "pids"
        command = self.script("stays", f"#!/bin/sh\ntrap '' TERM\necho $$ >>{marks}\nsleep 1000\n")
        agent = self.exec_agent(*({"command": [command], "interval": "31s", "timeout": "30s"} for _ in range(64)),
                                sandbox="required").start()
        wait_until(lambda: marks.exists() and len(marks.read_text().split()) == 64, "64 run at once")
        self.assertEqual(agent.request("GET", "/healthz")[0], 200)
        agent.kill()
        for pid in marks.read_text().split():
            wait_until(lambda number=int(pid): not alive(number), f"{pid} has ended with the agent")

    def test_the_end_of_the_starter_is_said(self):
        agent = self.exec_agent({"command": ["/bin/true"]}, sandbox="required").start()
        wait_until(lambda: agent.api()["status"] == "ready", "it passes")
        [starter] = children(agent.pid)
        os.kill(starter, signal.SIGTERM)  # as a service manager sends it to every process
        os.kill(starter, signal.SIGKILL)
        agent.logged("process that starts programs ended, exec probes and hooks fail")
        wait_until(lambda: agent.api()["status"] == "error", "it does not pass any more")
        self.assertIn("no program can be started: the process that does it has ended; restart the agent", agent.run("status").stdout)
        self.assertEqual(agent.stop(), 0)


if __name__ == "__main__":
    unittest.main()
