"""outrider kv lock on a real etcd: one holder at a time, in turn, and what becomes of the command when the lock is lost."""
import json
import os
import pathlib
import signal
import subprocess
import time
import unittest

from harness import BINARY, Case, environment, wait_until

HOUR_S = 3600


def is_alive(pid):
    """A zombie is not."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class LockCase(Case):
    def setUp(self):
        super().setUp()
        self.config = self.dir / "kv.yaml"
        self.control = f"/control{self.prefix}"
        self.write_config(self.etcd.url)

    def write_config(self, url):
        self.config.write_text(json.dumps({"registry": {"endpoints": [url], "control_prefix": self.control}}))

    def words(self, *words):
        return [str(BINARY), "kv", "lock", *words]

    def lock(self, *words):
        """A lock that runs on; its output is read at the end."""
        return self.process(*self.words(*words), env=environment(OUTRIDER_CONFIG=self.config), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run_lock(self, *words):
        return subprocess.run(self.words(*words), env=environment(OUTRIDER_CONFIG=self.config), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)

    def keys(self, name="a"):
        return self.etcd.under(f"{self.control}/lock/{name}/")

    def wait_keys(self, count, name="a"):
        wait_until(lambda: len(self.keys(name)) == count, f"{count} keys of {name}")

    def path(self, name):
        return self.dir / name

    def wait_file(self, name):
        wait_until(lambda: self.path(name).exists() and self.path(name).read_text(), f"{name} is written")
        return self.path(name).read_text().strip()

    def holds(self, *words, script="exec sleep 1000", name="a"):
        """A lock whose command has begun; returns it and the pid of the command."""
        mark = f"pid-{Case.number}-{len(list(self.dir.iterdir()))}"
        process = self.lock(name, *words, "--", "sh", "-c", f"echo $$ > {self.path(mark)}.new; mv {self.path(mark)}.new "
                                                            f"{self.path(mark)}; {script}")
        return process, int(self.wait_file(mark))


class Lock(LockCase):
    def test_what_the_command_gets_and_gives(self):
        done = self.run_lock("a", "--", "sh", "-c", "echo $OUTRIDER_LOCK_TOKEN; trap; kill -0 $PPID && exit 7")
        self.assertEqual((done.returncode, done.stderr), (7, ""))
        first = int(done.stdout)
        second = int(self.run_lock("a", "--", "printenv", "OUTRIDER_LOCK_TOKEN").stdout)
        self.assertGreater(second, first)
        self.assertEqual(self.keys(), [])
        for words, status, text in ((("sh", "-c", "kill -9 $$"), 128 + 9, ""), (("sh", "-c", "kill -TERM $$"), 128 + 15, ""),
                                    (("/nowhere/at-all",), 127, "No such file"), (("",), 127, "No such file"),
                                    (("/etc",), 126, "Permission denied"), (("true",), 0, "")):
            done = self.run_lock("a", "--", *words)
            self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
            self.assertIn(text, done.stderr)
            self.assertEqual(self.keys(), [])

    def test_one_after_the_other(self):
        order = self.path("order")
        holder, pid = self.holds()
        waiters = []
        for number in range(3):
            waiters.append(self.lock("a", "--", "sh", "-c", f"echo {number} $OUTRIDER_LOCK_TOKEN >> {order}"))
            self.wait_keys(number + 2)
        self.assertFalse(order.exists())
        self.assertEqual(self.run_lock("a", "--wait", "0s", "--", "true").returncode, 1)
        late = self.run_lock("a", "--wait", "300ms", "--", "true")
        self.assertEqual((late.returncode, "is taken" in late.stderr), (1, True), late.stderr)
        other = self.run_lock("b", "--wait", "0s", "--", "true")
        self.assertEqual(other.returncode, 0, other.stderr)
        os.kill(pid, signal.SIGTERM)
        self.assertEqual(holder.wait(30), 128 + signal.SIGTERM)
        for waiter in waiters:
            self.assertEqual(waiter.wait(30), 0)
        rows = [line.split() for line in order.read_text().splitlines()]
        self.assertEqual([row[0] for row in rows], ["0", "1", "2"])
        tokens = [int(row[1]) for row in rows]
        self.assertEqual(tokens, sorted(set(tokens)))
        self.assertIn("behind ", waiters[0].communicate()[1])
        self.wait_keys(0)

    def test_a_holder_that_is_killed(self):
        """Its command dies with it, and the next one holds the lock once the lease has ended."""
        holder, pid = self.holds("--ttl", "2s")
        begun = time.monotonic()
        waiter = self.lock("a", "--ttl", "2s", "--", "true")
        self.wait_keys(2)
        holder.kill()
        wait_until(lambda: not is_alive(pid), "the command is gone")
        self.assertEqual(waiter.wait(30), 0)
        self.assertGreater(time.monotonic() - begun, 1)
        self.wait_keys(0)

    def test_stopped_by_term(self):
        alone = self.lock("a")
        self.assertRegex(alone.stdout.readline(), r"^lock a held, token \d+; Ctrl-C gives it back$")
        self.assertEqual(len(self.keys()), 1)
        alone.terminate()
        self.assertEqual(alone.wait(30), 0)
        self.assertEqual(self.keys(), [])
        holder, pid = self.holds()
        holder.terminate()
        self.assertEqual(holder.wait(30), 128 + signal.SIGTERM)
        self.assertFalse(is_alive(pid))
        self.assertEqual(self.keys(), [])
        polite, _ = self.holds(script="trap 'exit 5' TERM; while :; do sleep 0.05; done")
        waiter = self.lock("a")
        self.wait_keys(2)
        waiter.terminate()
        self.assertEqual(waiter.wait(30), 128 + signal.SIGTERM)
        self.wait_keys(1)
        polite.terminate()
        self.assertEqual(polite.wait(30), 5)
        self.assertEqual(self.keys(), [])

    def test_ctrl_c_and_json(self):
        alone = self.lock("a", "--json")
        document = json.loads(alone.stdout.readline())
        [key] = self.keys()
        self.assertEqual(document, {"lock": "a", "token": key.revision})
        self.assertEqual((key.record["type"], key.record["id"].endswith(f" pid {alone.pid}")), ("lock", True), key.record)
        alone.send_signal(signal.SIGINT)
        self.assertEqual(alone.wait(30), 0)
        self.assertEqual(self.keys(), [])

    def test_key_deleted_by_hand(self):
        holder, pid = self.holds()
        [key] = self.keys()
        self.etcd.delete(key.key)
        self.assertEqual(holder.wait(30), 128 + signal.SIGTERM)
        self.assertIn("the lock a is lost: its key was deleted or written over", holder.communicate()[1])
        self.assertFalse(is_alive(pid))
        alone = self.lock("a")
        alone.stdout.readline()
        self.etcd.delete(self.keys()[0].key)
        self.assertEqual(alone.wait(30), 1)

    def test_hostile_names(self):
        for name in ("", "a/b", "../x", ".", "-x", "a b", "a\nb", "é", "a\x1b[2J", "x" * 64, "x" * 5000):
            done = self.run_lock("--", name, "true")
            self.assertEqual((done.returncode, done.stdout), (64, ""), name)
            self.assertNotIn("\x1b", done.stderr)
        for words in (("--ttl", "1s"), ("--ttl", "2h"), ("--ttl", "5"), ("--wait", "-1s"), ("--wait", "soon"), ("--ttl", "9999999h")):
            self.assertEqual(self.run_lock("a", *words, "--", "true").returncode, 64, words)
        self.assertEqual(self.run_lock().returncode, 64)
        self.assertEqual(self.keys(""), [])

    def test_foreign_keys(self):
        """One that its lease does not name stands for nothing; one whose value is nonsense stands."""
        prefix = f"{self.control}/lock/a/"
        for name, lease in (("1", 0), ("zz", self.etcd.grant(HOUR_S)), ("x" * 3000, 0)):
            self.etcd.put(prefix + name, "\x1b[2J", lease)
        self.assertEqual(self.run_lock("a", "--wait", "5s", "--", "true").returncode, 0)
        lease = self.etcd.grant(HOUR_S)
        self.etcd.put(f"{prefix}{lease:x}", "\x1b[2J" * 1000, lease)
        waiter = self.lock("a", "--", "true")
        self.wait_keys(5)
        self.assertRegex(waiter.stderr.readline(), r"^outrider: waiting for the lock a$")
        self.etcd.revoke(lease)
        self.assertEqual(waiter.wait(30), 0)


class LockLost(LockCase):
    """etcd goes away."""

    def test_etcd_is_stopped(self):
        """TERM before the lease could have ended, KILL after 10 s; and then the next one."""
        polite, polite_pid = self.holds("--ttl", "2s", script="trap 'exit 6' TERM; while :; do sleep 0.05; done")
        stubborn, stubborn_pid = self.holds("--ttl", "2s", script="trap '' TERM; while :; do sleep 0.05; done", name="b")
        self.etcd.kill()
        self.assertEqual(polite.wait(30), 6)
        self.assertIn("the lock a is lost: its lease was not renewed in time; ending the command", polite.communicate()[1])
        wait = self.run_lock("a", "--wait", "300ms", "--", "true")
        self.assertEqual(wait.returncode, 1, wait.stderr)
        self.assertIn("was not got within 300ms of --wait: ", wait.stderr)
        self.assertEqual(self.run_lock("a", "--wait", "0s", "--", "true").returncode, 75)
        self.etcd.start()
        self.assertEqual(self.run_lock("a", "--wait", "20s", "--", "true").returncode, 0)
        self.assertTrue(is_alive(stubborn_pid))
        self.assertEqual(stubborn.wait(30), 128 + signal.SIGKILL)
        self.assertIn("killing it", stubborn.communicate()[1])
        self.assertFalse(is_alive(polite_pid) or is_alive(stubborn_pid))

    def test_etcd_comes_back_in_time(self):
        holder, pid = self.holds("--ttl", "20s", script="exec sleep 1000")
        self.etcd.kill()
        waiter = self.lock("a", "--", "true")
        self.assertIn("waiting for the registry", waiter.stderr.readline())
        self.etcd.start()
        self.wait_keys(2)
        self.assertTrue(is_alive(pid))
        os.kill(pid, signal.SIGTERM)
        self.assertEqual(holder.wait(30), 128 + signal.SIGTERM)
        self.assertEqual(waiter.wait(30), 0)


if __name__ == "__main__":
    unittest.main()
