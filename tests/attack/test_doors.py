"""Who may do what: a game server and an instance of another server against the sockets, secrets and state of their neighbours, laid
out as the units lay them out, with their users and groups."""
import fcntl
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys

import test_sockets
from harness import BINARY, Case, environment, wait_until
from hostile import Hostile
from measure import Held
from registry import DEADLINE_S

GAME, NEIGHBOUR_GAME, ADMIN, AGENTS = 61101, 61102, 61103, 61104  # groups
FIRST, SECOND, PLAYER, OPERATOR = 61201, 61202, 61203, 61204  # users

# What an attacker tries, and the errors it gets: a row is a kind and a path or a pid.
ATTACK = """
import json, os, socket, sys, fcntl, errno
def connect(path):
    s = socket.socket(socket.AF_UNIX); s.settimeout(5); s.connect(path); return s
def line(path):
    s = connect(path); s.sendall(b"shutting_down\\n"); return s.recv(100)
def drain(path):
    s = connect(path)
    s.sendall(b"POST /api/agent/drain HTTP/1.1\\r\\nHost: localhost\\r\\nContent-Type: application/json\\r\\nContent-Length: 2\\r\\n\\r\\n{}")
    return s.recv(100)
def lock(path):
    fcntl.flock(os.open(path, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
def make(path):
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o644))
do = {"line": line, "drain": drain, "read": lambda path: open(path).read(), "lock": lock, "remove": os.unlink, "make": make,
      "kill": lambda pid: os.kill(int(pid), 15)}
out = []
for kind, what in json.loads(sys.argv[1]):
    try:
        do[kind](what); out.append([kind, what, "DONE"])
    except OSError as error:
        out.append([kind, what, errno.errorcode[error.errno]])
print(json.dumps(out))
"""


