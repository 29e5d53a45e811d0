"""A full disk: in etcd, and under the agent's state_dir."""
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import threading
import time

from faults import fault
from harness import Agent
from registry import wait_until

KEPT_WITHIN_S = 10
QUOTA = str(2 * 1024 * 1024)
TMPFS = 'mount -t tmpfs -o size=64k,mode=0700 none "$1" && shift && exec "$@"'


# With a full store the agent retries every 15 to 30 s.
@fault("etcd-full", "disk", keeps=True, options=("--quota-backend-bytes", QUOTA),
       bound=lambda scene: 30 + scene.request_timeout_s())
def etcd_full(scene):
    """The quota is used up (NOSPACE) for longer than the lease: writes fail, heartbeats do not; then there is room again."""
    scene.begin()
    scene.etcd.fill()
    scene.news()
    scene.wait_trouble("space exceeded")
    scene.beyond_lease()
    scene.etcd.make_room(scene.follower)
    scene.end()


@fault("etcd-full-server-dies", "disk", deletes=(1, 1), options=("--quota-backend-bytes", QUOTA),
       bound=lambda scene: 30 + scene.request_timeout_s())
def etcd_full_server_dies(scene):
    """The same, and the game server dies: its record says ready and cannot be written, so it is revoked."""
    scene.begin()
    scene.etcd.fill()
    scene.dies_unwritten()
    scene.etcd.make_room(scene.follower)
    scene.end()


def drain_unkept(scene):
    """The operator's hold is in force although it cannot be saved, and the API says so."""
    scene.begin()
    scene.allowed.add("draining")
    scene.expect("draining", scene.players)
    scene.agent.send_signal(signal.SIGUSR1)
    scene.follower.wait(scene.is_true, "the drain", scene.mark)
    wait_until(lambda: scene.api()["stateLastError"], "the trouble with state_dir")
    scene.notes.append(scene.api()["stateLastError"])
    scene.beyond_lease()


def drain_kept(scene):
    """Once there is room it is saved, without another change."""
    room = time.monotonic()
    wait_until(lambda: scene.api()["stateLastError"] is None, "state_dir is written again")
    seconds = time.monotonic() - room
    scene.notes.append(f"kept {seconds:.1f} s after there was room")
    scene.check.assertLess(seconds, KEPT_WITHIN_S + scene.slack_s())
    scene.check.assertIn('"by":"signal"', scene.agent.kept())
    scene.end()
    scene.expect("ready", scene.players)
    scene.agent.send_signal(signal.SIGUSR2)


class LimitedAgent(Agent):
    """An agent whose files can be limited in size at any time. Its log goes through a pipe, which has no limit."""

    def __init__(self, *words):
        super().__init__(*words)
        self.output = self.log_path
        self.log_path = self.dir / "log.pipe"
        os.mkfifo(self.log_path)
        threading.Thread(target=self.carry, daemon=True).start()

    def carry(self):
        with open(self.log_path, "rb", buffering=0) as pipe, open(self.output, "ab", buffering=0) as output:
            while data := pipe.read(65536):
                output.write(data)

    def log(self):
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def limit(self, size):
        _, hard = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (hard if size is None else size, hard))


# Without restore_signals the agent ignores SIGXFSZ as Python does: a file that may not grow is an error, not a signal.
@fault("state-dir-limit", "disk", nodes=(1,), keeps=True, popen={"restore_signals": False}, agent=LimitedAgent,
       saves=8)
def state_dir_limit(scene):
    """No file of the agent may grow (RLIMIT_FSIZE), for longer than the lease; this needs no privileges."""
    scene.agent.limit(0)
    drain_unkept(scene)
    scene.agent.limit(None)
    drain_kept(scene)


def can_mount():
    """Whether the user may create a mount namespace."""
    if shutil.which("unshare") is None:
        return False
    words = ["unshare", "-Urm", "sh", "-c", TMPFS, "sh", "/mnt", "true"]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


class TmpfsAgent(Agent):
    """An agent whose state_dir is a file system of 64 kB, visible to others only through /proc."""

    def spawn(self, **popen):
        plain = self.wrapper
        self.wrapper = ["unshare", "-Urm", "sh", "-c", TMPFS, "sh", self.config["state_dir"], *plain]
        try:
            return super().spawn(**popen)
        finally:
            self.wrapper = plain

    def state(self, name):
        return pathlib.Path(f"/proc/{self.pid}/root{self.config['state_dir']}/{name}")

    def kept(self):
        return self.state("state.json").read_text()


@fault("state-dir-full", "disk", nodes=(1,), keeps=True, agent=TmpfsAgent, possible=can_mount, saves=8)
def state_dir_full(scene):
    """The file system of state_dir is full, for longer than the lease."""
    with open(scene.agent.state("ballast"), "wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(bytes(4096))
        except OSError:
            pass
    drain_unkept(scene)
    scene.agent.state("ballast").unlink()
    drain_kept(scene)
