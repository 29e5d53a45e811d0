"""Programs of other projects from npm, installed once beside the agent of this build and run by Node."""
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
SUPPORT = pathlib.Path(__file__).resolve().parent.parent / "support"
# No script of a package runs during the installation, and npm requests nothing but the packages.
QUIETLY = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--fetch-retries=1")
INSTALL_WITHIN_S = 80


@functools.cache
def run_npm(folder, *words):
    """The error of npm's installation, "" when it worked."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "there is no node or no npm here"
    command = ["npm", *words, "--prefix", str(folder), *QUIETLY]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_WITHIN_S, check=False)
    except subprocess.TimeoutExpired:
        return f"npm did not install in {INSTALL_WITHIN_S} s"
    said = [line for line in done.stderr.splitlines() if line.startswith(("npm error", "npm ERR!"))]
    return "" if done.returncode == 0 else "npm cannot install: " + " | ".join(said[:3])


def installed(folder, what, *words):
    """The modules in `folder` after `npm WORDS`, once for each `what`; skips the test with the reason where that fails."""
    folder.mkdir(exist_ok=True)
    done = folder / "installed"
    with open(folder / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists() or done.read_text() != what:
            why = run_npm(folder, *words)
            if why:
                raise unittest.SkipTest(f"SKIP: {why}")
            done.write_text(what)
    return folder / "node_modules"


def modules():
    """The folder of the packages above."""
    return installed(BINARY.parent / "npm", " ".join(PACKAGES), "install", "--no-save", *PACKAGES)


def locked(name):
    """The folder of the packages that tests/support/NAME/package-lock.json lists, which names no registry: npm's own is asked."""
    folder = BINARY.parent / f"npm-{name}"
    folder.mkdir(exist_ok=True)
    for file in ("package.json", "package-lock.json"):
        shutil.copy(SUPPORT / name / file, folder)
    return installed(folder, (folder / "package-lock.json").read_text(), "ci")


def node_environment(folder):
    return environment(NODE_PATH=folder)


class Client:
    """A script of tests/support in a process of its own that ends with the test."""

    def __init__(self, case, script, *words, modules=None):
        self.errors = open(case.dir / f"{pathlib.Path(script).name}.log", "w+b")
        case.addCleanup(self.errors.close)
        self.process = subprocess.Popen(["node", str(SUPPORT / script), *map(str, words)], env=node_environment(modules),
                                        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors)
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


class Lines(Client):
    """One that takes orders as lines of JSON, and answers each with one."""

    def read(self):
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"error": self.log()}
        if "error" in answer:
            raise AssertionError(f"{self.process.args[1]}: {answer['error']}")
        return answer

    def do(self, **order):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return self.read()


class Server(Lines):
    """A server without an agent of Outrider."""

    def __init__(self, case, endpoint):
        super().__init__(case, "clients/etcd3.js", endpoint, modules=modules())

    def do(self, order, **more):
        return super().do(do=order, **more)


class Follower(Client):
    """Everything an EventSource received, as (event, id, data)."""

    def __init__(self, case, url):
        super().__init__(case, "clients/eventsource.js", url, modules=modules())
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
