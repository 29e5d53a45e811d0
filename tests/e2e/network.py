"""A network namespace of a test's own, with a loopback and nothing else; and name servers in it."""
import ctypes
import os
import pathlib
import socket
import struct
import subprocess
import threading
import unittest

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
A, AAAA = 1, 28

before = None


def ip(words):
    subprocess.run(["ip", *words.split()], check=True)


def enter():
    """Moves this process, and so the etcd, games and agents that it starts, into the network. For setUpModule."""
    global before
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.getuid(), os.getgid()
    before = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    if libc.unshare(CLONE_NEWNET) < 0:
        if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0:
            raise unittest.SkipTest(f"the kernel forbids a network namespace: {os.strerror(ctypes.get_errno())}")
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
            pathlib.Path(f"/proc/self/{name}").write_text(text)
    try:
        ip("link set lo up")
    except FileNotFoundError:
        raise unittest.SkipTest("there is no ip(8): on Debian it is in the package iproute2") from None


def leave():
    ctypes.CDLL(None).setns(before, CLONE_NEWNET)
    os.close(before)


def add_link(name, *addresses):
    """An interface that is up, with these addresses."""
    ip(f"link add {name} type veth peer name {name}p")
    ip(f"link set {name}p up")
    ip(f"link set {name} up")
    for address in addresses:
        ip(f"addr add {address} dev {name}")


class NameServer:
    """127.0.0.NUMBER:53. Every name is 127.0.0.1, except as `mode` says: silent, refused, no-such-name, no-aaaa."""

    def __init__(self, number):
        self.mode = ""
        self.asked = 0
        self.address = f"127.0.0.{number}"
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((self.address, 53))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def reply(self, query):
        question = query[12:query.index(b"\0", 12) + 5]
        kind = struct.unpack(">H", question[-4:-2])[0]
        rcode = {"refused": 5, "no-such-name": 3}.get(self.mode, 0)
        answer = b""
        if rcode == 0 and kind == A:
            answer = b"\xc0\x0c" + struct.pack(">HHIH4B", A, 1, 1, 4, 127, 0, 0, 1)
        if self.mode == "silent" or (self.mode == "no-aaaa" and kind == AAAA):
            return None
        return query[:2] + struct.pack(">HHHHH", 0x8180 | rcode, 1, 1 if answer else 0, 0, 0) + question + answer

    def serve(self):
        while True:
            query, peer = self.socket.recvfrom(2000)
            if query == b"end":
                return
            self.asked += 1
            reply = self.reply(query)
            if reply:
                self.socket.sendto(reply, peer)

    def close(self):
        """Its port is unreachable from now on."""
        if self.thread:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.sendto(b"end", (self.address, 53))
            self.thread.join()
            self.socket.close()
            self.thread = None


def with_resolv_conf(path):
    """The wrapper of an agent that sees this file as /etc/resolv.conf."""
    return ("unshare", "-m", "sh", "-c", f'mount --bind {path} /etc/resolv.conf && exec "$@"', "sh")
