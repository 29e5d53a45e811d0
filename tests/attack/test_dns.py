"""Attacks on the DNS of an agent: packets of any bytes, floods, connections that give and take nothing, records that would be names.
Meanwhile a good client gets its answers, the agent stays small and renews its lease."""
import contextlib
import random
import socket
import struct
import threading
import time
import unittest

from dns_client import DnsCase, name_bytes, question
from harness import ROOT, rss_kb, wait_until
from hostile import Hostile
from measure import Held, processor_s, size
from registry import DEADLINE_S

SEEDS = sorted((ROOT / "tests" / "fuzz" / "seeds" / "dns_query").iterdir())
A, SOA, TXT, AAAA, SRV, ANY = 1, 6, 16, 28, 33, 255


def counts(answer):
    return struct.unpack(">HHHHHH", answer[:12])


class Attacked(DnsCase):
    """A sidecar in its sandbox that serves DNS beside its game, in a fleet of 60."""

    def setUp(self):
        super().setUp()
        for i in range(60):
            self.put("crowd", f"server-{i:02}", host=f"10.0.1.{i}", ports=[8001, 8002], zone="eu")
        self.one = self.agent(dns={"listen": f"127.0.0.1:{self.port}", "answers": 256}, registry={"ttl": "4s"}, sandbox="required").start()
        self.wait_for("world.outrider", "A", ["A 127.0.0.1"])
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.settimeout(DEADLINE_S)
        self.udp.connect(("127.0.0.1", self.port))
        self.addCleanup(self.udp.close)
        self.ident = 0

    def ask(self, name="world.outrider", kind=A, edns=1232):
        """One good question, asked again soon where it is lost in the queue of the kernel; its answer and how long it took."""
        self.ident = (self.ident + 1) % 65536
        began = time.monotonic()
        self.udp.settimeout(0.1)
        for _ in range(DEADLINE_S * 10):
            self.udp.send(question(name, kind, ident=self.ident, edns=edns))
            with contextlib.suppress(TimeoutError):
                while True:
                    answer = self.udp.recv(65536)
                    if answer[:2] == struct.pack(">H", self.ident):
                        return answer, time.monotonic() - began
        raise AssertionError(f"no answer in {DEADLINE_S} s")

    def is_well(self, held, most_kb):
        """The good client is served, the game was never gone, the agent is as small as it was."""
        self.assertEqual(counts(self.ask()[0])[3], 1)
        self.assertEqual(self.dig("world.outrider", "A", "+tcp").data(), ["A 127.0.0.1"])
        held.assert_modest(self, most_kb, most_kb // 2)
        events = self.watcher.until_now()
        self.assertEqual([event for event in events if event.deleted or event.status != "ready"], [])
        self.assertEqual(self.one.stop(), 0)

    is_sanitized = staticmethod(Hostile.is_sanitized)

    def held(self, name):
        self.watcher = self.watch(self.prefix + "/world")
        return Held(name, self.one)


class Packets(Attacked):
    def test_packets_of_any_bytes(self):
        dice, sent = random.Random(1), 0
        bad = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        bad.setblocking(False)
        bad.connect(("127.0.0.1", self.port))
        self.addCleanup(bad.close)
        seeds = [each.read_bytes()[1:] for each in SEEDS]
        largest = 0
        with self.held("packets of any bytes over UDP") as held:
            for turn in range(size(150, 5000)):
                for _ in range(40):
                    packet = bytearray(dice.choice(seeds) or b"\0")
                    for _ in range(dice.randrange(4)):
                        packet[dice.randrange(len(packet))] = dice.randrange(256)
                    if dice.randrange(8) == 0:
                        packet += dice.randbytes(dice.randrange(4000))
                    with contextlib.suppress(OSError):
                        bad.send(packet[:dice.randrange(len(packet)) + 1] if dice.randrange(4) == 0 else packet)
                        sent += 1
                with contextlib.suppress(BlockingIOError):
                    while True:
                        largest = max(largest, len(bad.recv(65536)))
                if turn % 3 == 0:
                    self.ask()
        print(f"    {sent} packets, the largest answer has {largest} bytes")
        self.assertLessEqual(largest, 1232)
        self.is_well(held, 8 << 10)

    def test_answers_get_no_answer(self):
        """Two servers must not be made to talk to each other."""
        for flags in (0x8180, 0x8000, 0xffff):
            self.assertIsNone(self.send(question("world.outrider", flags=flags)))
        self.assertIsNone(self.send(b""))
        self.assertIsNone(self.send(b"\x12\x34\x01"))
        self.assertGreaterEqual(self.metric(self.one, "outrider_dns_ignored_total"), 5)

    def test_nothing_is_longer_than_the_client_and_the_network_take(self):
        worst = {}
        for edns, most in ((None, 512), (0, 512), (511, 512), (512, 512), (800, 800), (1232, 1232), (4096, 1232), (65535, 1232)):
            for name in ("crowd.outrider", "_crowd._tcp.outrider", "eu.zone.crowd.outrider", "outrider", "x.outrider", "example.com"):
                for kind in (A, AAAA, SRV, TXT, ANY, SOA, 2, 43, 48, 251, 252, 65535):
                    asked = len(question(name, kind, edns=edns))
                    answer, _ = self.ask(name, kind, edns)
                    self.assertLessEqual(len(answer), most)
                    worst[kind] = max(worst.get(kind, 0), len(answer) / asked)
                    if kind in (ANY, 251, 252, 65535):
                        self.assertLess(len(answer), asked + 80)
                    if name == "example.com":
                        self.assertEqual(counts(answer)[1] & 15, 5)
                        self.assertLessEqual(len(answer), asked)
        print(f"    an answer is at most {max(worst.values()):.0f} times the question; {worst[ANY]:.1f} times for ANY")

    def test_a_flood(self):
        """As much as one sender can, of names that are there and names that are not; the loop goes on."""
        dice = random.Random(2)
        names = ["crowd.outrider", "world.outrider", "eu.zone.crowd.outrider"] + [f"{dice.randrange(1 << 30)}.crowd.outrider" for _ in range(200)]
        packets = [question(name, kind, edns=1232) for name in names for kind in (SRV, A, TXT)]
        senders = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(8)]
        for sender in senders:
            sender.connect(("127.0.0.1", self.port))
            sender.setblocking(False)
            self.addCleanup(sender.close)
        sent, took, over = [0], [], threading.Event()

        def flood():
            while not over.is_set():
                for sender in senders:
                    for packet in dice.sample(packets, 50):
                        with contextlib.suppress(OSError):
                            sender.send(packet)
                            sent[0] += 1

        flooding = threading.Thread(target=flood, daemon=True)
        began = processor_s(self.one.pid)
        with self.held("a flood of questions") as held:
            flooding.start()
            end = time.monotonic() + size(2, 30)
            while time.monotonic() < end:
                took.append(self.ask()[1])
                self.assertEqual(self.one.request("GET", "/healthz")[0], 200)
            over.set()
            flooding.join()
        lag = self.metric(self.one, "outrider_loop_lag_seconds")
        print(f"    {sent[0]} questions, {processor_s(self.one.pid) - began:.1f} s of processor time; the good client waited "
              f"{sorted(took)[len(took) // 2] * 1000:.1f} ms, at most {max(took) * 1000:.0f} ms; timers were late by {lag * 1000:.0f} ms at most")
        self.is_well(held, 8 << 10)


