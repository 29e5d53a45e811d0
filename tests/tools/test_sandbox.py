#!/usr/bin/env python3
"""Plays the filter of system calls, for both architectures: every call there is, as the kernel would judge it.

$SANDBOX_COMPILE is the program that makes it. The tests of agent/os/sandbox ask the kernel of this machine; here is the other one."""
import os
import pathlib
import re
import struct
import subprocess
import tempfile
import unittest

ALLOW, KILL, ENOSYS = 0x7fff0000, 0x80000000, 0x50026
ARCHITECTURES = {"x86_64": 0xc000003e, "aarch64": 0xc00000b7}
USUAL, WITH_EXEC = 0, 1
LAST_NUMBER = 1200

AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_ALG = 1, 2, 10, 16, 17, 38
STREAM, DGRAM, RAW, FLAGS = 1, 2, 3, 0o2004000
THREAD, FORK, NEWUSER = 0x3d0f00, 0x11, 0x10000000
R, W, X, PRIVATE, ANONYMOUS = 1, 2, 4, 2, 0x22

# call: arguments, and what becomes of it
JUDGED = {
    "socket": [((AF_UNIX, STREAM | FLAGS), ALLOW), ((AF_INET, STREAM), ALLOW), ((AF_INET6, DGRAM | FLAGS), ALLOW),
               ((AF_NETLINK, RAW, 0), ALLOW), ((AF_NETLINK, RAW, 12), ENOSYS), ((AF_INET, RAW), ENOSYS),
               ((AF_INET6, RAW | FLAGS), ENOSYS), ((AF_PACKET, RAW), ENOSYS), ((AF_ALG, STREAM), ENOSYS),
               ((AF_UNIX | 1 << 32, STREAM), ALLOW)],  # the kernel reads an int
    "socketpair": [((AF_UNIX, STREAM), ALLOW), ((AF_INET, STREAM), ENOSYS)],
    "clone": [((THREAD,), ALLOW), ((FORK,), ENOSYS), ((THREAD | NEWUSER,), ENOSYS), ((FORK | NEWUSER,), ENOSYS)],
    "mmap": [((0, 1, R | W, ANONYMOUS), ALLOW), ((0, 1, 0, ANONYMOUS), ALLOW), ((0, 1, R | X, PRIVATE), ALLOW),
             ((0, 1, R | X, ANONYMOUS), ENOSYS), ((0, 1, R | W | X, PRIVATE), ENOSYS), ((0, 1, W | X, PRIVATE), ENOSYS)],
    "mprotect": [((0, 1, R | W), ALLOW), ((0, 1, R | X), ENOSYS)],
    "pidfd_send_signal": [((7, 15), ALLOW), ((7, 9), ENOSYS)],
    "tgkill": [((1, 1, 6), ALLOW), ((1, 1, 9), ENOSYS)],
    "prlimit64": [((0, 7, 0, 1), ALLOW), ((0, 7, 1 << 32, 0), ENOSYS), ((0, 7, 1, 0), ENOSYS)],
    "ioctl": [((0, 0x541b), ALLOW), ((0, 0x5401), ALLOW), ((0, 0x5412), ENOSYS), ((0, 0x541b | 1 << 16), ENOSYS)],
    "prctl": [((15,), ALLOW), ((4, 1), ENOSYS), ((22, 2), ENOSYS), ((38, 1), ENOSYS)],
}
ONLY_WITH_EXEC = {"clone": (FORK,), "execve": (), "kill": (), "setsid": ()}


def play(program, number, architecture, arguments=()):
    """What a program of classic BPF returns (seccomp(2))."""
    arguments = (*arguments, *[0] * 6)[:6]
    data = struct.pack("<IIQ6Q", number & 0xffffffff, architecture, 0, *arguments)
    at, accumulator = 0, 0
    while True:
        code, jump_true, jump_false, k = program[at]
        at += 1
        if code == 0x20:
            accumulator = struct.unpack_from("<I", data, k)[0]
        elif code == 0x54:
            accumulator &= k
        elif code == 0x05:
            at += k
        elif code == 0x06:
            return k
        else:
            holds = {0x15: accumulator == k, 0x25: accumulator > k, 0x35: accumulator >= k, 0x45: accumulator & k != 0}[code]
            at += jump_true if holds else jump_false


class Programs(unittest.TestCase):
    def made_for(self, name):
        """The programs, and of each call its number, its rules, and whether one of them has no condition."""
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "programs.c")
            subprocess.run([os.environ["SANDBOX_COMPILE"], "--arch", name, str(path)], check=True, timeout=60)
            text = path.read_text(encoding="utf-8")
        self.assertIn(f"architecture 0x{ARCHITECTURES[name]:08x}", text)
        programs = [[tuple(int(word, 0) for word in row) for row in re.findall(r"\{(0x\w+), (\d+), (\d+), (0x\w+)\}", part)]
                    for part in re.findall(r"program_\d\[\] = \{(.*?)^\};", text, re.S | re.M)]
        calls = {}
        for call, number, rule, when in re.findall(r"^ \* (\w+) (\d+) (\w+) (always|sometimes)$", text, re.M):
            calls.setdefault(call, (int(number), {}))[1].setdefault(rule, set()).add(when)
        self.assertEqual(len(programs), 2)
        self.assertGreater(len(calls), 150)
        return programs, calls

    def test_every_call(self):
        for name, architecture in ARCHITECTURES.items():
            programs, calls = self.made_for(name)
            numbers = {number: rules for number, rules in calls.values()}
            for number in range(-1, LAST_NUMBER):
                rules = numbers.get(number, {})
                for which, program in enumerate(programs):
                    allows = [rules[rule] for rule in ("usual", "exec")[:which + 1] if rule in rules]
                    if any("always" in when for when in allows):
                        wanted = ALLOW
                    elif allows:
                        continue  # depends on the arguments
                    else:
                        wanted = KILL if "hostile" in rules else ENOSYS
                    with self.subTest(name, number=number, program=which):
                        self.assertEqual(play(program, number, architecture), wanted)

    def test_arguments(self):
        for name, architecture in ARCHITECTURES.items():
            programs, calls = self.made_for(name)
            judged = {call for call, (_, rules) in calls.items() if rules.get("usual") == {"sometimes"}}
            self.assertLessEqual(judged - {"tkill"}, set(JUDGED), "another call whose arguments are judged")
            for call, rows in JUDGED.items():
                for arguments, wanted in rows:
                    with self.subTest(name, call=call, arguments=arguments):
                        self.assertEqual(play(programs[USUAL], calls[call][0], architecture, arguments), wanted)
            for call, arguments in ONLY_WITH_EXEC.items():
                number = calls[call][0]
                self.assertNotEqual(play(programs[USUAL], number, architecture, arguments), ALLOW)
                self.assertEqual(play(programs[WITH_EXEC], number, architecture, arguments), ALLOW)

    def test_another_architecture_is_no_way_around(self):
        for name, architecture in ARCHITECTURES.items():
            for program in self.made_for(name)[0]:
                for other in {0x40000003, 0x40000028, *ARCHITECTURES.values()} - {architecture}:
                    self.assertEqual({play(program, number, other) for number in range(LAST_NUMBER)}, {KILL}, name)
        x32 = self.made_for("x86_64")[0][USUAL]
        self.assertEqual({play(x32, 1 << 30 | number, ARCHITECTURES["x86_64"]) for number in range(600)}, {KILL})


if __name__ == "__main__":
    unittest.main()