class Doors(Hostile):
    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("needs root, to act as several users")
        self.dir.chmod(0o755)

    def as_user(self, uid, groups, *words, **more):
        groups = ["--groups", ",".join(map(str, groups))] if groups else ["--clear-groups"]
        return subprocess.run(["setpriv", "--reuid", str(uid), "--regid", str(uid), *groups, *map(str, words)], text=True,
                              capture_output=True, timeout=DEADLINE_S, check=False, **more)

    def attack(self, uid, groups, *tries):
        done = self.as_user(uid, groups, sys.executable, "-c", ATTACK, json.dumps([[kind, str(what)] for kind, what in tries]))
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def listen(self, path, kind, group):
        sock = socket.socket(socket.AF_UNIX, kind)
        self.addCleanup(sock.close)
        sock.bind(str(path))
        if kind == socket.SOCK_STREAM:
            sock.listen()
        os.chown(path, 0, group)
        os.chmod(path, 0o660)
        return sock

    def instance(self, name, uid, game):
        """An agent as outrider@NAME.service starts it, with the sockets of both socket units."""
        folder, state = self.dir / f"run-{name}", self.dir / f"state-{name}"
        folder.mkdir(mode=0o755)
        if not state.exists():
            state.mkdir(mode=0o700)
        os.chown(state, uid, uid)
        sockets = [self.listen(folder / "status.sock", socket.SOCK_STREAM, game),
                   self.listen(folder / "notify.sock", socket.SOCK_DGRAM, game),
                   self.listen(folder / "http.sock", socket.SOCK_STREAM, ADMIN)]
        fds = [sock.fileno() for sock in sockets]
        password = self.dir / f"password-{name}"
        password.write_text("agent-geheim-0123\n")
        os.chown(password, 0, uid)
        password.chmod(0o640)
        wrapper = ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--groups", str(AGENTS), "--no-new-privs", sys.executable, "-c",
                   test_sockets.Inherited.WRAPPER, "3", "status:notify:http", ",".join(map(str, fds))]
        agent = self.agent(name, wrapper=wrapper, server={"id": name}, state_dir=str(state), status={"socket": ..., "notify_socket": ...},
                           http={"listen": f"unix:{folder}/http.sock"})
        agent.write()
        agent.dir.chmod(0o755)
        agent.fds, agent.folder, agent.state, agent.password = fds, folder, state, password
        agent.status, agent.notify, agent.http = folder / "status.sock", folder / "notify.sock", folder / "http.sock"
        return agent

    def begin(self, agent):
        agent.spawn(pass_fds=agent.fds)
        wait_until(lambda: agent.api()["registry"]["inSync"] or agent.process.poll() is not None, f"{agent.name} is there: {agent.log()}")
        return agent

    def assert_all_denied(self, results, wanted=("EACCES", "EPERM")):
        print("  " + ", ".join(f"{kind} {pathlib.Path(what).name} {came}" for kind, what, came in results))
        self.assertEqual([row for row in results if row[2] not in wanted], [])

    def prizes(self, agent):
        """What there is to take of an agent."""
        return [("drain", agent.http), ("line", agent.status), ("read", agent.password), ("read", agent.state / "state.json"),
                ("lock", agent.state / "lock"), ("make", agent.state / "x"), ("remove", agent.status), ("make", agent.folder / "x"),
                ("read", f"/proc/{agent.pid}/environ"), ("kill", agent.pid)]

    def test_a_game_server_can_only_report(self):
        watcher = self.watch()
        first = self.begin(self.instance("w1", FIRST, GAME))
        second = self.begin(self.instance("w2", SECOND, NEIGHBOUR_GAME))
        own = [row for row in self.prizes(first) if row[0] != "line"]
        with Held("a game server against the doors of two instances", second) as held:
            self.assert_all_denied(self.attack(PLAYER, [GAME], *own, *self.prizes(second)))
        held.assert_modest(self, 8 << 10)
        # It reports, and an operator drains, beside it.
        done = self.as_user(PLAYER, [GAME], "nc", "-NU", first.status, input="ready players=3\n")
        self.assertEqual(done.stdout, "OK\n", done.stderr)
        watcher.wait(lambda e: (e.record or {}).get("players") == 3, "what the game reported")
        done = self.as_user(OPERATOR, [ADMIN], BINARY, "drain", "--agent", f"unix:{second.http}", env=environment())
        self.assertEqual((done.returncode, done.stdout.split(",")[0]), (0, "draining"), done.stderr)
        # The neighbour's agent starts again.
        self.assertEqual(second.stop(signal.SIGQUIT), 85)
        self.begin(second)
        second.logged("taken over")
        self.assertEqual([agent.stop() for agent in (first, second)], [0, 0])

    def test_an_instance_cannot_touch_another(self):
        first = self.begin(self.instance("w1", FIRST, GAME))
        second = self.begin(self.instance("w2", SECOND, NEIGHBOUR_GAME))
        # The agents' group is there for configurations; a broken agent has its rights and no more.
        with Held("an instance against the doors of another", second) as held:
            self.assert_all_denied(self.attack(FIRST, [AGENTS], *self.prizes(second)))
        held.assert_modest(self, 8 << 10)
        self.assertEqual([agent.stop() for agent in (first, second)], [0, 0])

    def test_a_lock_that_was_open_to_others_is_not_waited_for(self):
        """As an agent of before left it, locked by a process that has it open since."""
        state = self.dir / "state-w1"
        state.mkdir(mode=0o755)
        (state / "lock").write_text("")
        os.chown(state / "lock", FIRST, FIRST)
        os.chmod(state / "lock", 0o644)
        with open(state / "lock", encoding="utf-8") as theirs:
            fcntl.flock(theirs, fcntl.LOCK_EX)
            agent = self.begin(self.instance("w1", FIRST, GAME))
            self.assertNotIn("waiting for it to end", agent.log())
            self.assertEqual((state / "lock").stat().st_mode & 0o7777, 0o600)
            self.assertEqual(agent.stop(signal.SIGQUIT), 85)
            self.begin(agent)
            self.assertEqual(agent.stop(), 0)


class Files(Case):
    def refused(self, agent, code, *parts):
        self.assertEqual(agent.spawn().wait(), code, agent.log())
        for part in parts:
            self.assertIn(part, agent.log())

    def test_a_lock_is_no_way_to_another_file(self):
        victim = self.dir / "victim"
        victim.write_text("precious")
        agent = self.agent()
        os.link(victim, agent.dir / "lock")
        self.refused(agent, 78, "has 2 names")
        (agent.dir / "lock").unlink()
        (agent.dir / "lock").symlink_to(victim)
        self.refused(agent, 78, "it is a link; remove it")
        self.assertEqual(victim.read_text(), "precious")

    def test_a_state_dir_that_others_may_write_is_refused(self):
        agent = self.agent()
        agent.write()
        agent.dir.chmod(0o777)
        self.refused(agent, 78, "every user can change what is in it; chmod o-w it")
        self.assertIn("state_dir: warning", agent.run("check").stderr)
        agent.dir.chmod(0o770)
        agent.start()
        self.assertIn("state_dir can be written by its group", agent.log())

    def test_a_token_that_is_none_is_refused(self):
        token = self.dir / "token"
        agent = self.agent(http={"token_file": str(token)})
        agent.write()
        for text, why in (("x\n", "only one byte"), (" \n", "is blank"), ("", "is empty"), ("t" * 5000, "larger than 4096 bytes")):
            token.write_text(text)
            token.chmod(0o600)
            checked = agent.run("check")
            self.assertEqual(checked.returncode, 78, checked.stderr)
            self.assertRegex(checked.stderr, f"http.token_file: .*{why}")
            self.refused(agent, 1, why)
        token.unlink()
        os.mkfifo(token)
        self.assertIn("not a regular file", agent.run("check").stderr)
        self.refused(agent, 1, "not a regular file")
        token.unlink()
        token.write_text("s3cret\n")
        token.chmod(0o600)
        checked = agent.run("check")
        self.assertEqual(checked.returncode, 0, checked.stderr)
        self.assertIn(f"http.token_file: warning: {token} has only 6 bytes", checked.stderr)

    def test_a_key_file_that_never_ends_does_not_stop_the_agent(self):
        """The TLS library reads it, and would wait for ever for the writer of a fifo."""
        fifo = self.dir / "fifo"
        os.mkfifo(fifo)
        agent = self.agent(registry={"endpoints": [f"https://127.0.0.1:{self.game.port}"],
                                     "tls": {"cert_file": str(fifo), "key_file": str(fifo)}}).start()
        wait_until(lambda: "not a regular file" in (agent.api()["registry"]["lastError"] or ""), agent.api()["registry"])
        self.assertEqual(agent.say("ready"), "OK")


