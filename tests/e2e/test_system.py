"""Under systemd and in a container: messages to the service manager, process 1, addresses, configuration by environment."""
import fcntl
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

from harness import Case, wait_until
from registry import DEADLINE_S

SIOCGIFADDR, SIOCGIFFLAGS, IFF_UP = 0x8915, 0x8913, 1

ORPHAN = """
import os, sys, time
if os.fork():
    sys.exit(0)
while os.getppid() != 1:
    time.sleep(0.001)
print("orphan", flush=True)
"""


def interface_with_address():
    """The name and IPv4 address of an interface that is not loopback, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            try:
                flags = struct.unpack("16xH", fcntl.ioctl(sock, SIOCGIFFLAGS, request)[:18])[0]
                address = socket.inet_ntoa(fcntl.ioctl(sock, SIOCGIFADDR, request)[20:24])
            except OSError:
                continue
            if flags & IFF_UP and not address.startswith("127."):
                return name, address
    return None


class Manager(Case):
    def test_messages_to_systemd(self):
        watcher = self.watch()
        agent = self.agent(shutdown={"drain": True}).start()
        watcher.status("ready")
        self.assertTrue(agent.systemd.datagrams[0].startswith("READY=1\nSTATUS=initializing"), agent.systemd.datagrams)
        agent.systemd.wait("STATUS=ready")
        self.game.close()
        agent.systemd.wait("STATUS=error: probe game: connection refused (3 of 3)")
        self.game.open()
        agent.systemd.wait("STATUS=ready", 2)
        agent.say("ready players=1")
        agent.send_signal(signal.SIGHUP)
        agent.systemd.wait("READY=1", 2)
        reload = [line for line in agent.systemd.lines() if line.startswith(("RELOADING", "READY", "MONOTONIC"))]
        self.assertEqual(reload[1], "RELOADING=1")
        stamp = next((line for line in reload if line.startswith("MONOTONIC_USEC=")), None)
        self.assertIsNotNone(stamp, "what Type=notify-reload tells one reload from another by")
        self.assertLess(abs(int(stamp.split("=")[1]) - time.monotonic_ns() // 1000), DEADLINE_S * 1000000)
        agent.send_signal(signal.SIGTERM)
        agent.systemd.wait("STOPPING=1")
        agent.systemd.wait("EXTEND_TIMEOUT_USEC=")
        agent.say("players=0")
        self.assertEqual(agent.wait(), 0)

    def test_an_abstract_or_absent_notify_socket(self):
        name = f"outrider-e2e-{os.getpid()}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.bind("\0" + name)
            sock.settimeout(DEADLINE_S)
            self.agent(wrapper=["env", f"NOTIFY_SOCKET=@{name}"]).spawn()
            self.assertTrue(sock.recv(1000).startswith(b"READY=1"))
        agent = self.agent("none", wrapper=["env", "-u", "NOTIFY_SOCKET"], server={"id": "w2"}).spawn()
        wait_until(lambda: 'msg="started"' in agent.log(), "it listens")
        self.assertEqual(agent.say("ready"), "OK")
        agent = self.agent("dead", wrapper=["env", f"NOTIFY_SOCKET={self.dir}/nobody"], server={"id": "w3"}).spawn()
        wait_until(lambda: 'msg="started"' in agent.log(), "it listens")
        self.assertEqual(agent.say("ready"), "OK")

    def test_the_watchdog_is_fed_while_the_loop_runs(self):
        watcher = self.watch()
        agent = self.agent(env={"WATCHDOG_USEC": 200000}, registry={"ttl": "2s"},
                           wrapper=["sh", "-c", 'WATCHDOG_PID=$$ exec "$@"', "sh"]).start()
        watcher.status("ready")
        agent.systemd.wait("WATCHDOG=1", 3)
        agent.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, agent.pid, os.WSTOPPED | os.WNOWAIT)
        fed = agent.systemd.lines().count("WATCHDOG=1")
        watcher.status("gone")  # the lease ends, ten timeouts of the watchdog later
        self.assertEqual(agent.systemd.lines().count("WATCHDOG=1"), fed, "a loop that stands still feeds nothing")
        seen = watcher.mark()
        agent.send_signal(signal.SIGCONT)
        agent.systemd.wait("WATCHDOG=1", fed + 1)
        watcher.status("ready", seen)
        self.assertEqual(agent.stop(), 0)

    def test_the_watchdog_of_an_observer(self):
        agent = self.agent("o", env={"WATCHDOG_USEC": 20000}, server=..., probes=..., status=..., drain=..., shutdown=...)
        agent.start()
        agent.systemd.wait("WATCHDOG=1", 3)
        self.assertEqual(agent.stop(), 0)

    def test_the_watchdog_of_another_process(self):
        watcher = self.watch()
        agent = self.agent(env={"WATCHDOG_USEC": 20000, "WATCHDOG_PID": 1}).start()
        watcher.status("ready")
        agent.send_signal(signal.SIGHUP)
        agent.systemd.wait("READY=1", 2)
        self.assertNotIn("WATCHDOG=1", agent.systemd.lines())
        self.assertEqual(agent.stop(), 0)


class Loading(Case):
    CONSTRUCTOR = "#include <signal.h>\n__attribute__((constructor)) static void early(void) { raise(SIGUSR1); }\n"

    def test_a_signal_before_main_waits_until_it_is_served(self):
        """The constructors of the libraries run before main; only the dynamic loader itself runs before them."""
        if shutil.which("cc") is None:
            self.skipTest("no C compiler here, to make a library with a constructor")
        library = self.dir / "early.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(library)], input=self.CONSTRUCTOR, text=True,
                       timeout=DEADLINE_S, check=True)
        watcher = self.watch()
        # A sanitizer would rather be the first library.
        options = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        agent = self.agent(env={"LD_PRELOAD": library, "ASAN_OPTIONS": options}).start()
        watcher.status("draining")
        self.assertEqual(agent.stop(), 0)


class Log(Case):
    def test_a_hanging_log_reader_does_no_harm(self):
        watcher = self.watch()
        reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        agent = self.agent(wrapper=["sh", "-c", f'exec "$@" 2>/proc/self/fd/{writer}', "sh"], registry={"ttl": "2s"})
        agent.start(pass_fds=(writer,))
        os.close(writer)
        watcher.status("ready")
        line = agent.line()
        for number in range(200):
            self.assertIsNotNone(line.ask(f"error # {number}"))
            self.assertIsNotNone(line.ask("ready"))
        since = watcher.mark()
        left = []
        wait_until(lambda: left.append(agent.api()["lease"]["leftMs"]) or
                   sum(b > a for a, b in zip(left, left[1:])) >= 2, "heartbeats go on")
        self.assertNotIn("gone", [event.status for event in watcher.until_now(since)])
        read = os.read(reader, 65536)
        agent.send_signal(signal.SIGUSR1)
        while b"log lines dropped" not in read:
            piece = os.read(reader, 65536)
            self.assertTrue(piece)
            read += piece
        os.close(reader)  # no reader any more: no SIGPIPE either
        agent.send_signal(signal.SIGUSR2)
        self.assertEqual(agent.stop(), 0)


    def test_the_first_line_says_what_it_is(self):
        sidecar = self.agent().start()
        self.assertIn('msg="configuration loaded" agent="sidecar of world/w1" config=', sidecar.log().splitlines()[0])
        observer = self.agent("o", server=..., probes=..., status=..., drain=..., shutdown=...).start()
        self.assertIn(f'msg="configuration loaded" agent="observer of {self.prefix}" config=', observer.log().splitlines()[0])

    def test_an_empty_file_makes_no_observer(self):
        agent = self.agent()
        agent.path.write_text("")
        self.assertEqual(agent.spawn().wait(), 78)
        self.assertIn("outrider.yaml:1:1: yaml: the file is empty", agent.log())

    def test_a_file_that_was_emptied_changes_nothing(self):
        watcher = self.watch()
        agent = self.agent().start()
        watcher.status("ready")
        agent.path.write_text("")
        agent.send_signal(signal.SIGHUP)
        agent.logged("reload refused, configuration unchanged")
        self.assertEqual(agent.api()["id"], "w1")


class ProcessOne(Case):
    def test_reaps(self):
        """As process 1 of a container the agent reaps every orphan."""
        if subprocess.run(["unshare", "-pf", "true"], capture_output=True, check=False).returncode != 0:
            self.skipTest("unshare -p is not permitted here, so there is no way to be process 1")
        agent = self.agent(wrapper=["unshare", "-pf", "--kill-child", "--"]).start()
        children = pathlib.Path(f"/proc/{agent.pid}/task/{agent.pid}/children")
        inner = int(children.read_text())
        for _ in range(5):
            done = subprocess.run(["nsenter", "-t", str(inner), "-p", sys.executable, "-c", ORPHAN], capture_output=True,
                                  text=True, timeout=DEADLINE_S, check=False)
            self.assertEqual(done.stdout, "orphan\n", done.stderr)
        inherited = pathlib.Path(f"/proc/{inner}/task/{inner}/children")
        wait_until(lambda: inherited.read_text() == "", "no orphan and no zombie is left")
        os.kill(inner, signal.SIGTERM)
        self.assertEqual(agent.wait(), 0)


class Addresses(Case):
    def published(self, host, name):
        agent = self.agent(name, server={"host": host, "id": f"id-{name}"}).start()
        return wait_until(lambda: self.etcd.get(agent.key), "the record").record["host"]

    def test_as_written(self):
        for number, host in enumerate(("fd00::1", "192.0.2.7", "game.example")):
            self.assertEqual(self.published(host, f"h{number}"), host)

    def test_interface_and_auto(self):
        found = interface_with_address()
        if found is None:
            self.skipTest("this machine has no interface with an address but loopback")
        self.assertEqual(self.published(found[0], "by-name"), found[1])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            try:
                sock.connect(("192.0.2.1", 9))
            except OSError:
                self.skipTest("this machine has no route")
            source = sock.getsockname()[0]
        if not source.startswith("127."):
            self.assertEqual(self.published("auto", "auto"), source)

    def test_no_address_is_not_registered(self):
        if subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode != 0:
            self.skipTest("unshare -n is not permitted here, so there is no way to have no route")
        agent = self.agent(wrapper=["unshare", "-n", "--"], server={"host": "auto"}).start()
        document = wait_until(lambda: agent.api()["withheld"] and agent.api(), "why")
        self.assertIn("no address", document["withheld"])
        self.assertTrue(document["withheld"].endswith("no route: Network is unreachable"), document["withheld"])
        self.assertIn("server.host", agent.run("status").stdout)
        self.assertEqual(agent.request("GET", "/readyz")[0], 503)
        self.assertEqual(agent.stop(), 0)


class Container(Case):
    def test_configuration_by_environment(self):
        watcher = self.watch()
        runtime = self.dir / "run"
        runtime.mkdir()
        other = self.new_game()
        env = {"RUNTIME_DIRECTORY": runtime, "GAME_PORTS": f"{self.game.port},{other.port}", "TYPE": "world",
               "ENDPOINTS": self.etcd.url, "PREFIX": self.prefix, "EMPTY": ""}
        agent = self.agent(env=env)
        agent.path.write_text("server:\n  type: ${TYPE}\n  id: w1\n  host: ${HOST_NAME:-127.0.0.1}\n"
                              "  ports: ${GAME_PORTS}\n  zone: ${EMPTY}\n  version: costs $$5\n"
                              "registry:\n  endpoints: ${ENDPOINTS}\n  prefix: ${PREFIX}\n")
        agent.spawn()
        agent.systemd.wait("READY=1", while_alive=agent.process)
        event = watcher.status("ready")
        self.assertEqual(event.record["ports"], [self.game.port, other.port])
        self.assertEqual(event.record["version"], "costs $5")
        self.assertNotIn("zone", event.record)
        self.assertEqual(sorted(path.name for path in runtime.iterdir()), ["http.sock", "notify.sock", "status.sock"])
