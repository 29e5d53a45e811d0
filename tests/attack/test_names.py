"""Name servers that lie: forged, broken and endless answers. The game is never in error for them, and the agent stays small."""
import contextlib
import socket
import struct
import threading
import unittest

import network
from harness import wait_until
from hostile import Hostile
from measure import Held, processor_s


def setUpModule():
    network.enter()


def tearDownModule():
    network.leave()


def head(query, answers, flags=0x8180, questions=1):
    return query[:2] + struct.pack(">HHHHH", flags, questions, answers, 0, 0)


def question_of(query):
    return query[12:query.index(b"\0", 12) + 5]


def record(name, kind, data, ttl=0):
    return name + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


LOCAL = bytes((127, 0, 0, 1))
HERE = b"\xc0\x0c"
CNAME = 5

# What is sent for a query: a list of datagrams.
LIES = {
    "nothing": lambda query: [b""],
    "one byte": lambda query: [query[:1]],
    "garbage": lambda query: [query[:2] + b"\xff" * 500],
    "the query": lambda query: [query],
    "another id": lambda query: [bytes((query[0] ^ 1, query[1])) + head(query, 1)[2:] + question_of(query) + record(HERE, 1, bytes((6, 6, 6, 6)))],
    "every id": lambda query: [struct.pack(">H", i) + head(query, 1)[2:] + question_of(query) + record(HERE, 1, bytes((6, 6, 6, 6)))
                               for i in range(0, 65536, 257) if struct.pack(">H", i) != query[:2]],
    "another question": lambda query: [head(query, 1) + b"\x04evil\x04test\0\0\1\0\1" + record(HERE, 1, bytes((6, 6, 6, 6)))],
    "no question": lambda query: [head(query, 1, questions=0) + record(b"\x04evil\0", 1, bytes((6, 6, 6, 6)))],
    "a pointer to itself": lambda query: [head(query, 1) + question_of(query) + record(b"\xc0" + bytes((12 + len(question_of(query)),)), 1, LOCAL)],
    "pointers in a circle": lambda query: [head(query, 1) + question_of(query) + b"\xc0\x20\xc0\x1e" * 100],
    "a name that calls itself": lambda query: [head(query, 1) + question_of(query) + record(HERE, CNAME, HERE)],
    "a chain of names": lambda query: [head(query, 50) + question_of(query) + b"".join(
        record(b"\x04evil\0" if i else HERE, CNAME, b"\x04evil\0") for i in range(50))],
    "counts that lie": lambda query: [head(query, 65535) + question_of(query)],
    "an address of 5 bytes": lambda query: [head(query, 1) + question_of(query) + record(HERE, 1, LOCAL + b"x")],
    "an address of 65,535 bytes": lambda query: [head(query, 1) + question_of(query) + HERE + struct.pack(">HHIH", 1, 1, 0, 65535) + LOCAL],
    "4,000 addresses": lambda query: [head(query, 4000) + question_of(query) + record(HERE, 1, bytes((6, 6, 6, 6))) * 4000],
    "60 kB": lambda query: [head(query, 1) + question_of(query) + record(HERE, 16, b"x" * 60000)],
    "ask over TCP": lambda query: [head(query, 0, flags=0x8380) + question_of(query)],
    "server failure": lambda query: [head(query, 0, flags=0x8182) + question_of(query)],
    "no such name, a thousand times": lambda query: [head(query, 0, flags=0x8183) + question_of(query)] * 1000,
}


class Liar(network.NameServer):
    """Answers as a name server does, or by one of LIES. Over TCP it sends without end."""

    def __init__(self, number):
        self.lie = None
        super().__init__(number)
        self.listener = socket.create_server((self.address, 53))
        threading.Thread(target=self.flood, daemon=True).start()

    def flood(self):
        with contextlib.suppress(OSError):
            while True:
                sock = self.listener.accept()[0]
                sock.settimeout(5)
                with sock, contextlib.suppress(OSError):
                    while True:
                        sock.sendall(b"\xff\xff" + b"x" * 65535)

    def reply(self, query):
        if self.lie is None:
            return super().reply(query)
        for datagram in LIES[self.lie](query):
            with contextlib.suppress(OSError):
                self.socket.sendto(datagram, self.peer)
        return None

    def serve(self):
        while True:
            query, self.peer = self.socket.recvfrom(2000)
            if query == b"end":
                return
            self.asked += 1
            reply = self.reply(query)
            if reply:
                self.socket.sendto(reply, self.peer)

    def close(self):
        self.listener.close()
        super().close()


class Names(Hostile):
    def test_every_lie(self):
        server = Liar(1)
        self.addCleanup(server.close)
        resolv_conf = self.dir / "resolv.conf"
        resolv_conf.write_text(f"nameserver {server.address}\n")
        watcher = self.watch()
        probe = {"name": "game", "port": self.game.port, "interval": "50ms", "timeout": "40ms"}
        agent = self.agent(probe_host="game.test", probes=[probe], wrapper=network.with_resolv_conf(resolv_conf)).start()
        watcher.status("ready")
        began = processor_s(agent.pid)
        with Held(f"{len(LIES)} lies of a name server", agent) as held:
            for name in LIES:
                with self.subTest(name):
                    asked, server.lie = server.asked, name
                    wait_until(lambda n=asked: server.asked > n or agent.process.poll() is not None, "it asks")
                    self.assertIsNone(agent.process.poll(), agent.log()[-3000:])
                    self.assertEqual(self.get(agent, "/healthz")[0], 200)
            server.lie = None
            accepted = self.game.accepted
            wait_until(lambda: self.game.accepted >= accepted + 2, "the probes reach the game")
        print(f"    {processor_s(agent.pid) - began:.1f} s of processor time")
        held.assert_modest(self, 16 << 10, 8 << 10)
        self.assertEqual([event for event in watcher.until_now() if event.status == "error"], [])
        self.assertLess(agent.log().count("\n"), 200)
        self.assertEqual(agent.stop(), 0)


if __name__ == "__main__":
    unittest.main()