class Privileges(Case):
    def status_of(self, pid, *names):
        lines = dict(line.split(":\t") for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
        return [lines[name].strip() for name in names]

    def test_process_one_keeps_no_capability(self):
        if os.geteuid() != 0 or subprocess.run(["unshare", "-pf", "true"], capture_output=True, check=False).returncode != 0:
            self.skipTest("unshare -p is not permitted here, so there is no way to be process 1")
        watcher = self.watch()
        agent = self.agent(wrapper=["unshare", "-pf", "--kill-child", "--"]).start()
        inner = int(pathlib.Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text())
        names = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
        held = self.status_of(inner, *names, "NoNewPrivs")
        print(f"\n  before: CapEff {self.status_of('self', 'CapEff')[0]}, after: {dict(zip((*names, 'NoNewPrivs'), held))}")
        self.assertEqual(held, ["0" * 16] * 5 + ["1"])
        self.assertRegex(agent.log(), r'msg="privileges given up" dropped=cap_chown,cap_dac_override,\S* kept=none')
        watcher.status("ready")
        # What it does later it does without.
        agent.status.unlink()
        os.kill(inner, signal.SIGHUP)
        agent.logged("socket file was gone, made again")
        self.assertEqual(agent.say("ready players=2"), "OK")
        watcher.status("ready", players=2)
        os.kill(inner, signal.SIGTERM)
        self.assertEqual(agent.wait(), 0)

    def test_what_belongs_to_others_keeps_one_and_is_named(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        agent = self.agent(status={"group": "61101"})
        agent.write()
        os.chown(agent.dir, 61201, 61201)
        os.chmod(agent.dir, 0o755)
        agent.start()
        self.assertRegex(agent.log(), 'msg="privileges given up" .*kept=cap_chown,cap_dac_override\n')
        self.assertRegex(agent.log(), f'privilege=cap_dac_override setting=state_dir needs={agent.dir} hint=')
        self.assertRegex(agent.log(), 'privilege=cap_chown setting=status.group needs=61101 hint=')
        agent.status.unlink()
        agent.send_signal(signal.SIGHUP)
        agent.logged("socket file was gone, made again")
        self.assertEqual(agent.status.stat().st_gid, 61101)
        self.assertEqual(agent.stop(), 0)

    def test_no_process_of_the_same_user_reads_its_memory(self):
        if os.geteuid() != 0:
            self.skipTest("needs root, to act as another user")
        self.dir.chmod(0o755)
        wrapper = ["setpriv", "--reuid", "61201", "--regid", "61201", "--clear-groups"]
        for name, settings, wanted in (("hidden", {}, 1), ("seen", {"core_dumps": True}, 0)):
            agent = self.agent(name, wrapper=wrapper, server={"id": name}, **settings)
            agent.write()
            os.chown(agent.dir, 61201, 61201)
            agent.spawn()
            wait_until(agent.http.is_socket, f"{name}: {agent.log()}")
            done = subprocess.run([*wrapper, "head", "-c", "10", f"/proc/{agent.pid}/environ"], capture_output=True, check=False,
                                  timeout=DEADLINE_S)
            self.assertEqual(done.returncode, wanted, done)
            core = pathlib.Path(f"/proc/{agent.pid}/limits").read_text().split("Max core file size")[1].split()[1]
            if name == "hidden":
                self.assertEqual(core, "0")
            self.assertEqual(agent.stop(), 0)
