"""Real Redis servers of a test."""
import pathlib
import shutil
import subprocess
import tempfile

from registry import load

with_redis = load("with-redis")


class Redis:
    """The servers of one mode, from start to stop()."""

    def __init__(self, mode, auth=False):
        self.parent = pathlib.Path(tempfile.mkdtemp(prefix="outrider-e2e-redis-"))
        self.folder, self.nodes, told, _ = with_redis.start(self.parent, mode, auth=auth)
        self.settings = {"endpoints": [f"redis://127.0.0.1:{node.port}" for node in told], "mode": mode}
        if mode == "sentinel":
            self.settings["master_name"] = "mm"
        if auth:
            self.settings.update(username="agent", password_file=str(self.folder / "password"))

    def sessions(self, namespace):
        """What an observer's `sessions` are."""
        return {"store": "redis", "redis": {**self.settings, "namespace": namespace}}

    def do(self, what, *words):
        return subprocess.run([self.folder / what, *words], check=True, capture_output=True, text=True).stdout

    def failover(self):
        """The master is killed; returns once another is one."""
        self.do("failover")

    def stop(self):
        for node in self.nodes:
            node.kill()
        shutil.rmtree(self.parent, ignore_errors=True)
