"""packaging/quickstart, the first that a new user runs: its help, the tour, and the live fleet until Ctrl-C."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

from harness import BINARY, ROOT, environment, wait_until

QUICKSTART = ROOT / "packaging" / "quickstart"


class Quickstart(unittest.TestCase):
    def spawn(self, *words, **more):
        process = subprocess.Popen([QUICKSTART, *words], env={**environment(OUTRIDER_BINARY=BINARY, TERM="xterm"), **more},
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                   start_new_session=True)

        def end():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            process.stdout.close()
        self.addCleanup(end)
        return process

    def test_help(self):
        process = self.spawn("--help")
        text = process.communicate()[0]
        self.assertEqual(process.returncode, 0, text)
        self.assertIn("packaging/quickstart --once", text)
        self.assertIn("--registry NAME", text)
        self.assertNotIn("set -", text)
        for words in (["--twice"], ["--registry"], ["--registry", "zookeeper"]):
            process = self.spawn(*words)
            self.assertIn("usage: ", process.communicate()[0])
            self.assertEqual(process.returncode, 64)

    def test_tour_in_a_pipe(self):
        self.check_tour()

    def test_tour_with_redis(self):
        self.check_tour("--registry", "redis")

    def test_tour_with_consul(self):
        binary = shutil.which(os.environ.get("OUTRIDER_CONSUL", "consul"))
        if binary is None:
            self.skipTest("no consul: tests/support/consul fetches one, OUTRIDER_CONSUL names it")
        self.check_tour("--registry", "consul", PATH=f"{os.environ['PATH']}:{os.path.dirname(binary)}")

    def check_tour(self, *words, **more):
        process = self.spawn(*words, "--once", **more)
        text = process.communicate(timeout=120)[0]
        self.assertEqual(process.returncode, 0, text)
        self.assertTrue(text.endswith("everything worked\n"), text)
        self.assertNotIn("\033", text)
        self.assertNotIn("Killed", text)

    def test_something_to_look_at(self):
        """The page and how to open it, players that move, a server that drains and one that crashes; both return."""
        tools = tempfile.TemporaryDirectory()
        self.addCleanup(tools.cleanup)
        opener = pathlib.Path(tools.name, "xdg-open")
        opener.write_text("#!/bin/sh\n")
        opener.chmod(0o755)
        process = self.spawn(OUTRIDER_STEP="0.1", DISPLAY=":9", PATH=f"{tools.name}:{os.environ['PATH']}")
        lines = iter(process.stdout.readline, "")
        page = next(line for line in lines if line.startswith("  the page "))
        address = re.search(r"curl (http://\S+)/api/services", next(line for line in lines if "/api/services" in line))[1]
        try:
            with urllib.request.urlopen(f"{address}/") as answer:
                self.assertIn("text/html", answer.headers["Content-Type"])
            self.assertIn(f"{address}/   (xdg-open {address}/)", page)
        except urllib.error.HTTPError as error:
            with error:
                self.assertIn(b"built without the page", error.read())
            self.assertIn("install Node", page)
        with urllib.request.urlopen(f"{address}/api/me") as answer:
            self.assertEqual(json.load(answer)["ui"], {"name": "quickstart", "colour": "blue"})
        seen = {"meadow": [], "canyon": [], "forest": []}
        wanted = {"meadow": ["ready", "draining", "ready"], "canyon": ["ready", "error", "initializing", "ready"]}
        players = set()

        def came(name):
            rest = iter(seen[name])
            return all(any(status == each for each in rest) for status in wanted[name])
        while not (came("meadow") and came("canyon") and len(players) > 3):
            line = next(lines, None)
            self.assertIsNotNone(line, seen)
            if row := re.search(r" world +(meadow|canyon|forest) +(\w+) +\S+ +(\d+/64)?", line):
                seen[row[1]].append(row[2])
                players.add(row[3])
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        self.assertNotIn("Killed", process.communicate(timeout=60)[0])
        self.assertEqual(process.returncode, 130)

    def test_live_until_interrupted(self):
        process = self.spawn()
        text = ""
        while "The fleet, live" not in text:
            line = process.stdout.readline()
            self.assertTrue(line, text)
            text += line
        for hint in ("harbor: send a status line", "harbor: drain and undrain", "forest: drain "):
            self.assertIn(hint, text)
        os.kill(int(re.search(r"harbor: crash the game +kill -9 (\d+)", text)[1]), signal.SIGKILL)
        while not re.search(r"harbor +error", text):
            line = process.stdout.readline()
            self.assertTrue(line, text)
            text += line
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=60)[0]
        self.assertEqual(process.returncode, 130, rest)
        self.assertIn("stopping ...\n", rest)
        folder = re.search(r"agents in (\S+)", text)[1]
        wait_until(lambda: not os.path.exists(folder), f"{folder} is removed")
        self.assertNotIn("\033", text + rest)
        self.assertNotIn("Killed", text + rest)
