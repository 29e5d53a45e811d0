"""Attached connections by the hundred, of one process, of many, and of another user. The game that is attached stays
attached, the game that restarts gets in, and a command of an operator is answered."""
import contextlib
import os
import subprocess
import sys
import unittest

from harness import wait_until
from hostile import Hostile
from measure import Held, size
from registry import DEADLINE_S

COUNT = size(300, 900)
RESTARTS = size(5, 50)

# PATH COUNT PROCESSES UID: so many attach, of so many processes, and go on: one that is closed comes again. Until the end of its
# input.
HOSTILE = """
import os, select, socket, sys
path, count, processes, uid = sys.argv[1], *map(int, sys.argv[2:])
if uid:
    os.setgroups([]), os.setgid(uid), os.setuid(uid)

def attach():
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(path)
    try:
        sock.sendall(b"attach\\n")
    except OSError:
        pass
    return sock

def crowd(own):
    held = {sock.fileno(): sock for sock in (attach() for _ in range(own))}
    os.write(ready[1], b"x")
    poll = select.poll()
    poll.register(0, select.POLLIN)
    for number in held:
        poll.register(number, select.POLLRDHUP)
    while True:
        for number, what in poll.poll():
            if number == 0:
                os._exit(0)
            poll.unregister(number)
            held.pop(number).close()
            sock = attach()
            held[sock.fileno()] = sock
            poll.register(sock, select.POLLRDHUP)

ready = os.pipe()
for _ in range(processes):
    if os.fork() == 0:
        crowd(count // processes)
for _ in range(processes):
    os.read(ready[0], 1)
print("attached", flush=True)
sys.stdin.read()
"""

GAME = """
import socket, sys
sock = socket.socket(socket.AF_UNIX)
sock.settimeout(20)
sock.connect(sys.argv[1])
sock.sendall(b"attach ready players=%d\\n" % int(sys.argv[2]))
print(sock.recv(100).decode().strip())
"""


class Places(Hostile):
    def hostile(self, count, processes=1, uid=0):
        process = self.process(sys.executable, "-c", HOSTILE, str(self.a.status), str(count), str(processes), str(uid),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stdin.close)
        self.assertEqual(process.stdout.readline(), b"attached\n")
        return process

    def peers(self):
        text = self.a.request("GET", "/metrics")[2].decode()
        return {line.split()[0]: float(line.split()[1]) for line in text.splitlines() if line.startswith("outrider_status_peers")}

    def restart(self, players):
        done = subprocess.run([sys.executable, "-c", GAME, str(self.a.status), str(players)], capture_output=True, text=True,
                              timeout=DEADLINE_S, check=False)
        return done.stdout.strip() or done.stderr.strip().split("\n")[-1] or "closed"

    def play(self, what, wrapper=(), **hostile):
        """Attaches the game, then lets them come."""
        watcher = self.watch()
        self.a = self.agent(wrapper=wrapper, **({"status": {"mode": "0666"}} if "uid" in hostile else {})).start()
        game = self.a.line()
        self.assertEqual(game.ask("attach ready"), "OK")
        watcher.status("ready")
        since = watcher.mark()
        with contextlib.nullcontext() if wrapper else Held(what, self.a) as held:  # a wrapper is another process
            crowd = self.hostile(**hostile)
            answers = [self.restart(number) for number in range(RESTARTS)]
            send = self.a.run("send", "heartbeat")
            seen = self.peers()
            try:
                stayed = game.ask("heartbeat")
            except OSError as error:
                stayed = str(error)
            crowd.stdin.close()
        print(f"    {what}: {answers.count('OK')} of {RESTARTS} restarted games attached; the game before: {stayed or 'closed'}; "
              f"outrider send: exit {send.returncode}; connections: {seen['outrider_status_peers_total']:.0f}, made room: "
              f"{seen['outrider_status_peers_evicted_total']:.0f}, refused: {seen['outrider_status_peers_refused_total']:.0f}")
        self.assertEqual(answers, ["OK"] * RESTARTS)
        self.assertEqual((send.stdout, stayed), ("OK\n", "OK"))
        self.assertEqual(seen["outrider_status_peers_refused_total"], 0)
        self.assertGreater(seen["outrider_status_peers_evicted_total"], 0)
        self.a.logged("closed to make room, too many are open")
        crowd.wait(DEADLINE_S)
        wait_until(lambda: game.ask("heartbeat") == "OK", "still attached")
        if held is not None:
            held.assert_modest(self, 16 << 10, 4 << 10)
        self.assertNotIn("error", [event.status for event in watcher.until_now(since)])

    def test_one_process(self):
        self.play(f"{COUNT} attached of one process", count=COUNT)

    def test_many_processes(self):
        self.play("300 attached processes", count=300, processes=300)

    @unittest.skipIf(os.geteuid() != 0, "only root can be another user")
    def test_another_user(self):
        self.dir.chmod(0o711)
        self.play("300 attached processes of another user", count=300, processes=300, uid=65534)

    def test_processes_that_have_no_pid_here(self):
        """The agent in a container of its own sees pid 0 for everybody."""
        alone = ["unshare", "-pf", "--kill-child", "--"]
        if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode != 0:
            self.skipTest("unshare -p is not permitted here")
        if tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2]) < (6, 9):
            self.skipTest("the kernel has no pidfs, which tells processes apart that have no pid here")
        self.play(f"{COUNT} attached of one process without a pid", wrapper=alone, count=COUNT)


if __name__ == "__main__":
    unittest.main()
