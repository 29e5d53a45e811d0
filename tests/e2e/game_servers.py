"""Game servers as their protocols show them, each in a thread that ends with the test: what a probe asks, and what a player's client would see."""
import contextlib
import json
import socket
import struct
import threading


class Datagrams:
    """A UDP server that answers each datagram with what `reply` returns: a list of datagrams."""

    def __init__(self, case, reply, host="127.0.0.1"):
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.port = self.socket.getsockname()[1]
        self.reply = reply
        self.peers = []  # who asked, a row for each datagram
        case.addCleanup(self.socket.close)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                data, peer = self.socket.recvfrom(2048)
                self.peers.append(peer)
                for answer in self.reply(data):
                    self.socket.sendto(answer, peer)


class Stream:
    """A TCP server that gives each connection to `talk`."""

    def __init__(self, case, talk, host="127.0.0.1"):
        self.listener = socket.create_server((host, 0))
        self.port = self.listener.getsockname()[1]
        self.talk = talk
        case.addCleanup(self.listener.close)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection = self.listener.accept()[0]
                with connection, contextlib.suppress(OSError):
                    self.talk(connection)


def varint(number):
    out = b""
    while True:
        out += bytes([number & 0x7f | (0x80 if number > 0x7f else 0)])
        number >>= 7
        if not number:
            return out


def minecraft(case, players=2, capacity=20, version="1.20.4", description="harbor", **more):
    status = {"version": {"name": version, "protocol": 765}, "players": {"online": players, "max": capacity},
              "description": {"text": description}}
    text = json.dumps(status).encode()
    packet = b"\0" + varint(len(text)) + text

    def talk(connection):
        connection.recv(1024)
        connection.sendall(varint(len(packet)) + packet)
        connection.recv(1024)
    return Stream(case, talk, **more)


def a2s(case, name="harbor", world="de_dust2", players=3, capacity=16, bots=1, **more):
    challenge = b"\x01\x02\x03\x04"
    info = (b"\xff\xff\xff\xffI\x11" + name.encode("utf-8", "surrogateescape") + b"\0" + world.encode() +
            b"\0csgo\0Counter-Strike\0" + struct.pack("<HBBBBBBB", 0, players, capacity, bots, ord("d"), ord("l"), 0, 1) +
            b"1.38.7\0\0")

    def reply(data):
        if not data.startswith(b"\xff\xff\xff\xffTSource Engine Query\0"):
            return []
        return [info] if data.endswith(challenge) else [b"\xff\xff\xff\xffA" + challenge]
    return Datagrams(case, reply, **more)


MAGIC = bytes.fromhex("00ffff00fefefefefdfdfdfd12345678")


def raknet(case, players=4, capacity=10, **more):
    def reply(data):
        if data[:1] != b"\x01":
            return []
        text = f"MCPE;harbor;671;1.20.80;{players};{capacity};1;Bedrock level;Survival;1;19132;19133;".encode()
        return [b"\x1c" + data[1:9] + bytes(8) + MAGIC + struct.pack(">H", len(text)) + text]
    return Datagrams(case, reply, **more)


def quake3(case, players=5, capacity=12, **more):
    def reply(data):
        if not data.startswith(b"\xff\xff\xff\xffgetinfo "):
            return []
        nonce = data[len(b"\xff\xff\xff\xffgetinfo "):].strip().decode()
        info = {"challenge": nonce, "mapname": "oa_dm1", "hostname": "^1har^7bor", "clients": players, "sv_maxclients": capacity}
        return [b"\xff\xff\xff\xffinfoResponse\n" + "".join(f"\\{key}\\{value}" for key, value in info.items()).encode()]
    return Datagrams(case, reply, **more)
