"""`outrider probe`: a server asked once, without a configuration and without an agent."""
import contextlib
import http.server
import json
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import unittest

import game_servers
from harness import BINARY, Game, environment
from registry import DEADLINE_S


class ProbeCase(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="outrider-e2e-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def run_probe(self, *words, status=0):
        done = subprocess.run([BINARY, "probe", *map(str, words)], env=environment(), capture_output=True, timeout=DEADLINE_S,
                              stdin=subprocess.DEVNULL, cwd=self.dir, check=False)
        self.assertEqual(done.returncode, status, done)
        return done.stdout.decode(), done.stderr.decode()

    def text(self, *words, status=0):
        out, err = self.run_probe(*words, status=status)
        self.assertEqual(err, "")
        return out

    def document(self, *words, status=0):
        return json.loads(self.text(*words, "--json", status=status))

    def game(self, **options):
        game = Game(**options)
        self.addCleanup(game.close)
        return game


class Ports(ProbeCase):
    def test_a_port_that_listens(self):
        game = self.game()
        lines = self.text("tcp", f"127.0.0.1:{game.port}").splitlines()
        self.assertRegex(lines[0], rf"^yes: tcp 127\.0\.0\.1:{game.port} passed in [0-9.]+ ms$")
        self.assertEqual(lines[-2:], ["probes:", f"  - {{name: tcp, type: tcp, port: {game.port}, host: 127.0.0.1}}"])

    def test_a_port_alone_and_ipv6(self):
        game = self.game(host="::1", family=socket.AF_INET6)
        self.assertIn(f"yes: tcp localhost:{game.port} ", self.text("tcp", game.port))
        self.assertIn(f"yes: tcp [::1]:{game.port} ", self.text("tcp", f"[::1]:{game.port}"))

    def test_nothing_listens(self):
        game = self.game()
        game.close()
        lines = self.text("tcp", f"localhost:{game.port}", status=1).splitlines()
        self.assertEqual(lines[0], f"no: tcp localhost:{game.port}: connection refused")
        self.assertEqual(lines[1], f"  Nothing listens on TCP port {game.port} of localhost: does the server run, and is "
                                   "this its port?")
        self.assertEqual(len(lines), 2, "no block for what does not answer")

    def test_a_server_that_hangs(self):
        game = self.game()
        game.hang()
        text = self.text("tcp", f"127.0.0.1:{game.port}", "--timeout", "100ms", status=1)
        self.assertIn(f"no: tcp 127.0.0.1:{game.port}: timed out after 100ms\n", text)
        self.assertIn("gave no answer: a firewall drops the request", text)

    def test_a_name_that_does_not_exist(self):
        self.assertIn("Is the name nowhere.invalid right", self.text("tcp", "nowhere.invalid:1", status=1))

    def test_unix_socket(self):
        path = self.dir / "game.sock"
        self.assertIn("There is no such file", self.text("unix", path, status=1))
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as listener:
            listener.bind(str(path))
            listener.listen()
            self.assertIn(f"yes: unix {path} passed", self.text("unix", path))

    def test_several_tries(self):
        game = self.game()
        text = self.text("tcp", f"127.0.0.1:{game.port}", "--count", "3", "--interval", "10ms", "--timeout", "9ms")
        self.assertEqual(text.count("yes: "), 3)
        self.assertRegex(text, "\n3 of 3 tries passed, in [0-9.]+ ms to [0-9.]+ ms\n")
        game.close()
        text = self.text("tcp", f"127.0.0.1:{game.port}", "--count", "2", "--interval", "10ms", "--timeout", "9ms", status=1)
        self.assertIn("\n0 of 2 tries passed\n", text)
        self.assertEqual(text.count("Nothing listens"), 1)
        lines = self.text("tcp", game.port, "--count", "2", "--interval=10ms", "--timeout=9ms", "--json", status=1).splitlines()
        self.assertEqual([json.loads(line)["passed"] for line in lines], [False, False])

    def test_json(self):
        game = self.game()
        document = self.document("tcp", f"127.0.0.1:{game.port}")
        self.assertTrue(document.pop("durationMs") > 0)
        self.assertEqual(document, {
            "passed": True, "type": "tcp", "target": f"127.0.0.1:{game.port}", "outcome": "passed", "detail": None,
            "facts": {"players": None, "capacity": None, "map": None, "version": None, "name": None}, "advice": None,
            "configuration": f"probes:\n  - {{name: tcp, type: tcp, port: {game.port}, host: 127.0.0.1}}\n"})

    def test_wrong_lines(self):
        for words, says in ((["tpc", "1"], "unknown type `tpc`"), (["tcp"], "needs a port"),
                            (["tcp", "1", "--timeout", "1"], "`--timeout`: `1` has no unit")):
            out, err = self.run_probe(*words, status=64)
            self.assertEqual(out, "")
            self.assertIn(says, err)


class Games(ProbeCase):
    """Each by its protocol, on a port that is not its own; facts as the agent would take them."""

    def facts(self, kind, server, *words):
        document = self.document(kind, f"127.0.0.1:{server.port}", *words)
        self.assertEqual((document["type"], document["outcome"]), (kind, "passed"))
        return [document["facts"][name] for name in ("players", "capacity", "map", "version", "name")]

    def test_minecraft(self):
        server = game_servers.minecraft(self)
        self.assertEqual(self.facts("minecraft", server), [2, 20, None, "1.20.4", "harbor"])
        lines = self.text("minecraft", f"127.0.0.1:{server.port}").splitlines()
        self.assertRegex(lines[0], r"^yes: minecraft 127\.0\.0\.1:\d+ passed in .* ms, players 2 of 20, version 1\.20\.4, name harbor$")
        self.assertEqual(lines[1:5], ["  players   2", "  capacity  20", "  version   1.20.4", "  name      harbor"])

    def test_a2s(self):
        server = game_servers.a2s(self)
        self.assertEqual(self.facts("a2s", server), [3, 16, "de_dust2", "1.38.7", "harbor"])
        self.assertEqual(self.facts("a2s", server, "--bots", "exclude")[0], 2)
        self.assertEqual(self.facts("a2s", server, "--facts", "players,map"), [3, None, "de_dust2", None, None])
        self.assertEqual(self.facts("a2s", server, "--facts", "false"), [None] * 5)

    def test_raknet(self):
        self.assertEqual(self.facts("raknet", game_servers.raknet(self))[:2], [4, 10])

    def test_quake3(self):
        self.assertEqual(self.facts("quake3", game_servers.quake3(self)), [5, 12, "oa_dm1", None, "harbor"])

    def test_the_block_is_taken_by_an_agent(self):
        server = game_servers.a2s(self)
        block = self.document("a2s", f"127.0.0.1:{server.port}", "--bots", "exclude")["configuration"]
        path = self.dir / "world.yaml"
        path.write_text("server: {type: world, id: w1, ports: [27015]}\nregistry: {endpoints: [http://127.0.0.1:2379]}\n" + block)
        done = subprocess.run([BINARY, "check", path], env=environment(), capture_output=True, text=True, timeout=DEADLINE_S,
                              check=False)
        self.assertEqual(done.returncode, 0, done)

    def test_another_protocol_on_the_port(self):
        server = game_servers.Stream(self, lambda connection: connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n"))
        text = self.text("minecraft", f"127.0.0.1:{server.port}", status=1)
        self.assertRegex(text, "There was an answer, and not one that passes|hung up")

    def test_nobody_answers_on_udp(self):
        server = game_servers.Datagrams(self, lambda data: [])
        text = self.text("a2s", f"127.0.0.1:{server.port}", "--timeout", "100ms", status=1)
        self.assertIn(f"UDP port {server.port} of 127.0.0.1 gave no answer", text)
        self.assertIn("Many games answer queries on another port", " ".join(text.split()))
        server.socket.close()


class StatusPage(http.server.BaseHTTPRequestHandler):
    """Players in JSON, the headers that it was asked with, and a terminal's escapes."""
    PAGE = {"online": {"count": 12, "max": 64}, "map": "\x1b[2Jharbor"}

    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        self.send_response(404 if self.path == "/nope" else 200, "\x1b[31mNo" if self.path == "/nope" else None)
        self.end_headers()
        self.wfile.write(json.dumps(self.PAGE).encode())

    def log_message(self, *_):
        pass


class Web(ProbeCase):
    def setUp(self):
        super().setUp()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), StatusPage)
        self.server.asked = []
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.at = f"127.0.0.1:{self.server.server_port}"

    def test_a_url(self):
        text = self.text(f"http://{self.at}/status?full=1", "--facts", "players=/online/count,capacity=/online/max")
        self.assertRegex(text, r"^yes: http http://.*/status\?full=1 passed in [0-9.]+ ms, players 12 of 64\n")
        self.assertIn("path: \"/status?full=1\", ", text)
        self.assertIn("facts: {players: /online/count, capacity: /online/max}}", text)

    def test_headers_and_facts(self):
        document = self.document("http", f"{self.at}/status", "--headers", "X-Token: a, b", "--facts", "map=/map",
                                 "--facts", "players=/nowhere")
        self.assertEqual(self.server.asked[0][1]["X-Token"], "a, b")
        self.assertIsNone(document["facts"]["players"])
        self.assertIn("harbor", document["facts"]["map"])

    def test_without_facts_it_says_how(self):
        self.assertIn("--facts players=/online/count says where", self.text("http", f"{self.at}/status"))

    def test_a_status_that_does_not_pass(self):
        out, err = self.run_probe("http", f"{self.at}/nope", status=1)
        self.assertRegex(out, r"^no: http http://.*/nope: HTTP 404")
        self.assertNotIn("\x1b", out + err)
        self.text("http", f"{self.at}/nope", "--status", "200-299,404")

    def test_https_where_there_is_none(self):
        self.assertIn(f"no: http https://{self.at}/: TLS: ", self.text("https", self.at, status=1))

    def test_several_tries(self):
        self.text("http", f"{self.at}/status", "--count", "3", "--interval", "600ms", "--timeout", "500ms")
        self.assertEqual(len(self.server.asked), 3)