class Connections(Attacked):
    def test_connections_that_give_and_take_nothing(self):
        limit = 64
        opened = []

        def open_one(data=b"", receive=None):
            sock = socket.socket()
            if receive:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
            sock.settimeout(DEADLINE_S)
            sock.connect(("127.0.0.1", self.port))
            self.addCleanup(sock.close)
            with contextlib.suppress(OSError):
                sock.sendall(data)
            opened.append(sock)

        big = struct.pack(">H", len(question("crowd.outrider", SRV))) + question("crowd.outrider", SRV)
        with self.held("connections that give and take nothing") as held:
            for i in range(size(120, 2000)):
                open_one((b"", b"\0", b"\0\x40half", b"\xff\xff" + b"x" * 65535, b"\0\0" * 500)[i % 5])
            for _ in range(40):
                open_one(big * 200, receive=2048)
            self.assertEqual(counts(self.ask()[0])[3], 1)
            self.assertEqual(self.dig("world.outrider", "A", "+tcp").data(), ["A 127.0.0.1"])
            self.assertLessEqual(self.metric(self.one, "outrider_dns_connections"), limit)
            self.assertGreater(self.metric(self.one, 'outrider_dns_connections_closed_total{reason="limit"}'), 0)
            self.assertGreater(self.metric(self.one, 'outrider_dns_connections_closed_total{reason="broken"}'), 0)
        for sock in opened:
            sock.close()
        wait_until(lambda: self.metric(self.one, "outrider_dns_connections") == 0, "all are closed")
        self.is_well(held, 16 << 10)

    def test_a_name_that_calls_itself_over_tcp(self):
        """64 kB of pointers, and so many questions as the header can say, cost no time."""
        loops = b"\xc0\x0c" * 2000
        packets = [struct.pack(">HHHHHH", 1, 0x100, n, n, n, n) + loops for n in (1, 65535)]
        packets.append(struct.pack(">HHHHHH", 1, 0x100, 1, 0, 0, 1) + name_bytes("world.outrider") + b"\0\1\0\1" + loops)
        began = processor_s(self.one.pid)
        sock = self.connect()
        for _ in range(200):
            for packet in packets:
                sock.sendall(struct.pack(">H", len(packet)) + packet)
                self.assertEqual(counts(self.read_message(sock))[1] & 15, 1)  # FORMERR
        self.assertLess(processor_s(self.one.pid) - began, 2)


