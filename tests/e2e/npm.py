"""Clients of other projects from npm, installed once beside the agent of this build and run by Node."""
import fcntl
import functools
import json
import os
import pathlib
import shutil
import subprocess
import threading
import unittest

from harness import BINARY, environment
from registry import DEADLINE_S

PACKAGES = ("etcd3@1.1.2", "eventsource@3.0.7")
CLIENTS = pathlib.Path(__file__).resolve().parent.parent / "support" / "clients"
INSTALL_WITHIN_S = 80


@functools.cache
def run_npm(folder):
    """The error of npm's installation, "" when it worked."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "there is no node or no npm here"
    # No script of a package runs during the installation, and npm requests nothing but the packages.
    command = ["npm", "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund",
               "--no-update-notifier", "--no-save", "--fetch-retries=1", *PACKAGES]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_WITHIN_S, check=False)
    except subprocess.TimeoutExpired:
        return f"npm did not install in {INSTALL_WITHIN_S} s"
    said = [line for line in done.stderr.splitlines() if line.startswith(("npm error", "npm ERR!"))]
    return "" if done.returncode == 0 else "npm cannot install: " + " | ".join(said[:3])


def modules():
    """The folder of the packages; skips the test with the reason where they are not available."""
    folder = BINARY.parent / "npm"
    folder.mkdir(exist_ok=True)
    done = folder / "installed"
    with open(folder / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists() or done.read_text() != " ".join(PACKAGES):
            why = run_npm(folder)
            if why:
                raise unittest.SkipTest(f"SKIP: {why}")
            done.write_text(" ".join(PACKAGES))
    return folder / "node_modules"


class Client:
    """A script of tests/support/clients in a process of its own that ends with the test."""

    def __init__(self, case, script, *words):
        env = environment(NODE_PATH=modules())
        self.errors = open(case.dir / f"{script}.log", "w+b")
        case.addCleanup(self.errors.close)
        self.process = subprocess.Popen(["node", str(CLIENTS / script), *words], env=env, text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.errors)
        case.addCleanup(self.close)

    def log(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")

    def kill(self):
        """As a machine dies: without closing anything."""
        self.process.kill()
        self.process.wait()

    def close(self):
        self.kill()
        self.process.stdin.close()
        self.process.stdout.close()


class Server(Client):
    """A server without an agent of Outrider."""

    def __init__(self, case, endpoint):
        super().__init__(case, "etcd3.js", endpoint)

    def do(self, order, **more):
        self.process.stdin.write(json.dumps({"do": order, **more}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"error": self.log()}
        if "error" in answer:
            raise AssertionError(f"etcd3: {order}: {answer['error']}")
        return answer


class Follower(Client):
    """Everything an EventSource received, as (event, id, data)."""

    def __init__(self, case, url):
        super().__init__(case, "eventsource.js", url)
        self.heard, self.changed = [], threading.Condition()
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.process.stdout:
            said = json.loads(line)
            with self.changed:
                self.heard.append((said["event"], said.get("id", ""), said.get("data")))
                self.changed.notify_all()

    def of(self, *names):
        with self.changed:
            return [each for each in self.heard if each[0] in names]

    def wait(self, condition, what, deadline=DEADLINE_S):
        """The first for which condition(event, id, data) is true."""
        looked, found = 0, None

        def find():
            nonlocal looked, found
            while found is None and looked < len(self.heard):
                found = self.heard[looked] if condition(*self.heard[looked]) else None
                looked += 1
            return found
        with self.changed:
            if not self.changed.wait_for(find, deadline):
                raise AssertionError(f"in {deadline} s no eventsource heard {what}; the last of {len(self.heard)}: "
                                     f"{self.heard[-3:]}; {self.log()[-500:]}")
            return found

    def close(self):
        self.kill()
        self.thread.join(DEADLINE_S)
        self.process.stdin.close()
        self.process.stdout.close()


def changes_wanted():
    """The number of changes: $OUTRIDER_CHANGES, else what a test has time for."""
    return int(os.environ.get("OUTRIDER_CHANGES", "2000"))
