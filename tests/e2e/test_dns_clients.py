"""Programs that know no Outrider resolve its names: glibc's resolver in another process, and c-ares as an agent uses it."""
import subprocess
import sys

import network
from dns_client import DnsCase
from harness import wait_until

# What a program does that calls getaddrinfo(), and res_query() for SRV records.
GLIBC = """
import ctypes, socket, sys
resolv = ctypes.CDLL(None, use_errno=True)
answer = ctypes.create_string_buffer(65536)
for name in sys.argv[1:]:
    try:
        found = sorted({each[4][0] for each in socket.getaddrinfo(name, 8001, type=socket.SOCK_STREAM)})
        print(name, *found)
    except socket.gaierror as error:
        print(name, {socket.EAI_NONAME: "no-name", socket.EAI_AGAIN: "again", -5: "no-data"}.get(error.errno, error))
size = resolv.res_query(b"_world._tcp.outrider", 1, 33, answer, len(answer))
print("srv", size, int.from_bytes(answer.raw[6:8], "big"))
"""


def setUpModule():
    network.enter()


def tearDownModule():
    network.leave()


class Clients(DnsCase):
    def setUp(self):
        super().setUp()
        self.port = 53
        self.resolv_conf = self.dir / "resolv.conf"
        self.resolv_conf.write_text("nameserver 127.0.0.1\noptions attempts:1 timeout:5\n")

    def resolve(self, *names):
        done = subprocess.run([*network.with_resolv_conf(self.resolv_conf), sys.executable, "-c", GLIBC, *names],
                              capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    def test_glibc(self):
        for i in range(30):
            self.put("world", f"a-server-with-a-long-name-{i:02}", host=f"10.0.0.{i}", ports=[8001, 8002])
        self.put("lobby", "l1", host="fd00::1")
        self.put("lobby", "l2", host="10.0.1.2")
        self.put("named", "n1", host="game.example")
        self.put("down", "d1", status="error")
        self.observer(dns={"answers": 256}).start()
        wait_until(lambda: len(self.dig("world.outrider", "A", "+tcp").data()) == 30, "all are there")
        lines = self.resolve("world.outrider", "lobby.outrider", "l2.LOBBY.outrider", "named.outrider", "down.outrider", "nowhere.outrider")
        self.assertEqual(len(lines[0].split()) - 1, 30)
        # The agent says which name the host has, and not where that leads: a resolver between them would go on.
        self.assertEqual(lines[1:6], ["lobby.outrider 10.0.1.2 fd00::1", "l2.LOBBY.outrider 10.0.1.2", "named.outrider no-name",
                                      "down.outrider no-data", "nowhere.outrider no-name"])
        words = lines[6].split()
        self.assertEqual((words[0], words[2]), ("srv", "60"))  # by TCP: they have more than 1232 bytes
        self.assertGreater(int(words[1]), 1232)

    def test_c_ares_in_an_agent(self):
        """An agent finds its game by a name that another one serves; it is ready only where it does."""
        self.put("world", "w9", host="127.0.0.1")
        self.observer().start()
        self.wait_for("w9.world.outrider", "A", ["A 127.0.0.1"])
        watcher = self.watch()
        probe = {"name": "game", "port": self.game.port, "interval": "100ms", "timeout": "90ms"}
        agent = self.agent(probe_host="w9.world.outrider", probes=[probe], server={"type": "found", "id": "f1"},
                           wrapper=network.with_resolv_conf(self.resolv_conf)).start()
        watcher.status("ready")
        self.assertGreater(self.game.accepted, 0)
        self.assertEqual(agent.stop(), 0)