class Records(DnsCase):
    def test_records_that_would_be_names(self):
        """What a writer of the registry can make of ids, hosts and labels: no answer has it, none is lost for it, and it costs little."""
        self.put("world", "w1")
        self.put("world", "good", labels={"a": "b"})
        one = self.observer().start()
        self.wait_for("world.outrider", "A", ["A 10.0.0.1"])
        before = rss_kb(one.pid)
        hosts = ["", ".", "..", "a" * 64, "a." * 127, "-a", "1.2.3.4.5", "::ffff:1.2.3.4.5", "10.0.0.1 ", "*", "a;b", "x" * 1000]
        idents = ["a.b", "*", "ready", "READY", "_tcp", "ns", "zone", "x" * 64, "w1\\000", "é", "-", "a b", "@", "w1.world", "..."]
        for i, host in enumerate(hosts):
            self.put("world", f"h{i}", host=host)
        for ident in idents:
            self.put("world", ident, host="10.0.0.9")
        self.put("dns", "ns", host="10.0.0.9")
        for i in range(size(100, 2000)):
            self.put("world", f"m{i}", host="10.0.0.3", zone="." .join("abcdefgh") + f".{i}", tags=[f"{i}.{j}." + "t." * 6 + "t" for j in range(64)],
                     labels={f"l{j}": ".".join(str(i + j)) * 20 for j in range(64)})
        self.put("world", "last", host="10.0.0.4")
        wait_until(lambda: "A 10.0.0.4" in self.dig("last.world.outrider").data(), "all are seen")
        self.assertEqual(self.dig("w1.world.outrider").data(), ["A 10.0.0.1"])
        self.assertEqual(self.dig("ns.dns.outrider").data(), ["A 127.0.0.1"])
        self.assertEqual(self.dig("b.a.label.world.outrider", "TXT").data(), ['TXT "servers=1" "ready=1"'])
        for _ in range(20):
            for record in self.dig("world.outrider", "SRV", "+tcp").data():
                self.assertRegex(record, r"^SRV 1 1 8001 [a-z0-9-]+\.world\.outrider\.$|^SRV 1 1 8001 a(\.a)+\.$")
        left = {reason: self.metric(one, f'outrider_dns_left_out{{reason="{reason}"}}') for reason in ("name", "host", "value", "limit")}
        print(f"    left out: {left}; {self.metric(one, 'outrider_dns_names'):.0f} names, {rss_kb(one.pid) - before} kB more")
        self.assertGreaterEqual(left["name"], 10)
        self.assertGreaterEqual(left["host"], 8)
        self.assertEqual(one.stop(), 0)


if __name__ == "__main__":
    unittest.main()