class Programs(ProbeCase):
    def program(self, text):
        path = self.dir / "check"
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
        return path

    def test_a_program(self):
        path = self.program('echo "disk is fine"\necho "outrider: players=12/64 map=harbor"\nexit "$1"\n')
        text = self.text("exec", "--", path, "0")
        self.assertRegex(text, rf"^yes: exec {path} 0 passed in [0-9.]+ ms, players 12 of 64, map harbor\n")
        self.assertIn("\n  says      disk is fine\n", text)
        self.assertIn(f"command: [{path}, 0]}}\n", text)
        text = self.text("exec", "--", path, "3", status=1)
        self.assertEqual(text, f"no: exec {path} 3: exit status 3: disk is fine\n  A program passes with exit status 0.\n")

    def test_named_from_here(self):
        path = self.program("exit 0\n")
        self.assertEqual(self.document("exec", "./check")["target"], str(path))
        self.assertIn("the program must be an absolute path", self.run_probe("exec", "check", status=64)[1])

    def test_one_that_does_not_end(self):
        path = self.program("sleep 100 & sleep 100\n")
        text = self.text("exec", "--timeout", "200ms", "--", path, status=1)
        self.assertIn("timed out after 200ms\n  The program did not end in time", text)

    def test_hostile_output(self):
        path = self.program("printf '\\033]0;owned\\007\\033[2J\\377\\n'; head -c 3000000 /dev/zero | tr '\\0' x; exit 1\n")
        for words in ([], ["--json"]):
            text = self.text("exec", *words, "--", path, status=1)
            self.assertNotIn("\x1b", text)
            self.assertLess(len(text), 2000)

    def test_no_program(self):
        self.assertIn("No such file or directory", self.text("exec", "/nope", status=1))


