"""The sandbox: an agent does in it all that it does, and says where it is not in one."""
import os
import pathlib
import signal
import subprocess
import sys

from harness import BINARY, CONFINED, Case, environment, wait_until
from registry import DEADLINE_S, Etcd

# Puts a filter around a program, as a container may, that lets no process make filters of its own.
REFUSE = """
import ctypes, os, platform, struct, sys
seccomp, prctl = {"x86_64": (317, 157), "aarch64": (277, 167)}[platform.machine()]
ALLOW, EPERM, SET_SECCOMP = 0x7fff0000, 0x50001, 22
code = [(0x20, 0, 0, 0), (0x15, 3, 0, seccomp), (0x15, 0, 3, prctl), (0x20, 0, 0, 16), (0x15, 0, 1, SET_SECCOMP),
        (0x06, 0, 0, EPERM), (0x06, 0, 0, ALLOW)]
filter = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in code))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(code), ctypes.addressof(filter)))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(SET_SECCOMP, 2, program):
    sys.exit(f"no filter: {os.strerror(ctypes.get_errno())}")
os.execvp(sys.argv[1], sys.argv[1:])
"""


def facts(pid="self"):
    """The number of filters around a process, and whether exec can give it new privileges."""
    lines = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(lines.get("Seccomp_filters", "0")), lines["NoNewPrivs"] == "0"


class Inside(Case):
    @classmethod
    def setUpClass(cls):
        cls.etcd = Etcd(tls=True)
        cls.addClassCleanup(cls.etcd.stop)

    def confined(self, name="a", **over):
        tls = {file: str(self.etcd.tls.folder / source) for file, source in
               (("ca_file", "ca.crt"), ("cert_file", "client.crt"), ("key_file", "client.key"))}
        return self.agent(name, sandbox="required", registry={"tls": tls}, **over)

    def test_a_sidecar_from_start_to_hand_over_to_stop(self):
        watcher = self.watch()
        agent = self.confined(server={"host": "auto"}, view={"mode": "always"}).start()
        watcher.status("ready")
        self.assertEqual(facts(agent.pid), (facts()[0] + 1, False))
        self.assertEqual(agent.api()["sandbox"], {"on": True, "cause": None})
        self.assertIn('msg="sandbox on', agent.log())
        self.assertNotIn("sandbox", agent.run("status").stdout)

        game = self.process()
        agent.notify_with(f"READY=1\nMAINPID={game.pid}\nX_OUTRIDER=players=7")
        watcher.status("ready", players=7)
        self.assertEqual(agent.run("drain", "--reason", "patch").returncode, 0)
        watcher.status("draining")
        mark = watcher.mark()
        self.assertEqual(agent.run("undrain").returncode, 0)
        watcher.status("ready", mark)
        self.assertEqual(agent.run("services").returncode, 0)
        self.assertIn(b"\noutrider_sandbox 1\n", agent.request("GET", "/metrics")[2])

        os.unlink(agent.status)
        agent.write(server={"labels": {"map": "harbor"}}, status={"min_publish_interval": "2ms"})
        agent.send_signal(signal.SIGHUP)
        agent.logged("configuration reloaded, setting changed")
        self.assertEqual(agent.say("ready players=8"), "OK", "the socket file was made again")
        watcher.status("ready", players=8)

        self.etcd.kill()
        self.etcd.start()
        agent.say("ready players=9")
        wait_until(lambda: self.etcd.get(agent.key).record.get("players") == 9, "the news after etcd's restart")
        self.assertEqual(agent.stop(signal.SIGQUIT), 85)
        agent.start()
        wait_until(lambda: agent.api()["lease"]["state"] == "held", "the lease is taken over")
        game.kill()
        # The probe still passes, since the port belongs to the test: a new life begins within milliseconds.
        agent.logged(f'from=ready to=error cause="process {game.pid} exited"')
        self.assertEqual(agent.stop(), 0)
        self.assertIsNone(self.etcd.get(agent.key))

    def test_an_observer(self):
        agent = self.confined("o", server=..., probes=..., status=..., drain=..., shutdown=...).start()
        wait_until(lambda: agent.api()["view"]["synced"], "the fleet")
        self.assertEqual(agent.api()["sandbox"], {"on": True, "cause": None})
        self.assertEqual(agent.run("services").returncode, 0)
        self.assertEqual(agent.stop(), 0)

    def test_a_name_that_is_resolved(self):
        agent = self.confined(probe_host="localhost", server={"host": "localhost"}).start()
        wait_until(lambda: agent.api()["status"] == "ready", "it probes by name")
        self.assertEqual(agent.stop(), 0)


class Outside(Case):
    WRAPPER = [sys.executable, "-c", REFUSE]

    def test_off(self):
        agent = self.agent(sandbox="off").start()
        self.assertEqual(facts(agent.pid)[0], facts()[0])
        self.assertEqual(agent.api()["sandbox"], {"on": False, "cause": "off in the configuration"})
        self.assertIn('msg="sandbox off" cause="off in the configuration"', agent.log())
        self.assertNotIn("sandbox", agent.run("status").stdout)

    def test_where_the_kernel_does_not_let_it(self):
        agent = self.agent(wrapper=self.WRAPPER).start()
        sandbox = agent.api()["sandbox"]
        self.assertFalse(sandbox["on"])
        self.assertIn(f"  sandbox   off: {sandbox['cause']}\n", agent.run("status").stdout)
        self.assertIn(b"\noutrider_sandbox 0\n", agent.request("GET", "/metrics")[2])
        self.assertIn('msg="sandbox off', agent.log())
        self.assertEqual(agent.stop(), 0)

    def test_required_and_refused(self):
        agent = self.agent(wrapper=self.WRAPPER, sandbox="required").spawn()
        self.assertEqual(agent.wait(), 78)
        self.assertIn('error="sandbox: required, but cannot filter system calls: Operation not permitted"', agent.log())

    def test_check_says_so_before(self):
        agent = self.agent()
        for mode, what in (("auto", "the agent runs without it"), ("required", "without it the agent does not start")):
            agent.write(sandbox=mode)
            done = subprocess.run([*self.WRAPPER, str(BINARY), "check", "-c", str(agent.path)], capture_output=True, text=True,
                                  timeout=DEADLINE_S, env=environment(**CONFINED), check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("sandbox: warning: this kernel, or what runs the agent, lets no process filter system calls: "
                          f"Operation not permitted; {what}\n", done.stderr)
        agent.write(sandbox="off")
        self.assertNotIn("sandbox", agent.run("check").stderr)

    def test_a_reload_does_not_lift_it(self):
        agent = self.agent().start()
        before = facts(agent.pid)
        agent.write(sandbox="off")
        agent.send_signal(signal.SIGHUP)
        agent.logged("configuration reloaded, setting needs a restart")
        self.assertEqual(facts(agent.pid), before)
        self.assertEqual(agent.stop(), 0)
