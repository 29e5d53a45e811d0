"""packaging/quickstart, the first that a new user runs: its help, the tour, and the live fleet until Ctrl-C."""
import os
import re
import signal
import subprocess
import unittest

from harness import BINARY, ROOT, environment, wait_until

QUICKSTART = ROOT / "packaging" / "quickstart"


class Quickstart(unittest.TestCase):
    def spawn(self, *words):
        process = subprocess.Popen([QUICKSTART, *words], env=environment(OUTRIDER_BINARY=BINARY, TERM="xterm"),
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
        self.assertNotIn("set -", text)
        process = self.spawn("--twice")
        self.assertIn("usage: ", process.communicate()[0])
        self.assertEqual(process.returncode, 64)

    def test_tour_in_a_pipe(self):
        process = self.spawn("--once")
        text = process.communicate(timeout=120)[0]
        self.assertEqual(process.returncode, 0, text)
        self.assertTrue(text.endswith("everything worked\n"), text)
        self.assertNotIn("\033", text)
        self.assertNotIn("Killed", text)

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
