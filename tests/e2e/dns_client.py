"""Asks an agent by DNS: with dig, and with bytes of one's own."""
import json
import re
import shutil
import socket
import struct
import subprocess
import unittest

from harness import Case, wait_until
from registry import DEADLINE_S, with_etcd


def name_bytes(name):
    return b"".join(bytes((len(label),)) + label.encode() for label in name.split(".") if label) + b"\0"


def question(name, kind=1, ident=0x1234, flags=0x0100, edns=None, qclass=1):
    """The bytes of a question, with an OPT record where `edns` is a size."""
    opt = b"" if edns is None else b"\0" + struct.pack(">HHIH", 41, edns, 0, 0)
    head = struct.pack(">HHHHHH", ident, flags, 1, 0, 0, 1 if opt else 0)
    return head + name_bytes(name) + struct.pack(">HH", kind, qclass) + opt


class Answer:
    """What dig printed: status, flags, and the records of each section as lists of words."""

    def __init__(self, text):
        self.text = text
        header = re.search(r"status: (\w+)", text)
        self.status = header and header[1]
        flags = re.search(r"flags: ([a-z ]*);", text)
        self.flags = set(flags[1].split()) if flags else set()
        size = re.search(r"MSG SIZE\s+rcvd: (\d+)", text)
        self.size = int(size[1]) if size else 0
        self.tcp = "(TCP)" in text
        self.sections, section = {"ANSWER": [], "AUTHORITY": [], "ADDITIONAL": []}, None
        for line in text.splitlines():
            begin = re.match(r";; (\w+) SECTION:", line)
            section = begin[1] if begin else None if not line else section
            if line and not line.startswith(";") and section in self.sections:
                self.sections[section].append(line.split(None, 4))

    def data(self, section="ANSWER"):
        return sorted(f"{kind} {data}" for _, _, _, kind, data in self.sections[section])

    def names(self, section="ANSWER"):
        return [record[0] for record in self.sections[section]]

    def ttls(self):
        return {int(record[1]) for records in self.sections.values() for record in records}


class DnsCase(Case):
    """An observer that serves DNS, and records that no agent keeps."""

    @classmethod
    def setUpClass(cls):
        if shutil.which("dig") is None:
            raise unittest.SkipTest("there is no dig(1): on Debian it is in the package bind9-dnsutils")
        super().setUpClass()

    def setUp(self):
        super().setUp()
        self.port, = with_etcd.free_ports(1)

    def observer(self, name="o", **over):
        dns = {"listen": f"127.0.0.1:{self.port}", **over.pop("dns", {})}
        return self.agent(name, server=..., probes=..., status=..., drain=..., shutdown=..., dns=dns,
                          **{"state_dir": ..., **over})

    def put(self, kind, ident, status="ready", **more):
        self.etcd.put(f"{self.prefix}/{kind}/{ident}", json.dumps(
            {"id": ident, "type": kind, "host": "10.0.0.1", "ports": [8001], "status": status, **more}))

    def dig(self, name, kind="A", *options):
        done = subprocess.run(["dig", "@127.0.0.1", "-p", str(self.port), "+tries=1", f"+time={DEADLINE_S}", *options, name, kind],
                              capture_output=True, text=True, timeout=2 * DEADLINE_S, check=False)
        return Answer(done.stdout)

    def wait_for(self, name, kind, data):
        wait_until(lambda: self.dig(name, kind).data() == data, f"{name} {kind} is {data}")

    def send(self, message):
        """One datagram and its answer; None where there is none before that of a good question."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(DEADLINE_S)
            sock.connect(("127.0.0.1", self.port))
            sock.send(message)
            sock.send(question("outrider", 6, ident=0x7777))
            answer = sock.recv(65536)
            return None if answer[:2] == b"\x77\x77" else answer

    def connect(self):
        sock = socket.create_connection(("127.0.0.1", self.port), DEADLINE_S)
        self.addCleanup(sock.close)
        return sock

    def read_message(self, sock):
        """The next message of a connection; None at its end."""
        data = b""
        while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
            missing = 2 - len(data) if len(data) < 2 else 2 + int.from_bytes(data[:2], "big") - len(data)
            piece = sock.recv(missing)
            if not piece:
                return None
            data += piece
        return data[2:]

    def metric(self, agent, name):
        text = agent.request("GET", "/metrics")[2].decode()
        return next((float(line.split()[-1]) for line in text.splitlines() if line.startswith(name + " ")), 0)
