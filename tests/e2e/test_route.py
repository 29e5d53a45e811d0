"""Placement: which server for which player, over HTTP and as a command, while the fleet changes."""
import json
import signal
import subprocess

from harness import BINARY, environment, wait_until
from test_observer import Fleet


class Route(Fleet):
    def setUp(self):
        super().setUp()
        self.observers = [self.observer(name).start() for name in ("o", "p")]
        for number in range(8):
            self.put("world", f"w{number}", players=number % 3, capacity=10, zone="kr-a" if number < 4 else "kr-b", region="kr")
        self.wait_for(8)

    def wait_for(self, ready):
        for observer in self.observers:
            wait_until(lambda: len(self.ids(observer, "?type=world&status=ready")) == ready, f"{ready} ready")

    def route(self, query, observer=None, status=200):
        got, _, body = self.get(observer or self.observers[0], f"/api/route/world?{query}")
        self.assertEqual(got, status, body)
        return body

    def places(self, observer, count=200):
        return {f"p{i}": self.route(f"player=p{i}", observer)["service"]["id"] for i in range(count)}

    def command(self, *words):
        return subprocess.run([str(BINARY), "route", "--agent", self.observers[0].config["http"]["listen"], *words],
                              capture_output=True, text=True, env=environment(NO_COLOR="1"), timeout=30)

    def test_observers_agree_and_only_the_keys_of_a_drained_server_move(self):
        before = [self.places(observer) for observer in self.observers]
        self.assertEqual(before[0], before[1])
        self.assertGreaterEqual(len(set(before[0].values())), 7)
        self.put("world", "w3", status="draining", players=3, capacity=10, zone="kr-a", region="kr")
        self.wait_for(7)
        after = [self.places(observer) for observer in self.observers]
        self.assertEqual(after[0], after[1])
        moved = {player for player in before[0] if before[0][player] != after[0][player]}
        self.assertEqual(moved, {player for player, server in before[0].items() if server == "w3"})
        # An observer that starts now reads the fleet instead of following it, and answers alike.
        self.observers[1].stop()
        self.observers[1].start()
        self.wait_for(7)
        self.assertEqual(self.places(self.observers[1]), after[0])
        self.put("world", "w3", players=3, capacity=10, zone="kr-a", region="kr")
        self.wait_for(8)
        self.assertEqual(self.places(self.observers[0]), before[0])

    def test_a_crowd_at_once_spreads(self):
        """Sixteen lobbies ask in the same second; the records show none of the players yet."""
        chosen = [self.route("strategy=least_connections")["service"]["id"] for _ in range(16)]
        self.assertGreaterEqual(len(set(chosen)), 4, chosen)

    def test_a_sidecar_and_its_server(self):
        """The server is chosen while it is ready, and not while it is drained. Its weight is in the record."""
        agent = self.agent("a")
        agent.write(server={**agent.config["server"], "group": "mine", "weight": 3})
        agent.start()
        observer = self.observers[0]
        wait_until(lambda: self.ids(observer, "?group=mine&status=ready") == ["w1"], "the sidecar's record")
        chosen = self.route("key=a&group=mine")
        self.assertEqual((chosen["service"]["id"], chosen["service"]["weight"], chosen["candidates"]), ("w1", 3, 1))
        self.assertEqual(agent.run("drain").returncode, 0)
        wait_until(lambda: self.ids(observer, "?group=mine&status=draining") == ["w1"], "the drain")
        refused = self.route("key=a&group=mine", status=503)
        self.assertEqual(refused["error"]["code"], "no_candidate")
        self.assertEqual((refused["excluded"]["draining"], refused["excluded"]["filtered"]), (1, 7))
        self.assertEqual(agent.run("undrain").returncode, 0)
        wait_until(lambda: self.ids(observer, "?group=mine&status=ready") == ["w1"], "the undrain")
        agent.write(server={**agent.config["server"], "weight": 0})
        agent.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.get(observer, "/api/route/world?key=a&group=mine")[0] == 503, "weight 0")
        self.assertEqual(self.route("key=a&group=mine", status=503)["excluded"]["weight"], 1)

    def test_the_command(self):
        done = self.command("world", "--player", "p1", "--near", "kr-b", "--count", "2")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("ring of zone kr-b, 8 candidates\n", done.stdout)
        self.assertEqual(len(done.stdout.splitlines()), 4, done.stdout)  # the head, two servers, the reason
        first = done.stdout.splitlines()[1]
        document = json.loads(self.command("world", "--player", "p1", "--near", "kr-b", "--json").stdout)
        self.assertIn(document["service"]["id"], first)
        done = self.command("world", "--seats", "11")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr, "outrider: no server of type world can take 11 more: 8 full\n")
        done = self.command("world", "--strategy", "best")
        self.assertEqual(done.returncode, 1)
        self.assertIn("`strategy` is consistent_hash, least_connections, round_robin or packed", done.stderr)
        self.assertEqual(self.command("World").returncode, 64)
        self.assertEqual(self.command().returncode, 64)
        self.assertEqual(self.command("world", "--key", "").returncode, 64)
