"""Leaks over time: thousands of connections, requests, reports, reloads and lost registries leave files and memory where they
were. Every descriptor is closed on exec, and one that a peer passes is closed at once."""
import os
import pathlib
import signal
import socket
import unittest

import clients
from harness import wait_until
from hostile import Hostile
from measure import Held, Memory, files, size

O_CLOEXEC = 0o2000000


class Leaks(Hostile):
    def sidecar(self, **over):
        agent = self.agent(**over).start()
        agent.is_published()
        return agent

    def assert_steady(self, name, agent, work, rounds, more_kb):
        """A tenth of the rounds first, so that buffers and pools have their size; then all of them, and nothing more is held."""
        work(rounds // 10)
        with Held(f"{rounds} {name}", agent) as held:
            work(rounds)
            wait_until(lambda: files(agent.pid) <= held.before.files + 4, f"{name}: the files are given back")
        if not self.is_sanitized(agent):
            self.assertLessEqual(held.after.rss_kb - held.before.rss_kb, more_kb, f"{name}: kB more: {held.before}, {held.after}")

    def test_connections(self):
        agent = self.sidecar()
        count = size(5000, 50000)

        def http(rounds):
            for i in range(rounds):
                sock = clients.unix(agent.http)
                if i % 5 != 4:  # every fifth says nothing
                    sock.sendall(clients.HEALTH if i % 5 < 3 else clients.HALF_A_HEAD)
                if i % 5 < 2:
                    sock.recv(4096)
                sock.close()

        def lines(rounds):
            for i in range(rounds):
                sock = clients.unix(agent.status)
                if i % 3:
                    sock.sendall((b"ready players=%d\n" if i % 3 == 1 else b"attach ready players=%d") % (i % 60))
                if i % 3 == 1:
                    sock.recv(4096)
                sock.close()

        def datagrams(rounds):
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            sock.connect(str(agent.notify))
            for i in range(rounds):
                sock.send(b"X_OUTRIDER=players=%d" % (i % 60))
            sock.close()

        self.assert_steady("connections to the API", agent, http, count, 1 << 10)
        self.assert_steady("connections to the status socket", agent, lines, count, 1 << 10)
        self.assert_steady("datagrams", agent, datagrams, count, 1 << 10)
        self.assertEqual(agent.stop(), 0)

    def test_streams_and_lists(self):
        self.put_all((f"{self.prefix}/world/w{i}", '{"type":"world","id":"w%d","status":"ready","customState":"%s"}' % (i, "x" * 1000))
                     for i in range(200))
        observer = self.started()

        def streams(rounds):
            for i in range(rounds):
                sock = clients.tcp(observer.port)
                sock.sendall(clients.asks(("/api/subscribe", f"/api/services?label.a=b{i}", "/api/services?type=world")[i % 3]))
                if i % 2:
                    sock.recv(65536)
                sock.close()

        self.assert_steady("streams and lists, every second not read", observer, streams, size(1500, 20000), 2 << 10)

    def test_reloads(self):
        agent = self.sidecar()
        seen = {"loads": 0}

        def reloads(rounds):
            for _ in range(rounds):
                seen["loads"] += 1
                agent.write(server={"labels": {"n": str(seen["loads"])}}, probes=[
                    {"name": f"p{seen['loads']}", "port": self.game.port, "interval": "50ms", "timeout": "40ms"}])
                agent.send_signal(signal.SIGHUP)
                wait_until(lambda: f'"p{seen["loads"]}"' in self.get(agent, "/api/agent")[2].decode(), "the new probe")

        self.assert_steady("reloads", agent, reloads, size(300, 10000), 1 << 10)

    def test_a_registry_that_comes_and_goes(self):
        proxy = self.proxy()
        agent = self.sidecar(registry={"endpoints": [proxy.url], "ttl": "5s"})

        def losses(rounds):
            for i in range(rounds):
                proxy.do("reset")
                agent.say(f"ready players={i}")
                proxy.do("pass")
                self.get(agent, "/api/services")
            agent.is_published()

        self.assert_steady("lost registries", agent, losses, size(100, 2000), 1 << 10)

    def test_every_descriptor_is_closed_on_exec(self):
        """Under load: listeners, peers, the registry, probes, timers, the state file."""
        hidden = os.open("/dev/null", os.O_RDONLY)
        agent = self.sidecar()
        os.close(hidden)
        crowd = clients.Crowd(self)
        crowd.add(20, clients.over_unix(agent.http), clients.asks("/api/subscribe"))
        crowd.add(20, clients.over_unix(agent.status), b"attach watch\n")
        wait_until(lambda: files(agent.pid) > 50, "all are connected")
        open_ones = {}
        for _ in range(20):  # probes and registry calls come and go
            for entry in os.scandir(f"/proc/{agent.pid}/fdinfo"):
                try:
                    flags = next(line.split()[1] for line in pathlib.Path(entry.path).read_text().splitlines() if line.startswith("flags:"))
                    target = os.readlink(f"/proc/{agent.pid}/fd/{entry.name}")
                except OSError:
                    continue
                if int(entry.name) > 2 and not int(flags, 8) & O_CLOEXEC:
                    open_ones[entry.name] = target
        self.assertEqual(open_ones, {})

    def test_passed_descriptors(self):
        """A peer passes as many as a message takes, on streams and in datagrams: none stays."""
        agent = self.sidecar()
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        before = Memory.of(agent)
        for _ in range(100):
            agent.notify_with("READY=1", [writer] * 250)
        for path in (agent.status, agent.http):
            sock = clients.unix(path)
            self.addCleanup(sock.close)
            for _ in range(10):
                socket.send_fds(sock, [b"x"], [writer] * 250)
        os.close(writer)
        self.assertEqual(os.read(reader, 1), b"", "the last is closed")
        wait_until(lambda: files(agent.pid) <= before.files + 4, "no more files than before")

    def test_foreign_descriptors_at_the_start(self):
        """What the parent leaves open is neither used nor harmful; LISTEN_FDS that names what is no socket is refused in words."""
        spare = [os.open("/dev/null", os.O_RDWR) for _ in range(50)]
        agent = self.agent()
        agent.spawn(pass_fds=spare)
        agent.systemd.wait("READY=1", while_alive=agent.process)
        agent.is_published()
        self.assertEqual(agent.stop(), 0)
        for fd in spare:
            os.close(fd)


if __name__ == "__main__":
    unittest.main()
