"""ioquake3's server with a map of the test's own, one empty room, and players that connect to it."""
import pathlib
import shutil
import socket
import struct
import subprocess
import time

from registry import DEADLINE_S

ENGINE = pathlib.Path("/usr/lib/ioquake3")
HEAD = b"\xff" * 4


def room():
    """A map in the format of Quake 3 (IBSP 46): its seventeen parts, most of them empty."""
    low, high = (-512,) * 3, (512,) * 3
    parts = {
        0: b'{\n"classname" "worldspawn"\n}\n{\n"classname" "info_player_deathmatch"\n"origin" "0 0 64"\n}\n\0',
        1: struct.pack("<64s2i", b"noshader", 0, 0),
        2: struct.pack("<4f", 0, 0, 1, 0) * 2,                         # planes
        3: struct.pack("<9i", 0, -1, -1, *low, *high),                 # one node, with the same leaf on both sides
        4: struct.pack("<12i", 0, 0, *low, *high, 0, 0, 0, 0),         # that leaf
        7: struct.pack("<6f4i", *low, *high, 0, 0, 0, 0),              # the world as a model
    }
    at, table, body = 8 + 17 * 8, b"", b""
    for part in (parts.get(number, b"") for number in range(17)):
        table += struct.pack("<2i", at + len(body), len(part))
        body += part + b"\0" * (-len(part) % 4)
    return b"IBSP" + struct.pack("<i", 46) + table + body


class Node:
    def __init__(self, weight, parent=None):
        self.weight, self.parent, self.sides = weight, parent, [None, None]

    def put(self, side, node):
        self.sides[side], node.parent = node, self


class Code:
    """The adaptive Huffman code (FGK) of the request to connect. Nodes are in the order of their weights."""

    def __init__(self):
        self.unseen = Node(0)
        self.order, self.leaves, self.bits = [self.unseen], {}, []

    def add(self, byte):
        leaf = self.leaves.get(byte)
        path, node = [], leaf or self.unseen
        while node.parent:
            path.append(node.parent.sides.index(node))
            node = node.parent
        self.bits += reversed(path)
        if leaf is None:
            self.bits += [byte >> bit & 1 for bit in range(7, -1, -1)]
            node = self.split(byte)
        else:
            node = leaf
        while node:
            self.raise_weight(node)
            node = node.parent

    def split(self, byte):
        """The unseen node becomes an inner one, with the new leaf and itself below; returns the node above."""
        above, inner, leaf = self.unseen.parent, Node(1), Node(1)
        if above:
            above.put(above.sides.index(self.unseen), inner)
        inner.put(0, self.unseen)
        inner.put(1, leaf)
        self.order[1:1] = [leaf, inner]
        self.leaves[byte] = leaf
        return above

    def raise_weight(self, node):
        """It changes places with the last node of its weight first, unless that one is its parent."""
        leader = [each for each in self.order if each.weight == node.weight][-1]
        if leader not in (node, node.parent):
            here, there = self.order.index(node), self.order.index(leader)
            self.order[here], self.order[there] = leader, node
            ours, theirs = node.parent, leader.parent
            side, other = ours.sides.index(node), theirs.sides.index(leader)
            ours.put(side, leader)
            theirs.put(other, node)
        node.weight += 1


def compressed(text):
    code = Code()
    for byte in text:
        code.add(byte)
    bits = code.bits + [0] * (8 + -len(code.bits) % 8)
    octets = (bits[at:at + 8] for at in range(0, len(bits), 8))
    return struct.pack(">H", len(text)) + bytes(sum(bit << place for place, bit in enumerate(octet)) for octet in octets)


class Arena:
    """A server of 8 seats on `port` that ends with the test."""

    def __init__(self, case, port):
        game = case.dir / "arena" / "tiny"
        (game / "maps").mkdir(parents=True)
        (game / "maps" / "box.bsp").write_bytes(room())
        (game / "default.cfg").write_text("// none\n")
        shutil.copy(next(ENGINE.glob("baseq3/qagame*.so")), game)
        settings = {"com_basegame": "tiny", "fs_basepath": game.parent, "fs_homepath": case.dir / "home", "dedicated": 1,
                    "net_enabled": 1, "net_ip": "127.0.0.1", "net_port": port, "vm_game": 0, "bot_enable": 0, "sv_pure": 0,
                    "sv_maxclients": 8, "sv_hostname": "^1Out^7rider"}
        words = [word for name, value in settings.items() for word in ("+set", name, str(value))]
        with open(case.dir / "arena.log", "wb") as log:
            self.process = case.process(ENGINE / "ioq3ded", *words, "+map", "box", cwd=game.parent, stdin=subprocess.DEVNULL,
                                        stdout=log, stderr=log)
        self.case, self.port = case, port

    def ask(self, client, request):
        """The answer; a server that is only starting is asked again."""
        end = time.monotonic() + DEADLINE_S
        while True:
            try:
                client.send(HEAD + request)
                return client.recv(4096)
            except (TimeoutError, ConnectionRefusedError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def join(self, name):
        """A player: it connects, and never says more."""
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.case.addCleanup(client.close)
        client.settimeout(1)
        client.connect(("127.0.0.1", self.port))
        challenge = self.ask(client, b"getchallenge 1 Quake3Arena").split()[1].decode()
        info = f'"\\protocol\\71\\qport\\{client.getsockname()[1]}\\challenge\\{challenge}\\name\\{name}"'
        answer = self.ask(client, b"connect " + compressed(info.encode()))
        self.case.assertTrue(answer.startswith(HEAD + b"connectResponse"), answer)