class Hostile(ProbeCase):
    NAME = "\x1b]0;owned\x07\r\nyes: fake\x7f\x9b31m\u202e"

    def assert_clean(self, text):
        shown = [c for c in text if c != "\n" and (ord(c) < 0x20 or 0x7f <= ord(c) < 0xa0 or 0x202a <= ord(c) <= 0x202e)]
        self.assertEqual(shown, [], text)

    def test_names_that_write_to_a_terminal(self):
        server = game_servers.minecraft(self, description=self.NAME, version=self.NAME)
        for words in ([], ["--json"]):
            out, err = self.run_probe("minecraft", f"127.0.0.1:{server.port}", *words)
            self.assert_clean(out + err)
            self.assertNotIn("\nyes: fake", out)
        server = game_servers.a2s(self, name="\x1b[2J\udcff\udcfe", world="\x1b[31m")
        for words in ([], ["--json"]):
            out, err = self.run_probe("a2s", f"127.0.0.1:{server.port}", *words)
            self.assert_clean(out + err)

    def test_a_giant_name(self):
        server = game_servers.minecraft(self, description="x" * 30000, version="y" * 300)
        out = self.text("minecraft", f"127.0.0.1:{server.port}")
        self.assertLess(len(out), 2000)
        self.assertIn("players 2 of 20", out)

    def test_counts_that_lie(self):
        for players, capacity in ((255, 0), (200, 16)):
            server = game_servers.a2s(self, players=players, capacity=capacity)
            out = self.text("a2s", f"127.0.0.1:{server.port}")
            self.assertTrue(out.startswith("yes: "), out)

    def test_an_endless_answer(self):
        def talk(connection):
            while True:
                connection.sendall(b"\xff" * 65536)
        server = game_servers.Stream(self, talk)
        text = self.text("minecraft", f"127.0.0.1:{server.port}", "--timeout", "500ms", status=1)
        self.assertLess(len(text), 2000)


if __name__ == "__main__":
    unittest.main()
